//! The stores against the log between them: what was committed was published, once, whole, in the order of each key; nothing was
//! published that was not committed; and everybody has read to the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Findings;
use super::database::Record;
use super::evidence::{Evidence, Service, number, text};

/// A message of the log.
struct Message<'a> {
    offset: i64,
    topic: String,
    /// 0 on the embedded log, which has one.
    partition: i64,
    source: String,
    pos: i64,
    body: Value,
    row: &'a Record,
}

impl Message<'_> {
    fn key(&self) -> &str {
        self.body["key"].as_str().unwrap_or_default()
    }

    /// Whether it tells that a saga has ended.
    fn is_end(&self) -> bool {
        !self.body["body"]["ended"].is_null()
    }

    fn is_event(&self) -> bool {
        self.topic.ends_with(".events")
    }
}

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let messages: Vec<Message<'_>> = evidence.log.iter().map(message).collect();
    for (name, service) in &evidence.services {
        streams(service, findings);
        published(name, service, &messages, findings);
        read_to_the_end(name, service, &messages, findings);
    }
    keys(&messages, findings);
    previous(&messages, findings);
}

fn message(row: &Record) -> Message<'_> {
    Message {
        offset: number(row, "log_offset"),
        topic: text(row, "topic"),
        partition: number(row, "partition"),
        source: text(row, "source"),
        pos: number(row, "pos"),
        body: serde_json::from_str(&text(row, "message")).unwrap_or_default(),
        row,
    }
}

/// Each stream's events are numbered from 1 on, in the order of their positions, up to the version that the store knows.
fn streams(service: &Service, findings: &mut Findings) {
    let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
    for event in &service.events {
        let version = versions.entry(&event.stream).or_default();
        if event.version != *version + 1 {
            let (stream, is, at) = (&event.stream, event.version, event.pos);
            findings.say(format!("stream `{stream}` goes from version {version} to {is} at position {at}"));
        }
        *version = event.version;
    }
    for (stream, known) in &service.streams {
        let stored = versions.get(stream.as_str()).copied().unwrap_or(0);
        if stored != *known {
            findings.say(format!("stream `{stream}` is said to be at version {known}, and has {stored} events: lost"));
        }
    }
}

