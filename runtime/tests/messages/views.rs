//! Views: groups that move together, rebuilds beside the old, rows kept from an aggregate's state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use minos_runtime::event::Recorded;
use minos_runtime::log::HandlingError;
use minos_runtime::projection::{AnyView, Projections, Rows, TypedView};
use minos_runtime::row;
use minos_runtime::view::View;

use crate::support::{LONG, Service, folder, until};

row! {
    pub(crate) struct NamesRow of "orders.Names" {
        customer: String => CUSTOMER,
        name: String => NAME,
    }
}

row! {
    pub(crate) struct OrderListRow of "orders.OrderList" {
        order: String => ORDER,
        customer: String => CUSTOMER indexed,
        customer_name: String => CUSTOMER_NAME,
        total: i64 => TOTAL,
        note: Option<String> => NOTE,
    }
}

fn field(event: &Recorded, name: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&event.data).unwrap()[name].clone()
}

fn text(event: &Recorded, name: &str) -> String {
    field(event, name).as_str().unwrap_or_default().to_owned()
}

struct Names;

#[async_trait]
impl View for Names {
    type Row = NamesRow;
    const HANDLES: &'static [&'static str] = &["customers.Customer.Named"];
    const DEFINITION: &'static str = "names 1";

    async fn handle(event: &Recorded, rows: &mut Rows<'_, NamesRow>) -> Result<(), HandlingError> {
        let row = NamesRow { customer: event.stream.id().to_owned(), name: text(event, "name") };
        rows.upsert(row, &[NamesRow::NAME.name]);
        Ok(())
    }
}

/// `VERSION` 2 doubles the totals and notes so; it is slow, by `SLOWNESS` milliseconds an event.
pub(crate) struct OrderList<const VERSION: u32>;

static SLOWNESS: AtomicU64 = AtomicU64::new(0);

#[async_trait]
impl<const VERSION: u32> View for OrderList<VERSION> {
    type Row = OrderListRow;
    const HANDLES: &'static [&'static str] = &["orders.Order.Placed", "customers.Customer.Named"];
    const LOOKS_UP: &'static [&'static str] = &["orders.Names"];
    const DEFINITION: &'static str = if VERSION == 1 { "orders 1" } else { "orders 2" };

    async fn handle(event: &Recorded, rows: &mut Rows<'_, OrderListRow>) -> Result<(), HandlingError> {
        if event.event_type == "customers.Customer.Named" {
            let set = vec![OrderListRow::CUSTOMER_NAME.set(&text(event, "name"))];
            rows.update_where(OrderListRow::CUSTOMER.eq(&event.stream.id().to_owned()), set);
            return Ok(());
        }
        if VERSION == 2 {
            tokio::time::sleep(Duration::from_millis(SLOWNESS.load(Ordering::SeqCst))).await;
        }
        let customer = text(event, "customer");
        let name = rows.get::<NamesRow>(&customer).await?.map(|row| row.name).unwrap_or_default();
        let total = field(event, "total").as_i64().unwrap_or(0) * i64::from(VERSION);
        let note = (VERSION == 2).then(|| "doubled".to_owned());
        let order = event.stream.id().to_owned();
        rows.insert(OrderListRow { order, customer, customer_name: name, total, note });
        Ok(())
    }
}

pub(crate) fn views<const VERSION: u32>() -> Vec<Arc<dyn AnyView>> {
    // The one that looks up is declared first: the order of handlers is made by what is looked up.
    vec![Arc::new(TypedView::<OrderList<VERSION>>::default()), Arc::new(TypedView::<Names>::default())]
}

pub(crate) async fn start(service: &Service, views: &[Arc<dyn AnyView>]) -> Projections {
    Projections::start(views, &[], Arc::clone(&service.consumers), &service.shutdown).await.unwrap()
}

