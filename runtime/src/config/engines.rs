//! Which engines stand under the services: SQLite and the embedded log, unless Postgres or Kafka are named.

use std::collections::BTreeMap;
use std::time::Duration;

use super::secret::Secret;

/// Where a service's name stands in a URL that serves several.
const SERVICE: &str = "{service}";
/// Seconds.
pub(super) const DAY: u64 = 24 * 60 * 60;

/// Postgres as event store and view store: one database and one role a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresConfig {
    /// `postgres.url`: `postgres://ROLE:PASSWORD@HOST/DATABASE`, with `{service}` where the service's name belongs.
    pub url: Secret,
}

impl PostgresConfig {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))?;
        let fits = !rest.is_empty() && !rest.contains(char::is_whitespace);
        fits.then(|| Self { url: Secret::new(text) })
    }

    /// The URL of a service's own database.
    pub fn url(&self, service: &str) -> Secret {
        Secret::new(self.url.reveal().replace(SERVICE, service))
    }

    /// Whether it gives each service a database of its own.
    pub fn is_per_service(&self) -> bool {
        self.url.reveal().contains(SERVICE)
    }
}

/// Apache Kafka as the log between services.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `kafka.brokers`: where to begin: `host:port`, with commas.
    pub brokers: String,
    /// `kafka.prefix`: what topics' names begin with there, for several systems on one cluster: `shop.`. Nothing.
    pub prefix: String,
    /// `kafka.partitions`: how many each topic has. 6. Fixed from the first start on: a key's place follows from it.
    pub partitions: u32,
    /// `kafka.replication`: on how many brokers each partition is kept. 3; of one broker alone it can only be 1.
    pub replication: u32,
    /// `kafka.inbox_days`: how long commands and replies are kept: longer than any outage of a service that is to be
    /// survived. 30 days. Events are kept for ever.
    pub inbox_time: Duration,
    /// `kafka.client`: settings of librdkafka passed through as they are: `security.protocol`, `sasl.*`, `ssl.*`. Secret.
    pub client: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: String::new(),
            prefix: String::new(),
            partitions: 6,
            replication: 3,
            inbox_time: Duration::from_secs(30 * DAY),
            client: BTreeMap::new(),
        }
    }
}

impl std::fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("inbox_time", &self.inbox_time)
            .field("client", &self.client.keys())
            .finish()
    }
}
