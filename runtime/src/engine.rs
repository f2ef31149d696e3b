//! Deciding commands: load the aggregate (cached), check `allow`, read what `with` names, decide, and write one [`Commit`]
//! with the answer kept; decide again on a conflict, a bounded number of times.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::command::Command;
use crate::commit::{Answer, Commit};
use crate::context::{Context, Meta};
use crate::projection::ViewTables;
use crate::store::{Store, StoreError};
use crate::view::ViewRow;

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
    /// It was answered before; this is that answer, and nothing was written.
    pub replayed: bool,
}

/// Why a command got no answer: try again later.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// Too many commits wait: 503.
    #[error("too many commands wait")]
    Overloaded,
    /// The store is away, or the outcome could not be found out in time: 503.
    #[error("{0}")]
    Unavailable(String),
    /// The consumer's position in the extra commit was moved by another.
    #[error("the consumer's position was moved by another")]
    PositionMoved,
    /// There is no such command: a mistake of the sender.
    #[error("there is no command `{0}`")]
    UnknownCommand(String),
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
}

/// A command of any type.
#[async_trait]
pub trait AnyCommand: Send + Sync {
    /// Its wire name.
    fn name(&self) -> &'static str;
    /// Its aggregate's wire name.
    fn aggregate(&self) -> &'static str;
    /// Whether it is a `create`.
    fn creates(&self) -> bool;
    /// Method and path, if it may come from outside.
    fn route(&self) -> Option<(&'static str, &'static str)>;
}

/// The command `C`.
pub struct TypedCommand<C>(PhantomData<fn(C)>);

impl<C> Default for TypedCommand<C> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<C: Command> AnyCommand for TypedCommand<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }
    fn aggregate(&self) -> &'static str {
        C::Aggregate::TYPE
    }
    fn creates(&self) -> bool {
        C::CREATES
    }
    fn route(&self) -> Option<(&'static str, &'static str)> {
        C::ROUTE
    }
}

/// The engine of one service.
pub struct Engine {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Clock, ids, randomness.
    pub context: Context,
    /// Where its views' rows are.
    pub tables: Arc<ViewTables>,
}
