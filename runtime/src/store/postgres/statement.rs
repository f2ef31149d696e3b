//! The one statement that writes what was planned ([`super::append`]), and commits by itself.
//!
//! The order inside it is load-bearing: the transaction's id, the streams in the order of their names, then the positions; every part
//! depends on the one before, since the database runs them in no other order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Error, Row as _};

use super::append::Plan;
use super::changes::{EventColumns, aggregate_of, json, signed};
use super::rows::{array_type, bind_column};
use super::types::{Id, Moment};
use crate::commit::{Commit, Committed};
use crate::log::Position;
use crate::store::sql;
use crate::store::tables::Tables;

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// The parameters that every statement has; those of its further parts follow.
const FIRST_PARAMETERS: usize = 22;

/// The texts of the statements made so far, by their parts.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<Parts, Arc<str>>);

/// What a statement has beside the parts that all have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parts {
    outgoing: bool,
    set: bool,
    cleared: bool,
    moves: bool,
    after: bool,
    absent: bool,
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
        moves: !plan.moves.is_empty(),
        after: plan.units.iter().any(|unit| unit.after.is_some()),
        absent: plan.units.iter().any(|unit| unit.stream.is_some() && unit.version == 0),
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
    let query = if parts.moves { bind_moves(query, plan) } else { query };
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

/// A unit, consumer and source, where it stood, where it goes.
const MOVES: &[&str] = &[
    "bigint[]", "text[]", "text[]", "text[]", "bigint[]", "bigint[]", "text[]", "bigint[]", "bigint[]", "text[]",
    "bigint[]",
];

impl Parts {
    fn text(&self, tables: &Tables) -> Result<String, Error> {
        let mut text = include_str!("../sql/postgres/append.sql").trim_end().to_owned();
        let mut locked = String::new();
        let mut next = FIRST_PARAMETERS;
        // `unnest` of arrays of these types.
        let mut unnest = |types: &[&str]| {
            let arrays = types.iter().map(|array| {
                next += 1;
                format!("${next}::{array}")
            });
            format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
        };
        if self.outgoing {
            let arrays = unnest(&["bigint[]", "uuid[]", "text[]", "text[]", "text[]", "text[]"]);
            text.push_str(&include_str!("../sql/postgres/append_outgoing.sql").replace("$arrays", &arrays));
        }
        if self.set {
            let arrays = unnest(&["bigint[]", "uuid[]", "timestamptz[]", "text[]"]);
            text.push_str(&include_str!("../sql/postgres/append_timers_set.sql").replace("$arrays", &arrays));
        }
        if self.cleared {
            let arrays = unnest(&["bigint[]", "uuid[]"]);
            text.push_str(&include_str!("../sql/postgres/append_timers_cleared.sql").replace("$arrays", &arrays));
        }
        if self.moves {
            let arrays = unnest(MOVES);
            locked = include_str!("../sql/postgres/append_positions_locked.sql").replace("$arrays", &arrays);
            text.push_str(include_str!("../sql/postgres/append_positions.sql"));
        }
        let conditions = [
            (self.after, include_str!("../sql/postgres/append_after.sql")),
            (self.absent, include_str!("../sql/postgres/append_absent.sql")),
            (self.moves, include_str!("../sql/postgres/append_positions_outdated.sql")),
        ];
        let conditions =
            conditions.into_iter().filter(|(wanted, _)| *wanted).map(|(_, condition)| condition.trim_end());
        text = text.replace("$locked", locked.trim_end()).replace("$conditions", &conditions.collect::<String>());
        for (number, name) in self.tables.iter().enumerate() {
            let table = tables.get(name).map_err(|why| Error::Encode(why.into()))?;
            let types: Vec<_> = table.columns.iter().map(|column| array_type(column.kind)).collect();
            let arrays = unnest(&[&["bigint[]"], &types[..]].concat());
            let columns: Vec<_> = (0..table.columns.len()).map(|column| format!("c{column}")).collect();
            let columns = columns.join(", ");
            let selected = format!(
                "SELECT {columns} FROM {arrays} WITH ORDINALITY AS r (unit, {columns}, number) JOIN won USING (unit) ORDER BY number"
            );
            text.push_str(&format!(
                ",\nput{number} AS ({})",
                sql::add_selected(table, &selected, &sql::all_but_key(table))
            ));
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

fn bind_moves<'q>(query: Query<'q>, plan: &Plan<'_>) -> Query<'q> {
    let moves: Vec<_> = plan.moves.values().collect();
    let from = |of: fn(&Position) -> i64| {
        moves.iter().map(|(_, change)| change.expected.as_ref().map(of)).collect::<Vec<Option<i64>>>()
    };
    let epochs = moves.iter().map(|(_, change)| change.expected.as_ref().map(|from| from.epoch.as_str()));
    query
        .bind(moves.iter().map(|(unit, _)| *unit as i64 + 1).collect::<Vec<_>>())
        .bind(moves.iter().map(|(_, change)| change.consumer.as_str()).collect::<Vec<_>>())
        .bind(moves.iter().map(|(_, change)| change.source.topic.as_str()).collect::<Vec<_>>())
        .bind(moves.iter().map(|(_, change)| change.source.source.as_str()).collect::<Vec<_>>())
        .bind(moves.iter().map(|(_, change)| i64::from(change.source.partition)).collect::<Vec<_>>())
        .bind(from(|from| signed(from.pos)))
        .bind(epochs.collect::<Vec<_>>())
        .bind(from(|from| signed(from.offset)))
        .bind(moves.iter().map(|(_, change)| signed(change.to.pos)).collect::<Vec<_>>())
        .bind(moves.iter().map(|(_, change)| change.to.epoch.as_str()).collect::<Vec<_>>())
        .bind(moves.iter().map(|(_, change)| signed(change.to.offset)).collect::<Vec<_>>())
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
