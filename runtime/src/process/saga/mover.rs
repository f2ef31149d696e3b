//! The mover: takes news to a saga, lets the machine say what comes next, and makes one commit of it: entries, messages,
//! the timer, the row of the index.
//!
//! Nothing that matters is remembered between two calls: whoever has news reads the log on from where he last read it, and of
//! two who move the same saga the store tells one of a conflict.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use super::index::SagaRow;
use super::log::{Entry, Outcome, Silence, Slot, Trigger, Verdict, parse_stream, saga_id, saga_stream};
use super::progress::{Progress, State};
use super::{AnySaga, Running, action_of, bind_all, machine};
use crate::commit::{Append, Commit, CommitError, Timer, TimerChange};
use crate::context::{Context, Meta, derived_id};
use crate::event::{DecodeError, Json, Recorded, StreamId};
use crate::log::{Body, CommandBody, Outgoing, PortBody, ReplyTo};
use crate::process::ProcessError;
use crate::process::timer::saga_timer;
use crate::saga::{Action, CommandCall};
use crate::store::Store;

/// How often a move is tried again after a conflict.
const CONFLICTS: usize = 20;
/// How many sagas are kept in memory at most.
const CACHED: usize = 10_000;

/// Moves the sagas of one service.
pub struct Mover {
    service: String,
    store: Arc<dyn Store>,
    context: Context,
    sagas: BTreeMap<&'static str, Arc<dyn AnySaga>>,
    cache: Cache,
}

/// Sagas as they were read last: what was added to their logs since is read when they are loaded again.
#[derive(Default)]
struct Cache(Mutex<HashMap<StreamId, Loaded>>);

impl Cache {
    fn get(&self, stream: &StreamId) -> Option<Loaded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    /// Keeps one that is under way; forgets one that has ended.
    fn put(&self, loaded: &Loaded) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.progress.end.is_some() {
            cached.remove(&loaded.stream);
            return;
        }
        if cached.len() >= CACHED {
            cached.clear();
        }
        cached.insert(loaded.stream.clone(), loaded.clone());
    }
}

/// A saga as its log tells it.
#[derive(Clone)]
pub struct Loaded {
    /// Its wire name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// The stream of its log.
    pub stream: StreamId,
    /// The version of its log.
    pub version: u64,
    /// What started it.
    pub trigger: Trigger,
    /// Where it stands.
    pub progress: Progress,
}

