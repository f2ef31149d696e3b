//! Snapshots: a cold load reads what came after, and believes none that does not fit. On SQLite, and among the tests of Postgres there.

use std::num::NonZeroU64;
use std::sync::Arc;

use minos_runtime::commit::Commit;
use minos_runtime::engine::Engine;
use minos_runtime::view::{Filter, Row, RowChange, Select, Value};

use crate::setup::{Bank, refused, version};

const EVERY: NonZeroU64 = NonZeroU64::new(10).unwrap();

async fn engine(bank: &Bank) -> Arc<Engine> {
    let engine = Arc::into_inner(bank.engine()).unwrap();
    Arc::new(engine.with_snapshots(EVERY).await.unwrap())
}

/// The snapshot's row: stream, definition, version, newest event, entry, its time, state.
async fn row(bank: &Bank) -> Option<Row> {
    let (filter, order) = (Filter::everything(), Vec::new());
    let select = Select { table: "snapshots".to_owned(), filter, order, after: None, limit: 2 };
    bank.store.select(&select).await.unwrap().pop()
}

/// Waits for the snapshot at that version: it is written beside the command's path.
async fn row_at(bank: &Bank, version: i64) -> Row {
    let begun = std::time::Instant::now();
    loop {
        match row(bank).await {
            Some(row) if row[2] == Value::Int(version) => return row,
            found => assert!(begun.elapsed().as_secs() < 20, "no snapshot at {version}: {found:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn put(bank: &Bank, row: Row) {
    let rows = vec![RowChange::Put { table: "snapshots".to_owned(), row }];
    for written in bank.store.write(vec![Commit { rows, ..Commit::default() }]).await {
        written.unwrap();
    }
}

/// An account of 25 events with a balance of 24, and its snapshot of the 20th.
async fn long() -> Option<(Bank, String, Row)> {
    let bank = crate::bank().await?;
    let engine = engine(&bank).await;
    let id = bank.opened(&engine, "a@x").await;
    for _ in 0..24 {
        bank.deposit(&engine, &id, 1).await;
    }
    let row = row_at(&bank, 20).await;
    Some((bank, id, row))
}

/// What a cold load makes of it: the balance after one more deposit, by the row kept of the state.
async fn balance(bank: &Bank, id: &str) -> i64 {
    let engine = engine(bank).await;
    assert_eq!(version(&bank.deposit(&engine, id, 1).await), 26);
    bank.card(id).await.balance
}

#[tokio::test]
async fn a_snapshot_and_what_came_after_are_what_a_replay_gives() {
    let Some((bank, id, _)) = long().await else { return };
    assert_eq!(balance(&bank, &id).await, 25);
    let Some((bank, id, mut row)) = long().await else { return };
    // To see that it is read at all: one that says otherwise, and fits.
    let Value::Text(state) = &row[6] else { panic!("{row:?}") };
    row[6] = Value::Text(state.replace("\"balance\":19", "\"balance\":1019"));
    put(&bank, row).await;
    assert_eq!(balance(&bank, &id).await, 1025, "a cold load begins at the snapshot");
}

#[tokio::test]
async fn one_of_another_definition_is_passed_over() {
    let Some((bank, id, mut row)) = long().await else { return };
    let Value::Text(state) = &row[6] else { panic!("{row:?}") };
    row[6] = Value::Text(state.replace("\"balance\":19", "\"balance\":1019"));
    row[1] = Value::Text("of another day".to_owned());
    put(&bank, row.clone()).await;
    assert_eq!(balance(&bank, &id).await, 25);
    let anew = row_at(&bank, 25).await;
    assert_ne!(anew[1], row[1], "the replay made one of today's");
}

#[tokio::test]
async fn one_that_is_damaged_or_of_another_history_is_passed_over() {
    let Some((bank, id, row)) = long().await else { return };
    let Value::Text(state) = &row[6] else { panic!("{row:?}") };
    let wrong = Value::Text(state.replace("\"balance\":19", "\"balance\":1019"));
    let damaged = Value::Text(state[..state.len() - 3].to_owned());
    let with = |places: &[(usize, Value)]| {
        let mut row = row.clone();
        places.iter().for_each(|(place, value)| row[*place] = value.clone());
        row
    };
    for (number, row) in [
        with(&[(6, damaged)]),
        with(&[(6, Value::Text("{}".to_owned()))]),
        with(&[(6, wrong.clone()), (3, Value::Text("no id".to_owned()))]),
        with(&[(6, wrong.clone()), (3, Value::Text(uuid(7)))]),
        with(&[(6, wrong.clone()), (2, Value::Int(21))]),
        with(&[(6, wrong.clone()), (2, Value::Int(4000))]),
        with(&[(6, wrong), (2, Value::Int(-1))]),
    ]
    .into_iter()
    .enumerate()
    {
        put(&bank, row).await;
        let cold = engine(&bank).await;
        let done = bank.deposit(&cold, &id, 1).await;
        let made = i64::try_from(number).unwrap() + 1;
        assert_eq!((version(&done), bank.card(&id).await.balance), (25 + made.unsigned_abs(), 24 + made));
    }
}

fn uuid(number: u128) -> String {
    minos_runtime::value::Uuid::from_u128(number).to_string()
}

#[tokio::test]
async fn what_the_lifecycle_knows_comes_back_too() {
    let Some((bank, id, _)) = long().await else { return };
    bank.clock.advance(std::time::Duration::from_secs(25 * 60 * 60));
    let due = bank.store.due_timers(1).await.unwrap().due.pop().unwrap();
    let cold = engine(&bank).await;
    // The timer belongs to the entry of the first event, which the cold load did not read.
    cold.fire(&due).await.unwrap().unwrap();
    assert_eq!(bank.card(&id).await.status, "closed");
    let late = bank.request("Deposit", Some(&id), "{\"amount\":1,\"note\":\"\"}");
    refused(&cold, late).await;
}

#[tokio::test]
async fn a_short_stream_has_none() {
    let Some(bank) = crate::bank().await else { return };
    let first = engine(&bank).await;
    let id = bank.opened(&first, "a@x").await;
    for _ in 0..8 {
        bank.deposit(&first, &id, 1).await;
    }
    assert_eq!(version(&bank.deposit(&*engine(&bank).await, &id, 1).await), 10);
    row_at(&bank, 10).await;
}
