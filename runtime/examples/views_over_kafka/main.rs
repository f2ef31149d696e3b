//! How far a view of another service is behind, and how fast it is rebuilt, over Kafka:
//!
//! ```text
//! cargo run --release -p minos-runtime --all-features --example views_over_kafka [-- HOST:PORT [EVENTS]]
//! ```
//!
//! Without an address a private broker is started. The services stand on SQLite first, then on a private Postgres. The yardstick is measured in the same run, on the same broker: what a
//! bare producer and consumer need from produce to consume. Lines of figures come last: the lag of a view (from the
//! commit's answer until its row stands in the other service's store) as a ratio to it, and events a second of a rebuild.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)] // a tool for developers: it prints, and stops at the first mistake

mod raw;
mod services;

use std::sync::Arc;
use std::time::{Duration, Instant};

use minos_runtime::log::Log;
use minos_runtime::log::kafka::{KafkaLog, KafkaSettings};
use services::{Engine, Events, Homes, PaidView, UpdatedView, View};

/// Partitions a topic.
const PARTITIONS: u32 = 4;
/// The measured load: one event each, and how many.
const PACE: Duration = Duration::from_millis(5);
const COUNT: usize = 600;
/// What comes before, and is not counted.
const WARMUP: usize = 100;
/// How often, in turn with the yardstick.
const ROUNDS: usize = 5;
/// How many events a rebuild reads.
const REBUILD: u64 = 200_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (own, brokers) = match arguments.next() {
        Some(brokers) => (None, brokers),
        None => {
            let kafka = servers::Kafka::start().unwrap_or_else(|missing| panic!("no broker: {}", missing.0));
            let brokers = kafka.brokers().to_owned();
            (Some(kafka), brokers)
        }
    };
    let events = arguments.next().map_or(REBUILD, |text| text.parse().unwrap());
    let engines = [Some(Engine::Sqlite), servers::Postgres::shared().map(Engine::Postgres)];
    for engine in engines.into_iter().flatten() {
        measure(Homes::new(engine), &brokers, events).await;
    }
    drop(own);
}

/// The yardstick and the services, one after the other.
async fn measure(homes: Homes, brokers: &str, events: u64) {
    let prefix = format!("bench-{}-{}.", std::process::id(), homes.engine());
    let settings = KafkaSettings { partitions: PARTITIONS, prefix, ..KafkaSettings::new(brokers) };
    let log: Arc<dyn Log> = Arc::new(KafkaLog::connect(&settings).unwrap());
    let Lags { raw, lag, whole } = lags(&homes, &settings, &log).await;
    fill(&homes, &log, events).await;
    let put = rebuild::<PaidView>(&homes, "put", &log).await;
    let updated = rebuild::<UpdatedView>(&homes, "updated", &log).await;
    println!("stores: {}", homes.engine());
    println!("  raw_p50_ms={:.3} raw_p99_ms={:.3}", at(&raw, 50), at(&raw, 99));
    println!("  commit_to_view_p50_ms={:.3} commit_to_view_p99_ms={:.3}", at(&whole, 50), at(&whole, 99));
    println!(
        "  view_lag_p50_ms={:.3} view_lag_p99_ms={:.3} ratio_p50={:.2}",
        at(&lag, 50),
        at(&lag, 99),
        at(&lag, 50) / at(&raw, 50)
    );
    println!("  rebuild_events_per_s={put:.0} events={events}, of rows put");
    println!("  rebuild_events_per_s={updated:.0} events={events}, of rows added and updated");
    log.close().await;
}

/// What was measured, sorted.
#[derive(Default)]
struct Lags {
    /// Of the bare producer and consumer.
    raw: Vec<Duration>,
    /// From a commit's answer until the row is there.
    lag: Vec<Duration>,
    /// From its call.
    whole: Vec<Duration>,
}

/// In rounds, each with the yardstick first: the machine may be busy with something else for a while.
async fn lags(homes: &Homes, settings: &KafkaSettings, log: &Arc<dyn Log>) -> Lags {
    let events = Events::start(homes, log).await;
    let view = View::start::<PaidView>(homes, "lagging", log).await;
    let (seen, mut lags) = (view.watch(), Lags::default());
    for round in 0..ROUNDS {
        lags.raw.extend(raw::produce_to_consume(settings, &**log, round).await);
        let first = events.committed() + 1;
        events.commit(1).await;
        view.until(first).await;
        let (mut called, mut answered) = (Vec::new(), Vec::new());
        let mut next = tokio::time::interval(PACE);
        for _ in 0..WARMUP + COUNT {
            next.tick().await;
            called.push(Instant::now());
            events.commit(1).await;
            answered.push(Instant::now());
        }
        let arrived = seen.after(first, WARMUP + COUNT).await;
        let since = |from: &[Instant]| {
            let pairs = arrived.iter().zip(from).skip(WARMUP);
            pairs.map(|(arrived, from)| arrived.saturating_duration_since(*from)).collect::<Vec<_>>()
        };
        lags.lag.extend(since(&answered));
        lags.whole.extend(since(&called));
    }
    view.stop().await;
    events.stop().await;
    for measured in [&mut lags.raw, &mut lags.lag, &mut lags.whole] {
        measured.sort_unstable();
    }
    lags
}

/// Commits and publishes so many events.
async fn fill(homes: &Homes, log: &Arc<dyn Log>, count: u64) {
    let events = Events::start(homes, log).await;
    while events.committed() < count {
        events.commit(500).await;
    }
    events.until_published(log, PARTITIONS).await;
    events.stop().await;
}

/// Events a second of a new view that reads them all.
async fn rebuild<V: minos_runtime::view::View>(homes: &Homes, name: &str, log: &Arc<dyn Log>) -> f64 {
    homes.prepare(name).await;
    let begun = Instant::now();
    let view = View::start::<V>(homes, name, log).await;
    let total = view.until_all(log, PARTITIONS).await;
    let took = begun.elapsed();
    assert_eq!(view.sum().await, total, "each event once");
    view.stop().await;
    total as f64 / took.as_secs_f64()
}

fn at(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1000.0
}
