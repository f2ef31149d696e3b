//! The task of one consumer: read, check, handle, commit; and begin again from the store's positions when anything is amiss.

mod batch;
mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::Start;
use super::attempts::Attempts;
use super::gaps::Gap;
use super::inlet::{BATCH, Incoming, Inlet, ReadError};
use super::ledger::Ledger;
use super::parking::{Changes, Parking};
use super::pausing::{self, MANY, Paused};
use super::progress::State;
use super::set::{Member, Parts};
use crate::commit::{Commit, CommitError};
use crate::fault::Point;
use crate::log::backoff::Backoff;
use crate::log::{LogError, Position};
use crate::shutdown::Shutdown;
use crate::store::StoreError;

/// Messages passed over without effect are read again after a crash for at most this long; in return they cost no commit.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// How often it looks whether an operator has resumed a paused partition, or the log is back that was away.
const LOOK: Duration = Duration::from_secs(1);

pub(super) use batch::call;
use share::Share;

/// Why a consumer begins again from the store's positions.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Something is away.
    #[error("{0}")]
    Away(String),
    /// Another instance, or an operator, moved what this one held.
    #[error("{0}")]
    Moved(String),
    /// Messages are missing.
    #[error("{0}")]
    Gap(Gap),
    /// Many messages of that partition could not be handled one after the other.
    #[error("{MANY} messages in a row could not be handled, the last because {}", .0.reason)]
    Paused(Box<Paused>),
    /// The batch cannot be written whole: its messages are to be handled one by one.
    #[error("{0}")]
    OneByOne(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Away(error.to_string())
    }
}

/// Why a run ended well.
enum Ended {
    /// Shutdown was asked for.
    Asked,
    /// Work was shared out anew among the instances.
    SharedOut,
}

/// The task of one consumer.
pub(super) struct Runner {
    parts: Parts,
    member: Arc<Member>,
    attempts: Option<Attempts>,
    /// What it does was shared out anew: what another instance left in the middle may be its own now.
    inherits: bool,
    /// So many messages are handled one by one, each attempt written down.
    singly: usize,
    /// Partitions that are to be read from their beginning, to find what is missing.
    rewind: BTreeSet<(String, u32)>,
    /// Poisonous messages of each partition since the last that was handled, and why the last of them was.
    poisons: BTreeMap<(String, u32), (u32, String)>,
    /// The parked messages, as they stood when they were read.
    changes: Option<Changes>,
    /// The batch parks a message.
    parks: bool,
    backoff: Backoff,
    saved_at: Instant,
}

/// Makes sure that a consumer that has never run begins where it should, before anything else happens.
pub(super) async fn prepare(parts: &Parts, member: &Member) -> Result<(), Failure> {
    // Another instance may do the same at the moment.
    match prepare_once(parts, member).await {
        Err(Failure::Moved(_)) => prepare_once(parts, member).await,
        prepared => prepared,
    }
}

async fn prepare_once(parts: &Parts, member: &Member) -> Result<(), Failure> {
    let handler = &*member.handler;
    if handler.start() == Start::First {
        return Ok(());
    }
    let mut ledger = Ledger::load(&*parts.store, handler.consumer()).await?;
    let epoch = parts.store.epoch().await?;
    for source in handler.sources() {
        // Written down for all partitions at once; the log need not be there for what is known.
        if ledger.knows_any(source.topic()) {
            continue;
        }
        for inlet in Inlet::all(&source, parts).await? {
            let offset = inlet.end().await?;
            let to = match inlet {
                Inlet::Own { .. } => Position { pos: offset, epoch: epoch.clone(), offset },
                Inlet::Partition { .. } => Position { pos: 0, epoch: String::new(), offset },
            };
            ledger.reach(&inlet.default_source(), to);
        }
    }
    if ledger.is_ahead() {
        let commit = Commit { positions: ledger.moves(), ..Commit::default() };
        for result in parts.store.write(vec![commit]).await {
            result.map_err(WriteError::from).map_err(Failure::from)?;
        }
    }
    Ok(())
}

impl Runner {
    pub(super) fn new(parts: Parts, member: Arc<Member>) -> Self {
        Self {
            parts,
            member,
            attempts: None,
            inherits: false,
            singly: 0,
            rewind: BTreeSet::new(),
            poisons: BTreeMap::new(),
            changes: None,
            parks: false,
            backoff: Backoff::new(Duration::from_millis(20), Duration::from_secs(10)),
            saved_at: Instant::now(),
        }
    }

