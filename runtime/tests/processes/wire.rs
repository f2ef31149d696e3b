//! A log that misbehaves as a network and a broker may: over the embedded one, with several partitions, by a seed.
//!
//! What happens to a read or a publish follows from the seed, the place, and how often it was tried there: the same seed does the
//! same again, however the tasks are scheduled. Nothing is lost for good, or there would be nothing to test.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use minos_runtime::log::embedded::EmbeddedLog;
use minos_runtime::log::{Log, LogError, Message, Read};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// How many partitions each topic has: keys on different ones overtake each other.
const PARTITIONS: u32 = 3;

/// Messages that are held back.
type Held = Box<dyn Fn(&Message) -> bool + Send + Sync>;

/// A log that misbehaves.
pub struct Wire {
    inner: EmbeddedLog,
    /// Absent: it behaves.
    seed: Option<u64>,
    tries: Mutex<BTreeMap<(String, u32, u64), u32>>,
    held: Mutex<Option<Held>>,
    faults: Faults,
}

/// How often each thing was done.
#[derive(Debug, Default)]
pub struct Faults {
    pub doubled: AtomicU64,
    pub swapped: AtomicU64,
    pub skipped: AtomicU64,
    pub refused: AtomicU64,
    /// Published, and not acknowledged.
    pub unacknowledged: AtomicU64,
}

impl Faults {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wire {
    /// Over the log in that folder.
    pub async fn open(folder: &Path, seed: Option<u64>) -> Self {
        let inner = EmbeddedLog::open(&folder.join("log.db")).await.unwrap();
        Self { inner, seed, tries: Mutex::default(), held: Mutex::default(), faults: Faults::default() }
    }

    /// What it did.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// From now on no message is read for which that holds, nor any behind it on its partition.
    pub fn hold(&self, held: impl Fn(&Message) -> bool + Send + Sync + 'static) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(held));
    }

    /// What was held back may be read.
    pub fn release(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The dice of one try at one place, and whether it is the first there. `None`: it behaves.
    fn dice(&self, topic: &str, partition: u32, at: u64) -> Option<(StdRng, bool)> {
        let seed = self.seed?;
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = tries.entry((topic.to_owned(), partition, at)).or_insert(0);
        *tries += 1;
        let mut hasher = DefaultHasher::new();
        (seed, topic, partition, at, *tries).hash(&mut hasher);
        Some((StdRng::seed_from_u64(hasher.finish()), *tries == 1))
    }

    fn is_held(&self, read: &Read) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        matches!((&*held, &read.message), (Some(held), Ok(message)) if held(message))
    }

    async fn read_inner(
        &self,
        topic: &str,
        partition: u32,
        offset: u64,
        limit: usize,
        at_most: Duration,
    ) -> Result<Vec<Read>, LogError> {
        let mut read = self.inner.read(&inner_topic(topic, partition), 0, offset, limit, at_most).await?;
        for message in read.iter_mut().filter_map(|read| read.message.as_mut().ok()) {
            (message.topic, message.partition) = (topic.to_owned(), partition);
        }
        Ok(read)
    }
}

/// A partition is a topic of the embedded log, which has one partition a topic.
fn inner_topic(topic: &str, partition: u32) -> String {
    format!("{topic}~{partition}")
}

fn away() -> LogError {
    LogError::Unavailable("the wire was cut".to_owned())
}

#[async_trait]
impl Log for Wire {
    async fn create_topic(&self, topic: &str) -> Result<(), LogError> {
        for partition in 0..PARTITIONS {
            self.inner.create_topic(&inner_topic(topic, partition)).await?;
        }
        Ok(())
    }

    async fn partitions(&self, _: &str) -> Result<u32, LogError> {
        Ok(PARTITIONS)
    }

    async fn publish(&self, messages: &[Message]) -> Result<(), LogError> {
        let Some(first) = messages.first() else { return Ok(()) };
        let inner: Vec<Message> = messages
            .iter()
            .map(|message| Message {
                topic: inner_topic(&message.topic, message.partition),
                partition: 0,
                ..message.clone()
            })
            .collect();
        let Some((mut dice, first_try)) = self.dice(&format!("{} from {}", first.topic, first.source), 0, first.pos)
        else {
            return self.inner.publish(&inner).await;
        };
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..10))).await;
        if !first_try || dice.random_bool(0.8) {
            return self.inner.publish(&inner).await;
        }
        // Some of it, or all, is there; nobody says so.
        Faults::count(&self.faults.unacknowledged);
        self.inner.publish(&inner[..dice.random_range(0..=inner.len())]).await?;
        Err(away())
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        offset: u64,
        limit: usize,
        at_most: Duration,
    ) -> Result<Vec<Read>, LogError> {
        let mut read = self.read_inner(topic, partition, offset, limit, at_most).await?;
        if let Some(at) = read.iter().position(|read| self.is_held(read)) {
            read.truncate(at);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if read.is_empty() {
            return Ok(read);
        }
        let Some((mut dice, first_try)) = self.dice(topic, partition, offset) else { return Ok(read) };
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..25))).await;
        read.truncate(dice.random_range(1..=8));
        if first_try && dice.random_bool(0.05) {
            Faults::count(&self.faults.refused);
            return Err(away());
        }
        if first_try && dice.random_bool(0.1) {
            let key = |read: &Read| read.message.as_ref().map(|message| message.key.clone()).unwrap_or_default();
            if read.len() > 1 && key(&read[0]) != key(&read[1]) {
                Faults::count(&self.faults.swapped);
                read.swap(0, 1);
            } else {
                Faults::count(&self.faults.skipped);
                read.remove(0);
            }
        } else if dice.random_bool(0.25) {
            let again = offset.saturating_sub(dice.random_range(1..=4));
            let mut doubled = self.read_inner(topic, partition, again, 4, Duration::ZERO).await?;
            doubled.retain(|read| read.next_offset <= offset);
            self.faults.doubled.fetch_add(doubled.len() as u64, Ordering::Relaxed);
            read.splice(0..0, doubled);
        }
        Ok(read)
    }

    async fn end(&self, topic: &str, partition: u32) -> Result<u64, LogError> {
        self.inner.end(&inner_topic(topic, partition), 0).await
    }

    async fn health(&self) -> Result<(), LogError> {
        self.inner.health().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
