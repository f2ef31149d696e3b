//! Faults on the wire between services: messages delayed, doubled, out of order between keys, lost on their way and read again, not
//! acknowledged, too late, before what they undo, unreadable. Whatever the wire does, an effect happens once, a key keeps its order,
//! every saga ends, and the sums hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use minos_runtime::caller::Caller;
use minos_runtime::commit::Commit;
use minos_runtime::context::{Context, Meta, SystemClock};
use minos_runtime::event::{Json, Recorded};
use minos_runtime::log::consumer::ParkedKind;
use minos_runtime::log::{Body, CommandBody, Log, Outgoing, ReplyTo};
use minos_runtime::process::saga::progress::Status;
use minos_runtime::testing::clock::ManualClock;
use serde_json::json;
use uuid::Uuid;

use crate::decision;
use crate::faults::Fuse;
use crate::node::{Node, Shop, ada, eventually, order_id};
use crate::shop::{Id, customer};
use crate::wire::Wire;
use crate::world::World;

/// All that was written under one stream, in its order.
async fn streams(node: &Node) -> BTreeMap<String, Vec<Recorded>> {
    let mut streams: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for event in node.store.read_events(0, 100_000).await.unwrap() {
        streams.entry(event.stream.as_str().to_owned()).or_default().push(event);
    }
    streams
}

/// Who holds for an order, holds for it once, and gives back what it held and nothing else.
async fn assert_each_effect_once(node: &Node) {
    for (stream, events) in streams(node).await {
        let versions: Vec<u64> = events.iter().map(|event| event.version).collect();
        assert_eq!(versions, (1..=events.len() as u64).collect::<Vec<_>>(), "{stream}");
        let mut held: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for event in &events {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            if let Some(order) = data["order"].as_str() {
                let what = event.event_type.rsplit('.').next().unwrap_or_default();
                held.entry(order.to_owned()).or_default().push(what);
            }
        }
        for (order, what) in held {
            let once = matches!(
                what[..],
                ["CreditHeld" | "Reserved"] | ["CreditHeld", "CreditReleased"] | ["Reserved", "Released"]
            );
            assert!(once, "{stream} of {order}: {what:?}");
        }
    }
}

/// An order is placed, then approved or rejected, once.
async fn assert_each_order_ended_once(node: &Node) {
    for (stream, events) in streams(node).await.iter().filter(|(stream, _)| stream.starts_with("orders.Order/")) {
        let what: Vec<&str> = events.iter().map(|event| event.event_type.as_str()).collect();
        let ended = ["orders.Order.Approved", "orders.Order.Rejected"].contains(&what[what.len() - 1]);
        assert!(what.len() == 2 && what[0] == "orders.Order.Placed" && ended, "{stream}: {what:?}");
    }
}

