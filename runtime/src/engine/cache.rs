//! The aggregates that were used last, each with its version: loaded once, kept up by what is committed here, caught up when
//! another instance has moved them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;
use uuid::Uuid;

/// An aggregate as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Loaded<A> {
    /// The stream's version; 0: there is none.
    pub(super) version: u64,
    /// The id of the newest event.
    pub(super) newest: Option<Uuid>,
    /// The state; none: it does not exist.
    pub(super) state: Option<A>,
    /// When and by which version the lifecycle's state was entered.
    pub(super) entered: Option<Entered>,
}

/// The entry of a lifecycle state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub(super) version: u64,
    pub(super) at: Timestamp,
}

impl<A> Default for Loaded<A> {
    fn default() -> Self {
        Self { version: 0, newest: None, state: None, entered: None }
    }
}

/// One aggregate's place in the cache. Who decides holds it until his commit is in the store's queue, not until it is written:
/// the next one decides on what will be, and both go into one transaction. The store checks versions, and the id of the newest event
/// that was not yet confirmed, so that an answer decided on what then is not written fails with it, and is decided again.
#[derive(Debug)]
pub(super) struct Slot<A> {
    /// What is known to be written.
    pub(super) confirmed: Arc<Loaded<A>>,
    /// What it will be once all that is on its way is written.
    pub(super) head: Arc<Loaded<A>>,
    /// Counts how often `head` was read from the store: what failed in an earlier generation says nothing of this one.
    pub(super) generation: u64,
    /// How far `head` is to be trusted.
    pub(super) trust: Trust,
}

/// How far what is cached is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// As far as it is known, it is the newest.
    Fresh,
    /// Something that it builds on was not written, or the store was not asked yet: what is confirmed holds, and is to be
    /// caught up.
    Stale,
    /// A version did not fit: where the store has nothing newer than what is confirmed, that does not hold either.
    Doubted,
}

impl<A> Default for Slot<A> {
    fn default() -> Self {
        Self { confirmed: Arc::default(), head: Arc::default(), generation: 0, trust: Trust::Stale }
    }
}

impl<A> Slot<A> {
    /// Nothing is known of it, and it is about to be made, as a rule under a fresh id: it is taken not to exist, without a look. Where it
    /// does, the commit says so, as of any other that was decided on what is no longer so, and then it is read.
    pub(super) fn presume_absent(&mut self) {
        if self.generation == 0 && self.trust == Trust::Stale {
            self.generation = 1;
            self.trust = Trust::Fresh;
        }
    }

    /// The event that a decision on `head` builds on without knowing that it is written.
    pub(super) fn unconfirmed(&self) -> Option<Uuid> {
        if self.head.version > self.confirmed.version { self.head.newest } else { None }
    }

    /// What was decided in `generation` is written, and makes the aggregate `after`.
    pub(super) fn confirm(&mut self, generation: u64, after: Arc<Loaded<A>>) {
        if generation == self.generation && after.version > self.confirmed.version {
            self.confirmed = after;
        }
    }

    /// What was decided in `generation` is not written.
    pub(super) fn distrust(&mut self, generation: u64, trust: Trust) {
        if generation == self.generation && self.trust != Trust::Doubted {
            self.trust = trust;
        }
    }
}

/// The slots used last, by id. Dropping one that is in use only means that the next to come loads it again: what is committed
/// is checked by version in any case.
#[derive(Debug)]
pub(super) struct Cache<A> {
    slots: Mutex<Slots<A>>,
    capacity: usize,
}

/// A slot, shared by those who decide on its aggregate.
pub(super) type SharedSlot<A> = Arc<AsyncMutex<Slot<A>>>;

#[derive(Debug)]
struct Slots<A> {
    by_id: HashMap<Arc<str>, (u64, SharedSlot<A>)>,
    by_use: BTreeMap<u64, Arc<str>>,
    uses: u64,
}

impl<A> Cache<A> {
    /// For that many aggregates.
    pub(super) fn new(capacity: usize) -> Self {
        let slots = Slots { by_id: HashMap::new(), by_use: BTreeMap::new(), uses: 0 };
        Self { slots: Mutex::new(slots), capacity: capacity.max(1) }
    }

    /// The slot of an id, new where there is none.
    pub(super) fn slot(&self, id: &str) -> SharedSlot<A> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let Slots { by_id, by_use, uses } = &mut *slots;
        *uses += 1;
        if let Some((used, slot)) = by_id.get_mut(id) {
            if let Some(name) = by_use.remove(used) {
                by_use.insert(*uses, name);
            }
            *used = *uses;
            return Arc::clone(slot);
        }
        let (name, slot): (Arc<str>, SharedSlot<A>) = (id.into(), Arc::default());
        by_use.insert(*uses, Arc::clone(&name));
        by_id.insert(name, (*uses, Arc::clone(&slot)));
        if by_id.len() > self.capacity
            && let Some((_, oldest)) = by_use.pop_first()
        {
            by_id.remove(&oldest);
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generations(cache: &Cache<()>, ids: &[&str]) -> Vec<u64> {
        ids.iter().map(|id| cache.slot(id).try_lock().unwrap().generation).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::new(2);
        cache.slot("a").try_lock().unwrap().generation = 1;
        cache.slot("b").try_lock().unwrap().generation = 2;
        assert_eq!(generations(&cache, &["a"]), [1]);
        cache.slot("c").try_lock().unwrap().generation = 3;
        assert_eq!(generations(&cache, &["a", "c"]), [1, 3]);
        assert_eq!(generations(&cache, &["b"]), [0], "b had gone");
    }
}
