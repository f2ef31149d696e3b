//! Two services: one that commits events, one that keeps a view of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use minos_runtime::caller::Caller;
use minos_runtime::commit::{Append, Commit};
use minos_runtime::context::{Context, Meta};
use minos_runtime::event::{NewEvent, Recorded, StreamId};
use minos_runtime::instances::Instances;
use minos_runtime::log::consumer::{Consumers, Parts, Progress};
use minos_runtime::log::relay::{EVENTS, Relay};
use minos_runtime::log::{HandlingError, Log};
use minos_runtime::projection::{AnyView, Projections, Rows, TypedView};
use minos_runtime::row;
use minos_runtime::shutdown::Shutdown;
use minos_runtime::store::Store;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use minos_runtime::store::sqlite::SqliteStore;
use minos_runtime::token::keys::Keys;
use minos_runtime::token::message::{ServiceSigner, ServiceVerifier};
use minos_runtime::view::Filter;
use serde::Deserialize;
use tokio::sync::watch;

/// How many streams the events belong to.
const STREAMS: u64 = 10_000;
/// How long is waited for what must come.
const LONG: Duration = Duration::from_secs(300);

/// What the services' stores stand on.
pub(super) enum Engine {
    Sqlite,
    Postgres(&'static servers::Postgres),
}

/// Where the services keep what is theirs; each finds it again.
pub(super) struct Homes {
    engine: Engine,
    folder: tempfile::TempDir,
    databases: Mutex<BTreeMap<String, servers::Database>>,
}

impl Homes {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, folder: tempfile::tempdir().unwrap(), databases: Mutex::default() }
    }

    pub(super) fn engine(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Makes the store of a service.
    pub(super) async fn prepare(&self, service: &str) {
        self.open(service, &Context::system()).await.close().await;
    }

    async fn open(&self, service: &str, context: &Context) -> Arc<dyn Store> {
        let server = match self.engine {
            Engine::Sqlite => {
                let file = self.folder.path().join(format!("{service}.db"));
                return Arc::new(SqliteStore::open(&file, service, context).await.unwrap());
            }
            Engine::Postgres(server) => server,
        };
        let database = {
            let mut databases = self.databases.lock().unwrap();
            databases.entry(service.to_owned()).or_insert_with(|| server.provision(service)).clone()
        };
        Arc::new(PostgresStore::open(&PostgresSettings::new(database.url, service), context).await.unwrap())
    }

    fn keys(&self, context: &Context) -> Keys {
        Keys::make(&self.folder.path().join("keys.json"), &["sales", "books"], context).unwrap()
    }
}

/// The service that commits.
pub(super) struct Events {
    store: Arc<dyn Store>,
    context: Context,
    shutdown: Shutdown,
    committed: AtomicU64,
}

impl Events {
    pub(super) async fn start(homes: &Homes, log: &Arc<dyn Log>) -> Self {
        let context = Context::system();
        let store = homes.open("sales", &context).await;
        let (shutdown, keys) = (Shutdown::new(), homes.keys(&context));
        let relay = Relay {
            service: "sales".to_owned(),
            store: Arc::clone(&store),
            log: Arc::clone(log),
            signer: Arc::new(ServiceSigner::new(&keys, "sales").unwrap()),
            context: context.clone(),
            instances: Instances::alone(),
        };
        relay.start(&shutdown).await.unwrap();
        let committed = AtomicU64::new(store.last_positions().await.unwrap().events);
        Self { store, context, shutdown, committed }
    }

    pub(super) fn committed(&self) -> u64 {
        self.committed.load(Ordering::SeqCst)
    }

