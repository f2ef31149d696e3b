//! What every [`Log`] must hold.
#![allow(clippy::unwrap_used)] // A suite fails by panicking.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::context::{Context, Meta};
use crate::event::Json;
use crate::log::{Body, EventBody, Log, LogError, Message};

/// Opens the same log again: what was published before must be there.
pub type Open<'a> = dyn Fn() -> Pin<Box<dyn Future<Output = Result<Box<dyn Log>, LogError>> + Send>> + 'a;

/// Runs the whole suite on one log, which must be empty.
pub async fn conformance(open: &Open<'_>) {
    let log = open().await.unwrap();
    messages_come_back_as_they_were_published_and_in_order(&*log).await;
    what_is_published_again_is_seen_once_in_order(&*log).await;
    topics_are_apart(&*log).await;
    reading_goes_on_after_the_offset_given(&*log).await;
    sources_and_epochs_count_for_themselves(&*log).await;
    a_reader_waits_for_the_first_message_but_not_for_ever(&*log).await;
    many_publishers_lose_nothing(&*log).await;
    an_unknown_topic_is_refused(&*log).await;
    log.health().await.unwrap();
    log.close().await;
    assert!(log.publish(&[message("order", "a", 9, 8)]).await.is_err(), "a closed log takes nothing");
    let again = open().await.unwrap();
    what_was_acknowledged_outlives_the_process(&*again).await;
    reading_past_the_end_is_refused(&*again).await;
    again.close().await;
}

/// An event of `source` at `pos`, for tests.
pub fn message(topic: &str, source: &str, pos: u64, previous: u64) -> Message {
    let context = Context::system();
    Message {
        specversion: 1,
        id: Uuid::from_u128(u128::from(pos)),
        source: source.to_owned(),
        epoch: "1".to_owned(),
        topic: topic.to_owned(),
        partition: 0,
        key: format!("{source}.Thing/{}", pos % 3),
        pos,
        previous,
        time: Timestamp::UNIX_EPOCH,
        meta: Meta { trace_id: "0".repeat(32), ..Meta::new(&context, crate::caller::Caller::anonymous()) },
        body: Body::Event(EventBody {
            stream: format!("{source}.Thing/{}", pos % 3),
            version: pos,
            event_type: format!("{source}.Thing.Happened"),
            schema_version: 1,
            entered: None,
            data: Json::new(format!(r#"{{"n": {pos}, "text": "ü \u0000 €"}}"#)).unwrap(),
        }),
        signature: "s".to_owned(),
    }
}

/// What a reader sees that drops what is not past the last position of its source and epoch: a log may hold a message twice.
async fn all(log: &dyn Log, topic: &str) -> Vec<Message> {
    let mut last = BTreeMap::new();
    let mut messages = everything(log, topic).await;
    messages.retain(|message| {
        let last = last.entry((message.source.clone(), message.epoch.clone())).or_insert(0);
        let next = message.pos > *last;
        *last = message.pos.max(*last);
        next
    });
    messages
}

/// What stands in a topic.
async fn everything(log: &dyn Log, topic: &str) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut offset = 0;
    loop {
        let read = log.read(topic, 0, offset, 7, Duration::ZERO).await.unwrap();
        if read.is_empty() {
            return messages;
        }
        for one in read {
            assert!(one.next_offset > offset, "offsets grow");
            offset = one.next_offset;
            messages.push(*one.message.unwrap());
        }
    }
}

async fn messages_come_back_as_they_were_published_and_in_order(log: &dyn Log) {
    log.create_topic("order").await.unwrap();
    log.create_topic("order").await.unwrap();
    let sent: Vec<Message> = (1..=100).map(|pos| message("order", "a", pos, pos - 1)).collect();
    log.publish(&sent[..1]).await.unwrap();
    log.publish(&sent[1..]).await.unwrap();
    log.publish(&[]).await.unwrap();
    assert_eq!(all(log, "order").await, sent);
}

async fn what_is_published_again_is_seen_once_in_order(log: &dyn Log) {
    let before = all(log, "order").await;
    let again: Vec<Message> = (95..=103).map(|pos| message("order", "a", pos, pos - 1)).collect();
    log.publish(&again).await.unwrap();
    log.publish(&again).await.unwrap();
    let after = all(log, "order").await;
    assert_eq!(after.len(), before.len() + 3);
    assert!(after.windows(2).all(|pair| pair[1].previous == pair[0].pos));
}

async fn topics_are_apart(log: &dyn Log) {
    log.create_topic("apart").await.unwrap();
    assert!(all(log, "apart").await.is_empty());
    assert_eq!(log.end("apart", 0).await.unwrap(), 0);
    log.publish(&[message("apart", "a", 1, 0), message("order", "a", 104, 103)]).await.unwrap();
    assert_eq!(all(log, "apart").await.len(), 1);
    assert_eq!(all(log, "order").await.len(), 104);
}

async fn reading_goes_on_after_the_offset_given(log: &dyn Log) {
    let first = log.read("order", 0, 0, 1, Duration::ZERO).await.unwrap();
    let second = log.read("order", 0, first[0].next_offset, 1, Duration::ZERO).await.unwrap();
    assert_eq!(second[0].message.as_ref().unwrap().pos, 2);
    let end = log.end("order", 0).await.unwrap();
    assert!(log.read("order", 0, end, 1, Duration::ZERO).await.unwrap().is_empty());
}

async fn sources_and_epochs_count_for_themselves(log: &dyn Log) {
    log.create_topic("sources").await.unwrap();
    let restored = Message { epoch: "2".to_owned(), ..message("sources", "a", 1, 0) };
    let sent = [message("sources", "a", 1, 0), message("sources", "b", 1, 0), restored];
    log.publish(&sent).await.unwrap();
    assert_eq!(all(log, "sources").await, sent);
}

async fn a_reader_waits_for_the_first_message_but_not_for_ever(log: &dyn Log) {
    log.create_topic("wait").await.unwrap();
    let begun = std::time::Instant::now();
    assert!(log.read("wait", 0, 0, 1, Duration::from_millis(40)).await.unwrap().is_empty());
    assert!(begun.elapsed() >= Duration::from_millis(40));
    let publish = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        log.publish(&[message("wait", "a", 1, 0)]).await.unwrap();
    };
    let (read, ()) = tokio::join!(log.read("wait", 0, 0, 1, Duration::from_secs(20)), publish);
    assert_eq!(read.unwrap().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "it was woken");
}

