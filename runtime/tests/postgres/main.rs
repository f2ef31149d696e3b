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
mod support;
mod tls;