    /// Until shutdown.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        loop {
            let pause = match self.follow(&shutdown).await {
                Ok(Ended::Asked) => break,
                Ok(Ended::SharedOut) => Duration::ZERO,
                Err(failure) => self.take_in(failure),
            };
            if shutdown.sleep(pause).await {
                break;
            }
        }
        self.member.set_state(State::Stopped);
    }

    /// Notes what went wrong; says how long to wait before the next try.
    fn take_in(&mut self, failure: Failure) -> Duration {
        let consumer = self.member.handler.consumer();
        let service = &self.parts.service;
        match failure {
            Failure::OneByOne(why) => {
                tracing::info!(service, consumer, why, "a batch is handled message by message");
                if self.singly == 0 {
                    self.singly = BATCH;
                    return Duration::ZERO;
                }
            }
            Failure::Paused(paused) => {
                let (topic, partition, why) = (&paused.topic, paused.partition, &paused.reason);
                tracing::error!(
                    service,
                    consumer,
                    topic,
                    partition,
                    why,
                    "a partition is paused; an operator resumes it"
                );
                self.poisons.remove(&(paused.topic, partition));
                return Duration::ZERO;
            }
            Failure::Gap(gap) => {
                tracing::error!(service, consumer, topic = gap.topic, %gap, "messages are missing; reading again");
                self.rewind.insert((gap.topic.clone(), gap.partition));
                self.member.set_state(State::Gap(gap));
            }
            Failure::Moved(why) => {
                tracing::info!(service, consumer, why, "beginning again from the store's positions");
            }
            Failure::Away(why) => {
                tracing::warn!(service, consumer, why, "trying again");
                self.member.set_state(State::Retrying(why));
            }
        }
        self.backoff.pause(&self.parts.context)
    }

    /// From the store's positions until shutdown, or until other partitions are this instance's (then the end is saved), or a
    /// failure.
    async fn follow(&mut self, shutdown: &Shutdown) -> Result<Ended, Failure> {
        let handler = Arc::clone(&self.member.handler);
        let (store, instances) = (Arc::clone(&self.parts.store), self.parts.instances.clone());
        let share = Share::of(&*handler, &self.parts).await?;
        self.begin_run().await?;
        let mut ledger = Ledger::load(&*store, handler.consumer()).await?;
        (self.changes, self.parks) = (Some(Changes::load(&*store, handler.consumer()).await?), false);
        *self.member.parking.lock().await = Parking::load(&*store, handler.consumer()).await?;
        let paused = pausing::list(&*store, Some(handler.consumer())).await?;
        self.member.pause(&paused);
        let rewind = std::mem::take(&mut self.rewind);
        let mut reads = FuturesUnordered::new();
        for inlet in share.open(&self.parts).await? {
            let (topic, partition) = inlet.place();
            if paused.iter().any(|paused| paused.is(topic, partition)) {
                continue;
            }
            let rewound = rewind.contains(&(topic.to_owned(), partition));
            let offset = if rewound { 0 } else { ledger.offset(topic, partition) };
            reads.push(read(inlet, offset));
        }
        self.member.publish(&ledger);
        let (mut look_at, mut looked_at) = (Instant::now() + LOOK, Instant::now());
        loop {
            // Those that wait for a time come before what is always ready under load.
            tokio::select! {
                biased;
                () = shutdown.asked() => return self.end_run(&mut ledger).await.map(|()| Ended::Asked),
                () = instances.until(|instances| !share.stands(instances)) => {
                    self.inherits = true;
                    if ledger.is_ahead() {
                        self.write(&mut ledger, Commit::default()).await?;
                    }
                    return Ok(Ended::SharedOut);
                }
                () = tokio::time::sleep_until(self.saved_at + SAVE_EVERY), if ledger.is_ahead() => {
                    self.write(&mut ledger, Commit::default()).await?;
                }
                () = tokio::time::sleep_until(look_at), if !share.is_whole || !paused.is_empty() => {
                    look_at = Instant::now() + LOOK;
                    let resumed = pausing::list(&*store, Some(handler.consumer())).await? != paused;
                    if resumed || !share.is_whole {
                        if ledger.is_ahead() {
                            self.write(&mut ledger, Commit::default()).await?;
                        }
                        return Ok(Ended::SharedOut);
                    }
                }
                () = self.member.others_moved(looked_at), if !share.is_all() => {
                    looked_at = Instant::now();
                    ledger.others(store.positions(handler.consumer()).await?, |source| share.has(source));
                    self.member.publish(&ledger);
                }
                Some((inlet, offset, incoming)) = reads.next() => {
                    if matches!(&incoming, Err(ReadError::Log(LogError::Lost(_)))) {
                        let (topic, partition) = inlet.place();
                        self.lost(&ledger, topic, partition);
                    }
                    let incoming = incoming?;
                    let next = incoming.last().map_or(offset, |last| last.next_offset);
                    self.process(&mut ledger, &inlet, incoming).await?;
                    reads.push(read(inlet, next));
                }
            }
        }
    }

    /// A log ends before what was read of it. The relays publish again what is missing, at other offsets: it is read from its
    /// beginning, and what was applied is passed over. Not by one who began at the topic's end and has met nothing there since: to him
    /// all of history would be new.
    fn lost(&mut self, ledger: &Ledger, topic: &str, partition: u32) {
        let mut of_topic = ledger.reached().iter().filter(|(key, _)| key.topic == topic && key.partition == partition);
        if of_topic.all(|(key, position)| key.source.is_empty() || !position.epoch.is_empty()) {
            self.rewind.insert((topic.to_owned(), partition));
        }
    }

    async fn begin_run(&mut self) -> Result<(), Failure> {
        let running = self.attempts.is_some();
        if running && !self.inherits {
            return Ok(());
        }
        let (consumer, instances) = (self.member.handler.consumer(), &self.parts.instances);
        let (attempts, unclean) = Attempts::begin(&*self.parts.store, consumer, instances, running).await?;
        if unclean {
            self.singly = BATCH;
        }
        (self.attempts, self.inherits) = (Some(attempts), false);
        Ok(())
    }

    async fn end_run(&mut self, ledger: &mut Ledger) -> Result<(), Failure> {
        if ledger.is_ahead() {
            self.write(ledger, Commit::default()).await?;
        }
        if let Some(attempts) = &mut self.attempts {
            attempts.end(&*self.parts.store).await?;
        }
        Ok(())
    }

    /// Writes what a batch changes, with the position's move.
    async fn write(&mut self, ledger: &mut Ledger, mut commit: Commit) -> Result<(), WriteError> {
        commit.positions.extend(ledger.moves());
        let changes = self.changes.as_ref().filter(|_| self.parks);
        commit.positions.extend(changes.map(Changes::next));
        if !commit.is_empty() {
            Point::BeforeConsumerCommit.pass();
            for result in self.parts.store.write(vec![commit]).await {
                result?;
            }
        }
        if let Some(changes) = self.changes.as_mut().filter(|_| self.parks) {
            changes.step();
        }
        self.parks = false;
        self.written(ledger);
        Ok(())
    }

    /// All that is reached is in the store.
    fn written(&mut self, ledger: &mut Ledger) {
        ledger.saved();
        self.saved_at = Instant::now();
        self.backoff.reset();
        self.member.publish(ledger);
    }
}

/// Why a batch was not written.
enum WriteError {
    /// It never will be, as it stands.
    Never(String),
    /// Its messages may be handled again.
    Again(Failure),
}

impl From<CommitError> for WriteError {
    fn from(error: CommitError) -> Self {
        let text = error.to_string();
        match error {
            CommitError::Conflict { .. } => Self::Again(Failure::OneByOne(text)),
            CommitError::PositionMoved { .. } => Self::Again(Failure::Moved(text)),
            CommitError::NotUnique { .. } | CommitError::Answered(_) | CommitError::Invalid(_) => Self::Never(text),
            CommitError::Overloaded | CommitError::Unavailable(_) | CommitError::Unknown(_) => {
                Self::Again(Failure::Away(text))
            }
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Never(why) => Self::OneByOne(why),
            WriteError::Again(failure) => failure,
        }
    }
}

async fn read(mut inlet: Inlet, offset: u64) -> (Inlet, u64, Result<Vec<Incoming>, ReadError>) {
    let incoming = inlet.read(offset).await;
    (inlet, offset, incoming)
}
