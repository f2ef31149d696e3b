//! Messages between services: what travels, and the trait that an embedded log and Kafka implement.
//!
//! A service's store is the source of truth; the relay ([`relay`]) publishes what is committed, in order; consumers
//! ([`consumer`]) apply each message once, by keeping their position in the commit of its effect.
//!
//! Topics: `<subdomain>.events` carries the public events of one subdomain; `<subdomain>.inbox` the commands and replies that
//! are addressed to it. The key of a message is its stream (events), target stream (commands) or saga (replies).

pub(crate) mod backoff;
pub mod consumer;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;
mod partition;
pub mod relay;

pub use partition::partition_of;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

use crate::commit::Answer;
use crate::context::Meta;
use crate::event::{Json, Recorded};

/// The version of the envelope that this build writes; it reads this one and the one before.
pub const SPECVERSION: u32 = 1;

/// Where messages come from, as a consumer counts them: its own store, or one source service on one partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceKey {
    /// `own` for the service's own store; else the topic.
    pub topic: String,
    /// The service that wrote the messages.
    pub source: String,
    /// The partition; 0 in the embedded log.
    pub partition: u32,
}

impl SourceKey {
    /// The service's own events, read from its own store.
    pub fn own(service: &str) -> Self {
        Self { topic: "own".to_owned(), source: service.to_owned(), partition: 0 }
    }
}

/// How far a consumer has come with a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The source's position of the last message applied.
    pub pos: u64,
    /// The source's epoch that `pos` counts in.
    pub epoch: String,
    /// Where to read on in the log: the offset after that message.
    pub offset: u64,
}

/// A message about to be sent, as part of a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Its id: for a command, the command's id.
    pub id: Uuid,
    /// Whom it is for: a topic (`customers.inbox`), or `port:orders.Mailer` for this service's own port caller.
    pub to: String,
    /// Messages of one key keep their order.
    pub key: String,
    /// What it says.
    pub body: Body,
    /// What it carries with it.
    pub meta: Meta,
}

/// An outgoing message as it stands in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct SentMessage {
    /// Its position among the service's outgoing messages, from 1.
    pub pos: u64,
    /// The message.
    pub message: Outgoing,
    /// When it was written.
    pub at: Timestamp,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// An event.
    Event(EventBody),
    /// A command.
    Command(CommandBody),
    /// The answer of a command that asked for one.
    Reply(ReplyBody),
    /// A saga has ended: what was kept for it may be forgotten.
    Ended {
        /// Its id.
        saga: Uuid,
    },
    /// A port call of this service's own policies; never leaves it.
    Port(PortBody),
}

/// An event in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventBody {
    /// Its stream.
    pub stream: String,
    /// Its version there.
    pub version: u64,
    /// Its wire name.
    pub event_type: String,
    /// The version of its schema.
    pub schema_version: u32,
    /// The lifecycle state that it entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<String>,
    /// Its payload.
    pub data: Json,
}

/// A command in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandBody {
    /// Its wire name.
    pub command: String,
    /// The aggregate's id.
    pub target: String,
    /// Its arguments.
    pub arguments: Json,
    /// The topic that the answer goes to, and whom it is for there.
    pub reply_to: ReplyTo,
    /// The saga on whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saga: Option<Uuid>,
    /// It is the undo of the command with this id: leaves a tombstone where that one has not come; `NotFound` counts as done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Uuid>,
}

/// Where the answer of a command goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The topic: `orders.inbox`.
    pub topic: String,
    /// `saga:orders.Fulfilment/<id>` or `policy:orders.Thank`.
    pub receiver: String,
}

/// The answer of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplyBody {
    /// The command's id.
    pub command_id: Uuid,
    /// As it was asked for.
    pub receiver: String,
    /// The answer.
    pub answer: Answer,
    /// The command itself, where it was refused and a policy had sent it: the policy lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<CommandBody>>,
}

/// A port call that waits for this service's port caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortBody {
    /// The port's wire name.
    pub port: String,
    /// The operation.
    pub operation: String,
    /// Its arguments.
    pub arguments: Json,
    /// The policy that asks.
    pub asked_by: String,
}

/// A message in a log: the envelope (attributes of CloudEvents 1.0 in Minos' own names) and the body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The version of this envelope; N and N−1 are read.
    pub specversion: u32,
    /// Its id (event id, command id, or of its own).
    pub id: Uuid,
    /// The service that wrote it.
    pub source: String,
    /// The epoch of that service's database.
    pub epoch: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The key.
    pub key: String,
    /// Its position in its source (of events, or of outgoing messages).
    pub pos: u64,
    /// The position of the message before it from this source in this epoch on this partition of this topic; 0: the first.
    pub previous: u64,
    /// When it was recorded.
    pub time: Timestamp,
    /// What it carries with it.
    pub meta: Meta,
    /// What it says.
    pub body: Body,
    /// Signature over all of the above by the source's key; see [`crate::token`].
    #[serde(default)]
    pub signature: String,
}

