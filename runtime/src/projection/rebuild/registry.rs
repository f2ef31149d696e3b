//! The tables of views, as they outlive a run: which one answers, which one is being filled, which one may go.

use super::write_rows;
use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, ColumnKind, Comparison, Filter, Row, RowChange, Select, Table, Value};

/// The table's name.
const TABLE: &str = "view_tables";

/// A table of a view.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) view: String,
    pub(super) table: Table,
    /// Who fills it; nobody but the engine for a kept view.
    pub(super) consumer: Option<String>,
    pub(super) standing: Standing,
}

/// What a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is being filled.
    Building,
    /// It answers.
    Current,
    /// It answered, and is to be dropped.
    Old,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Current => "current",
            Self::Old => "old",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Building, Self::Current, Self::Old].into_iter().find(|standing| standing.as_str() == text)
    }
}

/// The table of tables.
pub(super) fn table() -> Table {
    let column =
        |name: &str, nullable| ColumnDef { name: name.to_owned(), kind: ColumnKind::Text, nullable, indexed: false };
    let columns = vec![
        column("table_name", false),
        column("view_name", false),
        column("consumer", true),
        column("standing", false),
        column("definition", false),
    ];
    Table { name: TABLE.to_owned(), columns, key: 1 }
}

/// All tables of views.
pub(super) async fn load(store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
    let filter = Filter::everything();
    let select = Select { table: TABLE.to_owned(), filter, order: Vec::new(), after: None, limit: 10_000 };
    let rows = store.select(&select).await?;
    rows.iter()
        .map(|row| read(row).ok_or_else(|| StoreError::Corrupt(format!("a row of `{TABLE}` cannot be read"))))
        .collect()
}

/// Writes entries, all at once.
pub(super) async fn save(store: &dyn Store, entries: &[Entry]) -> Result<(), StoreError> {
    let text = |text: &str| Value::Text(text.to_owned());
    let put = |entry: &Entry| {
        let definition = serde_json::to_string(&entry.table).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let row = vec![
            text(&entry.table.name),
            text(&entry.view),
            entry.consumer.as_deref().map_or(Value::Null, text),
            text(entry.standing.as_str()),
            text(&definition),
        ];
        Ok(RowChange::Put { table: TABLE.to_owned(), row })
    };
    let rows = entries.iter().map(put).collect::<Result<Vec<_>, StoreError>>()?;
    write_rows(store, rows).await
}

/// Removes an entry, whose table is gone.
pub(super) async fn forget(store: &dyn Store, entry: &Entry) -> Result<(), StoreError> {
    let filter = Filter::Compare("table_name".to_owned(), Comparison::Eq, Value::Text(entry.table.name.clone()));
    write_rows(store, vec![RowChange::Delete { table: TABLE.to_owned(), filter }]).await
}

fn read(row: &Row) -> Option<Entry> {
    let [Value::Text(_), Value::Text(view), consumer, Value::Text(standing), Value::Text(definition)] = row.as_slice()
    else {
        return None;
    };
    let consumer = match consumer {
        Value::Text(consumer) => Some(consumer.clone()),
        _ => None,
    };
    let table = serde_json::from_str(definition).ok()?;
    Some(Entry { view: view.clone(), table, consumer, standing: Standing::parse(standing)? })
}
