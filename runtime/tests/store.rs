//! The SQLite store passes the conformance suite, and what is SQLite's own holds.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use minos_runtime::context::Context;
use minos_runtime::store::Store;
use minos_runtime::store::sqlite::SqliteStore;
use minos_runtime::testing::store::{AsyncOpen, Opener};

/// One file a name in a folder of its own.
struct Files(tempfile::TempDir);

#[async_trait::async_trait]
impl AsyncOpen for Files {
    async fn open(&self, name: &str, context: &Context) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.0.path().join(name), "test", context).await.unwrap())
    }
}

minos_runtime::store_conformance!(Opener::new(Files(tempfile::tempdir().unwrap())));
