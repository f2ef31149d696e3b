//! Commands of policies that were refused: listed until an operator sends them again or discards them.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::ProcessError;
use super::policy::command_message;
use super::tables::{column, list, text, text_of, timestamp_of, uuid_of};
use crate::commit::{Answer, Commit};
use crate::context::{Meta, derived_id};
use crate::log::{CommandBody, Message, ReplyBody};
use crate::refusal::Refusal;
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Comparison, Filter, Row, RowChange, Table, Value};

/// The table's name.
pub const TABLE: &str = "engine_refused_commands";

/// A refused command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefusedCommand {
    /// Its id.
    pub id: Uuid,
    /// The policy that sent it.
    pub policy: String,
    /// What was sent.
    pub command: CommandBody,
    /// Why it was refused.
    pub refusal: Refusal,
    /// What it carries with it.
    pub meta: Meta,
    /// When the refusal came.
    pub since: Timestamp,
}

impl RefusedCommand {
    /// What a reply says to a policy; nothing where the command was not refused.
    pub fn of(policy: &str, message: &Message, reply: &ReplyBody) -> Option<Self> {
        let (Answer::Refused(refusal), Some(command)) = (&reply.answer, &reply.refused) else { return None };
        Some(Self {
            id: reply.command_id,
            policy: policy.to_owned(),
            command: (**command).clone(),
            refusal: refusal.clone(),
            meta: message.meta.clone(),
            since: message.time,
        })
    }

    /// As a change of the table.
    pub fn put(&self) -> Result<RowChange, ProcessError> {
        let row = vec![
            text(self.id.to_string()),
            text(self.policy.clone()),
            text(encode(&self.command)?),
            text(encode(&self.refusal)?),
            text(encode(&self.meta)?),
            Value::Int(self.since.as_microsecond()),
        ];
        Ok(RowChange::Put { table: TABLE.to_owned(), row })
    }

    /// The commit that sends it again, under another id (the old one would get the old answer), and lists it no more.
    pub fn replay(&self) -> Commit {
        let id = derived_id(&["again", &self.id.to_string()]);
        let message = command_message(id, self.command.clone(), self.meta.caused_by(self.id));
        Commit { outgoing: vec![message], ..self.discard() }
    }

    /// The commit that lists it no more.
    pub fn discard(&self) -> Commit {
        Commit {
            rows: vec![RowChange::Delete { table: TABLE.to_owned(), filter: with_id(self.id) }],
            ..Commit::default()
        }
    }

    fn from_row(row: &Row) -> Option<Self> {
        let json = |index: usize| text_of(row.get(index)?);
        Some(Self {
            id: uuid_of(row.first()?)?,
            policy: text_of(row.get(1)?)?,
            command: serde_json::from_str(&json(2)?).ok()?,
            refusal: serde_json::from_str(&json(3)?).ok()?,
            meta: serde_json::from_str(&json(4)?).ok()?,
            since: timestamp_of(row.get(5)?)?,
        })
    }
}

fn encode(value: &impl Serialize) -> Result<String, ProcessError> {
    serde_json::to_string(value).map_err(|error| ProcessError::Corrupt(error.to_string()))
}

fn with_id(id: Uuid) -> Filter {
    Filter::Compare("id".to_owned(), Comparison::Eq, text(id.to_string()))
}

/// The table.
pub fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        columns: vec![
            column("id", ColumnKind::Text),
            column("policy", ColumnKind::Text),
            column("command", ColumnKind::Json),
            column("refusal", ColumnKind::Json),
            column("meta", ColumnKind::Json),
            column("since", ColumnKind::Timestamp),
        ],
        key: 1,
    }
}

/// Refused commands, after the one with that id, at most so many.
pub async fn refused(store: &dyn Store, after: Option<Uuid>, limit: usize) -> Result<Vec<RefusedCommand>, StoreError> {
    let after = after.map(|id| vec![text(id.to_string())]);
    list(store, TABLE, Filter::All(Vec::new()), after, limit, RefusedCommand::from_row).await
}

/// The refused command with that id.
pub async fn find(store: &dyn Store, id: Uuid) -> Result<Option<RefusedCommand>, StoreError> {
    Ok(list(store, TABLE, with_id(id), None, 1, RefusedCommand::from_row).await?.pop())
}
