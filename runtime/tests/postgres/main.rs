//! The Postgres store on a private server: the conformance suite, and what is Postgres' own: many instances on one database,
//! reading in order while others write, connections that are cut.

#![cfg(feature = "postgres")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../account/mod.rs"]
mod account;
mod conformance;
mod cuts;
mod fence;
mod instances;
mod opening;
mod proxy;
#[path = "../engine/setup.rs"]
#[allow(dead_code, reason = "the tests of the engine use more of it")]
mod setup;
#[path = "../engine/snapshots.rs"]
mod snapshots;
mod support;
mod tls;

use std::sync::Arc;

use minos_runtime::context::Context;
use minos_runtime::store::Store;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};

/// What snapshots are tried on.
async fn bank() -> Option<setup::Bank> {
    let database = servers::Postgres::shared()?.provision("bank");
    let open = async |context: &Context| {
        let settings = PostgresSettings::new(&database.url, "bank");
        let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&settings, context).await.unwrap());
        (store, ())
    };
    Some(setup::Bank::over(open).await)
}
