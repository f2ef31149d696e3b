//! Reading every stored event of the aggregates whose definition changed: the proof that this build can.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Held, Unreadable};
use super::schema::Change;
use super::{Changed, EvolutionError, NewlyUnique};
use crate::event::{Recorded, StreamId};
use crate::store::Store;

/// How many events are looked through at once.
const PAGE: usize = 500;

/// Reads all streams of these aggregates; gives the values that become unique.
pub(super) async fn prove(changed: &[Changed], store: &dyn Store) -> Result<Vec<NewlyUnique>, EvolutionError> {
    let mut walk = Walk::default();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let mut pos = 0;
    loop {
        let events = store.read_events(pos, PAGE).await?;
        let Some(last) = events.last() else { break };
        pos = last.pos;
        // A stream is read whole, where it begins.
        for first in events.iter().filter(|event| event.version == 1) {
            if let Some(one) = changed.iter().find(|one| one.history.aggregate() == first.stream.aggregate()) {
                let events = store.read_stream(&first.stream, 0).await?;
                walk.stream(one, &first.stream, &events);
            }
        }
    }
    walk.end()
}

/// What was found so far.
#[derive(Default)]
struct Walk {
    unique: Vec<NewlyUnique>,
    holders: BTreeMap<(&'static str, String), StreamId>,
    /// One a cause: by event type, or by constraint.
    problems: BTreeMap<String, String>,
}

impl Walk {
    fn stream(&mut self, changed: &Changed, stream: &StreamId, events: &[Recorded]) {
        if let Some(lost) = events.iter().find_map(|event| lost(changed, event)) {
            self.report(changed, stream, lost);
        }
        let held = match changed.history.replay(stream, events) {
            Ok(held) => held,
            Err(unreadable) => return self.report(changed, stream, unreadable),
        };
        let is_new = |(constraint, _): &(&'static str, String)| changed.unique.contains(constraint);
        let held = Held {
            now: held.now.into_iter().filter(is_new).collect(),
            before: held.before.into_iter().filter(is_new).collect(),
        };
        for (constraint, value) in &held.now {
            let holder = self.holders.entry((constraint, value.clone())).or_insert_with(|| stream.clone());
            if holder != stream {
                let problem = format!(
                    "`{constraint}` is unique now, but `{}` and `{}` hold the same value; try: give one of them another \
                     value with the spec of before, or leave `unique` out",
                    holder.as_str(),
                    stream.as_str()
                );
                self.problems.entry((*constraint).to_owned()).or_insert(problem);
            }
        }
        if held != Held::default() {
            let version = events.last().map_or(0, |event| event.version);
            self.unique.push(NewlyUnique { stream: stream.clone(), version, held });
        }
    }

    fn report(&mut self, changed: &Changed, stream: &StreamId, found: Unreadable) {
        let Unreadable { event_type, pos, version, why } = found;
        let changes = changed.changes.get(&event_type).map_or(&[][..], Vec::as_slice);
        let told: String = changes.iter().filter(|it| !it.is_harmless()).map(|it| format!("; {it}")).collect();
        let problem = format!(
            "event `{event_type}` at position {pos} (version {version} of `{}`): {why}{told}; try: {}",
            stream.as_str(),
            advice(changes)
        );
        self.problems.entry(event_type).or_insert(problem);
    }

    fn end(self) -> Result<Vec<NewlyUnique>, EvolutionError> {
        if self.problems.is_empty() {
            return Ok(self.unique);
        }
        Err(EvolutionError::Unreadable(self.problems.into_values().collect()))
    }
}

/// What an event says that this build would read over: a field that is gone, a state that is no more.
fn lost(changed: &Changed, event: &Recorded) -> Option<Unreadable> {
    let why = lost_state(changed, event).or_else(|| lost_field(changed, event))?;
    Some(Unreadable { event_type: event.event_type.clone(), pos: event.pos, version: event.version, why })
}

fn lost_state(changed: &Changed, event: &Recorded) -> Option<String> {
    let states: BTreeSet<&str> = changed.is.events.iter().filter_map(|schema| schema.enters.as_deref()).collect();
    let entered =
        event.entered.as_deref().filter(|entered| !changed.is.events.is_empty() && !states.contains(entered))?;
    Some(format!("it entered `{entered}`, a state that is gone"))
}

fn lost_field(changed: &Changed, event: &Recorded) -> Option<String> {
    let removed = changed.changes.get(&event.event_type)?.iter().filter_map(|change| match change {
        Change::Removed { field, .. } => Some(field),
        _ => None,
    });
    let removed: Vec<&String> = removed.collect();
    if removed.is_empty() {
        return None;
    }
    let data: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&event.data).ok()?;
    let lost = removed.into_iter().find(|field| data.get(*field).is_some_and(|value| !value.is_null()))?;
    Some(format!("it carries `{lost}`, which nobody would read any more"))
}

fn advice(changes: &[Change]) -> &'static str {
    let any = |wanted: fn(&Change) -> bool| changes.iter().any(wanted);
    if any(|it| matches!(it, Change::Gone)) {
        "keep the event in the spec; nothing need emit it any more"
    } else if any(|it| matches!(it, Change::Retyped { .. })) {
        "keep the field as it was, and add another, optional one for what is new"
    } else if any(|it| matches!(it, Change::Removed { .. })) {
        "keep the field, optional (`?`) if events need not have it any more"
    } else if any(|it| matches!(it, Change::Added { .. })) {
        "make the new field optional (`?`): events of before do not have it"
    } else {
        "start it with the spec that wrote this"
    }
}
