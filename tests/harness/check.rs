//! The checker: reads what is left of a trial (the ledger, the provider's record, the stores, the log, the last answers) and says
//! what is wrong with it, in words.
//!
//! It shares nothing with what it checks: events are folded by a small model of the shop of its own (`replay`), files are read
//! as files, Postgres and Kafka by their clients. It is checked itself, by `checker.rs`: each defect that is put into clean evidence is found.

mod commands;
mod database;
mod evidence;
mod log;
mod order;
mod payments;
mod replay;
mod sagas;
mod sums;
mod views;

pub use database::{Record, Store, execute, rows};
pub use evidence::{CHARGES, Evidence, LIVE, Payment, SERVICES, Service, Stores};
pub use replay::{Replay, Status};
pub use views::{forget_views, supersede_views, views_differ};

/// What is wrong.
#[derive(Debug, Default)]
pub struct Findings(Vec<String>);

impl Findings {
    fn say(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }
}

/// All that is wrong, in words; nothing where everything holds. The shop must have come to rest, and have been stopped.
pub fn check(evidence: &Evidence) -> Vec<String> {
    let mut findings = Findings::default();
    let replay = replay::replay(evidence, &mut findings);
    commands::check(evidence, &mut findings);
    order::check(evidence, &mut findings);
    payments::check(evidence, &replay, &mut findings);
    sagas::check(evidence, &replay, &mut findings);
    sums::check(evidence, &replay, &mut findings);
    views::check(evidence, &replay, &mut findings);
    findings.0
}
