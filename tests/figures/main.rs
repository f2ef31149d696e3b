//! Figures of the shop on its embedded default, through the gateway with tokens: see `tests/figures.sh`, which builds and runs it.
//!
//! `e2e-figures [--seconds N] [--events N]`: start-up, idle memory, commands and queries a second at 1, 16 and 64 clients, then
//! memory and latency while the customers' store grows to that many events. The load comes from this process, on the same machine.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a tool: it prints, and stops at the first failure"
)]

mod load;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::{Api, Process};
use serde_json::json;

use load::{Ask, Target, Until};

/// Customers that the commands are about.
const CUSTOMERS: usize = 1000;

struct Arguments {
    seconds: u64,
    events: u64,
}

#[tokio::main]
async fn main() {
    let arguments = arguments();
    let folder = tempfile::tempdir_in(binary("..")).expect("the target folder can be written");
    let mut payments = Process::start(
        &binary("shop-payments"),
        &[("PAYMENTS_LISTEN", "127.0.0.1:0"), ("PAYMENTS_FILE", &path(folder.path(), "payments.jsonl"))],
        folder.path(),
    );
    let payments_url = payments.says_url();
    let environment = |log| {
        [
            ("MINOS_LISTEN", "127.0.0.1:0".to_owned()),
            ("MINOS_DATA", path(folder.path(), "data")),
            ("PAYMENTS_URL", payments_url.clone()),
            ("MINOS_LOG", log),
        ]
    };

    let (shop, target) =
        started("first start, to the first answer", &environment("info".to_owned()), folder.path()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("idle memory:                          {} MB resident", shop.resident_mb());
    let target = registered(target).await;
    let time = Until::Time(Duration::from_secs(arguments.seconds));
    for (what, ask) in [("commands", Ask::Rename), ("queries", Ask::Read)] {
        for clients in [1, 16, 64] {
            let measured = target.run(ask, clients, time).await;
            println!("{:38}{measured}", format!("{what}, {clients} clients:"));
        }
    }
    println!("memory after it:                      {} MB resident", shop.resident_mb());
    stop(shop);

    // A line for each request, a million times, would fill the disk.
    let (shop, again) = started("start on that data", &environment("warn".to_owned()), folder.path()).await;
    grow(&shop, &Target { customers: Arc::clone(&target.customers), ..again }, arguments.events, folder.path()).await;
    stop(shop);
    let (shop, _) = started("start on all of it", &environment("warn".to_owned()), folder.path()).await;
    stop(shop);
}

/// Commands until the store holds so many events; every tenth of the way, what they take.
async fn grow(shop: &Process, target: &Target, events: u64, folder: &Path) {
    println!("growth: events | commands at 16 clients | at 1 client, p50 and p99 | memory | on disk");
    let mut there = 0;
    for tenth in 1..=10 {
        let many = target.run(Ask::Rename, 16, Until::Count(events / 10)).await;
        there += many.answered;
        let one = target.run(Ask::Rename, 1, Until::Time(Duration::from_secs(2))).await;
        there += one.answered;
        println!(
            "{:3} % {there:9} | {many} | {:.2} {:.2} ms | {} MB | {} MB",
            tenth * 10,
            one.p50,
            one.p99,
            shop.resident_mb(),
            on_disk(&folder.join("data"))
        );
    }
}

async fn started(what: &str, environment: &[(&str, String)], folder: &Path) -> (Process, Target) {
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let begun = Instant::now();
    let mut shop = Process::start(&binary("shop"), &environment, folder);
    let url = shop.says_url();
    let api = Api::new(&url);
    api.get("/health", "").await.expect_status(200);
    println!("{:38}{:.0} ms", format!("{what}:"), begun.elapsed().as_secs_f64() * 1000.0);
    let token = api.token(json!({"sub": "clara", "roles": ["clerk"], "ttl": 80_000})).await;
    let address = url.trim_start_matches("http://").to_owned();
    (shop, Target { address, token, customers: Arc::default() })
}

async fn registered(mut target: Target) -> Target {
    target.register(CUSTOMERS).await;
    target
}

fn stop(mut shop: Process) {
    shop.terminate();
    let ended = shop.ends(Duration::from_secs(60));
    assert!(ended.status.success(), "{}", ended.errors);
}

/// Megabytes of the files in a folder.
fn on_disk(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum::<u64>() >> 20
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// A binary beside this one.
fn binary(name: &str) -> PathBuf {
    std::env::current_exe().expect("a running process has a path").with_file_name(name)
}

fn arguments() -> Arguments {
    let mut read = Arguments { seconds: 10, events: 1_000_000 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().and_then(|value| value.parse().ok());
        match (name.as_str(), value) {
            ("--seconds", Some(value)) => read.seconds = value,
            ("--events", Some(value)) => read.events = value,
            _ => panic!("there are `--seconds N` and `--events N`"),
        }
    }
    read
}
