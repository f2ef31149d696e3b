//! Reading what a group of commits must know, under locks that are taken in one order everywhere: positions, unique values,
//! streams; each sorted.

use jiff::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::{Error, Row};

use super::decode;
use super::types::Id;
use crate::store::LastPositions;
use crate::store::plan::{Facts, Needs};

/// Locks and reads, in the group's transaction. The positions in what is known count from nothing: the database draws the true
/// ones. The answers are read last, under the locks of the streams: whoever else decided the same command has ended by then.
pub(super) async fn read(connection: &mut PgConnection, needs: &Needs) -> Result<Facts, Error> {
    let mut facts = Facts { last: LastPositions::default(), ..Facts::default() };
    if !needs.consumers.is_empty() {
        let consumers: Vec<&str> = needs.consumers.iter().map(String::as_str).collect();
        let query = sqlx::query(include_str!("../sql/postgres/lock_positions.sql")).bind(consumers);
        for row in query.fetch_all(&mut *connection).await? {
            let (key, position) = decode::position(&row)?;
            facts.positions.insert(key, position);
        }
    }
    if !needs.claims.is_empty() {
        let (names, values): (Vec<&str>, Vec<&str>) =
            needs.claims.iter().map(|(name, value)| (name.as_str(), value.as_str())).unzip();
        let lock = sqlx::query(include_str!("../sql/postgres/lock_claims.sql")).bind(&names).bind(&values);
        lock.execute(&mut *connection).await?;
        let query = sqlx::query(include_str!("../sql/postgres/read_claims.sql")).bind(names).bind(values);
        for row in query.fetch_all(&mut *connection).await? {
            facts.claims.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
    }
    if !needs.streams.is_empty() {
        let streams: Vec<&str> = needs.streams.iter().map(String::as_str).collect();
        let query = sqlx::query(include_str!("../sql/postgres/lock_streams.sql")).bind(streams);
        for row in query.fetch_all(&mut *connection).await? {
            facts.streams.insert(row.try_get(0)?, decode::unsigned(&row, 1)?);
        }
    }
    if !needs.heads.is_empty() {
        let streams: Vec<&str> = needs.heads.iter().map(String::as_str).collect();
        let query = sqlx::query(include_str!("../sql/postgres/read_heads.sql")).bind(streams);
        for row in query.fetch_all(&mut *connection).await? {
            facts.heads.insert(row.try_get(0)?, row.try_get::<Id, _>(1)?.0);
        }
    }
    if !needs.command_ids.is_empty() {
        let ids: Vec<Id> = needs.command_ids.iter().map(|id| Id(*id)).collect();
        let text = "SELECT command_id, request_hash, saga, answer FROM answers WHERE command_id = ANY($1)";
        for row in sqlx::query(text).bind(ids).fetch_all(&mut *connection).await? {
            let kept = decode::kept_answer(&row)?;
            facts.answers.insert(kept.command_id, kept);
        }
    }
    Ok(facts)
}

/// Begins a transaction and draws its id, before any position is drawn: the fence of those who tail rests on that order. Gives the
/// database's clock.
pub(super) async fn begin(connection: &mut PgConnection) -> Result<Timestamp, Error> {
    let text = "BEGIN; SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_current_xact_id()::text";
    let row = sqlx::raw_sql(text).fetch_one(connection).await?;
    Timestamp::from_microsecond(row.try_get(0)?).map_err(|error| Error::Decode(error.into()))
}
