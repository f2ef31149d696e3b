//! The log on Apache Kafka: one topic a subdomain for its events, one for what is addressed to it.
//!
//! * **Positions are the consumers' own**, kept in their stores: readers are told where to read (`reader`), no offset is
//!   committed to a broker, and no group is joined. An offset that the broker does not have is an error, never a silent reset.
//! * **Publishing** is idempotent, acknowledged by all replicas and without gaps (`writer`). Any error of a delivery gives
//!   the producer up; the relay begins again from its checkpoint, so that a message may stand in the log twice. The consumer
//!   is the fence.
//! * **Topics** are made with the configured partitions, and refused with another number (`topics`). Events are kept for
//!   ever; commands and replies for 30 days, unless configured otherwise: they are safe in their sender's store besides.

mod newest;
mod reader;
mod settings;
mod topics;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

use super::{Log, LogError, Message, Read};
use reader::Readers;
pub use settings::KafkaSettings;
use writer::{Record, Writer};

/// How long a broker may take to answer a question.
const TIME: Duration = Duration::from_secs(10);

/// How long a message that stands in the log may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);

/// The log on Kafka.
pub struct KafkaLog {
    settings: KafkaSettings,
    /// For questions; also the first lane of the readers.
    client: Mutex<Option<Arc<BaseConsumer<Quiet>>>>,
    readers: Readers,
    writer: Writer,
    /// How many partitions the topics have that were asked for.
    known: Mutex<BTreeMap<String, u32>>,
}

/// Sends what librdkafka says to the log of the process.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, text, "kafka");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, text, "kafka"),
            _ => tracing::debug!(facility, text, "kafka"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka");
    }
}

impl ConsumerContext for Quiet {}

impl KafkaLog {
    /// A log that is reached by those settings. Brokers that are away now are waited for by whoever needs them.
    ///
    /// # Errors
    /// [`LogError::Refused`] where the settings are wrong, with all mistakes.
    pub fn connect(settings: &KafkaSettings) -> Result<Self, LogError> {
        settings.check()?;
        let client =
            settings.reader().create_with_context(Quiet).map_err(|error| LogError::Refused(error.to_string()))?;
        let client = Arc::new(client);
        Ok(Self {
            settings: settings.clone(),
            client: Mutex::new(Some(Arc::clone(&client))),
            readers: Readers::new(settings.clone(), client),
            writer: Writer::new(settings.clone()),
            known: Mutex::default(),
        })
    }

    /// A topic's name on the brokers.
    fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.settings.prefix)
    }

    fn known(&self, topic: &str) -> Option<u32> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied()
    }

    fn note(&self, topic: &str, partitions: u32) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), partitions);
    }

    /// Asks the brokers something, on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Quiet>) -> T + Send + 'static,
    ) -> Result<T, LogError> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let client = client.ok_or_else(|| LogError::Unavailable("the log is closed".to_owned()))?;
        let asked = tokio::task::spawn_blocking(move || question(&client)).await;
        asked.map_err(|error| LogError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn create_topic(&self, topic: &str) -> Result<(), LogError> {
        self.make(topic).await.map(drop)
    }

    async fn partitions(&self, topic: &str) -> Result<u32, LogError> {
        if let Some(known) = self.known(topic) {
            return Ok(known);
        }
        match self.look_up(topic).await? {
            // Checked as it is when it is made.
            Some(_) => self.make(topic).await,
            None => Err(LogError::Refused(format!("there is no topic `{topic}`"))),
        }
    }

    async fn publish(&self, messages: &[Message]) -> Result<(), LogError> {
        let mut records = Vec::with_capacity(messages.len());
        for message in messages {
            // Brokers may be configured to make topics by themselves, with settings of their own: not ours.
            let partitions = self.partitions(&message.topic).await?;
            if message.partition >= partitions {
                let (topic, partition) = (&message.topic, message.partition);
                return Err(LogError::Refused(format!("topic `{topic}` has no partition {partition}")));
            }
            records.push(Record::new(self.name(&message.topic), message)?);
        }
        if records.is_empty() {
            return Ok(());
        }
        let sent = self.writer.send(&records).await;
        if sent.is_err() {
            // A topic may be gone: it is looked for again, and made anew.
            self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        sent
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        offset: u64,
        limit: usize,
        at_most: Duration,
    ) -> Result<Vec<Read>, LogError> {
        let place = (self.name(topic), partition);
        let begun = Instant::now();
        let read = match self.readers.read(&place, offset, limit, begun + at_most).await {
            Ok(read) if !read.is_empty() => return Ok(read),
            Ok(read) => read,
            // The topic may be gone, or begin anew below what was read of it.
            Err(LogError::Refused(why)) => {
                return match self.end(topic, partition).await {
                    Ok(end) if end < offset => Err(lost(topic, partition, offset, end)),
                    _ => Err(LogError::Refused(why)),
                };
            }
            Err(error) => return Err(error),
        };
        // Nothing has come; whether that is because there is nothing, the broker knows.
        let end = self.end(topic, partition).await?;
        if end < offset {
            return Err(lost(topic, partition, offset, end));
        }
        if end == offset {
            return Ok(read);
        }
        let read = self.readers.read(&place, offset, limit, Instant::now() + ARRIVAL).await?;
        if read.is_empty() {
            return Err(LogError::Unavailable(format!(
                "partition {partition} of topic `{topic}` ends at offset {end}, but nothing came from offset {offset} in {ARRIVAL:?}"
            )));
        }
        Ok(read)
    }

    async fn end(&self, topic: &str, partition: u32) -> Result<u64, LogError> {
        Ok(self.bounds(topic, partition).await?.1)
    }

    async fn newest_of(&self, source: &str, epoch: &str, topic: &str, partition: u32) -> Result<Option<u64>, LogError> {
        self.newest(source, epoch, topic, partition).await
    }

    async fn health(&self) -> Result<(), LogError> {
        let asked = self.ask(|client| client.fetch_metadata(Some("minos.health"), Duration::from_secs(3))).await?;
        asked.map(drop).map_err(|error| unavailable(&error))
    }

    async fn close(&self) {
        self.writer.close().await;
        drop(self.client.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.readers.close().await;
    }
}

impl KafkaLog {
    /// The first offset that is held, and the one after the newest message.
    async fn bounds(&self, topic: &str, partition: u32) -> Result<(u64, u64), LogError> {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let begun = Instant::now();
        loop {
            let name = self.name(topic);
            match self.ask(move |client| client.fetch_watermarks(&name, number, TIME)).await? {
                Ok((low, high)) => return Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0))),
                // A topic made just now, or a partition that moves: its leader is not known everywhere yet.
                Err(error) if is_moving(&error) && begun.elapsed() < TIME => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(unavailable(&error)),
            }
        }
    }
}

/// It ends before what was read of it.
fn lost(topic: &str, partition: u32, offset: u64, end: u64) -> LogError {
    LogError::Lost(format!(
        "partition {partition} of topic `{topic}` ends at offset {end}, but was read up to {offset} before: it was lost or made anew"
    ))
}

fn is_moving(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code();
    matches!(code, Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::UnknownTopicOrPartition))
}

fn unavailable(error: &KafkaError) -> LogError {
    LogError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
