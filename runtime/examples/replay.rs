//! How long the first command on one long stream takes, from a snapshot and without one, its commit included:
//!
//! ```text
//! cargo run --release -p minos-runtime --all-features --example replay -- URL [EVENTS]
//! ```
//!
//! `URL` is `postgres://…` (an empty database) or `sqlite:FILE`. Nothing is cached: each command has an engine of its own.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)] // a tool for developers: it prints, and stops at the first mistake

#[path = "commands/counter.rs"]
mod counter;
#[path = "commands/open.rs"]
mod open;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Append, Commit};
use minos_runtime::context::{Context, Meta};
use minos_runtime::engine::{CommandRequest, Engine, SNAPSHOT_EVERY};
use minos_runtime::event::{NewEvent, StreamId};
use minos_runtime::projection::{KeptViews, ViewTables};
use minos_runtime::store::Store;
use minos_runtime::view::{Filter, Select};

/// The one stream.
const ID: &str = "00000000-0000-7000-8000-000000000001";
/// How many events it has, unless told.
const EVENTS: u64 = 100_000;
/// Events a commit, while it is made.
const APPENDED: u64 = 1000;
const ROUNDS: usize = 7;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| panic!("replay URL [EVENTS]"));
    let events = arguments.next().map_or(EVENTS, |text| text.parse().unwrap());
    let context = Context::system();
    let store = open::open(&url, &context).await.unwrap();
    make(&*store, &context, events).await;
    let without = median(&store, &context, false).await;
    // The first one keeps a snapshot, beside its command.
    first(&store, &context, true).await;
    until_kept(&*store).await;
    let with = median(&store, &context, true).await;
    println!(
        "events={events} without_snapshot_ms={:.1} events_per_s={:.0} with_snapshot_ms={:.2}",
        without.as_secs_f64() * 1e3,
        events as f64 / without.as_secs_f64(),
        with.as_secs_f64() * 1e3
    );
    store.close().await;
}

/// Writes the stream, as the commands would have.
async fn make(store: &dyn Store, context: &Context, events: u64) {
    let note = "a note of some length ".repeat(5);
    for expected in (0..events).step_by(usize::try_from(APPENDED).unwrap()) {
        let event = |count: u64| NewEvent {
            event_id: context.new_id(),
            event_type: "bench.Counter.Counted".to_owned(),
            schema_version: 1,
            entered: None,
            private: false,
            data: format!(r#"{{"count":{count},"note":"{note}"}}"#),
        };
        let append = Append {
            stream: StreamId::new("bench.Counter", ID),
            expected,
            events: (expected + 1..=(expected + APPENDED).min(events)).map(event).collect(),
            at: context.now(),
            meta: Meta::new(context, Caller::anonymous()),
        };
        for written in store.write(vec![Commit { appends: vec![append], ..Commit::default() }]).await {
            written.unwrap();
        }
    }
}

async fn until_kept(store: &dyn Store) {
    let (filter, order) = (Filter::everything(), Vec::new());
    let select = Select { table: "snapshots".to_owned(), filter, order, after: None, limit: 1 };
    while store.select(&select).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn median(store: &Arc<dyn Store>, context: &Context, snapshots: bool) -> Duration {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        took.push(first(store, context, snapshots).await);
    }
    took.sort_unstable();
    took[ROUNDS / 2]
}

/// One command of an engine that knows nothing yet.
async fn first(store: &Arc<dyn Store>, context: &Context, snapshots: bool) -> Duration {
    let (tables, kept) = (Arc::new(ViewTables::default()), Arc::new(KeptViews::default()));
    let engine = Engine::new(&counter::service(), Arc::clone(store), context.clone(), tables, kept);
    let engine = if snapshots { engine.with_snapshots(SNAPSHOT_EVERY).await.unwrap() } else { engine };
    let caller = Caller { roles: BTreeSet::from(["clerk".to_owned()]), ..Caller::default() };
    let request = CommandRequest {
        command: "bench.Counter.Count".to_owned(),
        target: Some(ID.to_owned()),
        arguments: r#"{"note":"the next"}"#.to_owned(),
        command_id: context.new_id(),
        meta: Meta::new(context, caller),
        if_match: None,
        internal: false,
        saga: None,
        undoes: None,
    };
    let begun = Instant::now();
    let executed = engine.execute(request, &|_| Commit::default()).await.unwrap();
    let took = begun.elapsed();
    assert!(matches!(executed.answer, Answer::Done { .. }), "{:?}", executed.answer);
    took
}
