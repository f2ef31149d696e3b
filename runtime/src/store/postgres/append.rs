//! The frequent commits (events of one stream, or a version checked, with what goes beside: answers, messages, timers, rows that are put),
//! any number of them in one statement, which is their whole transaction.
//!
//! The commits of a group that go on one stream, each on what the one before left, are folded into one *unit*: an upsert cannot
//! touch a row twice. A unit is written whole or not at all; one that is not written is decided by the general way
//! ([`super::transaction`]), which says why. The order inside the statement is load-bearing: the transaction's id, the streams in the
//! order of their names, then the positions; every part depends on the one before, since the database runs them in no other order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Error, Row as _};
use uuid::Uuid;

use super::changes::{EventColumns, aggregate_of, json, signed};
use super::rows::{KeyPart, array_type, bind_column, key_of};
use super::types::{Id, Moment};
use crate::commit::{Commit, Committed, Timer, TimerChange};
use crate::store::sql;
use crate::store::tables::Tables;
use crate::view::{Row, RowChange};

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// The parameters that every statement has; those of its further parts follow.
const FIRST_PARAMETERS: usize = 22;

/// What is written by one statement.
#[derive(Default)]
pub(super) struct Plan<'a> {
    units: Vec<Unit<'a>>,
    /// Of each stream, its unit.
    of_stream: HashMap<&'a str, usize>,
    command_ids: BTreeSet<Uuid>,
    /// What is put, by table and key: by which unit.
    rows: BTreeMap<&'a str, BTreeMap<Vec<KeyPart<'a>>, (usize, &'a Row)>>,
    /// What is set (or cleared), by which unit.
    timers: BTreeMap<Uuid, (usize, Option<&'a Timer>)>,
    /// Rows were changed in another way before: later changes of rows must not overtake them.
    rows_are_ordered: bool,
}

/// Commits that are written together or not at all.
struct Unit<'a> {
    /// None: nothing is checked but the answers.
    stream: Option<&'a str>,
    expected: u64,
    /// The event that must be the one of the expected version.
    after: Option<Uuid>,
    version: u64,
    head: Option<Uuid>,
    commits: Vec<(usize, &'a Commit)>,
}

impl<'a> Plan<'a> {
    /// Takes a commit in, if it is one of the frequent kind and goes with those that are in already.
    pub(super) fn take(&mut self, place: usize, commit: &'a Commit, tables: &'a Tables) -> bool {
        let fits = self.fits(commit, tables);
        if fits.is_none() && !commit.rows.is_empty() {
            self.rows_are_ordered = true;
        }
        let Some(on) = fits else { return false };
        let unit = match on.unit {
            Some(unit) => unit,
            None => {
                let (expected, after) = (on.expected, on.after);
                let unit = Unit { stream: on.stream, expected, after, version: expected, head: after, commits: vec![] };
                self.units.push(unit);
                self.units.len() - 1
            }
        };
        if let Some(stream) = on.stream {
            self.of_stream.insert(stream, unit);
        }
        self.command_ids.extend(commit.answers.iter().map(|kept| kept.command_id));
        for change in &commit.rows {
            if let RowChange::Put { table, row } = change
                && let Ok(known) = tables.get(table)
            {
                self.rows.entry(table).or_default().insert(key_of(known, row), (unit, row));
            }
        }
        for change in &commit.timers {
            match change {
                TimerChange::Set(timer) => self.timers.insert(timer.id, (unit, Some(timer))),
                TimerChange::Clear(id) => self.timers.insert(*id, (unit, None)),
            };
        }
        let unit = &mut self.units[unit];
        for append in &commit.appends {
            unit.version += append.events.len() as u64;
            unit.head = append.events.last().map(|event| event.event_id);
        }
        unit.commits.push((place, commit));
        true
    }

    /// Where a commit goes; none: not here.
    fn fits(&self, commit: &'a Commit, tables: &Tables) -> Option<On<'a>> {
        let rare = !commit.claims.is_empty() || !commit.positions.is_empty() || !commit.forgets.is_empty();
        if rare || commit.appends.len() > 1 || (self.rows_are_ordered && !commit.rows.is_empty()) {
            return None;
        }
        let checked = commit.checks.iter().map(|(stream, version)| (stream.as_str(), *version));
        let appended = commit.appends.iter().map(|append| (append.stream.as_str(), append.expected));
        let mut streams = checked.chain(appended);
        let on = streams.next();
        if streams.any(|other| Some(other) != on) || commit.appends.iter().any(|append| append.events.is_empty()) {
            return None;
        }
        let after = match (on, &commit.after[..]) {
            (_, []) => None,
            (Some((stream, _)), [(other, id)]) if stream == other.as_str() => Some(*id),
            _ => return None,
        };
        let mut ids = BTreeSet::new();
        if !commit
            .answers
            .iter()
            .all(|kept| ids.insert(kept.command_id) && !self.command_ids.contains(&kept.command_id))
        {
            return None;
        }
        let unit = match on {
            None => None,
            Some((stream, expected)) => {
                let unit = self.of_stream.get(stream).copied();
                if let Some(unit) = unit.map(|unit| &self.units[unit])
                    && (unit.version != expected || (after.is_some() && after != unit.head))
                {
                    return None;
                }
                unit
            }
        };
        let other = |of: usize| Some(of) != unit;
        for change in &commit.rows {
            let RowChange::Put { table, row } = change else { return None };
            tables.check(change).ok()?;
            let key = key_of(tables.get(table).ok()?, row);
            if self.rows.get(table.as_str()).and_then(|rows| rows.get(&key)).is_some_and(|(of, _)| other(*of)) {
                return None;
            }
        }
        for change in &commit.timers {
            let (TimerChange::Set(Timer { id, .. }) | TimerChange::Clear(id)) = change;
            if self.timers.get(id).is_some_and(|(of, _)| other(*of)) {
                return None;
            }
        }
        let (stream, expected) = on.unzip();
        Some(On { unit, stream, expected: expected.unwrap_or(0), after })
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

/// Where a commit goes.
struct On<'a> {
    /// The unit; none: a new one.
    unit: Option<usize>,
    stream: Option<&'a str>,
    expected: u64,
    after: Option<Uuid>,
}

/// The texts of the statements made so far, by their parts.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<Parts, Arc<str>>);

/// What a statement has beside the parts that all have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parts {
    outgoing: bool,
    set: bool,
    cleared: bool,
    tables: Vec<String>,
}

/// Writes what was planned: one statement, which commits by itself. Gives what each commit that was written made, by its place; the
/// others are undecided.
pub(super) async fn write(
    connection: &mut PgConnection,
    texts: &mut Texts,
    tables: &Tables,
    plan: &Plan<'_>,
    clock: Option<Timestamp>,
) -> Result<Vec<(usize, Committed)>, Error> {
    let commits = || {
        plan.units
            .iter()
            .zip(1_i64..)
            .flat_map(|(unit, number)| unit.commits.iter().map(move |(_, commit)| (number, *commit)))
    };
    let parts = Parts {
        outgoing: commits().any(|(_, commit)| !commit.outgoing.is_empty()),
        set: plan.timers.values().any(|(_, timer)| timer.is_some()),
        cleared: plan.timers.values().any(|(_, timer)| timer.is_none()),
        tables: plan.rows.keys().map(|table| (*table).to_owned()).collect(),
    };
    let text = match texts.0.get(&parts) {
        Some(text) => Arc::clone(text),
        None => {
            let text: Arc<str> = parts.text(tables)?.into();
            texts.0.insert(parts.clone(), Arc::clone(&text));
            text
        }
    };
    let query = bind_units(sqlx::query(AssertSqlSafe(text)), plan);
    let query = bind_answers(query, commits())?;
    let query = bind_events(query, plan)?.bind(clock.map(Moment));
    let query = if parts.outgoing { bind_outgoing(query, commits())? } else { query };
    let query = bind_timers(query, plan, &parts);
    let query = bind_rows(query, plan, tables)?;
    let row = query.fetch_one(connection).await?;
    let won: BTreeSet<i64> = row.try_get::<Vec<i64>, _>(0)?.into_iter().collect();
    let mut drawn: Vec<i64> = row.try_get(1)?;
    drawn.sort_unstable();
    let at = row.try_get::<Moment, _>(2)?.0;
    Ok(written(plan, &won, drawn, at))
}

/// The positions were drawn in the order of the units, and of the commits in each.
fn written(plan: &Plan<'_>, won: &BTreeSet<i64>, drawn: Vec<i64>, at: Timestamp) -> Vec<(usize, Committed)> {
    let mut drawn = drawn.into_iter().map(i64::unsigned_abs);
    let mut written = Vec::new();
    for (unit, _) in plan.units.iter().zip(1_i64..).filter(|(_, number)| won.contains(number)) {
        for (place, commit) in &unit.commits {
            let count = commit.appends.iter().map(|append| append.events.len()).sum();
            written.push((*place, Committed { positions: drawn.by_ref().take(count).collect(), at }));
        }
    }
    written
}

impl Parts {
    fn text(&self, tables: &Tables) -> Result<String, Error> {
        let mut text = include_str!("../sql/postgres/append.sql").trim_end().to_owned();
        let mut next = FIRST_PARAMETERS;
        let mut parameter = |kind: &str| {
            next += 1;
            format!("${next}::{kind}")
        };
        if self.outgoing {
            let arrays: Vec<_> =
                ["bigint[]", "uuid[]", "text[]", "text[]", "text[]", "text[]"].map(&mut parameter).into();
            text.push_str(&format!(
                ",\nsent AS (\n  INSERT INTO outgoing (id, receiver, key, body, meta, at)\n  SELECT id, receiver, key, body, meta, \
                 now\n  FROM unnest({}) WITH ORDINALITY AS m (unit, id, receiver, key, body, meta, number) JOIN won USING (unit), \
                 clock\n  ORDER BY number\n)",
                arrays.join(", ")
            ));
        }
        if self.set {
            let arrays: Vec<_> = ["bigint[]", "uuid[]", "timestamptz[]", "text[]"].map(&mut parameter).into();
            text.push_str(&format!(
                ",\nset AS (\n  INSERT INTO timers (id, due, payload)\n  SELECT id, due, payload FROM unnest({}) AS t (unit, id, due, \
                 payload) JOIN won USING (unit)\n  ORDER BY id\n  ON CONFLICT (id) DO UPDATE SET due = excluded.due, payload = \
                 excluded.payload\n)",
                arrays.join(", ")
            ));
        }
        if self.cleared {
            let arrays: Vec<_> = ["bigint[]", "uuid[]"].map(&mut parameter).into();
            text.push_str(&format!(
                ",\ncleared AS (\n  DELETE FROM timers USING unnest({}) AS t (unit, timer) JOIN won USING (unit) WHERE timers.id = \
                 t.timer\n)",
                arrays.join(", ")
            ));
        }
        for (number, name) in self.tables.iter().enumerate() {
            let table = tables.get(name).map_err(|why| Error::Encode(why.into()))?;
            let mut arrays = vec![parameter("bigint[]")];
            arrays.extend(table.columns.iter().map(|column| parameter(array_type(column.kind))));
            let columns: Vec<_> = (0..table.columns.len()).map(|column| format!("c{column}")).collect();
            let columns = columns.join(", ");
            let selected = format!(
                "SELECT {columns} FROM unnest({}) WITH ORDINALITY AS r (unit, {columns}, number) JOIN won USING (unit) ORDER BY \
                 number",
                arrays.join(", ")
            );
            text.push_str(&format!(",\nput{number} AS ({})", sql::put_selected(table, &selected)));
        }
        text.push_str(
            "\nSELECT ARRAY(SELECT unit FROM won), ARRAY(SELECT pos FROM appended), now, transaction::text FROM clock",
        );
        Ok(text)
    }
}

fn bind_units<'q>(query: Query<'q>, plan: &Plan<'_>) -> Query<'q> {
    let units = &plan.units;
    query
        .bind(units.iter().map(|unit| unit.stream).collect::<Vec<_>>())
        .bind(units.iter().map(|unit| unit.stream.map(aggregate_of)).collect::<Vec<_>>())
        .bind(units.iter().map(|unit| signed(unit.expected)).collect::<Vec<_>>())
        .bind(units.iter().map(|unit| signed(unit.version)).collect::<Vec<_>>())
        .bind(units.iter().map(|unit| unit.after.map(Id)).collect::<Vec<_>>())
}

fn bind_answers<'q, 'a>(
    query: Query<'q>,
    commits: impl Iterator<Item = (i64, &'a Commit)>,
) -> Result<Query<'q>, Error> {
    let (mut units, mut ids, mut hashes, mut sagas, mut answers) = (vec![], vec![], vec![], vec![], vec![]);
    for (unit, commit) in commits {
        for kept in &commit.answers {
            units.push(unit);
            ids.push(Id(kept.command_id));
            hashes.push(kept.request_hash.as_str());
            sagas.push(kept.saga.map(Id));
            answers.push(json(&kept.answer)?);
        }
    }
    Ok(query.bind(units).bind(ids).bind(hashes).bind(sagas).bind(answers))
}

fn bind_events<'q>(query: Query<'q>, plan: &Plan<'_>) -> Result<Query<'q>, Error> {
    let (mut units, mut columns) = (vec![], EventColumns::default());
    for (unit, number) in plan.units.iter().zip(1_i64..) {
        for append in unit.commits.iter().flat_map(|(_, commit)| &commit.appends) {
            for (event, version) in append.events.iter().zip(append.expected + 1..) {
                units.push(number);
                columns.push(append, event, version)?;
            }
        }
    }
    let query = query.bind(units).bind(columns.versions).bind(columns.types).bind(columns.schema_versions);
    let query = query.bind(columns.ids).bind(columns.entered).bind(columns.private).bind(columns.tenants);
    Ok(query.bind(columns.data).bind(columns.meta).bind(columns.at))
}

fn bind_outgoing<'q, 'a>(
    query: Query<'q>,
    commits: impl Iterator<Item = (i64, &'a Commit)>,
) -> Result<Query<'q>, Error> {
    let (mut units, mut ids, mut receivers, mut keys) = (vec![], vec![], vec![], vec![]);
    let (mut bodies, mut metas) = (vec![], vec![]);
    for (unit, commit) in commits {
        for message in &commit.outgoing {
            units.push(unit);
            ids.push(Id(message.id));
            receivers.push(message.to.as_str());
            keys.push(message.key.as_str());
            bodies.push(json(&message.body)?);
            metas.push(json(&message.meta)?);
        }
    }
    Ok(query.bind(units).bind(ids).bind(receivers).bind(keys).bind(bodies).bind(metas))
}

fn bind_timers<'q>(query: Query<'q>, plan: &Plan<'_>, parts: &Parts) -> Query<'q> {
    let (mut units, mut ids, mut due, mut payloads) = (vec![], vec![], vec![], vec![]);
    let (mut clearing, mut cleared) = (vec![], vec![]);
    for (id, (unit, timer)) in &plan.timers {
        let unit = *unit as i64 + 1;
        match timer {
            Some(timer) => {
                units.push(unit);
                ids.push(Id(*id));
                due.push(Moment(timer.due));
                payloads.push(timer.payload.as_str());
            }
            None => {
                clearing.push(unit);
                cleared.push(Id(*id));
            }
        }
    }
    let query = if parts.set { query.bind(units).bind(ids).bind(due).bind(payloads) } else { query };
    if parts.cleared { query.bind(clearing).bind(cleared) } else { query }
}

fn bind_rows<'q>(mut query: Query<'q>, plan: &Plan<'_>, tables: &Tables) -> Result<Query<'q>, Error> {
    for (name, rows) in &plan.rows {
        let table = tables.get(name).map_err(|why| Error::Encode(why.into()))?;
        query = query.bind(rows.values().map(|(unit, _)| *unit as i64 + 1).collect::<Vec<_>>());
        for (place, column) in table.columns.iter().enumerate() {
            query = bind_column(query, column.kind, rows.values().map(|(_, row)| &row[place]));
        }
    }
    Ok(query)
}
