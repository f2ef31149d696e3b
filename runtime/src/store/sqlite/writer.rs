//! The one writer: it owns the only connection that writes, writes each group of its [`lane`] in one transaction, and does the few
//! other changes (tables made and dropped) in turn.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::changes::{self, Texts};
use super::error;
use super::{SqliteLimits, connect, facts, schema};
use crate::commit::{Commit, CommitError, Committed};
use crate::context::Context;
use crate::store::StoreError;
use crate::store::lane::{self, Results};
use crate::store::plan::{Changes, Needs, results};
use crate::store::tables::Tables;
use crate::view::Table;

/// So that the planner knows what the tables hold: a short look at them (bounded by `analysis_limit`), every so many groups.
const GROUPS_BETWEEN_ANALYSES: u64 = 4096;

/// The rare jobs of the writer, and whom to answer.
pub(super) enum Rare {
    CreateTable(Table, oneshot::Sender<Result<(), StoreError>>),
    DropTable(String, Option<String>, oneshot::Sender<Result<(), StoreError>>),
    ForgetAnswers(Uuid, oneshot::Sender<Result<u64, StoreError>>),
}

/// The writer's own.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    /// None: it failed, and is opened again for the next group.
    pub(super) connection: Option<SqliteConnection>,
    pub(super) tables: Arc<RwLock<Arc<Tables>>>,
    pub(super) context: Context,
    pub(super) commits: watch::Sender<u64>,
    pub(super) limits: SqliteLimits,
    pub(super) texts: Texts,
    /// How many groups were written.
    pub(super) groups: u64,
}

impl lane::Writer for Writer {
    type Rare = Rare;

    fn group(&self) -> usize {
        self.limits.group
    }

    async fn write(&mut self, commits: &[Commit]) -> Results {
        self.groups += 1;
        if self.groups.is_multiple_of(GROUPS_BETWEEN_ANALYSES) {
            self.analyse().await;
        }
        self.write_together(commits).await
    }

    fn tell(&self, _: &[Result<Committed, CommitError>]) {
        self.commits.send_modify(|count| *count += 1);
    }

    async fn administer(&mut self, job: Rare) {
        match job {
            Rare::CreateTable(table, caller) => {
                let _ = caller.send(self.create_table(table).await);
            }
            Rare::DropTable(table, consumer, caller) => {
                let _ = caller.send(self.drop_table(&table, consumer.as_deref()).await);
            }
            Rare::ForgetAnswers(saga, caller) => {
                let _ = caller.send(self.forget_answers(saga).await);
            }
        }
    }

    async fn close(&mut self) {
        self.analyse().await;
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}

impl Writer {
    /// One transaction for all; where a value of one of them is refused by the database, each on its own.
    async fn write_together(&mut self, commits: &[Commit]) -> Results {
        match self.transaction(commits).await {
            Ok(results) => results,
            Err(CommitError::Invalid(_)) if commits.len() > 1 => {
                let mut results = Vec::with_capacity(commits.len());
                for commit in commits {
                    let alone = self.transaction(std::slice::from_ref(commit)).await;
                    results.extend(alone.unwrap_or_else(|error| vec![Err(error)]));
                }
                results
            }
            Err(error) => commits.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// One transaction for all; an error is that of the transaction, and nothing was written (but for `Unknown`).
    async fn transaction(&mut self, commits: &[Commit]) -> Result<Results, CommitError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::writer(&self.path, &self.limits)
                .await
                .map_err(|error| CommitError::Unavailable(error.to_string()))?,
        };
        let written = self.transaction_on(&mut connection, commits).await;
        match &written {
            Ok(_) => self.connection = Some(connection),
            Err(CommitError::Unknown(_)) => drop(connection),
            Err(_) => {
                // SQLite has rolled back by itself after some errors; then there is nothing to roll back.
                let rolled_back = sqlx::query("ROLLBACK").execute(&mut connection).await;
                let none_active = |error: &sqlx::Error| {
                    error.as_database_error().is_some_and(|error| error.message().contains("no transaction is active"))
                };
                if rolled_back.is_ok() || rolled_back.is_err_and(|error| none_active(&error)) {
                    self.connection = Some(connection);
                }
            }
        }
        written
    }

    async fn transaction_on(
        &mut self,
        connection: &mut SqliteConnection,
        commits: &[Commit],
    ) -> Result<Results, CommitError> {
        let failed = |error: sqlx::Error| error::not_written(&error);
        let mut known = facts::begin(connection, &Needs::of(commits)).await.map_err(failed)?;
        let tables = Arc::clone(&self.tables.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let mut changes = Changes::default();
        let admitted = commits.iter().map(|commit| known.admit(commit, &tables, &mut changes)).collect();
        let now = self.context.now();
        if !changes.is_empty() {
            changes::write(connection, &mut self.texts, &tables, &changes, now).await.map_err(failed)?;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await.map_err(|error| error::commit_failed(&error))?;
        Ok(results(admitted, now, Ok(())))
    }

    async fn create_table(&mut self, table: Table) -> Result<(), StoreError> {
        let connection = self.connected().await?;
        schema::create_table(connection, &table).await.map_err(|error| error::not_read(&error))?;
        self.change_tables(|tables| tables.add(table));
        Ok(())
    }

    async fn drop_table(&mut self, table: &str, consumer: Option<&str>) -> Result<(), StoreError> {
        let connection = self.connected().await?;
        schema::drop_table(connection, table, consumer).await.map_err(|error| error::not_read(&error))?;
        self.change_tables(|tables| tables.remove(table));
        Ok(())
    }

    async fn forget_answers(&mut self, saga: Uuid) -> Result<u64, StoreError> {
        let connection = self.connected().await?;
        let delete = sqlx::query("DELETE FROM answers WHERE saga = $1").bind(saga.as_bytes().to_vec());
        let done = delete.execute(connection).await.map_err(|error| error::not_read(&error))?;
        Ok(done.rows_affected())
    }

    async fn connected(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.connection.is_none() {
            self.connection = Some(connect::writer(&self.path, &self.limits).await?);
        }
        self.connection.as_mut().ok_or_else(|| StoreError::Unavailable("no connection".to_owned()))
    }

    fn change_tables(&self, change: impl FnOnce(&mut Tables)) {
        let mut current = self.tables.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(Arc::make_mut(&mut current));
    }

    async fn analyse(&mut self) {
        if let Some(connection) = &mut self.connection
            && let Err(error) = sqlx::query("PRAGMA optimize").execute(connection).await
        {
            tracing::warn!(%error, "the tables could not be analysed");
        }
    }
}
