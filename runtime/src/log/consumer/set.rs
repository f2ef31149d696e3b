//! The consumers of one service: started, watched, and looked after by its operator.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::ledger::Ledger;
use super::parking::{self, Changes, Parked, ParkedKind, Parking};
use super::pausing::{self, Paused};
use super::progress::{Progress, State};
use super::runner::{self, Runner};
use super::{Effects, Handled, Handler, Source, attempts};
use crate::commit::Commit;
use crate::context::Context;
use crate::instances::Instances;
use crate::log::{HandlingError, Log, LogError, MessageVerifier};
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};

/// How often a replay begins again because another instance changed what is parked.
const REPLAYS: u32 = 5;

/// How long those who wait for what another instance does wait longer than needed, at most.
const LOOK: Duration = Duration::from_millis(20);

/// What the consumers of a service work with.
#[derive(Clone)]
pub struct Parts {
    /// The service's name.
    pub service: String,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// The log that its topics are in.
    pub log: Arc<dyn Log>,
    /// Checks the signature of each message.
    pub verifier: Arc<dyn MessageVerifier>,
    /// Clock and randomness.
    pub context: Context,
    /// Who else could do the work: partitions are shared out.
    pub instances: Instances,
}

/// The consumers of one service.
pub struct Consumers {
    parts: Parts,
    shutdown: Shutdown,
    members: RwLock<Vec<Arc<Member>>>,
}

/// One consumer, as its task and its operator share it.
pub(super) struct Member {
    pub(super) handler: Arc<dyn Handler>,
    /// Held while messages are handled, by the task and by an operator's replay: so that a key is un-parked in one piece.
    pub(super) parking: Mutex<Parking>,
    progress: watch::Sender<Progress>,
    /// What to say of it while partitions of it are paused.
    paused: std::sync::Mutex<Option<String>>,
    stop: Shutdown,
}

impl Member {
    pub(super) fn publish(&self, ledger: &Ledger) {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = paused.map_or(State::Running, State::Paused);
        self.progress.send_replace(Progress { reached: ledger.reached().clone(), state });
    }

