//! Consumers: each message has its effect once, because the consumer's position moves in the commit of the effect.
//!
//! A [`Handler`] says which messages it wants and what each one changes; the runner reads in order, checks signature and
//! fence, batches, commits, backs off, and parks what cannot be handled.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Body, HandlingError, Message, SourceKey};
use crate::commit::Commit;
use crate::context::Meta;
use crate::event::Recorded;

/// What a consumer does with the messages it is given: a view group, a policy, a saga, the inbox.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The consumer's name, under which its positions are kept: `view:Names+OrderList`, `policy:orders.Thank`, `inbox`.
    fn consumer(&self) -> &str;

    /// Where its messages come from.
    fn sources(&self) -> Vec<Source>;

    /// Where it begins when it has no position yet.
    fn start(&self) -> Start;

    /// Whether it has anything to do with the message. Others are passed over, and not held back by a parked key.
    fn wants(&self, delivery: &Delivery) -> bool;

    /// Says what the message changes, by adding to `effects`, or writes it itself (see [`Effects::alone`]).
    ///
    /// It may be called again for the same message (after a conflict, after [`HandlingError::CommitFirst`], after a crash):
    /// what it added to `effects` by then is thrown away. It reads the store as it stood before the batch; where an earlier
    /// message of the batch may have changed what it reads, [`Effects::touch`] says so.
    async fn handle(&self, delivery: &Delivery, effects: &mut Effects) -> Result<Handled, HandlingError>;
}

/// A source of messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The service's own events, private ones too, from its own store.
    Own,
    /// A topic: `catalog.events`, `orders.inbox`.
    Topic(String),
}

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first message: views, the inbox.
    First,
    /// At the end, as it is when the consumer is first started: policies and sagas, which must not act on all of history.
    Now,
}

/// How a message was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// What it changes stands in the effects (perhaps nothing): the runner writes it.
    InEffects,
    /// The handler has written it, with the commit that [`Effects::alone`] gave in the same commit.
    Committed,
}

/// A message as it reaches a handler.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where it came from.
    pub source: SourceKey,
    /// Its position in its source.
    pub pos: u64,
    /// What it says.
    pub content: Content,
}

/// What a delivered message says.
#[derive(Clone, Debug)]
pub enum Content {
    /// An event, own or foreign.
    Event(Recorded),
    /// A command, a reply, or the end of a saga; its signature is verified. Never [`Body::Event`].
    Message(Box<Message>),
}

impl Delivery {
    /// The event, if it is one.
    pub fn event(&self) -> Option<&Recorded> {
        match &self.content {
            Content::Event(event) => Some(event),
            Content::Message(_) => None,
        }
    }

    /// The message, if it is no event.
    pub fn message(&self) -> Option<&Message> {
        match &self.content {
            Content::Event(_) => None,
            Content::Message(message) => Some(message),
        }
    }

    /// Messages of one key keep their order: the stream of an event, the key of a message.
    pub fn key(&self) -> &str {
        match &self.content {
            Content::Event(event) => event.stream.as_str(),
            Content::Message(message) => &message.key,
        }
    }

    /// What it carries with it.
    pub fn meta(&self) -> &Meta {
        match &self.content {
            Content::Event(event) => &event.meta,
            Content::Message(message) => &message.meta,
        }
    }

    /// A message of a topic as a delivery.
    pub fn from_message(message: Box<Message>) -> Self {
        let source =
            SourceKey { topic: message.topic.clone(), source: message.source.clone(), partition: message.partition };
        let pos = message.pos;
        let content = match &message.body {
            Body::Event(body) => Content::Event(Recorded {
                pos,
                stream: crate::event::StreamId::from_stored(&body.stream),
                version: body.version,
                event_id: message.id,
                event_type: body.event_type.clone(),
                schema_version: body.schema_version,
                entered: body.entered.clone(),
                private: false,
                data: body.data.as_str().to_owned(),
                meta: message.meta.clone(),
                at: message.time,
            }),
            _ => Content::Message(message),
        };
        Self { source, pos, content }
    }

    /// An event of the service's own.
    pub fn own(service: &str, event: Recorded) -> Self {
        Self { source: SourceKey::own(service), pos: event.pos, content: Content::Event(event) }
    }
}

/// What a batch of messages changes so far: one [`Commit`] in the making, to which the runner adds the position's move.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is written when the batch ends. Handlers add to it, in order; they take nothing out.
    pub commit: Commit,
    /// What must stand in the commit of this message's effect: the position's move, or the removal of the parked message.
    settlement: Commit,
    /// What earlier messages of this batch touched.
    earlier: BTreeSet<String>,
    /// What this message touched.
    touched: BTreeSet<String>,
}

impl Effects {
    /// For a handler that writes by itself: what it must merge into its own commit. [`HandlingError::CommitFirst`] (to be
    /// passed on by `?`) where earlier messages of the batch have effects that are not written yet.
    pub fn alone(&self) -> Result<Commit, HandlingError> {
        if self.is_empty() { Ok(self.settlement.clone()) } else { Err(HandlingError::CommitFirst) }
    }

    /// Notes that this message reads and changes `what` (a saga's id, a stream). [`HandlingError::CommitFirst`] (to be passed on
    /// by `?`) where an earlier message of the batch did: the store does not show its changes yet.
    pub fn touch(&mut self, what: &str) -> Result<(), HandlingError> {
        if self.earlier.contains(what) {
            return Err(HandlingError::CommitFirst);
        }
        self.touched.insert(what.to_owned());
        Ok(())
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.commit.is_empty()
    }
}
