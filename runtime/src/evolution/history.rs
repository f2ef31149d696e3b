//! What the streams of an aggregate say, read by this build.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use crate::aggregate::Aggregate;
use crate::event::{Event, EventSchema, Recorded, StreamId};

/// The past of an aggregate of any type.
pub trait AnyHistory: Send + Sync {
    /// Its wire name.
    fn aggregate(&self) -> &'static str;
    /// How its events stand in the store.
    fn schemas(&self) -> Vec<EventSchema>;
    /// The names of its unique constraints.
    fn unique(&self) -> &'static [&'static str];
    /// Reads a whole stream.
    ///
    /// # Errors
    /// The first event that this build cannot read, or that its state cannot take in.
    fn replay(&self, stream: &StreamId, events: &[Recorded]) -> Result<Held, Unreadable>;
}

/// The unique values of a stream: constraint and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Those that it holds.
    pub now: Vec<(&'static str, String)>,
    /// Those that it held once, and holds no more.
    pub before: Vec<(&'static str, String)>,
}

/// An event that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its wire name.
    pub event_type: String,
    /// Its position in the store.
    pub pos: u64,
    /// Its version in its stream.
    pub version: u64,
    /// Why.
    pub why: String,
}

/// The past of `A`.
pub struct TypedHistory<A>(PhantomData<fn(A)>);

impl<A> Default for TypedHistory<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Aggregate> AnyHistory for TypedHistory<A> {
    fn aggregate(&self) -> &'static str {
        A::TYPE
    }

    fn schemas(&self) -> Vec<EventSchema> {
        A::Event::schemas()
    }

    fn unique(&self) -> &'static [&'static str] {
        A::UNIQUE
    }

    fn replay(&self, stream: &StreamId, events: &[Recorded]) -> Result<Held, Unreadable> {
        let (mut state, mut ever) = (None, BTreeSet::new());
        for event in events {
            let fail = |why: String| Unreadable {
                event_type: event.event_type.clone(),
                pos: event.pos,
                version: event.version,
                why,
            };
            let id: A::Id = stream.id().parse().map_err(|_| fail(format!("`{}` has no id", stream.as_str())))?;
            let read = A::Event::decode(&event.event_type, event.schema_version, &event.data);
            let read = read.map_err(|error| fail(error.to_string()))?;
            state = A::replay(state, &id, &read).map_err(|refusal| fail(refusal.message))?;
            ever.extend(state.iter().flat_map(A::unique_values));
        }
        let now = state.as_ref().map_or_else(Vec::new, A::unique_values);
        let before = ever.into_iter().filter(|value| !now.contains(value)).collect();
        Ok(Held { now, before })
    }
}
