//! Two services in one folder, and handlers whose effects can be counted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use minos_runtime::caller::Caller;
use minos_runtime::commit::{Append, Commit};
use minos_runtime::context::{Context, Meta, derived_id};
use minos_runtime::event::{NewEvent, StreamId};
use minos_runtime::instances::Instances;
use minos_runtime::log::consumer::{Consumers, Delivery, Effects, Handled, Handler, Parts, Source, Start};
use minos_runtime::log::embedded::EmbeddedLog;
use minos_runtime::log::relay::Relay;
use minos_runtime::log::{Body, HandlingError, Log, Message, MessageSigner, MessageVerifier, Outgoing};
use minos_runtime::shutdown::Shutdown;
use minos_runtime::store::Store;
use minos_runtime::store::sqlite::SqliteStore;
use uuid::Uuid;

/// How long a test waits for what must come.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A service that runs: its store, the log, and what consumes.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) consumers: Arc<Consumers>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) context: Context,
    pub(crate) shutdown: Shutdown,
    pub(crate) instances: Instances,
}

/// Signs with a service's name; believes those that are not distrusted.
#[derive(Default)]
pub(crate) struct Keys(pub(crate) Mutex<BTreeSet<Uuid>>);

impl MessageSigner for Keys {
    fn sign(&self, message: &Message) -> String {
        format!("{} {}", message.source, message.signed_bytes().len())
    }
}

impl MessageVerifier for Keys {
    fn verify(&self, message: &Message) -> Result<(), String> {
        let good = message.signature == self.sign(message) && !self.0.lock().unwrap().contains(&message.id);
        if good { Ok(()) } else { Err("the signature is not good".to_owned()) }
    }
}

impl Service {
    pub(crate) async fn start(folder: &Path, name: &str) -> Self {
        let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(&folder.join("log.db")).await.unwrap());
        Self::over(folder, name, log).await
    }

    /// A service whose messages go over `log`.
    pub(crate) async fn over(folder: &Path, name: &str, log: Arc<dyn Log>) -> Self {
        let context = Context::system();
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&folder.join(format!("{name}.db")), name, &context).await.unwrap());
        Self::with(name, store, log, Instances::alone(), Shutdown::new()).await
    }

    /// A service over that store.
    pub(crate) async fn with(
        name: &str,
        store: Arc<dyn Store>,
        log: Arc<dyn Log>,
        instances: Instances,
        shutdown: Shutdown,
    ) -> Self {
        let (context, keys) = (Context::system(), Arc::new(Keys::default()));
        let parts = Parts {
            service: name.to_owned(),
            store: Arc::clone(&store),
            log: Arc::clone(&log),
            verifier: Arc::clone(&keys) as Arc<dyn MessageVerifier>,
            context: context.clone(),
            instances: instances.clone(),
        };
        let consumers = Arc::new(Consumers::open(parts, &shutdown).await.unwrap());
        Self { name: name.to_owned(), store, log, consumers, keys, context, shutdown, instances }
    }

    /// The same, but it knows that there may be others.
    #[cfg(feature = "kafka")]
    pub(crate) async fn among_others(self) -> Self {
        self.another().await
    }

    /// Another instance of the same service.
    #[cfg(feature = "kafka")]
    pub(crate) async fn another(&self) -> Self {
        let shutdown = Shutdown::new();
        let instances = Instances::among(&self.store, &self.context, &shutdown).await.unwrap();
        Self::with(&self.name, Arc::clone(&self.store), Arc::clone(&self.log), instances, shutdown).await
    }

    /// Which partitions of a consumer's one topic this instance reads.
    #[cfg(feature = "kafka")]
    pub(crate) fn owned(&self, consumer: &str, partitions: u32) -> Vec<u32> {
        let does =
            |number: &u32| self.instances.does(minos_runtime::instances::Work { name: consumer, number: *number });
        (0..partitions).filter(does).collect()
    }

    pub(crate) async fn relay(&self) {
        let relay = Relay {
            instances: self.instances.clone(),
            service: self.name.clone(),
            store: Arc::clone(&self.store),
            log: Arc::clone(&self.log),
            signer: Arc::clone(&self.keys) as Arc<dyn MessageSigner>,
            context: self.context.clone(),
        };
        relay.start(&self.shutdown).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        assert!(self.shutdown.finish(LONG).await, "a task did not end");
        self.store.close().await;
        self.log.close().await;
    }

    /// Appends an event.
    pub(crate) async fn emit(&self, stream: &str, event: &str, data: &str) -> u64 {
        self.emit_as(stream, event, data, false).await
    }

    pub(crate) async fn emit_as(&self, stream: &str, event: &str, data: &str, private: bool) -> u64 {
        self.emit_with(stream, event, data, private, 1).await
    }

    /// Appends an event of that schema version.
    pub(crate) async fn emit_version(&self, stream: &str, event: &str, data: &str, version: u32) -> u64 {
        self.emit_with(stream, event, data, false, version).await
    }

    async fn emit_with(&self, stream: &str, event: &str, data: &str, private: bool, schema_version: u32) -> u64 {
        let stream = StreamId::from_stored(stream);
        let expected = self.store.stream_version(&stream).await.unwrap();
        let event = NewEvent {
            event_id: self.context.new_id(),
            event_type: event.to_owned(),
            schema_version,
            entered: None,
            private,
            data: data.to_owned(),
        };
        let (at, meta) = (self.context.now(), Meta::new(&self.context, Caller::anonymous()));
        let append = Append { stream, expected, events: vec![event], at, meta };
        let commit = Commit { appends: vec![append], ..Commit::default() };
        let written = self.store.write(vec![commit]).await.remove(0).unwrap();
        written.positions[0]
    }

    /// Ten streams in turn, `count` numbered events.
    pub(crate) async fn emit_many(&self, from: u64, count: u64) {
        for n in from..from + count {
            let stream = format!("{}.Thing/{}", self.name, n % 10);
            self.emit(&stream, &format!("{}.Thing.Happened", self.name), &format!(r#"{{"n":{n}}}"#)).await;
        }
    }

    /// All messages of a topic.
    pub(crate) async fn messages(&self, topic: &str) -> Vec<Message> {
        let (mut offset, mut messages) = (0, Vec::new());
        loop {
            let read = self.log.read(topic, 0, offset, 500, Duration::ZERO).await.unwrap();
            let Some(last) = read.last() else { return messages };
            offset = last.next_offset;
            messages.extend(read.into_iter().map(|read| *read.message.unwrap()));
        }
    }

    /// What handlers have done, in order: their effects are messages to themselves, and so each counts, doubled ones too.
    pub(crate) async fn effects(&self) -> Vec<String> {
        let sent = self.store.read_outgoing(0, 100_000).await.unwrap();
        sent.into_iter().map(|sent| sent.message.key).collect()
    }

    pub(crate) async fn until_effects(&self, count: usize) -> Vec<String> {
        until(async || self.effects().await.len() >= count).await;
        self.effects().await
    }
}

/// Waits until it is so.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it never came so");
}

