//! What is committed is published, in order, and nothing else.

use minos_runtime::commit::Commit;
use minos_runtime::log::relay::EVENTS;
use minos_runtime::log::{Body, Outgoing};
use minos_runtime::view::{ColumnDef, ColumnKind, Table};

use crate::support::{Service, folder, until};

#[tokio::test(flavor = "multi_thread")]
async fn public_events_reach_the_topic_in_order_and_signed() {
    let (_keep, path) = folder();
    let service = Service::start(&path, "a").await;
    for n in 0..30 {
        service.emit_as("a.Thing/1", "a.Thing.Happened", &format!(r#"{{"n":{n}}}"#), n % 3 == 0).await;
    }
    service.relay().await;
    until(async || service.messages("a.events").await.len() == 20).await;
    service.emit("a.Thing/1", "a.Thing.Happened", r#"{"n":30}"#).await;
    until(async || service.messages("a.events").await.len() == 21).await;
    let messages = service.messages("a.events").await;
    let mut previous = 0;
    for message in &messages {
        assert_eq!(message.previous, previous);
        assert!(message.pos > previous);
        assert_eq!(message.signature, minos_runtime::log::MessageSigner::sign(&*service.keys, message));
        previous = message.pos;
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_checkpoint_publishes_nothing_twice() {
    let (_keep, path) = folder();
    for round in 1..=3 {
        let service = Service::start(&path, "a").await;
        // As if the process had died after publishing, before the checkpoint was saved.
        let column = ColumnDef { name: "id".to_owned(), kind: ColumnKind::Int, nullable: false, indexed: false };
        let table = Table { name: "gone".to_owned(), columns: vec![column], key: 1 };
        service.store.create_table(&table).await.unwrap();
        service.store.drop_table("gone", Some(EVENTS)).await.unwrap();
        assert!(service.store.positions(EVENTS).await.unwrap().is_empty());
        service.relay().await;
        service.emit_many((round - 1) * 20, 20).await;
        until(async || service.messages("a.events").await.len() as u64 == round * 20).await;
        let messages = service.messages("a.events").await;
        assert!(messages.windows(2).all(|pair| pair[1].previous == pair[0].pos));
        service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_kept_and_saved_at_shutdown() {
    let (_keep, path) = folder();
    let service = Service::start(&path, "a").await;
    service.relay().await;
    service.emit_many(0, 25).await;
    until(async || service.messages("a.events").await.len() == 25).await;
    assert!(service.shutdown.finish(crate::support::LONG).await);
    let positions = service.store.positions(EVENTS).await.unwrap();
    assert_eq!(positions.len(), 2, "how far it read, and what it published");
    assert!(positions.iter().all(|(_, position)| position.pos == 25));
    let lag = async || minos_runtime::log::relay::lag(&*service.store, "a").await.unwrap();
    assert_eq!(lag().await.events, 0);
    service.emit_many(25, 3).await;
    assert_eq!(lag().await.events, 3, "nobody publishes any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn outgoing_messages_go_where_they_are_addressed_and_port_calls_stay() {
    let (_keep, path) = folder();
    let service = Service::start(&path, "a").await;
    service.relay().await;
    let outgoing = |n: u128, to: &str| Outgoing {
        id: uuid::Uuid::from_u128(n),
        to: to.to_owned(),
        key: "k".to_owned(),
        body: Body::Ended { saga: uuid::Uuid::from_u128(n) },
        meta: minos_runtime::context::Meta::new(&service.context, minos_runtime::caller::Caller::service("a")),
    };
    let all = [outgoing(1, "b.inbox"), outgoing(2, "port:a.P"), outgoing(3, "c.inbox"), outgoing(4, "b.inbox")];
    service.store.write(vec![Commit { outgoing: all.to_vec(), ..Commit::default() }]).await.remove(0).unwrap();
    until(async || {
        service.log.create_topic("b.inbox").await.unwrap();
        service.messages("b.inbox").await.len() == 2
    })
    .await;
    let to_b = service.messages("b.inbox").await;
    assert_eq!(to_b.iter().map(|message| (message.pos, message.previous)).collect::<Vec<_>>(), [(1, 0), (4, 1)]);
    let to_c = service.messages("c.inbox").await;
    assert_eq!(to_c.iter().map(|message| (message.pos, message.previous)).collect::<Vec<_>>(), [(3, 0)]);
    service.stop().await;
}
