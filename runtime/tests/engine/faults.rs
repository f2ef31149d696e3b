//! A store that fails: unknown outcomes, endless conflicts, overload.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use minos_runtime::async_trait;
use minos_runtime::commit::{Commit, CommitError, Committed, KeptAnswer};
use minos_runtime::engine::ExecuteError;
use minos_runtime::event::{Recorded, StreamId};
use minos_runtime::log::{Position, SentMessage, SourceKey};
use minos_runtime::refusal::RefusalKind;
use minos_runtime::store::{DueTimers, LastPositions, Store, StoreError, Wake};
use minos_runtime::value::Uuid;
use minos_runtime::view::{Row, Select, Table};

use crate::setup::{Bank, ask, refused, version};

/// What happens to a write.
#[derive(Clone, Copy)]
enum Fault {
    /// Written, but the answer is lost.
    LostAfter,
    /// Not written, and the answer is lost.
    LostBefore,
    Conflict,
    Overloaded,
}

/// Fails the next writes, in order; then works.
struct Faulty {
    inner: Arc<dyn Store>,
    faults: Mutex<VecDeque<Fault>>,
}

#[async_trait]
impl Store for Faulty {
    async fn write(&self, commits: Vec<Commit>) -> Vec<Result<Committed, CommitError>> {
        let fault = self.faults.lock().unwrap().pop_front();
        let lost = || vec![Err(CommitError::Unknown("the connection was lost".to_owned()))];
        match fault {
            None => self.inner.write(commits).await,
            Some(Fault::LostAfter) => {
                self.inner.write(commits).await;
                lost()
            }
            Some(Fault::LostBefore) => lost(),
            Some(Fault::Conflict) => vec![Err(CommitError::Conflict { stream: String::new(), expected: 0 })],
            Some(Fault::Overloaded) => vec![Err(CommitError::Overloaded)],
        }
    }
    async fn read_page(&self, stream: &StreamId, after: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_page(stream, after, limit).await
    }
    async fn stream_version(&self, stream: &StreamId) -> Result<u64, StoreError> {
        self.inner.stream_version(stream).await
    }
    async fn read_events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_events(after, limit).await
    }
    async fn read_outgoing(&self, after: u64, limit: usize) -> Result<Vec<SentMessage>, StoreError> {
        self.inner.read_outgoing(after, limit).await
    }
    async fn last_positions(&self) -> Result<LastPositions, StoreError> {
        self.inner.last_positions().await
    }
    async fn answer(&self, command_id: Uuid) -> Result<Option<KeptAnswer>, StoreError> {
        self.inner.answer(command_id).await
    }
    async fn forget_answers(&self, saga: Uuid) -> Result<u64, StoreError> {
        self.inner.forget_answers(saga).await
    }
    async fn due_timers(&self, limit: usize) -> Result<DueTimers, StoreError> {
        self.inner.due_timers(limit).await
    }
    async fn positions(&self, consumer: &str) -> Result<Vec<(SourceKey, Position)>, StoreError> {
        self.inner.positions(consumer).await
    }
    async fn create_table(&self, table: &Table) -> Result<(), StoreError> {
        self.inner.create_table(table).await
    }
    async fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.inner.tables().await
    }
    async fn drop_table(&self, table: &str, consumer: Option<&str>) -> Result<(), StoreError> {
        self.inner.drop_table(table, consumer).await
    }
    async fn select(&self, select: &Select) -> Result<Vec<Row>, StoreError> {
        self.inner.select(select).await
    }
    async fn now(&self) -> Result<jiff::Timestamp, StoreError> {
        self.inner.now().await
    }
    async fn epoch(&self) -> Result<String, StoreError> {
        self.inner.epoch().await
    }
    fn wake(&self) -> Wake {
        self.inner.wake()
    }
    async fn committed(&self, at_most: Duration) {
        self.inner.committed(at_most).await;
    }
    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

fn faulty(bank: &Bank, faults: impl IntoIterator<Item = Fault>) -> Arc<dyn Store> {
    Arc::new(Faulty { inner: Arc::clone(&bank.store), faults: Mutex::new(faults.into_iter().collect()) })
}

#[tokio::test]
async fn an_unknown_outcome_is_found_out_and_never_done_twice() {
    let bank = Bank::new().await;
    let id = bank.opened(&bank.engine(), "a@x").await;
    for (fault, balance) in [(Fault::LostAfter, 5), (Fault::LostBefore, 10)] {
        let engine = bank.engine_over(faulty(&bank, [fault]));
        bank.deposit(&engine, &id, 5).await;
        assert_eq!(bank.card(&id).await.balance, balance);
        assert_eq!(version(&bank.deposit(&engine, &id, 0).await) % 2, 1, "the cache is right afterwards");
    }
    assert_eq!(bank.store.last_positions().await.unwrap().events, 5);
}

#[tokio::test]
async fn a_conflict_is_decided_again_and_one_that_stays_is_refused_and_not_kept() {
    let bank = Bank::new().await;
    let id = bank.opened(&bank.engine(), "a@x").await;
    let engine = bank.engine_over(faulty(&bank, [Fault::Conflict; 19]));
    assert_eq!(version(&bank.deposit(&engine, &id, 5).await), 2);
    let engine = bank.engine_over(faulty(&bank, [Fault::Conflict; 20]));
    let deposit = bank.request("Deposit", Some(&id), r#"{"amount":5,"note":""}"#);
    assert_eq!(refused(&engine, deposit.clone()).await.kind, RefusalKind::Conflict);
    assert_eq!(version(&ask(&engine, deposit).await.unwrap()), 3, "the same id may try again");
}

#[tokio::test]
async fn overload_is_said_and_leaves_nothing_behind() {
    let bank = Bank::new().await;
    let id = bank.opened(&bank.engine(), "a@x").await;
    let engine = bank.engine_over(faulty(&bank, [Fault::Overloaded]));
    let deposit = bank.request("Deposit", Some(&id), r#"{"amount":5,"note":""}"#);
    assert!(matches!(ask(&engine, deposit.clone()).await, Err(ExecuteError::Overloaded)));
    assert_eq!(version(&ask(&engine, deposit).await.unwrap()), 2);
}