/// What a service commits and what the log holds of it are the same.
fn published(name: &str, service: &Service, messages: &[Message<'_>], findings: &mut Findings) {
    let mut wanted: BTreeMap<(String, i64), (String, String)> = BTreeMap::new();
    for event in service.events.iter().filter(|event| !event.private) {
        let what = format!("`{}`, version {} of `{}`", event.kind, event.version, event.stream);
        wanted.insert((format!("{name}.events"), event.pos), (event.id.clone(), what));
    }
    for row in service.table("outgoing").iter().filter(|row| !text(row, "receiver").starts_with("port:")) {
        let what = format!("the message to `{}` for `{}`", text(row, "receiver"), text(row, "key"));
        wanted.insert((text(row, "receiver"), number(row, "pos")), (text(row, "id"), what));
    }
    // That a saga has ended is told on each partition; everything else stands in one place.
    let mut everywhere: BTreeSet<(&str, i64, String)> = BTreeSet::new();
    for message in messages.iter().filter(|message| message.source == name) {
        let id = message.body["id"].as_str().unwrap_or_default().replace('-', "");
        match wanted.remove(&(message.topic.clone(), message.pos)) {
            Some((wanted, _)) if wanted == id => {
                if message.is_end() {
                    everywhere.insert((&message.topic, message.pos, id));
                }
            }
            None if message.partition > 0
                && everywhere.contains(&(message.topic.as_str(), message.pos, id.clone())) => {}
            Some((_, what)) => findings.say(format!("{what}, was published with the id of something else")),
            None => findings.say(format!(
                "position {} of `{}` in `{}` was published twice, or never committed",
                message.pos, name, message.topic
            )),
        }
    }
    for ((topic, pos), (_, what)) in wanted {
        findings.say(format!("{what} was committed at position {pos} and never published to `{topic}`: lost"));
    }
}

/// The messages of one key stand in the order in which they were committed; events have no gap.
fn keys(messages: &[Message<'_>], findings: &mut Findings) {
    let mut last: BTreeMap<(&str, i64, &str, &str), (i64, i64)> = BTreeMap::new();
    for message in messages {
        let place = (message.topic.as_str(), message.partition, message.source.as_str(), message.key());
        let (pos, version) = last.entry(place).or_default();
        if message.pos <= *pos {
            findings.say(format!(
                "in `{}`, position {} of key `{}` stands after position {pos}: swapped",
                message.topic,
                message.pos,
                message.key()
            ));
        }
        *pos = message.pos;
        if message.is_event() {
            let is = message.body["body"]["event"]["version"].as_i64().unwrap_or(-1);
            if is != *version + 1 {
                findings.say(format!(
                    "in `{}`, version {is} of key `{}` stands after version {version}: swapped or missing",
                    message.topic,
                    message.key()
                ));
            }
            *version = is;
        }
    }
}

/// Each message names the one before it of its source, on its partition of its topic.
fn previous(messages: &[Message<'_>], findings: &mut Findings) {
    let mut last: BTreeMap<(&str, i64, &str, String), i64> = BTreeMap::new();
    for message in messages {
        let place = (message.topic.as_str(), message.partition, message.source.as_str(), text(message.row, "epoch"));
        let before = last.entry(place).or_default();
        let says = message.body["previous"].as_i64().unwrap_or(-1);
        if says != *before {
            findings.say(format!(
                "in `{}`, position {} of `{}` says that {says} came before it, and it was {before}",
                message.topic, message.pos, message.source
            ));
        }
        *before = message.pos;
    }
}

/// Each consumer has done with all that its sources hold.
fn read_to_the_end(name: &str, service: &Service, messages: &[Message<'_>], findings: &mut Findings) {
    // A table that another has taken over from is not filled any more, and goes a little later.
    let current = service.table("view_tables").iter().filter(|row| text(row, "standing") == "current");
    let live: BTreeSet<String> = current.map(|row| text(row, "consumer")).collect();
    for row in service.table("positions") {
        let (consumer, topic, source) = (text(row, "consumer"), text(row, "topic"), text(row, "source"));
        if consumer.starts_with("relay:")
            || consumer == "ports"
            || consumer.starts_with("view:") && !live.contains(&consumer)
        {
            continue;
        }
        let own = service.events.last().map_or(0, |event| event.pos);
        let partition = number(row, "partition");
        let is_read = |message: &&Message<'_>| {
            message.topic == topic && message.source == source && message.partition == partition
        };
        let mut read = messages.iter().filter(is_read);
        let end = if topic == "own" { own } else { read.next_back().map_or(0, |message| message.pos) };
        let pos = number(row, "pos");
        if pos < end {
            findings.say(format!(
                "`{consumer}` of `{name}` stopped at position {pos} of `{source}` in `{topic}`, of {end}"
            ));
        }
    }
    for relay in ["relay:events", "relay:outgoing"] {
        let ends = if relay == "relay:events" {
            service.events.last().map_or(0, |event| event.pos)
        } else {
            service.table("outgoing").iter().map(|row| number(row, "pos")).max().unwrap_or(0)
        };
        let rows = service.table("positions").iter().filter(|row| text(row, "consumer") == relay);
        let pos = rows.map(|row| number(row, "pos")).max().unwrap_or(0);
        if pos < ends {
            findings.say(format!("`{relay}` of `{name}` stopped at position {pos} of {ends}"));
        }
    }
    let offsets: BTreeSet<i64> = messages.iter().map(|message| message.offset).collect();
    if offsets.len() != messages.len() {
        findings.say("two messages have one offset");
    }
}
