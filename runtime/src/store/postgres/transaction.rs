//! One group of commits in one transaction.

use sqlx::postgres::PgConnection;

use super::error::{Failure, commit_failed, not_written};
use super::writer::Results;
use super::{PostgresSettings, changes, facts};
use crate::commit::Commit;
use crate::store::plan::{Changes, Needs, results};
use crate::store::tables::Tables;

/// What a group is written with.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a mut PgConnection,
    pub(super) tables: &'a Tables,
    pub(super) settings: &'a PostgresSettings,
}

impl Transaction<'_> {
    /// Writes the group; an error is that of the transaction, and nothing was written (but for `Unknown`).
    pub(super) async fn write(&mut self, commits: &[Commit]) -> Result<Results, Failure> {
        self.write_by_plan(commits).await
    }

    /// Any commits: what they need is locked and read, they are decided one after the other, and what was admitted is written.
    async fn write_by_plan(&mut self, commits: &[Commit]) -> Result<Results, Failure> {
        let failed = |error: sqlx::Error| not_written(&error);
        let began = facts::begin(self.connection).await.map_err(failed)?;
        let at = self.settings.clock.as_ref().map_or(began, |clock| clock.now());
        let mut known = facts::read(self.connection, &Needs::of(commits)).await.map_err(failed)?;
        let had: Vec<_> = known.positions.keys().cloned().collect();
        let mut changes = Changes::default();
        let admitted: Vec<_> = commits.iter().map(|commit| known.admit(commit, self.tables, &mut changes)).collect();
        let mut drawn = Vec::new();
        if !changes.is_empty() {
            let moved: Vec<_> = changes
                .positions
                .iter()
                .map(|((consumer, source), to)| {
                    let had = had.iter().any(|(name, of)| name == consumer && of == *source);
                    (*consumer, *source, *to, had)
                })
                .collect();
            drawn = changes::write(self.connection, self.tables, &changes, &moved, at).await?;
        }
        let commit = sqlx::query("COMMIT").execute(&mut *self.connection).await;
        commit.map_err(|error| commit_failed(&error))?;
        // What was planned counts from 1; the database drew others, in the same order.
        let place = |planned: u64| usize::try_from(planned).ok().and_then(|place| drawn.get(place - 1)).copied();
        let true_positions = |planned: Vec<u64>| planned.into_iter().filter_map(place).collect();
        let admitted = admitted.into_iter().map(|planned| planned.map(true_positions)).collect();
        Ok(results(admitted, at, Ok(())))
    }
}
