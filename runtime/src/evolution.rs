//! The next day: a service that is built from a changed spec starts on what an earlier one wrote.
//!
//! Events are kept for ever, and read by every spec that comes after. What each event type looked like is therefore written down
//! in the store (table `aggregate_schemas`), and compared at start, before anything is written or anybody is answered:
//!
//! * the same, a new event type, a new optional field: read as it stands;
//! * anything else: every stored event of the aggregate is read and replayed once. Where all can be, the change is good; where one
//!   cannot, the service does not start, says which event, what changed, and what to try, and the data is as it was;
//! * a field that is gone while stored events carry it is refused too: a rename would otherwise lose it in silence;
//! * `unique` on a field that was not: the values that are held are claimed, or the service does not start and says who shares one.
//!
//! How views and sagas live through a changed definition is theirs to say: [`crate::projection`], [`crate::process::saga`].

mod history;
mod record;
mod schema;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::commit::{ClaimChange, ClaimKind, Commit, CommitError};
use crate::event::{EventSchema, StreamId};
use crate::store::{Store, StoreError};

pub use history::{AnyHistory, Held, TypedHistory, Unreadable};
use schema::Change;

/// How many commits are written at once.
const GROUP: usize = 256;

/// What is written down of an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Definition {
    /// Its event types, in the order of their names.
    events: Vec<EventSchema>,
    /// The names of its unique constraints, in order.
    unique: Vec<String>,
}

impl Definition {
    fn of(history: &dyn AnyHistory) -> Self {
        let mut events = history.schemas();
        events.sort_by(|one, other| one.event_type.cmp(&other.event_type));
        let mut unique: Vec<String> = history.unique().iter().map(|name| (*name).to_owned()).collect();
        unique.sort_unstable();
        Self { events, unique }
    }
}

/// An aggregate whose definition is not the one that is written down.
struct Changed {
    history: Arc<dyn AnyHistory>,
    is: Definition,
    /// What changed, by event type. Empty where nothing was written down before.
    changes: BTreeMap<String, Vec<Change>>,
    /// Constraints that were not there before.
    unique: Vec<&'static str>,
}

impl Changed {
    /// Whether the stored events must be read to know.
    fn needs_proof(&self, had: Option<&Definition>) -> bool {
        had.is_none() || !self.unique.is_empty() || self.changes.values().flatten().any(|change| !change.is_harmless())
    }
}

/// The values of one stream that become unique.
struct NewlyUnique {
    stream: StreamId,
    version: u64,
    held: Held,
}

/// A change that can be made: what is to be written before the service starts.
#[must_use = "the claims of what became unique, and the definitions, are to be recorded"]
pub struct Upgrade {
    definitions: Vec<(&'static str, Definition)>,
    unique: Vec<NewlyUnique>,
}

/// Why a service cannot start on what is stored.
#[derive(Debug, thiserror::Error)]
pub enum EvolutionError {
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stream has grown meanwhile: another instance runs.
    #[error("what is unique could not be recorded: {0}; stop the instances of before, and start again")]
    Busy(CommitError),
    /// What is stored does not fit the spec; each line says where, what changed, and what to try.
    #[error("its data does not fit this spec, and was left as it is:{}", lines(.0))]
    Unreadable(Vec<String>),
}

fn lines(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("\n  - {problem}")).collect()
}

/// Whether what is stored fits the aggregates of this build. Reads only.
///
/// # Errors
/// [`EvolutionError::Unreadable`] names everything that does not fit.
pub async fn check(aggregates: &[Arc<dyn AnyHistory>], store: &dyn Store) -> Result<Upgrade, EvolutionError> {
    let known = record::load(store).await?;
    for name in known.keys().filter(|name| aggregates.iter().all(|history| history.aggregate() != name.as_str())) {
        tracing::warn!(aggregate = name, "this spec has no such aggregate: its events stay, and nobody reads them");
    }
    let (mut changed, mut to_prove) = (Vec::new(), Vec::new());
    for history in aggregates {
        let (is, had) = (Definition::of(&**history), known.get(history.aggregate()));
        if had == Some(&is) {
            continue;
        }
        let unique = history.unique().iter().copied();
        let unique = unique.filter(|name| had.is_none_or(|had| !had.unique.iter().any(|known| known == name)));
        let changes = had.map_or_else(BTreeMap::new, |had| schema::changes(&had.events, &is.events));
        for (event, change) in changes.iter().flat_map(|(event, all)| all.iter().map(move |change| (event, change))) {
            tracing::info!(event, %change, "an event type is not what it was");
        }
        let one = Changed { history: Arc::clone(history), is, changes, unique: unique.collect() };
        if one.needs_proof(had) { to_prove.push(one) } else { changed.push(one) }
    }
    let unique = walk::prove(&to_prove, store).await?;
    changed.append(&mut to_prove);
    Ok(Upgrade { definitions: changed.into_iter().map(|one| (one.history.aggregate(), one.is)).collect(), unique })
}

impl Upgrade {
    /// Writes down what this spec says, and claims what became unique. The same again changes nothing.
    ///
    /// # Errors
    /// The store is away, or another instance writes meanwhile.
    pub async fn record(self, store: &dyn Store) -> Result<(), EvolutionError> {
        if self.definitions.is_empty() {
            return Ok(());
        }
        store.create_table(&record::table()).await?;
        // A value that was unique under a spec of long ago may still be claimed by who had it then.
        claim(store, &self.unique, |held| &held.before, ClaimKind::Release).await?;
        claim(store, &self.unique, |held| &held.now, ClaimKind::Claim).await?;
        record::save(store, &self.definitions).await?;
        for (aggregate, definition) in &self.definitions {
            tracing::info!(aggregate, events = definition.events.len(), "its definition is written down");
        }
        Ok(())
    }
}

/// Claims or releases values of each stream.
async fn claim(
    store: &dyn Store,
    streams: &[NewlyUnique],
    values: impl Fn(&Held) -> &Vec<(&'static str, String)>,
    kind: ClaimKind,
) -> Result<(), EvolutionError> {
    let commits = streams.iter().filter(|one| !values(&one.held).is_empty()).map(|one| {
        let change = |(constraint, value): &(&'static str, String)| ClaimChange {
            constraint: (*constraint).to_owned(),
            value: value.clone(),
            stream: one.stream.clone(),
            kind,
        };
        let claims = values(&one.held).iter().map(change).collect();
        Commit { checks: vec![(one.stream.clone(), one.version)], claims, ..Commit::default() }
    });
    let commits: Vec<Commit> = commits.collect();
    for group in commits.chunks(GROUP) {
        for result in store.write(group.to_vec()).await {
            result.map_err(EvolutionError::Busy)?;
        }
    }
    Ok(())
}
