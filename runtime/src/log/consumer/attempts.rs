//! A message that kills the process must not kill it for ever: attempts are written down before they are made.
//!
//! In good times that is one row a run: "began, not ended". A consumer that finds it not ended handles its messages one by
//! one at first, and writes down each before; one that was begun [`MOST`] times without an end is parked.
//!
//! A process may also be killed from elsewhere while it handles an innocent message, and after a restart it is at the same
//! message again. So one that was begun before is begun after a pause, longer each time: what kills the process by itself
//! does so again, while other kills fall into the pause, more likely than not, and do not count.

use std::time::Duration;

use super::Delivery;
use crate::commit::Commit;
use crate::instances::Instances;
use crate::log::{SourceKey, consumer::runner::Failure};
use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, ColumnKind, Comparison, Filter, Row, RowChange, Select, Table, Value};

/// How often a message may be begun without an end.
pub(super) const MOST: i64 = 5;

/// The pause before a message is begun for the second time; twice as long each time after that.
const PAUSE: Duration = Duration::from_millis(100);

/// The table's name.
const TABLE: &str = "consumer_runs";

/// More rows than consumers and instances come to.
const ROWS: usize = 10_000;

/// The runs of one consumer, on one instance of the service.
pub(super) struct Attempts {
    /// The row's key: `<consumer>`, or `<consumer>@<instance>` where there may be several.
    row: String,
    /// What the last run was at when it ended, and how often it was begun.
    last: Option<(SourceKey, u64, i64)>,
}

/// The table of runs.
pub(super) fn table() -> Table {
    let column = |name: &str, kind, nullable| ColumnDef { name: name.to_owned(), kind, nullable, indexed: false };
    Table {
        name: TABLE.to_owned(),
        key: 1,
        columns: vec![
            column("consumer", ColumnKind::Text, false),
            column("ended", ColumnKind::Bool, false),
            column("topic", ColumnKind::Text, true),
            column("source", ColumnKind::Text, true),
            column("partition", ColumnKind::Int, true),
            column("pos", ColumnKind::Int, true),
            column("attempts", ColumnKind::Int, false),
        ],
    }
}

impl Attempts {
    /// Begins a run; says whether the one before was not ended: on this instance (unless it is `running`), or on one that is
    /// gone.
    pub(super) async fn begin(
        store: &dyn Store,
        consumer: &str,
        instances: &Instances,
        running: bool,
    ) -> Result<(Self, bool), Failure> {
        let own = match instances.is_alone() {
            true => consumer.to_owned(),
            false => format!("{consumer}@{}", instances.me()),
        };
        let filter = Filter::everything();
        let select = Select { table: TABLE.to_owned(), filter, order: Vec::new(), after: None, limit: ROWS };
        let mut last: Option<(SourceKey, u64, i64)> = None;
        let mut left = Vec::new();
        for row in store.select(&select).await? {
            let (Some(Value::Text(name)), Some(ended)) = (row.first(), row.get(1)) else { continue };
            let mine = *name == own && !running;
            let gone = name.split_once('@').is_some_and(|(of, by)| of == consumer && !instances.is_alive(by));
            if !mine && !gone {
                continue;
            }
            if *ended == Value::Bool(false) {
                left.push(name.clone());
                last = read(&row).into_iter().chain(last).max_by_key(|(_, _, attempts)| *attempts);
            }
        }
        let attempts = Self { row: own, last };
        let unclean = !left.is_empty();
        let others = left.into_iter().filter(|name| *name != attempts.row).map(remove).collect();
        attempts.write(store, false, others).await?;
        Ok((attempts, unclean))
    }

    /// Writes down that `delivery` is begun; false: it was begun too often, and is to be parked.
    pub(super) async fn attempt(&mut self, store: &dyn Store, delivery: &Delivery) -> Result<bool, Failure> {
        let before = match &self.last {
            Some((source, pos, attempts)) if *source == delivery.source && *pos == delivery.pos => *attempts,
            _ => 0,
        };
        if before >= MOST {
            return Ok(false);
        }
        if let Ok(doublings) = u32::try_from(before - 1) {
            tokio::time::sleep(PAUSE * 2_u32.pow(doublings)).await;
        }
        self.last = Some((delivery.source.clone(), delivery.pos, before + 1));
        self.write(store, false, Vec::new()).await?;
        Ok(true)
    }

    /// The handler came back, in whatever way: the attempt counts no more.
    pub(super) fn returned(&mut self) {
        self.last = None;
    }

    /// Ends the run.
    pub(super) async fn end(&mut self, store: &dyn Store) -> Result<(), Failure> {
        self.last = None;
        self.write(store, true, Vec::new()).await
    }

    async fn write(&self, store: &dyn Store, ended: bool, mut rows: Vec<RowChange>) -> Result<(), Failure> {
        let number = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
        let mut row: Row = vec![Value::Text(self.row.clone()), Value::Bool(ended)];
        match &self.last {
            Some((source, pos, attempts)) => row.extend([
                Value::Text(source.topic.clone()),
                Value::Text(source.source.clone()),
                number(source.partition.into()),
                number(*pos),
                Value::Int(*attempts),
            ]),
            None => row.extend([Value::Null, Value::Null, Value::Null, Value::Null, Value::Int(0)]),
        }
        rows.push(RowChange::Put { table: TABLE.to_owned(), row });
        for result in store.write(vec![Commit { rows, ..Commit::default() }]).await {
            result.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        Ok(())
    }
}

/// Removes the row of an instance that is gone.
fn remove(name: String) -> RowChange {
    let filter = Filter::Compare("consumer".to_owned(), Comparison::Eq, Value::Text(name));
    RowChange::Delete { table: TABLE.to_owned(), filter }
}

fn read(row: &Row) -> Option<(SourceKey, u64, i64)> {
    match row.as_slice() {
        [
            _,
            _,
            Value::Text(topic),
            Value::Text(source),
            Value::Int(partition),
            Value::Int(pos),
            Value::Int(attempts),
        ] => {
            let partition = u32::try_from(*partition).ok()?;
            let source = SourceKey { topic: topic.clone(), source: source.clone(), partition };
            Some((source, u64::try_from(*pos).ok()?, *attempts))
        }
        _ => None,
    }
}
