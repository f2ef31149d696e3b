//! What the end-to-end tests share: binaries, processes, a client.
//!
//! Nothing here knows the crates under test: they are built by cargo, started as processes, asked over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a harness fails its test by panicking"
)]

pub mod apart;
mod binary;
pub mod check;
mod client;
mod dice;
mod forge;
mod form;
pub mod insist;
pub mod ledger;
mod process;
mod proxy;
mod raw;
mod shop;
pub mod trial;

pub use binary::{binary, repository};
pub use client::{Api, Reply};
pub use dice::Dice;
pub use forge::{Database, Forged, Keyring, LogFile};
pub use form::{is_full, publish, seed};
pub use process::{Ended, Process};
pub use raw::{Ask, Raw, raw};
pub use shop::{Payments, Shop, copy_folder};

use std::future::Future;
use std::time::{Duration, Instant};

/// Asks until there is an answer; fails the test when there is none after `at_most`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, at_most: Duration, ask: impl Fn() -> F) -> T {
    let until = Instant::now() + at_most;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < until, "not within {at_most:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
