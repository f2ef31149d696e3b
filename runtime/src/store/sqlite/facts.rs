//! Reading what a group of commits must know, in one statement a kind.

use futures_util::TryStreamExt as _;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Either, Error, Executor as _, Row};

use super::decode;
use crate::store::LastPositions;
use crate::store::plan::{Facts, Needs};

/// Begins the group's transaction, which takes the lock for writing, and reads what it must know.
pub(super) async fn begin(connection: &mut SqliteConnection, needs: &Needs) -> Result<Facts, Error> {
    let ids: Vec<_> = needs.command_ids.iter().map(|id| id.simple().to_string()).collect();
    let begin = sqlx::query(include_str!("../sql/sqlite/begin.sql")).bind(keys(&ids)?).bind(keys(&needs.streams)?);
    let mut facts = Facts::default();
    {
        let mut found = (&mut *connection).fetch_many(begin);
        let mut statement = 0;
        while let Some(item) = found.try_next().await? {
            match (item, statement) {
                (Either::Left(_), _) => statement += 1,
                (Either::Right(row), 1) => facts.last = positions_in(&row)?,
                (Either::Right(row), 2) => {
                    let kept = decode::kept_answer(&row)?;
                    facts.answers.insert(kept.command_id, kept);
                }
                (Either::Right(row), _) => {
                    facts.streams.insert(row.try_get(0)?, decode::unsigned(&row, 1)?);
                }
            }
        }
    }
    if !needs.heads.is_empty() {
        for row in among(connection, include_str!("../sql/sqlite/read_facts_heads.sql"), &needs.heads).await? {
            facts.heads.insert(row.try_get(0)?, decode::id(&row, 1)?);
        }
    }
    if !needs.claims.is_empty() {
        for row in among(connection, include_str!("../sql/sqlite/read_facts_claims.sql"), &needs.claims).await? {
            facts.claims.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
    }
    if !needs.consumers.is_empty() {
        for row in among(connection, include_str!("../sql/sqlite/read_facts_positions.sql"), &needs.consumers).await? {
            let (key, position) = decode::position(&row)?;
            facts.positions.insert(key, position);
        }
    }
    Ok(facts)
}

/// The newest positions, as they stand in the connection's view of the database.
pub(super) async fn last_positions(connection: &mut SqliteConnection) -> Result<LastPositions, Error> {
    let row = sqlx::query(include_str!("../sql/sqlite/read_facts_last.sql")).fetch_one(connection).await?;
    positions_in(&row)
}

fn positions_in(row: &SqliteRow) -> Result<LastPositions, Error> {
    Ok(LastPositions { events: decode::unsigned(row, 0)?, outgoing: decode::unsigned(row, 1)? })
}

/// Asks for the rows of a list of keys, given as a JSON array: one prepared statement for any number of them.
async fn among(
    connection: &mut SqliteConnection,
    sql: &'static str,
    keys: &impl Serialize,
) -> Result<Vec<SqliteRow>, Error> {
    sqlx::query(sql).bind(self::keys(keys)?).fetch_all(connection).await
}

fn keys(keys: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(keys).map_err(|error| Error::Encode(error.into()))
}
