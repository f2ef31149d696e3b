//! The loop of a decision: load, decide, commit; and what to do when the commit says that the world is another.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::cache::{Loaded, SharedSlot, Trust};
use super::room::Step;
use super::{Beside, Engine, ExecuteError, Executed, TypedAggregate};
use crate::aggregate::Aggregate;
use crate::command::Decision;
use crate::commit::{Answer, Commit, CommitError, Committed, KeptAnswer};
use crate::context::Meta;
use crate::event::StreamId;
use crate::refusal::{Refusal, RefusalKind};

/// How often a command is decided before its refusal says that the aggregate is moved by others all the time. With the
/// pauses that is most of a second: another instance that writes the same aggregate without a break wins nearly every race
/// (it need not read again), so that few attempts in a row would only say who is faster.
const ATTEMPTS: u32 = 20;
/// The longest pause before the second attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
/// The longest pause of all.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What is to be decided, for whom, and what goes with the answer.
pub(super) struct Work<'a, A: Aggregate> {
    pub(super) command_id: Uuid,
    /// Empty: any request with this id is the same one.
    pub(super) request_hash: String,
    pub(super) saga: Option<Uuid>,
    pub(super) undoes: Option<Uuid>,
    pub(super) meta: &'a Meta,
    pub(super) id: &'a A::Id,
    pub(super) stream: &'a StreamId,
    pub(super) beside: &'a Beside<'a>,
}

/// One attempt to decide, on one state.
#[async_trait]
pub(super) trait Attempt<A: Aggregate>: Send + Sync {
    /// Whether it is to make the aggregate.
    fn creates(&self) -> bool {
        false
    }

    async fn decide(
        &self,
        engine: &Engine,
        id: &A::Id,
        loaded: &Loaded<A>,
        now: Timestamp,
    ) -> Result<Outcome<A>, ExecuteError>;
}

/// What was decided.
pub(super) enum Outcome<A: Aggregate> {
    /// The events (none: `done`), the state after them, and `now` of the decision.
    Decided { events: Vec<A::Event>, state: Option<A>, now: Timestamp },
    /// A refusal.
    Refused(Refusal),
}

impl<A: Aggregate> Outcome<A> {
    pub(super) fn decided(decision: Decision<A>) -> Self {
        let now = decision.now();
        let (events, state) = decision.finish();
        Self::Decided { events, state, now }
    }
}

/// How an attempt ended.
enum Ended {
    Executed(Executed),
    /// The aggregate is not as it was decided on: again.
    Outdated,
    /// A unique value is taken: that is the answer, which has to be committed too.
    Taken(Refusal),
}

/// Decides, as often as it takes (but not for ever), and commits the answer.
pub(super) async fn run<A: Aggregate>(
    engine: &Engine,
    room: &TypedAggregate<A>,
    work: &Work<'_, A>,
    attempt: &dyn Attempt<A>,
) -> Result<Executed, ExecuteError> {
    let slot = room.cache.slot(work.stream.id());
    let mut taken = None;
    for number in 0..ATTEMPTS {
        if number > 0 {
            let longest = FIRST_PAUSE.saturating_mul(1 << number.min(16)).min(LONGEST_PAUSE);
            tokio::time::sleep(longest.mul_f64(engine.context.fraction())).await;
        }
        match once(engine, &slot, work, attempt, taken.take()).await? {
            Ended::Executed(executed) => return Ok(executed),
            Ended::Outdated => {}
            Ended::Taken(refusal) => taken = Some(refusal),
        }
    }
    let message = format!("`{}` was changed by others at each of {ATTEMPTS} attempts: try again", work.stream.as_str());
    without_keeping(engine, Answer::Refused(Refusal::new(RefusalKind::Conflict, message)), work.beside, false).await
}

async fn once<A: Aggregate>(
    engine: &Engine,
    slot: &SharedSlot<A>,
    work: &Work<'_, A>,
    attempt: &dyn Attempt<A>,
    taken: Option<Refusal>,
) -> Result<Ended, ExecuteError> {
    let tombstone = tombstone(engine, work).await?;
    let mut held = slot.lock().await;
    if attempt.creates() {
        held.presume_absent();
    }
    let before = Arc::clone(held.load(engine, work.stream, work.id).await?);
    let (generation, unconfirmed) = (held.generation, held.unconfirmed());
    let outcome = match taken {
        Some(refusal) => Outcome::Refused(refusal),
        None => attempt.decide(engine, work.id, &before, engine.context.now()).await?,
    };
    let Decided { mut commit, answer, after } = decided(engine, work, &before, outcome)?;
    commit.after.extend(unconfirmed.map(|newest| (work.stream.clone(), newest)));
    commit.answers.push(kept(work, answer.clone()));
    commit.answers.extend(tombstone);
    commit.merge((work.beside)(&answer));

    let mut writing = engine.store.write(vec![commit]);
    // The first poll puts it into the store's queue, in the order of the decisions.
    let at_once = futures_util::poll!(&mut writing);
    if let Some(after) = &after {
        held.head = Arc::clone(after);
    }
    drop(held);
    let mut results = match at_once {
        Poll::Ready(results) => results,
        Poll::Pending => writing.await,
    };
    let gone = || Err(CommitError::Unknown("the store gave no result".to_owned()));
    match results.pop().unwrap_or_else(gone) {
        Ok(committed) => {
            // Only if nobody else is at it: what is not confirmed now is with the next answer.
            if let (Some(after), Ok(mut held)) = (&after, slot.try_lock()) {
                held.confirm(generation, Arc::clone(after));
            }
            if let Some(after) = after {
                engine.snapshot_after(before.version, work.stream, after);
            }
            let pos = committed.positions.last().copied();
            Ok(Ended::Executed(Executed { answer, pos, replayed: false }))
        }
        Err(error) => {
            let doubted = matches!(error, CommitError::Conflict { .. } | CommitError::Unknown(_));
            slot.lock().await.distrust(generation, if doubted { Trust::Doubted } else { Trust::Stale });
            settle(engine, work, error).await
        }
    }
}

