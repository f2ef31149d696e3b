//! SQLite files, read and changed as files.

use std::path::Path;

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row, TypeInfo, ValueRef};

/// A row by its columns: texts, numbers, null; bytes as hexadecimal digits.
pub type Record = Map<String, Value>;

async fn open(file: &Path, read_only: bool) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).read_only(read_only).create_if_missing(false);
    options.connect().await.unwrap_or_else(|error| panic!("{} cannot be opened: {error}", file.display()))
}

/// The rows that a query gives.
pub async fn rows(file: &Path, query: &str) -> Vec<Record> {
    let mut connection = open(file, true).await;
    let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await;
    rows.unwrap_or_else(|error| panic!("{}: {query}: {error}", file.display())).iter().map(record).collect()
}

/// Changes a file that nobody has open; says how many rows it changed.
pub async fn execute(file: &Path, statement: &str) -> u64 {
    let mut connection = open(file, false).await;
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{}: {statement}: {error}", file.display())).rows_affected()
}

fn record(row: &SqliteRow) -> Record {
    let column = |column: &sqlx::sqlite::SqliteColumn| {
        let place = column.ordinal();
        let kind = row.try_get_raw(place).map(|raw| raw.type_info().name().to_owned()).unwrap_or_default();
        let value = match kind.as_str() {
            "INTEGER" | "BOOLEAN" => row.try_get::<i64, _>(place).map(Value::from),
            "TEXT" => row.try_get::<String, _>(place).map(Value::from),
            "BLOB" => row.try_get::<Vec<u8>, _>(place).map(|bytes| Value::from(hex(&bytes))),
            _ => Ok(Value::Null),
        };
        (column.name().to_owned(), value.expect("a value is of its own type"))
    };
    row.columns().iter().map(column).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
