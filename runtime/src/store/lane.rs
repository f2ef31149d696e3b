//! A lane: takes the commits that wait, has them written as one group, answers. While one group commits, the next one gathers.
//!
//! Throughput comes from full groups. Those who were just answered are about to send their next commit, and on several threads they need
//! some microseconds for it: a group that is cut at once is half empty, and its commit costs as much as that of a full one. So a lane waits
//! for as many as it answered, for a small part of the time that a commit takes; where they do not come, it soon waits no longer.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::commit::{Commit, CommitError, Committed};
use crate::fault::Point;

/// The longest wait for those who were just answered.
const LONGEST_PATIENCE: Duration = Duration::from_micros(500);
/// The shortest: so short that it costs nothing, so long that it is noticed when they come again.
const SHORTEST_PATIENCE: Duration = Duration::from_micros(10);

/// Where nobody has come for so long, nobody else does either: those who were answered together come one close after the other.
const LONGEST_GAP: Duration = Duration::from_micros(50);

/// One result for each commit.
pub(super) type Results = Vec<Result<Committed, CommitError>>;

/// Something for a lane to do, and whom to answer.
pub(super) enum Job<R> {
    Write(Vec<Commit>, oneshot::Sender<Results>),
    /// The backend's own, which is rare.
    Rare(R),
    Close(oneshot::Sender<()>),
}

/// What a backend does for its lane.
pub(super) trait Writer: Send + 'static {
    /// Its rare jobs.
    type Rare: Send;

    /// How many commits go into one transaction.
    fn group(&self) -> usize;

    /// Writes a group; one result each, in order.
    fn write(&mut self, commits: &[Commit]) -> impl Future<Output = Results> + Send;

    /// Tells those who tail the store.
    fn tell(&self, results: &[Result<Committed, CommitError>]);

    /// Does a rare job, with nothing else under way.
    fn administer(&mut self, job: Self::Rare) -> impl Future<Output = ()> + Send;

    /// The last that it does.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// Puts commits into a lane's queue at the first poll, and waits for their results.
pub(super) async fn submit<R>(jobs: &mpsc::Sender<Job<R>>, commits: Vec<Commit>) -> Results {
    let count = commits.len();
    let all = |error: CommitError| vec![Err(error); count];
    let (caller, answer) = oneshot::channel();
    match jobs.try_send(Job::Write(commits, caller)) {
        Ok(()) => {}
        Err(mpsc::error::TrySendError::Full(_)) => return all(CommitError::Overloaded),
        Err(mpsc::error::TrySendError::Closed(_)) => {
            return all(CommitError::Unavailable("the store is closed".to_owned()));
        }
    }
    answer.await.unwrap_or_else(|_| all(CommitError::Unknown("the store's writer stopped".to_owned())))
}

/// Closes a lane, once what is in its queue is done.
pub(super) async fn close<R>(jobs: &mpsc::Sender<Job<R>>) {
    let (caller, done) = oneshot::channel();
    if jobs.send(Job::Close(caller)).await.is_ok() {
        let _ = done.await;
    }
}

/// Works until it is closed, or nobody is left who could ask for anything.
pub(super) async fn run<W: Writer>(mut writer: W, mut jobs: mpsc::Receiver<Job<W::Rare>>) {
    let mut rhythm = Rhythm::default();
    while let Some(first) = jobs.recv().await {
        let mut group = Group::default();
        let next = group.gather(first, &mut jobs, writer.group(), &mut rhythm).await;
        let begun = Instant::now();
        let callers = group.callers.len();
        if callers > 0 {
            group.write(&mut writer).await;
            rhythm.answered(callers, jobs.len(), begun.elapsed());
        }
        match next {
            None => {}
            Some(Other::Rare(job)) => writer.administer(job).await,
            Some(Other::Close(done)) => {
                jobs.close();
                writer.close().await;
                let _ = done.send(());
                return;
            }
        }
    }
    writer.close().await;
}

/// How many are likely to come, and how long they are worth waiting for.
#[derive(Debug, Default)]
struct Rhythm {
    expected: usize,
    patience: Duration,
    /// How long the last commit took.
    took: Duration,
}

