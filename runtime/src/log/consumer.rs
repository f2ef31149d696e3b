//! Consumers: each message has its effect once, because the consumer's position moves in the commit of the effect.
//!
//! A [`Handler`] says which messages it wants and what each one changes; the runner reads in order, checks signature and
//! fence, batches, commits, backs off, and parks what cannot be handled.

mod attempts;
mod effects;
mod gaps;
mod inlet;
mod ledger;
mod parking;
mod pausing;
mod progress;
mod runner;
mod set;

use async_trait::async_trait;

use super::{Body, EventBody, HandlingError, Message, SourceKey};
use crate::context::Meta;
use crate::event::{Json, Recorded};

pub use effects::Effects;
pub use gaps::{Gap, WaitingGap};
pub use parking::{Parked, ParkedKind};
pub use pausing::Paused;
pub use progress::{Progress, State};
pub use set::{ConsumerStatus, Consumers, OperatorError, Parts};

/// What a consumer does with the messages it is given: a view group, a policy, a saga, the inbox.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The consumer's name, under which its positions are kept: `view:Names+OrderList`, `policy:orders.Thank`, `inbox`.
    fn consumer(&self) -> &str;

    /// Where its messages come from.
    fn sources(&self) -> Vec<Source>;

    /// Where it begins when it has no position yet.
    fn start(&self) -> Start;

    /// Whether all of its sources are to be handled by one instance of the service: what one message changes, another reads,
    /// whatever their sources. Else instances share its partitions.
    fn has_one_writer(&self) -> bool {
        false
    }

    /// Whether it has anything to do with the message. Others are passed over, and not held back by a parked key.
    fn wants(&self, delivery: &Delivery) -> bool;

    /// Says what the message changes, by adding to `effects`, has it done later (see [`Effects::later`]), or writes it itself
    /// (see [`Effects::alone`]).
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

impl Source {
    /// Its topic, as positions name it.
    pub(crate) fn topic(&self) -> &str {
        match self {
            Self::Own => "own",
            Self::Topic(topic) => topic,
        }
    }
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
    Event(Box<Recorded>),
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

    /// What a message's position is counted under.
    fn source_of(message: &Message) -> SourceKey {
        SourceKey { topic: message.topic.clone(), source: message.source.clone(), partition: message.partition }
    }

    /// A message of a topic as a delivery.
    pub fn from_message(message: Box<Message>) -> Self {
        let source =
            SourceKey { topic: message.topic.clone(), source: message.source.clone(), partition: message.partition };
        let pos = message.pos;
        let content = match &message.body {
            Body::Event(body) => Content::Event(Box::new(Recorded {
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
            })),
            _ => Content::Message(message),
        };
        Self { source, pos, content }
    }

    /// As a message again, to be kept: [`Delivery::from_message`] takes it back.
    fn to_message(&self, epoch: &str) -> Result<Message, serde_json::Error> {
        let event = match &self.content {
            Content::Message(message) => return Ok((**message).clone()),
            Content::Event(event) => event,
        };
        let body = Body::Event(EventBody {
            stream: event.stream.as_str().to_owned(),
            version: event.version,
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            entered: event.entered.clone(),
            data: Json::new(event.data.clone())?,
        });
        Ok(Message {
            specversion: super::SPECVERSION,
            id: event.event_id,
            source: self.source.source.clone(),
            epoch: epoch.to_owned(),
            topic: self.source.topic.clone(),
            partition: self.source.partition,
            key: event.stream.as_str().to_owned(),
            pos: self.pos,
            previous: 0,
            time: event.at,
            meta: event.meta.clone(),
            body,
            signature: String::new(),
        })
    }

    /// An event of the service's own.
    pub fn own(service: &str, event: Recorded) -> Self {
        Self { source: SourceKey::own(service), pos: event.pos, content: Content::Event(Box::new(event)) }
    }
}
