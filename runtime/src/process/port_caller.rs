//! The port caller: makes the calls that sagas and policies asked for, at least once, outside of any transaction.
//!
//! It tails the service's outgoing messages. A policy's call becomes a row in the commit that moves the position on, and the
//! row goes when the call is answered: calls of one key one after another, keys side by side. A saga's call needs no row, for
//! the saga's log says that it waits: the answer goes there, and after a crash [`PortCaller::resume`] calls again under the
//! same key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::Instrument as _;
use uuid::Uuid;

use super::ProcessError;
use super::saga::log::{Outcome, Silence, parse_stream};
use super::saga::mover::{Mover, News};
use super::saga::progress::State;
use crate::commit::{Commit, CommitError, PositionMove};
use crate::context::{Context, Meta};
use crate::event::{Json, StreamId};
use crate::fault::Point;
use crate::log::{Body, PortBody, Position, SentMessage, SourceKey};
use crate::port::{PortCall, PortDispatch, PortError};
use crate::refusal::Refusal;
use crate::saga::{Retry, StepDef};
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};

pub mod calls;

use calls::{Call, CallStatus};

/// The consumer's name under which its position is kept.
pub const CONSUMER: &str = "ports";
/// How many messages are read at once.
const BATCH: usize = 256;
/// How many calls are under way at once at most.
const CALLS: usize = 64;
/// How long a policy's call waits for its answer.
const POLICY_TIMEOUT: Duration = StepDef::DEFAULT_TIMEOUT;
/// The pauses between tries of a policy's call, which is tried for ever.
const PAUSES: Retry = Retry { times: u32::MAX, first: Duration::from_millis(200), longest: Duration::from_secs(60) };
/// How long the tail sleeps when there is nothing to do; a commit of this process wakes it.
const POLL: Duration = Duration::from_millis(500);

/// The port caller of one service. Cheap to clone.
#[derive(Clone)]
pub struct PortCaller(Arc<Inner>);

struct Inner {
    service: String,
    store: Arc<dyn Store>,
    context: Context,
    ports: BTreeMap<&'static str, Arc<dyn PortDispatch>>,
    mover: Arc<Mover>,
    slots: Semaphore,
    /// Sagas' calls under way here, and keys whose calls are being made; true where there is news for them.
    busy: Mutex<BTreeMap<String, bool>>,
    shutdown: Shutdown,
}

impl PortCaller {
    /// Calls `ports` for `service`.
    pub fn new(
        service: &str,
        store: Arc<dyn Store>,
        context: Context,
        ports: &[Arc<dyn PortDispatch>],
        mover: Arc<Mover>,
        shutdown: Shutdown,
    ) -> Self {
        let ports = ports.iter().map(|port| (port.port(), Arc::clone(port))).collect();
        let service = service.to_owned();
        let (slots, busy) = (Semaphore::new(CALLS), Mutex::default());
        Self(Arc::new(Inner { service, store, context, ports, mover, slots, busy, shutdown }))
    }

    /// Until shutdown: first what was left over, then what comes.
    pub async fn run(self) {
        let mut tries = 0;
        while let Err(error) = self.follow().await {
            tries += 1;
            let pause = super::saga::machine::pause(PAUSES, tries, self.0.context.fraction());
            tracing::warn!(service = self.0.service, %error, ?pause, "the port caller begins again");
            if self.0.shutdown.sleep(pause).await {
                return;
            }
        }
    }

    async fn follow(&self) -> Result<(), ProcessError> {
        let inner = &*self.0;
        let mut wake = inner.store.wake();
        self.resume_calls().await?;
        let mut saved = self.position().await?;
        let mut read_to = saved.as_ref().map_or(0, |position| position.pos);
        while !inner.shutdown.is_asked() {
            let sent = inner.store.read_outgoing(read_to, BATCH).await?;
            let Some(last) = sent.last().map(|sent| sent.pos) else {
                tokio::select! {
                    () = wake.wait(POLL) => continue,
                    () = inner.shutdown.asked() => return Ok(()),
                }
            };
            saved = self.take_in(&sent, saved, last).await?;
            read_to = last;
        }
        Ok(())
    }

    async fn position(&self) -> Result<Option<Position>, StoreError> {
        let own = SourceKey::own(&self.0.service);
        let positions = self.0.store.positions(CONSUMER).await?;
        Ok(positions.into_iter().find(|(source, _)| *source == own).map(|(_, position)| position))
    }

