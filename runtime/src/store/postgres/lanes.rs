//! Which lane writes a commit. Consumers have one of their own, commands one, or two while many of them are under way.
//!
//! A group costs a trip and a flush whatever its length, so that few commits are best kept together. Of many the database is busy with one
//! half while the callers of the other half are answered and decide. A stream is always of one lane, so that what was decided on its head
//! follows it; where that changes, a commit may overtake another, and is decided again, as it would be had another instance come in between.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::commit::Commit;
use crate::store::lane::{self, Job, Results};

/// So many calls under way are many.
const MANY: usize = 24;
/// How long, in ms, they are taken to stay many: they come and go with each group.
const STAY: u64 = 1000;

/// A lane's queue.
type Queue = mpsc::Sender<Job<Infallible>>;

/// The lanes of a store.
pub(super) struct Lanes {
    commands: [Queue; 2],
    consumers: Queue,
    /// Calls of commands that wait for their results.
    under_way: AtomicUsize,
    /// Until when they are many, in ms since the lanes were opened.
    many_until: AtomicU64,
    opened: Instant,
}

/// A call, for as long as somebody waits for it.
struct Call<'a>(&'a AtomicUsize);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lanes {
    pub(super) fn new(commands: [Queue; 2], consumers: Queue) -> Self {
        let (under_way, many_until) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { commands, consumers, under_way, many_until, opened: Instant::now() }
    }

    /// Puts commits into their lane's queue at the first poll, and waits for their results.
    pub(super) async fn submit(&self, commits: Vec<Commit>) -> Results {
        if commits.iter().any(|commit| !commit.positions.is_empty()) {
            return lane::submit(&self.consumers, commits).await;
        }
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _call = Call(&self.under_way);
        let place = if self.are_many(under_way) { place_of(&commits) } else { 0 };
        lane::submit(&self.commands[place], commits).await
    }

    fn are_many(&self, under_way: usize) -> bool {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        if under_way >= MANY {
            self.many_until.store(now.saturating_add(STAY), Ordering::Relaxed);
        }
        now < self.many_until.load(Ordering::Relaxed)
    }

    /// Whether nothing is written any more.
    pub(super) fn are_closed(&self) -> bool {
        self.commands.iter().any(mpsc::Sender::is_closed)
    }

    /// Closes them, once what is in their queues is done.
    pub(super) async fn close(&self) {
        for queue in self.commands.iter().chain([&self.consumers]) {
            lane::close(queue).await;
        }
    }
}

/// By the stream that they go on; the first lane where they name none.
fn place_of(commits: &[Commit]) -> usize {
    let appended = |commit: &Commit| commit.appends.first().map(|append| append.stream.clone());
    let checked = |commit: &Commit| commit.checks.first().map(|(stream, _)| stream.clone());
    let Some(stream) = commits.iter().find_map(|commit| appended(commit).or_else(|| checked(commit))) else { return 0 };
    let mut hasher = DefaultHasher::new();
    stream.hash(&mut hasher);
    usize::from(hasher.finish() % 2 == 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::pin::Pin;

    use super::*;
    use crate::event::StreamId;

    /// Lanes that nobody works in, and their queues.
    fn lanes() -> (Lanes, [mpsc::Receiver<Job<Infallible>>; 3]) {
        let ((first, one), (second, two), (consumers, three)) =
            (mpsc::channel(99), mpsc::channel(99), mpsc::channel(99));
        (Lanes::new([first, second], consumers), [one, two, three])
    }

    fn checks(stream: &StreamId) -> Vec<Commit> {
        vec![Commit { checks: vec![(stream.clone(), 1)], ..Commit::default() }]
    }

    type Waiting<'a> = Pin<Box<dyn Future<Output = Results> + 'a>>;

    /// Submits a commit on each stream, and lets all of them wait.
    async fn submitted<'a>(lanes: &'a Lanes, streams: &[StreamId]) -> Vec<Waiting<'a>> {
        let mut calls: Vec<Waiting<'a>> = Vec::new();
        for stream in streams {
            let mut call: Waiting<'a> = Box::pin(lanes.submit(checks(stream)));
            assert!(futures_util::poll!(&mut call).is_pending());
            calls.push(call);
        }
        calls
    }

    fn streams_in(queue: &mut mpsc::Receiver<Job<Infallible>>) -> BTreeSet<String> {
        let mut streams = BTreeSet::new();
        while let Ok(Job::Write(commits, _)) = queue.try_recv() {
            streams.extend(commits.iter().map(|commit| commit.checks[0].0.as_str().to_owned()));
        }
        streams
    }

    #[tokio::test]
    async fn few_go_together_and_many_by_stream_into_two() {
        let (lanes, [mut first, mut second, _consumers]) = lanes();
        let streams: Vec<_> = (0..40).map(|number| StreamId::new("a.B", &number.to_string())).collect();
        let few = submitted(&lanes, &streams[..MANY - 1]).await;
        assert_eq!(streams_in(&mut first).len(), MANY - 1);
        drop(few);
        assert_eq!(lanes.under_way.load(Ordering::Relaxed), 0);

        let many = submitted(&lanes, &streams).await;
        drop(many);
        let _ = (streams_in(&mut first), streams_in(&mut second));
        for _ in 0..2 {
            let again = submitted(&lanes, &streams).await;
            let (one, two) = (streams_in(&mut first), streams_in(&mut second));
            assert!(one.len() >= 10 && two.len() >= 10, "{one:?} {two:?}");
            assert!(one.is_disjoint(&two));
            assert_eq!(one.len() + two.len(), streams.len());
            drop(again);
        }
        let mut nameless = Box::pin(lanes.submit(vec![Commit::default()]));
        assert!(futures_util::poll!(&mut nameless).is_pending());
        assert!(first.try_recv().is_ok() && second.try_recv().is_err());
    }
}
