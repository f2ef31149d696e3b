//! Rows of the engine's tables back as values.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row};
use uuid::Uuid;

use crate::commit::{KeptAnswer, Timer};
use crate::event::{Recorded, StreamId};
use crate::log::{Outgoing, Position, SentMessage, SourceKey};
use crate::view::{ColumnKind, Table, Value};

/// Columns `pos, stream, version, event_id, type, schema_version, entered, private, data, meta, at`.
pub(super) fn recorded(row: &SqliteRow) -> Result<Recorded, Error> {
    Ok(Recorded {
        pos: unsigned(row, 0)?,
        stream: StreamId::from_stored(row.try_get(1)?),
        version: unsigned(row, 2)?,
        event_id: id(row, 3)?,
        event_type: row.try_get(4)?,
        schema_version: row.try_get(5)?,
        entered: row.try_get(6)?,
        private: row.try_get(7)?,
        data: row.try_get(8)?,
        meta: json(row, 9)?,
        at: time(row, 10)?,
    })
}

/// Columns `pos, id, receiver, key, body, meta, at`.
pub(super) fn sent_message(row: &SqliteRow) -> Result<SentMessage, Error> {
    let message = Outgoing {
        id: id(row, 1)?,
        to: row.try_get(2)?,
        key: row.try_get(3)?,
        body: json(row, 4)?,
        meta: json(row, 5)?,
    };
    Ok(SentMessage { pos: unsigned(row, 0)?, message, at: time(row, 6)? })
}

/// Columns `command_id, request_hash, saga, answer`.
pub(super) fn kept_answer(row: &SqliteRow) -> Result<KeptAnswer, Error> {
    let saga = match row.try_get::<Option<&[u8]>, _>(2)? {
        Some(_) => Some(id(row, 2)?),
        None => None,
    };
    Ok(KeptAnswer { command_id: id(row, 0)?, request_hash: row.try_get(1)?, saga, answer: json(row, 3)? })
}

/// Columns `consumer, topic, source, partition, pos, epoch, log_offset`.
pub(super) fn position(row: &SqliteRow) -> Result<((String, SourceKey), Position), Error> {
    let source = SourceKey { topic: row.try_get(1)?, source: row.try_get(2)?, partition: row.try_get(3)? };
    let position = Position { pos: unsigned(row, 4)?, epoch: row.try_get(5)?, offset: unsigned(row, 6)? };
    Ok(((row.try_get(0)?, source), position))
}

/// Columns `id, due, payload`.
pub(super) fn timer(row: &SqliteRow) -> Result<Timer, Error> {
    Ok(Timer { id: id(row, 0)?, due: time(row, 1)?, payload: row.try_get(2)? })
}

/// A row of a table of rows, all of its columns.
pub(super) fn view_row(table: &Table, row: &SqliteRow) -> Result<Vec<Value>, Error> {
    let values = table.columns.iter().enumerate().map(|(place, column)| {
        Ok(match column.kind {
            ColumnKind::Bool => row.try_get::<Option<bool>, _>(place)?.map(Value::Bool),
            ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp => {
                row.try_get::<Option<i64>, _>(place)?.map(Value::Int)
            }
            ColumnKind::Text | ColumnKind::Json => row.try_get::<Option<String>, _>(place)?.map(Value::Text),
        }
        .unwrap_or(Value::Null))
    });
    values.collect()
}

/// A whole number that is not negative.
pub(super) fn unsigned(row: &SqliteRow, place: usize) -> Result<u64, Error> {
    u64::try_from(row.try_get::<i64, _>(place)?).map_err(|error| Error::Decode(error.into()))
}

/// An id.
pub(super) fn id(row: &SqliteRow, place: usize) -> Result<Uuid, Error> {
    Uuid::from_slice(row.try_get(place)?).map_err(|error| Error::Decode(error.into()))
}

fn time(row: &SqliteRow, place: usize) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(row.try_get(place)?).map_err(|error| Error::Decode(error.into()))
}

fn json<T: serde::de::DeserializeOwned>(row: &SqliteRow, place: usize) -> Result<T, Error> {
    serde_json::from_str(row.try_get(place)?).map_err(|error| Error::Decode(error.into()))
}
