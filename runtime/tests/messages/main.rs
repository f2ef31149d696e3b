//! Messages between services over the SQLite store and the embedded log: relay, consumers, views, queries.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod consumers;
mod crashes;
#[path = "../processes/faults.rs"]
mod faults;
#[cfg(feature = "kafka")]
mod instances;
#[cfg(feature = "kafka")]
mod lost_topic;
mod queries;
mod relay;
mod support;
mod versions;
mod views;
