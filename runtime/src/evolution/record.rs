//! The definitions that are written down: one row an aggregate.

use std::collections::BTreeMap;

use super::Definition;
use crate::commit::Commit;
use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, ColumnKind, Filter, Row, RowChange, Select, Table, Value};

/// The table's name.
const TABLE: &str = "aggregate_schemas";

pub(super) fn table() -> Table {
    let column =
        |name: &str| ColumnDef { name: name.to_owned(), kind: ColumnKind::Text, nullable: false, indexed: false };
    Table { name: TABLE.to_owned(), columns: vec![column("aggregate"), column("definition")], key: 1 }
}

/// What is written down, by aggregate; nothing in a store that is new, or older than this table.
pub(super) async fn load(store: &dyn Store) -> Result<BTreeMap<String, Definition>, StoreError> {
    if !store.tables().await?.iter().any(|name| name == TABLE) {
        return Ok(BTreeMap::new());
    }
    let filter = Filter::everything();
    let select = Select { table: TABLE.to_owned(), filter, order: Vec::new(), after: None, limit: 10_000 };
    let rows = store.select(&select).await?;
    rows.iter()
        .map(|row| read(row).ok_or_else(|| StoreError::Corrupt(format!("a row of `{TABLE}` cannot be read: {row:?}"))))
        .collect()
}

pub(super) async fn save(store: &dyn Store, definitions: &[(&str, Definition)]) -> Result<(), StoreError> {
    let put = |(aggregate, definition): &(&str, Definition)| {
        let text = serde_json::to_string(definition).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(RowChange::Put {
            table: TABLE.to_owned(),
            row: vec![Value::Text((*aggregate).to_owned()), Value::Text(text)],
        })
    };
    let rows = definitions.iter().map(put).collect::<Result<Vec<_>, StoreError>>()?;
    for result in store.write(vec![Commit { rows, ..Commit::default() }]).await {
        result.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    }
    Ok(())
}

fn read(row: &Row) -> Option<(String, Definition)> {
    let [Value::Text(aggregate), Value::Text(definition)] = row.as_slice() else { return None };
    Some((aggregate.clone(), serde_json::from_str(definition).ok()?))
}
