//! The engine's own tables: made and moved on under a lock, checked at each start. A database of another service, or of a newer
//! engine, is refused.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::error::{not_opened, not_read};
use crate::context::Context;
use crate::store::tables::Tables;
use crate::store::{StoreError, sql};
use crate::view::{ColumnKind, Table};

/// What moves the engine's tables from one version to the next, the first from nothing.
const MIGRATIONS: [&str; 1] = [include_str!("../sql/postgres/schema.sql")];
/// The key of the advisory lock under which tables are made: one instance at a time.
const LOCK: i64 = 0x006d_696e_6f73; // "minos"
/// What Postgres cuts longer names to.
const LONGEST_NAME: usize = 63;

/// What differs in Postgres' SQL.
pub(super) const DIALECT: sql::Dialect = sql::Dialect { column_type, table_suffix, index_order: " NULLS FIRST" };

fn column_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Bool => "boolean",
        ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp => "bigint",
        ColumnKind::Text | ColumnKind::Json => "text COLLATE \"C\"",
    }
}

/// Rows are changed often: space is left for the new version of a row beside the old one.
fn table_suffix(_: &Table) -> &'static str {
    " WITH (fillfactor = 80)"
}

/// What a database says of itself.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) epoch: String,
    pub(super) tables: Tables,
}

/// Makes the tables in an empty database, moves older ones on, or checks those that are there.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    service: &str,
    context: &Context,
) -> Result<Identity, StoreError> {
    let failed = |error: sqlx::Error| not_opened(&error);
    let mut transaction = connection.begin().await.map_err(failed)?;
    lock(&mut transaction).await.map_err(failed)?;
    let new = is_empty(&mut transaction).await?;
    let version = if new { 0 } else { version(&mut transaction, service).await? };
    let wanted = MIGRATIONS.iter().zip(1_i32..).filter(|(_, number)| *number > version);
    for (migration, number) in wanted {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await.map_err(failed)?;
        let insert = sqlx::query("INSERT INTO schema_versions (version) VALUES ($1)").bind(number);
        insert.execute(&mut *transaction).await.map_err(failed)?;
    }
    if new {
        for (key, value) in [("service", service), ("epoch", &context.new_id().to_string())] {
            let insert = sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2)").bind(key).bind(value);
            insert.execute(&mut *transaction).await.map_err(failed)?;
        }
    }
    let epoch = meta(&mut transaction, "epoch").await?;
    let tables = tables(&mut transaction).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(Identity { epoch, tables })
}

/// One instance at a time, until the end of the transaction. Waited for as long as it takes: another one migrates.
async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *connection).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(connection).await.map(drop)
}

async fn is_empty(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let names = "SELECT c.relname = 'schema_versions' FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'";
    let found: Vec<bool> =
        sqlx::query_scalar(names).fetch_all(&mut *connection).await.map_err(|error| not_opened(&error))?;
    if !found.is_empty() && !found.contains(&true) {
        return Err(StoreError::Refused(
            "the database holds something else than Minos: give each service its own".to_owned(),
        ));
    }
    if found.is_empty() {
        let statement =
            "CREATE TABLE schema_versions (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())";
        sqlx::query(statement).execute(connection).await.map_err(|error| not_opened(&error))?;
    }
    Ok(found.is_empty())
}

/// The version of the tables that are there.
async fn version(connection: &mut PgConnection, service: &str) -> Result<i32, StoreError> {
    let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    let found: i32 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM schema_versions")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| not_opened(&error))?;
    if found > known {
        let text = format!("the database has engine schema `{found}`; this build knows up to {known}: use a newer one");
        return Err(StoreError::Refused(text));
    }
    let owner = meta(connection, "service").await?;
    if owner != service {
        return Err(StoreError::Refused(format!("the database belongs to service `{owner}`, not to `{service}`")));
    }
    Ok(found)
}

async fn meta(connection: &mut PgConnection, key: &str) -> Result<String, StoreError> {
    let found = sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key).fetch_optional(connection).await;
    let found = found.map_err(|error| not_opened(&error))?;
    found.ok_or_else(|| StoreError::Corrupt(format!("the database's own description lacks `{key}`")))
}

/// The tables of rows that are there.
pub(super) async fn tables(connection: &mut PgConnection) -> Result<Tables, StoreError> {
    let mut tables = Tables::default();
    let rows = sqlx::query("SELECT definition FROM row_tables ORDER BY name").fetch_all(&mut *connection).await;
    for row in rows.map_err(|error| not_read(&error))? {
        let definition: String = row.try_get(0).map_err(|error| not_read(&error))?;
        let table = serde_json::from_str(&definition)
            .map_err(|error| StoreError::Corrupt(format!("the definition of a table of rows: {error}")))?;
        tables.add(table);
    }
    Ok(tables)
}

/// Makes a table of rows and writes its definition down, in one transaction. Gives the definition that stands: another
/// instance may have been first.
pub(super) async fn create_table(connection: &mut PgConnection, table: &Table) -> Result<Table, StoreError> {
    check_names(table)?;
    let failed = |error: sqlx::Error| not_read(&error);
    let definition =
        serde_json::to_string(table).map_err(|error| StoreError::Corrupt(format!("a table's definition: {error}")))?;
    let mut transaction = connection.begin().await.map_err(failed)?;
    lock(&mut transaction).await.map_err(failed)?;
    let known = tables(&mut transaction).await?;
    if let Ok(known) = known.get(&table.name) {
        return Ok(known.clone());
    }
    for statement in sql::create_table(&DIALECT, table) {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *transaction).await.map_err(failed)?;
    }
    let insert = sqlx::query("INSERT INTO row_tables (name, definition) VALUES ($1, $2)");
    insert.bind(&table.name).bind(definition).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(table.clone())
}

fn check_names(table: &Table) -> Result<(), StoreError> {
    let names = table.columns.iter().map(|column| &column.name).chain([&table.name]);
    match names.into_iter().find(|name| name.len() > LONGEST_NAME || name.contains('\0')) {
        None => Ok(()),
        Some(name) => {
            let text = format!("`{name}` is no name for Postgres: at most {LONGEST_NAME} bytes, and no NUL");
            Err(StoreError::Refused(text))
        }
    }
}

/// Drops a table of rows, its definition, and the positions of the consumer that filled it, in one transaction.
pub(super) async fn drop_table(
    connection: &mut PgConnection,
    table: &str,
    consumer: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    let drop = format!("DROP TABLE IF EXISTS {}", sql::quoted(table));
    sqlx::query(AssertSqlSafe(drop)).persistent(false).execute(&mut *transaction).await?;
    sqlx::query("DELETE FROM row_tables WHERE name = $1").bind(table).execute(&mut *transaction).await?;
    if let Some(consumer) = consumer {
        sqlx::query("DELETE FROM positions WHERE consumer = $1").bind(consumer).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}
