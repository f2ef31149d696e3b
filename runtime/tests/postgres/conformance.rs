//! The Postgres store passes the conformance suite, on a private server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use minos_runtime::context::Context;
use minos_runtime::store::Store;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use minos_runtime::testing::store::{AsyncOpen, Opener};
use servers::{Database, Postgres};

/// One database a name.
struct Databases(&'static Postgres, Mutex<BTreeMap<String, Database>>);

#[async_trait::async_trait]
impl AsyncOpen for Databases {
    async fn open(&self, name: &str, context: &Context) -> Arc<dyn Store> {
        let url = {
            let mut databases = self.1.lock().unwrap();
            databases.entry(name.to_owned()).or_insert_with(|| self.0.provision("test")).url.clone()
        };
        let settings = PostgresSettings { clock: Some(context.clone()), ..PostgresSettings::new(url, "test") };
        Arc::new(PostgresStore::open(&settings, context).await.unwrap())
    }
}

minos_runtime::store_conformance!({
    let Some(server) = Postgres::shared() else { return };
    Opener::new(Databases(server, Mutex::default()))
});
