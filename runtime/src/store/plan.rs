//! Deciding a group of commits before anything is written: what of the database must be known ([`Needs`]), what is known
//! ([`Facts`]), and what is then to be written ([`Changes`]).
//!
//! A backend collects the needs of all commits of a group, reads (and locks) them in a few statements, admits the commits
//! one after the other, and writes what was admitted in bulk. So a commit that fails costs its neighbours nothing, no
//! position is burnt, and the number of statements does not grow with the group. All is kept sorted: locks are taken in one
//! order everywhere.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::commit::{Append, ClaimKind, Commit, CommitError, Committed, KeptAnswer, Timer, TimerChange};
use crate::event::NewEvent;
use crate::log::{Outgoing, Position, SourceKey};
use crate::store::LastPositions;
use crate::store::tables::Tables;
use crate::view::RowChange;

/// A unique value: constraint and value.
pub(crate) type ClaimKey = (String, String);
/// A consumer and one of its sources.
pub(crate) type PositionKey = (String, SourceKey);

/// What must be known to decide a group.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) command_ids: BTreeSet<Uuid>,
    pub(crate) streams: BTreeSet<String>,
    /// Of those of `streams`, the id of the newest event is needed too.
    pub(crate) heads: BTreeSet<String>,
    pub(crate) claims: BTreeSet<ClaimKey>,
    pub(crate) consumers: BTreeSet<String>,
}

/// What is known, with what the commits admitted so far change.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) last: LastPositions,
    pub(crate) answers: BTreeMap<Uuid, KeptAnswer>,
    pub(crate) streams: BTreeMap<String, u64>,
    /// The ids of the newest events.
    pub(crate) heads: BTreeMap<String, Uuid>,
    pub(crate) claims: BTreeMap<ClaimKey, String>,
    pub(crate) positions: BTreeMap<PositionKey, Position>,
}

/// What is to be written for a group.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    pub(crate) answers: Vec<&'a KeptAnswer>,
    pub(crate) streams: BTreeMap<&'a str, u64>,
    /// Streams that were checked not to exist, for commits that change something: nobody may make them before this is written.
    pub(crate) absent: BTreeSet<&'a str>,
    pub(crate) events: Vec<PlacedEvent<'a>>,
    /// The holder; none: nobody any more.
    pub(crate) claims: BTreeMap<ClaimKey, Option<&'a str>>,
    pub(crate) outgoing: Vec<(u64, &'a Outgoing)>,
    /// What is set; none: cleared.
    pub(crate) timers: BTreeMap<Uuid, Option<&'a Timer>>,
    pub(crate) rows: Vec<&'a RowChange>,
    pub(crate) positions: BTreeMap<(&'a str, &'a SourceKey), &'a Position>,
    /// Sagas whose answers go, after those of this group are written.
    pub(crate) forgets: BTreeSet<Uuid>,
}

/// An event with its place.
#[derive(Debug)]
pub(crate) struct PlacedEvent<'a> {
    pub(crate) pos: u64,
    pub(crate) version: u64,
    pub(crate) append: &'a Append,
    pub(crate) event: &'a NewEvent,
}

impl Needs {
    /// What these commits need.
    pub(crate) fn of<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Self {
        let mut needs = Self::default();
        for commit in commits {
            needs.command_ids.extend(commit.answers.iter().map(|kept| kept.command_id));
            let checked = commit.checks.iter().map(|(stream, _)| stream);
            let streams = checked.chain(commit.appends.iter().map(|append| &append.stream));
            needs.streams.extend(streams.map(|stream| stream.as_str().to_owned()));
            needs.heads.extend(commit.after.iter().map(|(stream, _)| stream.as_str().to_owned()));
            needs.claims.extend(commit.claims.iter().map(|claim| (claim.constraint.clone(), claim.value.clone())));
            needs.consumers.extend(commit.positions.iter().map(|moved| moved.consumer.clone()));
        }
        needs
    }
}

impl Changes<'_> {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
            && self.events.is_empty()
            && self.claims.is_empty()
            && self.outgoing.is_empty()
            && self.timers.is_empty()
            && self.rows.is_empty()
            && self.positions.is_empty()
            && self.forgets.is_empty()
    }
}

