//! Which engines stand under the services: SQLite and the embedded log, unless Postgres or Kafka are named.

use std::collections::BTreeMap;

use super::secret::Secret;

/// Where a service's name stands in a URL that serves several.
const SERVICE: &str = "{service}";

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
    /// `kafka.partitions`: of topics that are made. 12. Never changed afterwards: keys would lose their order.
    pub partitions: u32,
    /// `kafka.replication`: of topics that are made. The broker's own default (`-1`).
    pub replication: i32,
    /// `kafka.client`: settings of librdkafka passed through as they are: `security.protocol`, `sasl.*`, `ssl.*`. Secret.
    pub client: BTreeMap<String, String>,
}

impl std::fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("client", &self.client.keys())
            .finish()
    }
}