/// A decision as a commit.
struct Decided<A> {
    commit: Commit,
    answer: Answer,
    /// How the aggregate stands once it is written, where it grows.
    after: Option<Arc<Loaded<A>>>,
}

fn decided<A: Aggregate>(
    engine: &Engine,
    work: &Work<'_, A>,
    before: &Loaded<A>,
    outcome: Outcome<A>,
) -> Result<Decided<A>, ExecuteError> {
    let (stream, id, meta) = (work.stream, work.id, work.meta);
    let done = |version| Answer::Done { stream: stream.as_str().to_owned(), version };
    // What is answered without events says on which version.
    let checked = || Commit { checks: vec![(stream.clone(), before.version)], ..Commit::default() };
    Ok(match outcome {
        Outcome::Decided { events, state, now } if !events.is_empty() => {
            let step = Step { id, stream, before, events: &events, after: state, now, meta };
            let (commit, after) = step.commit(engine)?;
            Decided { commit, answer: done(after.version), after: Some(Arc::new(after)) }
        }
        Outcome::Decided { .. } => Decided { commit: checked(), answer: done(before.version), after: None },
        Outcome::Refused(refusal) => Decided { commit: checked(), answer: Answer::Refused(refusal), after: None },
    })
}

/// What a failed commit means for the command.
async fn settle<A: Aggregate>(engine: &Engine, work: &Work<'_, A>, error: CommitError) -> Result<Ended, ExecuteError> {
    match error {
        CommitError::Conflict { .. } => Ok(Ended::Outdated),
        CommitError::NotUnique { constraint } => Ok(Ended::Taken(not_unique(&constraint))),
        CommitError::Answered(known) if known.command_id == work.command_id => {
            answered(engine, work, *known).await.map(Ended::Executed)
        }
        // The command to be undone has come in the meantime: no tombstone then.
        CommitError::Answered(_) => Ok(Ended::Outdated),
        CommitError::Unknown(why) => match engine.store.answer(work.command_id).await {
            Ok(Some(known)) => answered(engine, work, known).await.map(Ended::Executed),
            Ok(None) => Ok(Ended::Outdated),
            Err(_) => Err(ExecuteError::Unavailable(why)),
        },
        CommitError::PositionMoved { .. } => Err(ExecuteError::PositionMoved),
        CommitError::Overloaded => Err(ExecuteError::Overloaded),
        CommitError::Unavailable(why) => Err(ExecuteError::Unavailable(why)),
        CommitError::Invalid(why) => Err(ExecuteError::Broken(why)),
    }
}

/// The command was answered before: the same answer again, with what goes beside it.
async fn answered<A: Aggregate>(
    engine: &Engine,
    work: &Work<'_, A>,
    known: KeptAnswer,
) -> Result<Executed, ExecuteError> {
    let same = known.request_hash.is_empty() || known.request_hash == work.request_hash;
    let answer = if same { known.answer } else { Answer::Refused(key_reused()) };
    without_keeping(engine, answer, work.beside, same).await
}

/// Gives an answer that is not kept (it is already, or must not be), with what goes beside it.
pub(super) async fn without_keeping(
    engine: &Engine,
    answer: Answer,
    beside: &Beside<'_>,
    replayed: bool,
) -> Result<Executed, ExecuteError> {
    let commit = beside(&answer);
    if commit.is_empty() {
        return Ok(Executed { answer, pos: None, replayed });
    }
    match write(engine, commit).await {
        Ok(_) => Ok(Executed { answer, pos: None, replayed }),
        Err(CommitError::PositionMoved { .. }) => Err(ExecuteError::PositionMoved),
        Err(CommitError::Overloaded) => Err(ExecuteError::Overloaded),
        Err(CommitError::Invalid(why)) => Err(ExecuteError::Broken(why)),
        Err(other) => Err(ExecuteError::Unavailable(other.to_string())),
    }
}

async fn write(engine: &Engine, commit: Commit) -> Result<Committed, CommitError> {
    let gone = || Err(CommitError::Unknown("the store gave no result".to_owned()));
    engine.store.write(vec![commit]).await.pop().unwrap_or_else(gone)
}

fn kept<A: Aggregate>(work: &Work<'_, A>, answer: Answer) -> KeptAnswer {
    KeptAnswer { command_id: work.command_id, request_hash: work.request_hash.clone(), saga: work.saga, answer }
}

/// Where this is an undo that came before its `do`: the answer that the late `do` will get.
async fn tombstone<A: Aggregate>(engine: &Engine, work: &Work<'_, A>) -> Result<Option<KeptAnswer>, ExecuteError> {
    let Some(undone) = work.undoes else { return Ok(None) };
    if engine.store.answer(undone).await?.is_some() {
        return Ok(None);
    }
    let refusal = Refusal::new(RefusalKind::Undone, "it was undone before it came");
    let answer = Answer::Refused(refusal);
    Ok(Some(KeptAnswer { command_id: undone, request_hash: String::new(), saga: work.saga, answer }))
}

fn not_unique(constraint: &str) -> Refusal {
    let field = constraint.rsplit('.').next().unwrap_or(constraint);
    Refusal::new(RefusalKind::NotUnique, format!("`{field}` is taken")).with("field", field)
}

fn key_reused() -> Refusal {
    Refusal::new(RefusalKind::KeyReused, "this id was used before for another request: use a new one")
}
