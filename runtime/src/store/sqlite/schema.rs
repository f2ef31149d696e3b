//! The engine's own tables: made once, checked at each start. A file of another service, or of a newer engine, is refused.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::error::not_read;
use crate::context::Context;
use crate::store::tables::Tables;
use crate::store::{StoreError, sql};
use crate::view::{ColumnKind, Table};

/// The version of the engine's tables that this build writes.
const VERSION: u32 = 1;

/// What differs in SQLite's SQL.
pub(super) const DIALECT: sql::Dialect = sql::Dialect { column_type, table_suffix, index_order: "" };

fn column_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Bool | ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp => "INTEGER",
        ColumnKind::Text | ColumnKind::Json => "TEXT",
    }
}

/// Narrow rows are kept in the key's own tree; wide ones (with JSON) beside it, so that the tree stays flat.
fn table_suffix(table: &Table) -> &'static str {
    if table.columns.iter().any(|column| column.kind == ColumnKind::Json) {
        " STRICT"
    } else {
        " WITHOUT ROWID, STRICT"
    }
}

/// What a database says of itself.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) epoch: String,
    pub(super) tables: Tables,
}

/// Makes the tables in an empty file, or checks those that are there.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    service: &str,
    context: &Context,
) -> Result<Identity, StoreError> {
    let failed = |error: sqlx::Error| not_read(&error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let objects: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *transaction).await.map_err(failed)?;
    if objects == 0 {
        sqlx::raw_sql(include_str!("../sql/sqlite/schema.sql")).execute(&mut *transaction).await.map_err(failed)?;
        let epoch = context.new_id().to_string();
        let version = VERSION.to_string();
        for (key, value) in [("service", service), ("epoch", &epoch), ("engine_schema", &version)] {
            let insert = sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2)").bind(key).bind(value);
            insert.execute(&mut *transaction).await.map_err(failed)?;
        }
    }
    let identity = check(&mut transaction, service).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(identity)
}

async fn check(connection: &mut SqliteConnection, service: &str) -> Result<Identity, StoreError> {
    let owner = meta(connection, "service").await?;
    if owner != service {
        return Err(StoreError::Refused(format!("the database belongs to service `{owner}`, not to `{service}`")));
    }
    let version = meta(connection, "engine_schema").await?;
    match version.parse::<u32>() {
        Ok(found) if found <= VERSION => {}
        _ => {
            let text = format!(
                "the database has engine schema `{version}`; this build knows up to {VERSION}: use a newer one"
            );
            return Err(StoreError::Refused(text));
        }
    }
    let epoch = meta(connection, "epoch").await?;
    let mut tables = Tables::default();
    let rows = sqlx::query("SELECT name, definition FROM row_tables ORDER BY name").fetch_all(&mut *connection).await;
    for row in rows.map_err(|error| not_read(&error))? {
        let definition: String = row.try_get(1).map_err(|error| not_read(&error))?;
        let table = serde_json::from_str(&definition)
            .map_err(|error| StoreError::Corrupt(format!("the definition of a table of rows: {error}")))?;
        tables.add(table);
    }
    Ok(Identity { epoch, tables })
}

async fn meta(connection: &mut SqliteConnection, key: &str) -> Result<String, StoreError> {
    let found = sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key).fetch_optional(connection).await;
    match found {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(StoreError::Corrupt(format!("the database's own description lacks `{key}`"))),
        Err(error) if error.as_database_error().is_some_and(|error| error.message().contains("no such table")) => {
            Err(StoreError::Refused("the file is a database of something else than Minos".to_owned()))
        }
        Err(error) => Err(not_read(&error)),
    }
}

/// Makes a table of rows and writes its definition down, in one transaction.
pub(super) async fn create_table(connection: &mut SqliteConnection, table: &Table) -> Result<(), sqlx::Error> {
    let definition = serde_json::to_string(table).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for statement in sql::create_table(&DIALECT, table) {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *transaction).await?;
    }
    sqlx::query("INSERT INTO row_tables (name, definition) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(&table.name)
        .bind(definition)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Drops a table of rows, its definition, and the positions of the consumer that filled it, in one transaction.
pub(super) async fn drop_table(
    connection: &mut SqliteConnection,
    table: &str,
    consumer: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let drop = format!("DROP TABLE IF EXISTS {}", sql::quoted(table));
    sqlx::query(AssertSqlSafe(drop)).persistent(false).execute(&mut *transaction).await?;
    sqlx::query("DELETE FROM row_tables WHERE name = $1").bind(table).execute(&mut *transaction).await?;
    if let Some(consumer) = consumer {
        sqlx::query("DELETE FROM positions WHERE consumer = $1").bind(consumer).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
