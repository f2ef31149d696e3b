//! What a saga does next: a pure function of where it stands, its definition and the time.
//!
//! Steps run in order, the branches of one side by side. A refusal before or at the pivot undoes everything that was done
//! or may have been, newest step first, each undo acknowledged; then `failed` runs, then it ends. Silence is *unknown*,
//! never *refused*: it is asked for again under the same id; what can be undone is undone when the tries are used up, the
//! pivot is stuck after [`PIVOT_PATIENCE`], all after it is asked for until it succeeds. What cannot go on is stuck.
//!
//! A port call that got no answer is simply made again. A command is not lost, it waits in a durable log: it is sent again
//! after waits that double, or participants that are slow would get the more to do the slower they are.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::action_of;
use super::log::{Entry, Part, Silence, Slot};
use super::progress::{Asked, Progress, State};
use crate::refusal::{Refusal, RefusalKind};
use crate::saga::{Action, Retry, StepDef, StepKind};

/// How long the pivot is asked for while its outcome is unknown.
pub const PIVOT_PATIENCE: Duration = Duration::from_secs(600);
/// How long the answer to a command that was sent again is waited for at most.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A running saga's definition, with what it knows bound: what the machine asks of it.
pub trait Plan: Send + Sync {
    /// The steps, in order.
    fn steps(&self) -> &[StepDef];
    /// How many branches a step has. Asked for steps reached only, as all below.
    ///
    /// # Errors
    /// A result out of range, here and below: it counts as refused.
    fn branches(&self, step: &str) -> Result<usize, Refusal>;
    /// What a step does.
    fn act(&self, step: &str, branch: usize) -> Result<Action, Refusal>;
    /// What takes it back.
    fn undo(&self, step: &str, branch: usize) -> Result<Option<Action>, Refusal>;
    /// What runs when all is undone.
    fn failed(&self, failure: &Refusal) -> Result<Vec<Action>, Refusal>;
}

/// What is to happen next.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Ask for it, for the first time or again.
    Send(Slot),
    /// The answer did not come in time.
    TimedOut(Slot),
    /// Undo everything.
    Compensate(Refusal),
    /// Stop until an operator decides.
    Stick(Slot, String),
    /// It ends: all is done.
    Complete,
    /// It ends: all is undone.
    End,
}

/// What is to happen next, and when to look again if nothing comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Next {
    /// All of these, now.
    pub moves: Vec<Move>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

impl Next {
    fn one(step: Move) -> Self {
        Self { moves: vec![step], wake: None }
    }

    fn push(&mut self, step: Move) {
        self.moves.push(step);
    }

    fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}

/// What is to happen next.
pub fn next(progress: &Progress, plan: &dyn Plan, now: Timestamp) -> Next {
    if progress.end.is_some() || progress.stuck.is_some() {
        return Next::default();
    }
    match &progress.failure {
        None => forward(progress, plan, now),
        Some(failure) => backward(progress, plan, failure, now),
    }
}

fn forward(progress: &Progress, plan: &dyn Plan, now: Timestamp) -> Next {
    for def in plan.steps() {
        let branches = match plan.branches(def.name) {
            Ok(branches) => branches,
            Err(refusal) if def.kind == StepKind::Retriable => {
                return Next::one(Move::Stick(Slot::act(def.name, 0), refusal.message));
            }
            Err(refusal) => return Next::one(Move::Compensate(refusal)),
        };
        let slots: Vec<Slot> = (0..branches).map(|branch| Slot::act(def.name, branch)).collect();
        if slots.iter().all(|slot| is_done(progress, slot)) {
            continue;
        }
        return forward_step(progress, plan, def, &slots, now);
    }
    Next::one(Move::Complete)
}

fn forward_step(progress: &Progress, plan: &dyn Plan, def: &StepDef, slots: &[Slot], now: Timestamp) -> Next {
    let failure = slots.iter().find_map(|slot| Some((slot, failure_of(progress, plan, def, slot, now)?)));
    if let Some((slot, failure)) = &failure {
        match def.kind {
            StepKind::Compensatable => return Next::one(Move::Compensate(failure.clone())),
            StepKind::Retriable => return Next::one(Move::Stick((*slot).clone(), failure.message.clone())),
            // A pivot of one branch has no others; of several, all must be known to have been refused.
            StepKind::Pivot => {
                if let Some(done) = slots.iter().find(|slot| is_done(progress, slot)) {
                    return Next::one(Move::Stick(
                        (*slot).clone(),
                        format!("refused, but `{done}` is done: {failure}"),
                    ));
                }
                let all_known = slots.iter().all(|slot| match progress.asked(slot) {
                    Some(asked) => asked.state.is_final(),
                    None => true,
                });
                if all_known {
                    return Next::one(Move::Compensate(failure.clone()));
                }
            }
        }
    }
    let mut next = Next::default();
    for slot in slots {
        // Of a pivot that was refused in part nothing new is begun.
        if failure.is_some() && progress.asked(slot).is_none() {
            continue;
        }
        let stuck = progress.asked(slot).and_then(|asked| reason_to_stick(asked, def.kind, now));
        match stuck {
            Some(why) => return Next::one(Move::Stick(slot.clone(), why)),
            None => ask(progress, slot, now, &mut next),
        }
    }
    next
}

