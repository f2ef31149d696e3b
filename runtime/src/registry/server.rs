//! The registry over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::lease::Leases;
use super::{Announcement, Lease, Listing, TTL};
use crate::config::Network;
use crate::http::Problem;
use crate::shutdown::Shutdown;
use crate::token::keys::Keys;
use crate::token::{TokenError, bearer};

/// A longer wait for a change is cut to this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A registry.
#[derive(Clone)]
pub struct Registry(pub(super) Arc<Inner>);

pub(super) struct Inner {
    leases: Mutex<Leases>,
    changed: watch::Sender<u64>,
    /// Rung when an instance wants to be probed now.
    pub(super) probe_now: Notify,
    credentials: BTreeMap<String, String>,
    networks: Vec<Network>,
}

impl Registry {
    /// A registry that knows the names of `credentials` (what each name is proved with), and probes in `networks` alone.
    pub fn new(epoch: Uuid, credentials: &BTreeMap<String, String>, networks: Vec<Network>) -> Self {
        let hashed = |(name, secret): (&String, &String)| (name.clone(), Keys::registration_hash(secret));
        Self(Arc::new(Inner {
            leases: Mutex::new(Leases::new(epoch)),
            changed: watch::Sender::new(0),
            probe_now: Notify::new(),
            credentials: credentials.iter().map(hashed).collect(),
            networks,
        }))
    }

    /// Serves on `listener`, and probes with `client`, until shutdown.
    pub fn serve(&self, listener: tokio::net::TcpListener, client: reqwest::Client, shutdown: &Shutdown) {
        crate::http::serve("registry", listener, self.router(shutdown.clone()), shutdown);
        shutdown.spawn("registry.probe", super::probe::run(self.clone(), client, shutdown.clone()));
    }

    /// All instances.
    pub fn listing(&self) -> Listing {
        self.change(|leases| leases.listing().clone())
    }

    /// Reads or changes leases, and tells those who wait for a change.
    pub(super) fn change<T>(&self, work: impl FnOnce(&mut Leases) -> T) -> T {
        let mut leases = self.0.leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let result = work(&mut leases);
        let index = leases.listing().index;
        self.0.changed.send_if_modified(|seen| std::mem::replace(seen, index) != index);
        result
    }

    fn router(&self, shutdown: Shutdown) -> Router {
        Router::new()
            .route("/v1/services", get(list))
            .route("/v1/services/{service}/instances/{instance}", put(register).delete(unregister))
            .route("/health", get(async || Json(crate::health::Health::new(true, []))))
            .fallback(async || Problem::no_route())
            .layer(axum::extract::DefaultBodyLimit::max(4096))
            .with_state(Shared { registry: self.clone(), shutdown })
    }

    /// Whether the name is the credential's.
    fn authorize(&self, service: &str, headers: &HeaderMap) -> Result<(), Problem> {
        let given = Keys::registration_hash(bearer(headers)?);
        match self.0.credentials.get(service) {
            Some(expected) if *expected == given => Ok(()),
            _ => {
                tracing::warn!(service, "a registration with a wrong credential was refused");
                Err(TokenError::Signature.into())
            }
        }
    }
}

#[derive(Clone)]
struct Shared {
    registry: Registry,
    shutdown: Shutdown,
}

#[derive(Deserialize)]
struct Watch {
    epoch: Option<Uuid>,
    index: Option<u64>,
    wait: Option<u64>,
}

async fn list(State(shared): State<Shared>, Query(watch): Query<Watch>) -> Json<Listing> {
    let mut changes = shared.registry.0.changed.subscribe();
    let listing = shared.registry.listing();
    let known = watch.index == Some(listing.index) && watch.epoch.is_none_or(|epoch| epoch == listing.epoch);
    if known && let Some(wait) = watch.wait {
        let at_most = Duration::from_secs(wait).min(LONGEST_WAIT);
        tokio::select! {
            _ = changes.wait_for(|index| *index != listing.index) => {}
            () = tokio::time::sleep(at_most) => {}
            () = shared.shutdown.asked() => {}
        }
    }
    Json(shared.registry.listing())
}

async fn register(
    State(shared): State<Shared>,
    Path((service, instance)): Path<(String, Uuid)>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Lease>, Problem> {
    shared.registry.authorize(&service, &headers)?;
    let Announcement { address } = crate::parse::json(&body)?;
    if !may_probe(&shared.registry.0.networks, address) {
        tracing::warn!(service, %address, "a registration outside of the configured networks was refused");
        let why = "the address is in none of the networks that this registry probes";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Malformed", why).with("address", why));
    }
    let before = shared.registry.listing().index;
    if !shared.registry.change(|leases| leases.register(&service, instance, address, Instant::now())) {
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "Limited", "the service has too many instances"));
    }
    if shared.registry.listing().index != before {
        tracing::info!(service, %instance, %address, "registered");
        shared.registry.0.probe_now.notify_one();
    }
    Ok(Json(Lease { ttl: TTL.as_secs() }))
}

async fn unregister(
    State(shared): State<Shared>,
    Path((service, instance)): Path<(String, Uuid)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    shared.registry.authorize(&service, &headers)?;
    shared.registry.change(|leases| leases.unregister(&service, instance));
    tracing::info!(service, %instance, "unregistered");
    Ok(StatusCode::NO_CONTENT)
}

fn may_probe(networks: &[Network], address: SocketAddr) -> bool {
    address.port() != 0 && networks.iter().any(|network| network.contains(address.ip()))
}
