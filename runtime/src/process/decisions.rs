//! What operators decided: who, when, about what, why, and what came of it. Kept, and listed: an intervention is part of the history
//! of the data that it changed.
//!
//! A decision is written down before it is carried out, and again with its outcome. One without outcome was cut short by a crash: look
//! at what it was about, and decide again.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::ProcessError;
use super::operator::Decision;
use super::tables::{
    column, indexed_column, list, optional_column, optional_text, text, text_of, timestamp_of, uuid_of,
};
use crate::commit::Commit;
use crate::context::Context;
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Comparison, Filter, Row, RowChange, Table, Value};

/// The table's name.
pub const TABLE: &str = "engine_decisions";

/// A decision of an operator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// Its id: ordered by time.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The room of the API: `parked`, `sagas`, `gaps`, `refused-commands`, `port-calls`.
    pub room: String,
    /// What it was about: the id there.
    pub subject: String,
    /// What was to be done: `replay`, `discard`, `retry`, `skip`, `force`.
    pub verb: String,
    /// Why.
    pub reason: String,
    /// What came of it; absent where the process ended before that was known.
    pub outcome: Option<String>,
}

impl Decided {
    /// A decision about to be carried out.
    pub fn now(context: &Context, room: &str, subject: &str, verb: &str, decision: &Decision) -> Self {
        Self {
            id: context.new_id(),
            at: context.now(),
            by: decision.by.clone(),
            room: room.to_owned(),
            subject: subject.to_owned(),
            verb: verb.to_owned(),
            reason: decision.reason.clone(),
            outcome: None,
        }
    }

    /// Writes it down as it stands.
    ///
    /// # Errors
    /// The store does not take it.
    pub async fn write(&self, store: &dyn Store) -> Result<(), ProcessError> {
        let commit = Commit { rows: vec![self.put()], ..Commit::default() };
        for result in store.write(vec![commit]).await {
            result?;
        }
        Ok(())
    }

    fn put(&self) -> RowChange {
        let row = vec![
            text(self.id.to_string()),
            Value::Int(self.at.as_microsecond()),
            text(self.by.clone()),
            text(self.room.clone()),
            text(self.subject.clone()),
            text(self.verb.clone()),
            text(self.reason.clone()),
            optional_text(self.outcome.clone()),
        ];
        RowChange::Put { table: TABLE.to_owned(), row }
    }

    fn from_row(row: &Row) -> Option<Self> {
        Some(Self {
            id: uuid_of(row.first()?)?,
            at: timestamp_of(row.get(1)?)?,
            by: text_of(row.get(2)?)?,
            room: text_of(row.get(3)?)?,
            subject: text_of(row.get(4)?)?,
            verb: text_of(row.get(5)?)?,
            reason: text_of(row.get(6)?)?,
            outcome: text_of(row.get(7)?),
        })
    }
}

/// The table.
pub fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        columns: vec![
            column("id", ColumnKind::Text),
            column("decided_at", ColumnKind::Timestamp),
            column("decided_by", ColumnKind::Text),
            column("room", ColumnKind::Text),
            indexed_column("subject", ColumnKind::Text),
            column("verb", ColumnKind::Text),
            column("reason", ColumnKind::Text),
            optional_column("outcome", ColumnKind::Text),
        ],
        key: 1,
    }
}

/// Decisions in the order in which they were made, about one subject or about all, after the one with that id, at most so many.
pub async fn decisions(
    store: &dyn Store,
    subject: Option<&str>,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Decided>, StoreError> {
    let about = subject.map(|subject| Filter::Compare("subject".to_owned(), Comparison::Eq, text(subject)));
    let after = after.map(|id| vec![text(id.to_string())]);
    list(store, TABLE, Filter::All(about.into_iter().collect()), after, limit, Decided::from_row).await
}
