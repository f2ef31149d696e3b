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

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use load::{Load, Shape};
use minos_runtime::context::Context;
use minos_runtime::store::Store;

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
    let store = match open(url, &context).await {
        Ok(store) => store,
        Err(why) => {
            eprintln!("commands: {why}");
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

async fn open(url: &str, context: &Context) -> Result<Arc<dyn Store>, String> {
    if let Some(file) = url.strip_prefix("sqlite:") {
        return sqlite(Path::new(file.trim_start_matches("//")), context).await;
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return postgres(url, context).await;
    }
    Err(format!("the URL is neither `postgres://…` nor `sqlite:FILE`\n{USAGE}"))
}

#[cfg(feature = "embedded")]
async fn sqlite(file: &Path, context: &Context) -> Result<Arc<dyn Store>, String> {
    let store = minos_runtime::store::sqlite::SqliteStore::open(file, "bench", context).await;
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "embedded"))]
async fn sqlite(_: &Path, _: &Context) -> Result<Arc<dyn Store>, String> {
    Err("built without the feature `embedded`".to_owned())
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, context: &Context) -> Result<Arc<dyn Store>, String> {
    use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
    let store = PostgresStore::open(&PostgresSettings::new(url, "bench"), context).await;
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str, _: &Context) -> Result<Arc<dyn Store>, String> {
    Err("built without the feature `postgres`".to_owned())
}
