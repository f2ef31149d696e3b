//! Writing what a group of commits changes, one statement a kind: arrays in, whatever their length.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::Error;
use sqlx::postgres::PgConnection;

use super::error::{Failure, not_written};
use super::rows;
use super::types::{Id, Moment};
use crate::log::{Position, SourceKey};
use crate::store::plan::Changes;
use crate::store::tables::Tables;

/// Writes all of it, inside the group's transaction; gives the positions that its events drew, in their order.
pub(super) async fn write(
    connection: &mut PgConnection,
    tables: &Tables,
    changes: &Changes<'_>,
    moved: &[PositionKeyKnown<'_>],
    at: Timestamp,
) -> Result<Vec<u64>, Failure> {
    write_streams(connection, changes).await?;
    let drawn = write_the_rest(connection, tables, changes, moved, at).await;
    drawn.map_err(|error| not_written(&error))
}

/// A consumer's position that moves, and whether it had one.
pub(super) type PositionKeyKnown<'a> = (&'a str, &'a SourceKey, &'a Position, bool);

async fn write_the_rest(
    connection: &mut PgConnection,
    tables: &Tables,
    changes: &Changes<'_>,
    moved: &[PositionKeyKnown<'_>],
    at: Timestamp,
) -> Result<Vec<u64>, Error> {
    write_answers(connection, changes, at).await?;
    let drawn = write_events(connection, changes, at).await?;
    write_claims(connection, changes).await?;
    write_outgoing(connection, changes, at).await?;
    write_timers(connection, changes).await?;
    rows::write(connection, tables, &changes.rows).await?;
    write_positions(connection, moved).await?;
    if !changes.forgets.is_empty() {
        let sagas: Vec<Id> = changes.forgets.iter().map(|saga| Id(*saga)).collect();
        sqlx::query("DELETE FROM answers WHERE saga = ANY($1)").bind(sagas).execute(connection).await?;
    }
    Ok(drawn)
}

/// Moves the streams on. They are locked, but for those that were not there: another instance may have made one since. Those that must
/// not be there are made and taken away again, which keeps others from making them until this is over.
async fn write_streams(connection: &mut PgConnection, changes: &Changes<'_>) -> Result<(), Failure> {
    if changes.streams.is_empty() {
        return Ok(());
    }
    let mut grown: BTreeMap<&str, u64> = BTreeMap::new();
    for placed in &changes.events {
        *grown.entry(placed.append.stream.as_str()).or_default() += 1;
    }
    let (mut streams, mut types, mut versions, mut expected) = (vec![], vec![], vec![], vec![]);
    for (stream, version) in &changes.streams {
        streams.push(*stream);
        types.push(aggregate_of(stream));
        versions.push(signed(*version));
        expected.push(signed(version - grown.get(stream).copied().unwrap_or(0)));
    }
    let absent: Vec<&str> =
        changes.absent.iter().filter(|name| !changes.streams.contains_key(**name)).copied().collect();
    for stream in &absent {
        streams.push(*stream);
        types.push(aggregate_of(stream));
        versions.push(0);
        expected.push(0);
    }
    let count = streams.len() as u64;
    let query = sqlx::query(include_str!("../sql/postgres/write_streams.sql"));
    let query = query.bind(streams).bind(types).bind(versions).bind(expected);
    let done = query.execute(&mut *connection).await.map_err(|error| not_written(&error))?;
    if done.rows_affected() != count {
        return Err(Failure::Raced("another instance made a stream at the same moment".to_owned()));
    }
    if !absent.is_empty() {
        let delete = sqlx::query("DELETE FROM streams WHERE stream = ANY($1) AND version = 0").bind(absent);
        delete.execute(connection).await.map_err(|error| not_written(&error))?;
    }
    Ok(())
}

async fn write_answers(connection: &mut PgConnection, changes: &Changes<'_>, at: Timestamp) -> Result<(), Error> {
    if changes.answers.is_empty() {
        return Ok(());
    }
    let (mut ids, mut hashes, mut sagas, mut answers) = (vec![], vec![], vec![], vec![]);
    for kept in &changes.answers {
        ids.push(Id(kept.command_id));
        hashes.push(kept.request_hash.as_str());
        sagas.push(kept.saga.map(Id));
        answers.push(json(&kept.answer)?);
    }
    let query = sqlx::query(include_str!("../sql/postgres/write_answers.sql"));
    query.bind(ids).bind(hashes).bind(sagas).bind(answers).bind(Moment(at)).execute(connection).await.map(drop)
}

/// What is appended, as columns.
#[derive(Default)]
pub(super) struct EventColumns<'a> {
    pub(super) streams: Vec<&'a str>,
    pub(super) versions: Vec<i64>,
    pub(super) types: Vec<&'a str>,
    pub(super) schema_versions: Vec<i32>,
    pub(super) ids: Vec<Id>,
    pub(super) entered: Vec<Option<&'a str>>,
    pub(super) private: Vec<bool>,
    pub(super) tenants: Vec<&'a str>,
    pub(super) data: Vec<&'a str>,
    pub(super) meta: Vec<String>,
    pub(super) at: Vec<Moment>,
}

