//! Measures commands a second through the engine, on SQLite, each answered once it is durable:
//! `cargo run --release -p minos-runtime --example commands -- [CLIENTS] [SECONDS] [ACCOUNTS]`.

#![allow(clippy::print_stdout, clippy::expect_used, missing_docs)] // a tool for developers: it prints, and stops at the first failure

#[path = "../tests/account/mod.rs"]
mod account;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Commit};
use minos_runtime::context::{Context, Meta};
use minos_runtime::engine::{CommandRequest, Engine};
use minos_runtime::projection::{KeptViews, ViewTables};
use minos_runtime::store::Store;
use minos_runtime::store::sqlite::SqliteStore;

struct Load {
    engine: Engine,
    context: Context,
    caller: Caller,
}

impl Load {
    async fn ask(&self, command: &str, target: Option<&str>, arguments: String) -> Answer {
        let request = CommandRequest {
            command: format!("bank.Account.{command}"),
            target: target.map(str::to_owned),
            arguments,
            command_id: self.context.new_id(),
            meta: Meta::new(&self.context, self.caller.clone()),
            if_match: None,
            internal: false,
            saga: None,
            undoes: None,
        };
        self.engine.execute(request, &|_| Commit::default()).await.expect("answered").answer
    }

    async fn open(&self, number: usize) -> String {
        match self.ask("Open", None, format!("{{\"email\":\"{number}@x\"}}")).await {
            Answer::Done { stream, .. } => stream.rsplit('/').next().expect("an id").to_owned(),
            Answer::Refused(refusal) => panic!("{refusal}"),
        }
    }

    /// Deposits, one after the other, into the accounts in turn; gives how long each took.
    async fn work(&self, accounts: &[String], first: usize, until: Instant) -> Vec<Duration> {
        let mut took = Vec::new();
        for account in accounts.iter().cycle().skip(first) {
            let begun = Instant::now();
            if begun > until {
                break;
            }
            let answer = self.ask("Deposit", Some(account), "{\"amount\":1,\"note\":\"a\"}".to_owned()).await;
            assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
            took.push(begun.elapsed());
        }
        took
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let clients = arguments.next().unwrap_or(64);
    let seconds = arguments.next().unwrap_or(5);
    let accounts = arguments.next().unwrap_or(1_000);
    let folder = tempfile::tempdir().expect("a folder");
    let context = Context::system();
    let store = SqliteStore::open(&folder.path().join("bank.db"), "bank", &context).await.expect("the store opens");
    let store: Arc<dyn Store> = Arc::new(store);
    let service = account::service();
    let engine = Engine::new(
        &service,
        Arc::clone(&store),
        context.clone(),
        Arc::new(ViewTables::default()),
        Arc::new(KeptViews::default()),
    );
    let caller = Caller { roles: BTreeSet::from(["clerk".to_owned()]), ..Caller::default() };
    let load = Arc::new(Load { engine, context, caller });
    let opened = futures_util::future::join_all((0..accounts).map(|number| load.open(number))).await;
    let opened = Arc::new(opened);

    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds as u64);
    let workers: Vec<_> = (0..clients)
        .map(|client| {
            let (load, opened) = (Arc::clone(&load), Arc::clone(&opened));
            tokio::spawn(async move { load.work(&opened, client * accounts / clients.max(1), until).await })
        })
        .collect();
    let mut took = Vec::new();
    for worker in workers {
        took.extend(worker.await.expect("a worker ends"));
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let percentile = |share: usize| took.get(took.len() * share / 1000).copied().unwrap_or_default();
    println!(
        "{clients} clients, {accounts} accounts: {:.0} commands/s, p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}",
        took.len() as f64 / elapsed,
        percentile(500),
        percentile(990),
        percentile(999),
    );
    store.close().await;
}
