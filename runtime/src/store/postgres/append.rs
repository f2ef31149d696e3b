//! The frequent commits (events of one stream, or a version checked, with what goes beside: answers, messages, timers, rows that are put,
//! a consumer's position),
//! any number of them planned for one statement ([`super::statement`]), which is their whole transaction.
//!
//! The commits of a group that go on one stream, each on what the one before left, are folded into one *unit*: an upsert cannot
//! touch a row twice. A unit is written whole or not at all; one that is not written is decided by the general way
//! ([`super::transaction`]), which says why. A command that was answered before breaks the whole statement, and all of it is decided by the
//! general way: those that this instance answered lately are known, and never get here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use crate::commit::{Commit, PositionMove, Timer, TimerChange};
use crate::log::SourceKey;
use crate::store::fold::{KeyPart, key_of};
use crate::store::tables::Tables;
use crate::view::{Row, RowChange};

/// The commands that were answered lately: two generations, the older one dropped when the younger is full.
#[derive(Debug, Default)]
pub(super) struct Answered {
    younger: HashSet<Uuid>,
    older: HashSet<Uuid>,
}

impl Answered {
    /// How many a generation holds.
    const GENERATION: usize = 1 << 14;

    /// Takes in what a commit answers.
    pub(super) fn take(&mut self, commit: &Commit) {
        if self.younger.len() >= Self::GENERATION {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.extend(commit.answers.iter().map(|kept| kept.command_id));
    }

    fn contains(&self, id: Uuid) -> bool {
        self.younger.contains(&id) || self.older.contains(&id)
    }
}

/// What is written by one statement.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) units: Vec<Unit<'a>>,
    /// Of each stream, its unit.
    of_stream: HashMap<&'a str, usize>,
    command_ids: BTreeSet<Uuid>,
    /// What is put, by table and key: by which unit.
    pub(super) rows: BTreeMap<&'a str, BTreeMap<Vec<KeyPart<'a>>, (usize, &'a Row)>>,
    /// What is set (or cleared), by which unit.
    pub(super) timers: BTreeMap<Uuid, (usize, Option<&'a Timer>)>,
    /// The positions that move, by which unit.
    pub(super) moves: BTreeMap<(&'a str, &'a SourceKey), (usize, &'a PositionMove)>,
    /// Rows were changed in another way before: later changes of rows must not overtake them.
    rows_are_ordered: bool,
}

/// Commits that are written together or not at all.
pub(super) struct Unit<'a> {
    /// None: nothing is checked but the answers.
    pub(super) stream: Option<&'a str>,
    pub(super) expected: u64,
    /// The event that must be the one of the expected version.
    pub(super) after: Option<Uuid>,
    /// The stream's version once it is written; the expected one where it only checks.
    pub(super) version: u64,
    /// The id of the stream's newest event then, as far as it is known.
    newest: Option<Uuid>,
    /// With their places in the group.
    pub(super) commits: Vec<(usize, &'a Commit)>,
}

impl<'a> Plan<'a> {
    /// Takes a commit in, if it is one of the frequent kind and goes with those that are in already.
    pub(super) fn take(&mut self, place: usize, commit: &'a Commit, tables: &Tables, answered: &Answered) -> bool {
        let Some((on, puts)) = self.fits(commit, tables, answered) else {
            self.rows_are_ordered |= !commit.rows.is_empty();
            return false;
        };
        let unit = on.unit.unwrap_or(self.units.len());
        if on.unit.is_none() {
            let (expected, after) = (on.expected, on.after);
            let (version, newest) = (expected, after);
            self.units.push(Unit { stream: on.stream, expected, after, version, newest, commits: Vec::new() });
            self.of_stream.extend(on.stream.map(|stream| (stream, unit)));
        }
        self.command_ids.extend(commit.answers.iter().map(|kept| kept.command_id));
        for (table, key, row) in puts {
            self.rows.entry(table).or_default().insert(key, (unit, row));
        }
        for change in &commit.timers {
            match change {
                TimerChange::Set(timer) => self.timers.insert(timer.id, (unit, Some(timer))),
                TimerChange::Clear(id) => self.timers.insert(*id, (unit, None)),
            };
        }
        for change in &commit.positions {
            self.moves.insert((&change.consumer, &change.source), (unit, change));
        }
        let unit = &mut self.units[unit];
        for append in &commit.appends {
            unit.version += append.events.len() as u64;
            unit.newest = append.events.last().map(|event| event.event_id);
        }
        unit.commits.push((place, commit));
        true
    }

    /// Where a commit goes, and the rows that it puts; none: not here.
    fn fits(&self, commit: &'a Commit, tables: &Tables, answered: &Answered) -> Option<(On<'a>, Vec<Put<'a>>)> {
        let rare = !commit.claims.is_empty() || !commit.forgets.is_empty();
        if rare || (self.rows_are_ordered && !commit.rows.is_empty()) {
            return None;
        }
        let mut ids = BTreeSet::new();
        let is_new = |id| !self.command_ids.contains(&id) && !answered.contains(id);
        if !commit.answers.iter().all(|kept| ids.insert(kept.command_id) && is_new(kept.command_id)) {
            return None;
        }
        // A position that moves twice in a group is one commit's after another's.
        let mut moved = BTreeSet::new();
        let mut is_first = |key| moved.insert(key) && !self.moves.contains_key(&key);
        if !commit.positions.iter().all(|change| is_first((change.consumer.as_str(), &change.source))) {
            return None;
        }
        let on = self.place_of(commit)?;
        let of_another = |unit: usize| Some(unit) != on.unit;
        let mut puts = Vec::new();
        for change in &commit.rows {
            let RowChange::Put { table, row } = change else { return None };
            tables.check(change).ok()?;
            let key = key_of(tables.get(table).ok()?, row);
            let other = self.rows.get(table.as_str()).and_then(|rows| rows.get(&key));
            if other.is_some_and(|(unit, _)| of_another(*unit)) {
                return None;
            }
            puts.push((table.as_str(), key, row));
        }
        for change in &commit.timers {
            let (TimerChange::Set(Timer { id, .. }) | TimerChange::Clear(id)) = change;
            if self.timers.get(id).is_some_and(|(unit, _)| of_another(*unit)) {
                return None;
            }
        }
        Some((on, puts))
    }

    /// The unit that a commit's one stream and version lead to.
    fn place_of(&self, commit: &'a Commit) -> Option<On<'a>> {
        if commit.appends.len() > 1 || commit.appends.iter().any(|append| append.events.is_empty()) {
            return None;
        }
        let checked = commit.checks.iter().map(|(stream, version)| (stream.as_str(), *version));
        let appended = commit.appends.iter().map(|append| (append.stream.as_str(), append.expected));
        let mut streams = checked.chain(appended);
        let on = streams.next();
        if streams.any(|other| Some(other) != on) {
            return None;
        }
        let Some((stream, expected)) = on else {
            let nothing = On { unit: None, stream: None, expected: 0, after: None };
            return commit.after.is_empty().then_some(nothing);
        };
        let after = match &commit.after[..] {
            [] => None,
            [(other, id)] if stream == other.as_str() => Some(*id),
            _ => return None,
        };
        let unit = self.of_stream.get(stream).copied();
        let fits = |unit: &Unit<'_>| unit.version == expected && (after.is_none() || after == unit.newest);
        let fits = unit.is_none_or(|unit| fits(&self.units[unit]));
        fits.then_some(On { unit, stream: Some(stream), expected, after })
    }

    /// Where in the group its commits stand.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.units.iter().flat_map(|unit| unit.commits.iter().map(|(place, _)| *place))
    }

    /// Whether nothing was taken in.
    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

/// A row that is put: its table, its key, itself.
type Put<'a> = (&'a str, Vec<KeyPart<'a>>, &'a Row);

/// Where a commit goes.
struct On<'a> {
    /// The unit; none: a new one.
    unit: Option<usize>,
    stream: Option<&'a str>,
    expected: u64,
    after: Option<Uuid>,
}
