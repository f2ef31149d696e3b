//! The engines that the configuration chooses: a store for each service, and the log between them.

use std::path::Path;
use std::sync::Arc;

use super::StartError;
use crate::config::Config;
use crate::context::Context;
use crate::log::Log;
use crate::store::Store;

/// Whether anything of a service stands in the data folder.
pub(super) fn is_embedded(config: &Config) -> bool {
    config.postgres.is_none() || config.kafka.is_none()
}

/// What is wrong with the settings of the engines, as far as can be said without asking them.
pub(super) fn mistakes(config: &Config, services: usize) -> Vec<String> {
    let mut mistakes: Vec<String> = config.kafka.iter().flat_map(self::kafka::mistakes).collect();
    if services > 1 && config.postgres.as_ref().is_some_and(|it| !it.is_per_service()) {
        let why = "each has a database of its own: let its URL say `{service}`";
        mistakes.push(format!("MINOS_POSTGRES_URL names one database for {services} services: {why}"));
    }
    mistakes
}

/// Opens a service's store.
///
/// # Errors
/// Why it cannot be used, with its place.
pub(super) async fn store(
    config: &Config,
    service: &'static str,
    data: &Path,
    context: &Context,
) -> Result<Arc<dyn Store>, String> {
    match &config.postgres {
        Some(settings) => postgres::open(&settings.url(service), service, context).await,
        None => self::sqlite::open(&data.join(format!("{service}.db")), service, context).await,
    }
}

/// Opens the log between services.
///
/// # Errors
/// Why it cannot be used, with its place.
pub(super) async fn log(config: &Config, data: &Path) -> Result<Arc<dyn Log>, StartError> {
    match &config.kafka {
        Some(settings) => self::kafka::open(settings),
        None => embedded::open(&data.join("log.db")).await,
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{Arc, Context, Store};
    use crate::config::Secret;
    use crate::store::postgres::{PostgresSettings, PostgresStore};

    pub(super) async fn open(url: &Secret, service: &str, context: &Context) -> Result<Arc<dyn Store>, String> {
        match PostgresStore::open(&PostgresSettings::new(url.reveal(), service), context).await {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(format!("its database: {error}")),
        }
    }
}

/// Of a program that is built without it; the configuration has been refused before.
#[cfg(not(feature = "postgres"))]
mod postgres {
    use super::{Arc, Context, Store};
    use crate::config::Secret;

    pub(super) async fn open(_: &Secret, _: &str, _: &Context) -> Result<Arc<dyn Store>, String> {
        Err("this program is built without Postgres".to_owned())
    }
}

#[cfg(feature = "kafka")]
mod kafka {
    use super::{Arc, Log, StartError};
    use crate::config::KafkaConfig;
    use crate::log::kafka::{KafkaLog, KafkaSettings};

    fn settings(config: &KafkaConfig) -> KafkaSettings {
        let KafkaConfig { brokers, prefix, partitions, replication, inbox_time, client } = config.clone();
        KafkaSettings { brokers, prefix, partitions, replication, inbox_retention: inbox_time, client }
    }

    pub(super) fn mistakes(config: &KafkaConfig) -> Vec<String> {
        settings(config).mistakes()
    }

    pub(super) fn open(config: &KafkaConfig) -> Result<Arc<dyn Log>, StartError> {
        match KafkaLog::connect(&settings(config)) {
            Ok(log) => Ok(Arc::new(log)),
            Err(error) => Err(StartError::Log { place: config.brokers.clone(), why: error.to_string() }),
        }
    }
}

/// Of a program that is built without it; the configuration has been refused before.
#[cfg(not(feature = "kafka"))]
mod kafka {
    use super::{Arc, Log, StartError};
    use crate::config::KafkaConfig;

    pub(super) fn mistakes(_: &KafkaConfig) -> Vec<String> {
        Vec::new()
    }

    pub(super) fn open(config: &KafkaConfig) -> Result<Arc<dyn Log>, StartError> {
        Err(StartError::Log { place: config.brokers.clone(), why: "this program is built without Kafka".to_owned() })
    }
}

mod sqlite {
    use super::{Arc, Context, Path, Store};
    use crate::store::sqlite::SqliteStore;

    pub(super) async fn open(file: &Path, service: &str, context: &Context) -> Result<Arc<dyn Store>, String> {
        match SqliteStore::open(file, service, context).await {
            Ok(store) => Ok(Arc::new(store)),
            Err(error) => Err(format!("its data in `{}`: {error}", file.display())),
        }
    }
}

mod embedded {
    use super::{Arc, Log, Path, StartError};
    use crate::log::embedded::EmbeddedLog;

    pub(super) async fn open(path: &Path) -> Result<Arc<dyn Log>, StartError> {
        match EmbeddedLog::open(path).await {
            Ok(log) => Ok(Arc::new(log)),
            Err(error) => Err(StartError::Log { place: path.display().to_string(), why: error.to_string() }),
        }
    }
}
