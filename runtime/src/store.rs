//! The event store: one verb to write, a few ways to read. One database, one service.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use crate::commit::{Commit, CommitError, Committed, KeptAnswer, Timer};
use crate::event::{Recorded, StreamId};
use crate::log::{Position, SentMessage, SourceKey};
use crate::view::{Row, Select, Table};

#[cfg(any(feature = "postgres", feature = "embedded"))]
mod fold;
#[cfg(any(feature = "postgres", feature = "embedded"))]
mod lane;
mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod sql;
#[cfg(feature = "embedded")]
pub mod sqlite;
mod tables;

/// A service's private database.
///
/// Implementations group the commits that wait at the same moment into one transaction, give each its own result, and
/// never answer one before it is durable. The conformance suite in `testing` says the rest.
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes each commit whole or not at all; one result each, in order. They are independent: one that fails takes no
    /// other with it. Commits of other callers that wait at the moment go into the same transaction.
    async fn write(&self, commits: Vec<Commit>) -> Vec<Result<Committed, CommitError>>;

    /// Up to `limit` of a stream's events after `version`, in order: a long stream, in pages.
    async fn read_page(&self, stream: &StreamId, after_version: u64, limit: usize)
    -> Result<Vec<Recorded>, StoreError>;

    /// All of a stream's events after `version`, in order.
    async fn read_stream(&self, stream: &StreamId, after_version: u64) -> Result<Vec<Recorded>, StoreError> {
        self.read_page(stream, after_version, usize::MAX).await
    }

    /// A stream's version; 0 where there is none.
    async fn stream_version(&self, stream: &StreamId) -> Result<u64, StoreError>;

    /// Up to `limit` events after `pos`, in global order, none of which a later read could still be preceded by.
    async fn read_events(&self, after_pos: u64, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// Up to `limit` outgoing messages after `pos`, in order, none of which a later read could still be preceded by.
    async fn read_outgoing(&self, after_pos: u64, limit: usize) -> Result<Vec<SentMessage>, StoreError>;

    /// The newest safe position of events and of outgoing messages (0: none yet).
    async fn last_positions(&self) -> Result<LastPositions, StoreError>;

    /// The answer kept for a command's id.
    async fn answer(&self, command_id: Uuid) -> Result<Option<KeptAnswer>, StoreError>;

    /// Forgets the answers kept for a saga that has ended; says how many.
    async fn forget_answers(&self, saga: Uuid) -> Result<u64, StoreError>;

    /// Up to `limit` timers that are due by the store's clock, the earliest first, and how long until the next one.
    async fn due_timers(&self, limit: usize) -> Result<DueTimers, StoreError>;

    /// A consumer's positions, one a source.
    async fn positions(&self, consumer: &str) -> Result<Vec<(SourceKey, Position)>, StoreError>;

    /// Creates a table of rows (a view's, or one of the engine's) with its indexes if it is not there. Two definitions
    /// never share a name: a view's table is named by the hash of its definition.
    async fn create_table(&self, table: &Table) -> Result<(), StoreError>;

    /// The names of the tables of rows that exist.
    async fn tables(&self) -> Result<Vec<String>, StoreError>;

    /// Drops a table of rows, and the positions of the consumer that filled it, if they are there.
    async fn drop_table(&self, table: &str, consumer: Option<&str>) -> Result<(), StoreError>;

    /// Rows of a table by a condition.
    async fn select(&self, select: &Select) -> Result<Vec<Row>, StoreError>;

    /// The store's clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// The epoch of this database: a database restored to the past gets a new one.
    async fn epoch(&self) -> Result<String, StoreError>;

    /// Told of every commit of this process, from now on, that has events, messages or timers. A hint, never needed for truth.
    fn wake(&self) -> Wake;

    /// How long those who read in order have been held at a gap, by transactions that still run and could fill it; zero: they are
    /// not.
    fn fence_age(&self) -> Duration {
        Duration::ZERO
    }

    /// Waits until something is committed, or until `at_most` is over. A hint that may miss what was committed just before
    /// it is called: who tails the store keeps a [`Wake`] instead.
    async fn committed(&self, at_most: Duration) {
        self.wake().wait(at_most).await;
    }

    /// Whether other processes may use this store at the same moment: then they share the work (see [`crate::instances`]).
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the database answers; the text says what is wrong.
    async fn health(&self) -> Result<(), StoreError>;

    /// Finishes what is written, refuses more, closes.
    async fn close(&self);
}

/// Says when events, messages or timers were committed since it was last asked; one for each reader that tails a store.
#[derive(Clone, Debug)]
pub struct Wake(watch::Receiver<u64>);

impl Wake {
    /// Over a counter of commits.
    pub fn new(commits: watch::Receiver<u64>) -> Self {
        Self(commits)
    }

    /// Waits until something was committed after the last wait ended (at once, if it was already), or until `at_most` is
    /// over.
    pub async fn wait(&mut self, at_most: Duration) {
        if let Ok(Err(_closed)) = tokio::time::timeout(at_most, self.0.changed()).await {
            tokio::time::sleep(at_most).await;
        }
    }
}

/// The newest safe positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastPositions {
    /// Of events.
    pub events: u64,
    /// Of outgoing messages.
    pub outgoing: u64,
}

/// Timers that are due.
#[derive(Clone, Debug)]
pub struct DueTimers {
    /// The earliest first.
    pub due: Vec<Timer>,
    /// Until the next one that is not yet due; `None`: there is none.
    pub next_in: Option<Duration>,
}

/// Why the store could not be read, or not be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It is away: try again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What stands in it is not what this build can read.
    #[error("the store holds what cannot be read: {0}")]
    Corrupt(String),
    /// It belongs to another process, or to another service, or to a newer version.
    #[error("{0}")]
    Refused(String),
}
