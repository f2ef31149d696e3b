//! Writing what a group of commits changes, many rows a statement.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Error};

use crate::store::fold::{self, Step};
use crate::store::plan::Changes;
use crate::store::sql::{self, Sql};
use crate::store::tables::Tables;
use crate::view::{RowChange, Value};

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// In how many rows a statement inserts: few different numbers, since each is prepared; and yet hardly more than two for any group. Fewer
/// rows than the last of them are one statement.
const LENGTHS: [usize; 7] = [128, 96, 64, 48, 32, 24, 16];

/// A multi-row insert. `OR FAIL`, since a failure rolls the whole transaction back in any case: SQLite need not keep a journal
/// of each statement, to take back its first rows when a later one fails.
struct Insert {
    head: &'static str,
    columns: usize,
    tail: &'static str,
}

const STREAMS: Insert = Insert {
    head: "INSERT OR FAIL INTO streams (stream, type, version) VALUES ",
    columns: 3,
    tail: " ON CONFLICT (stream) DO UPDATE SET version = excluded.version",
};
const EVENTS: Insert = Insert {
    head: "INSERT OR FAIL INTO events (pos, stream, version, type, schema_version, event_id, entered, private, tenant, data, \
           meta, at) VALUES ",
    columns: 12,
    tail: "",
};
const ANSWERS: Insert = Insert {
    head: "INSERT OR FAIL INTO answers (command_id, request_hash, saga, answer, at) VALUES ",
    columns: 5,
    tail: "",
};
const CLAIMS: Insert = Insert {
    head: "INSERT OR FAIL INTO claims (constraint_name, value, stream) VALUES ",
    columns: 3,
    tail: " ON CONFLICT (constraint_name, value) DO UPDATE SET stream = excluded.stream",
};
const OUTGOING: Insert = Insert {
    head: "INSERT OR FAIL INTO outgoing (pos, id, receiver, key, body, meta, at) VALUES ",
    columns: 7,
    tail: "",
};
const TIMERS: Insert = Insert {
    head: "INSERT OR FAIL INTO timers (id, due, payload) VALUES ",
    columns: 3,
    tail: " ON CONFLICT (id) DO UPDATE SET due = excluded.due, payload = excluded.payload",
};
const POSITIONS: Insert = Insert {
    head: "INSERT OR FAIL INTO positions (consumer, topic, source, partition, pos, epoch, log_offset) VALUES ",
    columns: 7,
    tail: " ON CONFLICT (consumer, topic, source, partition) DO UPDATE SET pos = excluded.pos, epoch = excluded.epoch, \
           log_offset = excluded.log_offset",
};

/// The texts of the inserts made so far, by head and number of rows.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<(&'static str, usize), Arc<str>>);

impl Texts {
    fn get(&mut self, insert: &Insert, rows: usize) -> Arc<str> {
        let text = self.0.entry((insert.head, rows)).or_insert_with(|| {
            let row = format!("({})", vec!["?"; insert.columns].join(", "));
            format!("{}{}{}", insert.head, vec![row; rows].join(", "), insert.tail).into()
        });
        Arc::clone(text)
    }
}

/// Writes all of it, inside the group's transaction.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    texts: &mut Texts,
    tables: &Tables,
    changes: &Changes<'_>,
    at: Timestamp,
) -> Result<(), Error> {
    let now = at.as_microsecond();
    let answers: Vec<_> =
        changes.answers.iter().map(|kept| json(&kept.answer).map(|json| (kept, json))).collect::<Result<_, _>>()?;
    insert(connection, texts, &ANSWERS, &answers, |query, (kept, answer)| {
        let saga = kept.saga.map(|saga| saga.as_bytes().to_vec());
        let query = query.bind(kept.command_id.as_bytes().to_vec()).bind(&kept.request_hash).bind(saga);
        query.bind(answer).bind(now)
    })
    .await?;

    let streams: Vec<_> = changes.streams.iter().collect();
    insert(connection, texts, &STREAMS, &streams, |query, (stream, version)| {
        let aggregate = stream.split_once('/').map_or(**stream, |(aggregate, _)| aggregate);
        query.bind(**stream).bind(aggregate).bind(signed(**version))
    })
    .await?;
    write_events(connection, texts, changes).await?;
    write_claims(connection, texts, changes).await?;

    let outgoing: Vec<_> = changes
        .outgoing
        .iter()
        .map(|(pos, message)| Ok((*pos, *message, json(&message.body)?, json(&message.meta)?)))
        .collect::<Result<_, Error>>()?;
    insert(connection, texts, &OUTGOING, &outgoing, |query, (pos, message, body, meta)| {
        let query = query.bind(signed(*pos)).bind(message.id.as_bytes().to_vec()).bind(&message.to).bind(&message.key);
        query.bind(body).bind(meta).bind(now)
    })
    .await?;

    write_timers(connection, texts, changes).await?;
    write_rows(connection, tables, &changes.rows).await?;

    let positions: Vec<_> = changes.positions.iter().collect();
    insert(connection, texts, &POSITIONS, &positions, |query, ((consumer, source), to)| {
        let query = query.bind(*consumer).bind(&source.topic).bind(&source.source).bind(i64::from(source.partition));
        query.bind(signed(to.pos)).bind(&to.epoch).bind(signed(to.offset))
    })
    .await?;
    forget_answers(connection, changes).await
}

