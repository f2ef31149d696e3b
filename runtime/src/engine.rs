//! Deciding commands: load the aggregate (cached), check `allow`, read what `with` names, decide, and write one [`Commit`]
//! with the answer kept; decide again on a conflict, a bounded number of times.
//!
//! What holds of every answer, refusals too: it was given on a state that was still the newest when it was committed, and
//! the same command id gets it again.

mod cache;
mod decide;
mod room;
mod snapshot;
mod timer;
mod typed;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use uuid::Uuid;

use crate::command::WithError;
use crate::commit::{Answer, Commit, Timer};
use crate::context::{Context, Meta};
use crate::projection::{KeptViews, ViewTables};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::{Store, StoreError};
use crate::view::ViewRow;

pub use room::{AnyAggregate, TypedAggregate};
pub use snapshot::SNAPSHOT_EVERY;
pub use typed::{AnyCommand, TypedCommand};

/// A command as it came in, by name and JSON.
#[derive(Clone, Debug)]
pub struct CommandRequest {
    /// Its wire name.
    pub command: String,
    /// The aggregate's id; absent for a `create` from outside: the id is then derived from `command_id`.
    pub target: Option<String>,
    /// Its arguments, a JSON object.
    pub arguments: String,
    /// Its id: new, or derived from the caller and his `Idempotency-Key`, or the sender's.
    pub command_id: Uuid,
    /// What it carries with it; the principal is the caller that `allow` sees.
    pub meta: Meta,
    /// `If-Match`: the version that the stream must be at.
    pub if_match: Option<u64>,
    /// It came from a saga, policy or timer, by a verified message: `allow` is not asked.
    pub internal: bool,
    /// On behalf of that saga.
    pub saga: Option<Uuid>,
    /// It is the undo of the command with that id.
    pub undoes: Option<Uuid>,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Executed {
    /// The answer.
    pub answer: Answer,
    /// The position of the last event that it appended, if it appended any just now.
    pub pos: Option<u64>,
    /// It was answered before; this is that answer, and nothing was decided.
    pub replayed: bool,
}

/// Why a command got no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// Too many commits wait: 503.
    #[error("too many commands wait")]
    Overloaded,
    /// The store is away, or the outcome could not be found out in time: 503. Try again with the same id.
    #[error("{0}")]
    Unavailable(String),
    /// The consumer's position in the extra commit was moved by another.
    #[error("the consumer's position was moved by another")]
    PositionMoved,
    /// There is no such command: a mistake of the sender.
    #[error("there is no command `{0}`")]
    UnknownCommand(String),
    /// What is stored cannot be read by this build, or what was decided cannot be stored: the same again fails again.
    #[error("{0}")]
    Broken(String),
}

impl From<StoreError> for ExecuteError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::Unavailable(why),
            StoreError::Corrupt(_) | StoreError::Refused(_) => Self::Broken(error.to_string()),
        }
    }
}

/// What goes into the commit of a command's answer beside what it decided: a reply, a consumer's position.
pub type Beside<'a> = dyn Fn(&Answer) -> Commit + Send + Sync + 'a;

/// What `with` may read: the service's own views.
pub struct Reader<'a> {
    store: &'a dyn Store,
    tables: &'a ViewTables,
}

impl<'a> Reader<'a> {
    /// A reader over the store's rows.
    pub fn new(store: &'a dyn Store, tables: &'a ViewTables) -> Self {
        Self { store, tables }
    }

    /// The row with that key.
    pub async fn row<R: ViewRow>(&self, key: &R::Key) -> Result<Option<R>, StoreError> {
        Ok(self.rows::<R>(std::slice::from_ref(key)).await?.pop().flatten())
    }

    /// The rows with those keys, in the order of the keys, one a key.
    pub async fn rows<R: ViewRow>(&self, keys: &[R::Key]) -> Result<Vec<Option<R>>, StoreError> {
        self.tables.rows::<R>(self.store, keys).await
    }

