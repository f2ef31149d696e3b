//! The registry: which instances of which service are where, and healthy.
//!
//! An instance registers at its start, renews its lease, and unregisters at its stop; the registry also probes
//! `GET /health` of each, and takes one that fails out of rotation at once. A name is bound to a credential, so that nobody takes
//! over another's; what is probed must be in a configured network, so that nobody sends the registry elsewhere.
//!
//! * `PUT /v1/services/{service}/instances/{instance}` `{"address": "127.0.0.1:4000"}`, with the credential as bearer token:
//!   registers, and renews: the same again. Answers `{"ttl": 10}`, seconds.
//! * `DELETE` of the same unregisters.
//! * `GET /v1/services?index=7&wait=20` lists all, once something changed since `index` or after `wait` seconds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub mod client;
mod lease;
mod probe;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Directory, Registration};
pub use server::Registry;

/// How long an instance that does not renew is believed in.
pub const TTL: Duration = Duration::from_secs(10);
/// How often an instance renews.
pub const RENEW: Duration = Duration::from_secs(3);
/// How often each instance is probed.
pub const PROBE: Duration = Duration::from_secs(2);

/// All instances, as of `index`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Which run of the registry `index` counts in.
    pub epoch: Uuid,
    /// Grows at each change.
    pub index: u64,
    /// The instances of each service.
    pub services: BTreeMap<String, Vec<Instance>>,
}

/// An instance of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id, new at each start.
    pub instance: Uuid,
    /// Where it listens.
    pub address: SocketAddr,
    /// The last probe found it ready.
    pub ready: bool,
}

/// The body of a registration.
#[derive(Debug, Serialize, Deserialize)]
struct Announcement {
    address: SocketAddr,
}

/// The answer to a registration.
#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    /// Seconds.
    ttl: u64,
}
