//! What is left of a trial.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::database::{Record, Store, rows};
use super::log;
use crate::insist::LEDGER;
use crate::ledger::{Ledger, Line};

/// The services, each with a database of its name.
pub const SERVICES: [&str; 3] = ["customers", "catalog", "orders"];
/// The file of the provider's record.
pub const CHARGES: &str = "payments.jsonl";
/// The file of the last answers: an object of lists by view.
pub const LIVE: &str = "live.json";

/// Where the services keep what they hold, and what stands between them.
#[derive(Clone, Debug)]
pub enum Stores {
    /// Files of SQLite, in a folder.
    Files(PathBuf),
    /// A database of Postgres each, at the URL that `{service}` makes; and Kafka.
    Servers {
        /// `postgres://…/{service}`.
        postgres: String,
        /// `host:port`.
        brokers: String,
    },
}

impl Stores {
    /// The store of a service.
    pub fn of(&self, service: &str) -> Store {
        match self {
            Self::Files(data) => Store::File(data.join(format!("{service}.db"))),
            Self::Servers { postgres, .. } => Store::Postgres(postgres.replace("{service}", service)),
        }
    }

    /// What stands in the log, in the order of each of its partitions.
    async fn log(&self) -> Vec<Record> {
        match self {
            Self::Files(data) => rows(&data.join("log.db"), "SELECT * FROM messages ORDER BY log_offset").await,
            Self::Servers { brokers, .. } => log::read(brokers),
        }
    }
}

/// What is left of a trial.
pub struct Evidence {
    /// What was sent and answered.
    pub ledger: Vec<Line>,
    /// What the provider recorded, a call each.
    pub payments: Vec<Payment>,
    /// The services' stores.
    pub services: BTreeMap<String, Service>,
    /// What stands in the log, in its order.
    pub log: Vec<Record>,
    /// The last answers, by view.
    pub live: BTreeMap<String, Vec<Value>>,
}

/// A call as the provider recorded it.
#[derive(Clone, Debug, Deserialize)]
pub struct Payment {
    /// `charge`, `refund`, `mail`.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// What was asked for.
    pub request: Value,
    /// What was answered; absent where the key had been answered before.
    pub answer: Option<Value>,
}

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its position.
    pub pos: i64,
    /// Its stream.
    pub stream: String,
    /// Its version.
    pub version: i64,
    /// Its type's wire name.
    pub kind: String,
    /// Its id, in hexadecimal digits.
    pub id: String,
    /// Whether it stays in its service.
    pub private: bool,
    /// The payload.
    pub data: Value,
    /// The id of what caused it.
    pub cause: String,
    /// Microseconds since 1970.
    pub at: i64,
}

impl Event {
    /// The id of its aggregate.
    pub fn of(&self) -> &str {
        self.stream.rsplit('/').next().unwrap_or_default()
    }
}

/// A service's store.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its events, by position.
    pub events: Vec<Event>,
    /// The version of each stream.
    pub streams: BTreeMap<String, i64>,
    /// The rows of each view: `orders.OrderList`.
    pub views: BTreeMap<String, Vec<Record>>,
    /// Every other table's rows.
    pub tables: BTreeMap<String, Vec<Record>>,
}

impl Service {
    /// The rows of a table that is no view's.
    pub fn table(&self, name: &str) -> &[Record] {
        self.tables.get(name).map_or(&[], Vec::as_slice)
    }

    /// Reads a store.
    pub async fn read(store: impl Into<Store>) -> Self {
        let store = &store.into();
        let events = rows(store, "SELECT * FROM events ORDER BY pos").await;
        let streams = rows(store, "SELECT stream, version FROM streams").await;
        let of_views = rows(store, "SELECT view_name, table_name FROM view_tables WHERE standing = 'current'").await;
        let mut views = BTreeMap::new();
        for view in of_views {
            let (name, table) = (text(&view, "view_name"), text(&view, "table_name"));
            views.insert(name, rows(store, &format!("SELECT * FROM \"{table}\" ORDER BY 1")).await);
        }
        let mut tables = BTreeMap::new();
        for name in [
            "answers",
            "claims",
            "engine_port_calls",
            "engine_refused_commands",
            "engine_sagas",
            "outgoing",
            "parked_messages",
            "positions",
            "timers",
            "view_tables",
        ] {
            tables.insert(name.to_owned(), rows(store, &format!("SELECT * FROM {name}")).await);
        }
        Self {
            events: events.iter().map(event).collect(),
            streams: streams.iter().map(|row| (text(row, "stream"), number(row, "version"))).collect(),
            views,
            tables,
        }
    }
}

impl Evidence {
    /// Reads all of it: the databases in `data`, the rest in `folder`.
    pub async fn read(folder: &Path) -> Self {
        Self::read_with(folder, &Stores::Files(folder.join("data"))).await
    }

    /// Reads all of it: the stores, wherever they are, the rest in `folder`.
    pub async fn read_with(folder: &Path, stores: &Stores) -> Self {
        let mut services = BTreeMap::new();
        for name in SERVICES {
            services.insert(name.to_owned(), Service::read(stores.of(name)).await);
        }
        let payments = std::fs::read_to_string(folder.join(CHARGES)).expect("the provider's record");
        let payment = |line| serde_json::from_str(line).expect("a line of the provider's record");
        let live = std::fs::read_to_string(folder.join(LIVE)).expect("the last answers");
        Self {
            ledger: Ledger::read(&folder.join(LEDGER)).expect("the ledger"),
            payments: payments.lines().map(payment).collect(),
            services,
            log: stores.log().await,
            live: serde_json::from_str(&live).expect("lists of answers"),
        }
    }

    /// One of [`SERVICES`].
    pub fn service(&self, name: &str) -> &Service {
        &self.services[name]
    }

    /// The domain's events of all services: those that are not a saga's.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.services.values().flat_map(|service| &service.events).filter(|event| !event.stream.starts_with("saga:"))
    }
}

fn event(row: &Record) -> Event {
    let json = |column| serde_json::from_str::<Value>(&text(row, column)).unwrap_or_default();
    let cause = json("meta")["causation"].as_str().unwrap_or_default().to_owned();
    Event {
        pos: number(row, "pos"),
        stream: text(row, "stream"),
        version: number(row, "version"),
        kind: text(row, "type"),
        id: text(row, "event_id"),
        private: number(row, "private") != 0,
        data: json("data"),
        cause,
        at: number(row, "at"),
    }
}

/// The text in a column; empty where there is none.
pub(super) fn text(row: &Record, column: &str) -> String {
    row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The number in a column; 0 where there is none.
pub(super) fn number(row: &Record, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or_default()
}
