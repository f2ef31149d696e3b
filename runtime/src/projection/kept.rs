//! Rows kept from an aggregate's own state: written in the aggregate's commit, so that they are never behind it.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use super::table;
use crate::aggregate::Aggregate;
use crate::event::{Event, Recorded, StreamId};
use crate::view::{ColumnDef, KeptView, Row, RowChange, Table, ViewRow};

/// A kept view of any type.
pub trait AnyKeptView: Send + Sync {
    /// The view's name.
    fn view(&self) -> &'static str;
    /// The aggregate's wire name.
    fn aggregate(&self) -> &'static str;
    /// What names its table.
    fn definition(&self) -> &'static str;
    /// The columns of its rows.
    fn columns(&self) -> Vec<ColumnDef>;
    /// How many of them are the key.
    fn key(&self) -> usize;
    /// The row of a state; `None` where id or state are not of the aggregate.
    fn row(&self, id: &dyn Any, state: &dyn Any) -> Option<Row>;
    /// The row of the state that a stream's events make; `None` where there is none.
    ///
    /// # Errors
    /// Says which event this build cannot read.
    fn replay(&self, stream: &StreamId, events: &[Recorded]) -> Result<Option<Row>, String>;
}

/// The kept view `V`.
pub struct TypedKeptView<V>(PhantomData<fn(V)>);

impl<V> Default for TypedKeptView<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V: KeptView> AnyKeptView for TypedKeptView<V> {
    fn view(&self) -> &'static str {
        V::Row::VIEW
    }
    fn aggregate(&self) -> &'static str {
        V::Aggregate::TYPE
    }
    fn definition(&self) -> &'static str {
        V::DEFINITION
    }
    fn columns(&self) -> Vec<ColumnDef> {
        V::Row::columns()
    }
    fn key(&self) -> usize {
        V::Row::KEY
    }
    fn row(&self, id: &dyn Any, state: &dyn Any) -> Option<Row> {
        Some(V::row(id.downcast_ref()?, state.downcast_ref()?).to_row())
    }
    fn replay(&self, stream: &StreamId, events: &[Recorded]) -> Result<Option<Row>, String> {
        let id: <V::Aggregate as Aggregate>::Id =
            stream.id().parse().map_err(|_| format!("`{}` has no id of its aggregate", stream.as_str()))?;
        let mut state: Option<V::Aggregate> = None;
        for event in events {
            let fail =
                |error: &dyn std::fmt::Display| format!("event {} of `{}`: {error}", event.version, stream.as_str());
            let read = <V::Aggregate as Aggregate>::Event::decode(&event.event_type, event.schema_version, &event.data)
                .map_err(|error| fail(&error))?;
            state = <V::Aggregate as Aggregate>::replay(state, &id, &read).map_err(|refusal| fail(&refusal))?;
        }
        Ok(state.map(|state| V::row(&id, &state).to_row()))
    }
}

/// The kept views of a service, and the tables that they fill.
#[derive(Clone, Default)]
pub struct KeptViews {
    views: Vec<(Arc<dyn AnyKeptView>, Table)>,
}

impl KeptViews {
    /// Of a service's kept views.
    pub fn new(views: &[Arc<dyn AnyKeptView>]) -> Self {
        let table = |view: &Arc<dyn AnyKeptView>| table(view.view(), &[view.definition()], view.columns(), view.key());
        Self { views: views.iter().map(|view| (Arc::clone(view), table(view))).collect() }
    }

    /// What the commit that makes `state` changes in them. `id` and `state` are those of the aggregate with that wire name.
    pub fn changes(&self, aggregate: &str, id: &dyn Any, state: &dyn Any) -> Vec<RowChange> {
        let of_aggregate = self.views.iter().filter(|(view, _)| view.aggregate() == aggregate);
        of_aggregate
            .filter_map(|(view, table)| {
                let row = view.row(id, state)?;
                Some(RowChange::Put { table: table.name.clone(), row })
            })
            .collect()
    }

    /// The wire name of the aggregate whose state that view shows, if it is one of these.
    pub fn aggregate_of(&self, view: &str) -> Option<&'static str> {
        self.views.iter().find(|(kept, _)| kept.view() == view).map(|(kept, _)| kept.aggregate())
    }

    /// Each with its table.
    pub(super) fn all(&self) -> impl Iterator<Item = &(Arc<dyn AnyKeptView>, Table)> {
        self.views.iter()
    }
}
