//! Reading in global order while others write: nothing missed, nothing twice, each stream in its order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use minos_runtime::context::Context;
use minos_runtime::store::Store;
use minos_runtime::store::postgres::PostgresStore;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use servers::Postgres;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::support::{commit, instance, write};

/// Appends by the protocol (the transaction's id, the stream, then the positions), but slowly, and not always to the end.
const APPEND: &str = "WITH transaction AS (SELECT pg_current_xact_id()), advanced AS (\
     INSERT INTO streams AS s (stream, type, version, expected) SELECT $1, 'test.Thing', $2, 0 FROM transaction \
     ON CONFLICT (stream) DO UPDATE SET version = s.version + $2 RETURNING version) \
     INSERT INTO events (stream, version, type, schema_version, event_id, private, tenant, data, meta, at, recorded_at) \
     SELECT $1, advanced.version - $2 + number, 'test.Thing.Happened', 1, gen_random_uuid(), false, '', '{}', $3, now(), now() \
     FROM advanced, generate_series(1, $2) AS number ORDER BY number";
const META: &str = r#"{"trace_id":"0"}"#;

struct Stress {
    writers: u64,
    transactions: u64,
    /// At most so many events a transaction.
    events: i64,
    longest_pause: Duration,
}

/// One writer: streams of its own, written in transactions that take a random time and are rolled back now and then. Gives how many
/// events it committed.
async fn writer(url: String, number: u64, stress: &Stress) -> u64 {
    let mut random = StdRng::seed_from_u64(number);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut committed = 0;
    for _ in 0..stress.transactions {
        let stream = format!("test.Thing/{number}-{}", random.random_range(0..3));
        let events = random.random_range(1..=stress.events);
        connection.execute("BEGIN").await.unwrap();
        sqlx::query(APPEND).bind(stream).bind(events).bind(META).execute(&mut connection).await.unwrap();
        tokio::time::sleep(stress.longest_pause.mul_f64(random.random::<f64>().powi(4))).await;
        let back = random.random_bool(0.15);
        connection.execute(if back { "ROLLBACK" } else { "COMMIT" }).await.unwrap();
        committed += if back { 0 } else { events.unsigned_abs() };
    }
    committed
}

/// Reads on from where it stopped, until all is written and nothing more comes; pauses now and then.
async fn reader(store: Arc<PostgresStore>, over: Arc<AtomicBool>) -> (u64, BTreeMap<String, u64>) {
    let (mut last, mut count, mut versions) = (0, 0, BTreeMap::<String, u64>::new());
    let mut wake = store.wake();
    let mut random = StdRng::seed_from_u64(99);
    loop {
        let over = over.load(Ordering::SeqCst);
        let read = store.read_events(last, 500).await.unwrap();
        for event in &read {
            assert!(event.pos > last, "position {} after {last}", event.pos);
            last = event.pos;
            let version = versions.entry(event.stream.as_str().to_owned()).or_default();
            assert_eq!(event.version, *version + 1, "{} at position {last}", event.stream.as_str());
            *version += 1;
            count += 1;
        }
        if read.is_empty() {
            let newest = store.last_positions().await.unwrap().events;
            if over && newest <= last && store.fence_age().is_zero() {
                return (count, versions);
            }
            wake.wait(Duration::from_millis(20)).await;
        } else if random.random_bool(0.02) {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
        }
    }
}

async fn stress(server: &Postgres, stress: Stress) -> u64 {
    let database = server.provision("test");
    let readers = [instance(&database.url).await, instance(&database.url).await];
    let over = Arc::new(AtomicBool::new(false));
    let readers = readers.map(|store| tokio::spawn(reader(store, Arc::clone(&over))));
    let stress = Arc::new(stress);
    let writers: Vec<_> = (0..stress.writers)
        .map(|number| {
            let (url, stress) = (database.url.clone(), Arc::clone(&stress));
            tokio::spawn(async move { writer(url, number, &stress).await })
        })
        .collect();
    let mut committed = 0;
    for writer in writers {
        committed += writer.await.unwrap();
    }
    // What is committed is there for a reader that begins now; the last gaps have to be passed.
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        let (count, versions) = reader.await.unwrap();
        assert_eq!(count, committed, "missed, or given twice");
        assert_eq!(versions.values().sum::<u64>(), committed);
    }
    assert_eq!(server.administer(&database.name, "SELECT count(*) FROM events"), committed.to_string());
    committed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_misses_nothing_while_commits_are_delayed_and_rolled_back() {
    let Some(server) = Postgres::shared() else { return };
    stress(server, Stress { writers: 8, transactions: 60, events: 3, longest_pause: Duration::from_millis(80) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: 16 writers; tests/run --ci with 100,000 events, --full with 1,000,000"]
async fn a_reader_misses_nothing_of_a_million_events() {
    let Some(server) = Postgres::shared() else { return };
    let begun = Instant::now();
    let transactions = if std::env::var("MINOS_TRIALS").is_ok_and(|it| it == "full") { 2_500 } else { 250 };
    let million = Stress { writers: 16, transactions, events: 60, longest_pause: Duration::from_millis(120) };
    let events = stress(server, million).await;
    println!("16 writers, {events} events, two readers: {:.0} s", begun.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_write_in_another_database_delays_a_reader_at_a_gap_and_breaks_nothing() {
    let Some(server) = Postgres::shared() else { return };
    let (database, other) = (server.provision("test"), server.provision("other"));
    let store = instance(&database.url).await;
    let context = Context::system();
    write(&*store, commit(&context, "a", 0)).await.unwrap();
    let mut elsewhere = PgConnection::connect(&other.url).await.unwrap();
    elsewhere.execute("BEGIN").await.unwrap();
    elsewhere.execute("CREATE TABLE long (id bigint)").await.unwrap();

    // A gap, and an event behind it.
    let mut writer = PgConnection::connect(&database.url).await.unwrap();
    writer.execute("BEGIN").await.unwrap();
    sqlx::query(APPEND).bind("test.Thing/b").bind(1_i64).bind(META).execute(&mut writer).await.unwrap();
    writer.execute("ROLLBACK").await.unwrap();
    write(&*store, commit(&context, "a", 1)).await.unwrap();
    let read = store.read_events(0, 9).await.unwrap();
    assert_eq!(read.len(), 1, "what comes before the gap is given");
    assert!(store.read_events(1, 9).await.unwrap().is_empty());
    assert!(!store.fence_age().is_zero());
    assert_eq!(store.last_positions().await.unwrap().events, 1);

    let mut wake = store.wake();
    elsewhere.execute("COMMIT").await.unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while store.read_events(1, 9).await.unwrap().is_empty() {
        assert!(Instant::now() < until);
        wake.wait(Duration::from_secs(1)).await;
    }
    assert_eq!(store.last_positions().await.unwrap().events, 3);
}
