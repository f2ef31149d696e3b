//! Keeping views: rows changed by events, position and rows in one commit, groups that move together, rebuilds.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::RwLock;

use async_trait::async_trait;

use crate::event::Recorded;
use crate::log::HandlingError;
use crate::store::{Store, StoreError};
use crate::view::{Filter, RowChange, Value, View, ViewRow};

/// Where each view's rows are now: the table changes when a rebuilt view takes over.
#[derive(Debug, Default)]
pub struct ViewTables {
    current: RwLock<BTreeMap<String, String>>,
}

impl ViewTables {
    /// The table of a view (`orders.OrderList`), once it is known.
    pub fn table(&self, view: &str) -> Option<String> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(view).cloned()
    }

    /// Lets `table` answer for `view` from now on.
    pub fn swap(&self, view: &str, table: &str) {
        self.current
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(view.to_owned(), table.to_owned());
    }

    /// The rows with those keys, in the order of the keys.
    pub async fn rows<R: ViewRow>(&self, _store: &dyn Store, _keys: &[R::Key]) -> Result<Vec<Option<R>>, StoreError> {
        unimplemented!("log owns this")
    }
}

/// What a handler of a view may do: read rows of its group and change rows of its own.
pub struct Rows<'a> {
    store: &'a dyn Store,
    changes: &'a mut Vec<RowChange>,
}

impl Rows<'_> {
    /// The row with that key, as it stands after all changes before.
    pub async fn get<R: ViewRow>(&mut self, _key: &R::Key) -> Result<Option<R>, HandlingError> {
        let _ = (&self.store, &self.changes);
        unimplemented!("log owns this")
    }

    /// `insert[key](…)`: adds the row, or replaces the one with its key.
    pub fn insert<R: ViewRow>(&mut self, _row: R) {}

    /// `update[key](…)`: sets columns of the row with that key; does nothing where there is none.
    pub fn update<R: ViewRow>(&mut self, _key: &R::Key, _set: Vec<(String, Value)>) {}

    /// `upsert[key](…)`: as `update`, and where there is no row yet it adds one: `row` if the handler could give all columns.
    pub fn upsert<R: ViewRow>(&mut self, _row: R, _set: Vec<(String, Value)>) {}

    /// `update(…) where …`.
    pub fn update_where<R: ViewRow>(&mut self, _filter: Filter, _set: Vec<(String, Value)>) {}

    /// `delete[key]`.
    pub fn delete<R: ViewRow>(&mut self, _key: &R::Key) {}

    /// `delete where …`.
    pub fn delete_where<R: ViewRow>(&mut self, _filter: Filter) {}
}

/// A view of any type.
#[async_trait]
pub trait AnyView: Send + Sync {
    /// The view's name.
    fn view(&self) -> &'static str;
    /// The event types it handles.
    fn handles(&self) -> &'static [&'static str];
    /// Applies one event.
    async fn handle(&self, event: &Recorded, rows: &mut Rows<'_>) -> Result<(), HandlingError>;
}

/// The view `V`.
pub struct TypedView<V>(PhantomData<fn(V)>);

impl<V> Default for TypedView<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<V: View> AnyView for TypedView<V> {
    fn view(&self) -> &'static str {
        V::Row::VIEW
    }
    fn handles(&self) -> &'static [&'static str] {
        V::HANDLES
    }
    async fn handle(&self, event: &Recorded, rows: &mut Rows<'_>) -> Result<(), HandlingError> {
        V::handle(event, rows).await
    }
}
