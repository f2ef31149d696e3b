//! The thinnest group commit: the protocol's statement, kept answers included, and nothing around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

const SCHEMA: &str = r#"
CREATE TABLE thin_streams (stream text COLLATE "C" PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 70);
CREATE TABLE thin_events (
  pos bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY, stream text COLLATE "C" NOT NULL, version bigint NOT NULL,
  type text NOT NULL, event_id text NOT NULL, data text NOT NULL, at timestamptz NOT NULL);
CREATE UNIQUE INDEX ON thin_events (stream, version);
CREATE UNIQUE INDEX ON thin_events (event_id);
CREATE TABLE thin_answers (command_id text PRIMARY KEY, hash text NOT NULL, answer text NOT NULL);
"#;

const STATEMENT: &str = r#"
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS w (stream, version, event_id, data, command_id, number)
), won AS (
  INSERT INTO thin_streams AS s (stream, version) SELECT stream, version FROM wanted ORDER BY stream COLLATE "C"
  ON CONFLICT (stream) DO UPDATE SET version = excluded.version WHERE s.version = excluded.version - 1
  RETURNING stream
), kept AS (
  INSERT INTO thin_answers SELECT command_id, 'hash', '{"done":1}' FROM wanted JOIN won USING (stream)
)
INSERT INTO thin_events (stream, version, type, event_id, data, at)
SELECT stream, version, 'bench.Counted', event_id, data, clock_timestamp() FROM wanted JOIN won USING (stream) ORDER BY number
RETURNING stream, pos
"#;

const UNNEST: &str = "INSERT INTO thin_events (stream, version, type, event_id, data, at) \
                      SELECT stream, 1, 'bench.Counted', stream, data, clock_timestamp() FROM unnest($1::text[], $2::text[]) AS e (stream, data)";

struct Write {
    stream: String,
    version: i64,
    id: String,
    data: String,
    answer: oneshot::Sender<bool>,
}

/// Makes the tables.
pub(crate) async fn prepare(url: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    connection.execute(SCHEMA).await.expect("an empty database");
}

fn data(number: i64) -> String {
    format!("{{\"count\":{number},\"note\":\"{}\"}}", "a note of some length ".repeat(5))
}

async fn writer(url: String, mut writes: mpsc::Receiver<Write>) {
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    connection.execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await.expect("settings");
    while let Some(first) = writes.recv().await {
        tokio::task::yield_now().await;
        let mut group = vec![first];
        while let Ok(next) = writes.try_recv() {
            group.push(next);
        }
        let column = |of: fn(&Write) -> &str| group.iter().map(of).collect::<Vec<_>>();
        let written = sqlx::query_scalar(STATEMENT)
            .bind(column(|write| &write.stream))
            .bind(group.iter().map(|write| write.version).collect::<Vec<_>>())
            .bind(column(|write| &write.id))
            .bind(column(|write| &write.data))
            .bind(column(|write| &write.id))
            .fetch_all(&mut connection)
            .await;
        let written: Vec<String> = written.expect("written");
        assert_eq!(written.len(), group.len(), "no conflicts here");
        for write in group {
            let _ = write.answer.send(true);
        }
    }
}

/// How long each command took, sorted: so many clients for so long, a fresh stream every five commands.
pub(crate) async fn group_commit(url: &str, clients: usize, seconds: u64, warmup_seconds: u64) -> Vec<Duration> {
    let (writes, waiting) = mpsc::channel(4096);
    let writer = tokio::spawn(writer(url.to_owned(), waiting));
    let counted_from = Instant::now() + Duration::from_secs(warmup_seconds);
    let until = counted_from + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            let writes = writes.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                let mut stream = String::new();
                for number in 0.. {
                    let begun = Instant::now();
                    if begun >= until {
                        break;
                    }
                    let version = number % 5 + 1;
                    if version == 1 {
                        stream = format!("bench.Counter/{}", uuid::Uuid::now_v7());
                    }
                    let (answer, answered) = oneshot::channel();
                    let (stream, id) = (stream.clone(), uuid::Uuid::now_v7().to_string());
                    let write = Write { stream, version, id, data: data(number), answer };
                    assert!(writes.send(write).await.is_ok() && answered.await.is_ok(), "the writer goes on");
                    let ended = Instant::now();
                    took.extend((begun >= counted_from && ended <= until).then(|| ended - begun));
                }
                took
            })
        })
        .collect();
    drop(writes);
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.expect("a client ends"));
    }
    writer.await.expect("the writer ends");
    took.sort_unstable();
    took
}

/// Events a second, 64 a commit, over four connections.
pub(crate) async fn unnest(url: &str, seconds: u64) -> f64 {
    const EVENTS: usize = 64;
    let pool = PgPoolOptions::new().max_connections(4).connect(url).await.expect("connections");
    let pool = Arc::new(pool);
    let until = Instant::now() + Duration::from_secs(seconds);
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                let mut written = 0;
                while Instant::now() < until {
                    let streams: Vec<_> = (0..EVENTS).map(|_| uuid::Uuid::now_v7().to_string()).collect();
                    let data: Vec<_> = (0..EVENTS).map(|_| data(1)).collect();
                    sqlx::query(UNNEST).bind(streams).bind(data).execute(&*pool).await.expect("written");
                    written += EVENTS;
                }
                written
            })
        })
        .collect();
    let mut written = 0;
    for writer in writers {
        written += writer.await.expect("a writer ends");
    }
    written as f64 / seconds as f64
}
