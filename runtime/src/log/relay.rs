//! The relay: publishes what the service has committed, in order, and nothing else.
//!
//! It tails the store twice: its events (public ones go to `<service>.events`) and its outgoing messages (to the topics that
//! they are addressed to; port calls stay). A checkpoint, kept in the store as the positions of the consumers
//! [`EVENTS`] and [`OUTGOING`], moves after the log has acknowledged. After a crash, what lies between is published again: with
//! the same positions, so that the log leaves it out, or else the consumers do.
//!
//! A checkpoint holds how far the store was read, and the last position published to each topic and partition: from it
//! comes each message's [`Message::previous`], by which consumers notice what is missing.

mod checkpoint;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::backoff::Backoff;
use super::partition::partition_of;
use super::{Body, EventBody, Log, LogError, Message, MessageSigner, SourceKey};
use crate::commit::CommitError;
use crate::context::Context;
use crate::event::{Json, Recorded};
use crate::fault::Point;
use crate::instances::{Instances, Work};
use crate::log::SentMessage;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use checkpoint::Checkpoint;

/// The consumer's name under which the checkpoint of events is kept.
pub const EVENTS: &str = "relay:events";

/// The consumer's name under which the checkpoint of outgoing messages is kept.
pub const OUTGOING: &str = "relay:outgoing";

/// How many messages are published at once at most.
const BATCH: usize = 512;

/// How long it sleeps when there is nothing to do: a commit of this process wakes it at once.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What the relay of one service works with.
#[derive(Clone)]
pub struct Relay {
    /// The service's name: the source of what is published.
    pub service: String,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Where to.
    pub log: Arc<dyn Log>,
    /// Signs each message.
    pub signer: Arc<dyn MessageSigner>,
    /// Clock and randomness.
    pub context: Context,
    /// Who else could publish: one of them does.
    pub instances: Instances,
}

/// Why the relay has to begin again from its checkpoint.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the checkpoint could not be moved: {0}")]
    Checkpoint(#[from] CommitError),
    #[error("what was committed cannot be sent: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// Which of the two the store is read for.
#[derive(Clone, Copy)]
enum Kind {
    Events,
    Outgoing,
}

/// A message before it has its place on a partition.
struct Draft {
    pos: u64,
    /// Absent: it stays here (a private event, a port call).
    topic: Option<String>,
    message: Message,
}

impl Relay {
    /// Makes the service's own topics and starts both tails. A log that is away is waited for.
    ///
    /// # Errors
    /// [`LogError::Refused`] where a topic cannot be used.
    pub async fn start(self, shutdown: &Shutdown) -> Result<(), LogError> {
        for topic in [events_topic(&self.service), inbox_topic(&self.service)] {
            match self.log.create_topic(&topic).await {
                Err(LogError::Unavailable(why)) => tracing::warn!(topic, why, "the topic is made later"),
                made => made?,
            }
        }
        let events = Tail::new(self.clone(), Kind::Events);
        let outgoing = Tail::new(self, Kind::Outgoing);
        shutdown.spawn("relay of events", events.run(shutdown.clone()));
        shutdown.spawn("relay of outgoing messages", outgoing.run(shutdown.clone()));
        Ok(())
    }
}

/// The topic of a subdomain's public events.
pub fn events_topic(subdomain: &str) -> String {
    format!("{subdomain}.events")
}

/// The topic of the commands and replies that are addressed to a subdomain.
pub fn inbox_topic(subdomain: &str) -> String {
    format!("{subdomain}.inbox")
}

/// How much of what is committed is not published yet, as far as the saved checkpoints tell: they are a moment behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RelayLag {
    /// Positions of events.
    pub events: u64,
    /// Positions of outgoing messages.
    pub outgoing: u64,
}

