//! The store's one verb: a [`Commit`] holds everything that one decision changes, and is written whole or not at all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::context::Meta;
use crate::event::{NewEvent, StreamId};
use crate::log::{Outgoing, Position, SourceKey};
use crate::refusal::Refusal;
use crate::view::RowChange;

/// Everything that one decision changes, in one database, in one transaction. Empty parts cost nothing.
///
/// A backend applies the parts in the order of the fields. Either all of it is written, or the answer is a
/// [`CommitError`] and nothing is.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The command (or message) that is answered, and its answer; refused with [`CommitError::Answered`] where the id
    /// is known already. May hold several: a tombstone beside the undo's own answer.
    pub answers: Vec<KeptAnswer>,
    /// Streams whose version the decision read without changing them (0: the stream must not exist).
    pub checks: Vec<(StreamId, u64)>,
    /// Streams whose newest event the decision saw before it was known to be written: it must be the one of that id. A version
    /// alone does not say so; another instance's event may stand there.
    pub after: Vec<(StreamId, Uuid)>,
    /// Streams that grow.
    pub appends: Vec<Append>,
    /// Unique values released (first) and claimed.
    pub claims: Vec<ClaimChange>,
    /// Messages to others: commands, replies, port calls. They get their positions in the order given.
    pub outgoing: Vec<Outgoing>,
    /// Timers set and cleared.
    pub timers: Vec<TimerChange>,
    /// Rows of views and of the engine's own tables.
    pub rows: Vec<RowChange>,
    /// Consumers' positions moved, by compare-and-set.
    pub positions: Vec<PositionMove>,
    /// Sagas that have ended: the answers kept for them are forgotten, those of this commit too.
    pub forgets: Vec<Uuid>,
}

/// Events to add to a stream.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// Its version before: 0 creates it.
    pub expected: u64,
    /// What is added, in order; never empty.
    pub events: Vec<NewEvent>,
    /// The moment of the decision: `at` of its events, so that a replay sees what the decision saw.
    pub at: Timestamp,
    /// What the events carry with them.
    pub meta: Meta,
}

/// The answer of a command, kept so that the same id gets the same answer: `Idempotency-Key`, redelivery and unknown
/// outcomes are all decided by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The command's id.
    pub command_id: Uuid,
    /// A hash of command, target and arguments: another one under the same id is a misuse of the key.
    pub request_hash: String,
    /// The saga on whose behalf it was decided: kept until that saga has ended.
    #[serde(default)]
    pub saga: Option<Uuid>,
    /// What was answered.
    pub answer: Answer,
}

/// What a command was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It holds: events were appended, or it was `done` already.
    Done {
        /// The stream that it was sent to.
        stream: String,
        /// The stream's version after it.
        version: u64,
    },
    /// It was refused.
    Refused(Refusal),
}

/// A unique value claimed for, or released by, a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimChange {
    /// The constraint's name: `customers.Customer.email`.
    pub constraint: String,
    /// The value, as JSON.
    pub value: String,
    /// The stream that holds it.
    pub stream: StreamId,
    /// Taken or given back.
    pub kind: ClaimKind,
}

/// Taken or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Taken; [`CommitError::NotUnique`] where another stream holds it. Claiming one's own again is harmless.
    Claim,
    /// Given back; harmless where it is not held by the stream.
    Release,
}

/// A timer, durable, fired by the store's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// Derived from what it belongs to; setting the same again replaces it.
    pub id: Uuid,
    /// When it is due.
    pub due: Timestamp,
    /// What is to happen, as JSON of what the engine put there; opaque to the store.
    pub payload: String,
}

/// Timers set and cleared.
#[derive(Clone, Debug, PartialEq)]
pub enum TimerChange {
    /// Set, or set anew.
    Set(Timer),
    /// Cleared; harmless where it is not there.
    Clear(Uuid),
}

/// A consumer's position moved from where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionMove {
    /// The consumer: `view:PriceList+OrderList`, `policy:Thank`, `inbox`, `relay`.
    pub consumer: String,
    /// Of which source.
    pub source: SourceKey,
    /// Where it must stand now; `None`: it has no position yet.
    pub expected: Option<Position>,
    /// Where it stands after.
    pub to: Position,
}

/// What a commit made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// The position of each appended event, in the order of the commit's appends.
    pub positions: Vec<u64>,
    /// The store's clock when it was written.
    pub at: Timestamp,
}

/// Why nothing of a commit was written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CommitError {
    /// A stream was not at the version that was expected or checked: decide again.
    #[error("stream `{stream}` is not at version {expected}")]
    Conflict {
        /// The stream.
        stream: String,
        /// The version that the decision was made on.
        expected: u64,
    },
    /// A unique value is taken.
    #[error("`{constraint}` is taken")]
    NotUnique {
        /// The constraint's name.
        constraint: String,
    },
    /// The command's id has an answer already.
    #[error("command {} was answered before", .0.command_id)]
    Answered(Box<KeptAnswer>),
    /// A consumer's position was moved by another: read again.
    #[error("consumer `{consumer}` was moved by another")]
    PositionMoved {
        /// The consumer.
        consumer: String,
    },
    /// The commit itself cannot be stored (a value that the database refuses): the same again is pointless.
    #[error("the commit cannot be stored: {0}")]
    Invalid(String),
    /// Too many commits wait: try again later (503).
    #[error("too many commits wait")]
    Overloaded,
    /// The store is away or failed, and nothing was written: try again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The connection was lost while committing: it may or may not be written. Look the command's id up.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

impl Commit {
    /// Whether there is nothing to write and nothing to check.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.after.is_empty() && self.writes_nothing()
    }

    /// Whether it checks at most, and writes nothing.
    pub fn writes_nothing(&self) -> bool {
        self.answers.is_empty()
            && self.appends.is_empty()
            && self.claims.is_empty()
            && self.outgoing.is_empty()
            && self.timers.is_empty()
            && self.rows.is_empty()
            && self.positions.is_empty()
            && self.forgets.is_empty()
    }

    /// Takes in everything of `other`.
    pub fn merge(&mut self, other: Commit) {
        self.answers.extend(other.answers);
        self.checks.extend(other.checks);
        self.after.extend(other.after);
        self.appends.extend(other.appends);
        self.claims.extend(other.claims);
        self.outgoing.extend(other.outgoing);
        self.timers.extend(other.timers);
        self.rows.extend(other.rows);
        self.positions.extend(other.positions);
        self.forgets.extend(other.forgets);
    }
}
