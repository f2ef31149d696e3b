//! The one writer of the embedded log: takes what waits, appends it in one transaction, answers each.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{LogError, Newest, signed, unavailable};
use crate::log::Message;

/// How many requests wait at most; publishers beyond that wait for their turn.
const QUEUE: usize = 256;

/// How many messages go into one transaction at most.
const GROUP: usize = 4096;

/// How many rows one statement inserts: as many of the first as fit, then of the next.
const CHUNKS: [usize; 3] = [64, 8, 1];

/// Hands requests to the task that owns the writing connection.
pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
}

enum Request {
    CreateTopic(String, Answer),
    Append(Vec<NewRow>, Answer),
    Close(Answer),
}

type Answer = oneshot::Sender<Result<(), LogError>>;

/// A message as it is inserted.
struct NewRow {
    topic: String,
    source: String,
    epoch: String,
    pos: i64,
    message: String,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, newest: Arc<Newest>) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write(connection, queue, newest));
        Self { requests }
    }

    pub(super) async fn create_topic(&self, topic: &str) -> Result<(), LogError> {
        self.ask(|answer| Request::CreateTopic(topic.to_owned(), answer)).await
    }

    pub(super) async fn append(&self, messages: &[Message]) -> Result<(), LogError> {
        let rows = messages.iter().map(NewRow::new).collect::<Result<Vec<_>, _>>()?;
        self.ask(|answer| Request::Append(rows, answer)).await
    }

    pub(super) async fn close(&self) {
        // An error says that it is closed already.
        let _ = self.ask(Request::Close).await;
    }

    pub(super) fn health(&self) -> Result<(), LogError> {
        if self.requests.is_closed() { Err(closed()) } else { Ok(()) }
    }

    async fn ask(&self, request: impl FnOnce(Answer) -> Request) -> Result<(), LogError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

fn closed() -> LogError {
    LogError::Unavailable("the log is closed".to_owned())
}

impl NewRow {
    fn new(message: &Message) -> Result<Self, LogError> {
        Ok(Self {
            topic: message.topic.clone(),
            source: message.source.clone(),
            epoch: message.epoch.clone(),
            pos: signed(message.pos),
            message: serde_json::to_string(message).map_err(|error| LogError::Refused(error.to_string()))?,
        })
    }
}

/// Runs until it is asked to close, or all publishers are gone.
async fn write(mut connection: SqliteConnection, mut queue: mpsc::Receiver<Request>, newest: Arc<Newest>) {
    while let Some(first) = queue.recv().await {
        let mut group = Vec::new();
        let mut next = Some(first);
        let mut size = 0;
        while let Some(request) = next {
            match request {
                Request::CreateTopic(topic, answer) => {
                    let _ = answer.send(create_topic(&mut connection, &topic).await);
                }
                Request::Append(rows, answer) => {
                    size += rows.len();
                    group.push((rows, answer));
                }
                Request::Close(answer) => {
                    append_group(&mut connection, group, &newest).await;
                    queue.close();
                    let _ = answer.send(connection.close().await.map_err(unavailable));
                    return;
                }
            }
            next = if size < GROUP { queue.try_recv().ok() } else { None };
        }
        append_group(&mut connection, group, &newest).await;
    }
}

async fn create_topic(connection: &mut SqliteConnection, topic: &str) -> Result<(), LogError> {
    sqlx::query("INSERT INTO topics (name) VALUES (?1) ON CONFLICT DO NOTHING")
        .bind(topic)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// Appends what several publishers gave, in one transaction; where that fails, one by one, so that only the guilty one is
/// refused.
async fn append_group(connection: &mut SqliteConnection, group: Vec<(Vec<NewRow>, Answer)>, newest: &Newest) {
    if group.is_empty() {
        return;
    }
    let all: Vec<&NewRow> = group.iter().flat_map(|(rows, _)| rows).collect();
    let topics: BTreeSet<&str> = all.iter().map(|row| row.topic.as_str()).collect();
    let together = append(connection, &all).await;
    let alone = group.len() == 1;
    let mut answers = Vec::new();
    for (rows, _) in &group {
        answers.push(match &together {
            Err(_) if !alone => append(connection, &rows.iter().collect::<Vec<_>>()).await,
            result => result.clone(),
        });
    }
    for topic in topics {
        newest.appended(topic);
    }
    for ((_, answer), result) in group.into_iter().zip(answers) {
        let _ = answer.send(result);
    }
}

async fn append(connection: &mut SqliteConnection, rows: &[&NewRow]) -> Result<(), LogError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let mut rest = rows;
    for size in CHUNKS {
        while rest.len() >= size {
            let (chunk, after) = rest.split_at(size);
            insert(&mut transaction, chunk).await?;
            rest = after;
        }
    }
    transaction.commit().await.map_err(unavailable)
}

async fn insert(connection: &mut SqliteConnection, rows: &[&NewRow]) -> Result<(), LogError> {
    let mut query = sqlx::query(AssertSqlSafe(insert_sql(rows.len())));
    for row in rows {
        query = query.bind(&row.topic).bind(&row.source).bind(&row.epoch).bind(row.pos).bind(&row.message);
    }
    query.execute(connection).await.map(drop).map_err(|error| match &error {
        sqlx::Error::Database(database) if database.is_foreign_key_violation() => {
            LogError::Refused(format!("a topic was not made before it was written to ({error})"))
        }
        _ => unavailable(error),
    })
}

/// One of a few texts, so that the connection keeps each prepared.
fn insert_sql(rows: usize) -> String {
    let mut sql = String::from("INSERT INTO messages (topic, source, epoch, pos, message) VALUES ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(?, ?, ?, ?, ?)" } else { ", (?, ?, ?, ?, ?)" });
    }
    sql.push_str(" ON CONFLICT (source, epoch, topic, pos) DO NOTHING");
    sql
}
