//! The table of a service's sagas: which are under way, at what, since when. Operators list it; recovery begins with it.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::progress::Status;
use crate::process::tables::{
    column, indexed_column, int_of, list, optional_column, optional_text, text, text_of, timestamp_of, uuid_of,
};
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Comparison, Filter, Row, RowChange, Table, Value};

/// The table's name.
pub const TABLE: &str = "engine_sagas";

/// A saga as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SagaRow {
    /// Its id.
    pub id: Uuid,
    /// Its wire name: `orders.Fulfilment`.
    pub saga: String,
    /// Where it stands.
    pub status: Status,
    /// The step that it asked for last, or is stuck at.
    pub step: Option<String>,
    /// When it came to stand so.
    pub since: Timestamp,
    /// Why it is undone or stuck.
    pub reason: Option<String>,
    /// The stream of the event that started it.
    pub subject: String,
    /// The version of its log.
    pub version: u64,
}

impl SagaRow {
    /// As a change of the table.
    pub fn put(self) -> RowChange {
        let row = vec![
            text(self.id.to_string()),
            text(self.saga),
            text(self.status.as_str()),
            optional_text(self.step),
            Value::Int(self.since.as_microsecond()),
            optional_text(self.reason),
            text(self.subject),
            Value::Int(i64::try_from(self.version).unwrap_or(i64::MAX)),
        ];
        RowChange::Put { table: TABLE.to_owned(), row }
    }

    fn from_row(row: &Row) -> Option<Self> {
        Some(Self {
            id: uuid_of(row.first()?)?,
            saga: text_of(row.get(1)?)?,
            status: text_of(row.get(2)?)?.parse().ok()?,
            step: text_of(row.get(3)?),
            since: timestamp_of(row.get(4)?)?,
            reason: text_of(row.get(5)?),
            subject: text_of(row.get(6)?)?,
            version: u64::try_from(int_of(row.get(7)?)?).ok()?,
        })
    }
}

/// The table.
pub fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        columns: vec![
            column("id", ColumnKind::Text),
            column("saga", ColumnKind::Text),
            indexed_column("status", ColumnKind::Text),
            optional_column("step", ColumnKind::Text),
            column("since", ColumnKind::Timestamp),
            optional_column("reason", ColumnKind::Text),
            indexed_column("subject", ColumnKind::Text),
            column("version", ColumnKind::Int),
        ],
        key: 1,
    }
}

/// Sagas of these statuses (of any, where none is given), after the one with that id, at most so many.
pub async fn sagas(
    store: &dyn Store,
    statuses: &[Status],
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<SagaRow>, StoreError> {
    let filter = match statuses {
        [] => Filter::All(Vec::new()),
        _ => Filter::In("status".to_owned(), statuses.iter().map(|status| text(status.as_str())).collect()),
    };
    list(store, TABLE, filter, after.map(|id| vec![text(id.to_string())]), limit, SagaRow::from_row).await
}

/// The saga with that id.
pub async fn find(store: &dyn Store, id: Uuid) -> Result<Option<SagaRow>, StoreError> {
    let filter = Filter::Compare("id".to_owned(), Comparison::Eq, text(id.to_string()));
    Ok(list(store, TABLE, filter, None, 1, SagaRow::from_row).await?.pop())
}
