//! The embedded log: one SQLite file that the services of one machine share.
//!
//! Appends of all publishers that wait go into one transaction (WAL, `synchronous=FULL`). A message's offset is its row id;
//! one writer gives them out, so they commit in order and a reader with `offset > last` misses nothing. Nothing is ever
//! deleted: views are rebuilt from the first message. Topics have one partition.

mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, Row, SqliteConnection};
use tokio::sync::watch;

use super::{Log, LogError, Message, Read};
use writer::Writer;

/// The layout of the file that this build reads and writes, kept in `user_version`.
const LAYOUT: i64 = 1;

/// How long a reader sleeps between two looks at the file, from the shortest to the longest: appends of this process wake it
/// at once, those of another process are found by looking.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// The embedded log.
pub struct EmbeddedLog {
    readers: SqlitePool,
    writer: Writer,
    newest: Arc<Newest>,
}

/// The newest offset that this process appended, a topic: what wakes readers.
#[derive(Default)]
struct Newest(Mutex<BTreeMap<String, watch::Sender<u64>>>);

impl Newest {
    fn subscribe(&self, topic: &str) -> watch::Receiver<u64> {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.entry(topic.to_owned()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    fn appended(&self, topic: &str) {
        let topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(topic) {
            topic.send_modify(|count| *count += 1);
        }
    }
}

impl EmbeddedLog {
    /// Opens the log file, and makes it where there is none.
    pub async fn open(file: &Path) -> Result<Self, LogError> {
        let options = options(file);
        let mut connection = connect(&options).await?;
        prepare(&mut connection).await?;
        let newest = Arc::new(Newest::default());
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| Box::pin(async move { assert_durable(connection).await }))
            .connect_lazy_with(options);
        Ok(Self { readers, writer: Writer::start(connection, Arc::clone(&newest)), newest })
    }

    async fn rows(&self, topic: &str, offset: u64, limit: usize) -> Result<Vec<Read>, LogError> {
        let rows = sqlx::query(include_str!("sql/read.sql"))
            .bind(topic)
            .bind(signed(offset))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)?;
        rows.iter()
            .map(|row| {
                let offset: i64 = row.try_get(0).map_err(unavailable)?;
                let text: String = row.try_get(1).map_err(unavailable)?;
                Ok(Read { next_offset: unsigned(offset), message: Message::decode(&text) })
            })
            .collect()
    }

    async fn newest_offset(&self, topic: &str) -> Result<u64, LogError> {
        let offset: Option<i64> = sqlx::query_scalar(include_str!("sql/end.sql"))
            .bind(topic)
            .fetch_one(&self.readers)
            .await
            .map_err(unavailable)?;
        Ok(unsigned(offset.unwrap_or(0)))
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    async fn create_topic(&self, topic: &str) -> Result<(), LogError> {
        self.writer.create_topic(topic).await
    }

    async fn partitions(&self, _topic: &str) -> Result<u32, LogError> {
        Ok(1)
    }

    async fn publish(&self, messages: &[Message]) -> Result<(), LogError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.writer.append(messages).await
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        offset: u64,
        limit: usize,
        at_most: Duration,
    ) -> Result<Vec<Read>, LogError> {
        if partition != 0 {
            return Err(LogError::Refused(format!(
                "topic `{topic}` has no partition {partition}: the embedded log has one a topic"
            )));
        }
        let deadline = tokio::time::Instant::now() + at_most;
        let mut newest = self.newest.subscribe(topic);
        let mut pause = POLL.0;
        loop {
            newest.mark_unchanged();
            let rows = self.rows(topic, offset, limit).await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            if pause == POLL.0 {
                let end = self.newest_offset(topic).await?;
                if end < offset {
                    return Err(LogError::Lost(format!(
                        "topic `{topic}` ends at offset {end}, but was read up to {offset} before: the log's file was lost or replaced"
                    )));
                }
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(rows);
            }
            tokio::select! {
                _ = newest.changed() => {}
                () = tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + pause)) => {
                    pause = (pause * 2).min(POLL.1);
                }
            }
        }
    }

    async fn end(&self, topic: &str, _partition: u32) -> Result<u64, LogError> {
        self.newest_offset(topic).await
    }

    async fn newest_of(
        &self,
        source: &str,
        epoch: &str,
        topic: &str,
        _partition: u32,
    ) -> Result<Option<u64>, LogError> {
        let newest = sqlx::query_scalar::<_, Option<i64>>(include_str!("sql/newest.sql"));
        let newest = newest.bind(source).bind(epoch).bind(topic).fetch_one(&self.readers).await.map_err(unavailable)?;
        Ok(Some(unsigned(newest.unwrap_or(0))))
    }

    async fn health(&self) -> Result<(), LogError> {
        self.writer.health()?;
        sqlx::query("SELECT 1").execute(&self.readers).await.map(drop).map_err(unavailable)
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
}

async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, LogError> {
    let mut connection = SqliteConnection::connect_with(options).await.map_err(unavailable)?;
    assert_durable(&mut connection).await.map_err(unavailable)?;
    Ok(connection)
}

/// `NORMAL` loses what was acknowledged when the power fails; so no connection is used before it says `FULL`.
async fn assert_durable(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
    if mode == "wal" && synchronous == 2 {
        return Ok(());
    }
    Err(sqlx::Error::Configuration(
        format!("the log's file would not be durable: journal mode `{mode}`, synchronous {synchronous}").into(),
    ))
}

/// Makes the tables of a new file; refuses a file of another layout.
async fn prepare(connection: &mut SqliteConnection) -> Result<(), LogError> {
    let layout: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(unavailable)?;
    if layout != 0 && layout != LAYOUT {
        return Err(LogError::Refused(format!(
            "the log's file has layout {layout}; this build reads layout {LAYOUT}: it was written by another version"
        )));
    }
    let foreign: i64 =
        sqlx::query_scalar(include_str!("sql/foreign.sql")).fetch_one(&mut *connection).await.map_err(unavailable)?;
    if layout == 0 && foreign > 0 {
        return Err(LogError::Refused("the file is a database of something else than Minos".to_owned()));
    }
    connection.execute(include_str!("sql/schema.sql")).await.map(drop).map_err(unavailable)
}

fn unavailable(error: sqlx::Error) -> LogError {
    let why = crate::store::sqlite::explained(&error);
    if crate::store::sqlite::is_damaged(&error) {
        return LogError::Refused(format!("{why}; or move it away: it is written again from the services' own data"));
    }
    LogError::Unavailable(why)
}

/// Offsets and positions are below 2^63: SQLite's integers.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests;
