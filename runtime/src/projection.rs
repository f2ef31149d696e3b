//! Keeping views: rows changed by events, position and rows in one commit, groups that move together, rebuilds.
//!
//! * `tables`: which table answers for a view now; reading it by the view's columns of today.
//! * `rows`: what a handler sees: the rows as they stand after all changes before, written or not.
//! * `group`: views that look each other up are one consumer.
//! * `kept`: rows of an aggregate's own state, written in the aggregate's commit.
//! * `rebuild`: a changed view is filled beside the old one, which answers meanwhile.

mod group;
mod kept;
mod rebuild;
mod rows;
mod tables;

use std::marker::PhantomData;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::event::Recorded;
use crate::log::HandlingError;
use crate::view::{ColumnDef, Table, View, ViewRow};

pub use kept::{AnyKeptView, KeptViews, TypedKeptView};
pub use rebuild::{ProjectionError, Projections, ViewStatus};
pub use rows::{GroupRows, Rows};
pub use tables::{Found, ViewTables};

/// A view of any type.
#[async_trait]
pub trait AnyView: Send + Sync {
    /// The view's name.
    fn view(&self) -> &'static str;
    /// The event types it handles.
    fn handles(&self) -> &'static [&'static str];
    /// The views that its handlers look up.
    fn looks_up(&self) -> &'static [&'static str];
    /// What names its table.
    fn definition(&self) -> &'static str;
    /// The columns of its rows.
    fn columns(&self) -> Vec<ColumnDef>;
    /// How many of them are the key.
    fn key(&self) -> usize;
    /// Applies one event.
    async fn handle(&self, event: &Recorded, rows: &mut GroupRows<'_>) -> Result<(), HandlingError>;
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
    fn looks_up(&self) -> &'static [&'static str] {
        V::LOOKS_UP
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
    async fn handle(&self, event: &Recorded, rows: &mut GroupRows<'_>) -> Result<(), HandlingError> {
        V::handle(event, &mut rows.of()).await
    }
}

/// The table of a view whose meaning `definitions` tell: its name changes when one of them, or a column, does.
fn table(view: &str, definitions: &[&str], columns: Vec<ColumnDef>, key: usize) -> Table {
    let mut hash = Sha256::new();
    for definition in definitions {
        hash.update(definition.len().to_be_bytes());
        hash.update(definition);
    }
    hash.update(format!("{columns:?} {key}"));
    let name: String = short(view).chars().take(40).collect();
    Table { name: format!("{name}_{}", hex(&hash.finalize()[..8])), columns, key }
}

/// `OrderList` of `orders.OrderList`.
fn short(view: &str) -> &str {
    view.rsplit('.').next().unwrap_or(view)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
