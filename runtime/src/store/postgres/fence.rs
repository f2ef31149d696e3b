//! Reading in global order while many instances write: positions are drawn in one order and committed in another, so that a
//! reader that goes by the largest position it has seen misses what commits later with a smaller one.
//!
//! What holds: every transaction has its id before it draws a position. So at a gap a reader takes, in one statement of its own,
//! the largest position that it sees (the *cap*) and a transaction's id of its own (*X*): whoever drew a position up to the cap has an
//! id below X. Once the oldest transaction that still runs (`xmin` of a snapshot) is younger than X, all of those have ended, and what is up
//! to the cap is *safe*: what is still a gap there stays one. Positions that follow each other without a gap need no fence.
//!
//! The oldest transaction is that of the whole server: a long write in another database of it holds the fence, and breaks nothing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Row;
use sqlx::postgres::PgPool;

/// How often a gap is met in one reading, at most: each time the fence opened, and something else had come in front.
const ATTEMPTS: u32 = 3;
/// How long a reader that has nothing else to give waits for transactions that still run; most take a few milliseconds.
const PAUSES: [Duration; 6] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
];

/// What is read in global order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Events,
    Outgoing,
}

/// How far each kind is safe to read.
#[derive(Debug, Default)]
pub(super) struct Fences {
    events: Mutex<Fence>,
    outgoing: Mutex<Fence>,
}

/// How far it is safe to read.
#[derive(Clone, Copy, Debug, Default)]
struct Fence {
    /// Nothing that a later read could find comes at or before it.
    safe: u64,
    waiting: Option<Waiting>,
}

/// A gap was met: once all transactions before `transaction` have ended, what is up to `cap` is safe.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    cap: u64,
    transaction: i64,
    since: Instant,
}

impl Fences {
    fn of(&self, kind: Kind) -> std::sync::MutexGuard<'_, Fence> {
        let fence = match kind {
            Kind::Events => &self.events,
            Kind::Outgoing => &self.outgoing,
        };
        fence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of the positions that were read after `after`, in order, may be given out; they are safe then. `safe` is what was safe
    /// before they were read: a fence that opened since says nothing of this reading, which may have missed what was committed meanwhile.
    pub(super) fn admitted(&self, kind: Kind, safe: u64, after: u64, read: impl Iterator<Item = u64>) -> usize {
        let mut fence = self.of(kind);
        let (mut last, mut count) = (after, 0);
        for pos in read {
            if pos != last + 1 && pos > safe {
                break;
            }
            last = pos;
            count += 1;
        }
        // Without a gap from what is safe to here: so is this.
        if after <= fence.safe {
            fence.safe = fence.safe.max(last);
        }
        count
    }

    /// How far is safe.
    pub(super) fn safe(&self, kind: Kind) -> u64 {
        self.of(kind).safe
    }

    /// Whether a gap waits.
    pub(super) fn any_waits(&self) -> bool {
        self.of(Kind::Events).waiting.is_some() || self.of(Kind::Outgoing).waiting.is_some()
    }

    /// How long a reader has been held by transactions that still run; zero where none is.
    pub(super) fn age(&self) -> Duration {
        let waiting = [self.of(Kind::Events).waiting, self.of(Kind::Outgoing).waiting];
        waiting.into_iter().flatten().map(|waiting| waiting.since.elapsed()).max().unwrap_or_default()
    }

    /// A gap was met, `attempt` times in a row: takes cap and X, unless they are taken already, and waits a little for them.
    /// Says whether more is safe now. Where not, who tails is told when it is.
    pub(super) async fn pass(&self, kind: Kind, attempt: u32, pool: &PgPool) -> Result<bool, sqlx::Error> {
        if attempt >= ATTEMPTS {
            return Ok(false);
        }
        if self.of(kind).waiting.is_none() {
            let text = match kind {
                Kind::Events => include_str!("../sql/postgres/fence_events.sql"),
                Kind::Outgoing => include_str!("../sql/postgres/fence_outgoing.sql"),
            };
            let row = sqlx::query(text).fetch_one(pool).await?;
            let (cap, transaction) = (row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get(1)?);
            let mut fence = self.of(kind);
            if cap <= fence.safe {
                return Ok(false);
            }
            fence.waiting.get_or_insert(Waiting { cap, transaction, since: Instant::now() });
        }
        for pause in PAUSES {
            if self.open(kind, pool).await? {
                return Ok(true);
            }
            tokio::time::sleep(pause).await;
        }
        self.open(kind, pool).await
    }

    /// Tries what waits. Says whether more is safe now.
    async fn open(&self, kind: Kind, pool: &PgPool) -> Result<bool, sqlx::Error> {
        let Some(waiting) = self.of(kind).waiting else { return Ok(false) };
        let oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
        let oldest: i64 = sqlx::query_scalar(oldest).fetch_one(pool).await?;
        if oldest <= waiting.transaction {
            return Ok(false);
        }
        let mut fence = self.of(kind);
        fence.safe = fence.safe.max(waiting.cap);
        if fence.waiting.is_some_and(|now| now.transaction == waiting.transaction) {
            fence.waiting = None;
        }
        Ok(true)
    }

    /// Tries all that waits: says whether more is safe now.
    pub(super) async fn look_again(&self, pool: &PgPool) -> bool {
        let events = self.open(Kind::Events, pool).await.unwrap_or(false);
        let outgoing = self.open(Kind::Outgoing, pool).await.unwrap_or(false);
        events || outgoing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_that_opened_after_a_reading_says_nothing_of_it() {
        let fences = Fences::default();
        let before = fences.safe(Kind::Events);
        // Read while 3 was not yet committed; then it was, and another reader's fence opened.
        let read = [1, 2, 4, 5];
        fences.of(Kind::Events).safe = 5;
        assert_eq!(fences.admitted(Kind::Events, before, 0, read.into_iter()), 2);
        // What is a gap in a later reading stays one.
        let safe = fences.safe(Kind::Events);
        assert_eq!(fences.admitted(Kind::Events, safe, 2, [4, 5, 7].into_iter()), 2);
    }
}
