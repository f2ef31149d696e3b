//! What stands on Kafka, read as whoever obeys the protocol reads it: what comes again is left out, what is missing is not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde_json::{Value, json};

use super::database::Record;

const PATIENCE: Duration = Duration::from_secs(60);

/// The messages of all topics, partition by partition; each as a row of the embedded log is.
///
/// A relay may publish a message again (after a crash, or when it was paused and another took over), and readers drop it by its position: so
/// does this, where it is the same message. What is another, or comes before what it names, stays, for the checker to speak of.
pub(super) fn read(brokers: &str) -> Vec<Record> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "checker").set("enable.auto.commit", "false");
    let client: BaseConsumer = config.create().expect("a client of Kafka");
    let metadata = client.fetch_metadata(None, PATIENCE).expect("the broker answers");
    let places = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
    let places: Vec<(&str, i32)> =
        places.flat_map(|topic| topic.partitions().iter().map(|partition| (topic.name(), partition.id()))).collect();
    let mut all = Vec::new();
    for ((topic, partition), texts) in messages(&client, &places) {
        let mut seen: BTreeMap<(String, String, i64), Value> = BTreeMap::new();
        for text in texts {
            let message: Value = serde_json::from_str(&text).expect("a message is JSON");
            let of = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            let (source, epoch, pos) = (of("source"), of("epoch"), message["pos"].as_i64().unwrap_or(-1));
            let before = seen.insert((source.clone(), epoch.clone(), pos), message["id"].clone());
            if before.as_ref() == Some(&message["id"]) {
                continue;
            }
            let row = json!({
                "log_offset": all.len(), "topic": topic, "partition": partition,
                "source": source, "epoch": epoch, "pos": pos, "message": text,
            });
            let Value::Object(row) = row else { continue };
            all.push(row);
        }
    }
    all
}

/// The payloads of each partition, from its first to its last.
fn messages(client: &BaseConsumer, places: &[(&str, i32)]) -> BTreeMap<(String, i32), Vec<String>> {
    let (mut list, mut left, mut read) = (TopicPartitionList::new(), 0, BTreeMap::new());
    for (topic, partition) in places {
        let (first, end) = client.fetch_watermarks(topic, *partition, PATIENCE).expect("the broker answers");
        assert!(first == 0, "partition {partition} of `{topic}` begins at {first}: messages were deleted");
        list.add_partition_offset(topic, *partition, Offset::Beginning).expect("a place");
        left += end;
        read.insert(((*topic).to_owned(), *partition), Vec::new());
    }
    client.assign(&list).expect("places to read from");
    let until = Instant::now() + PATIENCE;
    while left > 0 {
        assert!(Instant::now() < until, "the log cannot be read: {left} messages do not come");
        // An error comes again, until patience ends.
        let Some(Ok(message)) = client.poll(Duration::from_millis(200)) else { continue };
        let texts = read.get_mut(&(message.topic().to_owned(), message.partition())).expect("only these are read");
        assert!(message.offset() == texts.len() as i64, "an offset of `{}` is missing", message.topic());
        texts.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
        left -= 1;
    }
    read
}
