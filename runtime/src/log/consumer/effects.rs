//! What a batch of messages changes so far.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

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
    /// What is done before the commit is written.
    work: Work,
    /// What earlier messages of this batch left for later ones.
    left: Left,
}

/// What is done before a batch is written, in the order given for each key.
#[derive(Default)]
struct Work(Vec<(String, BoxFuture<'static, Result<(), HandlingError>>)>);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// Values by name.
#[derive(Default)]
struct Left(BTreeMap<String, Box<dyn Any + Send + Sync>>);

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
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
    forgets: usize,
    work: usize,
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

    /// Has `work` done before the batch is written: the work of one key in the order given, keys side by side. The position
    /// moves after it, so that it may be done again after a crash: only for what has its effect once by itself, such as a
    /// command, whose answer is kept under its id.
    pub fn later(&mut self, key: &str, work: impl Future<Output = Result<(), HandlingError>> + Send + 'static) {
        self.work.0.push((key.to_owned(), work.boxed()));
    }

    /// What an earlier message of the batch left under that name: something as it will be once the batch is written.
    pub fn left<T: Any>(&self, name: &str) -> Option<&T> {
        self.left.0.get(name)?.downcast_ref()
    }

    /// Leaves something for later messages of the batch. Comes last in a handler, since it is not taken back.
    pub fn leave<T: Any + Send + Sync>(&mut self, name: &str, value: T) {
        self.left.0.insert(name.to_owned(), Box::new(value));
    }

    /// Does what is to be done before the commit is written; the first failure, a poison before all others.
    pub(super) async fn carry_out(&mut self) -> Result<(), HandlingError> {
        let mut by_key: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (key, work) in std::mem::take(&mut self.work.0) {
            by_key.entry(key).or_default().push(work);
        }
        let done = join_all(by_key.into_values().map(|works| async {
            for work in works {
                work.await?;
            }
            Ok(())
        }))
        .await;
        let failures = done.into_iter().filter_map(Result::err);
        match failures.min_by_key(|error| !matches!(error, HandlingError::Poison(_))) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Whether nothing is to be written or done.
    pub fn is_empty(&self) -> bool {
        self.commit.is_empty() && self.work.0.is_empty()
    }

    /// Whether it is as new: nothing to be written, and nothing touched by an earlier message.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_empty() && self.earlier.is_empty()
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
            forgets: self.commit.forgets.len(),
            work: self.work.0.len(),
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
        self.commit.forgets.truncate(mark.forgets);
        self.work.0.truncate(mark.work);
    }
}