impl Message {
    /// A message from the text that stands in a log.
    pub(crate) fn decode(raw: &str) -> Result<Box<Self>, Unreadable> {
        let why = match serde_json::from_str::<Self>(raw) {
            Ok(message) if message.specversion == SPECVERSION || message.specversion + 1 == SPECVERSION => {
                return Ok(Box::new(message));
            }
            Ok(Self { specversion, .. }) => {
                format!("its envelope has version {specversion}; this build reads up to {SPECVERSION}")
            }
            Err(error) => format!("it is no message: {error}"),
        };
        Err(Unreadable { why, raw: raw.to_owned() })
    }

    /// What a signature is made over: the JSON of the message with an empty signature, fields in the order of the struct.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let unsigned = Self { signature: String::new(), ..self.clone() };
        serde_json::to_vec(&unsigned).unwrap_or_default()
    }
}

/// Signs what a service publishes, so that no one who can write to the log can speak in its name.
pub trait MessageSigner: Send + Sync {
    /// The signature over [`Message::signed_bytes`].
    fn sign(&self, message: &Message) -> String;
}

/// Checks what others published.
pub trait MessageVerifier: Send + Sync {
    /// Whether [`Message::signature`] is [`Message::source`]'s own; else why not. Signatures do not expire.
    fn verify(&self, message: &Message) -> Result<(), String>;
}

/// A message read from a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The offset after it: where to read on.
    pub next_offset: u64,
    /// The message; or why it cannot be read (then it is parked, with the raw text).
    pub message: Result<Box<Message>, Unreadable>,
}

/// A message that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// Why.
    pub why: String,
    /// The text as it stands in the log.
    pub raw: String,
}

/// A log between services: the embedded one, or Kafka.
#[async_trait]
pub trait Log: Send + Sync {
    /// Makes sure that a topic is there.
    async fn create_topic(&self, topic: &str) -> Result<(), LogError>;
    /// How many partitions a topic has; fixed when it was made.
    async fn partitions(&self, topic: &str) -> Result<u32, LogError>;
    /// Appends in order; durable when it returns.
    ///
    /// What the log holds already (same source, epoch, topic, partition, pos) may be left out or stand in it again: a reader
    /// that drops what is not past the last position of its source and epoch sees each message once, in order. After an
    /// error any of the messages may be in the log, or come into it later; the caller begins again from its checkpoint.
    async fn publish(&self, messages: &[Message]) -> Result<(), LogError>;
    /// Up to `limit` messages of a partition from `offset` on. What stands there is given whatever `at_most` says; where
    /// nothing does, it waits so long for the first one.
    async fn read(
        &self,
        topic: &str,
        partition: u32,
        offset: u64,
        limit: usize,
        at_most: Duration,
    ) -> Result<Vec<Read>, LogError>;
    /// The offset after the newest message of a partition.
    async fn end(&self, topic: &str, partition: u32) -> Result<u64, LogError>;
    /// The position of the newest message of that source, in that epoch, which a partition holds (0: of none); `None` where the log
    /// cannot tell. By it a relay finds out that what it had published is lost.
    async fn newest_of(
        &self,
        _source: &str,
        _epoch: &str,
        _topic: &str,
        _partition: u32,
    ) -> Result<Option<u64>, LogError> {
        Ok(None)
    }
    /// Whether the log answers.
    async fn health(&self) -> Result<(), LogError>;
    /// Flushes and closes.
    async fn close(&self);
}

/// Why the log could not be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// It is away: try again.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// It ends before what was read of it already: what it held was lost.
    #[error("{0}")]
    Lost(String),
    /// What stands in it cannot be read, or it is not ours.
    #[error("{0}")]
    Refused(String),
}

/// Why a message could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum HandlingError {
    /// What it needs is away for now: tried again, with growing pauses.
    #[error("{0}")]
    Transient(String),
    /// It can never be handled by this build: parked with the later messages of its key.
    #[error("{0}")]
    Poison(String),
    /// The handler must see what was changed before in this batch: commit that first, then call again.
    #[error("what was changed before must be committed first")]
    CommitFirst,
}

impl HandlingError {
    /// An event came to a handler whose own list of events does not name it: never passed over in silence.
    pub fn not_followed(recorded: &Recorded) -> Self {
        Self::Poison(format!("`{}` came to a handler that does not follow it", recorded.event_type))
    }
}

impl From<crate::store::StoreError> for HandlingError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<crate::refusal::Refusal> for HandlingError {
    fn from(refusal: crate::refusal::Refusal) -> Self {
        Self::Poison(refusal.message)
    }
}

impl From<crate::event::DecodeError> for HandlingError {
    fn from(error: crate::event::DecodeError) -> Self {
        Self::Poison(error.to_string())
    }
}