/// Asks for something, waits for it, or asks again.
fn ask(progress: &Progress, slot: &Slot, now: Timestamp, next: &mut Next) {
    match progress.asked(slot).map(|asked| &asked.state) {
        None | Some(State::Again) => next.push(Move::Send(slot.clone())),
        Some(State::Waiting(deadline)) if *deadline <= now => next.push(Move::TimedOut(slot.clone())),
        Some(State::Waiting(deadline)) => next.wake_at(*deadline),
        Some(State::Silent { again_at, .. }) if *again_at <= now => next.push(Move::Send(slot.clone())),
        Some(State::Silent { again_at, .. }) => next.wake_at(*again_at),
        Some(State::Done(_) | State::Refused(_)) => {}
    }
}

/// Why what a step does has failed, if it has: refused, or, where it can be undone, silent too often or for too long.
fn failure_of(progress: &Progress, plan: &dyn Plan, def: &StepDef, slot: &Slot, now: Timestamp) -> Option<Refusal> {
    let Some(asked) = progress.asked(slot) else { return plan.act(&slot.step, slot.branch).err() };
    match &asked.state {
        State::Refused(refusal) => Some(refusal.clone()),
        State::Silent { silence, why, .. } if def.kind == StepKind::Compensatable => {
            let used_up = asked.tries >= def.retry.times.max(1) || now >= after(asked.since, patience(def));
            (used_up || *silence == Silence::Broken).then(|| no_answer(slot, why))
        }
        _ => None,
    }
}

/// How long a step that can be undone is tried: as long as all its tries take one after another.
fn patience(def: &StepDef) -> Duration {
    def.timeout.saturating_mul(def.retry.times.max(1))
}

/// The failure of a step that got no answer.
fn no_answer(slot: &Slot, why: &str) -> Refusal {
    let message = format!("step `{}` got no answer: {why}", slot.step);
    Refusal { error: "NoAnswer".to_owned(), ..Refusal::new(RefusalKind::Conflict, message) }
}

/// Why something goes no further by itself, though it was not refused.
fn reason_to_stick(asked: &Asked, kind: StepKind, now: Timestamp) -> Option<String> {
    let State::Silent { silence, why, .. } = &asked.state else { return None };
    if *silence == Silence::Broken {
        return Some(why.clone());
    }
    let patience = SignedDuration::try_from(PIVOT_PATIENCE).unwrap_or(SignedDuration::MAX);
    (kind == StepKind::Pivot && now.duration_since(asked.since) >= patience)
        .then(|| format!("the outcome is unknown after {} minutes: {why}", PIVOT_PATIENCE.as_secs() / 60))
}

fn backward(progress: &Progress, plan: &dyn Plan, failure: &Refusal, now: Timestamp) -> Next {
    for def in plan.steps().iter().rev() {
        let next = undo_step(progress, plan, def, now);
        if next != Next::default() {
            return next;
        }
    }
    let failed = match plan.failed(failure) {
        Ok(actions) => actions.len(),
        Err(refusal) => return Next::one(Move::Stick(Slot::failed(0), refusal.message)),
    };
    for index in 0..failed {
        let slot = Slot::failed(index);
        if is_done(progress, &slot) {
            continue;
        }
        return insist(progress, &slot, now);
    }
    Next::one(Move::End)
}

/// What is left to undo of a step; nothing where all of it is undone.
fn undo_step(progress: &Progress, plan: &dyn Plan, def: &StepDef, now: Timestamp) -> Next {
    let mut next = Next::default();
    for (slot, asked) in progress.slots().filter(|(slot, _)| slot.part == Part::Do && slot.step == def.name) {
        if !may_hold(asked) {
            continue;
        }
        // An undo may overtake a command: the participant then leaves a tombstone. A port knows no tombstones.
        if let (State::Waiting(deadline), Ok(Action::Call(_))) = (&asked.state, plan.act(&slot.step, slot.branch)) {
            if *deadline <= now {
                next.push(Move::TimedOut(slot.clone()));
            } else {
                next.wake_at(*deadline);
            }
            continue;
        }
        let undo = Slot::undo(&slot.step, slot.branch);
        match plan.undo(&slot.step, slot.branch) {
            _ if is_done(progress, &undo) => continue,
            Ok(None) => continue,
            Ok(Some(_)) => {}
            Err(refusal) => return Next::one(Move::Stick(undo, refusal.message)),
        }
        let Next { moves, wake } = insist(progress, &undo, now);
        if let [Move::Stick(..)] = moves.as_slice() {
            return Next { moves, wake };
        }
        next.moves.extend(moves);
        if let Some(at) = wake {
            next.wake_at(at);
        }
    }
    next
}

