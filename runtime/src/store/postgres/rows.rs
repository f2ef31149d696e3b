//! Changes of rows: puts as arrays, one statement for any number of them; the others as they come.

use std::collections::BTreeMap;

use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Error};

use super::types::{Absent, storable};
use crate::store::sql::{self, Sql};
use crate::store::tables::Tables;
use crate::view::{ColumnKind, Row, RowChange, Table, Value};

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// Each table's changes in their order; puts that follow each other go together. Tables are taken in the order of their names,
/// rows in the order of their keys, so that instances lock them in one order.
pub(super) async fn write(connection: &mut PgConnection, tables: &Tables, changes: &[&RowChange]) -> Result<(), Error> {
    let mut by_table: BTreeMap<&str, Vec<&RowChange>> = BTreeMap::new();
    for change in changes {
        by_table.entry(table_of(change)).or_default().push(change);
    }
    for (name, changes) in by_table {
        let table = tables.get(name).map_err(|why| Error::Encode(why.into()))?;
        let mut puts = Vec::new();
        for change in changes {
            let sql = match change {
                RowChange::Put { row, .. } => {
                    puts.push(row);
                    continue;
                }
                RowChange::Add { row, .. } => sql::add(table, row),
                RowChange::Update { filter, set, .. } => sql::update(name, filter, set),
                RowChange::Delete { filter, .. } => sql::delete(name, filter),
            };
            put(connection, table, &std::mem::take(&mut puts)).await?;
            execute(connection, sql).await?;
        }
        put(connection, table, &puts).await?;
    }
    Ok(())
}

/// The table that a change is for.
pub(super) fn table_of(change: &RowChange) -> &str {
    let (RowChange::Put { table, .. }
    | RowChange::Add { table, .. }
    | RowChange::Update { table, .. }
    | RowChange::Delete { table, .. }) = change;
    table
}

async fn put(connection: &mut PgConnection, table: &Table, rows: &[&Row]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = last_of_each_key(table, rows);
    let arrays = (1..=table.columns.len()).zip(&table.columns).map(|(place, column)| {
        let kind = array_type(column.kind);
        format!("${place}::{kind}")
    });
    let unnest = format!("SELECT * FROM unnest({})", arrays.collect::<Vec<_>>().join(", "));
    let bind = |query: Query<'static>, place: usize| {
        bind_column(query, table.columns[place].kind, rows.iter().map(|row| &row[place]))
    };
    let query = sqlx::query(AssertSqlSafe(sql::put_selected(table, &unnest)));
    (0..table.columns.len()).fold(query, bind).execute(connection).await.map(drop)
}

/// An upsert cannot touch a row twice: the last of those with one key stands, in the order of the keys.
pub(super) fn last_of_each_key<'a>(table: &Table, rows: &[&'a Row]) -> Vec<&'a Row> {
    let mut by_key: BTreeMap<Vec<KeyPart<'a>>, &'a Row> = BTreeMap::new();
    for row in rows {
        by_key.insert(key_of(table, row), row);
    }
    by_key.into_values().collect()
}

/// The key of a row.
pub(super) fn key_of<'a>(table: &Table, row: &'a Row) -> Vec<KeyPart<'a>> {
    row.iter().take(table.key).map(KeyPart::of).collect()
}

/// A value of a key, in the database's order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyPart<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'a str),
}

impl<'a> KeyPart<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Text(value) => Self::Text(value),
        }
    }
}

/// The array type of a column's values.
pub(super) fn array_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Bool => "boolean[]",
        ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp => "bigint[]",
        ColumnKind::Text | ColumnKind::Json => "text[]",
    }
}

/// Binds the values of a column as an array. They were checked: each is of the column's kind, or absent.
pub(super) fn bind_column<'q, 'v>(
    query: Query<'q>,
    kind: ColumnKind,
    values: impl Iterator<Item = &'v Value>,
) -> Query<'q> {
    match kind {
        ColumnKind::Bool => {
            let of = |value: &Value| if let Value::Bool(value) = value { Some(*value) } else { None };
            query.bind(values.map(of).collect::<Vec<_>>())
        }
        ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp => {
            let of = |value: &Value| if let Value::Int(value) = value { Some(*value) } else { None };
            query.bind(values.map(of).collect::<Vec<_>>())
        }
        ColumnKind::Text | ColumnKind::Json => {
            let of = |value: &'v Value| {
                if let Value::Text(value) = value { Some(storable(value).into_owned()) } else { None }
            };
            query.bind(values.map(of).collect::<Vec<Option<String>>>())
        }
    }
}

async fn execute(connection: &mut PgConnection, sql: Sql) -> Result<(), Error> {
    let query = sqlx::query(AssertSqlSafe(sql.text));
    sql.parameters.iter().fold(query, bind_value).execute(connection).await.map(drop)
}

/// Binds a value of a column.
pub(super) fn bind_value<'q>(query: Query<'q>, value: &Value) -> Query<'q> {
    match value {
        Value::Null => query.bind(Absent),
        Value::Bool(value) => query.bind(*value),
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(storable(value).into_owned()),
    }
}
