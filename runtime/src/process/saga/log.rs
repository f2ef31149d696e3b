//! A saga's log: a private stream in its service's own store, `saga:orders.Fulfilment/<id>`, one entry an event.
//!
//! Everything that a saga knows stands here; a crash at any moment loses nothing but what was not committed. Who may move
//! it is decided by the stream's version: of two who try, one is told of a conflict and reads again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::context::{Context, Meta, derived_id};
use crate::event::{DecodeError, Json, NewEvent, Recorded, StreamId};
use crate::refusal::Refusal;

/// What the streams of sagas begin with.
const STREAM_PREFIX: &str = "saga:";
/// What the event types of a saga's log begin with.
const TYPE_PREFIX: &str = "minos.saga.";

/// One of the things that a saga asks others to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The step's name; `failed` for what runs when all is undone.
    pub step: String,
    /// The branch of the step, from 0; of `failed`, the place of the action.
    pub branch: usize,
    /// Do, undo, or one of `failed`.
    pub part: Part,
}

/// Do, undo, or one of `failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What a step does.
    Do,
    /// What takes it back.
    Undo,
    /// What runs when all is undone.
    Failed,
}

impl Part {
    /// As it stands in ids.
    fn as_str(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
            Self::Failed => "failed",
        }
    }
}

impl Slot {
    /// What a step does.
    pub fn act(step: &str, branch: usize) -> Self {
        Self { step: step.to_owned(), branch, part: Part::Do }
    }

    /// What takes it back.
    pub fn undo(step: &str, branch: usize) -> Self {
        Self { step: step.to_owned(), branch, part: Part::Undo }
    }

    /// One of what runs when all is undone.
    pub fn failed(index: usize) -> Self {
        Self { step: "failed".to_owned(), branch: index, part: Part::Failed }
    }

    /// The id under which it is asked for: the same at each try, another one after an operator asked again for what had
    /// been refused.
    pub fn command_id(&self, saga: Uuid, attempt: u32) -> Uuid {
        let (branch, attempt) = (self.branch.to_string(), attempt.to_string());
        derived_id(&["saga", &saga.to_string(), &self.step, &branch, self.part.as_str(), &attempt])
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}].{}", self.step, self.branch, self.part.as_str())
    }
}

/// The event that started a saga, as its log keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its id.
    pub event_id: Uuid,
    /// Its stream.
    pub stream: String,
    /// Its version there.
    pub version: u64,
    /// Its position in its service's store.
    pub pos: u64,
    /// Its wire name.
    pub event_type: String,
    /// The version of its schema.
    pub schema_version: u32,
    /// The lifecycle state that it entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<String>,
    /// Its payload.
    pub data: Json,
    /// What it carried with it.
    pub meta: Meta,
    /// When it was recorded.
    pub at: Timestamp,
}

impl Trigger {
    /// What is kept of an event; fails where its payload is no JSON.
    pub fn of(event: &Recorded) -> Result<Self, DecodeError> {
        let data = Json::new(event.data.clone())
            .map_err(|source| DecodeError::Payload { event_type: event.event_type.clone(), source })?;
        Ok(Self {
            event_id: event.event_id,
            stream: event.stream.as_str().to_owned(),
            version: event.version,
            pos: event.pos,
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            entered: event.entered.clone(),
            data,
            meta: event.meta.clone(),
            at: event.at,
        })
    }

    /// The event again.
    pub fn event(&self) -> Recorded {
        Recorded {
            pos: self.pos,
            stream: StreamId::from_stored(&self.stream),
            version: self.version,
            event_id: self.event_id,
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            entered: self.entered.clone(),
            private: false,
            data: self.data.as_str().to_owned(),
            meta: self.meta.clone(),
            at: self.at,
        }
    }
}

/// How something that was asked for ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds; the result of a port call, JSON.
    Done(Option<Json>),
    /// It was refused: final.
    Refused(Refusal),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// It may have happened, or may still happen.
    Unknown,
    /// It certainly did not happen, and may work later.
    Unavailable,
    /// Asking the same again is pointless until somebody mends something; it may have happened.
    Broken,
}

/// What an operator decides about a stuck saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Ask again: under the same id where the outcome is unknown, under a new one where it was refused.
    Retry,
    /// It counts as done, on the operator's word; with the result that later steps may need.
    Skip(Option<Json>),
    /// It counts as refused, on the operator's word: everything is undone.
    Force,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// It began.
    Started {
        /// With this event.
        trigger: Box<Trigger>,
        /// A hash of the definition: it is moved by this one alone.
        definition: String,
    },
    /// Something was asked for.
    Sent {
        /// What.
        slot: Slot,
        /// Under which id.
        command: Uuid,
        /// The operator's attempts so far: part of the id.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// Until when an answer is waited for.
        deadline: Timestamp,
    },
    /// It was answered.
    Answered {
        /// The id that was asked under.
        command: Uuid,
        /// How it ended.
        outcome: Outcome,
    },
    /// There is no answer.
    Unanswered {
        /// The id that was asked under.
        command: Uuid,
        /// What that means.
        silence: Silence,
        /// For people.
        why: String,
        /// When it may be asked for again.
        again_at: Timestamp,
    },
    /// From here on everything is undone.
    Compensating {
        /// Because of this.
        failure: Refusal,
    },
    /// It goes no further by itself.
    Stuck {
        /// At what; absent where its definition is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// Why.
        why: String,
    },
    /// An operator has decided.
    Decided {
        /// What.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// Who.
        by: String,
        /// The definition that moves it from here on, where it was stuck for want of the one it began with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        definition: Option<String>,
    },
    /// It ended: everything is done.
    Completed,
    /// It ended: everything that was done is undone, and `failed` has run.
    Compensated,
    /// It ended as [`Entry::Compensated`], but for an undo that an operator skipped.
    Settled,
}

