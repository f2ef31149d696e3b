//! The crash test: the shop apart, on Postgres and Kafka, two instances of each service, hot streams written through both.
//!
//! Processes are killed, servers restarted, instances paused past their leases, connections cut at their commits; nothing acknowledged is
//! lost, nothing happens twice. `MINOS_TRIAL_SEED` replays the choices of a run; `MINOS_TRIALS=full` makes it as long as `tests/run --full`
//! wants it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::Path;

use e2e::apart::{Apart, Ended, Figures, Step};
use e2e::{Dice, is_full, publish, seed};

/// The seed of the short form, which is the same every time.
const SEED: u64 = 5;

/// How often each step is taken with one shop: short, full.
const STEPS: [(Step, usize, usize); 5] =
    [(Step::Kill, 12, 40), (Step::Postgres, 1, 2), (Step::Kafka, 1, 2), (Step::Pause, 1, 1), (Step::Cut, 6, 8)];

/// How many shops there are in the full form, one after the other, each with the next seed: 200 kills in all.
const SHOPS: u64 = 5;

/// All steps, in an order of the seed's own.
fn steps(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed).fork(1);
    let times = |(step, short, full): (Step, usize, usize)| vec![step; if is_full() { full } else { short }];
    let mut steps: Vec<Step> = STEPS.into_iter().flat_map(times).collect();
    dice.shuffle(&mut steps);
    steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: tests/run --ci runs it"]
async fn on_postgres_and_kafka_nothing_is_lost_and_nothing_happens_twice() {
    if servers::or_left_out(servers::can_be_had(), "Postgres and Kafka").is_none() {
        return;
    }
    if std::env::var_os("MINOS_TEST_KAFKA").is_some() {
        return eprintln!("left out: the broker of MINOS_TEST_KAFKA is not ours to stop");
    }
    let mut all = Figures::default();
    for seed in seed(SEED)..seed(SEED) + if is_full() { SHOPS } else { 1 } {
        all.add(&trial(seed).await);
    }
    publish("on Postgres and Kafka", &all);
}

/// Attacks one shop, and checks what is left.
async fn trial(seed: u64) -> Figures {
    eprintln!("MINOS_TRIAL_SEED={seed}");
    let mut shop = Apart::start(seed, Path::new(env!("CARGO_BIN_EXE_e2e-load"))).await.unwrap();
    for step in steps(seed) {
        shop.step(step).await;
    }
    let Ended { figures, findings } = shop.end().await;
    eprintln!("seed {seed}: {figures}");
    assert!(findings.is_empty(), "{} findings (MINOS_TRIAL_SEED={seed}):\n{}", findings.len(), findings.join("\n"));
    figures
}