    /// `items join View on key`: each item with its row.
    ///
    /// # Errors
    /// What `missing` says of the first item without a row, or a store that is away.
    pub async fn join<'i, T: Clone + 'i, R: ViewRow, I: Iterator<Item = &'i T>>(
        &self,
        items: I,
        key: impl Fn(&T) -> R::Key,
        missing: impl Fn(&T) -> Refusal,
    ) -> Result<Vec<Joined<T, R>>, WithError> {
        let items: Vec<&T> = items.collect();
        let keys: Vec<R::Key> = items.iter().map(|item| key(item)).collect();
        let rows = self.rows::<R>(&keys).await?;
        let pair = |(item, row): (&T, Option<R>)| match row {
            Some(row) => Ok(Joined { element: item.clone(), row }),
            None => Err(missing(item).into()),
        };
        items.into_iter().zip(rows).map(pair).collect()
    }
}

/// An element of a list with the row that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined<T, R> {
    /// The element.
    pub element: T,
    /// The row.
    pub row: R,
}

/// The engine of one service.
pub struct Engine {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Clock, ids, randomness.
    pub context: Context,
    /// Where its views' rows are.
    pub tables: Arc<ViewTables>,
    /// The rows kept from the aggregates' own states.
    kept: Arc<KeptViews>,
    /// After how many events of a stream a snapshot of it is kept; `None`: never.
    snapshots: Option<NonZeroU64>,
    commands: BTreeMap<&'static str, Arc<dyn AnyCommand>>,
    aggregates: BTreeMap<&'static str, Arc<dyn AnyAggregate>>,
}

impl Engine {
    /// The engine of `service`: its commands and aggregates, over a store.
    pub fn new(
        service: &Service,
        store: Arc<dyn Store>,
        context: Context,
        tables: Arc<ViewTables>,
        kept: Arc<KeptViews>,
    ) -> Self {
        let commands: BTreeMap<_, _> =
            service.commands.iter().map(|command| (command.name(), Arc::clone(command))).collect();
        let mut aggregates = BTreeMap::new();
        for command in commands.values() {
            aggregates.entry(command.aggregate()).or_insert_with(|| command.room());
        }
        Self { store, context, tables, kept, snapshots: None, commands, aggregates }
    }

    /// With a snapshot of each stream after every `every` events (as a rule [`SNAPSHOT_EVERY`]).
    ///
    /// # Errors
    /// Their table could not be made.
    pub async fn with_snapshots(self, every: NonZeroU64) -> Result<Self, StoreError> {
        self.store.create_table(&snapshot::table()).await?;
        Ok(Self { snapshots: Some(every), ..self })
    }

    /// The command of that wire name.
    pub fn command(&self, name: &str) -> Option<&Arc<dyn AnyCommand>> {
        self.commands.get(name)
    }

    /// Decides a command, once: with the same id the answer is the same. `beside` is written with the answer, in the same
    /// commit.
    ///
    /// # Errors
    /// There is no answer yet; unless the error is final ([`ExecuteError::UnknownCommand`], [`ExecuteError::Broken`]) try
    /// again with the same id.
    pub async fn execute(&self, request: CommandRequest, beside: &Beside<'_>) -> Result<Executed, ExecuteError> {
        let Some(command) = self.commands.get(request.command.as_str()) else {
            return Err(ExecuteError::UnknownCommand(request.command));
        };
        command.execute(self, &request, beside).await
    }

    /// Fires a timer that is due: the same timer any number of times, by any number of instances, has one effect, and is
    /// cleared with it. `None`: it is not a timer of an aggregate.
    ///
    /// # Errors
    /// As [`Engine::execute`]; the timer then stays due.
    pub async fn fire(&self, timer: &Timer) -> Result<Option<Executed>, ExecuteError> {
        let Some(payload) = timer::Payload::read(&timer.payload) else { return Ok(None) };
        let stream = crate::event::StreamId::from_stored(&payload.stream);
        let Some(aggregate) = self.aggregates.get(stream.aggregate()) else {
            return Err(ExecuteError::Broken(format!(
                "a timer of `{}`, which this build does not know",
                payload.stream
            )));
        };
        aggregate.fire(self, timer.id, &payload).await.map(Some)
    }
}
