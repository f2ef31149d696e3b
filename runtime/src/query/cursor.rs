//! The place where a page ends, as a text that a caller carries to the next: opaque to him, and checked when it comes back.

use crate::store::StoreError;
use crate::view::{ColumnDef, ColumnKind, Query, Value, ViewRow};

/// The values of the order's columns and the key, as hexadecimal JSON.
pub(super) fn write(place: &[Value]) -> Result<String, StoreError> {
    let json = serde_json::to_vec(place).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(json.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Back from the text; each value must be one of its column.
pub(super) fn read<Q: Query>(text: &str) -> Result<Vec<Value>, String> {
    let wrong = || "is not the `next` of a page of this query".to_owned();
    let place: Vec<Value> = from_hex(text).and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(wrong)?;
    let columns = Q::Row::columns();
    let order = Q::order();
    let of_order = order.iter().filter_map(|(name, _)| columns.iter().find(|column| column.name == *name));
    let expected: Vec<&ColumnDef> = of_order.chain(&columns[..Q::Row::KEY]).collect();
    let fits = expected.len() == place.len() && expected.iter().zip(&place).all(|(column, value)| fits(column, value));
    if fits { Ok(place) } else { Err(wrong()) }
}

fn fits(column: &ColumnDef, value: &Value) -> bool {
    match value {
        Value::Null => column.nullable,
        Value::Bool(_) => column.kind == ColumnKind::Bool,
        Value::Int(_) => matches!(column.kind, ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp),
        Value::Text(_) => matches!(column.kind, ColumnKind::Text | ColumnKind::Json),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high * 16 + low).collect())
}
