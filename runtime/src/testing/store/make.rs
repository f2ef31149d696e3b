//! Values for the suite.

use jiff::Timestamp;
use uuid::Uuid;

use crate::caller::Caller;
use crate::commit::{Answer, Append, ClaimChange, ClaimKind, Commit, KeptAnswer};
use crate::context::{Context, Meta};
use crate::event::{Json, NewEvent, StreamId};
use crate::log::{Body, CommandBody, Outgoing, ReplyTo};

pub(super) fn stream(id: &str) -> StreamId {
    StreamId::new("test.Thing", id)
}

pub(super) fn meta() -> Meta {
    let caller = Caller { subject: "ada".to_owned(), ..Caller::default() };
    Meta {
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        causation: None,
        principal: caller,
        tenant: String::new(),
    }
}

pub(super) fn event(context: &Context, data: &str) -> NewEvent {
    NewEvent {
        event_id: context.new_id(),
        event_type: "test.Thing.Happened".to_owned(),
        schema_version: 1,
        entered: None,
        private: false,
        data: data.to_owned(),
    }
}

pub(super) fn at() -> Timestamp {
    Timestamp::from_microsecond(1_767_225_600_123_456).unwrap()
}

/// Appends `count` events to a stream at `expected`.
pub(super) fn append(context: &Context, id: &str, expected: u64, count: usize) -> Commit {
    let events = (0..count).map(|number| event(context, &format!("{{\"number\":{number}}}"))).collect();
    Commit {
        appends: vec![Append { stream: stream(id), expected, events, at: at(), meta: meta() }],
        ..Commit::default()
    }
}

pub(super) fn answer(command_id: Uuid, saga: Option<Uuid>) -> KeptAnswer {
    let answer = Answer::Done { stream: "test.Thing/a".to_owned(), version: 1 };
    KeptAnswer { command_id, request_hash: "hash".to_owned(), saga, answer }
}

pub(super) fn claim(kind: ClaimKind, value: &str, id: &str) -> ClaimChange {
    ClaimChange { constraint: "test.Thing.email".to_owned(), value: value.to_owned(), stream: stream(id), kind }
}

pub(super) fn message(context: &Context, key: &str) -> Outgoing {
    let body = Body::Command(CommandBody {
        command: "other.Thing.Do".to_owned(),
        target: key.to_owned(),
        arguments: Json::new("{ \"spaces\" : \"kept\" }".to_owned()).unwrap(),
        reply_to: ReplyTo { topic: "test.inbox".to_owned(), receiver: "policy:test.P".to_owned() },
        saga: None,
        undoes: None,
    });
    Outgoing { id: context.new_id(), to: "other.inbox".to_owned(), key: key.to_owned(), body, meta: meta() }
}
