//! Telling those who tail the store of commits: of this process at once, of other instances by looking, the more often the more
//! there is to see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgPool;
use tokio::sync::watch;

use super::fence::Fences;
use crate::commit::{CommitError, Committed};

/// How often it looks where there was something to see just now.
const SHORTEST: Duration = Duration::from_millis(5);
/// How often it looks where there was nothing for long.
const LONGEST: Duration = Duration::from_millis(500);
/// How often it looks where only this process writes, as far as it knows.
const LONGEST_WHILE_WRITING: Duration = Duration::from_millis(40);

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
    pub(super) fn written(&self, results: &[Result<Committed, CommitError>]) {
        let written = results.iter().flatten();
        if let Some(last) = written.filter_map(|committed| committed.positions.last()).max() {
            self.own_events.fetch_max(*last, Ordering::Relaxed);
        }
        self.tell();
    }

    fn tell(&self) {
        self.told.send_modify(|count| *count += 1);
    }
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
        // What this process writes itself its readers know already; but where it writes, others are likely to.
        let longest = if events > seen_events { LONGEST_WHILE_WRITING } else { LONGEST };
        pause = if foreign || fences.any_waits() { SHORTEST } else { pause.mul_f64(1.5).min(longest) };
        (seen_events, seen_messages) = (events, messages);
    }
}

async fn newest(pool: &PgPool) -> Result<(u64, u64), sqlx::Error> {
    let row = sqlx::query(include_str!("../sql/postgres/read_newest.sql")).fetch_one(pool).await?;
    Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?.unsigned_abs()))
}
