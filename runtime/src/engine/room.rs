//! An aggregate type's room: its cache, loading by replay, and what its commits carry beside the events: claims, timers, rows
//! kept from its state.

use std::any::Any;
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::cache::{Cache, Entered, Loaded, Slot, Trust};
use super::{Engine, ExecuteError, Executed, snapshot, timer};
use crate::aggregate::Aggregate;
use crate::commit::{Append, ClaimChange, ClaimKind, Commit, TimerChange};
use crate::context::Meta;
use crate::event::{Event, NewEvent, Recorded, StreamId};
use crate::view::RowChange;

/// How many aggregates of a type are kept in memory.
const CACHED: usize = 10_000;

/// An aggregate of any type.
#[async_trait]
pub trait AnyAggregate: Send + Sync {
    /// Itself, to be found again by its type.
    fn as_any(&self) -> &dyn Any;
    /// Fires a timer of one of its states.
    async fn fire(&self, engine: &Engine, timer: Uuid, payload: &timer::Payload) -> Result<Executed, ExecuteError>;
}

/// The aggregate `A`.
pub struct TypedAggregate<A> {
    pub(super) cache: Cache<A>,
    marker: PhantomData<fn(A)>,
}

impl<A> Default for TypedAggregate<A> {
    fn default() -> Self {
        Self { cache: Cache::new(CACHED), marker: PhantomData }
    }
}

#[async_trait]
impl<A: Aggregate> AnyAggregate for TypedAggregate<A> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    async fn fire(&self, engine: &Engine, timer: Uuid, payload: &timer::Payload) -> Result<Executed, ExecuteError> {
        timer::fire::<A>(engine, self, timer, payload).await
    }
}

impl<A: Aggregate> Slot<A> {
    /// The aggregate as it will be once all that is on its way is written.
    pub(super) async fn load(
        &mut self,
        engine: &Engine,
        stream: &StreamId,
        id: &A::Id,
    ) -> Result<&Arc<Loaded<A>>, ExecuteError> {
        if self.trust != Trust::Fresh {
            let known = self.confirmed.version;
            let mut loaded = engine.catch_up(stream, id, Loaded::clone(&self.confirmed)).await?;
            if loaded.version == known && known > 0 && self.trust == Trust::Doubted {
                loaded = engine.catch_up(stream, id, Loaded::default()).await?;
            }
            self.confirmed = Arc::new(loaded);
            self.head = Arc::clone(&self.confirmed);
            self.generation += 1;
            self.trust = Trust::Fresh;
        }
        Ok(&self.head)
    }
}

impl Engine {
    /// The aggregate with what was written since: a long stream of which nothing is known is read from its snapshot on.
    async fn catch_up<A: Aggregate>(
        &self,
        stream: &StreamId,
        id: &A::Id,
        mut loaded: Loaded<A>,
    ) -> Result<Loaded<A>, ExecuteError> {
        let mut read: u64 = 0;
        loop {
            let page = self.snapshots.map_or(usize::MAX, |every| usize::try_from(every.get()).unwrap_or(usize::MAX));
            let events = self.store.read_page(stream, loaded.version, page).await?;
            let is_long = events.len() == page;
            if loaded.version == 0
                && is_long
                && let Some(snapshot) = snapshot::load(&*self.store, stream).await?
            {
                loaded = snapshot;
                continue;
            }
            for event in &events {
                take_in(&mut loaded, event, id)?;
            }
            read += events.len() as u64;
            if !is_long {
                break;
            }
        }
        if self.snapshots.is_some_and(|every| read >= every.get()) {
            self.keep_snapshot(stream, Arc::new(loaded.clone()));
        }
        Ok(loaded)
    }

    /// Keeps a snapshot where the stream has grown past another hundred. What `after` says is written.
    pub(super) fn snapshot_after<A: Aggregate>(&self, before: u64, stream: &StreamId, after: Arc<Loaded<A>>) {
        if self.snapshots.is_some_and(|every| before / every < after.version / every) {
            self.keep_snapshot(stream, after);
        }
    }

    /// Beside the command's path: nobody waits for it.
    fn keep_snapshot<A: Aggregate>(&self, stream: &StreamId, loaded: Arc<Loaded<A>>) {
        if A::SNAPSHOT.is_some() {
            let (store, stream) = (Arc::clone(&self.store), stream.clone());
            tokio::spawn(async move { snapshot::save(&*store, &stream, &loaded).await });
        }
    }
}

