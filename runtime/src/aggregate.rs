//! Aggregates: state is the replay of events. Generated code says how; the engine loads, caches and decides.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::command::Decision;
use crate::event::Event;
use crate::refusal::{Refusal, RefusalKind};
use crate::value::Duration;

/// An aggregate's id: a type of its own, text in streams, JSON and columns.
pub trait AggregateId:
    Clone
    + Debug
    + Display
    + FromStr
    + PartialEq
    + Eq
    + std::hash::Hash
    + Ord
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// From a new or derived id.
    fn from_uuid(id: Uuid) -> Self;
}

/// An aggregate's state.
pub trait Aggregate: Sized + Clone + Debug + Send + Sync + 'static {
    /// The wire name: `orders.Order`.
    const TYPE: &'static str;
    /// The names of its unique constraints: those of [`Aggregate::unique_values`].
    const UNIQUE: &'static [&'static str] = &[];
    /// How snapshots of it are written; `None`: there are none, each cold load reads the stream from its first event.
    const SNAPSHOT: Option<SnapshotForm<Self>> = None;
    /// Its id.
    type Id: AggregateId;
    /// Its events.
    type Event: Event;

    /// The state that the first event of a stream begins; `None` where that event does not create.
    ///
    /// # Errors
    /// A result out of range: refuses the command that emits the event. Cannot come up on replay.
    fn create(id: &Self::Id, event: &Self::Event) -> Result<Option<Self>, Refusal>;

    /// Takes `event` in.
    ///
    /// # Errors
    /// As for [`Aggregate::create`].
    fn apply(&mut self, id: &Self::Id, event: &Self::Event) -> Result<(), Refusal>;

    /// The state after `event`: [`Aggregate::create`] where there is none yet, else [`Aggregate::apply`].
    ///
    /// # Errors
    /// As for [`Aggregate::create`].
    fn replay(state: Option<Self>, id: &Self::Id, event: &Self::Event) -> Result<Option<Self>, Refusal> {
        match state {
            None => Self::create(id, event),
            Some(mut state) => {
                state.apply(id, event)?;
                Ok(Some(state))
            }
        }
    }

    /// The lifecycle state's name, where there is a lifecycle.
    fn status(&self) -> Option<&'static str> {
        None
    }

    /// The unique values that it holds: constraint name and value as JSON. Absent values claim nothing.
    fn unique_values(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The timers of the lifecycle state that it is in, given when that was entered.
    fn timers(&self, entered_at: Timestamp) -> Vec<StateTimer<Self>> {
        let _ = entered_at;
        Vec::new()
    }
}

/// How snapshots of an aggregate's state are written and read.
pub struct SnapshotForm<A> {
    definition: &'static str,
    write: fn(&A) -> serde_json::Result<String>,
    read: fn(&str) -> serde_json::Result<A>,
}

impl<A> Clone for SnapshotForm<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for SnapshotForm<A> {}

impl<A: Serialize + DeserializeOwned> SnapshotForm<A> {
    /// As JSON. `definition` changes whenever the state, or how events change it, does: a snapshot under another one is
    /// passed over.
    pub const fn json(definition: &'static str) -> Self {
        Self { definition, write: serde_json::to_string, read: |text| serde_json::from_str(text) }
    }
}

impl<A> SnapshotForm<A> {
    pub(crate) fn definition(&self) -> &'static str {
        self.definition
    }

    pub(crate) fn write(&self, state: &A) -> serde_json::Result<String> {
        (self.write)(state)
    }

    pub(crate) fn read(&self, text: &str) -> serde_json::Result<A> {
        (self.read)(text)
    }
}

/// A timer of a lifecycle state: durable, fired once while the state lasts, gone with it.
pub struct StateTimer<A: Aggregate> {
    /// Its name.
    pub name: &'static str,
    /// When it is due.
    pub due: Timestamp,
    /// What it does then, in a decision of its own.
    pub fire: fn(&mut Decision<A>) -> Result<(), Refusal>,
}

impl<A: Aggregate> StateTimer<A> {
    /// Due so long after the state was entered; at the end of time where that is past it.
    pub fn after(
        name: &'static str,
        entered_at: Timestamp,
        after: Duration,
        fire: fn(&mut Decision<A>) -> Result<(), Refusal>,
    ) -> Self {
        Self { name, due: entered_at.checked_add(after).unwrap_or(Timestamp::MAX), fire }
    }

    /// Due at a moment that the state holds; at the end of time where that cannot be computed.
    pub fn at(
        name: &'static str,
        moment: Result<Timestamp, Refusal>,
        fire: fn(&mut Decision<A>) -> Result<(), Refusal>,
    ) -> Self {
        Self { name, due: moment.unwrap_or(Timestamp::MAX), fire }
    }
}

/// A unique value in a generated [`Aggregate::unique_values`]: its constraint's name and the value as JSON; none where it is absent.
pub fn unique_value(constraint: &'static str, value: &impl Serialize) -> Option<(&'static str, String)> {
    serde_json::to_string(value).ok().filter(|json| json != "null").map(|json| (constraint, json))
}

/// The state that a lifecycle must be in for a field to be there, in a generated accessor.
pub fn not_in_state(field: &str, state: &str) -> Refusal {
    Refusal::new(RefusalKind::WrongState, format!("`{field}` is there only while it is `{state}`"))
}
