//! How near the engine comes to what Postgres can do, measured in one run on a private server:
//!
//! ```text
//! cargo run --release -p minos-runtime --all-features --example yardsticks -- [SECONDS [CLIENTS…]]
//! ```
//!
//! Yardsticks: pgbench that loads and then appends in one trip; 64 events a commit by `UNNEST`; the thinnest group commit (the
//! protocol's statement, kept answers included, no engine around it). The last lines are the engine's ratios to the thin group commit.

#![allow(clippy::print_stdout, clippy::expect_used, missing_docs)] // a tool for developers: it prints, and stops at the first mistake

#[path = "../commands/counter.rs"]
mod counter;
#[path = "../commands/load.rs"]
mod load;
mod thin;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use load::{Load, Shape};
use minos_runtime::context::Context;
use minos_runtime::store::Store;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use minos_runtime::store::sqlite::SqliteStore;
use servers::Postgres;

const ROUNDS: usize = 3;

const SCRIPT: &str = "\\set stream random(1, 1000000000)
SELECT version, data FROM bench_events WHERE stream = :stream ORDER BY version;
WITH s AS (INSERT INTO bench_streams AS s (stream, version) VALUES (:stream, 1) ON CONFLICT (stream) DO UPDATE SET version = s.version + 1 RETURNING version)
INSERT INTO bench_events (stream, version, data) SELECT :stream, version, repeat('an event of some length', 6) FROM s;
";
const TABLES: &str = "CREATE TABLE bench_streams (stream bigint PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE bench_events (pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream bigint NOT NULL, version bigint NOT NULL, data text NOT NULL, UNIQUE (stream, version))";

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let seconds = numbers.next().unwrap_or(5);
    let mut clients: Vec<usize> = numbers.map(|number| usize::try_from(number).expect("a number")).collect();
    if clients.is_empty() {
        clients = vec![1, 16, 64];
    }
    let Some(server) = Postgres::shared() else { return };
    let unnest = server.provision("thin");
    thin::prepare(&unnest.url).await;
    println!("64 events a commit by UNNEST: {:.0} events/s", thin::unnest(&unnest.url, seconds).await);
    let mut ratios = Vec::new();
    for clients in clients {
        println!("pgbench, load then append, {clients} clients: {}", pgbench(server, clients, seconds));
        let (mut thin, mut engine) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            thin.push(thin_round(server, clients, seconds).await);
            engine.push(engine_round(server, clients, seconds).await);
        }
        let (thin, engine) = (middle(thin), middle(engine));
        ratios.push((clients, engine.0 / thin.0, engine.1 / thin.1));
    }
    println!("SQLite, 64 clients: {}", described(sqlite_round(seconds).await));
    for (clients, throughput, latency) in ratios {
        println!("clients={clients} engine_to_thin_commands={throughput:.2} engine_to_thin_p50={latency:.2}");
    }
}

type Figures = (f64, f64, f64);

/// Commands a second, p50 and p99 in ms.
fn described((per_second, p50, p99): Figures) -> String {
    format!("{per_second:.0} commands/s, p50 {p50:.3} ms, p99 {p99:.3} ms")
}

fn middle(mut rounds: Vec<Figures>) -> Figures {
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    rounds[rounds.len() / 2]
}

async fn thin_round(server: &Postgres, clients: usize, seconds: u64) -> Figures {
    let database = server.provision("thin");
    thin::prepare(&database.url).await;
    let took = thin::group_commit(&database.url, clients, seconds, 1).await;
    let at = |share: usize| took.get(took.len() * share / 1000).map_or(0.0, Duration::as_secs_f64) * 1e3;
    let figures = (took.len() as f64 / seconds as f64, at(500), at(990));
    println!("thin group commit, {clients} clients: {}", described(figures));
    figures
}

async fn engine_round(server: &Postgres, clients: usize, seconds: u64) -> Figures {
    let database = server.provision("bench");
    let context = Context::system();
    let store = PostgresStore::open(&PostgresSettings::new(database.url, "bench"), &context).await.expect("it opens");
    let figures = load_round(Arc::new(store), context, clients, seconds).await;
    println!("engine on Postgres, {clients} clients: {}", described(figures));
    figures
}

async fn sqlite_round(seconds: u64) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let context = Context::system();
    let store = SqliteStore::open(&folder.path().join("bench.db"), "bench", &context).await.expect("it opens");
    load_round(Arc::new(store), context, 64, seconds).await
}

async fn load_round(store: Arc<dyn Store>, context: Context, clients: usize, seconds: u64) -> Figures {
    let outcome = Load::new(Arc::clone(&store), context, Shape::Fresh).run(clients, seconds, 1).await;
    store.close().await;
    assert_eq!((outcome.errors, outcome.conflicts), (0, 0));
    (outcome.per_second(), outcome.per_mille(500), outcome.per_mille(990))
}

fn pgbench(server: &Postgres, clients: usize, seconds: u64) -> String {
    let program = server.binaries().join("pgbench");
    if !program.is_file() {
        return "there is no pgbench here".to_owned();
    }
    let database = server.provision("pgbench");
    server.administer(&database.name, TABLES);
    server.administer(&database.name, &format!("GRANT ALL ON bench_streams, bench_events TO \"{}\"", database.name));
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script.sql");
    std::fs::write(&script, SCRIPT).expect("the folder can be written");
    let output = Command::new(program)
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &seconds.to_string(), "-f"])
        .arg(script)
        .arg(&database.url)
        .output()
        .expect("pgbench starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.lines().find(|line| line.starts_with("tps"));
    rate.map_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned(), str::to_owned)
}