/// News for a saga.
#[derive(Clone, Debug)]
pub enum News {
    /// An answer to what was asked under that id.
    Answer(Uuid, Outcome),
    /// No answer to it.
    Silence(Uuid, Silence, String),
    /// An operator's decision about what it is stuck at.
    Verdict {
        /// What.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// The time has come that it asked to be looked at again: this one, by the store's clock.
    Wake(Timestamp),
}

impl Mover {
    /// A mover of these sagas.
    pub fn new(service: &str, store: Arc<dyn Store>, context: Context, sagas: &[Arc<dyn AnySaga>]) -> Self {
        let sagas = sagas.iter().map(|saga| (saga.name(), Arc::clone(saga))).collect();
        Self { service: service.to_owned(), store, context, sagas, cache: Cache::default() }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The sagas that it moves.
    pub fn sagas(&self) -> impl Iterator<Item = &Arc<dyn AnySaga>> {
        self.sagas.values()
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Whether this build has the definition that moves the saga.
    pub fn knows(&self, loaded: &Loaded) -> bool {
        self.sagas.get(loaded.name.as_str()).is_some_and(|saga| saga.definition() == loaded.progress.definition)
    }

    /// The port calls that a saga waits for.
    pub fn waiting_calls(&self, loaded: &Loaded) -> Result<Vec<(Uuid, PortBody, Meta)>, ProcessError> {
        let Some(running) = self.running(loaded)? else { return Ok(Vec::new()) };
        let mut calls = Vec::new();
        for (slot, asked) in loaded.progress.slots() {
            if !matches!(asked.state, State::Waiting(_)) {
                continue;
            }
            if let Some(Outgoing { body: Body::Port(body), meta, .. }) =
                self.outgoing(loaded, running.as_plan(), slot, asked.command)?
            {
                calls.push((asked.command, body, meta));
            }
        }
        Ok(calls)
    }

    /// Reads a saga's log; absent where there is none.
    pub async fn load(&self, stream: &StreamId) -> Result<Option<Loaded>, ProcessError> {
        let Some((name, id)) = parse_stream(stream.as_str()) else {
            return Err(ProcessError::NotFound(format!("`{}` is no saga", stream.as_str())));
        };
        let mut loaded = self.cache.get(stream);
        let version = loaded.as_ref().map_or(0, |loaded| loaded.version);
        for event in self.store.read_stream(stream, version).await? {
            let entry = Entry::from_event(&event)?;
            match (&mut loaded, &entry) {
                (Some(loaded), entry) => loaded.progress.apply(entry),
                (None, Entry::Started { trigger, .. }) => {
                    loaded = Some(Loaded {
                        name: name.to_owned(),
                        id,
                        stream: stream.clone(),
                        version: 0,
                        trigger: (**trigger).clone(),
                        progress: Progress::of([&entry]),
                    });
                }
                (None, _) => return Err(ProcessError::Corrupt(format!("`{}` has no beginning", stream.as_str()))),
            }
            if let Some(loaded) = &mut loaded {
                loaded.version = event.version;
            }
        }
        if let Some(loaded) = &loaded {
            self.cache.put(loaded);
        }
        Ok(loaded)
    }

    /// The commit that starts a saga; empty where that event has started it already.
    pub async fn start(&self, saga: &dyn AnySaga, event: &Recorded) -> Result<Commit, ProcessError> {
        let id = saga_id(saga.name(), event.event_id);
        let stream = saga_stream(saga.name(), id);
        if self.store.stream_version(&stream).await? > 0 {
            return Ok(Commit::default());
        }
        let trigger = Trigger::of(event)?;
        let started = Entry::Started { trigger: Box::new(trigger.clone()), definition: saga.definition() };
        let loaded = Loaded {
            name: saga.name().to_owned(),
            id,
            stream,
            version: 0,
            trigger,
            progress: Progress::of([&started]),
        };
        Ok(self.commit(loaded, vec![started], self.context.now())?.0)
    }

    /// The commit that takes in the news and moves on as far as it goes (empty where they change nothing), and the saga as it
    /// stands once that is written.
    pub fn take(&self, mut loaded: Loaded, news: News) -> Result<(Commit, Loaded), ProcessError> {
        let now = match &news {
            // The store's clock has said so: ours may be behind.
            News::Wake(due) => self.context.now().max(*due),
            _ => self.context.now(),
        };
        let entry = match news {
            News::Answer(command, outcome) => {
                if loaded.progress.unanswered(command).is_none() {
                    return Ok((Commit::default(), loaded));
                }
                Some(Entry::Answered { command, outcome })
            }
            News::Silence(command, silence, why) => {
                if !loaded.progress.is_waiting(command) {
                    return Ok((Commit::default(), loaded));
                }
                let running = self.running(&loaded)?;
                Some(match running.as_deref() {
                    Some(running) => {
                        let fraction = self.context.fraction();
                        machine::silence(&loaded.progress, running.as_plan(), command, silence, why, now, fraction)
                    }
                    None => Entry::Unanswered { command, silence, why, again_at: now },
                })
            }
            News::Verdict { verdict, reason, by } => Some(self.verdict(&loaded, verdict, reason, by)?),
            News::Wake(_) => None,
        };
        let entries: Vec<Entry> = entry.into_iter().inspect(|entry| loaded.progress.apply(entry)).collect();
        self.commit(loaded, entries, now)
    }

    /// Takes the news in and writes it; again where another moved the saga meanwhile.
    pub async fn tell(&self, stream: &StreamId, news: &News) -> Result<(), ProcessError> {
        for _ in 0..CONFLICTS {
            let Some(loaded) = self.load(stream).await? else {
                return Err(ProcessError::NotFound(format!("there is no saga `{}`", stream.as_str())));
            };
            let (commit, _) = self.take(loaded, news.clone())?;
            match self.write(commit).await {
                Err(ProcessError::Commit(CommitError::Conflict { .. })) => continue,
                done => return done,
            }
        }
        Err(ProcessError::Busy(stream.as_str().to_owned()))
    }

    async fn write(&self, commit: Commit) -> Result<(), ProcessError> {
        if commit.is_empty() {
            return Ok(());
        }
        match self.store.write(vec![commit]).await.pop() {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error.into()),
            None => Err(CommitError::Unavailable("the store gave no answer".to_owned()).into()),
        }
    }

    /// The saga with what it knows bound; absent where the definition that it began with is gone.
    fn running(&self, loaded: &Loaded) -> Result<Option<Box<dyn Running>>, DecodeError> {
        let known = self.sagas.get(loaded.name.as_str()).filter(|_| self.knows(loaded));
        let Some(saga) = known else { return Ok(None) };
        let mut running = saga.begin(&loaded.trigger.event())?;
        bind_all(&mut *running, &loaded.progress);
        Ok(Some(running))
    }

    fn verdict(&self, loaded: &Loaded, verdict: Verdict, reason: String, by: String) -> Result<Entry, ProcessError> {
        let refused = |why: &str| Err(ProcessError::Refused(why.to_owned()));
        let Some(stuck) = &loaded.progress.stuck else { return refused("the saga is not stuck") };
        let Some(slot) = &stuck.slot else {
            let Some(saga) = self.sagas.get(loaded.name.as_str()) else {
                return refused("this build does not know the saga any more");
            };
            let definition = match verdict {
                Verdict::Retry => None,
                Verdict::Force => Some(saga.definition()),
                Verdict::Skip(_) => {
                    return refused("there is no step to skip: retry, or force the new definition on it");
                }
            };
            return Ok(Entry::Decided { verdict, reason, by, definition });
        };
        if verdict == Verdict::Force && !self.may_be_forced(loaded, slot)? {
            return refused("only a step up to the pivot can be forced to count as refused");
        }
        Ok(Entry::Decided { verdict, reason, by, definition: None })
    }

    fn may_be_forced(&self, loaded: &Loaded, slot: &Slot) -> Result<bool, DecodeError> {
        let Some(running) = self.running(loaded)? else { return Ok(false) };
        let def = running.steps().iter().find(|def| def.name == slot.step);
        Ok(loaded.progress.failure.is_none() && def.is_some_and(|def| def.kind != crate::saga::StepKind::Retriable))
    }

    /// One commit of the entries, which are applied already, and of all that follows from them.
    fn commit(
        &self,
        mut loaded: Loaded,
        mut entries: Vec<Entry>,
        now: Timestamp,
    ) -> Result<(Commit, Loaded), ProcessError> {
        let mut commit = Commit::default();
        let mut wake = None;
        match self.running(&loaded)? {
            Some(running) => {
                let plan = running.as_plan();
                let fraction = || self.context.fraction();
                let (moved, at) = machine::advance(&mut loaded.progress, plan, loaded.id, now, &fraction);
                wake = at;
                for entry in &moved {
                    if let Entry::Sent { slot, command, .. } = entry {
                        commit.outgoing.extend(self.outgoing(&loaded, plan, slot, *command)?);
                    }
                }
                if loaded.progress.end.is_some() {
                    commit.outgoing.extend(self.ended(&loaded, plan));
                }
                entries.extend(moved);
            }
            None if loaded.progress.end.is_none() && loaded.progress.stuck.is_none() => {
                let why = "the definition that it began with is not the one of this build".to_owned();
                let stuck = Entry::Stuck { slot: None, why };
                loaded.progress.apply(&stuck);
                entries.push(stuck);
            }
            None => {}
        }
        commit.timers.push(saga_timer_change(&loaded.stream, wake));
        if !entries.is_empty() {
            let events = entries
                .iter()
                .map(|entry| entry.to_event(&self.context))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| ProcessError::Corrupt(error.to_string()))?;
            let version = loaded.version + events.len() as u64;
            let meta = self.meta(&loaded);
            commit.appends.push(Append {
                stream: loaded.stream.clone(),
                expected: loaded.version,
                events,
                at: now,
                meta,
            });
            commit.rows.push(row(&loaded, version, now).put());
            loaded.version = version;
        }
        Ok((commit, loaded))
    }

