//! How far a view of another service is behind, and how fast it is rebuilt, over Kafka:
//!
//! ```text
//! cargo run --release -p minos-runtime --all-features --example views_over_kafka [-- HOST:PORT [EVENTS]]
//! ```
//!
//! Without an address a private broker is started. The yardstick is measured in the same run, on the same broker: what a
//! bare producer and consumer need from produce to consume. Lines of figures come last: the lag of a view (from the
//! commit's answer until its row stands in the other service's store) as a ratio to it, and events a second of a rebuild.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)] // a tool for developers: it prints, and stops at the first mistake

mod raw;
mod services;

use std::sync::Arc;
use std::time::{Duration, Instant};

use minos_runtime::log::Log;
use minos_runtime::log::kafka::{KafkaLog, KafkaSettings};
use services::{Events, View};

/// Partitions a topic.
const PARTITIONS: u32 = 4;
/// The measured load: one event each, and how many.
const PACE: Duration = Duration::from_millis(5);
const COUNT: usize = 2000;
/// What comes before, and is not counted.
const WARMUP: usize = 200;
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
    let prefix = format!("bench-{}.", std::process::id());
    let settings = KafkaSettings { partitions: PARTITIONS, prefix, ..KafkaSettings::new(brokers) };
    let log: Arc<dyn Log> = Arc::new(KafkaLog::connect(&settings).unwrap());
    let folder = tempfile::tempdir().unwrap();

    let raw = raw::produce_to_consume(&settings, &*log).await;
    let (lag, whole) = lag(folder.path(), &log).await;
    let rate = rebuild(folder.path(), &log, events).await;
    println!("raw_p50_ms={:.3} raw_p99_ms={:.3}", at(&raw, 50), at(&raw, 99));
    println!("commit_to_view_p50_ms={:.3} commit_to_view_p99_ms={:.3}", at(&whole, 50), at(&whole, 99));
    println!(
        "view_lag_p50_ms={:.3} view_lag_p99_ms={:.3} ratio_p50={:.2}",
        at(&lag, 50),
        at(&lag, 99),
        at(&lag, 50) / at(&raw, 50)
    );
    println!("rebuild_events_per_s={rate:.0} events={events}");
    log.close().await;
    drop(own);
}

/// From a commit's answer, and from its call, until the row is there.
async fn lag(folder: &std::path::Path, log: &Arc<dyn Log>) -> (Vec<Duration>, Vec<Duration>) {
    let events = Events::start(folder, log).await;
    let view = View::start(folder, "lagging", log).await;
    events.commit(1).await;
    view.until(1).await;
    let seen = view.watch();
    let (mut called, mut answered) = (Vec::new(), Vec::new());
    let mut next = tokio::time::interval(PACE);
    for _ in 0..WARMUP + COUNT {
        next.tick().await;
        called.push(Instant::now());
        events.commit(1).await;
        answered.push(Instant::now());
    }
    let seen = seen.after(1, WARMUP + COUNT).await;
    let differences = |from: &[Instant]| {
        let pairs = seen.iter().zip(from).skip(WARMUP);
        sorted(pairs.map(|(seen, from)| seen.saturating_duration_since(*from)).collect())
    };
    let measured = (differences(&answered), differences(&called));
    view.stop().await;
    events.stop().await;
    measured
}

/// Events a second of a new view that reads them all.
async fn rebuild(folder: &std::path::Path, log: &Arc<dyn Log>, count: u64) -> f64 {
    let events = Events::start(folder, log).await;
    while events.committed() < count {
        events.commit(500).await;
    }
    events.until_published(log, PARTITIONS).await;
    let total = events.committed();
    let begun = Instant::now();
    let view = View::start(folder, "rebuilt", log).await;
    view.until_all(log, PARTITIONS).await;
    let took = begun.elapsed();
    assert_eq!(view.sum().await, total, "each event once");
    view.stop().await;
    events.stop().await;
    total as f64 / took.as_secs_f64()
}

fn sorted(mut durations: Vec<Duration>) -> Vec<Duration> {
    durations.sort_unstable();
    durations
}

fn at(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1000.0
}
