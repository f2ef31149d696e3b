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
        Some(kafka) => Err(StartError::Log { place: kafka.brokers.clone(), why: "Kafka is not there yet".to_owned() }),
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