/// What a handler makes of a message beside its effect.
pub(crate) type Answer = dyn Fn(&Delivery) -> Result<(), HandlingError> + Send + Sync;

/// Leaves a trace of each message: `<consumer> <stream> <n>`.
pub(crate) struct Tracer {
    pub(crate) name: String,
    pub(crate) sources: Vec<Source>,
    pub(crate) start: Start,
    pub(crate) answer: Box<Answer>,
}

impl Tracer {
    pub(crate) fn of(name: &str, topic: &str) -> Self {
        let sources = vec![Source::Topic(topic.to_owned())];
        Self { name: name.to_owned(), sources, start: Start::First, answer: Box::new(|_| Ok(())) }
    }

    #[must_use]
    pub(crate) fn own(mut self) -> Self {
        self.sources = vec![Source::Own];
        self
    }

    #[must_use]
    pub(crate) fn beginning_now(mut self) -> Self {
        self.start = Start::Now;
        self
    }

    #[must_use]
    pub(crate) fn answering(
        mut self,
        answer: impl Fn(&Delivery) -> Result<(), HandlingError> + Send + Sync + 'static,
    ) -> Self {
        self.answer = Box::new(answer);
        self
    }
}

/// The number in an event's payload.
pub(crate) fn number(delivery: &Delivery) -> u64 {
    let data: serde_json::Value = serde_json::from_str(&delivery.event().unwrap().data).unwrap();
    data["n"].as_u64().unwrap()
}

pub(crate) fn trace(delivery: &Delivery) -> String {
    format!("{} {}", delivery.key(), number(delivery))
}

#[async_trait]
impl Handler for Tracer {
    fn consumer(&self) -> &str {
        &self.name
    }
    fn sources(&self) -> Vec<Source> {
        self.sources.clone()
    }
    fn start(&self) -> Start {
        self.start
    }
    fn wants(&self, delivery: &Delivery) -> bool {
        delivery.event().is_some_and(|event| event.event_type.ends_with(".Happened"))
    }
    async fn handle(&self, delivery: &Delivery, effects: &mut Effects) -> Result<Handled, HandlingError> {
        // The effect first: what is refused afterwards must leave no trace.
        effects.commit.outgoing.push(outgoing(&trace(delivery), delivery));
        (self.answer)(delivery)?;
        Ok(Handled::InEffects)
    }
}

/// A message that goes nowhere: only its place in the outgoing table counts.
pub(crate) fn outgoing(key: &str, delivery: &Delivery) -> Outgoing {
    let id = derived_id(&[key]);
    Outgoing {
        id,
        to: "port:none".to_owned(),
        key: key.to_owned(),
        body: Body::Ended { saga: id },
        meta: delivery.meta().clone(),
    }
}

/// The numbers of each stream, in the order of the traces.
pub(crate) fn of_stream(traces: &[String], stream: &str) -> Vec<u64> {
    let of_stream = traces.iter().filter_map(|trace| trace.strip_prefix(stream)?.strip_prefix(' '));
    of_stream.map(|number| number.parse().unwrap()).collect()
}

/// Each of `count` numbered events of `service` once, each stream in order.
pub(crate) fn assert_each_once_in_order(traces: &[String], service: &str, count: u64) {
    assert_eq!(traces.len() as u64, count, "each once");
    for stream in 0..10 {
        let expected: Vec<u64> = (0..count).filter(|n| n % 10 == stream).collect();
        assert_eq!(of_stream(traces, &format!("{service}.Thing/{stream}")), expected);
    }
}

/// A folder for a test.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}
