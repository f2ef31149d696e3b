//! What holds of every command: decided once, on the newest state, answered the same again.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../account/mod.rs"]
mod account;
mod answers;
mod faults;
mod setup;
mod snapshots;
mod state;
mod timers;

/// What snapshots are tried on.
async fn bank() -> Option<setup::Bank> {
    Some(setup::Bank::new().await)
}
