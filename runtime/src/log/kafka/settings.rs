//! What is configured of Kafka, and what is not to be.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::log::LogError;

/// How the log on Kafka is reached, and how its topics are made.
#[derive(Clone)]
pub struct KafkaSettings {
    /// Brokers to begin with: `host:port`, with commas.
    pub brokers: String,
    /// What topics' names begin with on the brokers, for several systems on one cluster: empty, or such as `shop.`.
    pub prefix: String,
    /// How many partitions each topic has. Fixed from the first start on: a key's place follows from it.
    pub partitions: u32,
    /// On how many brokers each partition is kept; with 3 or more, a write is acknowledged once 2 have it.
    pub replication: u32,
    /// How long commands and replies are kept (`<subdomain>.inbox`): longer than the longest outage of a service that is to
    /// be survived. Events are kept for ever, since others' views are rebuilt from them.
    pub inbox_retention: Duration,
    /// Properties of librdkafka, passed through: `security.protocol`, `sasl.mechanisms`, `sasl.username`, `ssl.ca.location`,
    /// `compression.type`. Those that the protocol rests on are refused. TLS and SCRAM need the feature `ssl` of `rdkafka`.
    pub client: BTreeMap<String, String>,
}

/// What the protocol rests on.
const OURS: [&str; 14] = [
    "acks",
    "request.required.acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "metadata.broker.list",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "group.id",
    "isolation.level",
    "partitioner",
    "transactional.id",
];

impl KafkaSettings {
    /// One partition a topic on one broker: a beginning; what is for real use sets more.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: String::new(),
            partitions: 1,
            replication: 1,
            inbox_retention: Duration::from_secs(30 * 24 * 60 * 60),
            client: BTreeMap::new(),
        }
    }

    /// What is wrong with them, as far as can be said without a broker; all of it.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.brokers.trim().is_empty() {
            mistakes.push("no broker is named: give `host:port`".to_owned());
        }
        if self.partitions == 0 || self.partitions > 1000 {
            mistakes.push(format!("{} partitions a topic: give 1 to 1000", self.partitions));
        }
        if self.replication == 0 || self.replication > 10 {
            mistakes.push(format!("{} replicas a partition: give 1 to 10", self.replication));
        }
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !self.prefix.chars().all(named) {
            mistakes.push(format!("the prefix `{}` has more than letters, digits, `.`, `_` and `-`", self.prefix));
        }
        for name in self.client.keys().filter(|name| OURS.contains(&name.as_str())) {
            mistakes.push(format!("the property `{name}` is Minos' own: the log's promises rest on it"));
        }
        if mistakes.is_empty() {
            // A client connects in the background; one that is dropped at once never does.
            if let Err(error) = self.reader().create_native_config() {
                mistakes.push(format!("{error} (TLS and SCRAM need the feature `ssl` of the crate `rdkafka`)"));
            }
        }
        mistakes
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        for (name, value) in &self.client {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// Readers: told where to read, never begin elsewhere by themselves, commit nothing to the broker.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config
            // A group is named because the client wants one; nobody joins it.
            .set("group.id", format!("{}minos", self.prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            .set("isolation.level", "read_uncommitted");
        // Bounded: a reader that does not come for more makes the client fetch no more.
        for (name, value) in [
            ("queued.max.messages.kbytes", "8192"),
            ("fetch.queue.backoff.ms", "5"),
            ("fetch.error.backoff.ms", "100"),
            ("fetch.wait.max.ms", "250"),
        ] {
            if !self.client.contains_key(name) {
                config.set(name, value);
            }
        }
        config
    }

    /// Writers: acknowledged by all replicas, in order, without gaps, each message once a session.
    pub(super) fn writer(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random");
        for (name, value) in
            [("linger.ms", "0"), ("message.timeout.ms", "20000"), ("message.max.bytes", super::topics::LARGEST)]
        {
            if !self.client.contains_key(name) {
                config.set(name, value);
            }
        }
        config
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.base()
    }

    /// As an error, if anything is wrong.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let mistakes = self.mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(LogError::Refused(mistakes.join("; "))) }
    }
}

/// Without the values of properties, among which are passwords.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("inbox_retention", &self.inbox_retention)
            .field("client", &self.client.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TLS is in the client only where the binary asks for it; without, nothing goes unencrypted that was to be encrypted.
    #[test]
    fn tls_without_a_client_that_has_it_is_refused_at_start_and_says_what_to_add() {
        let with = |protocol: &str| {
            let client = BTreeMap::from([("security.protocol".to_owned(), protocol.to_owned())]);
            KafkaSettings { client, ..KafkaSettings::new("127.0.0.1:9092") }
        };
        for protocol in ["ssl", "sasl_ssl"] {
            let settings = with(protocol);
            let mistakes = settings.mistakes();
            assert!(
                matches!(&mistakes[..], [one] if one.contains("feature `ssl` of the crate `rdkafka`")),
                "{mistakes:?}"
            );
            assert!(matches!(crate::log::kafka::KafkaLog::connect(&settings), Err(LogError::Refused(_))));
        }
        assert!(with("plaintext").mistakes().is_empty());
    }

    #[test]
    fn sasl_is_passed_through() {
        let given = [("security.protocol", "sasl_plaintext"), ("sasl.mechanisms", "PLAIN"), ("sasl.username", "shop")];
        let client = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let settings = KafkaSettings { client, ..KafkaSettings::new("127.0.0.1:9092") };
        assert_eq!(settings.mistakes(), Vec::<String>::new());
        for config in [settings.reader(), settings.writer(), settings.admin()] {
            assert!(given.iter().all(|(name, value)| config.get(name) == Some(value)));
        }
    }
}
