//! What the services store, read and changed without them: files of SQLite, databases of Postgres.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgValueFormat};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row, TypeInfo, ValueRef};

/// A row by its columns: texts, numbers, null; bytes and ids as hexadecimal digits; moments in microseconds since 1970.
pub type Record = Map<String, Value>;

/// Where a service keeps what it holds.
#[derive(Clone, Debug)]
pub enum Store {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of Postgres, by its URL.
    Postgres(String),
}

impl From<&Path> for Store {
    fn from(file: &Path) -> Self {
        Self::File(file.to_owned())
    }
}

impl From<&PathBuf> for Store {
    fn from(file: &PathBuf) -> Self {
        Self::File(file.clone())
    }
}

impl From<&Store> for Store {
    fn from(store: &Store) -> Self {
        store.clone()
    }
}

async fn open(file: &Path, read_only: bool) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).read_only(read_only).create_if_missing(false);
    options.connect().await.unwrap_or_else(|error| panic!("{} cannot be opened: {error}", file.display()))
}

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("a URL of Postgres");
    options.connect().await.unwrap_or_else(|error| panic!("{url} cannot be reached: {error}"))
}

/// The rows that a query gives.
pub async fn rows(store: impl Into<Store>, query: &str) -> Vec<Record> {
    let (store, sql) = (store.into(), AssertSqlSafe(query.to_owned()));
    let rows: Result<Vec<Record>, sqlx::Error> = match &store {
        Store::File(file) => {
            let rows = sqlx::query(sql).fetch_all(&mut open(file, true).await).await;
            rows.map(|rows| rows.iter().map(of_sqlite).collect())
        }
        Store::Postgres(url) => {
            let rows = sqlx::query(sql).fetch_all(&mut connect(url).await).await;
            rows.map(|rows| rows.iter().map(of_postgres).collect())
        }
    };
    rows.unwrap_or_else(|error| panic!("{store:?}: {query}: {error}"))
}

/// Changes a store that nobody has open; says how many rows it changed.
pub async fn execute(store: impl Into<Store>, statement: &str) -> u64 {
    let (store, sql) = (store.into(), AssertSqlSafe(statement.to_owned()));
    let done = match &store {
        Store::File(file) => {
            let done = sqlx::raw_sql(sql).execute(&mut open(file, false).await).await;
            done.map(|done| done.rows_affected())
        }
        Store::Postgres(url) => {
            let done = sqlx::raw_sql(sql).execute(&mut connect(url).await).await;
            done.map(|done| done.rows_affected())
        }
    };
    done.unwrap_or_else(|error| panic!("{store:?}: {statement}: {error}"))
}

fn of_sqlite(row: &SqliteRow) -> Record {
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

fn of_postgres(row: &PgRow) -> Record {
    let column = |column: &sqlx::postgres::PgColumn| {
        let raw = row.try_get_raw(column.ordinal()).expect("a row has its columns");
        assert!(raw.format() == PgValueFormat::Binary, "a prepared query is answered in binary");
        let name = column.name().to_owned();
        if raw.is_null() {
            return (name, Value::Null);
        }
        let bytes = raw.as_bytes().expect("it is not null");
        (name, value_of(column.type_info().name(), bytes))
    };
    row.columns().iter().map(column).collect()
}

/// 2000-01-01 in microseconds since 1970: what Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// A value as Postgres sends it.
fn value_of(kind: &str, bytes: &[u8]) -> Value {
    let number =
        || bytes.iter().skip(1).fold(i64::from(bytes[0].cast_signed()), |sum, byte| sum << 8 | i64::from(*byte));
    match kind {
        "BOOL" => Value::from(number()),
        "INT2" | "INT4" | "INT8" => Value::from(number()),
        "TIMESTAMPTZ" => Value::from(number() + POSTGRES_EPOCH),
        "TEXT" | "VARCHAR" | "NAME" => Value::from(std::str::from_utf8(bytes).expect("text is UTF-8")),
        "UUID" | "BYTEA" => Value::from(hex(bytes)),
        other => panic!("the checker does not know the type `{other}`"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
