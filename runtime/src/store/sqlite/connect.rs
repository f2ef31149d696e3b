//! Connections: opened with the settings that durability rests on, which are then read back and asserted.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};

use super::SqliteLimits;
use super::error::not_read;
use crate::store::StoreError;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one writer; creates the file.
    Write,
    /// Reading; cannot change anything.
    Read,
}

/// The settings of each connection.
pub(super) fn options(path: &Path, purpose: Purpose, limits: &SqliteLimits) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(purpose == Purpose::Write)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(limits.patience)
        .statement_cache_capacity(512)
        .row_buffer_size(256)
        .pragma("temp_store", "MEMORY")
        .pragma("analysis_limit", "400")
        .disable_statement_logging();
    match purpose {
        Purpose::Read => options.pragma("query_only", "ON").pragma("cache_size", "-4096"),
        Purpose::Write => {
            let options = options.pragma("wal_autocheckpoint", "4000").pragma("cache_size", "-32768");
            match limits.pages {
                Some(pages) => options.pragma("max_page_count", pages.to_string()),
                None => options,
            }
        }
    }
}

/// Opens the writer's connection.
pub(super) async fn writer(path: &Path, limits: &SqliteLimits) -> Result<SqliteConnection, StoreError> {
    let mut connection = options(path, Purpose::Write, limits).connect().await.map_err(|error| not_read(&error))?;
    match assert_settings(&mut connection).await.map_err(|error| not_read(&error))? {
        None => Ok(connection),
        Some(wrong) => {
            let _ = connection.close().await;
            Err(StoreError::Refused(format!("`{}`: {wrong}", path.display())))
        }
    }
}

/// Reads back what durability rests on; says what is not as it was asked for.
pub(super) async fn assert_settings(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    /// WAL, `FULL`, on.
    const EXPECTED: [(&str, &str, &str); 3] = [
        ("journal_mode", "PRAGMA journal_mode", "wal"),
        ("synchronous", "PRAGMA synchronous", "2"),
        ("foreign_keys", "PRAGMA foreign_keys", "1"),
    ];
    for (name, question, expected) in EXPECTED {
        let row = sqlx::query(question).fetch_one(&mut *connection).await?;
        let found =
            row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))?;
        if !found.eq_ignore_ascii_case(expected) {
            return Ok(Some(format!("`{name}` is `{found}`, and must be `{expected}` for commits to be durable")));
        }
    }
    Ok(None)
}

/// The pool of readers.
pub(super) async fn readers(path: &Path, limits: &SqliteLimits) -> Result<sqlx::SqlitePool, StoreError> {
    sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(limits.readers.max(1))
        .min_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                match assert_settings(connection).await? {
                    None => Ok(()),
                    Some(wrong) => Err(sqlx::Error::Configuration(wrong.into())),
                }
            })
        })
        .connect_with(options(path, Purpose::Read, limits))
        .await
        .map_err(|error| not_read(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_could_lose_commits_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let sound = || options(&folder.path().join("a.db"), Purpose::Write, &SqliteLimits::default());
        let mut connection = sound().connect().await.unwrap();
        assert_eq!(assert_settings(&mut connection).await.unwrap(), None);
        let unsound = [
            (sound().synchronous(SqliteSynchronous::Normal), "synchronous"),
            (sound().foreign_keys(false), "foreign_keys"),
        ];
        for (options, name) in unsound {
            let mut connection = options.connect().await.unwrap();
            let wrong = assert_settings(&mut connection).await.unwrap().unwrap();
            assert!(wrong.contains(name), "{wrong}");
        }
    }
}
