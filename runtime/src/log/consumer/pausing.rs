//! Partitions that a consumer does not read until an operator says so: many of their messages could not be handled one after
//! the other. They have one cause, more likely than not; let it not park them all.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::context::derived_id;
use crate::process::tables::{column, indexed_column, int_of, text, text_of, timestamp_of, uuid_of};
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Comparison, Filter, Row, RowChange, Select, Table, Value};

/// How many poisonous messages in a row pause a partition.
pub(super) const MANY: u32 = 20;

/// The table's name.
const TABLE: &str = "paused_partitions";

/// More than partitions come to.
const ROWS: usize = 10_000;

/// A partition that a consumer does not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Its name for the operator.
    pub id: Uuid,
    /// Who does not read it.
    pub consumer: String,
    /// The topic; `own` for the service's own events.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The last of the reasons why messages were parked.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// The table of paused partitions.
pub(super) fn table() -> Table {
    let columns = vec![
        column("id", ColumnKind::Text),
        indexed_column("consumer", ColumnKind::Text),
        column("topic", ColumnKind::Text),
        column("partition", ColumnKind::Int),
        column("reason", ColumnKind::Text),
        column("paused_at", ColumnKind::Timestamp),
    ];
    Table { name: TABLE.to_owned(), key: 1, columns }
}

impl Paused {
    pub(super) fn new(consumer: &str, (topic, partition): (&str, u32), reason: &str, at: Timestamp) -> Self {
        Self {
            id: derived_id(&["paused", consumer, topic, &partition.to_string()]),
            consumer: consumer.to_owned(),
            topic: topic.to_owned(),
            partition,
            reason: reason.to_owned(),
            at,
        }
    }

    pub(super) fn is(&self, topic: &str, partition: u32) -> bool {
        self.topic == topic && self.partition == partition
    }

    pub(super) fn put(&self) -> RowChange {
        let row = vec![
            text(self.id.to_string()),
            text(&self.consumer),
            text(&self.topic),
            Value::Int(self.partition.into()),
            text(&self.reason),
            Value::Int(self.at.as_microsecond()),
        ];
        RowChange::Put { table: TABLE.to_owned(), row }
    }

    /// It is read again.
    pub(super) fn delete(&self) -> RowChange {
        let filter = Filter::Compare("id".to_owned(), Comparison::Eq, text(self.id.to_string()));
        RowChange::Delete { table: TABLE.to_owned(), filter }
    }

    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            id: uuid_of(row.first()?)?,
            consumer: text_of(row.get(1)?)?,
            topic: text_of(row.get(2)?)?,
            partition: u32::try_from(int_of(row.get(3)?)?).ok()?,
            reason: text_of(row.get(4)?)?,
            at: timestamp_of(row.get(5)?)?,
        })
    }
}

/// The paused partitions, of one consumer or of all.
pub(super) async fn list(store: &dyn Store, consumer: Option<&str>) -> Result<Vec<Paused>, StoreError> {
    let filter = match consumer {
        Some(consumer) => Filter::Compare("consumer".to_owned(), Comparison::Eq, text(consumer)),
        None => Filter::everything(),
    };
    let select = Select { table: TABLE.to_owned(), filter, order: Vec::new(), after: None, limit: ROWS };
    Ok(store.select(&select).await?.iter().filter_map(Paused::read).collect())
}
