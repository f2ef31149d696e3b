//! What services and gateways do with a registry: register themselves, and know where others are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use uuid::Uuid;

use super::{Announcement, Instance, Listing, RENEW, TTL};
use crate::config::HostPort;
use crate::shutdown::Shutdown;

/// How long a watch waits for a change, seconds.
const WAIT: u64 = 20;
/// The pause after a registry did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// How often names are looked up anew.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How long an instance that could not be reached is passed over, if there are others.
const AVOID: Duration = Duration::from_secs(2);

/// An instance's own entry.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The registry.
    pub registry: HostPort,
    /// The service's name.
    pub service: String,
    /// This instance.
    pub instance: Uuid,
    /// Where it listens.
    pub address: SocketAddr,
    /// What the name is proved with.
    pub credential: String,
}

impl Registration {
    /// Registers, and renews until shutdown is asked for; goes on trying while the registry is away.
    pub async fn keep(self, client: reqwest::Client, shutdown: Shutdown) {
        let mut away = false;
        loop {
            let result = self.renew(&client).await;
            if let Err(why) = &result
                && !away
            {
                tracing::warn!(
                    service = self.service,
                    why,
                    "the registry does not take the registration; it is tried again"
                );
            }
            away = result.is_err();
            if shutdown.sleep(if away { PAUSE } else { RENEW }).await {
                return;
            }
        }
    }

    /// Registers, or renews.
    ///
    /// # Errors
    /// Why the registry did not take it.
    pub async fn renew(&self, client: &reqwest::Client) -> Result<(), String> {
        let request =
            client.put(self.url()).bearer_auth(&self.credential).json(&Announcement { address: self.address });
        let answer = request.timeout(RENEW).send().await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answers {}", answer.status())) }
    }

    /// Unregisters.
    pub async fn end(&self, client: &reqwest::Client) {
        let request = client.delete(self.url()).bearer_auth(&self.credential).timeout(Duration::from_secs(2));
        if let Err(error) = request.send().await {
            tracing::warn!(service = self.service, %error, "the registry could not be told; the lease ends by itself");
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/v1/services/{}/instances/{}", self.registry, self.service, self.instance)
    }
}

/// Where the instances of all services are, as far as is known: kept up by watching the registry, and the last known list
/// while that is away.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    known: RwLock<Known>,
    avoided: Mutex<BTreeMap<SocketAddr, Instant>>,
    turn: std::sync::atomic::AtomicUsize,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    listing: Listing,
    /// Of a registry that was there before this one: counts until then for services that have not come back.
    before: Option<(Instant, BTreeMap<String, Vec<Instance>>)>,
}

impl Default for Directory {
    fn default() -> Self {
        Self(Arc::new(Inner {
            known: RwLock::default(),
            avoided: Mutex::default(),
            turn: std::sync::atomic::AtomicUsize::new(0),
            changed: watch::Sender::new(0),
        }))
    }
}

impl Directory {
    /// The ready instances of a service, in the order in which to try them: each request begins with another, and those that
    /// could not be reached a moment ago come last.
    pub fn ready(&self, service: &str) -> Vec<SocketAddr> {
        let now = Instant::now();
        let mut addresses = self.known().ready(service, now);
        if addresses.len() > 1 {
            let turn = self.0.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let count = addresses.len();
            addresses.rotate_left(turn % count);
            let mut avoided = self.0.avoided.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            avoided.retain(|_, until| *until > now);
            addresses.sort_by_key(|address| avoided.contains_key(address));
        }
        addresses
    }

    /// The ready instances at a moment, in no order.
    #[cfg(test)]
    pub(super) fn ready_at(&self, service: &str, now: Instant) -> Vec<SocketAddr> {
        self.known().ready(service, now)
    }

    /// An instance could not be reached just now.
    pub fn avoid(&self, address: SocketAddr) {
        let mut avoided = self.0.avoided.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        avoided.insert(address, Instant::now() + AVOID);
    }

    /// Waits until each of the services has a ready instance; false where that took longer than `at_most`.
    pub async fn wait_for(&self, services: &[&str], at_most: Duration) -> bool {
        let mut changes = self.0.changed.subscribe();
        let all = changes.wait_for(|_| services.iter().all(|service| !self.ready(service).is_empty()));
        matches!(tokio::time::timeout(at_most, all).await, Ok(Ok(_)))
    }

    /// Watches the registry until shutdown.
    pub async fn watch(self, registry: HostPort, client: reqwest::Client, shutdown: Shutdown) {
        let mut away = false;
        while !shutdown.is_asked() {
            let listed = tokio::select! {
                listed = self.list(&registry, &client) => listed,
                () = shutdown.asked() => return,
            };
            match listed {
                Ok(listing) => {
                    away = false;
                    self.take(listing, Instant::now());
                }
                Err(error) => {
                    if !away {
                        tracing::warn!(%error, "the registry is away; the last known list holds");
                    }
                    away = true;
                    shutdown.sleep(PAUSE).await;
                }
            }
        }
    }

    /// Instead of a registry: the services are where the configuration says, by name or address; names are looked up anew
    /// from time to time, until shutdown.
    pub async fn keep_fixed(self, services: BTreeMap<String, Vec<HostPort>>, shutdown: Shutdown) {
        loop {
            let mut listing = Listing { index: self.known().listing.index + 1, ..Listing::default() };
            for (service, places) in &services {
                listing.services.insert(service.clone(), look_up(service, places).await);
            }
            if listing.services != self.known().listing.services {
                self.take(listing, Instant::now());
            }
            if shutdown.sleep(LOOK_UP).await {
                return;
            }
        }
    }

    async fn list(&self, registry: &HostPort, client: &reqwest::Client) -> Result<Listing, reqwest::Error> {
        let (epoch, index) = {
            let known = self.known();
            (known.listing.epoch, known.listing.index)
        };
        let url = format!("http://{registry}/v1/services?epoch={epoch}&index={index}&wait={WAIT}");
        let answer = client.get(url).timeout(Duration::from_secs(WAIT + 5)).send().await?;
        answer.error_for_status()?.json().await
    }

    /// Takes over a list.
    pub(crate) fn take(&self, listing: Listing, now: Instant) {
        let mut known = self.0.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if listing.epoch != known.listing.epoch && !known.listing.services.is_empty() {
            known.before = Some((now + TTL, std::mem::take(&mut known.listing.services)));
        }
        known.listing = listing;
        drop(known);
        self.0.changed.send_modify(|changes| *changes += 1);
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.known.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The instances at places that are configured: whether they are ready shows when they are asked.
async fn look_up(service: &str, places: &[HostPort]) -> Vec<Instance> {
    let mut instances = Vec::new();
    for place in places {
        match tokio::net::lookup_host(place.as_str()).await {
            Ok(addresses) => instances.extend(addresses.map(|address| Instance {
                instance: Uuid::new_v5(&Uuid::NAMESPACE_URL, address.to_string().as_bytes()),
                address,
                ready: true,
            })),
            Err(error) => tracing::warn!(service, %place, %error, "an address of a service cannot be looked up"),
        }
    }
    instances
}

impl Known {
    fn ready(&self, service: &str, now: Instant) -> Vec<SocketAddr> {
        let addresses = |instances: Option<&Vec<Instance>>| -> Vec<SocketAddr> {
            instances.into_iter().flatten().filter(|it| it.ready).map(|it| it.address).collect()
        };
        let listed = addresses(self.listing.services.get(service));
        match &self.before {
            Some((until, before)) if listed.is_empty() && now < *until => addresses(before.get(service)),
            _ => listed,
        }
    }
}