/// The lag of a service's relay.
pub async fn lag(store: &dyn Store, service: &str) -> Result<RelayLag, StoreError> {
    let last = store.last_positions().await?;
    let read = async |consumer| {
        let positions = store.positions(consumer).await?;
        let own = positions.into_iter().find(|(source, _)| *source == SourceKey::own(service));
        Ok::<u64, StoreError>(own.map_or(0, |(_, position)| position.pos))
    };
    Ok(RelayLag {
        events: last.events.saturating_sub(read(EVENTS).await?),
        outgoing: last.outgoing.saturating_sub(read(OUTGOING).await?),
    })
}

/// One of the two tails.
struct Tail {
    relay: Relay,
    kind: Kind,
    /// Topics known to be there, and how many partitions each has.
    partitions: BTreeMap<String, u32>,
    /// Pauses after errors; short again as soon as something went through.
    backoff: Backoff,
}

impl Tail {
    fn new(relay: Relay, kind: Kind) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        Self { relay, kind, partitions: BTreeMap::new(), backoff }
    }

    /// Until shutdown; whatever goes wrong, it begins again from the checkpoint.
    async fn run(mut self, shutdown: Shutdown) {
        let instances = self.relay.instances.clone();
        loop {
            tokio::select! {
                () = instances.until(|instances| instances.does(self.work())) => {}
                () = shutdown.asked() => return,
            }
            let Err(error) = self.follow(&shutdown).await else {
                if shutdown.is_asked() {
                    return;
                }
                tracing::info!(service = self.relay.service, "another instance relays");
                continue;
            };
            let pause = self.backoff.pause(&self.relay.context);
            tracing::warn!(service = self.relay.service, %error, ?pause, "the relay begins again from its checkpoint");
            if shutdown.sleep(pause).await {
                return;
            }
        }
    }

    fn work(&self) -> Work<'static> {
        Work { name: "relay", number: self.kind as u32 }
    }

    /// From the checkpoint until shutdown (what was committed by then is still published), or until it is another's work.
    async fn follow(&mut self, shutdown: &Shutdown) -> Result<(), RelayError> {
        let mut wake = self.relay.store.wake();
        let mut checkpoint = Checkpoint::load(&*self.relay.store, self.consumer(), &self.relay.service).await?;
        self.look_for_losses(&mut checkpoint).await?;
        let mut poll = POLL.0;
        loop {
            if !self.relay.instances.does(self.work()) {
                return checkpoint.save(&*self.relay.store).await;
            }
            let drafts = self.read(checkpoint.read_up_to()).await?;
            if drafts.is_empty() {
                if shutdown.is_asked() {
                    checkpoint.save(&*self.relay.store).await?;
                    return Ok(());
                }
                checkpoint.save_if_due(&*self.relay.store).await?;
                tokio::select! {
                    () = wake.wait(poll.min(checkpoint.due_in())) => {}
                    () = shutdown.asked() => {}
                }
                poll = (poll * 2).min(POLL.1);
                continue;
            }
            poll = POLL.0;
            self.publish(drafts, &mut checkpoint).await?;
            self.backoff.reset();
            checkpoint.save_if_due(&*self.relay.store).await?;
        }
    }

    /// Where the log has lost what was published to it (its file is gone, or an older one stands in its place), the checkpoint goes
    /// back as far: the store still has all of it.
    async fn look_for_losses(&mut self, checkpoint: &mut Checkpoint) -> Result<(), RelayError> {
        // A topic that is gone is made anew.
        self.partitions.clear();
        let (service, epoch) = (self.relay.service.clone(), checkpoint.epoch().to_owned());
        let (mut held, mut is_lost) = (Vec::new(), false);
        for (key, published) in checkpoint.newest() {
            self.partitions(&key.topic).await?;
            let newest = self.relay.log.newest_of(&service, &epoch, &key.topic, key.partition).await?;
            let newest = newest.unwrap_or(published).min(published);
            if newest < published {
                let topic = &key.topic;
                tracing::error!(
                    service,
                    topic,
                    published,
                    newest,
                    "the log has lost messages; they are published again"
                );
                is_lost = true;
            }
            held.push((key, newest));
        }
        if is_lost {
            checkpoint.fall_back(held);
        }
        Ok(())
    }

    async fn publish(&mut self, drafts: Vec<Draft>, checkpoint: &mut Checkpoint) -> Result<(), RelayError> {
        let mut messages = Vec::with_capacity(drafts.len());
        for draft in drafts {
            if let Some(topic) = draft.topic {
                let partitions = self.partitions(&topic).await?;
                for partition in places(&draft.message, partitions) {
                    let previous = checkpoint.published(&topic, partition, draft.pos);
                    let (topic, epoch) = (topic.clone(), checkpoint.epoch().to_owned());
                    let mut message = Message { topic, partition, previous, epoch, ..draft.message.clone() };
                    message.signature = self.relay.signer.sign(&message);
                    messages.push(message);
                }
            }
            checkpoint.read(draft.pos);
        }
        Point::BeforePublish.pass();
        self.relay.log.publish(&messages).await?;
        Point::AfterPublish.pass();
        Ok(())
    }

    async fn partitions(&mut self, topic: &str) -> Result<u32, LogError> {
        if let Some(partitions) = self.partitions.get(topic) {
            return Ok(*partitions);
        }
        self.relay.log.create_topic(topic).await?;
        let partitions = self.relay.log.partitions(topic).await?;
        self.partitions.insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    fn consumer(&self) -> &'static str {
        match self.kind {
            Kind::Events => EVENTS,
            Kind::Outgoing => OUTGOING,
        }
    }

    async fn read(&self, after: u64) -> Result<Vec<Draft>, RelayError> {
        let service = &self.relay.service;
        match self.kind {
            Kind::Events => {
                let events = self.relay.store.read_events(after, BATCH).await?;
                events.into_iter().map(|event| event_draft(service, event)).collect()
            }
            Kind::Outgoing => {
                let sent = self.relay.store.read_outgoing(after, BATCH).await?;
                Ok(sent.into_iter().map(|sent| outgoing_draft(service, sent)).collect())
            }
        }
    }
}

