//! The yardstick: a bare producer and a bare consumer.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use minos_runtime::log::Log;
use minos_runtime::log::kafka::KafkaSettings;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use super::{COUNT, PACE, PARTITIONS, WARMUP};

/// As large as an event in its envelope.
const SIZE: usize = 700;
/// A consumer that nothing has come to for so long has got all.
const IDLE: Duration = Duration::from_secs(30);

/// From the call of `send` until the consumer has it, for each message: acknowledged by all replicas, at the same pace.
pub(super) async fn produce_to_consume(settings: &KafkaSettings, log: &dyn Log, round: usize) -> Vec<Duration> {
    let topic = format!("raw-{round}");
    log.create_topic(&topic).await.unwrap();
    let topic = format!("{}{topic}", settings.prefix);
    let (ready, consumed) = consume(settings.brokers.clone(), topic.clone());
    ready.recv().unwrap();
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .create()
        .unwrap();
    let payload = "x".repeat(SIZE);
    let mut sent = Vec::new();
    let mut next = tokio::time::interval(PACE);
    for n in 0..WARMUP + COUNT {
        next.tick().await;
        sent.push(Instant::now());
        let partition = i32::try_from(n % PARTITIONS as usize).unwrap();
        let key = n.to_string();
        producer
            .send(FutureRecord::to(&topic).partition(partition).key(&key).payload(&payload), Duration::from_secs(10))
            .await
            .unwrap();
    }
    let mut took = vec![Duration::ZERO; sent.len()];
    for _ in 0..sent.len() {
        let (n, at) = consumed.recv_timeout(Duration::from_secs(30)).unwrap();
        took[n] = at - sent[n];
    }
    took.split_off(WARMUP)
}

fn consume(brokers: String, topic: String) -> (mpsc::Receiver<()>, mpsc::Receiver<(usize, Instant)>) {
    let ((is_ready, ready), (sender, consumed)) = (mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "raw").create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(&topic, i32::try_from(partition).unwrap(), Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        is_ready.send(()).unwrap();
        let mut last = Instant::now();
        loop {
            let message = match consumer.poll(IDLE) {
                Some(Ok(message)) => message,
                // The client gets over what it says here by itself: a leader not known yet, a connection made again.
                Some(Err(error)) => {
                    tracing::warn!(%error, "the bare consumer goes on");
                    continue;
                }
                // Also said when it was busy with something else than messages.
                None if last.elapsed() < IDLE => continue,
                None => return,
            };
            last = Instant::now();
            let key = std::str::from_utf8(message.key().unwrap()).unwrap().parse().unwrap();
            if sender.send((key, Instant::now())).is_err() {
                return;
            }
        }
    });
    (ready, consumed)
}