impl Entry {
    /// The wire name of its event type.
    fn event_type(&self) -> String {
        let name = match self {
            Self::Started { .. } => "Started",
            Self::Sent { .. } => "Sent",
            Self::Answered { .. } => "Answered",
            Self::Unanswered { .. } => "Unanswered",
            Self::Compensating { .. } => "Compensating",
            Self::Stuck { .. } => "Stuck",
            Self::Decided { .. } => "Decided",
            Self::Completed => "Completed",
            Self::Compensated => "Compensated",
            Self::Settled => "Settled",
        };
        format!("{TYPE_PREFIX}{name}")
    }

    /// As an event of the saga's stream.
    pub fn to_event(&self, context: &Context) -> Result<NewEvent, serde_json::Error> {
        Ok(NewEvent {
            event_id: context.new_id(),
            event_type: self.event_type(),
            schema_version: 1,
            entered: None,
            private: true,
            data: serde_json::to_string(self)?,
        })
    }

    /// Back from an event of the saga's stream.
    pub fn from_event(event: &Recorded) -> Result<Self, DecodeError> {
        if !event.event_type.starts_with(TYPE_PREFIX) {
            return Err(DecodeError::UnknownType(event.event_type.clone()));
        }
        serde_json::from_str(&event.data)
            .map_err(|source| DecodeError::Payload { event_type: event.event_type.clone(), source })
    }
}

/// The id of the saga `name` that an event starts: an event that comes twice starts it once.
pub fn saga_id(name: &str, trigger: Uuid) -> Uuid {
    derived_id(&["saga", name, &trigger.to_string()])
}

/// The stream of a saga's log; also the receiver of the replies to it.
pub fn saga_stream(name: &str, id: Uuid) -> StreamId {
    StreamId::new(&format!("{STREAM_PREFIX}{name}"), &id.to_string())
}

/// The saga's name and id, if the stream (or receiver) is a saga's.
pub fn parse_stream(stream: &str) -> Option<(&str, Uuid)> {
    let (name, id) = stream.strip_prefix(STREAM_PREFIX)?.split_once('/')?;
    Some((name, id.parse().ok()?))
}

/// The hash of a definition, 16 hex digits.
pub fn definition_hash(definition: &str) -> String {
    Sha256::digest(definition.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_asked_for_again_keeps_its_id_and_an_operators_attempt_gets_another() {
        let saga = Uuid::from_u128(7);
        let slot = Slot::act("stock", 1);
        assert_eq!(slot.command_id(saga, 0), slot.command_id(saga, 0));
        let others = [
            slot.command_id(saga, 1),
            Slot::undo("stock", 1).command_id(saga, 0),
            Slot::act("stock", 0).command_id(saga, 0),
        ];
        assert!(others.iter().all(|other| *other != slot.command_id(saga, 0)));
    }

    #[test]
    fn entries_survive_the_store() {
        let context = Context::system();
        let entries = [
            Entry::Answered {
                command: Uuid::from_u128(1),
                outcome: Outcome::Done(Json::new("{\"a\":1.50}".to_owned()).ok()),
            },
            Entry::Stuck { slot: Some(Slot::undo("credit", 0)), why: "refused".to_owned() },
            Entry::Completed,
        ];
        for entry in entries {
            let event = entry.to_event(&context).unwrap();
            let recorded = Recorded {
                pos: 1,
                stream: saga_stream("orders.Fulfilment", Uuid::from_u128(1)),
                version: 1,
                event_id: event.event_id,
                event_type: event.event_type,
                schema_version: 1,
                entered: None,
                private: true,
                data: event.data,
                meta: Meta::new(&context, crate::caller::Caller::anonymous()),
                at: context.now(),
            };
            assert_eq!(Entry::from_event(&recorded).unwrap(), entry);
        }
    }

    #[test]
    fn a_stream_names_its_saga() {
        let id = Uuid::from_u128(9);
        let stream = saga_stream("orders.Fulfilment", id);
        assert_eq!(parse_stream(stream.as_str()), Some(("orders.Fulfilment", id)));
        assert_eq!(parse_stream("orders.Order/1"), None);
    }
}
