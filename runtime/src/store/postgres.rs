//! The store on Postgres: one database and one role a service, any number of instances of it.
//!
//! Writing: what waits in one of its `lanes` is written as one group, one after the other (`writer`); the commits that commands make take
//! one statement, which is their whole transaction (`append`); others are decided on what is locked and read (`transaction`). Locks are
//! taken in one order everywhere, positions are drawn after the transaction's id. Reading in global order goes by the `fence`.
//!
//! Several instances share one database: nothing is decided on what is kept in memory, what one makes the others find.

mod append;
mod changes;
mod connect;
mod decode;
mod error;
mod facts;
mod fence;
mod lanes;
mod rows;
mod schema;
mod statement;
mod transaction;
mod types;
mod wake;
mod writer;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc;
use uuid::Uuid;

use self::connect::Purpose;
use self::error::not_read;
use self::fence::{Fences, Kind};
use self::lanes::Lanes;
use self::types::{Id, Moment};
use self::wake::Commits;
use self::writer::Lane;
use super::lane;
use super::tables::{Tables, check_table};
use super::{DueTimers, LastPositions, Store, StoreError, Wake, sql};
use crate::commit::{Commit, CommitError, Committed, KeptAnswer};
use crate::context::Context;
use crate::event::{Recorded, StreamId};
use crate::log::{Position, SentMessage, SourceKey};
use crate::view::{Row, Select, Table};

/// Which database, and how much the store takes on. An instance has at most `readers + tails + 3` connections.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://ROLE:PASSWORD@HOST:PORT/DATABASE`; holds a secret, and is never shown.
    pub url: String,
    /// The service that the database belongs to.
    pub service: String,
    /// Calls of [`Store::write`] that may wait; past it commits are refused with [`CommitError::Overloaded`].
    pub queue: usize,
    /// Commits in one transaction.
    pub group: usize,
    /// Connections that answer: streams, kept answers, rows, timers.
    pub readers: u32,
    /// Connections of those who tail the store: relay and views.
    pub tails: u32,
    /// How long a connection is waited for.
    pub patience: Duration,
    /// How long a statement may take, and how long a transaction may be idle: while one runs, no reader passes its fence.
    pub statement_timeout: Duration,
    /// A clock instead of the database's, for tests.
    pub clock: Option<Context>,
}

impl PostgresSettings {
    /// A service's database, with the limits that most services have.
    pub fn new(url: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            service: service.into(),
            queue: 4096,
            group: 256,
            readers: 4,
            tails: 2,
            patience: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            clock: None,
        }
    }

    /// How long an answer is waited for before the connection is given up: somewhat longer than the server would take to cancel.
    fn answer_within(&self) -> Duration {
        self.statement_timeout.saturating_mul(2)
    }
}

impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url: _, service, queue, group, readers, tails, patience, statement_timeout, clock } = self;
        f.debug_struct("PostgresSettings")
            .field("service", service)
            .field("queue", queue)
            .field("group", group)
            .field("readers", readers)
            .field("tails", tails)
            .field("patience", patience)
            .field("statement_timeout", statement_timeout)
            .field("clock", &clock.is_some())
            .finish_non_exhaustive()
    }
}

/// A service's database on Postgres, as one instance of the service sees it.
pub struct PostgresStore {
    lanes: Lanes,
    readers: PgPool,
    tails: PgPool,
    tables: Arc<RwLock<Arc<Tables>>>,
    commits: Arc<Commits>,
    fences: Arc<Fences>,
    clock: Option<Context>,
    epoch: String,
}

impl PostgresStore {
    /// Opens the database, and makes or moves on its tables. `context` gives ids.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where it belongs to another service or to a newer engine, or does not let this role in;
    /// [`StoreError::Unavailable`] where the server is away.
    pub async fn open(settings: &PostgresSettings, context: &Context) -> Result<Self, StoreError> {
        let settings = Arc::new(settings.clone());
        let mut connection = connect::writer(&settings).await?;
        let identity = schema::prepare(&mut connection, &settings.service, context).await?;
        let readers = connect::pool(&settings, Purpose::Read, settings.readers)?;
        let tails = connect::pool(&settings, Purpose::Tail, settings.tails)?;
        let tables = Arc::new(RwLock::new(Arc::new(identity.tables)));
        let (commits, fences) = (Arc::<Commits>::default(), Arc::<Fences>::default());
        let lane = |connection| {
            let (jobs, waiting) = mpsc::channel(settings.queue.max(1));
            let lane = Lane {
                settings: Arc::clone(&settings),
                connection,
                tables: Arc::clone(&tables),
                context: context.clone(),
                commits: Arc::clone(&commits),
                texts: statement::Texts::default(),
                answered: append::Answered::default(),
            };
            tokio::spawn(lane::run(lane, waiting));
            jobs
        };
        let lanes = Lanes::new([lane(Some(connection)), lane(None)], lane(None));
        tokio::spawn(wake::look(tails.clone(), Arc::downgrade(&commits), Arc::downgrade(&fences)));
        let clock = settings.clock.clone();
        Ok(Self { lanes, readers, tails, tables, commits, fences, clock, epoch: identity.epoch })
    }

