//! Where messages come in: the service's own store, or a partition of a topic.

use std::sync::Arc;
use std::time::Duration;

use super::set::Parts;
use super::{Delivery, Source};
use crate::log::{Log, LogError, Message, SourceKey, Unreadable};
use crate::store::{Store, StoreError, Wake};

/// How many messages are read at once at most.
pub(super) const BATCH: usize = 512;

/// How long a read waits for the first message.
const WAIT: Duration = Duration::from_secs(30);

/// How long it sleeps between two looks at its own store: a commit of this process wakes it at once.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// A source being read.
pub(super) enum Inlet {
    /// The service's own events.
    Own { service: String, epoch: String, store: Arc<dyn Store>, wake: Wake },
    /// A partition of a topic.
    Partition { topic: String, partition: u32, log: Arc<dyn Log> },
}

/// What came in.
pub(super) struct Incoming {
    /// Where to read on after it.
    pub(super) next_offset: u64,
    /// What it is.
    pub(super) item: Item,
}

/// What came in.
pub(super) enum Item {
    /// An event of the service's own.
    Own(Delivery),
    /// A message of a topic, not checked yet.
    Message(Box<Message>),
    /// Not a message.
    Unreadable(Unreadable),
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Inlet {
    /// The inlets of a source: one a partition.
    pub(super) async fn all(source: &Source, parts: &Parts) -> Result<Vec<Self>, ReadError> {
        let partitions = match source {
            Source::Own => 1,
            Source::Topic(topic) => {
                parts.log.create_topic(topic).await?;
                parts.log.partitions(topic).await?
            }
        };
        let mut inlets = Vec::new();
        for partition in 0..partitions {
            inlets.push(Self::at(source, partition, parts).await?);
        }
        Ok(inlets)
    }

    /// The inlet of one partition of a source.
    pub(super) async fn at(source: &Source, partition: u32, parts: &Parts) -> Result<Self, StoreError> {
        let (service, store) = (parts.service.clone(), Arc::clone(&parts.store));
        Ok(match source {
            Source::Own => Self::Own { service, epoch: store.epoch().await?, wake: store.wake(), store },
            Source::Topic(topic) => Self::Partition { topic: topic.clone(), partition, log: Arc::clone(&parts.log) },
        })
    }

    /// The topic and partition, as positions name them.
    pub(super) fn place(&self) -> (&str, u32) {
        match self {
            Self::Own { .. } => ("own", 0),
            Self::Partition { topic, partition, .. } => (topic, *partition),
        }
    }

    /// The epoch of the service's own store; empty for a topic, whose messages say theirs.
    pub(super) fn epoch(&self) -> &str {
        match self {
            Self::Own { epoch, .. } => epoch,
            Self::Partition { .. } => "",
        }
    }

    /// The key that a position is kept under which belongs to no source of its own: its events' writer, by convention.
    pub(super) fn default_source(&self) -> SourceKey {
        let (topic, partition) = self.place();
        match self {
            Self::Own { service, .. } => SourceKey::own(service),
            Self::Partition { .. } => SourceKey {
                topic: topic.to_owned(),
                source: topic.split('.').next().unwrap_or_default().to_owned(),
                partition,
            },
        }
    }

    /// The end: where to read on for what comes from now on.
    pub(super) async fn end(&self) -> Result<u64, ReadError> {
        match self {
            Self::Own { store, .. } => Ok(store.last_positions().await?.events),
            Self::Partition { topic, partition, log } => Ok(log.end(topic, *partition).await?),
        }
    }

    /// What comes after `offset`; waits some time for it.
    pub(super) async fn read(&mut self, offset: u64) -> Result<Vec<Incoming>, ReadError> {
        match self {
            Self::Own { service, store, wake, .. } => {
                let mut poll = POLL.0;
                loop {
                    let events = store.read_events(offset, BATCH).await?;
                    if !events.is_empty() {
                        return Ok(events
                            .into_iter()
                            .map(|event| Incoming {
                                next_offset: event.pos,
                                item: Item::Own(Delivery::own(service, event)),
                            })
                            .collect());
                    }
                    wake.wait(poll).await;
                    poll = (poll * 2).min(POLL.1);
                }
            }
            Self::Partition { topic, partition, log } => {
                let read = log.read(topic, *partition, offset, BATCH, WAIT).await?;
                let item = |message| match message {
                    Ok(message) => Item::Message(message),
                    Err(unreadable) => Item::Unreadable(unreadable),
                };
                Ok(read
                    .into_iter()
                    .map(|read| Incoming { next_offset: read.next_offset, item: item(read.message) })
                    .collect())
            }
        }
    }
}
