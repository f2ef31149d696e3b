//! The store on SQLite: one file a service, one writer that groups what waits, several readers.
//!
//! Durability rests on WAL with `synchronous=FULL`, asserted on every connection. One process owns the file; another that
//! opens it all the same waits for the lock, and finds what the first one wrote: nothing is decided on what is kept in memory.

mod changes;
mod connect;
mod decode;
mod error;
mod facts;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use self::error::not_read;
pub(crate) use self::error::{explained, is_damaged};
use self::writer::{Rare, Writer};
use super::lane::{self, Job};
use super::tables::{Tables, check_table};
use super::{DueTimers, LastPositions, Store, StoreError, Wake, sql};
use crate::commit::{Commit, CommitError, Committed, KeptAnswer};
use crate::context::Context;
use crate::event::{Recorded, StreamId};
use crate::log::{Position, SentMessage, SourceKey};
use crate::view::{Row, Select, Table};

/// How much the store takes on.
#[derive(Clone, Debug)]
pub struct SqliteLimits {
    /// Calls of [`Store::write`] that may wait; past it commits are refused with [`CommitError::Overloaded`].
    pub queue: usize,
    /// Commits in one transaction.
    pub group: usize,
    /// Connections that read.
    pub readers: u32,
    /// How long a lock held by another process is waited for.
    pub patience: Duration,
    /// Pages (of 4 KiB) that the file may have; `None`: as many as the disk holds.
    pub pages: Option<u32>,
}

impl Default for SqliteLimits {
    fn default() -> Self {
        Self { queue: 4096, group: 256, readers: 4, patience: Duration::from_secs(5), pages: None }
    }
}

/// A service's database in one SQLite file.
pub struct SqliteStore {
    jobs: mpsc::Sender<Job<Rare>>,
    readers: SqlitePool,
    tables: Arc<RwLock<Arc<Tables>>>,
    commits: watch::Sender<u64>,
    context: Context,
    epoch: String,
}

impl SqliteStore {
    /// Opens the file, or makes it. Refused where it belongs to another service or a newer engine.
    pub async fn open(path: &Path, service: &str, context: &Context) -> Result<Self, StoreError> {
        Self::open_with(path, service, context, SqliteLimits::default()).await
    }

    /// As [`SqliteStore::open`], with limits of the caller's.
    pub async fn open_with(
        path: &Path,
        service: &str,
        context: &Context,
        limits: SqliteLimits,
    ) -> Result<Self, StoreError> {
        let mut connection = connect::writer(path, &limits).await?;
        let identity = schema::prepare(&mut connection, service, context).await?;
        let readers = connect::readers(path, &limits).await?;
        let tables = Arc::new(RwLock::new(Arc::new(identity.tables)));
        let commits = watch::Sender::new(0);
        let (jobs, waiting) = mpsc::channel(limits.queue.max(1));
        let writer = Writer {
            path: PathBuf::from(path),
            connection: Some(connection),
            tables: Arc::clone(&tables),
            context: context.clone(),
            commits: commits.clone(),
            limits: SqliteLimits { group: limits.group.max(1), ..limits },
            texts: changes::Texts::default(),
            groups: 0,
        };
        tokio::spawn(lane::run(writer, waiting));
        Ok(Self { jobs, readers, tables, commits, context: context.clone(), epoch: identity.epoch })
    }

