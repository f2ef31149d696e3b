//! Several partitions, several instances: each message once, each key in order, also while work moves from one to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use minos_runtime::caller::Caller;
use minos_runtime::commit::Commit;
use minos_runtime::context::Meta;
use minos_runtime::log::consumer::Delivery;
use minos_runtime::log::kafka::{KafkaLog, KafkaSettings};
use minos_runtime::log::{Body, HandlingError, Log, Message, Outgoing};
use uuid::Uuid;

use crate::support::{Service, Tracer, assert_each_once_in_order, folder, until};

/// How many partitions each topic has.
const PARTITIONS: u32 = 4;

/// A log with several partitions; `None` where no broker can be had.
fn log() -> Option<Arc<dyn Log>> {
    let kafka = servers::Kafka::shared()?;
    let prefix = format!("{}.", Uuid::from_u128(rand_u128()).simple());
    let settings = KafkaSettings { prefix, partitions: PARTITIONS, ..KafkaSettings::new(kafka.brokers()) };
    Some(Arc::new(KafkaLog::connect(&settings).unwrap()))
}

fn rand_u128() -> u128 {
    let context = minos_runtime::context::Context::system();
    context.new_id().as_u128() ^ u128::from(std::process::id())
}

async fn partition(log: &dyn Log, topic: &str, partition: u32) -> Vec<Message> {
    let (mut offset, mut messages) = (0, Vec::new());
    loop {
        let read = log.read(topic, partition, offset, 500, Duration::ZERO).await.unwrap();
        let Some(last) = read.last() else { return messages };
        offset = last.next_offset;
        messages.extend(read.into_iter().map(|read| *read.message.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_stays_on_one_partition_and_each_partition_names_its_previous() {
    let Some(log) = log() else { return };
    let (_keep, path) = folder();
    let a = Service::over(&path, "a", Arc::clone(&log)).await;
    a.relay().await;
    a.emit_many(0, 100).await;
    let all = async || {
        let mut all = Vec::new();
        for number in 0..PARTITIONS {
            all.push(partition(&*log, "a.events", number).await);
        }
        all
    };
    until(async || all().await.iter().map(Vec::len).sum::<usize>() == 100).await;
    let all = all().await;
    assert!(all.iter().filter(|messages| !messages.is_empty()).count() > 1, "keys are spread");
    let mut places = std::collections::BTreeMap::new();
    for (number, messages) in all.iter().enumerate() {
        assert!(messages.first().is_none_or(|first| first.previous == 0));
        assert!(messages.windows(2).all(|pair| pair[1].previous == pair[0].pos && pair[1].pos > pair[0].pos));
        for message in messages {
            assert_eq!(*places.entry(message.key.clone()).or_insert(number), number);
        }
    }
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_saga_has_ended_comes_on_every_partition_behind_its_commands() {
    let Some(log) = log() else { return };
    let (_keep, path) = folder();
    let a = Service::over(&path, "a", Arc::clone(&log)).await;
    a.relay().await;
    let outgoing = |key: &str| Outgoing {
        id: Uuid::from_u128(key.len() as u128),
        to: "b.inbox".to_owned(),
        key: key.to_owned(),
        body: Body::Ended { saga: Uuid::from_u128(7) },
        meta: Meta::new(&a.context, Caller::service("a")),
    };
    let sent = vec![outgoing("one"), outgoing("another")];
    a.store.write(vec![Commit { outgoing: sent, ..Commit::default() }]).await.remove(0).unwrap();
    for number in 0..PARTITIONS {
        until(async || {
            log.create_topic("b.inbox").await.unwrap();
            partition(&*log, "b.inbox", number).await.len() == 2
        })
        .await;
        let messages = partition(&*log, "b.inbox", number).await;
        let positions: Vec<_> =
            messages.iter().map(|message| (message.partition, message.pos, message.previous)).collect();
        assert_eq!(positions, [(number, 1, 0), (number, 2, 1)]);
    }
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_at_once_publish_twice_and_readers_see_each_once() {
    let Some(log) = log() else { return };
    let (_keep, path) = folder();
    let a = Service::over(&path, "a", Arc::clone(&log)).await;
    let b = Service::over(&path, "b", Arc::clone(&log)).await;
    // Neither knows of the other, as a paused leader does not that wakes up.
    a.relay().await;
    a.relay().await;
    b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    a.emit_many(0, 300).await;
    assert_each_once_in_order(&b.until_effects(300).await, "a", 300);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(b.effects().await.len(), 300);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_partitions_and_those_of_one_that_is_gone_move() {
    let Some(log) = log() else { return };
    let (_keep, path) = folder();
    let a = Service::over(&path, "a", Arc::clone(&log)).await;
    a.relay().await;
    let first = Service::over(&path, "b", Arc::clone(&log)).await.among_others().await;
    first.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    a.emit_many(0, 100).await;
    first.until_effects(100).await;
    // A second one joins, and takes half of it over.
    let second = first.another().await;
    second.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    let shared = async |service: &Service| service.owned("t", PARTITIONS);
    until(async || shared(&first).await.len() == 2 && shared(&second).await.len() == 2).await;
    a.emit_many(100, 200).await;
    first.until_effects(300).await;
    // It ends without a word, as one that is killed or paused.
    let begun = Instant::now();
    assert!(second.shutdown.finish(crate::support::LONG).await);
    a.emit_many(300, 200).await;
    assert_each_once_in_order(&first.until_effects(500).await, "a", 500);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(shared(&first).await.len(), 4);
    a.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_un_parked_on_one_instance_goes_on_where_it_is_read() {
    let Some(log) = log() else { return };
    let (_keep, path) = folder();
    let a = Service::over(&path, "a", Arc::clone(&log)).await;
    a.relay().await;
    let first = Service::over(&path, "b", Arc::clone(&log)).await.among_others().await;
    let second = first.another().await;
    let broken = Arc::new(AtomicBool::new(true));
    for service in [&first, &second] {
        let broken = Arc::clone(&broken);
        let answer = move |_: &Delivery| match broken.load(Ordering::SeqCst) {
            true => Err(HandlingError::Poison("no".to_owned())),
            false => Ok(()),
        };
        service.consumers.start(Arc::new(Tracer::of("t", "a.events").answering(answer))).await.unwrap();
    }
    a.emit_many(0, 20).await;
    let parked = async || first.consumers.parked(None).await.unwrap();
    until(async || parked().await.len() == 20).await;
    broken.store(false, Ordering::SeqCst);
    // Each key by both instances at once: whichever reads it, and however they meet, each message has its effect once.
    let heads: Vec<Uuid> = (0..10)
        .map(|stream| format!("a.Thing/{stream}"))
        .zip(std::iter::repeat(parked().await))
        .map(|(key, parked)| parked.iter().find(|parked| parked.key == key).unwrap().id)
        .collect();
    for head in heads {
        let (one, other) = tokio::join!(first.consumers.replay(head), second.consumers.replay(head));
        assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    }
    a.emit_many(20, 20).await;
    assert_each_once_in_order(&first.until_effects(40).await, "a", 40);
    assert!(parked().await.is_empty());
    for service in [a, second, first] {
        assert!(service.shutdown.finish(crate::support::LONG).await);
    }
}