async fn forget_answers(connection: &mut SqliteConnection, changes: &Changes<'_>) -> Result<(), Error> {
    if changes.forgets.is_empty() {
        return Ok(());
    }
    let sagas: Vec<_> = changes.forgets.iter().map(|saga| saga.simple().to_string()).collect();
    let delete = "DELETE FROM answers WHERE saga IN (SELECT unhex(value) FROM json_each($1))";
    sqlx::query(delete).bind(json(&sagas)?).execute(connection).await.map(drop)
}

async fn write_events(
    connection: &mut SqliteConnection,
    texts: &mut Texts,
    changes: &Changes<'_>,
) -> Result<(), Error> {
    let events: Vec<_> = changes
        .events
        .iter()
        .map(|placed| json(&placed.append.meta).map(|meta| (placed, meta)))
        .collect::<Result<_, _>>()?;
    insert(connection, texts, &EVENTS, &events, |query, (placed, meta)| {
        let (event, append) = (placed.event, placed.append);
        let query = query.bind(signed(placed.pos)).bind(append.stream.as_str()).bind(signed(placed.version));
        let query = query.bind(&event.event_type).bind(i64::from(event.schema_version));
        let query = query.bind(event.event_id.as_bytes().to_vec()).bind(event.entered.as_deref()).bind(event.private);
        query.bind(&append.meta.tenant).bind(&event.data).bind(meta).bind(append.at.as_microsecond())
    })
    .await
}

async fn write_claims(
    connection: &mut SqliteConnection,
    texts: &mut Texts,
    changes: &Changes<'_>,
) -> Result<(), Error> {
    let released: Vec<_> = changes.claims.iter().filter(|(_, holder)| holder.is_none()).map(|(key, _)| key).collect();
    if !released.is_empty() {
        let delete = "DELETE FROM claims WHERE (constraint_name, value) IN \
                      (SELECT value ->> 0, value ->> 1 FROM json_each($1))";
        sqlx::query(delete).bind(json(&released)?).execute(&mut *connection).await?;
    }
    let claimed: Vec<_> =
        changes.claims.iter().filter_map(|(key, holder)| holder.map(|holder| (key, holder))).collect();
    insert(connection, texts, &CLAIMS, &claimed, |query, ((constraint, value), holder)| {
        query.bind(constraint).bind(value).bind(*holder)
    })
    .await
}

async fn write_timers(
    connection: &mut SqliteConnection,
    texts: &mut Texts,
    changes: &Changes<'_>,
) -> Result<(), Error> {
    let cleared: Vec<_> =
        changes.timers.iter().filter(|(_, timer)| timer.is_none()).map(|(id, _)| id.simple().to_string()).collect();
    if !cleared.is_empty() {
        let delete = "DELETE FROM timers WHERE id IN (SELECT unhex(value) FROM json_each($1))";
        sqlx::query(delete).bind(json(&cleared)?).execute(&mut *connection).await?;
    }
    let set: Vec<_> = changes.timers.values().flatten().collect();
    insert(connection, texts, &TIMERS, &set, |query, timer| {
        query.bind(timer.id.as_bytes().to_vec()).bind(timer.due.as_microsecond()).bind(&timer.payload)
    })
    .await
}

/// Each table's changes in their order, in as few statements as they fold into.
async fn write_rows(connection: &mut SqliteConnection, tables: &Tables, changes: &[&RowChange]) -> Result<(), Error> {
    for (name, changes) in fold::by_table(changes) {
        let table = tables.get(name).map_err(|why| Error::Encode(why.into()))?;
        for step in fold::steps(table, &changes) {
            match step {
                Step::Add { rows, replacing } => {
                    for chunk in chunks(&rows) {
                        execute(connection, sql::add(table, chunk, &replacing)).await?;
                    }
                }
                Step::Set { rows, columns } => {
                    for chunk in chunks(&rows) {
                        execute(connection, sql::set(table, chunk, &columns)).await?;
                    }
                }
                Step::Update { filter, set } => execute(connection, sql::update(name, filter, set)).await?,
                Step::Delete { filter } => execute(connection, sql::delete(name, filter)).await?,
            }
        }
    }
    Ok(())
}

async fn execute(connection: &mut SqliteConnection, sql: Sql) -> Result<(), Error> {
    let query = sqlx::query(AssertSqlSafe(sql.text));
    sql.parameters.iter().fold(query, bind_value).execute(connection).await.map(drop)
}

/// Binds a value of a column.
pub(super) fn bind_value<'q>(query: Query<'q>, value: &Value) -> Query<'q> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Bool(value) => query.bind(*value),
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
    }
}

async fn insert<T>(
    connection: &mut SqliteConnection,
    texts: &mut Texts,
    insert: &Insert,
    items: &[T],
    bind: impl for<'q> Fn(Query<'q>, &T) -> Query<'q>,
) -> Result<(), Error> {
    for chunk in chunks(items) {
        let query = sqlx::query(AssertSqlSafe(texts.get(insert, chunk.len())));
        chunk.iter().fold(query, &bind).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Cuts a list into few pieces of few different lengths, the longest first.
fn chunks<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = items.len();
        let fits = LENGTHS.iter().copied().find(|fits| *fits <= length);
        let (chunk, rest) = items.split_at(fits.unwrap_or(length));
        items = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(error.into()))
}

/// Versions and positions count up from 1, and so never reach what SQLite cannot hold.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_few_and_leave_nothing_out() {
        let items: Vec<usize> = (0..203).collect();
        let lengths: Vec<_> = chunks(&items).map(<[usize]>::len).collect();
        assert_eq!(lengths, [128, 64, 11]);
        assert_eq!(chunks(&items).flatten().copied().collect::<Vec<_>>(), items);
    }
}