impl Facts {
    /// Decides a commit on what is known, and if it can be written takes it into `changes` and into what is known.
    pub(crate) fn admit<'a>(
        &mut self,
        commit: &'a Commit,
        tables: &Tables,
        changes: &mut Changes<'a>,
    ) -> Result<Vec<u64>, CommitError> {
        self.check_answers(commit)?;
        let streams = self.check_streams(commit)?;
        let claims = self.check_claims(commit)?;
        let positions = self.check_positions(commit)?;
        for change in &commit.rows {
            tables.check(change).map_err(CommitError::Invalid)?;
        }

        self.answers.extend(commit.answers.iter().map(|kept| (kept.command_id, kept.clone())));
        changes.answers.extend(&commit.answers);
        if !commit.appends.is_empty() {
            let absent = commit.checks.iter().filter(|(_, version)| *version == 0);
            changes.absent.extend(absent.map(|(stream, _)| stream.as_str()));
        }
        for (stream, version) in streams {
            self.streams.insert(stream.to_owned(), version);
            changes.streams.insert(stream, version);
        }
        for append in &commit.appends {
            self.heads.extend(append.events.last().map(|event| (append.stream.as_str().to_owned(), event.event_id)));
        }
        let placed = self.place_events(commit, changes);
        for (key, holder) in claims {
            match holder {
                Some(holder) => self.claims.insert(key.clone(), holder.to_owned()),
                None => self.claims.remove(&key),
            };
            changes.claims.insert(key, holder);
        }
        for message in &commit.outgoing {
            self.last.outgoing += 1;
            changes.outgoing.push((self.last.outgoing, message));
        }
        for change in &commit.timers {
            match change {
                TimerChange::Set(timer) => changes.timers.insert(timer.id, Some(timer)),
                TimerChange::Clear(id) => changes.timers.insert(*id, None),
            };
        }
        changes.rows.extend(&commit.rows);
        for ((consumer, source), to) in positions {
            self.positions.insert((consumer.to_owned(), source.clone()), to.clone());
            changes.positions.insert((consumer, source), to);
        }
        changes.forgets.extend(&commit.forgets);
        Ok(placed)
    }

    fn check_answers(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut own = BTreeSet::new();
        for kept in &commit.answers {
            if let Some(before) = self.answers.get(&kept.command_id) {
                return Err(CommitError::Answered(Box::new(before.clone())));
            }
            if !own.insert(kept.command_id) {
                return Err(CommitError::Invalid(format!(
                    "command {} is answered twice in one commit",
                    kept.command_id
                )));
            }
        }
        Ok(())
    }

    /// The streams that the commit moves, and where to.
    fn check_streams<'a>(&self, commit: &'a Commit) -> Result<BTreeMap<&'a str, u64>, CommitError> {
        let stored = |stream: &str| self.streams.get(stream).copied().unwrap_or(0);
        let conflict = |stream: &str, expected| CommitError::Conflict { stream: stream.to_owned(), expected };
        for (stream, expected) in &commit.checks {
            if stored(stream.as_str()) != *expected {
                return Err(conflict(stream.as_str(), *expected));
            }
        }
        for (stream, event) in &commit.after {
            if self.heads.get(stream.as_str()) != Some(event) {
                let appended = commit.appends.iter().map(|append| (&append.stream, append.expected));
                let mut on = commit.checks.iter().map(|(stream, version)| (stream, *version)).chain(appended);
                let expected = on.find_map(|(other, version)| (other == stream).then_some(version));
                return Err(conflict(stream.as_str(), expected.unwrap_or_default()));
            }
        }
        let mut moved: BTreeMap<&str, u64> = BTreeMap::new();
        for append in &commit.appends {
            let stream = append.stream.as_str();
            if append.events.is_empty() {
                return Err(CommitError::Invalid(format!("nothing is appended to `{stream}`")));
            }
            let version = moved.get(stream).copied().unwrap_or_else(|| stored(stream));
            if version != append.expected {
                return Err(conflict(stream, append.expected));
            }
            moved.insert(stream, version + append.events.len() as u64);
        }
        Ok(moved)
    }

    /// The unique values that the commit moves, and to whom.
    fn check_claims<'a>(&self, commit: &'a Commit) -> Result<BTreeMap<ClaimKey, Option<&'a str>>, CommitError> {
        let mut moved: BTreeMap<ClaimKey, Option<&'a str>> = BTreeMap::new();
        for claim in &commit.claims {
            let key = (claim.constraint.clone(), claim.value.clone());
            let holder: Option<&str> = match moved.get(&key) {
                Some(holder) => *holder,
                None => self.claims.get(&key).map(String::as_str),
            };
            let own = holder == Some(claim.stream.as_str());
            match claim.kind {
                ClaimKind::Release if own => moved.insert(key, None),
                ClaimKind::Release => continue,
                ClaimKind::Claim if own || holder.is_none() => moved.insert(key, Some(claim.stream.as_str())),
                ClaimKind::Claim => return Err(CommitError::NotUnique { constraint: claim.constraint.clone() }),
            };
        }
        Ok(moved)
    }

    /// The consumers that the commit moves, and where to.
    fn check_positions<'a>(
        &self,
        commit: &'a Commit,
    ) -> Result<BTreeMap<(&'a str, &'a SourceKey), &'a Position>, CommitError> {
        let mut moved: BTreeMap<(&str, &SourceKey), &Position> = BTreeMap::new();
        for change in &commit.positions {
            let key = (change.consumer.as_str(), &change.source);
            let stored = || self.positions.get(&(change.consumer.clone(), change.source.clone()));
            let now = moved.get(&key).copied().or_else(stored);
            if now != change.expected.as_ref() {
                return Err(CommitError::PositionMoved { consumer: change.consumer.clone() });
            }
            moved.insert(key, &change.to);
        }
        Ok(moved)
    }

    fn place_events<'a>(&mut self, commit: &'a Commit, changes: &mut Changes<'a>) -> Vec<u64> {
        let mut placed = Vec::new();
        for append in &commit.appends {
            for (version, event) in (append.expected + 1..).zip(&append.events) {
                self.last.events += 1;
                placed.push(self.last.events);
                changes.events.push(PlacedEvent { pos: self.last.events, version, append, event });
            }
        }
        placed
    }
}

/// The commits' results, once what was admitted is durable; or why none of it is.
pub(crate) fn results(
    admitted: Vec<Result<Vec<u64>, CommitError>>,
    at: jiff::Timestamp,
    written: Result<(), CommitError>,
) -> Vec<Result<Committed, CommitError>> {
    let answer = |positions| written.clone().map(|()| Committed { positions, at });
    admitted.into_iter().map(|admitted| admitted.and_then(answer)).collect()
}
