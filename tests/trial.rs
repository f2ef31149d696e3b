//! The trial: the shop under load is killed at every named point and at random moments; nothing is lost, nothing happens twice.
//!
//! `MINOS_TRIAL_SEED` replays a run: what the load does, where and when the shop is killed. (Which instruction of which thread is
//! the last one stays with the machine.) `MINOS_TRIALS=full` makes each trial as long as `tests/run --full` wants it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::Path;

use e2e::check;
use e2e::trial::{Ended, Figures, Kill, POINTS, Trial};
use e2e::{Dice, is_full, publish, seed};

/// The seed of the short form, which is the same every time.
const SEED: u64 = 4;

/// Kills a shop in these ways, and checks what is left.
async fn trial(seed: u64, kills: &[Kill]) -> Figures {
    eprintln!("MINOS_TRIAL_SEED={seed}");
    let mut trial = Trial::start(seed, Path::new(env!("CARGO_BIN_EXE_e2e-load"))).await;
    for kill in kills {
        trial.kill(*kill).await;
    }
    let Ended { figures, unrest, evidence } = trial.end().await;
    let mut findings = check::check(&evidence);
    findings.extend(unrest.map(|what| format!("the shop did not come to rest: {what}")));
    findings.extend(trial.rebuilt(&evidence).await);
    eprintln!("seed {seed}: {figures}");
    assert!(findings.is_empty(), "{} findings (MINOS_TRIAL_SEED={seed}):\n{}", findings.len(), findings.join("\n"));
    figures
}

/// Several shops one after the other, each with the next seed; more kills of one would make its past longer, and each start slower.
async fn trials(name: &str, shops: u64, kills: impl Fn(Dice) -> Vec<Kill>) {
    let mut all = Figures::default();
    for seed in seed(SEED)..seed(SEED) + shops {
        all.add(&trial(seed, &kills(Dice::new(seed))).await);
    }
    publish(name, &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_named_points_nothing_is_lost_and_nothing_happens_twice() {
    let (shops, each) = if is_full() { (5, 2) } else { (1, 1) };
    trials("killed at named points", shops, |mut dice| {
        let mut kills: Vec<Kill> = POINTS.iter().flat_map(|point| vec![Kill::At(point); each]).collect();
        // Each seed has them in another order.
        dice.shuffle(&mut kills);
        kills
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_is_lost_and_nothing_happens_twice() {
    let (shops, each) = if is_full() { (5, 20) } else { (1, 5) };
    trials("killed at random moments", shops, |_| vec![Kill::Moment; each]).await;
}
