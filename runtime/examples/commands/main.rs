//! Measures commands a second through the engine, as a generated service uses it, each answered once it is durable:
//!
//! ```text
//! cargo run --release -p minos-runtime --all-features --example commands -- URL CONCURRENCY SECONDS WARMUP_SECONDS [--cold | --hot]
//! ```
//!
//! `URL` is `postgres://…` (an empty database: the engine makes its tables) or `sqlite:FILE`. Each of CONCURRENCY clients repeats: read the stream's
//! state, decide on a counter, append one JSON event of some 150 bytes; a fresh stream every five commands. `--cold` caches nothing;
//! `--hot` has all clients, those of other processes too, write one stream.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, missing_docs)] // a tool for developers: it prints, and stops at the first mistake

mod counter;
mod load;
mod open;

use std::process::ExitCode;
use std::sync::Arc;

use load::{Load, Shape};
use minos_runtime::context::Context;

const USAGE: &str =
    "commands URL CONCURRENCY SECONDS WARMUP_SECONDS [--cold | --hot]\n  URL: postgres://… or sqlite:FILE";

#[tokio::main]
async fn main() -> ExitCode {
    let (options, arguments): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|text| text.starts_with("--"));
    let numbers: Option<Vec<u64>> = arguments.iter().skip(1).map(|text| text.parse().ok()).collect();
    let shape = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(Shape::Fresh),
        ["--cold"] => Some(Shape::Cold),
        ["--hot"] => Some(Shape::Hot),
        _ => None,
    };
    let (Some(&[clients, seconds, warmup_seconds]), Some(shape), Some(url)) =
        (numbers.as_deref(), shape, arguments.first())
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let context = Context::system();
    let store = match open::open(url, &context).await {
        Ok(store) => store,
        Err(why) => {
            eprintln!("commands: {why}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let load = Load::new(Arc::clone(&store), context, shape);
    let outcome = load.run(usize::try_from(clients).unwrap_or(1), seconds.max(1), warmup_seconds).await;
    store.close().await;
    println!(
        "commands_per_s={:.0} p50_ms={:.3} p99_ms={:.3} total={} conflicts={} errors={}",
        outcome.per_second(),
        outcome.per_mille(500),
        outcome.per_mille(990),
        outcome.took.len(),
        outcome.conflicts,
        outcome.errors
    );
    ExitCode::SUCCESS
}
