//! How a lane writes a group. Commands have theirs (see [`super::lanes`]), and consumers another, so that a large batch of a
//! view keeps nobody waiting who wants an answer.

use std::convert::Infallible;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::error::Failure;
use super::transaction::{self, Placed, Way};
use super::wake::Commits;
use super::{PostgresSettings, append, connect, schema, statement};
use crate::commit::{Commit, CommitError, Committed};
use crate::context::Context;
use crate::store::fold;
use crate::store::lane::{self, Results};
use crate::store::tables::Tables;

/// How often a group that raced with another instance's is written again.
const ATTEMPTS: u32 = 8;
/// The longest pause before that.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A lane's own.
pub(super) struct Lane {
    pub(super) settings: Arc<PostgresSettings>,
    /// None: it failed, and is opened again for the next group.
    pub(super) connection: Option<PgConnection>,
    pub(super) tables: Arc<RwLock<Arc<Tables>>>,
    pub(super) context: Context,
    pub(super) commits: Arc<Commits>,
    pub(super) texts: statement::Texts,
    pub(super) answered: append::Answered,
}

impl lane::Writer for Lane {
    type Rare = Infallible;

    fn group(&self) -> usize {
        self.settings.group
    }

    async fn write(&mut self, commits: &[Commit]) -> Results {
        self.write_together(commits).await
    }

    fn tell(&self, results: &[Result<Committed, CommitError>]) {
        self.commits.written(results);
    }

    async fn administer(&mut self, job: Infallible) {
        match job {}
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = tokio::time::timeout(self.settings.patience, connection.close()).await;
        }
    }
}

impl Lane {
    /// The frequent ones by one statement; the others, and those that it did not write, by plan.
    async fn write_together(&mut self, commits: &[Commit]) -> Results {
        let tables = self.tables_for(commits).await;
        let mut results: Vec<Option<Result<Committed, CommitError>>> = vec![None; commits.len()];
        let mut plan = append::Plan::default();
        for (place, commit) in commits.iter().enumerate() {
            plan.take(place, commit, &tables, &self.answered);
        }
        if !plan.is_empty() {
            match self.attempt(Way::Append(&plan), &tables).await {
                Ok(written) => written.into_iter().for_each(|(place, result)| results[place] = Some(result)),
                // The guilty one is found by plan.
                Err(Failure::Guilty(_)) => {}
                Err(failure) => {
                    let error = refused(failure);
                    plan.places().for_each(|place| results[place] = Some(Err(error.clone())));
                }
            }
        }
        let left: Vec<_> = commits.iter().enumerate().filter(|(place, _)| results[*place].is_none()).collect();
        for (place, result) in self.write_by_plan(&left, &tables).await {
            results[place] = Some(result);
        }
        for (commit, result) in commits.iter().zip(&results) {
            if let Some(Ok(_) | Err(CommitError::Answered(_) | CommitError::Unknown(_))) = result {
                self.answered.take(commit);
            }
        }
        let lost = || Err(CommitError::Unknown("a commit was left undecided".to_owned()));
        results.into_iter().map(|result| result.unwrap_or_else(lost)).collect()
    }

    /// One transaction for all; where a value of one of them is refused by the database, each on its own.
    async fn write_by_plan(&mut self, commits: &[(usize, &Commit)], tables: &Tables) -> Placed {
        let together = match commits {
            [] => return Vec::new(),
            _ => self.attempt(Way::Plan(commits), tables).await,
        };
        match together {
            Ok(results) => results,
            Err(Failure::Guilty(_)) if commits.len() > 1 => {
                let mut results = Vec::with_capacity(commits.len());
                for commit in commits {
                    results.extend(Box::pin(self.write_by_plan(std::slice::from_ref(commit), tables)).await);
                }
                results
            }
            Err(failure) => {
                let error = refused(failure);
                commits.iter().map(|(place, _)| (*place, Err(error.clone()))).collect()
            }
        }
    }

    /// Writes, again where another instance came in between.
    async fn attempt(&mut self, way: Way<'_>, tables: &Tables) -> Result<Placed, Failure> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.transaction(way, tables).await {
                // What another instance wrote at the same moment is seen the second time, and said then.
                Err(Failure::Guilty(_)) if attempt == 1 && matches!(way, Way::Plan([_])) => {}
                Err(Failure::Raced(_)) if attempt < ATTEMPTS => {
                    tokio::time::sleep(LONGEST_PAUSE.mul_f64(self.context.fraction())).await;
                }
                written => return written,
            }
        }
    }

    /// One transaction. The connection is kept only where it is known to be sound.
    async fn transaction(&mut self, way: Way<'_>, tables: &Tables) -> Result<Placed, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::writer(&self.settings).await.map_err(|error| Failure::Away(error.to_string()))?,
        };
        let writing = transaction::write(&mut connection, &mut self.texts, tables, &self.settings, way);
        // A server that hangs says nothing, ever.
        let written = match tokio::time::timeout(self.settings.answer_within(), writing).await {
            Ok(written) => written,
            Err(_) => Err(Failure::Unknown("the database did not answer in time".to_owned())),
        };
        let sound = match (&written, way) {
            (Ok(_), _) => true,
            (Err(Failure::Unknown(_)), _) => false,
            (Err(Failure::Away(_)), Way::Append(_)) => false,
            // It was the statement's own transaction, and is over.
            (Err(_), Way::Append(_)) => true,
            (Err(_), Way::Plan(_)) => {
                let rolling_back = sqlx::raw_sql("ROLLBACK").execute(&mut connection);
                let rolled_back = tokio::time::timeout(self.settings.answer_within(), rolling_back).await;
                rolled_back.is_ok_and(|done| done.is_ok())
            }
        };
        if sound {
            self.connection = Some(connection);
        }
        written
    }

    /// The tables of rows, read again where a commit names one that is not known: another instance may have made it.
    async fn tables_for(&mut self, commits: &[Commit]) -> Arc<Tables> {
        let known = Arc::clone(&self.tables.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let mut rows = commits.iter().flat_map(|commit| &commit.rows);
        if rows.all(|change| known.get(fold::table_of(change)).is_ok()) {
            return known;
        }
        if self.connection.is_none() {
            self.connection = connect::writer(&self.settings).await.ok();
        }
        let Some(connection) = &mut self.connection else { return known };
        match schema::tables(connection).await {
            Ok(tables) => {
                let tables = Arc::new(tables);
                *self.tables.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&tables);
                tables
            }
            Err(_) => known,
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