/// Whether what was asked for holds, or may hold, or may come to hold.
fn may_hold(asked: &Asked) -> bool {
    match &asked.state {
        State::Done(_) | State::Waiting(_) => true,
        State::Silent { .. } | State::Again => asked.may_have_happened,
        State::Refused(_) => false,
    }
}

/// Asks for what must succeed, until it does; stuck where it is refused.
fn insist(progress: &Progress, slot: &Slot, now: Timestamp) -> Next {
    let mut next = Next::default();
    if let Some(asked) = progress.asked(slot) {
        if let State::Refused(refusal) = &asked.state {
            return Next::one(Move::Stick(slot.clone(), refusal.message.clone()));
        }
        if let Some(why) = reason_to_stick(asked, StepKind::Retriable, now) {
            return Next::one(Move::Stick(slot.clone(), why));
        }
    }
    ask(progress, slot, now, &mut next);
    next
}

fn is_done(progress: &Progress, slot: &Slot) -> bool {
    progress.asked(slot).is_some_and(|asked| matches!(asked.state, State::Done(_)))
}

/// The entries that make the moves due at `now`, each applied to `progress`; and when to look again. `fraction` gives
/// numbers in `0.0..1.0` for the jitter of pauses.
pub fn advance(
    progress: &mut Progress,
    plan: &dyn Plan,
    saga: Uuid,
    now: Timestamp,
    fraction: &dyn Fn() -> f64,
) -> (Vec<Entry>, Option<Timestamp>) {
    let mut entries = Vec::new();
    loop {
        let next = next(progress, plan, now);
        if next.moves.is_empty() {
            return (entries, next.wake);
        }
        for step in next.moves {
            let entry = entry_of(progress, plan, saga, step, now, fraction);
            progress.apply(&entry);
            entries.push(entry);
        }
    }
}

fn entry_of(
    progress: &Progress,
    plan: &dyn Plan,
    saga: Uuid,
    step: Move,
    now: Timestamp,
    fraction: &dyn Fn() -> f64,
) -> Entry {
    match step {
        Move::Send(slot) => {
            let attempt = progress.asked(&slot).map_or(0, |asked| asked.attempt);
            let command = slot.command_id(saga, attempt);
            let deadline = deadline(progress, plan, &slot, now);
            Entry::Sent { slot, command, attempt, at: now, deadline }
        }
        Move::TimedOut(slot) => {
            let command = progress.asked(&slot).map_or(Uuid::nil(), |asked| asked.command);
            silence(progress, plan, command, Silence::Unknown, "no answer in time".to_owned(), now, fraction())
        }
        Move::Compensate(failure) => Entry::Compensating { failure },
        Move::Stick(slot, why) => Entry::Stuck { slot: Some(slot), why },
        Move::Complete => Entry::Completed,
        Move::End if progress.undo_skipped() => Entry::Settled,
        Move::End => Entry::Compensated,
    }
}

/// Until when the answer to what is asked for now is waited for.
fn deadline(progress: &Progress, plan: &dyn Plan, slot: &Slot, now: Timestamp) -> Timestamp {
    let def = def_of(plan, slot);
    let timeout = def.map_or(StepDef::DEFAULT_TIMEOUT, |def| def.timeout);
    let before = progress.asked(slot).filter(|asked| asked.state != State::Again);
    let (Some(asked), Ok(Some(Action::Send(_)))) = (before, action_of(plan, progress, slot)) else {
        return after(now, timeout);
    };
    let doubled = timeout.saturating_mul(2u32.saturating_pow(asked.tries.min(20)));
    let deadline = after(now, doubled.min(LONGEST_WAIT.max(timeout)));
    match def {
        Some(def) if slot.part == Part::Do && def.kind == StepKind::Compensatable => {
            deadline.min(after(asked.since, patience(def)))
        }
        _ => deadline,
    }
}

/// The entry that notes that `command` got no answer, with the pause before it is asked for again.
pub fn silence(
    progress: &Progress,
    plan: &dyn Plan,
    command: Uuid,
    silence: Silence,
    why: String,
    now: Timestamp,
    fraction: f64,
) -> Entry {
    let slot = progress.slot_of(command);
    let retry = slot.and_then(|slot| def_of(plan, slot)).map_or(Retry::DEFAULT, |def| def.retry);
    let tries = slot.and_then(|slot| progress.asked(slot)).map_or(1, |asked| asked.tries);
    Entry::Unanswered { command, silence, why, again_at: after(now, pause(retry, tries, fraction)) }
}

fn def_of<'p>(plan: &'p dyn Plan, slot: &Slot) -> Option<&'p StepDef> {
    plan.steps().iter().find(|def| def.name == slot.step && slot.part != Part::Failed)
}

/// The pause after the given number of tries: doubled each time, at most the longest, with jitter between half and all of it.
pub fn pause(retry: Retry, tries: u32, fraction: f64) -> Duration {
    let doubled = retry.first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1).min(20)));
    doubled.min(retry.longest).mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok()).unwrap_or(Timestamp::MAX)
}
