//! How far the relay has come: kept as a consumer's positions, saved a little later than reached.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::RelayError;
use crate::commit::{Commit, PositionMove};
use crate::log::{Position, SourceKey};
use crate::store::{Store, StoreError};

/// What was published in this time may be published again after a crash; in return not every batch costs a commit.
const SAVE_EVERY: Duration = Duration::from_millis(100);

/// Positions as they are saved, and as they are.
pub(super) struct Checkpoint {
    consumer: &'static str,
    service: String,
    epoch: String,
    own: SourceKey,
    saved: BTreeMap<SourceKey, Position>,
    reached: BTreeMap<SourceKey, Position>,
    saved_at: Instant,
}

impl Checkpoint {
    pub(super) async fn load(store: &dyn Store, consumer: &'static str, service: &str) -> Result<Self, StoreError> {
        let saved: BTreeMap<SourceKey, Position> = store.positions(consumer).await?.into_iter().collect();
        Ok(Self {
            consumer,
            service: service.to_owned(),
            epoch: store.epoch().await?,
            own: SourceKey::own(service),
            reached: saved.clone(),
            saved,
            saved_at: Instant::now(),
        })
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// How far the store was read. A store that was restored to the past has a new epoch, but its checkpoint went back with it.
    pub(super) fn read_up_to(&self) -> u64 {
        self.reached.get(&self.own).map_or(0, |position| position.pos)
    }

    /// The store was read up to `pos`.
    pub(super) fn read(&mut self, pos: u64) {
        self.reached.insert(self.own.clone(), Position { pos, epoch: self.epoch.clone(), offset: pos });
    }

    /// Notes that `pos` is published next on that partition, and says what came before it there, in this epoch.
    pub(super) fn published(&mut self, topic: &str, partition: u32, pos: u64) -> u64 {
        let key = SourceKey { topic: topic.to_owned(), source: self.service.clone(), partition };
        let position = Position { pos, epoch: self.epoch.clone(), offset: 0 };
        match self.reached.insert(key, position) {
            Some(before) if before.epoch == self.epoch => before.pos,
            _ => 0,
        }
    }

    /// What was published last in this epoch, by topic and partition.
    pub(super) fn newest(&self) -> Vec<(SourceKey, u64)> {
        let published = self.reached.iter().filter(|(key, at)| **key != self.own && at.epoch == self.epoch);
        published.map(|(key, at)| (key.clone(), at.pos)).collect()
    }

    /// The log holds no more than this of what was published: all that comes after the first of these positions is read again. What
    /// is held already is left out by the log, so that `previous` is right for the rest.
    pub(super) fn fall_back(&mut self, held: Vec<(SourceKey, u64)>) {
        let read = held.iter().map(|(_, pos)| *pos).min().unwrap_or(0).min(self.read_up_to());
        for (key, pos) in held {
            self.reached.insert(key, Position { pos, epoch: self.epoch.clone(), offset: 0 });
        }
        self.read(read);
    }

    /// Until it is to be saved; long where there is nothing new in it.
    pub(super) fn due_in(&self) -> Duration {
        if self.saved == self.reached {
            return Duration::MAX;
        }
        SAVE_EVERY.saturating_sub(self.saved_at.elapsed())
    }

    pub(super) async fn save_if_due(&mut self, store: &dyn Store) -> Result<(), RelayError> {
        if self.due_in().is_zero() { self.save(store).await } else { Ok(()) }
    }

    /// Moves the positions from where they were saved; fails where another relay has moved them.
    pub(super) async fn save(&mut self, store: &dyn Store) -> Result<(), RelayError> {
        let changed = self.reached.iter().filter(|(source, to)| self.saved.get(source) != Some(to));
        let positions: Vec<PositionMove> = changed
            .map(|(source, to)| PositionMove {
                consumer: self.consumer.to_owned(),
                source: source.clone(),
                expected: self.saved.get(source).cloned(),
                to: to.clone(),
            })
            .collect();
        if positions.is_empty() {
            return Ok(());
        }
        for result in store.write(vec![Commit { positions, ..Commit::default() }]).await {
            result?;
        }
        self.saved = self.reached.clone();
        self.saved_at = Instant::now();
        Ok(())
    }
}
