//! On a real broker where one can be had (see the package `servers`), on librdkafka's mock cluster elsewhere.

use rdkafka::mocking::MockCluster;

use super::*;
use crate::log::partition::partition_of;
use crate::testing::log::{conformance, message};

/// The mock cluster, where there is no broker; it ends with this value.
struct Cluster(Option<MockCluster<'static, rdkafka::producer::DefaultProducerContext>>);

impl Cluster {
    /// Tests with topics of those names: the mock cluster makes none when asked to.
    fn start(topics: &[&str], partitions: u32) -> (Self, KafkaSettings) {
        let prefix = format!("{}.", crate::context::Context::system().new_id().simple());
        let settings = |brokers: String| KafkaSettings { prefix, partitions, ..KafkaSettings::new(brokers) };
        if let Some(kafka) = servers::Kafka::shared() {
            return (Self(None), settings(kafka.brokers().to_owned()));
        }
        let mock = MockCluster::new(1).unwrap();
        let settings = settings(mock.bootstrap_servers());
        for topic in topics {
            let name = format!("{}{topic}", settings.prefix);
            mock.create_topic(&name, i32::try_from(partitions).unwrap(), 1).unwrap();
        }
        (Self(Some(mock)), settings)
    }

    fn is_real(&self) -> bool {
        self.0.is_none()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_passes_the_conformance_suite() {
    let (_cluster, settings) = Cluster::start(&["order", "apart", "sources", "wait", "many"], 1);
    conformance(&|| {
        let settings = settings.clone();
        Box::pin(async move { Ok(Box::new(KafkaLog::connect(&settings)?) as Box<dyn Log>) })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_apart_and_each_is_read_by_many_at_places_of_their_own() {
    let (_cluster, settings) = Cluster::start(&["a.events"], 3);
    let log = KafkaLog::connect(&settings).unwrap();
    log.create_topic("a.events").await.unwrap();
    assert_eq!(log.partitions("a.events").await.unwrap(), 3);
    let mut sent = Vec::new();
    for pos in 1..=300_u64 {
        let partition = u32::try_from(pos % 3).unwrap();
        sent.push(Message { partition, ..message("a.events", "a", pos, pos.saturating_sub(3)) });
    }
    log.publish(&sent).await.unwrap();
    let log = &log;
    let readers = (0..12_u32).map(|reader| async move {
        let (partition, mut offset, mut positions) = (reader % 3, u64::from(reader) * 5, Vec::new());
        let began = offset;
        while offset < 100 {
            let read = log.read("a.events", partition, offset, 7, Duration::from_secs(10)).await.unwrap();
            offset = read.last().unwrap().next_offset;
            positions.extend(read.into_iter().map(|read| read.message.unwrap().pos));
            tokio::time::sleep(Duration::from_millis(u64::from(reader))).await;
        }
        let of_partition = (1..=300).filter(|pos| pos % 3 == u64::from(partition));
        assert_eq!(positions, of_partition.skip(usize::try_from(began).unwrap()).collect::<Vec<_>>());
    });
    futures_util::future::join_all(readers).await;
    let refused = log.publish(&[Message { partition: 3, ..message("a.events", "a", 301, 0) }]).await;
    assert!(matches!(refused, Err(LogError::Refused(_))), "{refused:?}");
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_partitions_is_refused() {
    let (_cluster, settings) = Cluster::start(&["a.events"], 2);
    let log = KafkaLog::connect(&settings).unwrap();
    log.create_topic("a.events").await.unwrap();
    log.close().await;
    let log = KafkaLog::connect(&KafkaSettings { partitions: 4, ..settings }).unwrap();
    let error = log.create_topic("a.events").await.unwrap_err().to_string();
    assert!(error.contains("has 2 partitions, but 4 are configured"), "{error}");
    assert!(log.publish(&[message("a.events", "a", 1, 0)]).await.is_err(), "nothing goes to the wrong place");
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_s_partition_is_the_one_that_kafka_s_own_clients_choose() {
    use rdkafka::producer::{FutureProducer, FutureRecord};
    let (_cluster, settings) = Cluster::start(&["a.events"], 5);
    let log = KafkaLog::connect(&settings).unwrap();
    log.create_topic("a.events").await.unwrap();
    let producer: FutureProducer = settings.writer().create().unwrap();
    for n in 0..50 {
        let (key, topic) = (format!("a.Thing/{n}"), log.name("a.events"));
        let sent = producer.send(FutureRecord::to(&topic).key(&key).payload("x"), TIME).await.unwrap();
        assert_eq!(sent.partition, i32::try_from(partition_of(&key, 5)).unwrap(), "{key}");
    }
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_told_with_its_text() {
    use rdkafka::producer::{FutureProducer, FutureRecord};
    let (_cluster, settings) = Cluster::start(&["a.events"], 1);
    let log = KafkaLog::connect(&settings).unwrap();
    log.create_topic("a.events").await.unwrap();
    let producer: FutureProducer = settings.writer().create().unwrap();
    let topic = log.name("a.events");
    producer.send(FutureRecord::to(&topic).key("k").payload("hello"), TIME).await.unwrap();
    producer.send(FutureRecord::<str, [u8]>::to(&topic).payload(&[0xff, 0xfe][..]), TIME).await.unwrap();
    log.publish(&[message("a.events", "a", 1, 0)]).await.unwrap();
    let mut read = Vec::new();
    while read.len() < 3 {
        read.extend(log.read("a.events", 0, read.len() as u64, 10, TIME).await.unwrap());
    }
    assert_eq!(read[0].message.as_ref().unwrap_err().raw, "hello");
    assert!(read[1].message.is_err());
    assert_eq!(read[2].message.as_ref().unwrap().pos, 1);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_for_ever_on_the_broker() {
    use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
    let (cluster, settings) = Cluster::start(&[], 1);
    if !cluster.is_real() {
        return;
    }
    let log = KafkaLog::connect(&settings).unwrap();
    let admin: AdminClient<Quiet> = settings.admin().create_with_context(Quiet).unwrap();
    for (topic, retention) in [("a.events", "-1"), ("a.inbox", "2592000000")] {
        log.create_topic(topic).await.unwrap();
        let name = log.name(topic);
        let described = admin.describe_configs(&[ResourceSpecifier::Topic(&name)], &AdminOptions::new()).await.unwrap();
        let config = described.into_iter().next().unwrap().unwrap();
        assert_eq!(config.get("retention.ms").unwrap().value.as_deref(), Some(retention));
        assert_eq!(config.get("cleanup.policy").unwrap().value.as_deref(), Some("delete"));
    }
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_broker_everything_goes_on() {
    let Some(mut kafka) = servers::or_left_out(servers::Kafka::start(), "a Kafka broker") else { return };
    if !kafka.is_own() {
        return;
    }
    let log = Arc::new(KafkaLog::connect(&KafkaSettings::new(kafka.brokers())).unwrap());
    log.create_topic("a.events").await.unwrap();
    log.publish(&[message("a.events", "a", 1, 0)]).await.unwrap();
    assert_eq!(log.read("a.events", 0, 0, 10, TIME).await.unwrap().len(), 1);
    kafka.kill();
    assert!(log.health().await.is_err());
    let waiting = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            loop {
                match log.read("a.events", 0, 1, 10, Duration::from_secs(2)).await {
                    Ok(read) if !read.is_empty() => return read,
                    Ok(_) => {}
                    Err(LogError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    let publishing = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            // Published again from the checkpoint until it is acknowledged, as the relay does.
            while let Err(error) = log.publish(&[message("a.events", "a", 2, 1)]).await {
                assert!(matches!(error, LogError::Unavailable(_)), "{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    kafka.start_again();
    publishing.await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
    assert_eq!(read[0].message.as_ref().unwrap().pos, 2);
    log.health().await.unwrap();
    log.close().await;
}

#[test]
fn settings_are_refused_with_all_mistakes_at_once_and_secrets_are_not_shown() {
    let mut settings = KafkaSettings { partitions: 0, ..KafkaSettings::new("") };
    settings.client.insert("acks".to_owned(), "1".to_owned());
    settings.client.insert("sasl.password".to_owned(), "very secret".to_owned());
    let mistakes = settings.mistakes();
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    assert!(!format!("{settings:?}").contains("very secret"));
    let mut settings = KafkaSettings::new("127.0.0.1:1");
    settings.client.insert("no.such.property".to_owned(), "1".to_owned());
    assert!(settings.mistakes()[0].contains("no.such.property"), "{:?}", settings.mistakes());
}
