//! Telling those who tail the store of commits: of this process at once, of other instances by looking, the more often the more
//! there is to see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgPool;
use tokio::sync::watch;

use super::fence::Fences;
use crate::commit::{Commit, CommitError, Committed};
use crate::fault::Point;

/// How often it looks where there was something to see just now.
const SHORTEST: Duration = Duration::from_millis(5);
/// How often it looks where there was nothing for long.
const LONGEST: Duration = Duration::from_millis(500);

/// What was committed, as far as this process knows.
#[derive(Debug)]
pub(super) struct Commits {
    told: watch::Sender<u64>,
    /// Events and messages of this process's own that readers were told of.
    own_events: AtomicU64,
}

impl Default for Commits {
    fn default() -> Self {
        Self { told: watch::Sender::new(0), own_events: AtomicU64::new(0) }
    }
}

impl Commits {
    /// For one who tails.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// A group was written.
    pub(super) fn written(&self, commits: &[Commit], results: &[Result<Committed, CommitError>]) {
        let written =
            || commits.iter().zip(results).filter_map(|(commit, result)| Some((commit, result.as_ref().ok()?)));
        if written().any(|(commit, _)| !commit.appends.is_empty()) {
            Point::AfterAppend.pass();
        }
        if let Some(last) = written().filter_map(|(_, committed)| committed.positions.last()).max() {
            self.own_events.fetch_max(*last, Ordering::Relaxed);
        }
        if written().any(|(commit, _)| wakes(commit)) {
            self.tell();
        }
    }

    fn tell(&self) {
        self.told.send_modify(|count| *count += 1);
    }
}

/// Whether a commit has something for those who tail the store. Positions and rows alone are their own work, and would
/// wake them for ever.
fn wakes(commit: &Commit) -> bool {
    !commit.appends.is_empty() || !commit.outgoing.is_empty() || !commit.timers.is_empty()
}

/// Looks for commits of other instances, and for fences that have opened, as long as the store is there.
pub(super) async fn look(pool: PgPool, commits: std::sync::Weak<Commits>, fences: std::sync::Weak<Fences>) {
    let (mut seen_events, mut seen_messages): (u64, u64) = (0, 0);
    let mut pause = SHORTEST;
    loop {
        tokio::time::sleep(pause).await;
        let (Some(commits), Some(fences)) = (commits.upgrade(), fences.upgrade()) else { return };
        if pool.is_closed() {
            return;
        }
        let Ok((events, messages)) = newest(&pool).await else {
            pause = LONGEST;
            continue;
        };
        let opened = fences.look_again(&pool).await;
        let own = commits.own_events.load(Ordering::Relaxed);
        let foreign = events > seen_events.max(own) || messages > seen_messages;
        if foreign || opened {
            commits.tell();
        }
        let busy = events > seen_events || messages > seen_messages || fences.any_waits();
        pause = if busy { SHORTEST } else { pause.mul_f64(1.5).min(LONGEST) };
        (seen_events, seen_messages) = (events, messages);
    }
}

async fn newest(pool: &PgPool) -> Result<(u64, u64), sqlx::Error> {
    let row = sqlx::query(include_str!("../sql/postgres/read_newest.sql")).fetch_one(pool).await?;
    Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?.unsigned_abs()))
}
