//! One group of commits in one transaction.

use sqlx::postgres::PgConnection;

use super::error::{Failure, commit_failed, not_written};
use super::statement::{self, Texts};
use super::{PostgresSettings, append, changes, facts};
use crate::commit::{Commit, CommitError, Committed};
use crate::log::SourceKey;
use crate::store::plan::{Changes, Needs, results};
use crate::store::tables::Tables;

/// What became of commits, by their places in the group.
pub(super) type Placed = Vec<(usize, Result<Committed, CommitError>)>;

/// How a group is written.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// The frequent commits, by one statement; those that it does not write are left undecided.
    Append(&'a append::Plan<'a>),
    /// Any commits: what they need is locked and read, they are decided one after the other, and what was admitted is written.
    Plan(&'a [(usize, &'a Commit)]),
}

/// Writes a group; an error is that of the transaction, and nothing was written (but for `Unknown`).
pub(super) async fn write(
    connection: &mut PgConnection,
    texts: &mut Texts,
    tables: &Tables,
    settings: &PostgresSettings,
    way: Way<'_>,
) -> Result<Placed, Failure> {
    match way {
        Way::Append(plan) => {
            let clock = settings.clock.as_ref().map(|clock| clock.now());
            let written = statement::write(connection, texts, tables, plan, clock).await;
            let written = written.map_err(|error| commit_failed(&error))?;
            Ok(written.into_iter().map(|(place, committed)| (place, Ok(committed))).collect())
        }
        Way::Plan(commits) => by_plan(connection, tables, settings, commits).await,
    }
}

async fn by_plan(
    connection: &mut PgConnection,
    tables: &Tables,
    settings: &PostgresSettings,
    commits: &[(usize, &Commit)],
) -> Result<Placed, Failure> {
    let failed = |error: sqlx::Error| not_written(&error);
    let began = facts::begin(connection).await.map_err(failed)?;
    let at = settings.clock.as_ref().map_or(began, |clock| clock.now());
    let needs = Needs::of(commits.iter().map(|(_, commit)| *commit));
    let mut known = facts::read(connection, &needs).await.map_err(failed)?;
    let had: Vec<_> = known.positions.keys().cloned().collect();
    let mut changes = Changes::default();
    let admitted: Vec<_> = commits.iter().map(|(_, commit)| known.admit(commit, tables, &mut changes)).collect();
    let mut drawn = Vec::new();
    if !changes.is_empty() {
        let had = |consumer: &str, source: &SourceKey| had.iter().any(|(name, of)| name == consumer && of == source);
        let moved =
            changes.positions.iter().map(|((consumer, source), to)| (*consumer, *source, *to, had(consumer, source)));
        let moved: Vec<_> = moved.collect();
        drawn = changes::write(connection, tables, &changes, &moved, at).await?;
    }
    sqlx::raw_sql("COMMIT").execute(connection).await.map_err(|error| commit_failed(&error))?;
    // What was planned counts from 1; the database drew others, in the same order.
    let true_position = |planned: u64| drawn.get(usize::try_from(planned - 1).ok()?).copied();
    let true_positions = |planned: Vec<u64>| planned.into_iter().filter_map(true_position).collect();
    let admitted = admitted.into_iter().map(|planned| planned.map(true_positions)).collect();
    let places = commits.iter().map(|(place, _)| *place);
    Ok(places.zip(results(admitted, at, Ok(()))).collect())
}
