//! The yardstick for `commands sqlite:FILE`: a bare group commit on SQLite, with no engine around it.
//!
//! ```text
//! cargo run --release -p minos-runtime --all-features --example bare_sqlite -- FILE GROUP SECONDS
//! ```
//!
//! One connection writes one transaction after the other (WAL, `synchronous=FULL`), each with GROUP commands: an upserted stream, an event
//! of some 150 bytes, a kept answer; a fresh stream every five commands. Three statements a transaction, prepared once.

#![allow(clippy::print_stdout, clippy::expect_used, missing_docs)] // a tool for developers: it prints, and stops at the first failure

use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

const TABLES: &str = "
    CREATE TABLE streams (stream TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE events (pos INTEGER NOT NULL PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX events_by_stream ON events (stream, version);
    CREATE TABLE answers (command_id BLOB NOT NULL PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID, STRICT;";

/// A multi-row statement.
fn rows(head: &str, columns: usize, count: usize, tail: &str) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("{head} VALUES {}{tail}", vec![row; count].join(", "))
}

struct Bare {
    connection: SqliteConnection,
    texts: [String; 3],
    group: u64,
    data: String,
}

impl Bare {
    async fn open(file: &str, group: u64) -> Self {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let options = options.pragma("wal_autocheckpoint", "4000").pragma("cache_size", "-8192");
        let mut connection = options.connect().await.expect("the file opens");
        sqlx::raw_sql(TABLES).execute(&mut connection).await.expect("a new file");
        let count = usize::try_from(group).expect("a number of commands");
        let upsert = " ON CONFLICT (stream) DO UPDATE SET version = excluded.version";
        let texts = [
            rows("INSERT INTO streams (stream, version)", 2, count, upsert),
            rows("INSERT INTO events (pos, stream, version, data)", 4, count, ""),
            rows("INSERT INTO answers (command_id, answer)", 2, count, ""),
        ];
        let data = format!("{{\"note\":\"{}\",\"amount\":17}}", "x".repeat(125));
        Self { connection, texts, group, data }
    }

    /// Commits the commands from `first` on.
    async fn commit(&mut self, first: u64) -> Result<(), sqlx::Error> {
        // Each of the clients has a stream of its own, with five events in turn.
        let numbers: Vec<_> = (0..self.group).map(|client| (first + client, first / self.group / 5, client)).collect();
        let version = i64::try_from(first / self.group % 5).unwrap_or(0) + 1;
        let stream = |round: u64, client: u64| format!("test.Counter/{client}-{round:036}");
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut streams = sqlx::query(AssertSqlSafe(self.texts[0].clone()));
        let mut events = sqlx::query(AssertSqlSafe(self.texts[1].clone()));
        let mut answers = sqlx::query(AssertSqlSafe(self.texts[2].clone()));
        for (number, round, client) in numbers {
            let pos = i64::try_from(number).unwrap_or(0) + 1;
            streams = streams.bind(stream(round, client)).bind(version);
            events = events.bind(pos).bind(stream(round, client)).bind(version).bind(&self.data);
            answers = answers.bind(u128::from(number).to_be_bytes().to_vec()).bind("{\"done\":{\"version\":1}}");
        }
        streams.execute(&mut *transaction).await?;
        events.execute(&mut *transaction).await?;
        answers.execute(&mut *transaction).await?;
        transaction.commit().await
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, group, seconds] = arguments.as_slice() else { panic!("bare_sqlite FILE GROUP SECONDS") };
    let group: u64 = group.parse().expect("GROUP is a number");
    let time = Duration::from_secs(seconds.parse().expect("SECONDS is a number"));
    let mut bare = Bare::open(file, group.max(1)).await;
    let (begun, mut done, mut took) = (Instant::now(), 0, Vec::new());
    while begun.elapsed() < time {
        let before = Instant::now();
        bare.commit(done).await.expect("a commit");
        took.push(before.elapsed());
        done += bare.group;
    }
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = done as f64 / begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let percentile = |permille: usize| took[took.len() * permille / 1000].as_secs_f64() * 1000.0;
    println!("commands_per_s={per_second:.0} p50_ms={:.3} p99_ms={:.3} total={done}", percentile(500), percentile(990));
}