/// Takes a stored event in.
fn take_in<A: Aggregate>(loaded: &mut Loaded<A>, event: &Recorded, id: &A::Id) -> Result<(), ExecuteError> {
    let broken = |why: &dyn std::fmt::Display| {
        ExecuteError::Broken(format!("version {} of `{}`: {why}", event.version, event.stream.as_str()))
    };
    let decoded = A::Event::decode(&event.event_type, event.schema_version, &event.data);
    let decoded = decoded.map_err(|error| broken(&error))?;
    loaded.state = A::replay(loaded.state.take(), id, &decoded).map_err(|refusal| broken(&refusal))?;
    loaded.version = event.version;
    loaded.newest = Some(event.event_id);
    if event.entered.is_some() {
        loaded.entered = Some(Entered { version: event.version, at: event.at });
    }
    Ok(())
}

/// What is appended to an aggregate, and how it stands afterwards.
pub(super) struct Step<'a, A: Aggregate> {
    pub(super) id: &'a A::Id,
    pub(super) stream: &'a StreamId,
    pub(super) before: &'a Loaded<A>,
    pub(super) events: &'a [A::Event],
    pub(super) after: Option<A>,
    pub(super) now: Timestamp,
    pub(super) meta: &'a Meta,
}

impl<A: Aggregate> Step<'_, A> {
    /// The commit of it, and how the aggregate stands once that is written.
    pub(super) fn commit(self, engine: &Engine) -> Result<(Commit, Loaded<A>), ExecuteError> {
        let entered = self.events.iter().rposition(|event| event.enters().is_some());
        let entered = entered.map(|place| Entered { version: self.before.version + 1 + place as u64, at: self.now });
        let append = self.append(engine)?;
        let newest = append.events.last().map(|event| event.event_id);
        let commit = Commit {
            appends: vec![append],
            claims: self.claims(),
            timers: self.timers(entered),
            rows: self.rows(engine),
            ..Commit::default()
        };
        let version = self.before.version + self.events.len() as u64;
        Ok((commit, Loaded { version, newest, state: self.after, entered: entered.or(self.before.entered) }))
    }

    fn append(&self, engine: &Engine) -> Result<Append, ExecuteError> {
        let event = |event: &A::Event| {
            let data = event.encode().map_err(|error| ExecuteError::Broken(error.to_string()))?;
            Ok(NewEvent {
                event_id: engine.context.new_id(),
                event_type: event.event_type().to_owned(),
                schema_version: event.schema_version(),
                entered: event.enters().map(str::to_owned),
                private: false,
                data,
            })
        };
        Ok(Append {
            stream: self.stream.clone(),
            expected: self.before.version,
            events: self.events.iter().map(event).collect::<Result<_, ExecuteError>>()?,
            at: self.now,
            meta: self.meta.clone(),
        })
    }

    /// The rows kept from its state, where they are others than before.
    fn rows(&self, engine: &Engine) -> Vec<RowChange> {
        let rows =
            |state: Option<&A>| state.map(|state| engine.kept.changes(A::TYPE, self.id, state)).unwrap_or_default();
        let before = rows(self.before.state.as_ref());
        rows(self.after.as_ref()).into_iter().filter(|row| !before.contains(row)).collect()
    }

    /// What it held and holds no more, then what it holds now and did not before.
    fn claims(&self) -> Vec<ClaimChange> {
        let held = |state: Option<&A>| -> BTreeSet<_> {
            state.map(A::unique_values).unwrap_or_default().into_iter().collect()
        };
        let (before, after) = (held(self.before.state.as_ref()), held(self.after.as_ref()));
        let change = |kind, (constraint, value): &(&str, String)| ClaimChange {
            constraint: (*constraint).to_owned(),
            value: value.clone(),
            stream: self.stream.clone(),
            kind,
        };
        let released = before.difference(&after).map(|claim| change(ClaimKind::Release, claim));
        released.chain(after.difference(&before).map(|claim| change(ClaimKind::Claim, claim))).collect()
    }

    /// The timers of the state that is left, cleared, and of the one that is entered, set.
    fn timers(&self, entered: Option<Entered>) -> Vec<TimerChange> {
        let (Some(entered), Some(after)) = (entered, &self.after) else { return Vec::new() };
        let mut changes = Vec::new();
        if let (Some(state), Some(left)) = (&self.before.state, self.before.entered) {
            let left_timers = state.timers(left.at).into_iter();
            changes.extend(left_timers.map(|it| TimerChange::Clear(timer::id(self.stream, left.version, it.name))));
        }
        let set = after.timers(entered.at).into_iter();
        changes.extend(set.map(|it| timer::set(self.stream, entered.version, it.name, it.due, self.meta)));
        changes
    }
}
