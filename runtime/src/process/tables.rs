//! Helpers for the engine's own tables of rows.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, ColumnKind, Filter, Row, Select, Value};

/// A text.
pub(crate) fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A text that may be absent.
pub(crate) fn optional_text(value: Option<String>) -> Value {
    value.map_or(Value::Null, Value::Text)
}

/// A whole number that may be absent.
pub(crate) fn optional_int(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Int)
}

/// The text in a column.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The whole number in a column.
pub(crate) fn int_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        _ => None,
    }
}

/// The id in a column.
pub(crate) fn uuid_of(value: &Value) -> Option<Uuid> {
    text_of(value)?.parse().ok()
}

/// The moment in a column.
pub(crate) fn timestamp_of(value: &Value) -> Option<Timestamp> {
    Timestamp::from_microsecond(int_of(value)?).ok()
}

/// A column that is never absent and not indexed.
pub(crate) fn column(name: &str, kind: ColumnKind) -> ColumnDef {
    ColumnDef { name: name.to_owned(), kind, nullable: false, indexed: false }
}

/// A column that may be absent.
pub(crate) fn optional_column(name: &str, kind: ColumnKind) -> ColumnDef {
    ColumnDef { nullable: true, ..column(name, kind) }
}

/// A column that conditions are asked on.
pub(crate) fn indexed_column(name: &str, kind: ColumnKind) -> ColumnDef {
    ColumnDef { indexed: true, ..column(name, kind) }
}

/// Rows of one of the engine's tables, in the order of the key.
pub(crate) async fn list<T>(
    store: &dyn Store,
    table: &str,
    filter: Filter,
    after: Option<Vec<Value>>,
    limit: usize,
    read: fn(&Row) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    let rows = store.select(&Select { table: table.to_owned(), filter, order: Vec::new(), after, limit }).await?;
    rows.iter()
        .map(|row| read(row).ok_or_else(|| StoreError::Corrupt(format!("a row of `{table}` does not fit it: {row:?}"))))
        .collect()
}