    /// Commits `count` events of as many streams, each in a commit of its own, grouped as those of concurrent callers are.
    pub(super) async fn commit(&self, count: u64) {
        let first = self.committed.fetch_add(count, Ordering::SeqCst);
        let commits = (first..first + count).map(|number| {
            let event = NewEvent {
                event_id: self.context.new_id(),
                event_type: "sales.Order.Paid".to_owned(),
                schema_version: 1,
                entered: None,
                private: false,
                data: format!(r#"{{"order":"order-{number}","amount":1,"currency":"EUR","by":"{}"}}"#, "x".repeat(60)),
            };
            let stream = StreamId::from_stored(&format!("sales.Order/{}", number % STREAMS));
            let meta = Meta::new(&self.context, Caller::anonymous());
            let expected = number / STREAMS;
            let append = Append { stream, expected, events: vec![event], at: self.context.now(), meta };
            Commit { appends: vec![append], ..Commit::default() }
        });
        for written in self.store.write(commits.collect()).await {
            written.unwrap();
        }
    }

    /// Waits until the relay's checkpoint says so.
    pub(super) async fn until_published(&self, log: &Arc<dyn Log>, partitions: u32) {
        let begun = Instant::now();
        loop {
            let positions = self.store.positions(EVENTS).await.unwrap();
            let read =
                positions.iter().find(|(source, _)| source.topic == "own").map_or(0, |(_, position)| position.pos);
            if read >= self.committed() {
                break;
            }
            assert!(begun.elapsed() < LONG);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ends(log, partitions).await.iter().sum::<u64>(), self.committed());
    }

    pub(super) async fn stop(self) {
        self.shutdown.finish(LONG).await;
        self.store.close().await;
    }
}

row! {
    /// The row of an order's stream.
    pub(super) struct PaidRow of "books.Paid" {
        order: String => ORDER,
        payments: i64 => PAYMENTS,
        last: String => LAST,
    }
}

#[derive(Deserialize)]
struct Paid {
    order: String,
    amount: i64,
}

impl PaidRow {
    /// The version counts the events of the stream: what was missed or came twice shows in the sum.
    fn of(event: &Recorded) -> Result<Self, HandlingError> {
        let paid: Paid = serde_json::from_str(&event.data).map_err(|error| HandlingError::Poison(error.to_string()))?;
        let payments = i64::try_from(event.version).unwrap_or(0) * paid.amount;
        Ok(Self { order: event.stream.id().to_owned(), payments, last: paid.order })
    }
}

/// Each event puts a whole row.
pub(super) struct PaidView;

#[async_trait]
impl minos_runtime::view::View for PaidView {
    type Row = PaidRow;
    const HANDLES: &'static [&'static str] = &["sales.Order.Paid"];
    const DEFINITION: &'static str = "paid 1";

    async fn handle(event: &Recorded, rows: &mut Rows<'_, PaidRow>) -> Result<(), HandlingError> {
        rows.insert(PaidRow::of(event)?);
        Ok(())
    }
}

/// The first event of an order adds its row, the others set columns of it.
pub(super) struct UpdatedView;

#[async_trait]
impl minos_runtime::view::View for UpdatedView {
    type Row = PaidRow;
    const HANDLES: &'static [&'static str] = &["sales.Order.Paid"];
    const DEFINITION: &'static str = "updated 1";

    async fn handle(event: &Recorded, rows: &mut Rows<'_, PaidRow>) -> Result<(), HandlingError> {
        let row = PaidRow::of(event)?;
        if event.version == 1 {
            rows.insert(row);
        } else {
            rows.update(&row.order, vec![PaidRow::PAYMENTS.set(&row.payments), PaidRow::LAST.set(&row.last)]);
        }
        Ok(())
    }
}

/// The service that keeps a view.
pub(super) struct View {
    store: Arc<dyn Store>,
    projections: Projections,
    progress: watch::Receiver<Progress>,
    shutdown: Shutdown,
}

impl View {
    pub(super) async fn start<V: minos_runtime::view::View>(homes: &Homes, name: &str, log: &Arc<dyn Log>) -> Self {
        let context = Context::system();
        let store = homes.open(name, &context).await;
        let (shutdown, keys) = (Shutdown::new(), homes.keys(&context));
        let parts = Parts {
            service: "books".to_owned(),
            store: Arc::clone(&store),
            log: Arc::clone(log),
            verifier: Arc::new(ServiceVerifier::new(&keys)),
            context,
            instances: Instances::alone(),
        };
        let consumers = Arc::new(Consumers::open(parts, &shutdown).await.unwrap());
        let views: Vec<Arc<dyn AnyView>> = vec![Arc::new(TypedView::<V>::default())];
        let projections = Projections::start(&views, &[], Arc::clone(&consumers), &shutdown).await.unwrap();
        let consumer = projections.status()[0].consumer.clone().unwrap();
        let progress = consumers.progress(&consumer).unwrap();
        Self { store, projections, progress, shutdown }
    }

