//! The store that a URL names.

use std::path::Path;
use std::sync::Arc;

use minos_runtime::context::Context;
use minos_runtime::store::Store;

/// The store of a URL: `postgres://…` (an empty database) or `sqlite:FILE`.
pub(crate) async fn open(url: &str, context: &Context) -> Result<Arc<dyn Store>, String> {
    if let Some(file) = url.strip_prefix("sqlite:") {
        return sqlite(Path::new(file.trim_start_matches("//")), context).await;
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return postgres(url, context).await;
    }
    Err("the URL is neither `postgres://…` nor `sqlite:FILE`".to_owned())
}

#[cfg(feature = "embedded")]
async fn sqlite(file: &Path, context: &Context) -> Result<Arc<dyn Store>, String> {
    let store = minos_runtime::store::sqlite::SqliteStore::open(file, "bench", context).await;
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "embedded"))]
async fn sqlite(_: &Path, _: &Context) -> Result<Arc<dyn Store>, String> {
    Err("built without the feature `embedded`".to_owned())
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, context: &Context) -> Result<Arc<dyn Store>, String> {
    use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
    let store = PostgresStore::open(&PostgresSettings::new(url, "bench"), context).await;
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str, _: &Context) -> Result<Arc<dyn Store>, String> {
    Err("built without the feature `postgres`".to_owned())
}
