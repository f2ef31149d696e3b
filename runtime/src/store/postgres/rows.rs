//! Changes of rows: those of certain keys as arrays, one statement for any number of them; the others as they come.

use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Error};

use super::types::{Absent, storable};
use crate::store::fold::{self, Step};
use crate::store::sql::{self, Sql};
use crate::store::tables::Tables;
use crate::view::{ColumnKind, RowChange, Table, Value};

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// Each table's changes in their order, in as few statements as they fold into. Tables are taken in the order of their names, what is added
/// in the order of its keys, so that instances lock it in one order; where two still hold each other up, one of them begins again.
pub(super) async fn write(connection: &mut PgConnection, tables: &Tables, changes: &[&RowChange]) -> Result<(), Error> {
    for (name, changes) in fold::by_table(changes) {
        let table = tables.get(name).map_err(|why| Error::Encode(why.into()))?;
        for step in fold::steps(table, &changes) {
            match step {
                Step::Add { rows, replacing } => {
                    let columns: Vec<_> = (0..table.columns.len()).collect();
                    let selected = format!("SELECT * FROM {}", unnest(table, &columns));
                    let text = sql::add_selected(table, &selected, &replacing);
                    write_columns(connection, table, text, &columns, &rows).await?;
                }
                Step::Set { rows, columns } => {
                    let given: Vec<_> = (0..table.key).chain(columns.iter().copied()).collect();
                    let text = sql::set_selected(table, &unnest(table, &given), &columns);
                    write_columns(connection, table, text, &given, &rows).await?;
                }
                Step::Update { filter, set } => execute(connection, sql::update(name, filter, set)).await?,
                Step::Delete { filter } => execute(connection, sql::delete(name, filter)).await?,
            }
        }
    }
    Ok(())
}

/// Those columns of a table, as arrays that are parameters.
fn unnest(table: &Table, columns: &[usize]) -> String {
    let arrays = (1..).zip(columns).map(|(number, place): (usize, _)| {
        let kind = array_type(table.columns[*place].kind);
        format!("${number}::{kind}")
    });
    format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
}

/// Runs a statement on the values of those columns, in that order in each of `rows`.
async fn write_columns<R: AsRef<[Value]>>(
    connection: &mut PgConnection,
    table: &Table,
    text: String,
    columns: &[usize],
    rows: &[R],
) -> Result<(), Error> {
    let query = columns.iter().enumerate().fold(sqlx::query(AssertSqlSafe(text)), |query, (number, place)| {
        bind_column(query, table.columns[*place].kind, rows.iter().map(|row| &row.as_ref()[number]))
    });
    query.execute(connection).await.map(drop)
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
