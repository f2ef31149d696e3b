//! A topic that the brokers lost: the relay publishes it again from the store, consumers read it from its beginning, and what was
//! applied is not applied again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use minos_runtime::context::Context;
use minos_runtime::log::Log;
use minos_runtime::log::kafka::{KafkaLog, KafkaSettings};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;

use crate::support::{Service, Tracer, assert_each_once_in_order, folder, until};

const PARTITIONS: u32 = 2;

struct Broker {
    settings: KafkaSettings,
}

impl Broker {
    fn new() -> Option<Self> {
        let kafka = servers::Kafka::shared()?;
        let prefix = format!("{}.", Context::system().new_id().simple());
        // A producer waits so long for a topic that is gone, in case it comes back.
        let client = BTreeMap::from([("message.timeout.ms".to_owned(), "4000".to_owned())]);
        let new = KafkaSettings::new(kafka.brokers());
        Some(Self { settings: KafkaSettings { prefix, partitions: PARTITIONS, client, ..new } })
    }

    fn log(&self) -> Arc<dyn Log> {
        Arc::new(KafkaLog::connect(&self.settings).unwrap())
    }

    async fn delete(&self, topic: &str) {
        let name = format!("{}{topic}", self.settings.prefix);
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.settings.brokers).create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
        for deleted in admin.delete_topics(&[&name], &options).await.unwrap() {
            deleted.unwrap();
        }
    }
}

/// How many messages the topic's partitions hold.
async fn held(log: &dyn Log, topic: &str) -> u64 {
    let mut held = 0;
    for partition in 0..PARTITIONS {
        held += log.end(topic, partition).await.unwrap_or(0);
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_lost_between_two_runs_is_published_again_and_applied_once() {
    let Some(broker) = Broker::new() else { return };
    let (_keep, path) = folder();
    let b = Service::over(&path, "b", broker.log()).await;
    let a = Service::over(&path, "a", broker.log()).await;
    a.relay().await;
    a.emit_many(0, 40).await;
    until(async || held(&*a.log, "a.events").await == 40).await;
    b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    b.until_effects(40).await;
    a.stop().await;
    broker.delete("a.events").await;

    let a = Service::over(&path, "a", broker.log()).await;
    a.relay().await;
    a.emit_many(40, 10).await;
    until(async || held(&*a.log, "a.events").await == 50).await;
    assert_each_once_in_order(&b.until_effects(50).await, "a", 50);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_lost_under_a_relay_is_made_anew_and_published_again() {
    let Some(broker) = Broker::new() else { return };
    let (_keep, path) = folder();
    let (a, b) = (Service::over(&path, "a", broker.log()).await, Service::over(&path, "b", broker.log()).await);
    a.relay().await;
    a.emit_many(0, 40).await;
    until(async || held(&*a.log, "a.events").await == 40).await;
    b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
    b.until_effects(40).await;

    broker.delete("a.events").await;
    a.emit_many(40, 10).await;
    until(async || held(&*a.log, "a.events").await == 50).await;
    assert_each_once_in_order(&b.until_effects(50).await, "a", 50);
    a.stop().await;
    b.stop().await;
}