    /// Those partitions are not read.
    pub(super) fn pause(&self, paused: &[Paused]) {
        let why = paused.first().map(|paused| paused.reason.clone());
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Waits until it is time to look again how far other instances have come: soon while somebody waits for it.
    pub(super) async fn others_moved(&self, looked_at: Instant) {
        loop {
            let pause = if self.progress.receiver_count() > 0 { LOOK } else { LOOK * 25 };
            if looked_at.elapsed() >= pause {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn state(&self) -> State {
        self.progress.borrow().state.clone()
    }

    pub(super) fn set_state(&self, state: State) {
        self.progress.send_if_modified(|progress| {
            let changed = progress.state != state;
            progress.state = state;
            changed
        });
    }
}

/// How a consumer stands with one of its sources.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsumerStatus {
    /// The consumer.
    pub consumer: String,
    /// The topic; `own` for the service's own events.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Where it reads on.
    pub offset: u64,
    /// The end of the topic.
    pub end: u64,
    /// How many offsets lie between: at most so many messages are still to come.
    pub lag: u64,
    /// How the consumer is doing.
    pub state: State,
    /// How many of its messages are parked.
    pub parked: usize,
}

/// Why an operator's wish was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// There is nothing parked under that id.
    #[error("no message is parked with the id `{0}`")]
    NotParked(Uuid),
    /// There is nothing paused under that id.
    #[error("no partition is paused with the id `{0}`")]
    NotPaused(Uuid),
    /// The consumer is not among those that run.
    #[error("no consumer `{0}` runs here")]
    NoConsumer(String),
    /// It does not wait for messages that are missing.
    #[error("consumer `{0}` waits at no gap (any more): look again")]
    NoGap(String),
    /// It could not be handled this time either; it stays parked, and so do the later ones of its key.
    #[error("it still cannot be handled: {0}")]
    StillFails(String),
    /// A message that could not be read or believed is not handled on an operator's word.
    #[error("a refused message is read again by itself once its cause is mended; it can only be discarded")]
    Refused,
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is away.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Consumers {
    /// No consumers yet; makes the tables that they need.
    pub async fn open(parts: Parts, shutdown: &Shutdown) -> Result<Self, StoreError> {
        parts.store.create_table(&parking::table()).await?;
        parts.store.create_table(&attempts::table()).await?;
        parts.store.create_table(&pausing::table()).await?;
        Ok(Self { parts, shutdown: shutdown.clone(), members: RwLock::default() })
    }

    /// What they work with.
    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Starts a consumer. One that has never run has its beginning written down when this returns.
    pub async fn start(&self, handler: Arc<dyn Handler>) -> Result<watch::Receiver<Progress>, StoreError> {
        let member = Arc::new(Member {
            handler,
            parking: Mutex::default(),
            progress: watch::Sender::new(Progress::default()),
            paused: std::sync::Mutex::default(),
            stop: self.shutdown.child(),
        });
        runner::prepare(&self.parts, &member).await.map_err(|failure| StoreError::Unavailable(failure.to_string()))?;
        let progress = member.progress.subscribe();
        let runner = Runner::new(self.parts.clone(), Arc::clone(&member));
        self.shutdown.spawn("consumer", runner.run(member.stop.clone()));
        self.members.write().unwrap_or_else(PoisonError::into_inner).push(member);
        Ok(progress)
    }

    /// Stops a consumer, and waits until it has.
    pub async fn stop(&self, consumer: &str) {
        let Ok(member) = self.member(consumer) else { return };
        member.stop.ask();
        let mut progress = member.progress.subscribe();
        // An error says that it is gone.
        let _ = progress.wait_for(|progress| progress.state == State::Stopped).await;
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        members.retain(|other| other.handler.consumer() != consumer);
    }

    /// How a consumer stands, now and later.
    pub fn progress(&self, consumer: &str) -> Option<watch::Receiver<Progress>> {
        self.member(consumer).ok().map(|member| member.progress.subscribe())
    }

    /// How each consumer stands with each of its sources.
    pub async fn status(&self) -> Result<Vec<ConsumerStatus>, OperatorError> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner).clone();
        let parked = parking::list(&*self.parts.store, None).await?;
        let paused = self.paused().await?;
        let mut status = Vec::new();
        for member in members {
            let consumer = member.handler.consumer();
            let progress = member.progress.borrow().clone();
            let parked = parked.iter().filter(|parked| parked.consumer == consumer).count();
            for source in member.handler.sources() {
                for (topic, partition, end) in self.ends(&source).await? {
                    let offset = progress.offset(&topic, partition);
                    let here = paused.iter().find(|paused| paused.consumer == consumer && paused.is(&topic, partition));
                    let state = match (here, progress.state.clone()) {
                        (Some(paused), _) => State::Paused(paused.reason.clone()),
                        // It is another partition that is.
                        (None, State::Paused(_)) => State::Running,
                        (None, state) => state,
                    };
                    let consumer = consumer.to_owned();
                    let lag = end.saturating_sub(offset);
                    status.push(ConsumerStatus { consumer, topic, partition, offset, end, lag, state, parked });
                }
            }
        }
        Ok(status)
    }

    /// The end of each partition of a source.
    pub(crate) async fn ends(&self, source: &Source) -> Result<Vec<(String, u32, u64)>, OperatorError> {
        let topic = match source {
            Source::Own => return Ok(vec![("own".to_owned(), 0, self.parts.store.last_positions().await?.events)]),
            Source::Topic(topic) => topic,
        };
        let mut ends = Vec::new();
        for partition in 0..self.parts.log.partitions(topic).await? {
            ends.push((topic.clone(), partition, self.parts.log.end(topic, partition).await?));
        }
        Ok(ends)
    }

    /// What is parked, of one consumer or of all.
    pub async fn parked(&self, consumer: Option<&str>) -> Result<Vec<Parked>, StoreError> {
        parking::list(&*self.parts.store, consumer).await
    }

    /// What operators have discarded, with their reasons; of one consumer or of all.
    pub async fn discarded(&self, consumer: Option<&str>) -> Result<Vec<Parked>, StoreError> {
        parking::discarded(&*self.parts.store, consumer).await
    }

    /// The partitions that are not read until an operator resumes them.
    pub async fn paused(&self) -> Result<Vec<Paused>, StoreError> {
        pausing::list(&*self.parts.store, None).await
    }

    /// Has a paused partition read again: with the next message after the last that was parked.
    pub async fn resume(&self, id: Uuid) -> Result<(), OperatorError> {
        let paused = self.paused().await?.into_iter().find(|paused| paused.id == id);
        let paused = paused.ok_or(OperatorError::NotPaused(id))?;
        let (service, consumer, topic, partition) =
            (&self.parts.service, &paused.consumer, &paused.topic, paused.partition);
        tracing::warn!(service, consumer, topic, partition, "an operator resumes a partition");
        Ok(self.write(Commit { rows: vec![paused.delete()], ..Commit::default() }).await?)
    }

    /// Handles a parked message and all others of its key again, in order, until one cannot be handled; says how many
    /// were.
    pub async fn replay(&self, id: Uuid) -> Result<usize, OperatorError> {
        let parked = parking::find(&*self.parts.store, id).await?.ok_or(OperatorError::NotParked(id))?;
        if parked.kind == ParkedKind::Refused {
            return Err(OperatorError::Refused);
        }
        let member = self.member(&parked.consumer)?;
        let mut parking = member.parking.lock().await;
        self.replay_key(&member, &parked.key, &mut parking).await
    }

    /// Gives a parked message up: it stays on record with the reason, and the others of its key are handled as far as can
    /// be (says how many were).
    pub async fn discard(&self, id: Uuid, reason: &str) -> Result<usize, OperatorError> {
        let store = &*self.parts.store;
        let parked = parking::find(store, id).await?.ok_or(OperatorError::NotParked(id))?;
        let member = self.member(&parked.consumer)?;
        let mut parking = member.parking.lock().await;
        let (service, consumer, key) = (&self.parts.service, &parked.consumer, &parked.key);
        tracing::warn!(service, consumer, key, pos = parked.pos, %id, reason, "an operator discards a parked message");
        let changes = Changes::load(store, consumer).await?;
        self.write(Commit { rows: vec![parked.discard(reason)], positions: vec![changes.next()], ..Commit::default() })
            .await?;
        if parked.kind == ParkedKind::Refused {
            return Ok(0);
        }
        match self.replay_key(&member, key, &mut parking).await {
            // The one that stays parked is seen; that this one was to go is done.
            Err(OperatorError::StillFails(_)) => Ok(0),
            replayed => replayed,
        }
    }

    async fn replay_key(&self, member: &Member, key: &str, parking: &mut Parking) -> Result<usize, OperatorError> {
        let (store, consumer) = (&*self.parts.store, member.handler.consumer());
        let mut replayed = 0;
        let mut tries = 0;
        loop {
            let mut changes = Changes::load(store, consumer).await?;
            let all = parking::of_key(store, consumer, key).await?;
            if all.is_empty() {
                parking.keys.remove(key);
                return Ok(replayed);
            }
            for parked in all {
                let Err(error) = self.replay_one(member, &parked, &changes).await? else {
                    changes.step();
                    replayed += 1;
                    continue;
                };
                tries += 1;
                let moved = Changes::load(store, consumer).await?.next() != changes.next();
                if moved && tries < REPLAYS {
                    // Another instance parked or replayed meanwhile: begin with what stands there now.
                    break;
                }
                let failed = Parked { kind: ParkedKind::Poison, reason: error.to_string(), ..parked };
                self.write(Commit { rows: vec![failed.put()], ..Commit::default() }).await?;
                return Err(OperatorError::StillFails(error.to_string()));
            }
        }
    }

    /// Handles one parked message; its removal is part of the commit of its effect, and so is that nobody else has changed
    /// what is parked.
    async fn replay_one(
        &self,
        member: &Member,
        parked: &Parked,
        changes: &Changes,
    ) -> Result<Result<(), HandlingError>, OperatorError> {
        let delivery = match parked.delivery() {
            Ok(delivery) => delivery,
            Err(error) => return Ok(Err(HandlingError::Poison(error.to_string()))),
        };
        let settlement = Commit { rows: vec![parked.delete()], positions: vec![changes.next()], ..Commit::default() };
        let mut effects = Effects::default();
        effects.begin(settlement.clone());
        match runner::call(&*member.handler, &delivery, &mut effects).await {
            Ok(Handled::Committed) => Ok(Ok(())),
            Err(error) => Ok(Err(error)),
            Ok(Handled::InEffects) => {
                if let Err(error) = effects.carry_out().await {
                    return Ok(Err(error));
                }
                effects.commit.merge(settlement);
                let written = self.parts.store.write(vec![effects.commit]).await;
                let failed = written.into_iter().find_map(Result::err);
                Ok(failed.map_or(Ok(()), |error| Err(HandlingError::Transient(error.to_string()))))
            }
        }
    }

    async fn write(&self, commit: Commit) -> Result<(), StoreError> {
        for result in self.parts.store.write(vec![commit]).await {
            result.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }

    /// How each consumer is doing.
    pub(super) fn states(&self) -> Vec<(String, State)> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        members.iter().map(|member| (member.handler.consumer().to_owned(), member.state())).collect()
    }

    pub(super) fn member(&self, consumer: &str) -> Result<Arc<Member>, OperatorError> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let found = members.iter().find(|member| member.handler.consumer() == consumer);
        found.cloned().ok_or_else(|| OperatorError::NoConsumer(consumer.to_owned()))
    }
}