    fn tables_now(&self) -> Arc<Tables> {
        Arc::clone(&self.tables.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn change_tables(&self, change: impl FnOnce(&mut Tables)) {
        let mut current = self.tables.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(Arc::make_mut(&mut current));
    }

    /// The tables, with the one of that name if there is one: another instance may have made it.
    async fn tables_with(&self, name: &str) -> Result<Arc<Tables>, StoreError> {
        let known = self.tables_now();
        if known.get(name).is_ok() {
            return Ok(known);
        }
        let mut connection = self.readers.acquire().await.map_err(|error| not_read(&error))?;
        let tables = schema::tables(&mut connection).await?;
        self.change_tables(|known| *known = tables);
        Ok(self.tables_now())
    }

    /// Reads after a position, in global order, what is safe to read.
    async fn tail<T>(
        &self,
        kind: Kind,
        after: u64,
        limit: usize,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let text = match kind {
            Kind::Events => include_str!("sql/postgres/read_events.sql"),
            Kind::Outgoing => include_str!("sql/postgres/read_outgoing.sql"),
        };
        for attempt in 0.. {
            let safe = self.fences.safe(kind);
            let query = sqlx::query(text).bind(changes::signed(after)).bind(at_most(limit));
            let mut rows = query.fetch_all(&self.tails).await.map_err(|error| not_read(&error))?;
            let positions = rows.iter().map(|row| decode::unsigned(row, 0)).collect::<Result<Vec<_>, _>>();
            let positions = positions.map_err(|error| not_read(&error))?;
            let admitted = self.fences.admitted(kind, safe, after, positions.into_iter());
            // Something to give is given at once; the fence is then passed by the next to come.
            let nothing_yet = admitted == 0 && !rows.is_empty();
            if nothing_yet && self.fences.pass(kind, attempt, &self.tails).await.map_err(|error| not_read(&error))? {
                continue; // what was committed before the fence opened may not have been there when it was read
            }
            rows.truncate(admitted);
            return all(rows, decode);
        }
        Ok(Vec::new())
    }

    /// The newest safe position.
    async fn last_position(&self, kind: Kind) -> Result<u64, StoreError> {
        /// Gaps are rare: so many positions without one are looked through before a fence is asked for.
        const LOOK: i64 = 256;
        let text = match kind {
            Kind::Events => "SELECT pos FROM events WHERE pos > $1 ORDER BY pos LIMIT $2",
            Kind::Outgoing => "SELECT pos FROM outgoing WHERE pos > $1 ORDER BY pos LIMIT $2",
        };
        let failed = |error: sqlx::Error| not_read(&error);
        let safe = self.fences.safe(kind);
        let query = sqlx::query_scalar(text).bind(changes::signed(safe)).bind(LOOK);
        let found: Vec<i64> = query.fetch_all(&self.tails).await.map_err(failed)?;
        let admitted = self.fences.admitted(kind, safe, safe, found.iter().map(|pos| pos.unsigned_abs()));
        if admitted < found.len() || at_most(admitted) == LOOK {
            self.fences.pass(kind, 0, &self.tails).await.map_err(failed)?;
        }
        Ok(self.fences.safe(kind))
    }

    fn moment(&self) -> Option<Moment> {
        self.clock.as_ref().map(|clock| Moment(clock.now()))
    }
}

fn all<T>(rows: Vec<PgRow>, decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>) -> Result<Vec<T>, StoreError> {
    rows.iter().map(decode).collect::<Result<_, _>>().map_err(|error| not_read(&error))
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl Store for PostgresStore {
    async fn write(&self, commits: Vec<Commit>) -> Vec<Result<Committed, CommitError>> {
        self.lanes.submit(commits).await
    }

    async fn read_page(
        &self,
        stream: &StreamId,
        after_version: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let query = sqlx::query(include_str!("sql/postgres/read_stream.sql"));
        let query = query.bind(stream.as_str()).bind(changes::signed(after_version)).bind(at_most(limit));
        all(query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?, decode::recorded)
    }

    async fn stream_version(&self, stream: &StreamId) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar("SELECT version FROM streams WHERE stream = $1").bind(stream.as_str());
        let version: Option<i64> = query.fetch_optional(&self.readers).await.map_err(|error| not_read(&error))?;
        Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
    }

    async fn read_events(&self, after_pos: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.tail(Kind::Events, after_pos, limit, decode::recorded).await
    }

    async fn read_outgoing(&self, after_pos: u64, limit: usize) -> Result<Vec<SentMessage>, StoreError> {
        self.tail(Kind::Outgoing, after_pos, limit, decode::sent_message).await
    }

    async fn last_positions(&self) -> Result<LastPositions, StoreError> {
        let events = self.last_position(Kind::Events).await?;
        Ok(LastPositions { events, outgoing: self.last_position(Kind::Outgoing).await? })
    }

    async fn answer(&self, command_id: Uuid) -> Result<Option<KeptAnswer>, StoreError> {
        let query = sqlx::query("SELECT command_id, request_hash, saga, answer FROM answers WHERE command_id = $1");
        let query = query.bind(Id(command_id));
        let row = query.fetch_optional(&self.readers).await.map_err(|error| not_read(&error))?;
        row.as_ref().map(decode::kept_answer).transpose().map_err(|error| not_read(&error))
    }

    async fn forget_answers(&self, saga: Uuid) -> Result<u64, StoreError> {
        let delete = sqlx::query("DELETE FROM answers WHERE saga = $1").bind(Id(saga));
        let done = delete.execute(&self.readers).await.map_err(|error| not_read(&error))?;
        Ok(done.rows_affected())
    }

    async fn due_timers(&self, limit: usize) -> Result<DueTimers, StoreError> {
        let query = sqlx::query(include_str!("sql/postgres/read_due_timers.sql"));
        let rows = query.bind(self.moment()).bind(at_most(limit)).fetch_all(&self.readers).await;
        let failed = |error: sqlx::Error| not_read(&error);
        let (mut due, mut next_in) = (Vec::new(), None);
        for row in rows.map_err(failed)? {
            let now = row.try_get::<Moment, _>(0).map_err(failed)?.0;
            if row.try_get::<Option<Id>, _>(1).map_err(failed)?.is_some() {
                due.push(decode::timer(&row, 1).map_err(failed)?);
            } else {
                let next = row.try_get::<Moment, _>(2).map_err(failed)?.0;
                let until = u64::try_from(next.as_microsecond() - now.as_microsecond()).unwrap_or(0);
                next_in = Some(Duration::from_micros(until));
            }
        }
        Ok(DueTimers { due, next_in })
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
        let known = match self.tables_now().get(&table.name) {
            Ok(known) => known.clone(),
            Err(_) => {
                let mut connection = self.readers.acquire().await.map_err(|error| not_read(&error))?;
                schema::create_table(&mut connection, table).await?
            }
        };
        if known != *table {
            let text = format!("table `{}` is there with other columns: give it a name of its own", table.name);
            return Err(StoreError::Refused(text));
        }
        self.change_tables(|tables| tables.add(known));
        Ok(())
    }

    async fn tables(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT name FROM row_tables ORDER BY name").fetch_all(&self.readers).await;
        all(rows.map_err(|error| not_read(&error))?, |row| row.try_get(0))
    }

    async fn drop_table(&self, table: &str, consumer: Option<&str>) -> Result<(), StoreError> {
        let mut connection = self.readers.acquire().await.map_err(|error| not_read(&error))?;
        schema::drop_table(&mut connection, table, consumer).await.map_err(|error| not_read(&error))?;
        self.change_tables(|tables| tables.remove(table));
        Ok(())
    }

    async fn select(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables_with(&select.table).await?;
        let table = tables.check_select(select).map_err(StoreError::Refused)?;
        let sql = sql::select(table, select);
        let query = sql.parameters.iter().fold(sqlx::query(AssertSqlSafe(sql.text)), rows::bind_value);
        let rows = query.fetch_all(&self.readers).await.map_err(|error| not_read(&error))?;
        all(rows, |row| decode::view_row(table, row))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&self.readers).await;
        now.map(|now: Moment| now.0).map_err(|error| not_read(&error))
    }

    async fn epoch(&self) -> Result<String, StoreError> {
        Ok(self.epoch.clone())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn wake(&self) -> Wake {
        Wake::new(self.commits.subscribe())
    }

    fn fence_age(&self) -> Duration {
        self.fences.age()
    }

    async fn health(&self) -> Result<(), StoreError> {
        if self.lanes.are_closed() {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        sqlx::query("SELECT 1").execute(&self.readers).await.map_err(|error| not_read(&error)).map(drop)
    }

    async fn close(&self) {
        self.lanes.close().await;
        self.tails.close().await;
        self.readers.close().await;
    }
}