async fn many_orders_over_a_wire(seed: u64) {
    const ORDERS: u128 = 14;
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let wire = Arc::new(Wire::open(folder.path(), Some(seed)).await);
    let log: Arc<dyn Log> = Arc::<Wire>::clone(&wire);
    let shop = Shop::start_over(folder.path(), &world, &Fuse::none(), log, Context::system()).await;
    shop.stock(100, 8).await;
    for number in 0..ORDERS {
        shop.place(number).await.unwrap();
    }
    // In the middle of it all the services are stopped, and start again on the same wire.
    shop.stop().await;
    let log: Arc<dyn Log> = Arc::<Wire>::clone(&wire);
    let shop = Shop::start_over(folder.path(), &world, &Fuse::none(), log, Context::system()).await;
    let mut approved = 0;
    for number in 0..ORDERS {
        match shop.ended(number).await {
            ("approved", Status::Completed) => approved += 1,
            ("rejected", Status::Compensated) => {}
            other => panic!("seed {seed}: order {number} is {other:?}"),
        }
    }
    assert!((1..=8).contains(&approved), "seed {seed}: {approved} approved");
    eventually("not every approved order is thanked for", || async { world.mails() == approved }).await;
    assert_eq!((world.charges(), shop.holds().await.1), (approved, vec![approved, approved]), "seed {seed}");
    for node in [&shop.customers, &shop.catalog] {
        assert_each_effect_once(node).await;
    }
    assert_each_order_ended_once(&shop.orders).await;
    for node in [&shop.customers, &shop.catalog, &shop.orders] {
        let parked = node.consumers.parked(None).await.unwrap();
        assert!(parked.is_empty(), "seed {seed}: {parked:?}");
    }
    let faults = wire.faults();
    assert!(faults.doubled.load(Ordering::Relaxed) > 0, "seed {seed}: {faults:?}");
    let others = [&faults.swapped, &faults.skipped, &faults.refused, &faults.unacknowledged];
    assert!(others.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>() > 3, "seed {seed}: {faults:?}");
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_delayed_doubled_and_out_of_order_between_keys_have_each_its_effect_once() {
    for seed in 1..=4 {
        many_orders_over_a_wire(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the same by many seeds: tests/run --ci"]
async fn messages_delayed_doubled_and_out_of_order_between_keys_by_many_seeds() {
    for seed in 5..=40 {
        many_orders_over_a_wire(seed).await;
    }
}

/// A shop over a wire that behaves, but for what the test has it do, and a clock to turn by hand.
async fn held_shop(folder: &tempfile::TempDir, world: &World) -> (Shop, Arc<Wire>, Arc<ManualClock>) {
    let wire = Arc::new(Wire::open(folder.path(), None).await);
    let clock = Arc::new(ManualClock::default());
    let log: Arc<dyn Log> = Arc::<Wire>::clone(&wire);
    let context = Context::seeded(Arc::<ManualClock>::clone(&clock), 7);
    let shop = Shop::start_over(folder.path(), world, &Fuse::none(), log, context).await;
    shop.stock(10, 10).await;
    (shop, wire, clock)
}

async fn holds_credit(shop: &Shop, order: Id) -> bool {
    shop.customers.state::<customer::Holder>(&ada()).await.is_some_and(|ada| ada.holds.contains(&order))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_after_the_sagas_timeout_changes_nothing_that_was_undone() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let (shop, wire, clock) = held_shop(&folder, &world).await;
    wire.hold(|message| message.source == "customers" && matches!(message.body, Body::Reply(_)));
    shop.place(1).await.unwrap();
    eventually("credit is not held", || holds_credit(&shop, order_id(1))).await;
    // The answer does not come: asked again, for as long as the step has patience; then all is undone.
    eventually("the undo does not come", || async {
        clock.advance(Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
        !holds_credit(&shop, order_id(1)).await
    })
    .await;
    let sagas = shop.orders.operator().sagas(&[Status::Compensating], None, 10).await.unwrap();
    assert_eq!(sagas.len(), 1, "it has not ended before its undo is acknowledged");
    // The answers come at last: that it was held, several times over, and that it was given back.
    wire.release();
    assert_eq!(shop.ended(1).await, ("rejected", Status::Compensated));
    assert!(!holds_credit(&shop, order_id(1)).await);
    assert_eq!((world.charges(), shop.holds().await.1), (0, vec![0, 0]));
    assert_each_effect_once(&shop.customers).await;
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_after_the_timeout_of_one_try_is_taken_and_the_step_not_done_again() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let (shop, wire, clock) = held_shop(&folder, &world).await;
    wire.hold(|message| message.source == "customers" && matches!(message.body, Body::Reply(_)));
    shop.place(1).await.unwrap();
    eventually("credit is not held", || holds_credit(&shop, order_id(1))).await;
    clock.advance(Duration::from_secs(6));
    eventually("the try does not time out", || async {
        let row = shop.orders.operator().sagas(&[Status::Running], None, 10).await.unwrap().remove(0);
        let log = shop.orders.operator().saga(row.id).await.unwrap().log;
        log.iter().any(|logged| format!("{:?}", logged.entry).starts_with("Unanswered"))
    })
    .await;
    wire.release();
    assert_eq!(shop.ended(1).await, ("approved", Status::Completed));
    assert_eq!((world.charges(), shop.holds().await), (1, (1, vec![1, 1])));
    assert_each_effect_once(&shop.customers).await;
    shop.stop().await;
}

/// A command of a policy of orders to a customer.
fn command(customer: Id, name: &str, order: Id, id: u128, undoes: Option<Uuid>) -> Outgoing {
    let body = CommandBody {
        command: format!("customers.Customer.{name}"),
        target: customer.to_string(),
        arguments: Json::new(json!({ "order": order }).to_string()).unwrap(),
        reply_to: ReplyTo { topic: "orders.inbox".to_owned(), receiver: "policy:orders.Blame".to_owned() },
        saga: Some(Uuid::from_u128(99)),
        undoes,
    };
    Outgoing {
        id: Uuid::from_u128(id),
        to: "customers.inbox".to_owned(),
        key: format!("customers.Customer/{customer}"),
        body: Body::Command(body),
        meta: Meta::new(&Context::seeded(Arc::new(SystemClock), 1), Caller::service("orders")),
    }
}

async fn send(shop: &Shop, messages: Vec<Outgoing>) {
    let commit = Commit { outgoing: messages, ..Commit::default() };
    shop.orders.store.write(vec![commit]).await.remove(0).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_before_its_do_leaves_nothing_held_and_the_late_do_is_refused() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let (shop, _, _) = held_shop(&folder, &world).await;
    let undo = command(ada(), "ReleaseCredit", order_id(7), 702, Some(Uuid::from_u128(701)));
    let late = command(ada(), "HoldCredit", order_id(7), 701, None);
    // And both once more, as a sender does that got no answer.
    send(&shop, vec![undo.clone(), late.clone(), undo, late]).await;
    let operator = shop.orders.operator();
    eventually("the late command is not refused", || async {
        let refused = operator.refused_commands(None, 10).await.unwrap();
        refused
            .iter()
            .any(|command| command.command.command.ends_with("HoldCredit") && command.refusal.error == "Undone")
    })
    .await;
    assert!(!holds_credit(&shop, order_id(7)).await);
    assert_each_effect_once(&shop.customers).await;
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_holds_its_key_alone_and_the_rest_goes_on_when_it_is_discarded() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let (shop, _, _) = held_shop(&folder, &world).await;
    let bob: Id = Uuid::from_u128(2).to_string().parse().unwrap();
    shop.customers.execute(bob, &customer::Open { room: 5 }, Uuid::from_u128(22)).await.unwrap();
    let poison = command(ada(), "Vanish", order_id(8), 801, None);
    let behind = command(ada(), "HoldCredit", order_id(8), 802, None);
    let other = command(bob, "HoldCredit", order_id(8), 803, None);
    send(&shop, vec![poison, behind, other]).await;
    eventually("another key does not go on", || async {
        let bob = shop.customers.state::<customer::Holder>(&bob).await;
        bob.is_some_and(|bob| bob.holds.contains(&order_id(8)))
    })
    .await;
    let parked = || async { shop.customers.consumers.parked(Some("inbox")).await.unwrap() };
    eventually("it is not parked", || async { parked().await.len() == 2 }).await;
    let kinds: Vec<ParkedKind> = parked().await.iter().map(|parked| parked.kind).collect();
    assert_eq!(kinds, [ParkedKind::Poison, ParkedKind::Behind]);
    assert!(!holds_credit(&shop, order_id(8)).await, "what came later waits behind it");
    let discarded = shop.customers.consumers.discard(parked().await[0].id, &decision().reason).await.unwrap();
    assert_eq!(discarded, 1);
    eventually("the one behind does not go on", || holds_credit(&shop, order_id(8))).await;
    assert!(parked().await.is_empty());
    shop.stop().await;
}