    fn meta(&self, loaded: &Loaded) -> Meta {
        loaded.trigger.meta.caused_by(loaded.trigger.event_id)
    }

    /// The message that asks for what a slot stands for.
    fn outgoing(
        &self,
        loaded: &Loaded,
        plan: &dyn machine::Plan,
        slot: &Slot,
        command: Uuid,
    ) -> Result<Option<Outgoing>, ProcessError> {
        let action = action_of(plan, &loaded.progress, slot)
            .map_err(|refusal| ProcessError::Corrupt(format!("`{slot}` was asked for, but {refusal}")))?;
        let Some(action) = action else { return Ok(None) };
        let receiver = loaded.stream.as_str().to_owned();
        let meta = self.meta(loaded);
        Ok(Some(match action {
            Action::Send(call) => {
                let undoes = (slot.part == super::log::Part::Undo)
                    .then(|| loaded.progress.asked(&Slot::act(&slot.step, slot.branch)).map(|asked| asked.command))
                    .flatten();
                Outgoing {
                    id: command,
                    to: format!("{}.inbox", call.subdomain),
                    key: key_of(loaded, plan, slot, &call),
                    body: Body::Command(CommandBody {
                        command: call.command.to_owned(),
                        target: call.id,
                        arguments: json(call.arguments)?,
                        reply_to: ReplyTo { topic: format!("{}.inbox", self.service), receiver },
                        saga: Some(loaded.id),
                        undoes,
                    }),
                    meta,
                }
            }
            Action::Call(call) => Outgoing {
                id: command,
                to: format!("port:{}", call.port),
                key: receiver.clone(),
                body: Body::Port(PortBody {
                    port: call.port.to_owned(),
                    operation: call.operation.to_owned(),
                    arguments: json(call.arguments)?,
                    asked_by: receiver,
                }),
                meta,
            },
        }))
    }