impl Rhythm {
    /// A group was answered while so many waited already.
    fn answered(&mut self, callers: usize, waiting: usize, took: Duration) {
        self.expected = callers + waiting;
        self.took = took;
    }

    /// Those missing were waited for; so many came.
    fn learn(&mut self, missing: usize, came: usize) {
        let longest = (self.took / 2).min(LONGEST_PATIENCE);
        let next = if came * 2 >= missing { self.patience.saturating_mul(2) } else { self.patience / 2 };
        self.patience = next.min(longest).max(SHORTEST_PATIENCE);
    }
}

/// What is done once the group before it is written.
enum Other<R> {
    Rare(R),
    Close(oneshot::Sender<()>),
}

/// Commits that are written together, and who waits for how many of their results.
#[derive(Default)]
struct Group {
    commits: Vec<Commit>,
    callers: Vec<(usize, oneshot::Sender<Results>)>,
}

impl Group {
    fn take<R>(&mut self, job: Job<R>) -> Option<Other<R>> {
        match job {
            Job::Write(commits, caller) => {
                self.callers.push((commits.len(), caller));
                self.commits.extend(commits);
                None
            }
            Job::Rare(job) => Some(Other::Rare(job)),
            Job::Close(done) => Some(Other::Close(done)),
        }
    }

    /// Takes in what waits, and what is about to come. Gives a job that must come after it.
    async fn gather<R>(
        &mut self,
        first: Job<R>,
        jobs: &mut mpsc::Receiver<Job<R>>,
        most: usize,
        rhythm: &mut Rhythm,
    ) -> Option<Other<R>> {
        let other = self.take(first);
        if other.is_some() {
            return other;
        }
        // Since when it waits, and how many there were then.
        let mut waits: Option<(Instant, usize)> = None;
        let mut last_came = Instant::now();
        while self.commits.len() < most {
            if let Ok(job) = jobs.try_recv() {
                let other = self.take(job);
                if other.is_some() {
                    return other;
                }
                last_came = Instant::now();
                continue;
            }
            let full = self.callers.len() >= rhythm.expected;
            if full && waits.is_none() {
                return None;
            }
            let (since, had) = *waits.get_or_insert_with(|| (Instant::now(), self.callers.len()));
            if full || since.elapsed() > rhythm.patience || last_came.elapsed() > LONGEST_GAP {
                rhythm.learn(rhythm.expected - had, self.callers.len() - had);
                return None;
            }
            // A turn of the scheduler: they run.
            tokio::task::yield_now().await;
        }
        None
    }

    /// Writes it and answers.
    async fn write<W: Writer>(self, writer: &mut W) {
        let mut results = Vec::with_capacity(self.commits.len());
        for commits in self.commits.chunks(writer.group().max(1)) {
            results.extend(writer.write(commits).await);
        }
        let written = || self.commits.iter().zip(&results).filter(|(_, result)| result.is_ok());
        if written().any(|(commit, _)| !commit.appends.is_empty()) {
            Point::AfterAppend.pass();
        }
        if written().any(|(commit, _)| wakes(commit)) {
            writer.tell(&results);
        }
        let mut results = results.into_iter();
        for (count, caller) in self.callers {
            let _ = caller.send(results.by_ref().take(count).collect());
        }
    }
}

/// Whether a commit has something for those who tail the store. Positions and rows alone are their own work, and would
/// wake them for ever.
fn wakes(commit: &Commit) -> bool {
    !commit.appends.is_empty() || !commit.outgoing.is_empty() || !commit.timers.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_goes_where_nobody_comes_and_comes_back_where_they_do() {
        let mut rhythm = Rhythm::default();
        rhythm.answered(13, 3, Duration::from_millis(2));
        assert_eq!(rhythm.expected, 16);
        (0..20).for_each(|_| rhythm.learn(3, 3));
        assert_eq!(rhythm.patience, LONGEST_PATIENCE);
        rhythm.answered(16, 0, Duration::from_micros(200));
        rhythm.learn(3, 3);
        assert_eq!(rhythm.patience, Duration::from_micros(100), "no longer than half a commit");
        (0..20).for_each(|_| rhythm.learn(3, 1));
        assert_eq!(rhythm.patience, SHORTEST_PATIENCE);
    }
}
