//! Durable timers: one runner a service wakes sagas and fires the timers of aggregates when the store's clock says so.
//!
//! One of the instances runs it. Should two, whoever comes second finds the timer cleared, or is told of a conflict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::saga::machine::pause;
use super::saga::mover::{Mover, News};
use super::{Decider, ProcessError};
use crate::commit::{Commit, Timer, TimerChange};
use crate::context::Context;
use crate::event::StreamId;
use crate::fault::Point;
use crate::instances::Instances;
use crate::saga::Retry;
use crate::shutdown::Shutdown;
use crate::store::Store;

/// How many timers are taken at once.
const BATCH: usize = 64;
/// How long it sleeps at most: timers that other instances set are found then.
const POLL: Duration = Duration::from_millis(500);
/// The pauses before a timer that failed is tried again.
const PAUSES: Retry = Retry { times: u32::MAX, first: Duration::from_millis(100), longest: Duration::from_secs(30) };

/// The payload of a saga's timer.
#[derive(Debug, Serialize, Deserialize)]
struct SagaTimer {
    saga: String,
}

/// The payload of the timer of a saga's log.
pub(crate) fn saga_timer(stream: &StreamId) -> String {
    serde_json::json!({ "saga": stream.as_str() }).to_string()
}

/// The saga's log whose timer has that payload; absent where it is another's.
fn saga_of(payload: &str) -> Option<StreamId> {
    serde_json::from_str::<SagaTimer>(payload).ok().map(|timer| StreamId::from_stored(&timer.saga))
}

/// The runner of one service's timers.
pub struct Timers {
    /// The service.
    pub service: String,
    /// Where the timers are.
    pub store: Arc<dyn Store>,
    /// Randomness for pauses.
    pub context: Context,
    /// Fires the timers of aggregates.
    pub decider: Arc<dyn Decider>,
    /// Wakes sagas.
    pub mover: Arc<Mover>,
    /// Who else could fire them.
    pub instances: Instances,
}

impl Timers {
    /// Until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        let mut wake = self.store.wake();
        let mut failed: BTreeMap<Uuid, (u32, Instant)> = BTreeMap::new();
        while !shutdown.is_asked() {
            if !self.instances.does(super::TIMERS) {
                tokio::select! {
                    () = self.instances.until(|instances| instances.does(super::TIMERS)) => {}
                    () = shutdown.asked() => return,
                }
            }
            let sleep = match self.store.due_timers(BATCH + failed.len()).await {
                Ok(timers) => {
                    let now = Instant::now();
                    failed.retain(|id, _| timers.due.iter().any(|timer| timer.id == *id));
                    let ready = |timer: &&Timer| failed.get(&timer.id).is_none_or(|(_, until)| *until <= now);
                    let due: Vec<&Timer> = timers.due.iter().filter(ready).collect();
                    let busy = !due.is_empty();
                    self.fire_all(&due, &mut failed).await;
                    if busy { Duration::ZERO } else { timers.next_in.unwrap_or(POLL).min(POLL) }
                }
                Err(error) => {
                    tracing::warn!(service = self.service, %error, "timers cannot be read");
                    POLL
                }
            };
            if sleep.is_zero() {
                continue;
            }
            tokio::select! {
                () = wake.wait(sleep) => {}
                () = shutdown.asked() => {}
            }
        }
    }

    async fn fire_all(&self, due: &[&Timer], failed: &mut BTreeMap<Uuid, (u32, Instant)>) {
        let fired = join_all(due.iter().map(|timer| self.fire(timer))).await;
        for (timer, fired) in due.iter().zip(fired) {
            let Err(error) = fired else {
                failed.remove(&timer.id);
                continue;
            };
            let tries = failed.get(&timer.id).map_or(1, |(tries, _)| tries.saturating_add(1));
            let again_in = pause(PAUSES, tries, self.context.fraction());
            tracing::warn!(service = self.service, timer = timer.payload, %error, ?again_in, "a timer failed");
            failed.insert(timer.id, (tries, Instant::now() + again_in));
        }
    }

    async fn fire(&self, timer: &Timer) -> Result<(), ProcessError> {
        Point::TimerFiring.pass();
        let Some(stream) = saga_of(&timer.payload) else {
            return self.decider.fire(timer).await.map_err(|error| ProcessError::Busy(error.to_string()));
        };
        match self.mover.tell(&stream, &News::Wake(timer.due)).await {
            // A timer without its saga has nothing to wake.
            Err(ProcessError::NotFound(_)) => self.clear(timer).await,
            told => told,
        }
    }

    async fn clear(&self, timer: &Timer) -> Result<(), ProcessError> {
        let clear = Commit { timers: vec![TimerChange::Clear(timer.id)], ..Commit::default() };
        match self.store.write(vec![clear]).await.pop() {
            Some(Err(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