fn event_draft(service: &str, event: Recorded) -> Result<Draft, RelayError> {
    let body = Body::Event(EventBody {
        stream: event.stream.as_str().to_owned(),
        version: event.version,
        event_type: event.event_type,
        schema_version: event.schema_version,
        entered: event.entered,
        data: Json::new(event.data)?,
    });
    let message = Message {
        specversion: super::SPECVERSION,
        id: event.event_id,
        source: service.to_owned(),
        epoch: String::new(),
        topic: String::new(),
        partition: 0,
        key: event.stream.as_str().to_owned(),
        pos: event.pos,
        previous: 0,
        time: event.at,
        meta: event.meta,
        body,
        signature: String::new(),
    };
    Ok(Draft { pos: event.pos, topic: (!event.private).then(|| events_topic(service)), message })
}

fn outgoing_draft(service: &str, sent: SentMessage) -> Draft {
    let outgoing = sent.message;
    let stays = outgoing.to.starts_with("port:");
    let message = Message {
        specversion: super::SPECVERSION,
        id: outgoing.id,
        source: service.to_owned(),
        epoch: String::new(),
        topic: String::new(),
        partition: 0,
        key: outgoing.key,
        pos: sent.pos,
        previous: 0,
        time: sent.at,
        meta: outgoing.meta,
        body: outgoing.body,
        signature: String::new(),
    };
    Draft { pos: sent.pos, topic: (!stays).then_some(outgoing.to), message }
}

/// Where a message goes: to the partition of its key. That a saga has ended goes to all of them, since its commands do: on
/// each, what was kept for it is forgotten after the last of them.
fn places(message: &Message, partitions: u32) -> Vec<u32> {
    match message.body {
        Body::Ended { .. } => (0..partitions).collect(),
        _ => vec![partition_of(&message.key, partitions)],
    }
}
