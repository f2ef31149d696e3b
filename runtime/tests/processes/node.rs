//! The three services of the shop in one process, over real stores and a real log.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minos_runtime::aggregate::Aggregate;
use minos_runtime::caller::Caller;
use minos_runtime::command::Command;
use minos_runtime::commit::{Answer, Commit};
use minos_runtime::context::{Context, Meta};
use minos_runtime::engine::{CommandRequest, Engine};
use minos_runtime::event::{Event, StreamId};
use minos_runtime::instances::Instances;
use minos_runtime::log::consumer::{Consumers, Parts};
use minos_runtime::log::embedded::EmbeddedLog;
use minos_runtime::log::relay::Relay;
use minos_runtime::log::{Log, Message, MessageSigner, MessageVerifier};
use minos_runtime::process::operator::Operator;
use minos_runtime::process::saga::index::SagaRow;
use minos_runtime::process::saga::progress::Status;
use minos_runtime::process::{Decider, Processes};
use minos_runtime::projection::{KeptViews, ViewTables};
use minos_runtime::service::Service;
use minos_runtime::shutdown::Shutdown;
use minos_runtime::store::Store;
use minos_runtime::store::sqlite::SqliteStore;
use uuid::Uuid;

use crate::faults::{Fuse, Fused};
use crate::shop::{self, customer, order, product};
use crate::world::World;

struct Trust;

impl MessageSigner for Trust {
    fn sign(&self, _: &Message) -> String {
        String::new()
    }
}

impl MessageVerifier for Trust {
    fn verify(&self, _: &Message) -> Result<(), String> {
        Ok(())
    }
}

/// One running service.
pub struct Node {
    pub store: Arc<dyn Store>,
    pub consumers: Consumers,
    pub engine: Arc<Engine>,
    processes: Processes,
}

impl Node {
    async fn start(
        service: Service,
        folder: &Path,
        log: Arc<dyn Log>,
        fuse: &Fuse,
        context: Context,
        shutdown: &Shutdown,
    ) -> Self {
        let file = folder.join(format!("{}.db", service.name));
        let sqlite = SqliteStore::open(&file, service.name, &context).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(Fused::new(Arc::new(sqlite), fuse.clone()));
        let (tables, kept) = (Arc::new(ViewTables::default()), Arc::new(KeptViews::default()));
        let engine = Arc::new(Engine::new(&service, Arc::clone(&store), context.clone(), tables, kept));
        let name = service.name.to_owned();
        let parts = Parts {
            instances: Instances::alone(),
            service: name.clone(),
            store: Arc::clone(&store),
            log: Arc::clone(&log),
            verifier: Arc::new(Trust),
            context: context.clone(),
        };
        let relay = Relay {
            service: name,
            store: Arc::clone(&store),
            log,
            signer: Arc::new(Trust),
            context: context.clone(),
            instances: Instances::alone(),
        };
        relay.start(shutdown).await.unwrap();
        let consumers = Consumers::open(parts, shutdown).await.unwrap();
        let decider: Arc<dyn Decider> = Arc::<Engine>::clone(&engine);
        let processes = Processes::new(&service, Arc::clone(&store), context, decider, shutdown.clone());
        processes.prepare().await.unwrap();
        for handler in processes.handlers() {
            // The fuse may blow at any commit, also here: what is not started now is after the restart.
            let _ = consumers.start(handler).await;
        }
        let _ = processes.start().await;
        Self { store, consumers, engine, processes }
    }

    pub async fn state<A: Aggregate>(&self, id: &A::Id) -> Option<A> {
        let stream = StreamId::new(A::TYPE, &id.to_string());
        let mut state = None;
        for event in self.store.read_stream(&stream, 0).await.unwrap() {
            let event = A::Event::decode(&event.event_type, event.schema_version, &event.data).unwrap();
            state = A::replay(state, id, &event).unwrap();
        }
        state
    }

    pub async fn execute<C: Command>(&self, id: shop::Id, command: &C, command_id: Uuid) -> Option<Answer> {
        let request = CommandRequest {
            command: C::NAME.to_owned(),
            target: Some(id.to_string()),
            arguments: serde_json::to_string(command).unwrap(),
            command_id,
            meta: Meta::new(&Context::system(), Caller::anonymous()),
            if_match: None,
            internal: true,
            saga: None,
            undoes: None,
        };
        self.engine.execute(request, &|_| Commit::default()).await.ok().map(|executed| executed.answer)
    }

