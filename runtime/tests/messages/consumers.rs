//! Each message has its effect once; what cannot be handled is parked with its key, seen, and handled or given up by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use minos_runtime::log::HandlingError;
use minos_runtime::log::consumer::{Delivery, OperatorError, ParkedKind, State};
use minos_runtime::view::{RowChange, Value};
use uuid::Uuid;

use crate::support::{Service, Tracer, assert_each_once_in_order, folder, number, of_stream, until};

#[tokio::test(flavor = "multi_thread")]
async fn every_message_has_its_effect_once_across_orderly_restarts() {
    let (_keep, path) = folder();
    for round in 0..4 {
        let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
        a.relay().await;
        b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
        a.emit_many(round * 50, 50).await;
        if round == 3 {
            assert_each_once_in_order(&b.until_effects(200).await, "a", 200);
        }
        b.stop().await;
        a.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_events_come_from_the_own_store_private_ones_too() {
    let (_keep, path) = folder();
    let a = Service::start(&path, "a").await;
    a.consumers.start(Arc::new(Tracer::of("t", "").own())).await.unwrap();
    a.emit_as("a.Thing/0", "a.Thing.Happened", r#"{"n":1}"#, true).await;
    a.emit_as("a.Thing/0", "a.Thing.Other", "{}", false).await;
    let pos = a.emit_as("a.Thing/0", "a.Thing.Happened", r#"{"n":2}"#, false).await;
    assert_eq!(a.until_effects(2).await, ["a.Thing/0 1", "a.Thing/0 2"]);
    let mut progress = a.consumers.progress("t").unwrap();
    progress.wait_for(|progress| progress.applied("a", 0) == pos).await.unwrap();
    let status = a.consumers.status().await.unwrap();
    assert_eq!((status[0].lag, status[0].state.clone()), (0, State::Running));
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_from_now_sees_nothing_of_before_and_everything_after_its_first_start() {
    let (_keep, path) = folder();
    let a = Service::start(&path, "a").await;
    a.relay().await;
    a.emit_many(0, 10).await;
    until(async || a.messages("a.events").await.len() == 10).await;
    let tracer = || Arc::new(Tracer::of("t", "a.events").beginning_now());
    let b = Service::start(&path, "b").await;
    b.consumers.start(tracer()).await.unwrap();
    b.stop().await;
    a.emit_many(10, 10).await;
    let b = Service::start(&path, "b").await;
    b.consumers.start(tracer()).await.unwrap();
    let effects = b.until_effects(10).await;
    assert_eq!(effects.len(), 10);
    assert_eq!(of_stream(&effects, "a.Thing/3"), [13]);
    b.stop().await;
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_away_for_a_while_is_tried_again() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    let failures = AtomicU32::new(0);
    let tracer = Tracer::of("t", "a.events").answering(move |delivery| {
        let away = number(delivery) == 7 && failures.fetch_add(1, Ordering::SeqCst) < 4;
        if away { Err(HandlingError::Transient("away".to_owned())) } else { Ok(()) }
    });
    b.consumers.start(Arc::new(tracer)).await.unwrap();
    a.emit_many(0, 20).await;
    assert_each_once_in_order(&b.until_effects(20).await, "a", 20);
    assert!(b.consumers.parked(None).await.unwrap().is_empty());
    b.stop().await;
    a.stop().await;
}

/// A consumer that cannot handle number 12 (of stream 2) while `broken` is so.
fn poisoned(broken: &Arc<AtomicBool>) -> Arc<Tracer> {
    let broken = Arc::clone(broken);
    Arc::new(Tracer::of("t", "a.events").answering(move |delivery| {
        if number(delivery) == 12 && broken.load(Ordering::SeqCst) {
            return Err(HandlingError::Poison("cannot read it".to_owned()));
        }
        Ok(())
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_holds_its_key_alone_and_is_replayed_in_order() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    let broken = Arc::new(AtomicBool::new(true));
    b.consumers.start(poisoned(&broken)).await.unwrap();
    a.emit_many(0, 40).await;
    let effects = b.until_effects(37).await;
    assert_eq!(of_stream(&effects, "a.Thing/2"), [2]);
    assert_eq!(of_stream(&effects, "a.Thing/3"), [3, 13, 23, 33]);
    until(async || b.consumers.parked(Some("t")).await.unwrap().len() == 3).await;
    let parked = b.consumers.parked(None).await.unwrap();
    assert_eq!(
        parked.iter().map(|one| one.kind).collect::<Vec<_>>(),
        [ParkedKind::Poison, ParkedKind::Behind, ParkedKind::Behind]
    );
    assert_eq!(parked[0].reason, "cannot read it");
    assert!(b.consumers.parked(Some("other")).await.unwrap().is_empty());

    let again = b.consumers.replay(parked[0].id).await;
    assert!(matches!(again, Err(OperatorError::StillFails(_))), "{again:?}");
    assert_eq!(b.effects().await.len(), 37);

    // It outlives a restart: the key is still held.
    b.stop().await;
    let b = Service::start(&path, "b").await;
    b.consumers.start(poisoned(&broken)).await.unwrap();
    a.emit_many(42, 1).await;
    until(async || b.consumers.parked(None).await.unwrap().len() == 4).await;
    broken.store(false, Ordering::SeqCst);
    assert_eq!(b.consumers.replay(parked[0].id).await.unwrap(), 4);
    let effects = b.until_effects(41).await;
    assert_eq!(of_stream(&effects, "a.Thing/2"), [2, 12, 22, 32, 42]);
    assert!(b.consumers.parked(None).await.unwrap().is_empty());
    a.emit_many(52, 1).await;
    assert_eq!(of_stream(&b.until_effects(42).await, "a.Thing/2"), [2, 12, 22, 32, 42, 52]);
    assert!(matches!(b.consumers.replay(parked[0].id).await, Err(OperatorError::NotParked(_))));
    b.stop().await;
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_lets_the_later_ones_of_its_key_go_on() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    b.consumers.start(poisoned(&Arc::new(AtomicBool::new(true)))).await.unwrap();
    a.emit_many(0, 40).await;
    b.until_effects(37).await;
    until(async || b.consumers.parked(None).await.unwrap().len() == 3).await;
    let parked = b.consumers.parked(None).await.unwrap();
    assert_eq!(b.consumers.discard(parked[0].id, "was a test").await.unwrap(), 2);
    assert_eq!(of_stream(&b.until_effects(39).await, "a.Thing/2"), [2, 22, 32]);
    assert!(b.consumers.parked(None).await.unwrap().is_empty());
    b.stop().await;
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_parks_only_what_it_panicked_at() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    let tracer = Tracer::of("t", "a.events").answering(|delivery| {
        assert_ne!(number(delivery), 5, "a mistake in a handler");
        Ok(())
    });
    b.consumers.start(Arc::new(tracer)).await.unwrap();
    a.emit_many(0, 10).await;
    b.until_effects(9).await;
    until(async || b.consumers.parked(None).await.unwrap().len() == 1).await;
    assert!(b.consumers.parked(None).await.unwrap()[0].reason.contains("a mistake in a handler"));
    b.stop().await;
    a.stop().await;
}

/// Writes into a table that is not there where the number is 6.
struct Unwritable(Tracer);

#[async_trait::async_trait]
impl minos_runtime::log::consumer::Handler for Unwritable {
    fn consumer(&self) -> &str {
        self.0.consumer()
    }
    fn sources(&self) -> Vec<minos_runtime::log::consumer::Source> {
        self.0.sources()
    }
    fn start(&self) -> minos_runtime::log::consumer::Start {
        self.0.start()
    }
    fn wants(&self, delivery: &minos_runtime::log::consumer::Delivery) -> bool {
        self.0.wants(delivery)
    }
    async fn handle(
        &self,
        delivery: &minos_runtime::log::consumer::Delivery,
        effects: &mut minos_runtime::log::consumer::Effects,
    ) -> Result<minos_runtime::log::consumer::Handled, HandlingError> {
        if number(delivery) == 6 {
            effects.commit.rows.push(RowChange::Put { table: "nowhere".to_owned(), row: vec![Value::Int(1)] });
        }
        self.0.handle(delivery, effects).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_store_will_never_take_parks_the_guilty_message_alone() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    a.emit_many(0, 20).await;
    until(async || a.messages("a.events").await.len() == 20).await;
    b.consumers.start(Arc::new(Unwritable(Tracer::of("t", "a.events")))).await.unwrap();
    let effects = b.until_effects(18).await;
    assert_eq!(effects.len(), 18);
    until(async || b.consumers.parked(None).await.unwrap().len() == 2).await;
    let parked = b.consumers.parked(None).await.unwrap();
    assert_eq!(parked.iter().map(|one| one.pos).collect::<Vec<_>>(), [7, 17]);
    b.stop().await;
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_does_not_verify_is_never_applied_and_read_again_when_it_does() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    a.emit_many(0, 20).await;
    until(async || a.messages("a.events").await.len() == 20).await;
    let doubted = a.messages("a.events").await[7].id;
    b.keys.0.lock().unwrap().insert(doubted);
    b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    until(async || b.consumers.status().await.unwrap().iter().any(|one| matches!(one.state, State::Gap(_)))).await;
    until(async || b.consumers.parked(None).await.unwrap().len() == 1).await;
    let refused = b.consumers.parked(None).await.unwrap().remove(0);
    assert_eq!((refused.kind, refused.source.as_str()), (ParkedKind::Refused, ""));
    assert!(matches!(b.consumers.replay(refused.id).await, Err(OperatorError::Refused)));
    assert_eq!(b.effects().await.len(), 7, "nothing after it is applied either");
    b.keys.0.lock().unwrap().clear();
    assert_each_once_in_order(&b.until_effects(20).await, "a", 20);
    until(async || b.consumers.parked(None).await.unwrap().is_empty()).await;
    b.stop().await;
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_stops_the_consumer_and_is_reported() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    let message = |pos, previous| {
        let mut message = minos_runtime::testing::log::message("a.events", "a", pos, previous);
        message.signature = minos_runtime::log::MessageSigner::sign(&*a.keys, &message);
        message
    };
    a.log.create_topic("a.events").await.unwrap();
    a.log.publish(&[message(1, 0), message(2, 1), message(4, 3), message(5, 4)]).await.unwrap();
    b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    until(async || b.consumers.status().await.unwrap().iter().any(|one| matches!(one.state, State::Gap(_)))).await;
    assert_eq!(b.effects().await.len(), 2);
    let status = b.consumers.status().await.unwrap();
    assert!(status[0].lag > 0);
    b.stop().await;
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_parked_message_is_said_to_be_so() {
    let (_keep, path) = folder();
    let b = Service::start(&path, "b").await;
    let id = Uuid::from_u128(1);
    assert!(matches!(b.consumers.replay(id).await, Err(OperatorError::NotParked(_))));
    assert!(matches!(b.consumers.discard(id, "").await, Err(OperatorError::NotParked(_))));
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_pauses_when_many_keys_are_parked_and_goes_on_when_an_operator_says_so() {
    let (_keep, path) = folder();
    let a = Service::start(&path, "a").await;
    for n in 0..60 {
        a.emit(&format!("a.Thing/{n}"), "a.Thing.Happened", &format!(r#"{{"n":{n}}}"#)).await;
    }
    let broken = Arc::new(AtomicBool::new(true));
    let handler = |broken: &Arc<AtomicBool>| {
        let broken = Arc::clone(broken);
        let answer = move |_: &Delivery| match broken.load(Ordering::SeqCst) {
            true => Err(HandlingError::Poison("no".to_owned())),
            false => Ok(()),
        };
        Arc::new(Tracer::of("t", "").own().answering(answer))
    };
    a.consumers.start(handler(&broken)).await.unwrap();
    until(async || !a.consumers.paused().await.unwrap().is_empty()).await;
    let paused = a.consumers.paused().await.unwrap();
    assert_eq!((paused[0].topic.as_str(), paused[0].partition, paused[0].reason.as_str()), ("own", 0, "no"));
    let status = a.consumers.status().await.unwrap();
    assert!(matches!(status[0].state, State::Paused(_)), "{:?}", status[0].state);
    let parked = a.consumers.parked(None).await.unwrap();
    assert_eq!(parked.len(), 20, "the others are left where they are");
    a.stop().await;
    // It stays so over a restart, and although the cause is mended.
    broken.store(false, Ordering::SeqCst);
    let a = Service::start(&path, "a").await;
    a.consumers.start(handler(&broken)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(a.effects().await.is_empty());
    a.consumers.resume(paused[0].id).await.unwrap();
    a.until_effects(40).await;
    assert!(matches!(a.consumers.resume(paused[0].id).await, Err(OperatorError::NotPaused(_))));
    for parked in parked {
        assert_eq!(a.consumers.replay(parked.id).await.unwrap(), 1);
    }
    assert_eq!(a.effects().await.len(), 60, "each once");
    a.stop().await;
}