    /// Tells each participant that what it kept for the saga may be forgotten.
    fn ended(&self, loaded: &Loaded, plan: &dyn machine::Plan) -> Vec<Outgoing> {
        let participants: BTreeSet<&str> = loaded
            .progress
            .slots()
            .filter_map(|(slot, _)| match action_of(plan, &loaded.progress, slot).ok()?? {
                Action::Send(call) => Some(call.subdomain),
                Action::Call(_) => None,
            })
            .collect();
        participants
            .into_iter()
            .map(|subdomain| Outgoing {
                id: derived_id(&["saga", &loaded.id.to_string(), "ended", subdomain]),
                to: format!("{subdomain}.inbox"),
                key: loaded.stream.as_str().to_owned(),
                body: Body::Ended { saga: loaded.id },
                meta: self.meta(loaded),
            })
            .collect()
    }
}

/// The key of a step's command: its target. An undo goes behind what it undoes, whatever its own target: on one partition, so
/// that it finds the other's answer, or leaves the tombstone that the other finds.
fn key_of(loaded: &Loaded, plan: &dyn machine::Plan, slot: &Slot, call: &CommandCall) -> String {
    let key = |call: &CommandCall| format!("{}/{}", aggregate_of(call.command), call.id);
    if slot.part == super::log::Part::Undo {
        let undone = action_of(plan, &loaded.progress, &Slot::act(&slot.step, slot.branch));
        match undone {
            Ok(Some(Action::Send(undone))) if undone.subdomain == call.subdomain => return key(&undone),
            _ => {}
        }
    }
    key(call)
}

/// The aggregate's wire name in a command's.
pub(crate) fn aggregate_of(command: &str) -> &str {
    command.rsplit_once('.').map_or(command, |(aggregate, _)| aggregate)
}

/// Arguments as JSON.
pub(crate) fn json(text: String) -> Result<Json, ProcessError> {
    Json::new(text).map_err(|error| ProcessError::Corrupt(format!("arguments that are no JSON: {error}")))
}

fn saga_timer_change(stream: &StreamId, wake: Option<Timestamp>) -> TimerChange {
    let id = derived_id(&["saga-timer", stream.as_str()]);
    match wake {
        Some(due) => TimerChange::Set(Timer { id, due, payload: saga_timer(stream) }),
        None => TimerChange::Clear(id),
    }
}

fn row(loaded: &Loaded, version: u64, now: Timestamp) -> SagaRow {
    let progress = &loaded.progress;
    let at = progress.stuck.as_ref().and_then(|stuck| stuck.slot.as_ref()).or(progress.latest());
    let reason = match (&progress.stuck, &progress.failure) {
        (Some(stuck), _) => Some(stuck.why.clone()),
        (None, Some(failure)) => Some(failure.message.clone()),
        (None, None) => None,
    };
    SagaRow {
        id: loaded.id,
        saga: loaded.name.clone(),
        status: progress.status(),
        step: at.map(|slot| slot.step.clone()),
        since: now,
        reason,
        subject: loaded.trigger.stream.clone(),
        version,
    }
}
