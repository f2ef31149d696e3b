//! Port calls of policies that are not answered yet: waiting, or parked because they were refused or cannot work.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::commit::Commit;
use crate::context::Meta;
use crate::log::{Body, PortBody, SentMessage};
use crate::process::ProcessError;
use crate::process::tables::{column, indexed_column, int_of, list, optional_column, optional_text, text, text_of};
use crate::process::tables::{timestamp_of, uuid_of};
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Comparison, Filter, Row, RowChange, Table, Value};

/// The table's name.
pub const TABLE: &str = "engine_port_calls";

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It is, or will be, tried.
    Waiting,
    /// It was refused: it waits for an operator; later calls of its key go on.
    Refused,
    /// It cannot work until something is mended: it waits for an operator, and later calls of its key with it.
    Broken,
}

impl CallStatus {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Broken => "broken",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Refused, Self::Broken].into_iter().find(|status| status.as_str() == text)
    }
}

/// A port call that is not answered yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// Its place among the service's outgoing messages: calls of one key are made in this order.
    pub pos: u64,
    /// Its id: the idempotency key.
    pub id: Uuid,
    /// Calls of one key keep their order: the stream of the event that asked for it.
    pub key: String,
    /// Port, operation, arguments, and who asks.
    pub call: PortBody,
    /// How it stands.
    pub status: CallStatus,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// What came of the last try.
    pub reason: Option<String>,
    /// When it was asked for.
    pub since: Timestamp,
    /// What it carries with it.
    pub meta: Meta,
}

impl Call {
    /// A call as it is asked for; absent where the message asks for none.
    pub fn of(sent: &SentMessage) -> Option<Self> {
        let Body::Port(body) = &sent.message.body else { return None };
        Some(Self {
            pos: sent.pos,
            id: sent.message.id,
            key: sent.message.key.clone(),
            call: body.clone(),
            status: CallStatus::Waiting,
            attempts: 0,
            reason: None,
            since: sent.at,
            meta: sent.message.meta.clone(),
        })
    }

    /// As a change of the table.
    pub fn put(&self) -> Result<RowChange, ProcessError> {
        let row = vec![
            Value::Int(signed(self.pos)),
            text(self.id.to_string()),
            text(self.key.clone()),
            text(encode(&self.call)?),
            text(self.status.as_str()),
            Value::Int(i64::from(self.attempts)),
            optional_text(self.reason.clone()),
            Value::Int(self.since.as_microsecond()),
            text(encode(&self.meta)?),
        ];
        Ok(RowChange::Put { table: TABLE.to_owned(), row })
    }

    /// The commit that writes it.
    pub fn save(&self) -> Result<Commit, ProcessError> {
        Ok(Commit { rows: vec![self.put()?], ..Commit::default() })
    }

    /// The commit that lists it no more.
    pub fn remove(&self) -> Commit {
        Commit { rows: vec![RowChange::Delete { table: TABLE.to_owned(), filter: at(self.pos) }], ..Commit::default() }
    }

    fn from_row(row: &Row) -> Option<Self> {
        Some(Self {
            pos: u64::try_from(int_of(row.first()?)?).ok()?,
            id: uuid_of(row.get(1)?)?,
            key: text_of(row.get(2)?)?,
            call: serde_json::from_str(&text_of(row.get(3)?)?).ok()?,
            status: CallStatus::parse(&text_of(row.get(4)?)?)?,
            attempts: u32::try_from(int_of(row.get(5)?)?).ok()?,
            reason: text_of(row.get(6)?),
            since: timestamp_of(row.get(7)?)?,
            meta: serde_json::from_str(&text_of(row.get(8)?)?).ok()?,
        })
    }
}

fn signed(pos: u64) -> i64 {
    i64::try_from(pos).unwrap_or(i64::MAX)
}

fn encode(value: &impl Serialize) -> Result<String, ProcessError> {
    serde_json::to_string(value).map_err(|error| ProcessError::Corrupt(error.to_string()))
}

fn at(pos: u64) -> Filter {
    Filter::Compare("pos".to_owned(), Comparison::Eq, Value::Int(signed(pos)))
}

/// The table.
pub fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        columns: vec![
            column("pos", ColumnKind::Int),
            column("id", ColumnKind::Text),
            indexed_column("key", ColumnKind::Text),
            column("call", ColumnKind::Json),
            indexed_column("status", ColumnKind::Text),
            column("attempts", ColumnKind::Int),
            optional_column("reason", ColumnKind::Text),
            column("since", ColumnKind::Timestamp),
            column("meta", ColumnKind::Json),
        ],
        key: 1,
    }
}

/// Calls that wait or are parked, after that place, at most so many.
pub async fn calls(store: &dyn Store, after: Option<u64>, limit: usize) -> Result<Vec<Call>, StoreError> {
    let after = after.map(|pos| vec![Value::Int(signed(pos))]);
    list(store, TABLE, Filter::All(Vec::new()), after, limit, Call::from_row).await
}

/// The first call of a key that is not refused: the next one to be made, or the broken one that holds the key.
pub async fn first_of(store: &dyn Store, key: &str) -> Result<Option<Call>, StoreError> {
    let filter = Filter::All(vec![
        Filter::Compare("key".to_owned(), Comparison::Eq, text(key)),
        Filter::Compare("status".to_owned(), Comparison::Ne, text(CallStatus::Refused.as_str())),
    ]);
    Ok(list(store, TABLE, filter, None, 1, Call::from_row).await?.pop())
}

/// The call at that place.
pub async fn find(store: &dyn Store, pos: u64) -> Result<Option<Call>, StoreError> {
    Ok(list(store, TABLE, at(pos), None, 1, Call::from_row).await?.pop())
}