    /// Policies' calls become rows, in one commit with the position; then all are made.
    async fn take_in(
        &self,
        sent: &[SentMessage],
        saved: Option<Position>,
        last: u64,
    ) -> Result<Option<Position>, ProcessError> {
        let mut keys = BTreeSet::new();
        let mut commit = Commit::default();
        for message in sent {
            let Body::Port(body) = &message.message.body else { continue };
            if parse_stream(&body.asked_by).is_some() {
                self.call_for_saga(message.message.id, body.clone(), message.message.meta.clone());
            } else if let Some(call) = Call::of(message) {
                commit.rows.push(call.put()?);
                keys.insert(call.key);
            }
        }
        // Without rows the position may lag behind: sagas' calls read again find their answers in the sagas' logs.
        if keys.is_empty() && last < saved.as_ref().map_or(0, |position| position.pos) + BATCH as u64 {
            return Ok(saved);
        }
        let to = Position { pos: last, epoch: String::new(), offset: last };
        let source = SourceKey::own(&self.0.service);
        commit.positions.push(PositionMove { consumer: CONSUMER.to_owned(), source, expected: saved, to: to.clone() });
        self.write(commit).await?;
        for key in keys {
            self.call_key(key);
        }
        Ok(Some(to))
    }

    async fn write(&self, commit: Commit) -> Result<(), CommitError> {
        let written = self.0.store.write(vec![commit]).await.pop();
        written.unwrap_or_else(|| Err(CommitError::Unavailable("the store gave no answer".to_owned()))).map(|_| ())
    }

