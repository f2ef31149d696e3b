//! Messages that could not be handled, and the later ones of their keys, in a table that an operator sees.
//!
//! Nothing parked is ever deleted but by being handled: what an operator discards stays, with his reason.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::Delivery;
use crate::commit::PositionMove;
use crate::context::derived_id;
use crate::log::{Message, Position, SourceKey, Unreadable};
use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, ColumnKind, Comparison, Filter, Row, RowChange, Select, Table, Value};

/// The table's name.
const TABLE: &str = "parked_messages";

/// How many rows are read at once.
const PAGE: usize = 1000;

/// A parked message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parked {
    /// Its name for the operator: derived from consumer and message, so that the same is never parked twice.
    pub id: Uuid,
    /// Who could not handle it.
    pub consumer: String,
    /// The topic it came from; `own` for the service's own events.
    pub topic: String,
    /// The service that wrote it; empty where that cannot be read or is not to be believed.
    pub source: String,
    /// Its position there.
    pub pos: u64,
    /// Its offset in the topic: the order within a key.
    pub offset: u64,
    /// Its key; the consumer holds back all later messages of it.
    pub key: String,
    /// Why it is parked.
    pub reason: String,
    /// How.
    pub kind: ParkedKind,
    /// When.
    pub at: Timestamp,
    /// The message, as JSON text.
    pub message: String,
    /// Who discarded it and why; absent where it may still be handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discarded: Option<String>,
}

/// Why a message is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkedKind {
    /// It could not be handled.
    Poison,
    /// It waits for an earlier one of its key.
    Behind,
    /// It could not be read, or its signature is not good: never applied. It comes again by itself where the cause is mended.
    Refused,
}

impl ParkedKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Poison => "poison",
            Self::Behind => "behind",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Poison, Self::Behind, Self::Refused].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The table of parked messages.
pub(super) fn table() -> Table {
    let column = |name: &str, kind, nullable| ColumnDef { name: name.to_owned(), kind, nullable, indexed: false };
    let mut columns = vec![
        column("id", ColumnKind::Text, false),
        column("consumer", ColumnKind::Text, false),
        column("topic", ColumnKind::Text, false),
        column("source", ColumnKind::Text, false),
        column("pos", ColumnKind::Int, false),
        column("log_offset", ColumnKind::Int, false),
        column("message_key", ColumnKind::Text, false),
        column("reason", ColumnKind::Text, false),
        column("kind", ColumnKind::Text, false),
        column("parked_at", ColumnKind::Timestamp, false),
        column("message", ColumnKind::Text, false),
        column("discarded", ColumnKind::Text, true),
    ];
    columns[1].indexed = true;
    Table { name: TABLE.to_owned(), key: 1, columns }
}

impl Parked {
    /// A message that could not be handled, or waits behind one.
    pub(super) fn new(
        consumer: &str,
        delivery: &Delivery,
        at: &Position,
        kind: ParkedKind,
        reason: &str,
        now: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        let source = &delivery.source;
        let (partition, pos) = (source.partition.to_string(), delivery.pos.to_string());
        let id = derived_id(&["parked", consumer, &source.topic, &source.source, &at.epoch, &partition, &pos]);
        Ok(Self {
            id,
            consumer: consumer.to_owned(),
            topic: source.topic.clone(),
            source: source.source.clone(),
            pos: delivery.pos,
            offset: at.offset,
            key: delivery.key().to_owned(),
            reason: reason.to_owned(),
            kind,
            at: now,
            message: serde_json::to_string(&delivery.to_message(&at.epoch)?)?,
            discarded: None,
        })
    }

    /// A message that cannot be read or not be believed.
    pub(super) fn refused(
        consumer: &str,
        topic: &str,
        partition: u32,
        offset: u64,
        refused: Unreadable,
        now: Timestamp,
    ) -> Self {
        Self {
            id: refused_id(consumer, topic, partition, offset),
            consumer: consumer.to_owned(),
            topic: topic.to_owned(),
            source: String::new(),
            pos: 0,
            offset,
            key: format!("{topic}/{partition}/{offset}"),
            reason: refused.why,
            kind: ParkedKind::Refused,
            at: now,
            message: refused.raw,
            discarded: None,
        }
    }

    /// The message as it is to be handled again, and its epoch.
    pub(super) fn delivery(&self) -> Result<Delivery, serde_json::Error> {
        serde_json::from_str::<Message>(&self.message).map(|message| Delivery::from_message(Box::new(message)))
    }

    pub(super) fn put(&self) -> RowChange {
        self.put_with(Value::Null)
    }

    /// It was handled.
    pub(super) fn delete(&self) -> RowChange {
        delete(self.id)
    }

    /// It is not to be handled, for that reason.
    pub(super) fn discard(&self, reason: &str) -> RowChange {
        self.put_with(Value::Text(reason.to_owned()))
    }

    fn put_with(&self, discarded: Value) -> RowChange {
        let text = |text: &str| Value::Text(text.to_owned());
        let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let row = vec![
            text(&self.id.to_string()),
            text(&self.consumer),
            text(&self.topic),
            text(&self.source),
            number(self.pos),
            number(self.offset),
            text(&self.key),
            text(&self.reason),
            text(self.kind.as_str()),
            Value::Int(self.at.as_microsecond()),
            text(&self.message),
            discarded,
        ];
        RowChange::Put { table: TABLE.to_owned(), row }
    }

