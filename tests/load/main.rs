//! A load generator in a process of its own: customers who register, products that are added, orders that are placed, shipped,
//! cancelled, over HTTP through the gateway, however often the shop dies meanwhile. What is in doubt is sent again under its
//! key; what was sent and what was answered stands in a ledger of its own.
//!
//! `LOAD_FOLDER` holds the files that [`e2e::insist`] names; `LOAD_SEED` decides what is done; `LOAD_WORKERS` do it side by side.
//! When the file `stop` is there, what was begun is ended, and one line of JSON says how much it was.
#![allow(clippy::expect_used, reason = "a load generator that cannot go on fails its trial by panicking")]

mod market;
mod worker;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use e2e::Dice;
use e2e::insist::{Insisting, STOP};

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(variable("LOAD_FOLDER"));
    let seed: u64 = variable("LOAD_SEED").parse().expect("LOAD_SEED is a number");
    let workers: u64 = variable("LOAD_WORKERS").parse().expect("LOAD_WORKERS is a number");
    let insisting = Insisting::new(&folder).expect("the ledger can be opened");
    let market = Arc::new(market::Market::open(insisting, Dice::new(seed)).await);
    say("the market is open");
    let working = (0..workers).map(|name| {
        let worker = worker::Worker::new(name, Dice::new(seed).fork(name + 1), Arc::clone(&market));
        tokio::spawn(worker.run(folder.join(STOP)))
    });
    let mut done = worker::Done::default();
    for worker in working.collect::<Vec<_>>() {
        done.add(&worker.await.expect("a worker does not panic"));
    }
    say(&serde_json::to_string(&done).expect("numbers are JSON"));
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Whether enough was done.
fn is_over(stop: &Path) -> bool {
    stop.exists()
}

fn say(text: &str) {
    // Nobody listens: that is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{text}");
}
