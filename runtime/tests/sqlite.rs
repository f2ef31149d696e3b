//! What is SQLite's own: files that are not ours, damaged, locked or full; a process that is killed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Append, Commit, CommitError};
use minos_runtime::context::{Context, Meta};
use minos_runtime::event::{NewEvent, StreamId};
use minos_runtime::store::sqlite::{SqliteLimits, SqliteStore};
use minos_runtime::store::{Store, StoreError};
use minos_runtime::view::{ColumnDef, ColumnKind, Filter, RowChange, Table, Value};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

fn append(context: &Context, stream: &str, expected: u64) -> Commit {
    let event = NewEvent {
        event_id: context.new_id(),
        event_type: "test.Thing.Happened".to_owned(),
        schema_version: 1,
        entered: None,
        private: false,
        data: "{}".to_owned(),
    };
    let append = Append {
        stream: StreamId::new("test.Thing", stream),
        expected,
        events: vec![event],
        at: context.now(),
        meta: Meta::new(context, Caller::anonymous()),
    };
    Commit { appends: vec![append], ..Commit::default() }
}

async fn write(store: &SqliteStore, commit: Commit) -> Result<(), CommitError> {
    store.write(vec![commit]).await.remove(0).map(drop)
}

async fn refused(path: &Path, service: &str) -> String {
    match SqliteStore::open(path, service, &Context::system()).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

async fn raw(path: &Path, statement: &'static str) {
    let mut connection = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_this_services_is_refused_and_says_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    SqliteStore::open(&path, "orders", &Context::system()).await.unwrap().close().await;
    assert_eq!(refused(&path, "catalog").await, "the database belongs to service `orders`, not to `catalog`");
    raw(&path, "UPDATE meta SET value = '99' WHERE key = 'engine_schema'").await;
    let newer = refused(&path, "orders").await;
    assert!(newer.contains("engine schema `99`") && newer.contains("newer"), "{newer}");
    let foreign = folder.path().join("b.db");
    raw(&foreign, "CREATE TABLE songs (title TEXT)").await;
    assert!(refused(&foreign, "orders").await.contains("something else than Minos"));
    let text = folder.path().join("c.db");
    std::fs::write(&text, "this is no database, and long enough to be sure of it ".repeat(100)).unwrap();
    assert!(refused(&text, "orders").await.contains("not an SQLite database"));
    let nowhere = refused(&folder.path().join("no/such/folder/d.db"), "orders").await;
    assert!(nowhere.contains("unavailable"), "{nowhere}");
}

#[tokio::test]
async fn a_damaged_file_gives_errors_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let context = Context::system();
    let store = SqliteStore::open(&path, "test", &context).await.unwrap();
    for stream in 0..200 {
        write(&store, append(&context, &stream.to_string(), 0)).await.unwrap();
    }
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let begin = bytes.len() / 3;
    bytes[begin..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    match SqliteStore::open(&path, "test", &context).await {
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "{error}"),
        Ok(store) => {
            let error = store.read_events(0, 500).await.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_writing_goes_on_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::system();
    let limits = SqliteLimits { pages: Some(120), ..SqliteLimits::default() };
    let store = SqliteStore::open_with(&folder.path().join("a.db"), "test", &context, limits).await.unwrap();
    let column =
        |name: &str| ColumnDef { name: name.to_owned(), kind: ColumnKind::Text, nullable: false, indexed: false };
    let table = Table { name: "large".to_owned(), columns: vec![column("id"), column("text")], key: 1 };
    store.create_table(&table).await.unwrap();
    let put = |number: usize| {
        let row = vec![Value::Text(number.to_string()), Value::Text("x".repeat(2_000))];
        Commit { rows: vec![RowChange::Put { table: "large".to_owned(), row }], ..Commit::default() }
    };
    let mut written = 0;
    let error = loop {
        match write(&store, put(written)).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(written > 10);
    assert!(matches!(&error, CommitError::Unavailable(why) if why.contains("disk is full")), "{error:?}");
    assert!(write(&store, put(written)).await.is_err(), "still full");
    assert!(store.health().await.is_ok());
    let everything = RowChange::Delete { table: "large".to_owned(), filter: Filter::everything() };
    write(&store, Commit { rows: vec![everything], ..Commit::default() }).await.unwrap();
    write(&store, put(written)).await.unwrap();
    write(&store, append(&context, "a", 0)).await.unwrap();
    assert_eq!(store.read_events(0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_said_and_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let context = Context::system();
    let limits = SqliteLimits { patience: Duration::from_millis(50), ..SqliteLimits::default() };
    let store = SqliteStore::open_with(&path, "test", &context, limits).await.unwrap();
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = write(&store, append(&context, "a", 0)).await.unwrap_err();
    assert!(matches!(&error, CommitError::Unavailable(why) if why.contains("another process")), "{error:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    write(&store, append(&context, "a", 0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_takes_more_when_it_has_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::system();
    let limits = SqliteLimits { queue: 2, group: 1, ..SqliteLimits::default() };
    let store = SqliteStore::open_with(&folder.path().join("a.db"), "test", &context, limits).await.unwrap();
    let store = Arc::new(store);
    let writers: Vec<_> = (0..100)
        .map(|number| {
            let (store, commit) = (Arc::clone(&store), append(&context, &number.to_string(), 0));
            tokio::spawn(async move { write(&store, commit).await })
        })
        .collect();
    let (mut written, mut refused) = (0, 0);
    for writer in writers {
        match writer.await.unwrap() {
            Ok(()) => written += 1,
            Err(CommitError::Overloaded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(written > 0 && refused > 0, "{written} written, {refused} refused");
    assert_eq!(store.read_events(0, 200).await.unwrap().len(), written);
    write(&store, append(&context, "after", 0)).await.unwrap();
}

/// The other half of the test below: writes, and says on standard output what was acknowledged, until it is killed.
#[test]
#[ignore = "run by `what_was_acknowledged_survives_kill_9` in a process of its own"]
fn child_that_writes() {
    let Ok(path) = std::env::var("MINOS_TEST_DATABASE") else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let context = Context::system();
        let store = Arc::new(SqliteStore::open(Path::new(&path), "test", &context).await.unwrap());
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (store, context) = (Arc::clone(&store), context.clone());
                tokio::spawn(async move {
                    for version in 0.. {
                        write(&store, append(&context, &format!("w{writer}"), version)).await.unwrap();
                        writeln!(std::io::stdout(), "acknowledged w{writer} {}", version + 1).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3_u64 {
        let path = folder.path().join(format!("{round}.db"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes", "--ignored", "--nocapture"])
            .env("MINOS_TEST_DATABASE", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut acknowledged: Vec<(String, u64)> = Vec::new();
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            if let ["acknowledged", stream, version] = words[..] {
                acknowledged.push((stream.to_owned(), version.parse().unwrap()));
            }
            if acknowledged.len() as u64 == round * 100 {
                child.kill().unwrap(); // SIGKILL; what it still printed is read to the end
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= 100);
        let store = SqliteStore::open(&path, "test", &Context::system()).await.unwrap();
        for (stream, version) in &acknowledged {
            let stored = store.stream_version(&StreamId::new("test.Thing", stream)).await.unwrap();
            assert!(stored >= *version, "{stream} {version} was acknowledged, and is lost");
        }
        let events = store.read_events(0, usize::MAX).await.unwrap();
        assert!(events.iter().map(|event| event.pos).eq(1..=events.len() as u64));
        assert!(events.len() >= acknowledged.len());
    }
}
