//! Durable timers of lifecycle states. Firing is a command whose id derives from stream, entry and name: refused when that
//! entry is over, cleared in the same commit.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cache::Loaded;
use super::decide::{Attempt, Outcome, Work, run};
use super::{Engine, ExecuteError, Executed, TypedAggregate};
use crate::aggregate::Aggregate;
use crate::command::Decision;
use crate::commit::{Answer, Commit, Timer, TimerChange};
use crate::context::{Meta, derived_id};
use crate::event::StreamId;
use crate::refusal::{Refusal, RefusalKind};

/// What the store keeps of a timer of an aggregate's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payload {
    /// The aggregate's stream.
    #[serde(rename = "timer_of")]
    pub stream: String,
    /// The version that entered the state.
    pub entry: u64,
    /// The timer's name.
    pub name: String,
    /// What the command that entered the state carried with it.
    pub meta: Meta,
}

impl Payload {
    /// Reads it back; none where the timer is another's (a saga's).
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A timer's id, which is also the id of the command that it fires as.
pub(super) fn id(stream: &StreamId, entry: u64, name: &str) -> Uuid {
    derived_id(&["timer", stream.as_str(), &entry.to_string(), name])
}

/// Sets a timer of the state that version `entry` entered.
pub(super) fn set(stream: &StreamId, entry: u64, name: &str, due: Timestamp, meta: &Meta) -> TimerChange {
    let payload = Payload { stream: stream.as_str().to_owned(), entry, name: name.to_owned(), meta: meta.clone() };
    let payload = serde_json::to_string(&payload).unwrap_or_default();
    TimerChange::Set(Timer { id: id(stream, entry, name), due, payload })
}

/// A timer being fired.
struct Firing<'a> {
    payload: &'a Payload,
    meta: &'a Meta,
}

#[async_trait]
impl<A: Aggregate> Attempt<A> for Firing<'_> {
    async fn decide(
        &self,
        engine: &Engine,
        id: &A::Id,
        loaded: &Loaded<A>,
        now: Timestamp,
    ) -> Result<Outcome<A>, ExecuteError> {
        let name = &self.payload.name;
        let (Some(entered), Some(state)) =
            (loaded.entered.filter(|it| it.version == self.payload.entry), &loaded.state)
        else {
            let message = format!("the state that timer `{name}` belongs to was left");
            return Ok(Outcome::Refused(Refusal::new(RefusalKind::WrongState, message)));
        };
        let caller = self.meta.principal.clone();
        let mut decision = Decision::new(id.clone(), loaded.state.clone(), caller, now, engine.context.clone());
        let timer = state.timers(entered.at).into_iter().find(|it| it.name == name);
        let fired = match timer {
            Some(timer) => (timer.fire)(&mut decision),
            None => Err(Refusal::undefined("timer", name)),
        };
        match fired {
            Ok(()) => Ok(Outcome::decided(decision)),
            Err(refusal) => {
                tracing::warn!(stream = self.payload.stream, timer = name, %refusal, "a timer was refused");
                Ok(Outcome::Refused(refusal))
            }
        }
    }
}

/// Fires a timer of an `A`.
pub(super) async fn fire<A: Aggregate>(
    engine: &Engine,
    room: &TypedAggregate<A>,
    timer: Uuid,
    payload: &Payload,
) -> Result<Executed, ExecuteError> {
    let stream = StreamId::from_stored(&payload.stream);
    let Ok(id) = stream.id().parse::<A::Id>() else {
        return Err(ExecuteError::Broken(format!("a timer of `{}`, which is no id", payload.stream)));
    };
    let meta = payload.meta.caused_by(timer);
    let work = Work {
        command_id: timer,
        request_hash: String::new(),
        saga: None,
        undoes: None,
        meta: &meta,
        id: &id,
        stream: &stream,
        beside: &|_: &Answer| Commit { timers: vec![TimerChange::Clear(timer)], ..Commit::default() },
    };
    run(engine, room, &work, &Firing { payload, meta: &meta }).await
}