    /// Makes the calls of policies that were left over.
    async fn resume_calls(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let calls = calls::calls(&*self.0.store, after, BATCH).await?;
            let Some(last) = calls.last() else { return Ok(()) };
            after = Some(last.pos);
            for call in calls {
                self.call_key(call.key);
            }
        }
    }

    /// Calls again whatever a saga waits for from ports: after a crash nobody else does.
    pub async fn resume(&self, stream: &StreamId) -> Result<(), ProcessError> {
        let Some(loaded) = self.0.mover.load(stream).await? else { return Ok(()) };
        for (command, body, meta) in self.0.mover.waiting_calls(&loaded)? {
            self.call_for_saga(command, body, meta);
        }
        Ok(())
    }

    /// Makes the calls of a key, one after another.
    pub fn call_key(&self, key: String) {
        let caller = self.clone();
        let what = key.clone();
        self.work(what, move || {
            let (caller, key) = (caller.clone(), key.clone());
            async move { caller.key(&key).await }
        });
    }

    /// Runs `work` in a task, unless it is being done already: then once more after that.
    fn work<F: Future<Output = ()> + Send>(&self, what: String, work: impl Fn() -> F + Send + Sync + 'static) {
        {
            let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(news) = busy.get_mut(&what) {
                *news = true;
                return;
            }
            busy.insert(what.clone(), false);
        }
        let caller = self.clone();
        self.0.shutdown.spawn("port calls", async move {
            let until_done = async {
                loop {
                    work().await;
                    let mut busy = caller.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
                    match busy.get_mut(&what) {
                        Some(news) if *news => *news = false,
                        _ => {
                            busy.remove(&what);
                            return;
                        }
                    }
                }
            };
            tokio::select! {
                () = until_done => {}
                () = caller.0.shutdown.asked() => {}
            }
        });
    }

    async fn key(&self, key: &str) {
        let mut failures = 0;
        loop {
            match self.first_call(key).await {
                Ok(true) => failures = 0,
                Ok(false) => return,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(service = self.0.service, key, %error, "a port call could not be settled");
                    tokio::time::sleep(super::saga::machine::pause(PAUSES, failures, self.0.context.fraction())).await;
                }
            }
        }
    }

    /// Tries the first call of a key; false where there is none, or a broken one holds the key.
    async fn first_call(&self, key: &str) -> Result<bool, ProcessError> {
        let Some(mut call) = calls::first_of(&*self.0.store, key).await? else { return Ok(false) };
        if call.status == CallStatus::Broken {
            return Ok(false);
        }
        let result = self.call(call.id, &call.call, &call.meta, POLICY_TIMEOUT).await;
        call.attempts = call.attempts.saturating_add(1);
        let why = match result {
            Ok(_) => {
                self.write(call.remove()).await?;
                return Ok(true);
            }
            Err(PortError::Unavailable(why) | PortError::Unknown(why)) => why,
            Err(PortError::Refused(refusal)) => {
                call.status = CallStatus::Refused;
                refusal.message
            }
            Err(PortError::Broken(why)) => {
                call.status = CallStatus::Broken;
                why
            }
        };
        tracing::warn!(service = self.0.service, port = call.call.port, operation = call.call.operation, id = %call.id,
            status = call.status.as_str(), attempts = call.attempts, why, "a port call failed");
        call.reason = Some(why);
        self.write(call.save()?).await?;
        if call.status == CallStatus::Waiting {
            tokio::time::sleep(super::saga::machine::pause(PAUSES, call.attempts, self.0.context.fraction())).await;
        }
        Ok(true)
    }

    /// Makes a saga's call and takes the answer to the saga.
    fn call_for_saga(&self, command: Uuid, body: PortBody, meta: Meta) {
        let caller = self.clone();
        let asked = Arc::new((body, meta));
        self.work(command.to_string(), move || {
            let (caller, asked) = (caller.clone(), Arc::clone(&asked));
            async move {
                if let Err(error) = caller.saga_call(command, &asked.0, &asked.1).await {
                    tracing::warn!(service = caller.0.service, saga = asked.0.asked_by, %error, "a saga's port call failed");
                }
            }
        });
    }

    async fn saga_call(&self, command: Uuid, body: &PortBody, meta: &Meta) -> Result<(), ProcessError> {
        let stream = StreamId::from_stored(&body.asked_by);
        let Some(loaded) = self.0.mover.load(&stream).await? else { return Ok(()) };
        let Some(asked) = loaded.progress.unanswered(command).and_then(|slot| loaded.progress.asked(slot)) else {
            return Ok(());
        };
        let State::Waiting(deadline) = asked.state else { return Ok(()) };
        let Ok(left) = Duration::try_from(deadline.duration_since(self.0.context.now())) else { return Ok(()) };
        let result = self.call(command, body, meta, left).await;
        let news = match result {
            Ok(result) => News::Answer(command, Outcome::Done(Some(json(result)?))),
            Err(PortError::Refused(refusal)) => News::Answer(command, Outcome::Refused(refusal)),
            Err(PortError::Unavailable(why)) => News::Silence(command, Silence::Unavailable, why),
            Err(PortError::Unknown(why)) => News::Silence(command, Silence::Unknown, why),
            Err(PortError::Broken(why)) => News::Silence(command, Silence::Broken, why),
        };
        self.0.mover.tell(&stream, &news).await
    }

    async fn call(
        &self,
        key: Uuid,
        body: &PortBody,
        meta: &Meta,
        timeout: Duration,
    ) -> Result<String, PortError<Refusal>> {
        let Some(port) = self.0.ports.get(body.port.as_str()) else {
            return Err(PortError::Broken(format!("nothing implements the port `{}`", body.port)));
        };
        let call = PortCall { key, traceparent: traceparent(meta, key), timeout };
        let called = async {
            let _slot = self.0.slots.acquire().await;
            port.call(&body.operation, body.arguments.as_str(), call).await
        };
        let (trace_id, port, operation) = (&meta.trace_id, &body.port, &body.operation);
        let span = tracing::info_span!("calling", trace_id, port, operation);
        let result = match tokio::time::timeout(timeout, called).instrument(span.clone()).await {
            Ok(result) => result,
            Err(_) => Err(PortError::Unknown(format!("no answer within {timeout:?}"))),
        };
        span.in_scope(|| tracing::info!(%key, done = result.is_ok(), "a port was called"));
        Point::PortAnswered.pass();
        result
    }
}

fn json(text: String) -> Result<Json, ProcessError> {
    Json::new(text).map_err(|error| ProcessError::Corrupt(format!("a port's result that is no JSON: {error}")))
}

/// W3C `traceparent`: the trace, and the call as the span.
fn traceparent(meta: &Meta, call: Uuid) -> String {
    let span = &call.simple().to_string()[..16];
    format!("00-{}-{span}-01", meta.trace_id)
}
