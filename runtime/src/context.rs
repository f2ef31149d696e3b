//! Clock, ids and randomness, so that a run can be replayed from a seed; and what every piece of work carries with it.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::caller::Caller;

/// Where time comes from. The store's clock decides timers; this one stamps what a process does itself.
pub trait Clock: Send + Sync {
    /// Now, in UTC with microseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// Clock, ids and randomness of one process. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    clock: Arc<dyn Clock>,
    random: Arc<Mutex<StdRng>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// The machine's clock and randomness.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(Mutex::new(StdRng::from_os_rng())) }
    }

    /// A clock of the caller's and randomness from a seed.
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, random: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// Now, in UTC with microseconds.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id: a UUID of version 7, ordered by time.
    pub fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let mut bytes = [0u8; 10];
        self.fill(&mut bytes);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// Uniform in `0.0..1.0`, for jitter.
    pub fn fraction(&self) -> f64 {
        let mut bytes = [0u8; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }

    /// Random bytes, fit for secrets unless the randomness comes from a seed.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// An id derived from names, so that doing the same again makes the same id: a UUID of version 5 (SHA-1) in Minos' own
/// namespace, over the parts joined by `/`.
pub fn derived_id(parts: &[&str]) -> Uuid {
    /// Version 5 of `minos` in the DNS namespace.
    const NAMESPACE: Uuid = Uuid::from_u128(0x6d69_6e6f_7300_5000_8000_6d69_6e6f_7321);
    Uuid::new_v5(&NAMESPACE, parts.join("/").as_bytes())
}

/// What a piece of work carries from the request that began it to the last effect of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// W3C trace id: 32 hex digits, the same from the gateway to the last view and saga.
    pub trace_id: String,
    /// What this followed from: the id of the command, event or saga step before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// Who asked, in the first place.
    #[serde(default)]
    pub principal: Caller,
    /// For whom; empty where there is one tenant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
}

impl Meta {
    /// A new trace for `principal`.
    pub fn new(context: &Context, principal: Caller) -> Self {
        Self { trace_id: context.new_id().simple().to_string(), causation: None, principal, tenant: String::new() }
    }

    /// The same work, one step on: caused by `id`.
    #[must_use]
    pub fn caused_by(&self, id: Uuid) -> Self {
        Self { causation: Some(id), ..self.clone() }
    }
}
