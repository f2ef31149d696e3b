//! A lane: takes what waits, writes it as one group, answers. Commands have one, and consumers another, so that a large batch of a
//! view keeps nobody waiting who wants an answer.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{mpsc, oneshot};

use super::error::Failure;
use super::transaction::Transaction;
use super::wake::Commits;
use super::{PostgresSettings, connect, schema};
use crate::commit::{Commit, CommitError, Committed};
use crate::context::Context;
use crate::store::tables::Tables;

/// How often a group that raced with another instance's is written again.
const ATTEMPTS: u32 = 8;
/// The longest pause before that.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

pub(super) type Results = Vec<Result<Committed, CommitError>>;

/// Something for a lane to do, and whom to answer.
pub(super) enum Job {
    Write(Vec<Commit>, oneshot::Sender<Results>),
    Close(oneshot::Sender<()>),
}

/// A lane's own.
pub(super) struct Lane {
    pub(super) settings: Arc<PostgresSettings>,
    /// None: it failed, and is opened again for the next group.
    pub(super) connection: Option<PgConnection>,
    pub(super) tables: Arc<RwLock<Arc<Tables>>>,
    pub(super) context: Context,
    pub(super) commits: Arc<Commits>,
}

/// Commits that are written together, and who waits for how many of their results.
#[derive(Default)]
struct Group {
    commits: Vec<Commit>,
    callers: Vec<(usize, oneshot::Sender<Results>)>,
}

impl Lane {
    /// Works until it is closed, or nobody is left who could ask for anything.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.recv().await {
            // Those just answered are about to submit again: one turn of the scheduler lets them into this group.
            tokio::task::yield_now().await;
            let mut group = Group::default();
            let mut next = Some(first);
            while let Some(job) = next {
                match job {
                    Job::Write(commits, caller) => {
                        group.callers.push((commits.len(), caller));
                        group.commits.extend(commits);
                    }
                    Job::Close(done) => {
                        self.write(group).await;
                        jobs.close();
                        self.close().await;
                        let _ = done.send(());
                        return;
                    }
                }
                next = if group.commits.len() < self.settings.group { jobs.try_recv().ok() } else { None };
            }
            self.write(group).await;
        }
        self.close().await;
    }

    async fn write(&mut self, group: Group) {
        let mut results = Vec::with_capacity(group.commits.len());
        for commits in group.commits.chunks(self.settings.group.max(1)) {
            results.extend(self.write_together(commits).await);
        }
        self.commits.written(&group.commits, &results);
        let mut results = results.into_iter();
        for (count, caller) in group.callers {
            let _ = caller.send(results.by_ref().take(count).collect());
        }
    }

    /// One transaction for all; where a value of one of them is refused by the database, each on its own.
    async fn write_together(&mut self, commits: &[Commit]) -> Results {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let failure = match self.transaction(commits).await {
                Ok(results) => return results,
                Err(failure) => failure,
            };
            match failure {
                Failure::Guilty(_) if commits.len() > 1 => break,
                // What another instance wrote at the same moment is seen the second time, and said then.
                Failure::Guilty(_) if attempt == 1 => {}
                Failure::Raced(_) if attempt < ATTEMPTS => {
                    tokio::time::sleep(LONGEST_PAUSE.mul_f64(self.context.fraction())).await;
                }
                failure => {
                    let error = refused(failure);
                    return commits.iter().map(|_| Err(error.clone())).collect();
                }
            }
        }
        let mut results = Vec::with_capacity(commits.len());
        for commit in commits {
            results.extend(Box::pin(self.write_together(std::slice::from_ref(commit))).await);
        }
        results
    }

    /// One transaction for all. The connection is kept only where it is known to be sound.
    async fn transaction(&mut self, commits: &[Commit]) -> Result<Results, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::writer(&self.settings).await.map_err(|error| Failure::Away(error.to_string()))?,
        };
        let tables = self.tables_for(&mut connection, commits).await;
        let mut transaction = Transaction { connection: &mut connection, tables: &tables, settings: &self.settings };
        // A server that hangs says nothing, ever.
        let written = match tokio::time::timeout(self.settings.answer_within(), transaction.write(commits)).await {
            Ok(written) => written,
            Err(_) => Err(Failure::Unknown("the database did not answer in time".to_owned())),
        };
        match &written {
            Ok(_) => self.connection = Some(connection),
            Err(Failure::Unknown(_)) => drop(connection),
            Err(_) => {
                let rolling_back = sqlx::query("ROLLBACK").execute(&mut connection);
                let rolled_back = tokio::time::timeout(self.settings.answer_within(), rolling_back).await;
                if rolled_back.is_ok_and(|done| done.is_ok()) {
                    self.connection = Some(connection);
                }
            }
        }
        written
    }

    /// The tables of rows, read again where a commit names one that is not known: another instance may have made it.
    async fn tables_for(&self, connection: &mut PgConnection, commits: &[Commit]) -> Arc<Tables> {
        let known = Arc::clone(&self.tables.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let mut rows = commits.iter().flat_map(|commit| &commit.rows);
        if rows.all(|change| known.get(super::rows::table_of(change)).is_ok()) {
            return known;
        }
        match schema::tables(connection).await {
            Ok(tables) => {
                let tables = Arc::new(tables);
                *self.tables.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&tables);
                tables
            }
            Err(_) => known,
        }
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = tokio::time::timeout(self.settings.patience, connection.close()).await;
        }
    }
}

/// What a failure of the whole means to each commit.
fn refused(failure: Failure) -> CommitError {
    match failure {
        Failure::Guilty(why) => CommitError::Invalid(why),
        Failure::Raced(why) | Failure::Away(why) => CommitError::Unavailable(why),
        Failure::Unknown(why) => CommitError::Unknown(why),
    }
}
