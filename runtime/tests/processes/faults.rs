//! A store whose process dies at a given commit: that commit is written or not, and nothing after it.
#![allow(dead_code, reason = "each of the tests that have this file uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use minos_runtime::commit::{Commit, CommitError, Committed, KeptAnswer};
use minos_runtime::event::{Recorded, StreamId};
use minos_runtime::log::{Position, SentMessage, SourceKey};
use minos_runtime::store::{DueTimers, LastPositions, Store, StoreError, Wake};
use minos_runtime::view::{Row, Select, Table};
use uuid::Uuid;

/// Counts the commits of all stores of one run, and blows at one of them.
#[derive(Clone)]
pub(crate) struct Fuse {
    count: Arc<AtomicU64>,
    at: u64,
    /// Whether the commit that it blows at is written (and its answer lost).
    after: bool,
}

impl Fuse {
    /// Never blows.
    pub(crate) fn none() -> Self {
        Self::at(u64::MAX, false)
    }

    /// Blows at that commit, from 1; `after` it is written, or before.
    pub(crate) fn at(commit: u64, after: bool) -> Self {
        Self { count: Arc::default(), at: commit, after }
    }

    /// How many commits there were.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Whether it has blown.
    pub(crate) fn is_blown(&self) -> bool {
        self.count() >= self.at
    }
}

/// A store behind a fuse.
pub(crate) struct Fused {
    inner: Arc<dyn Store>,
    fuse: Fuse,
    splits: bool,
}

impl Fused {
    pub(crate) fn new(inner: Arc<dyn Store>, fuse: Fuse) -> Self {
        Self { inner, fuse, splits: false }
    }

    /// The same with a defect, for tests to find: a consumer's positions come in a commit of their own, after that of their effects.
    #[must_use]
    pub(crate) fn splitting(mut self) -> Self {
        self.splits = true;
        self
    }

    async fn write_one(&self, commit: Commit) -> Result<Committed, CommitError> {
        let number = self.fuse.count.fetch_add(1, Ordering::SeqCst) + 1;
        match number.cmp(&self.fuse.at) {
            std::cmp::Ordering::Less => self.inner.write(vec![commit]).await.remove(0),
            std::cmp::Ordering::Equal if self.fuse.after => {
                let _ = self.inner.write(vec![commit]).await;
                dead()
            }
            _ => dead(),
        }
    }

    async fn write_split(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        let positions = std::mem::take(&mut commit.positions);
        if positions.is_empty() || commit.is_empty() {
            commit.positions = positions;
            return self.write_one(commit).await;
        }
        let written = self.write_one(commit).await?;
        self.write_one(Commit { positions, ..Commit::default() }).await.map(|_| written)
    }
}

fn dead<T>() -> Result<T, CommitError> {
    Err(CommitError::Unavailable("the process is dead".to_owned()))
}

#[async_trait]
impl Store for Fused {
    async fn write(&self, commits: Vec<Commit>) -> Vec<Result<Committed, CommitError>> {
        let mut results = Vec::new();
        for commit in commits {
            results.push(if self.splits { self.write_split(commit).await } else { self.write_one(commit).await });
        }
        results
    }

    async fn read_page(&self, stream: &StreamId, after: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_page(stream, after, limit).await
    }

    async fn stream_version(&self, stream: &StreamId) -> Result<u64, StoreError> {
        self.inner.stream_version(stream).await
    }

    async fn read_events(&self, after_pos: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_events(after_pos, limit).await
    }

    async fn read_outgoing(&self, after_pos: u64, limit: usize) -> Result<Vec<SentMessage>, StoreError> {
        self.inner.read_outgoing(after_pos, limit).await
    }

    async fn last_positions(&self) -> Result<LastPositions, StoreError> {
        self.inner.last_positions().await
    }

    async fn answer(&self, command_id: Uuid) -> Result<Option<KeptAnswer>, StoreError> {
        self.inner.answer(command_id).await
    }

    async fn forget_answers(&self, saga: Uuid) -> Result<u64, StoreError> {
        if self.fuse.is_blown() {
            return Err(StoreError::Unavailable("the process is dead".to_owned()));
        }
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

    async fn now(&self) -> Result<Timestamp, StoreError> {
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
