//! A consumer's positions: as the store has them, and as far as the messages at hand have taken them; and the fence.

use std::collections::BTreeMap;

use super::gaps::Gap;
use crate::commit::PositionMove;
use crate::log::{Message, Position, SourceKey};
use crate::store::{Store, StoreError};

/// The positions of one consumer.
pub(super) struct Ledger {
    consumer: String,
    saved: BTreeMap<SourceKey, Position>,
    reached: BTreeMap<SourceKey, Position>,
}

/// What the fence says of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fence {
    /// It is the next one.
    Next,
    /// It was applied before.
    Before,
    /// Something between the last one and this one has not come.
    Gap(Gap),
}

impl Ledger {
    pub(super) async fn load(store: &dyn Store, consumer: &str) -> Result<Self, StoreError> {
        let saved: BTreeMap<SourceKey, Position> = store.positions(consumer).await?.into_iter().collect();
        Ok(Self { consumer: consumer.to_owned(), reached: saved.clone(), saved })
    }

    /// Whether the message is the next one of its source.
    pub(super) fn fence(&self, source: &SourceKey, message: &Message) -> Fence {
        let (last, same_epoch) = match self.reached.get(source) {
            // The consumer began at the end of the topic: it takes whatever comes next.
            Some(last) if last.epoch.is_empty() => return Fence::Next,
            Some(last) => (last.pos, last.epoch == message.epoch),
            None => (0, true),
        };
        let expected = if same_epoch { last } else { 0 };
        if same_epoch && message.pos <= last {
            Fence::Before
        } else if message.previous == expected {
            Fence::Next
        } else {
            Fence::Gap(Gap::before(message, expected))
        }
    }

    /// The message at `pos` is done with.
    pub(super) fn reach(&mut self, source: &SourceKey, to: Position) {
        self.reached.insert(source.clone(), to);
    }

    /// A message came again that was applied before: only where to read on moves.
    pub(super) fn pass(&mut self, source: &SourceKey, offset: u64) {
        if let Some(position) = self.reached.get_mut(source) {
            position.offset = position.offset.max(offset);
        }
    }

    /// A message of no source to be believed was passed over.
    pub(super) fn pass_refused(&mut self, topic: &str, partition: u32, offset: u64) {
        let nobody = SourceKey { topic: topic.to_owned(), source: String::new(), partition };
        let position = self.reached.entry(nobody).or_default();
        position.offset = position.offset.max(offset);
    }

    /// Where to read on in a partition of a topic.
    pub(super) fn offset(&self, topic: &str, partition: u32) -> u64 {
        let of_partition = self.reached.iter().filter(|(key, _)| key.topic == topic && key.partition == partition);
        of_partition.map(|(_, position)| position.offset).max().unwrap_or(0)
    }

    /// Whether anything is known of a topic.
    pub(super) fn knows_any(&self, topic: &str) -> bool {
        self.reached.keys().any(|key| key.topic == topic)
    }

    /// Whether there is something to save.
    pub(super) fn is_ahead(&self) -> bool {
        self.saved != self.reached
    }

    /// The moves from what is saved to what is reached.
    pub(super) fn moves(&self) -> Vec<PositionMove> {
        let changed = self.reached.iter().filter(|(source, to)| self.saved.get(source) != Some(to));
        changed.map(|(source, to)| self.step(source, to.clone())).collect()
    }

    /// The same, with `source` moved to `to`.
    pub(super) fn moves_with(&self, source: &SourceKey, to: &Position) -> Vec<PositionMove> {
        let mut moves = self.moves();
        moves.retain(|step| step.source != *source);
        moves.push(self.step(source, to.clone()));
        moves
    }

    fn step(&self, source: &SourceKey, to: Position) -> PositionMove {
        let expected = self.saved.get(source).cloned();
        PositionMove { consumer: self.consumer.clone(), source: source.clone(), expected, to }
    }

    /// What other instances have done with the sources that are not `mine`.
    pub(super) fn others(&mut self, stored: Vec<(SourceKey, Position)>, mine: impl Fn(&SourceKey) -> bool) {
        for (source, position) in stored.into_iter().filter(|(source, _)| !mine(source)) {
            self.saved.insert(source.clone(), position.clone());
            self.reached.insert(source, position);
        }
    }

    /// What is reached is in the store.
    pub(super) fn saved(&mut self) {
        self.saved = self.reached.clone();
    }

    /// As far as it has come.
    pub(super) fn reached(&self) -> &BTreeMap<SourceKey, Position> {
        &self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::log::message;

    fn at(pos: u64, epoch: &str) -> Ledger {
        let key = SourceKey { topic: "a.events".to_owned(), source: "a".to_owned(), partition: 0 };
        let position = Position { pos, epoch: epoch.to_owned(), offset: 0 };
        Ledger { consumer: "c".to_owned(), saved: BTreeMap::new(), reached: BTreeMap::from([(key, position)]) }
    }

    fn fence(ledger: &Ledger, pos: u64, previous: u64) -> Fence {
        let message = message("a.events", "a", pos, previous);
        let source = SourceKey { topic: "a.events".to_owned(), source: "a".to_owned(), partition: 0 };
        ledger.fence(&source, &message)
    }

    #[test]
    fn only_the_follower_of_the_last_message_is_next() {
        let ledger = at(7, "1");
        assert_eq!(fence(&ledger, 9, 7), Fence::Next);
        assert_eq!(fence(&ledger, 7, 4), Fence::Before);
        assert_eq!(fence(&ledger, 4, 0), Fence::Before);
        assert!(matches!(fence(&ledger, 9, 8), Fence::Gap(_)));
        assert!(matches!(fence(&ledger, 9, 5), Fence::Gap(_)));
    }

    #[test]
    fn a_new_epoch_begins_with_its_first_message() {
        let ledger = at(7, "0");
        assert_eq!(fence(&ledger, 3, 0), Fence::Next);
        assert!(matches!(fence(&ledger, 9, 7), Fence::Gap(_)));
    }

    #[test]
    fn who_began_at_the_end_takes_whatever_comes_next() {
        assert_eq!(fence(&at(0, ""), 9, 8), Fence::Next);
    }
}
