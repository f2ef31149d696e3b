//! Which of a consumer's sources this instance reads.

use super::super::inlet::Inlet;
use super::super::{Handler, Source};
use super::{Failure, Parts};
use crate::instances::{Instances, Work};
use crate::log::{LogError, SourceKey};

/// The sources of a consumer, and which of them were this instance's when it looked.
pub(super) struct Share {
    consumer: String,
    one_writer: bool,
    places: Vec<Place>,
    /// Nothing is missing because the log was away.
    pub(super) is_whole: bool,
}

struct Place {
    source: Source,
    partition: u32,
    mine: bool,
}

impl Share {
    /// As it stands now.
    pub(super) async fn of(handler: &dyn Handler, parts: &Parts) -> Result<Self, Failure> {
        let (mut places, mut is_whole) = (Vec::new(), true);
        for source in handler.sources() {
            let partitions = match partitions(&source, parts).await {
                Ok(partitions) => partitions,
                // The others are read meanwhile: a service goes on by itself when the log is away.
                Err(LogError::Unavailable(why)) => {
                    tracing::warn!(service = parts.service, topic = source.topic(), why, "a source is read later");
                    is_whole = false;
                    continue;
                }
                Err(error) => return Err(Failure::Away(error.to_string())),
            };
            places.extend((0..partitions).map(|partition| Place { source: source.clone(), partition, mine: false }));
        }
        let consumer = handler.consumer().to_owned();
        let mut share = Self { consumer, one_writer: handler.has_one_writer(), places, is_whole };
        for at in 0..share.places.len() {
            share.places[at].mine = parts.instances.does(share.work(at));
        }
        Ok(share)
    }

    /// All of it is one piece of work where there must be one writer, else each partition is.
    fn work(&self, at: usize) -> Work<'_> {
        let number = if self.one_writer { 0 } else { u32::try_from(at).unwrap_or(u32::MAX) };
        Work { name: &self.consumer, number }
    }

    /// Whether it is still shared out like that.
    pub(super) fn stands(&self, instances: &Instances) -> bool {
        (0..self.places.len()).all(|at| self.places[at].mine == instances.does(self.work(at)))
    }

    /// Whether everything is this instance's.
    pub(super) fn is_all(&self) -> bool {
        self.places.iter().all(|place| place.mine)
    }

    /// Whether a source is.
    pub(super) fn has(&self, key: &SourceKey) -> bool {
        let place =
            self.places.iter().find(|place| place.source.topic() == key.topic && place.partition == key.partition);
        place.is_some_and(|place| place.mine)
    }

    /// Opens what is.
    pub(super) async fn open(&self, parts: &Parts) -> Result<Vec<Inlet>, Failure> {
        let mut inlets = Vec::new();
        for place in self.places.iter().filter(|place| place.mine) {
            inlets.push(Inlet::at(&place.source, place.partition, parts).await?);
        }
        Ok(inlets)
    }
}

async fn partitions(source: &Source, parts: &Parts) -> Result<u32, LogError> {
    match source {
        Source::Own => Ok(1),
        Source::Topic(topic) => {
            parts.log.create_topic(topic).await?;
            parts.log.partitions(topic).await
        }
    }
}