pub(crate) async fn place(orders: &Service, order: u32, customer: u32, total: u32) -> u64 {
    let data = format!(r#"{{"customer":"{customer:02}","total":{total}}}"#);
    orders.emit(&format!("orders.Order/{order:03}"), "orders.Order.Placed", &data).await
}

async fn name(customers: &Service, customer: u32, name: &str) -> u64 {
    let data = format!(r#"{{"name":"{name}"}}"#);
    customers.emit(&format!("customers.Customer/{customer:02}"), "customers.Customer.Named", &data).await
}

async fn all(service: &Service, projections: &Projections) -> Vec<OrderListRow> {
    let everything = minos_runtime::view::Filter::everything();
    let found = projections.tables.select(&*service.store, everything, Vec::new(), None, 1000).await.unwrap();
    found.rows
}

async fn two(path: &std::path::Path) -> (Service, Service) {
    let (customers, orders) = (Service::start(path, "customers").await, Service::start(path, "orders").await);
    customers.relay().await;
    (customers, orders)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_looks_another_up_is_never_left_stale() {
    let (_keep, path) = folder();
    let (customers, orders) = two(&path).await;
    let projections = start(&orders, &views::<1>()).await;
    let naming = async {
        let mut last = 0;
        for round in 0..10 {
            for customer in 0..8 {
                last = name(&customers, customer, &format!("name {round}")).await;
            }
        }
        last
    };
    let placing = async {
        let mut last = 0;
        for order in 0..100 {
            last = place(&orders, order, order % 10, order).await;
        }
        last
    };
    let (named, placed) = tokio::join!(naming, placing);
    assert!(projections.wait_applied("orders.OrderList", ("orders", 0), placed, LONG).await);
    assert!(projections.wait_applied("orders.OrderList", ("customers", 0), named, LONG).await);
    let rows = all(&orders, &projections).await;
    assert_eq!(rows.len(), 100);
    for row in rows {
        // Customers 8 and 9 were never named.
        let expected = if row.customer.as_str() < "08" { "name 9" } else { "" };
        assert_eq!(row.customer_name, expected, "{}", row.order);
    }
    orders.stop().await;
    customers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_what_has_not_come_ends_in_time() {
    let (_keep, path) = folder();
    let (customers, orders) = two(&path).await;
    let projections = start(&orders, &views::<1>()).await;
    let pos = place(&orders, 1, 1, 1).await;
    assert!(projections.wait_applied("orders.Names", ("orders", 0), pos, LONG).await, "its group follows orders too");
    assert!(!projections.wait_applied("orders.OrderList", ("orders", 0), pos + 1, Duration::from_millis(50)).await);
    orders.stop().await;
    customers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_view_is_rebuilt_while_the_old_one_answers_and_then_takes_over() {
    let (_keep, path) = folder();
    let (customers, orders) = two(&path).await;
    let projections = start(&orders, &views::<1>()).await;
    let named = name(&customers, 1, "Ada").await;
    let mut placed = 0;
    for order in 0..60 {
        placed = place(&orders, order, 1, order).await;
    }
    assert!(projections.wait_applied("orders.OrderList", ("orders", 0), placed, LONG).await);
    assert!(projections.wait_applied("orders.OrderList", ("customers", 0), named, LONG).await);
    until(async || !projections.tables.is_rebuilding("orders.OrderList")).await;
    let old = all(&orders, &projections).await;
    let old_table = projections.tables.table("orders.OrderList").unwrap();
    orders.stop().await;

    SLOWNESS.store(20, Ordering::SeqCst);
    let orders = Service::start(&path, "orders").await;
    let projections = start(&orders, &views::<2>()).await;
    assert!(projections.tables.is_rebuilding("orders.OrderList"));
    assert!(projections.status().iter().all(|view| view.rebuilding && view.consumer.is_some()));
    assert_eq!(all(&orders, &projections).await, old, "the old one answers");
    assert!(!projections.wait_applied("orders.OrderList", ("orders", 0), placed, LONG).await, "it shows nothing new");
    let late = place(&orders, 60, 1, 60).await;
    until(async || !projections.tables.is_rebuilding("orders.OrderList")).await;
    assert!(projections.wait_applied("orders.OrderList", ("orders", 0), late, LONG).await);
    let new = all(&orders, &projections).await;
    assert_eq!(new.len(), 61);
    for (row, before) in new.iter().zip(&old) {
        assert_eq!((row.total, &row.customer_name), (before.total * 2, &before.customer_name));
        assert_eq!(row.note.as_deref(), Some("doubled"));
    }
    assert_ne!(projections.tables.table("orders.OrderList").unwrap(), old_table);
    orders.stop().await;

    // The old table goes at the next start at the latest; the new one is not built again.
    let orders = Service::start(&path, "orders").await;
    let projections = start(&orders, &views::<2>()).await;
    assert!(!projections.tables.is_rebuilding("orders.OrderList"));
    assert!(!orders.store.tables().await.unwrap().contains(&old_table));
    assert_eq!(all(&orders, &projections).await, new);
    orders.stop().await;
    customers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_was_interrupted_goes_on() {
    let (_keep, path) = folder();
    let (customers, orders) = two(&path).await;
    let projections = start(&orders, &views::<1>()).await;
    for order in 0..10 {
        place(&orders, order, 1, order).await;
    }
    until(async || !projections.tables.is_rebuilding("orders.OrderList")).await;
    orders.stop().await;
    for _ in 0..3 {
        let orders = Service::start(&path, "orders").await;
        start(&orders, &views::<2>()).await;
        orders.stop().await;
    }
    let orders = Service::start(&path, "orders").await;
    let projections = start(&orders, &views::<2>()).await;
    until(async || !projections.tables.is_rebuilding("orders.OrderList")).await;
    assert_eq!(all(&orders, &projections).await.iter().map(|row| row.total).sum::<i64>(), 90);
    orders.stop().await;
    customers.stop().await;
}

mod kept {
    use super::*;
    use minos_runtime::aggregate::Aggregate;
    use minos_runtime::commit::{Append, Commit};
    use minos_runtime::event::{NewEvent, StreamId};
    use minos_runtime::projection::{AnyKeptView, TypedKeptView};
    use minos_runtime::refusal::Refusal;
    use minos_runtime::view::KeptView;
    use minos_runtime::{events, id};
    use uuid::Uuid;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct BoxId(Uuid);
    id!(BoxId);

    #[derive(Clone, Debug)]
    struct Crate {
        filled: i64,
    }

    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    struct Filled {
        by: i64,
    }

    #[derive(Clone, Debug)]
    enum BoxEvent {
        Filled(Filled),
    }
    events!(BoxEvent { Filled = "boxes.Box.Filled" });

    impl Aggregate for Crate {
        const TYPE: &'static str = "boxes.Box";
        type Id = BoxId;
        type Event = BoxEvent;
        fn create(_: &BoxId, event: &BoxEvent) -> Result<Option<Self>, Refusal> {
            let BoxEvent::Filled(Filled { by }) = event;
            Ok(Some(Self { filled: *by }))
        }
        fn apply(&mut self, _: &BoxId, event: &BoxEvent) -> Result<(), Refusal> {
            let BoxEvent::Filled(Filled { by }) = event;
            self.filled += by;
            Ok(())
        }
    }

    row! {
        struct BoxRow of "boxes.BoxCard" {
            id: BoxId => ID,
            filled: i64 => FILLED,
        }
    }

    struct BoxCard;

    impl KeptView for BoxCard {
        type Aggregate = Crate;
        type Row = BoxRow;
        const DEFINITION: &'static str = "box 1";
        fn row(id: &BoxId, state: &Crate) -> BoxRow {
            BoxRow { id: *id, filled: state.filled }
        }
    }

    async fn fill(service: &Service, id: BoxId, projections: Option<&Projections>) {
        let stream = StreamId::new("boxes.Box", &id.to_string());
        let expected = service.store.stream_version(&stream).await.unwrap();
        let event = NewEvent {
            event_id: service.context.new_id(),
            event_type: "boxes.Box.Filled".to_owned(),
            schema_version: 1,
            entered: None,
            private: false,
            data: r#"{"by":1}"#.to_owned(),
        };
        let meta = minos_runtime::context::Meta::new(&service.context, minos_runtime::caller::Caller::anonymous());
        let at = service.context.now();
        let append = Append { stream, expected, events: vec![event], at, meta };
        let state = Crate { filled: i64::try_from(expected).unwrap() + 1 };
        let rows = projections.map_or(Vec::new(), |them| them.kept.changes("boxes.Box", &id, &state));
        assert_eq!(rows.len(), usize::from(projections.is_some()));
        let commit = Commit { appends: vec![append], rows, ..Commit::default() };
        service.store.write(vec![commit]).await.remove(0).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_kept_view_gets_the_rows_of_all_that_was_before_while_commits_go_on() {
        let (_keep, path) = folder();
        let service = Service::start(&path, "boxes").await;
        let ids: Vec<BoxId> = (1..=30).map(|n| BoxId(Uuid::from_u128(n))).collect();
        for id in ids.iter().chain(&ids[..15]) {
            fill(&service, *id, None).await;
        }
        let kept: [Arc<dyn AnyKeptView>; 1] = [Arc::new(TypedKeptView::<BoxCard>::default())];
        let start = || Projections::start(&[], &kept, Arc::clone(&service.consumers), &service.shutdown);
        let projections = start().await.unwrap();
        if projections.tables.is_rebuilding("boxes.BoxCard") {
            let rows = projections.tables.rows::<BoxRow>(&*service.store, &ids).await;
            // Unless it was just done: what is not there yet must not look as if it were not at all.
            assert!(rows.is_err() || !projections.tables.is_rebuilding("boxes.BoxCard"));
        }
        for id in &ids[..5] {
            fill(&service, *id, Some(&projections)).await;
        }
        until(async || !projections.tables.is_rebuilding("boxes.BoxCard")).await;
        let rows = projections.tables.rows::<BoxRow>(&*service.store, &ids).await.unwrap();
        let filled: Vec<i64> = rows.into_iter().map(|row| row.unwrap().filled).collect();
        assert_eq!(filled, [vec![3; 5], vec![2; 10], vec![1; 15]].concat());
        assert!(!start().await.unwrap().tables.is_rebuilding("boxes.BoxCard"), "done once");
        service.stop().await;
    }
}