    /// Waits until so many events have been applied, all partitions together.
    pub(super) async fn until(&self, pos: u64) {
        let mut progress = self.progress.clone();
        tokio::time::timeout(LONG, progress.wait_for(|progress| newest(progress) >= pos)).await.unwrap().unwrap();
    }

    /// Waits until all that was published has been applied; says how much that is.
    pub(super) async fn until_all(&self, log: &Arc<dyn Log>, partitions: u32) -> u64 {
        let ends = ends(log, partitions).await;
        let mut progress = self.progress.clone();
        let all = |progress: &Progress| {
            (0..).zip(&ends).all(|(partition, end)| progress.offset("sales.events", partition) >= *end)
        };
        tokio::time::timeout(LONG, progress.wait_for(all)).await.unwrap().unwrap();
        ends.iter().sum()
    }

    /// Notes from now on when each position has come.
    pub(super) fn watch(&self) -> Seen {
        let (mut progress, seen) = (self.progress.clone(), watch::Sender::new(Vec::new()));
        let sender = seen.clone();
        tokio::spawn(async move {
            let mut before = BTreeMap::new();
            while progress.changed().await.is_ok() {
                let now = Instant::now();
                let reached = progress.borrow_and_update().reached.clone();
                for (source, position) in reached {
                    if before.insert(source.clone(), position.pos) != Some(position.pos) {
                        sender.send_modify(|seen| seen.push((source.partition, position.pos, now)));
                    }
                }
            }
        });
        Seen(seen)
    }

    /// What the view's rows add up to.
    pub(super) async fn sum(&self) -> u64 {
        let mut sum = 0;
        let mut after = None;
        loop {
            let tables = &self.projections.tables;
            let found =
                tables.select::<PaidRow>(&*self.store, Filter::everything(), Vec::new(), after, 1000).await.unwrap();
            let Some(last) = found.rows.last() else { return sum };
            after = Some(vec![minos_runtime::view::Value::Text(last.order.clone())]);
            sum += found.rows.iter().map(|row| u64::try_from(row.payments).unwrap()).sum::<u64>();
        }
    }

    pub(super) async fn stop(self) {
        self.shutdown.finish(LONG).await;
        self.store.close().await;
    }
}

/// When positions were seen: partition, position, time.
pub(super) struct Seen(watch::Sender<Vec<(u32, u64, Instant)>>);

impl Seen {
    /// When each of `count` positions after `first` was there. A position that was applied together with later ones of its
    /// partition was there when the first of those was.
    pub(super) async fn after(&self, first: u64, count: usize) -> Vec<Instant> {
        let last = first + count as u64;
        let mut seen = self.0.subscribe();
        let all = |seen: &Vec<(u32, u64, Instant)>| seen.iter().any(|(_, pos, _)| *pos >= last);
        tokio::time::timeout(LONG, seen.wait_for(all)).await.unwrap().unwrap();
        // Those of other partitions, committed before, may still come.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let seen = self.0.borrow().clone();
        let of = |pos: u64| {
            let partition =
                minos_runtime::log::partition_of(&format!("sales.Order/{}", (pos - 1) % STREAMS), super::PARTITIONS);
            let covering = seen.iter().find(|(at, reached, _)| *at == partition && *reached >= pos);
            covering.map(|(_, _, at)| *at).unwrap()
        };
        (first + 1..=last).map(of).collect()
    }
}

fn newest(progress: &Progress) -> u64 {
    progress.reached.values().map(|position| position.pos).max().unwrap_or(0)
}

async fn ends(log: &Arc<dyn Log>, partitions: u32) -> Vec<u64> {
    let mut ends = Vec::new();
    for partition in 0..partitions {
        ends.push(log.end("sales.events", partition).await.unwrap());
    }
    ends
}