    fn from_row(row: &Row) -> Option<Self> {
        let text = |column: usize| match row.get(column) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |column: usize| match row.get(column) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        };
        Some(Self {
            id: text(0)?.parse().ok()?,
            consumer: text(1)?,
            topic: text(2)?,
            source: text(3)?,
            pos: u64::try_from(number(4)?).ok()?,
            offset: u64::try_from(number(5)?).ok()?,
            key: text(6)?,
            reason: text(7)?,
            kind: ParkedKind::parse(&text(8)?)?,
            at: Timestamp::from_microsecond(number(9)?).ok()?,
            message: text(10)?,
            discarded: text(11),
        })
    }
}

fn refused_id(consumer: &str, topic: &str, partition: u32, offset: u64) -> Uuid {
    derived_id(&["refused", consumer, topic, &partition.to_string(), &offset.to_string()])
}

fn delete(id: Uuid) -> RowChange {
    let filter = Filter::Compare("id".to_owned(), Comparison::Eq, Value::Text(id.to_string()));
    RowChange::Delete { table: TABLE.to_owned(), filter }
}

/// What a consumer must know of its parked messages while it runs.
#[derive(Debug, Default)]
pub(super) struct Parking {
    /// The keys whose messages are held back.
    pub(super) keys: BTreeSet<String>,
    /// Messages that were refused.
    refused: BTreeSet<Uuid>,
}

impl Parking {
    pub(super) async fn load(store: &dyn Store, consumer: &str) -> Result<Self, StoreError> {
        let mut parking = Self::default();
        for parked in list(store, Some(consumer)).await? {
            match parked.kind {
                ParkedKind::Refused => _ = parking.refused.insert(parked.id),
                ParkedKind::Poison | ParkedKind::Behind => _ = parking.keys.insert(parked.key),
            }
        }
        Ok(parking)
    }

    pub(super) fn refuse(&mut self, parked: &Parked) {
        self.refused.insert(parked.id);
    }

    /// A message is good that was refused when it was read before: what to change.
    pub(super) fn accept(&mut self, consumer: &str, topic: &str, partition: u32, offset: u64) -> Option<RowChange> {
        if self.refused.is_empty() {
            return None;
        }
        let id = refused_id(consumer, topic, partition, offset);
        self.refused.remove(&id).then(|| delete(id))
    }
}

/// How often a consumer's parked messages have changed: kept as a position, so that whoever parks or un-parks moves it by
/// compare-and-set, in the commit of what he does. A key that an operator un-parks on one instance is thereby never parked
/// on another at the same moment, and nothing is replayed twice.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    consumer: String,
    at: Option<Position>,
}

impl Changes {
    /// As it stands; read before the parked messages are.
    pub(super) async fn load(store: &dyn Store, consumer: &str) -> Result<Self, StoreError> {
        let consumer = format!("parked:{consumer}");
        let at = store.positions(&consumer).await?.into_iter().next().map(|(_, position)| position);
        Ok(Self { consumer, at })
    }

    /// One change more.
    pub(super) fn next(&self) -> PositionMove {
        let pos = self.at.as_ref().map_or(0, |at| at.pos) + 1;
        PositionMove {
            consumer: self.consumer.clone(),
            source: SourceKey { topic: "parked".to_owned(), source: String::new(), partition: 0 },
            expected: self.at.clone(),
            to: Position { pos, epoch: String::new(), offset: 0 },
        }
    }

    /// It was written.
    pub(super) fn step(&mut self) {
        self.at = Some(self.next().to);
    }
}

/// The parked messages, of one consumer or of all, in the order in which each key's are to be handled.
pub(super) async fn list(store: &dyn Store, consumer: Option<&str>) -> Result<Vec<Parked>, StoreError> {
    of(store, consumer, Comparison::Eq).await
}

/// What operators have discarded, of one consumer or of all.
pub(super) async fn discarded(store: &dyn Store, consumer: Option<&str>) -> Result<Vec<Parked>, StoreError> {
    of(store, consumer, Comparison::Ne).await
}

/// Those whose `discarded` is, or is not, absent.
async fn of(store: &dyn Store, consumer: Option<&str>, absent: Comparison) -> Result<Vec<Parked>, StoreError> {
    let mut filters = vec![Filter::Compare("discarded".to_owned(), absent, Value::Null)];
    if let Some(consumer) = consumer {
        filters.push(Filter::Compare("consumer".to_owned(), Comparison::Eq, Value::Text(consumer.to_owned())));
    }
    select(store, filters).await
}

/// The parked messages of one key.
pub(super) async fn of_key(store: &dyn Store, consumer: &str, key: &str) -> Result<Vec<Parked>, StoreError> {
    let parked = list(store, Some(consumer)).await?;
    Ok(parked.into_iter().filter(|parked| parked.key == key && parked.kind != ParkedKind::Refused).collect())
}

/// The parked message of that id.
pub(super) async fn find(store: &dyn Store, id: Uuid) -> Result<Option<Parked>, StoreError> {
    let filters = vec![
        Filter::Compare("discarded".to_owned(), Comparison::Eq, Value::Null),
        Filter::Compare("id".to_owned(), Comparison::Eq, Value::Text(id.to_string())),
    ];
    Ok(select(store, filters).await?.pop())
}

async fn select(store: &dyn Store, filters: Vec<Filter>) -> Result<Vec<Parked>, StoreError> {
    let order = ["consumer", "topic", "log_offset"].map(|column| (column.to_owned(), false)).to_vec();
    let mut select = Select { table: TABLE.to_owned(), filter: Filter::All(filters), order, after: None, limit: PAGE };
    let mut parked = Vec::new();
    loop {
        let rows = store.select(&select).await?;
        select.after = rows.last().map(|row| [1, 2, 5, 0].map(|column| row[column].clone()).to_vec());
        parked.extend(rows.iter().filter_map(Parked::from_row));
        if rows.len() < PAGE {
            return Ok(parked);
        }
    }
}
