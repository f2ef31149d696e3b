//! Publishing: one idempotent producer a process; any error of a delivery makes a new one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _, PurgeConfig};
use rdkafka::util::Timeout;

use super::{Quiet, settings::KafkaSettings, unavailable};
use crate::log::{LogError, Message};

/// How long is waited at the end for what is under way.
const FLUSH: Duration = Duration::from_secs(5);

type Producer = FutureProducer<Quiet>;

/// The producer, while there is a good one.
pub(super) struct Writer {
    settings: KafkaSettings,
    producer: Mutex<State>,
}

enum State {
    /// Made when it is needed.
    None,
    Open(Arc<Producer>),
    Closed,
}

/// A message as it is sent.
pub(super) struct Record {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) key: String,
    pub(super) payload: String,
}

impl Record {
    pub(super) fn new(topic: String, message: &Message) -> Result<Self, LogError> {
        let refused = |error: serde_json::Error| LogError::Refused(error.to_string());
        Ok(Self {
            topic,
            partition: i32::try_from(message.partition).unwrap_or(i32::MAX),
            key: message.key.clone(),
            payload: serde_json::to_string(message).map_err(refused)?,
        })
    }
}

impl Writer {
    pub(super) fn new(settings: KafkaSettings) -> Self {
        Self { settings, producer: Mutex::new(State::None) }
    }

    /// Sends all, and waits until each is acknowledged. After an error the producer is given up with whatever it still
    /// holds: what the next one sends begins at the relay's checkpoint.
    pub(super) async fn send(&self, records: &[Record]) -> Result<(), LogError> {
        let producer = self.producer()?;
        let sent = deliver(&producer, records).await;
        if sent.is_err() {
            self.give_up(producer);
        }
        sent
    }

    fn producer(&self) -> Result<Arc<Producer>, LogError> {
        let mut state = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Open(producer) => Ok(Arc::clone(producer)),
            State::Closed => Err(LogError::Unavailable("the log is closed".to_owned())),
            State::None => {
                let config = self.settings.writer();
                let producer = config.create_with_context(Quiet).map_err(|error| unavailable(&error))?;
                let producer = Arc::new(producer);
                *state = State::Open(Arc::clone(&producer));
                Ok(producer)
            }
        }
    }

    fn give_up(&self, failed: Arc<Producer>) {
        let mut state = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Open(current) if Arc::ptr_eq(current, &failed)) {
            *state = State::None;
        }
        drop(state);
        failed.purge(PurgeConfig::default().queue().inflight().non_blocking());
        // Waits for a thread to end.
        tokio::task::spawn_blocking(move || drop(failed));
    }

    /// What is under way is sent; nothing is taken any more.
    pub(super) async fn close(&self) {
        let state = {
            let mut state = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *state, State::Closed)
        };
        if let State::Open(producer) = state {
            let flushed = tokio::task::spawn_blocking(move || producer.flush(Timeout::After(FLUSH))).await;
            if let Ok(Err(error)) = flushed {
                tracing::warn!(%error, "messages were still under way; they are published again at the next start");
            }
        }
    }
}

async fn deliver(producer: &Producer, records: &[Record]) -> Result<(), LogError> {
    let mut deliveries = Vec::with_capacity(records.len());
    for record in records {
        let sent =
            FutureRecord::to(&record.topic).partition(record.partition).key(&record.key).payload(&record.payload);
        match producer.send_result(sent) {
            Ok(delivery) => deliveries.push(delivery),
            Err((error, _)) => return Err(failed(&error, &record.topic)),
        }
    }
    for (delivery, record) in deliveries.into_iter().zip(records) {
        match delivery.await {
            Ok(Ok(_)) => {}
            Ok(Err((error, _))) => return Err(failed(&error, &record.topic)),
            Err(_gone) => return Err(LogError::Unavailable("the producer was given up".to_owned())),
        }
    }
    Ok(())
}

fn failed(error: &KafkaError, topic: &str) -> LogError {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
            LogError::Refused(format!("topic `{topic}` was not made before it was written to ({error})"))
        }
        Some(Code::MessageSizeTooLarge | Code::InvalidRecord | Code::TopicAuthorizationFailed) => {
            LogError::Refused(format!("topic `{topic}` does not take it: {error}"))
        }
        _ => unavailable(error),
    }
}
