//! What a batch of messages changes so far.

use std::collections::BTreeSet;

use crate::commit::Commit;
use crate::log::HandlingError;

/// What a batch of messages changes so far: one [`Commit`] in the making, to which the runner adds the position's move.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is written when the batch ends. Handlers add to it, in order; they take nothing out.
    pub commit: Commit,
    /// What must stand in the commit of this message's effect: the position's move, or the removal of the parked message.
    settlement: Commit,
    /// What earlier messages of this batch touched.
    earlier: BTreeSet<String>,
    /// What this message touched.
    touched: BTreeSet<String>,
}

/// How much of each part there was.
pub(super) struct Mark {
    answers: usize,
    checks: usize,
    appends: usize,
    claims: usize,
    outgoing: usize,
    timers: usize,
    rows: usize,
    positions: usize,
}

impl Effects {
    /// For a handler that writes by itself: what it must merge into its own commit. [`HandlingError::CommitFirst`] (to be
    /// passed on by `?`) where earlier messages of the batch have effects that are not written yet.
    pub fn alone(&self) -> Result<Commit, HandlingError> {
        if self.is_empty() { Ok(self.settlement.clone()) } else { Err(HandlingError::CommitFirst) }
    }

    /// Notes that this message reads and changes `what` (a saga's id, a stream). [`HandlingError::CommitFirst`] (to be passed on
    /// by `?`) where an earlier message of the batch did: the store does not show its changes yet.
    pub fn touch(&mut self, what: &str) -> Result<(), HandlingError> {
        if self.earlier.contains(what) {
            return Err(HandlingError::CommitFirst);
        }
        self.touched.insert(what.to_owned());
        Ok(())
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.commit.is_empty()
    }

    /// Whether it is as new: nothing to be written, and nothing touched by an earlier message.
    pub(super) fn is_fresh(&self) -> bool {
        self.commit.is_empty() && self.earlier.is_empty()
    }

    /// A message begins, whose effect `settlement` belongs to.
    pub(super) fn begin(&mut self, settlement: Commit) -> Mark {
        self.settlement = settlement;
        Mark {
            answers: self.commit.answers.len(),
            checks: self.commit.checks.len(),
            appends: self.commit.appends.len(),
            claims: self.commit.claims.len(),
            outgoing: self.commit.outgoing.len(),
            timers: self.commit.timers.len(),
            rows: self.commit.rows.len(),
            positions: self.commit.positions.len(),
        }
    }

    /// The message that began last was handled.
    pub(super) fn keep(&mut self) {
        self.earlier.append(&mut self.touched);
    }

    /// The message that began last was not: what it added is thrown away.
    pub(super) fn roll_back(&mut self, mark: &Mark) {
        self.touched.clear();
        self.commit.answers.truncate(mark.answers);
        self.commit.checks.truncate(mark.checks);
        self.commit.appends.truncate(mark.appends);
        self.commit.claims.truncate(mark.claims);
        self.commit.outgoing.truncate(mark.outgoing);
        self.commit.timers.truncate(mark.timers);
        self.commit.rows.truncate(mark.rows);
        self.commit.positions.truncate(mark.positions);
    }
}