async fn many_publishers_lose_nothing(log: &dyn Log) {
    log.create_topic("many").await.unwrap();
    let sources: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
    let publishers = sources.iter().map(|source| async move {
        for first in (1..200).step_by(10) {
            let batch: Vec<Message> = (first..first + 10).map(|pos| message("many", source, pos, pos - 1)).collect();
            log.publish(&batch).await.unwrap();
        }
    });
    futures_util::future::join_all(publishers).await;
    let read = all(log, "many").await;
    for source in &sources {
        let positions: Vec<u64> = read.iter().filter(|m| m.source == *source).map(|m| m.pos).collect();
        assert_eq!(positions, (1..=200).collect::<Vec<u64>>());
    }
}

async fn an_unknown_topic_is_refused(log: &dyn Log) {
    let refused = log.publish(&[message("nowhere", "a", 1, 0)]).await;
    assert!(matches!(refused, Err(LogError::Refused(_))), "{refused:?}");
}

async fn what_was_acknowledged_outlives_the_process(log: &dyn Log) {
    assert_eq!(all(log, "order").await.len(), 104);
    assert_eq!(all(log, "many").await.len(), 1600);
    log.create_topic("order").await.unwrap();
    assert_eq!(log.partitions("order").await.unwrap(), 1);
}

async fn reading_past_the_end_is_refused(log: &dyn Log) {
    let end = log.end("order", 0).await.unwrap();
    let refused = log.read("order", 0, end + 1, 1, Duration::ZERO).await;
    assert!(matches!(refused, Err(LogError::Refused(_) | LogError::Lost(_))), "no silent reset: {refused:?}");
}
