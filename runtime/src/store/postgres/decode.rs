//! Rows of the engine's tables back as values.

use sqlx::postgres::PgRow;
use sqlx::{Error, Row};

use super::types::{Id, Moment, restored};
use crate::commit::{KeptAnswer, Timer};
use crate::event::{Recorded, StreamId};
use crate::log::{Outgoing, Position, SentMessage, SourceKey};
use crate::view::{ColumnKind, Table, Value};

/// Columns `pos, stream, version, event_id, type, schema_version, entered, private, data, meta, at`.
pub(super) fn recorded(row: &PgRow) -> Result<Recorded, Error> {
    let schema_version: i32 = row.try_get(5)?;
    Ok(Recorded {
        pos: unsigned(row, 0)?,
        stream: StreamId::from_stored(row.try_get(1)?),
        version: unsigned(row, 2)?,
        event_id: row.try_get::<Id, _>(3)?.0,
        event_type: row.try_get(4)?,
        schema_version: u32::try_from(schema_version).map_err(|error| Error::Decode(error.into()))?,
        entered: row.try_get(6)?,
        private: row.try_get(7)?,
        data: row.try_get(8)?,
        meta: json(row, 9)?,
        at: row.try_get::<Moment, _>(10)?.0,
    })
}

/// Columns `pos, id, receiver, key, body, meta, at`.
pub(super) fn sent_message(row: &PgRow) -> Result<SentMessage, Error> {
    let message = Outgoing {
        id: row.try_get::<Id, _>(1)?.0,
        to: row.try_get(2)?,
        key: row.try_get(3)?,
        body: json(row, 4)?,
        meta: json(row, 5)?,
    };
    Ok(SentMessage { pos: unsigned(row, 0)?, message, at: row.try_get::<Moment, _>(6)?.0 })
}

/// Columns `command_id, request_hash, saga, answer`.
pub(super) fn kept_answer(row: &PgRow) -> Result<KeptAnswer, Error> {
    Ok(KeptAnswer {
        command_id: row.try_get::<Id, _>(0)?.0,
        request_hash: row.try_get(1)?,
        saga: row.try_get::<Option<Id>, _>(2)?.map(|saga| saga.0),
        answer: json(row, 3)?,
    })
}

/// Columns `consumer, topic, source, partition, pos, epoch, log_offset`.
pub(super) fn position(row: &PgRow) -> Result<((String, SourceKey), Position), Error> {
    let partition = u32::try_from(row.try_get::<i64, _>(3)?).map_err(|error| Error::Decode(error.into()))?;
    let source = SourceKey { topic: row.try_get(1)?, source: row.try_get(2)?, partition };
    let position = Position { pos: unsigned(row, 4)?, epoch: row.try_get(5)?, offset: unsigned(row, 6)? };
    Ok(((row.try_get(0)?, source), position))
}

/// Columns `id, due, payload`, from `first` on.
pub(super) fn timer(row: &PgRow, first: usize) -> Result<Timer, Error> {
    let due = row.try_get::<Moment, _>(first + 1)?.0;
    Ok(Timer { id: row.try_get::<Id, _>(first)?.0, due, payload: row.try_get(first + 2)? })
}

/// A row of a table of rows, all of its columns.
pub(super) fn view_row(table: &Table, row: &PgRow) -> Result<Vec<Value>, Error> {
    let values = table.columns.iter().enumerate().map(|(place, column)| {
        Ok(match column.kind {
            ColumnKind::Bool => row.try_get::<Option<bool>, _>(place)?.map(Value::Bool),
            ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp => {
                row.try_get::<Option<i64>, _>(place)?.map(Value::Int)
            }
            ColumnKind::Text | ColumnKind::Json => {
                row.try_get::<Option<String>, _>(place)?.map(restored).map(Value::Text)
            }
        }
        .unwrap_or(Value::Null))
    });
    values.collect()
}

/// A whole number that is not negative.
pub(super) fn unsigned(row: &PgRow, place: usize) -> Result<u64, Error> {
    u64::try_from(row.try_get::<i64, _>(place)?).map_err(|error| Error::Decode(error.into()))
}

fn json<T: serde::de::DeserializeOwned>(row: &PgRow, place: usize) -> Result<T, Error> {
    serde_json::from_str(row.try_get(place)?).map_err(|error| Error::Decode(error.into()))
}
