//! Connections: opened with the settings that durability and the fence rest on, which are then read back and asserted.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Row};

use super::PostgresSettings;
use super::error::not_opened;
use crate::store::StoreError;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Writing groups of commits. A transaction is short: while it runs, no reader can pass its fence.
    Write,
    /// Answering: streams, answers, rows, timers.
    Read,
    /// Tailing: events and messages in global order.
    Tail,
}

/// The settings of each connection.
pub(super) fn options(settings: &PostgresSettings, purpose: Purpose) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = settings
        .url
        .parse()
        .map_err(|error| StoreError::Refused(format!("the URL of the database cannot be read: {error}")))?;
    if let Some(file) = root_certificate(&settings.url).filter(|file| !Path::new(file).is_file()) {
        return Err(StoreError::Refused(format!("`sslrootcert` of the database's URL: there is no file `{file}`")));
    }
    let role = match purpose {
        Purpose::Write => "writer",
        Purpose::Read => "reader",
        Purpose::Tail => "tail",
    };
    let name = format!("minos {} {role}", settings.service);
    let timeout = settings.statement_timeout.as_millis().to_string();
    let options = options
        .application_name(&name)
        .statement_cache_capacity(512)
        .options([
            ("statement_timeout", timeout.as_str()),
            ("idle_in_transaction_session_timeout", timeout.as_str()),
            ("synchronous_commit", "on"),
            ("default_transaction_isolation", "read committed"),
            ("jit", "off"),
        ])
        .disable_statement_logging();
    Ok(match purpose {
        // Its statements are few and go by keys: planned once, by index also as long as a table is small and not yet analysed.
        Purpose::Write => options.options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
        ]),
        // In global order by index, never by sorting all that comes after.
        Purpose::Tail => options.options([("enable_seqscan", "off"), ("enable_bitmapscan", "off")]),
        Purpose::Read => options,
    })
}

/// The file that the URL names, if it is spelled plainly. The driver would say only that some file is not there, and at each
/// connection.
fn root_certificate(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|part| part.strip_prefix("sslrootcert=")).filter(|file| !file.contains('%'))
}

/// Opens a writer's connection.
pub(super) async fn writer(settings: &PostgresSettings) -> Result<PgConnection, StoreError> {
    let options = options(settings, Purpose::Write)?;
    let connecting = tokio::time::timeout(settings.patience, options.connect());
    let mut connection = match connecting.await {
        Ok(connected) => connected.map_err(|error| not_opened(&error))?,
        Err(_) => return Err(StoreError::Unavailable("the database does not answer".to_owned())),
    };
    match assert_settings(&mut connection).await.map_err(|error| not_opened(&error))? {
        None => Ok(connection),
        Some(wrong) => {
            let _ = connection.close().await;
            Err(StoreError::Refused(wrong))
        }
    }
}

/// Reads back what durability and the fence rest on; says what is not as it must be.
pub(super) async fn assert_settings(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT current_setting('synchronous_commit'), current_setting('server_encoding'), pg_is_in_recovery(), \
         current_setting('fsync')",
    )
    .fetch_one(connection)
    .await?;
    let (synchronous, encoding): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if synchronous == "off" {
        return Ok(Some("`synchronous_commit` is `off`: commits that were answered could be lost".to_owned()));
    }
    if encoding != "UTF8" {
        return Ok(Some(format!("the database's encoding is `{encoding}`, and must be `UTF8`")));
    }
    if row.try_get(2)? {
        return Ok(Some("the server is a standby: the store needs the primary".to_owned()));
    }
    if row.try_get::<String, _>(3)? == "off" {
        tracing::warn!("the server runs with `fsync = off`: a power cut loses what was answered");
    }
    Ok(None)
}

/// A pool of connections that read.
pub(super) fn pool(settings: &PostgresSettings, purpose: Purpose, connections: u32) -> Result<PgPool, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(connections.max(1))
        .min_connections(0)
        .test_before_acquire(false)
        .acquire_timeout(settings.patience)
        .idle_timeout(Some(Duration::from_secs(600)))
        .max_lifetime(None);
    Ok(pool.connect_lazy_with(options(settings, purpose)?))
}