    pub fn operator(&self) -> Operator {
        self.processes.operator()
    }
}

/// The shop, running.
pub struct Shop {
    pub customers: Node,
    pub catalog: Node,
    pub orders: Node,
    shutdown: Shutdown,
}

impl Shop {
    pub async fn start(folder: &Path, world: &World, fuse: &Fuse) -> Self {
        let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(&folder.join("log.db")).await.unwrap());
        Self::start_over(folder, world, fuse, log, Context::system()).await
    }

    /// Over a log and a clock of the test's own.
    pub async fn start_over(folder: &Path, world: &World, fuse: &Fuse, log: Arc<dyn Log>, context: Context) -> Self {
        let shutdown = Shutdown::new();
        let node =
            async |service| Node::start(service, folder, Arc::clone(&log), fuse, context.clone(), &shutdown).await;
        let customers = node(customer::service()).await;
        let catalog = node(product::service()).await;
        let orders = node(shop::orders(world)).await;
        Self { customers, catalog, orders, shutdown }
    }

    /// Stops, or lets the dead process go.
    pub async fn stop(self) {
        assert!(self.shutdown.finish(Duration::from_secs(10)).await, "some tasks do not end");
        for node in [&self.customers, &self.catalog, &self.orders] {
            node.store.close().await;
        }
    }

    /// A customer and two products with room for so many orders.
    pub async fn stock(&self, credit: usize, stock: usize) {
        let register = customer::Open { room: credit };
        self.customers.execute(ada(), &register, Uuid::from_u128(1)).await;
        for product in products() {
            self.catalog.execute(product, &product::Open { room: stock }, product_key(product)).await;
        }
    }

    /// Places the order with that number; again, where it was placed before.
    pub async fn place(&self, number: u128) -> Option<Answer> {
        let place = order::Place { customer: ada(), products: products().to_vec() };
        self.orders.execute(order_id(number), &place, Uuid::from_u128(0x1000 + number)).await
    }

    pub async fn order(&self, number: u128) -> Option<order::Order> {
        self.orders.state::<order::Order>(&order_id(number)).await
    }

    /// Waits until the order is approved or rejected and its saga has ended; gives both.
    pub async fn ended(&self, number: u128) -> (&'static str, Status) {
        let subject = format!("orders.Order/{}", order_id(number));
        let mut last = None;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            let sagas = self.orders.operator().sagas(&[], None, 1_000).await.unwrap();
            last = sagas.into_iter().find(|row| row.subject == subject);
            let status = self.order(number).await.map(|order| order.status);
            if let (Some(row), Some(status @ ("approved" | "rejected"))) = (&last, status)
                && !Status::UNDER_WAY.contains(&row.status)
            {
                return (status, row.status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("order {number} does not end: {last:?}, {:?}", self.log_of(last.as_ref()).await);
    }

    async fn log_of(&self, row: Option<&SagaRow>) -> Option<String> {
        Some(format!("{:#?}", self.orders.operator().saga(row?.id).await.ok()?.log))
    }

    /// How many orders hold credit, and how many each product.
    pub async fn holds(&self) -> (usize, Vec<usize>) {
        let credit = self.customers.state::<customer::Holder>(&ada()).await.map_or(0, |ada| ada.holds.len());
        let mut stock = Vec::new();
        for product in products() {
            stock.push(self.catalog.state::<product::Holder>(&product).await.map_or(0, |product| product.holds.len()));
        }
        (credit, stock)
    }
}

/// Waits until it holds; fails with `what` where it does not within 20 s.
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

pub fn ada() -> shop::Id {
    id(1)
}

pub fn products() -> [shop::Id; 2] {
    [id(11), id(12)]
}

fn product_key(product: shop::Id) -> Uuid {
    Uuid::from_u128(product.uuid().as_u128() + 0x100)
}

pub fn order_id(number: u128) -> shop::Id {
    id(0x10_000 + number)
}

fn id(number: u128) -> shop::Id {
    Uuid::from_u128(number).to_string().parse().unwrap()
}
