//! Topics: made with the settings, and never with another number of partitions than that.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

use super::{KafkaLog, Quiet, TIME, unavailable};
use crate::log::LogError;

/// The largest message, in bytes: a request's body and what is around it, with room.
pub(super) const LARGEST: &str = "4194304";

/// How long a new topic may take until each partition has a leader.
const LEADERS: Duration = Duration::from_secs(20);

impl KafkaLog {
    /// Makes sure that a topic is there, with as many partitions as configured.
    pub(super) async fn make(&self, topic: &str) -> Result<u32, LogError> {
        if let Some(known) = self.known(topic) {
            return Ok(known);
        }
        let partitions = match self.look_up(topic).await? {
            Some(partitions) => partitions,
            None => {
                self.create(topic).await?;
                self.wait_for(topic).await?
            }
        };
        if partitions != self.settings.partitions {
            return Err(LogError::Refused(format!(
                "topic `{topic}` has {partitions} partitions, but {} are configured: the number is fixed when a topic is made, since the order of each key rests on it; configure {partitions}",
                self.settings.partitions
            )));
        }
        self.note(topic, partitions);
        Ok(partitions)
    }

    /// How many partitions a topic has; absent where it is not there.
    pub(super) async fn look_up(&self, topic: &str) -> Result<Option<u32>, LogError> {
        let name = self.name(topic);
        let metadata = self
            .ask(move |reader| reader.fetch_metadata(Some(&name), TIME))
            .await?
            .map_err(|error| unavailable(&error))?;
        let Some(found) = metadata.topics().first() else { return Ok(None) };
        match found.error().map(RDKafkaErrorCode::from) {
            None => {
                let led = found.partitions().iter().all(|partition| partition.leader() >= 0);
                let count = u32::try_from(found.partitions().len()).unwrap_or(0);
                Ok((led && count > 0).then_some(count))
            }
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => Ok(None),
            Some(RDKafkaErrorCode::LeaderNotAvailable) => Ok(None),
            Some(error) => Err(LogError::Unavailable(format!("topic `{topic}`: {error}"))),
        }
    }

    async fn create(&self, topic: &str) -> Result<(), LogError> {
        let settings = &self.settings;
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let retention = retention(topic, settings.inbox_retention).to_string();
        let in_sync = if settings.replication >= 3 { "2" } else { "1" };
        let name = self.name(topic);
        let replication = TopicReplication::Fixed(number(settings.replication));
        let new = NewTopic::new(&name, number(settings.partitions), replication)
            .set("cleanup.policy", "delete")
            .set("retention.ms", &retention)
            .set("retention.bytes", "-1")
            .set("max.message.bytes", LARGEST)
            .set("min.insync.replicas", in_sync);
        let admin: AdminClient<Quiet> =
            settings.admin().create_with_context(Quiet).map_err(|error| unavailable(&error))?;
        let options = AdminOptions::new().request_timeout(Some(TIME)).operation_timeout(Some(TIME));
        let created = admin.create_topics([&new], &options).await;
        // Ends a thread of its own.
        tokio::task::spawn_blocking(move || drop(admin));
        match created.map_err(|error| unavailable(&error))?.pop() {
            // Another process made it just now.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | Some(Ok(_)) => Ok(()),
            Some(Err((_, error))) if is_passing(error) => Err(unavailable(&KafkaError::AdminOp(error))),
            Some(Err((_, error))) => Err(LogError::Refused(format!("topic `{topic}` cannot be made: {error}"))),
            None => Err(LogError::Unavailable(format!("topic `{topic}` was not made: no answer"))),
        }
    }

    async fn wait_for(&self, topic: &str) -> Result<u32, LogError> {
        let begun = Instant::now();
        loop {
            if let Some(partitions) = self.look_up(topic).await? {
                return Ok(partitions);
            }
            if begun.elapsed() > LEADERS {
                return Err(LogError::Unavailable(format!("topic `{topic}` has no leader yet")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// In milliseconds; -1: for ever.
fn retention(topic: &str, inbox: Duration) -> i64 {
    if topic.ends_with(".inbox") { i64::try_from(inbox.as_millis()).unwrap_or(i64::MAX) } else { -1 }
}

fn is_passing(error: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::NotController
            | Code::BrokerNotAvailable
            // Not all brokers are up yet.
            | Code::InvalidReplicationFactor
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_kept_for_ever_and_commands_as_long_as_configured() {
        assert_eq!(retention("orders.events", Duration::from_secs(5)), -1);
        assert_eq!(retention("orders.inbox", Duration::from_secs(5)), 5000);
    }
}