    fn tables_now(&self) -> Arc<Tables> {
        Arc::clone(&self.tables.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Asks the writer for something rare, and waits for the answer.
    async fn administer<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Rare,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let (caller, answer) = oneshot::channel();
        self.jobs.send(Job::Rare(job(caller))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn all<T>(rows: Vec<SqliteRow>, decode: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>) -> Result<Vec<T>, StoreError> {
    rows.iter().map(decode).collect::<Result<_, _>>().map_err(|error| not_read(&error))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl Store for SqliteStore {
    async fn write(&self, commits: Vec<Commit>) -> Vec<Result<Committed, CommitError>> {
        lane::submit(&self.jobs, commits).await
    }

    async fn read_page(
        &self,
        stream: &StreamId,
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let query = sqlx::query(include_str!("sql/sqlite/read_stream.sql"));
        let query = query.bind(stream.as_str()).bind(signed(after_version)).bind(at_most(limit));
        all(query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?, decode::recorded)
    }

    async fn stream_version(&self, stream: &StreamId) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar("SELECT version FROM streams WHERE stream = $1").bind(stream.as_str());
        let version: Option<i64> = query.fetch_optional(&self.readers).await.map_err(|error| not_read(&error))?;
        Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
    }

    async fn read_events(&self, after_pos: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let query = sqlx::query(include_str!("sql/sqlite/read_events.sql"));
        let query = query.bind(signed(after_pos)).bind(at_most(limit));
        all(query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?, decode::recorded)
    }

    async fn read_outgoing(&self, after_pos: u64, limit: usize) -> Result<Vec<SentMessage>, StoreError> {
        let query = sqlx::query(include_str!("sql/sqlite/read_outgoing.sql"));
        let query = query.bind(signed(after_pos)).bind(at_most(limit));
        all(query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?, decode::sent_message)
    }

    async fn last_positions(&self) -> Result<LastPositions, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(|error| not_read(&error))?;
        facts::last_positions(&mut connection).await.map_err(|error| not_read(&error))
    }

    async fn answer(&self, command_id: Uuid) -> Result<Option<KeptAnswer>, StoreError> {
        let query = sqlx::query("SELECT command_id, request_hash, saga, answer FROM answers WHERE command_id = $1");
        let query = query.bind(command_id.as_bytes().to_vec());
        let row = query.fetch_optional(&self.readers).await.map_err(|error| not_read(&error))?;
        row.as_ref().map(decode::kept_answer).transpose().map_err(|error| not_read(&error))
    }

    async fn forget_answers(&self, saga: Uuid) -> Result<u64, StoreError> {
        self.administer(|caller| Rare::ForgetAnswers(saga, caller)).await
    }

    async fn due_timers(&self, limit: usize) -> Result<DueTimers, StoreError> {
        let now = self.context.now();
        let query = sqlx::query("SELECT id, due, payload FROM timers WHERE due <= $1 ORDER BY due, id LIMIT 0 + $2");
        let query = query.bind(now.as_microsecond()).bind(at_most(limit));
        let due = all(query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?, decode::timer)?;
        let next = sqlx::query_scalar("SELECT min(due) FROM timers WHERE due > $1").bind(now.as_microsecond());
        let next: Option<i64> = next.fetch_one(&self.readers).await.map_err(|error| not_read(&error))?;
        let until = |next: i64| Duration::from_micros(u64::try_from(next - now.as_microsecond()).unwrap_or(0));
        Ok(DueTimers { due, next_in: next.map(until) })
    }

    async fn positions(&self, consumer: &str) -> Result<Vec<(SourceKey, Position)>, StoreError> {
        let columns = "SELECT consumer, topic, source, partition, pos, epoch, log_offset FROM positions \
                       WHERE consumer = $1 ORDER BY topic, source, partition";
        let rows = sqlx::query(columns).bind(consumer).fetch_all(&self.readers).await;
        let positions = all(rows.map_err(|error| not_read(&error))?, decode::position)?;
        Ok(positions.into_iter().map(|((_, source), position)| (source, position)).collect())
    }

    async fn create_table(&self, table: &Table) -> Result<(), StoreError> {
        check_table(table).map_err(StoreError::Refused)?;
        match self.tables_now().get(&table.name) {
            Ok(known) if known == table => return Ok(()),
            Ok(_) => {
                let text = format!("table `{}` is there with other columns: give it a name of its own", table.name);
                return Err(StoreError::Refused(text));
            }
            Err(_) => {}
        }
        self.administer(|caller| Rare::CreateTable(table.clone(), caller)).await
    }

    async fn tables(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT name FROM row_tables ORDER BY name").fetch_all(&self.readers).await;
        all(rows.map_err(|error| not_read(&error))?, |row| row.try_get(0))
    }

    async fn drop_table(&self, table: &str, consumer: Option<&str>) -> Result<(), StoreError> {
        self.administer(|caller| Rare::DropTable(table.to_owned(), consumer.map(str::to_owned), caller)).await
    }

    async fn select(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables_now();
        let table = tables.check_select(select).map_err(StoreError::Refused)?;
        let sql = sql::select(table, select);
        let query = sql.parameters.iter().fold(sqlx::query(AssertSqlSafe(sql.text)), changes::bind_value);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?;
        all(rows, |row| decode::view_row(table, row))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.context.now())
    }

    async fn epoch(&self) -> Result<String, StoreError> {
        Ok(self.epoch.clone())
    }

    fn wake(&self) -> Wake {
        Wake::new(self.commits.subscribe())
    }

    async fn health(&self) -> Result<(), StoreError> {
        if self.jobs.is_closed() {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        sqlx::query("SELECT value FROM meta LIMIT 1")
            .execute(&self.readers)
            .await
            .map_err(|error| not_read(&error))
            .map(drop)
    }

    async fn close(&self) {
        lane::close(&self.jobs).await;
        self.readers.close().await;
    }
}