impl<'a> EventColumns<'a> {
    pub(super) fn push(
        &mut self,
        append: &'a crate::commit::Append,
        event: &'a crate::event::NewEvent,
        version: u64,
    ) -> Result<(), Error> {
        self.streams.push(append.stream.as_str());
        self.versions.push(signed(version));
        self.types.push(&event.event_type);
        self.schema_versions.push(i32::try_from(event.schema_version).map_err(|error| Error::Encode(error.into()))?);
        self.ids.push(Id(event.event_id));
        self.entered.push(event.entered.as_deref());
        self.private.push(event.private);
        self.tenants.push(&append.meta.tenant);
        self.data.push(&event.data);
        self.meta.push(json(&append.meta)?);
        self.at.push(Moment(append.at));
        Ok(())
    }
}

async fn write_events(connection: &mut PgConnection, changes: &Changes<'_>, at: Timestamp) -> Result<Vec<u64>, Error> {
    if changes.events.is_empty() {
        return Ok(Vec::new());
    }
    let mut columns = EventColumns::default();
    for placed in &changes.events {
        columns.push(placed.append, placed.event, placed.version)?;
    }
    let query = sqlx::query_scalar(include_str!("../sql/postgres/write_events.sql"));
    let query = query.bind(columns.streams).bind(columns.versions).bind(columns.types).bind(columns.schema_versions);
    let query = query.bind(columns.ids).bind(columns.entered).bind(columns.private).bind(columns.tenants);
    let query = query.bind(columns.data).bind(columns.meta).bind(columns.at).bind(Moment(at));
    let mut drawn: Vec<i64> = query.fetch_all(connection).await?;
    drawn.sort_unstable();
    Ok(drawn.into_iter().map(i64::unsigned_abs).collect())
}

async fn write_claims(connection: &mut PgConnection, changes: &Changes<'_>) -> Result<(), Error> {
    let (mut names, mut values, mut holders) = (vec![], vec![], vec![]);
    let (mut released_names, mut released_values) = (vec![], vec![]);
    for ((name, value), holder) in &changes.claims {
        match holder {
            Some(holder) => {
                names.push(name.as_str());
                values.push(value.as_str());
                holders.push(*holder);
            }
            None => {
                released_names.push(name.as_str());
                released_values.push(value.as_str());
            }
        }
    }
    if !released_names.is_empty() {
        let query = sqlx::query(include_str!("../sql/postgres/release_claims.sql"));
        query.bind(released_names).bind(released_values).execute(&mut *connection).await?;
    }
    if !names.is_empty() {
        let query = sqlx::query(include_str!("../sql/postgres/write_claims.sql"));
        query.bind(names).bind(values).bind(holders).execute(connection).await?;
    }
    Ok(())
}

async fn write_outgoing(connection: &mut PgConnection, changes: &Changes<'_>, at: Timestamp) -> Result<(), Error> {
    if changes.outgoing.is_empty() {
        return Ok(());
    }
    let (mut ids, mut receivers, mut keys, mut bodies, mut metas) = (vec![], vec![], vec![], vec![], vec![]);
    for (_, message) in &changes.outgoing {
        ids.push(Id(message.id));
        receivers.push(message.to.as_str());
        keys.push(message.key.as_str());
        bodies.push(json(&message.body)?);
        metas.push(json(&message.meta)?);
    }
    let query = sqlx::query(include_str!("../sql/postgres/write_outgoing.sql"));
    let query = query.bind(ids).bind(receivers).bind(keys).bind(bodies).bind(metas).bind(Moment(at));
    query.execute(connection).await.map(drop)
}

async fn write_timers(connection: &mut PgConnection, changes: &Changes<'_>) -> Result<(), Error> {
    let (mut ids, mut due, mut payloads, mut cleared) = (vec![], vec![], vec![], vec![]);
    for (id, timer) in &changes.timers {
        match timer {
            Some(timer) => {
                ids.push(Id(*id));
                due.push(Moment(timer.due));
                payloads.push(timer.payload.as_str());
            }
            None => cleared.push(Id(*id)),
        }
    }
    if !cleared.is_empty() {
        sqlx::query("DELETE FROM timers WHERE id = ANY($1)").bind(cleared).execute(&mut *connection).await?;
    }
    if !ids.is_empty() {
        let query = sqlx::query(include_str!("../sql/postgres/write_timers.sql"));
        query.bind(ids).bind(due).bind(payloads).execute(connection).await?;
    }
    Ok(())
}

/// Positions that were there are locked and move; new ones are added, and if another instance adds the same the transaction fails.
async fn write_positions(connection: &mut PgConnection, moved: &[PositionKeyKnown<'_>]) -> Result<(), Error> {
    for (known, text) in [
        (true, include_str!("../sql/postgres/write_positions.sql")),
        (false, include_str!("../sql/postgres/add_positions.sql")),
    ] {
        let (mut consumers, mut topics, mut sources, mut partitions) = (vec![], vec![], vec![], vec![]);
        let (mut positions, mut epochs, mut offsets) = (vec![], vec![], vec![]);
        for (consumer, source, to, _) in moved.iter().filter(|(.., was)| *was == known) {
            consumers.push(*consumer);
            topics.push(source.topic.as_str());
            sources.push(source.source.as_str());
            partitions.push(i64::from(source.partition));
            positions.push(signed(to.pos));
            epochs.push(to.epoch.as_str());
            offsets.push(signed(to.offset));
        }
        if !consumers.is_empty() {
            let query = sqlx::query(text).bind(consumers).bind(topics).bind(sources).bind(partitions);
            query.bind(positions).bind(epochs).bind(offsets).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The aggregate's wire name in a stream's.
pub(super) fn aggregate_of(stream: &str) -> &str {
    stream.split_once('/').map_or(stream, |(aggregate, _)| aggregate)
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(error.into()))
}

/// Versions and positions count up from 1, and so never reach what Postgres cannot hold.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
