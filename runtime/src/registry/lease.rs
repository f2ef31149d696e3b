//! Leases as a value: who is registered until when. Knows no clock, no network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use uuid::Uuid;

use super::{Instance, Listing, TTL};

/// More instances of one service are refused.
const MOST: usize = 100;

/// Who is registered.
#[derive(Debug)]
pub(super) struct Leases {
    listing: Listing,
    until: BTreeMap<Uuid, Instant>,
}

impl Leases {
    pub(super) fn new(epoch: Uuid) -> Self {
        Self { listing: Listing { epoch, ..Listing::default() }, until: BTreeMap::new() }
    }

    /// All of them.
    pub(super) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Registers, or renews; false where there are too many. A new one is not ready until a probe found it so.
    pub(super) fn register(&mut self, service: &str, instance: Uuid, address: SocketAddr, now: Instant) -> bool {
        let instances = self.listing.services.entry(service.to_owned()).or_default();
        let full = instances.len() >= MOST;
        match instances.iter_mut().find(|it| it.instance == instance) {
            Some(known) if known.address == address => {}
            Some(moved) => {
                (moved.address, moved.ready) = (address, false);
                self.listing.index += 1;
            }
            None if full => return false,
            None => {
                instances.push(Instance { instance, address, ready: false });
                self.listing.index += 1;
            }
        }
        self.until.insert(instance, now + TTL);
        true
    }

    /// Unregisters; harmless where it is not there.
    pub(super) fn unregister(&mut self, service: &str, instance: Uuid) {
        let Some(instances) = self.listing.services.get_mut(service) else { return };
        let before = instances.len();
        instances.retain(|it| it.instance != instance);
        if instances.len() < before {
            self.until.remove(&instance);
            self.listing.index += 1;
        }
    }

    /// What a probe of `instance` at `address` found.
    pub(super) fn probed(&mut self, instance: Uuid, address: SocketAddr, ready: bool) {
        let mut all = self.listing.services.values_mut().flatten();
        if let Some(found) = all.find(|it| it.instance == instance && it.address == address && it.ready != ready) {
            found.ready = ready;
            self.listing.index += 1;
        }
    }

    /// Lets go of those whose lease is over.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Uuid> {
        let over: Vec<Uuid> = self.until.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        for instance in &over {
            self.until.remove(instance);
            self.listing.services.values_mut().for_each(|it| it.retain(|it| it.instance != *instance));
            self.listing.index += 1;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_lease_ends_unless_it_is_renewed() {
        let (now, id) = (Instant::now(), Uuid::from_u128(1));
        let mut leases = Leases::new(Uuid::nil());
        assert!(leases.register("orders", id, address(1), now));
        let before = leases.listing().index;
        assert!(leases.register("orders", id, address(1), now + Duration::from_secs(9)));
        assert_eq!(leases.listing().index, before, "renewing changes nothing that is seen");
        assert!(leases.expire(now + Duration::from_secs(18)).is_empty());
        assert_eq!(leases.expire(now + Duration::from_secs(19)), [id]);
        assert!(leases.listing().services["orders"].is_empty());
    }

    #[test]
    fn an_instance_is_ready_once_a_probe_found_it_so_and_until_one_does_not() {
        let mut leases = Leases::new(Uuid::nil());
        let id = Uuid::from_u128(1);
        leases.register("orders", id, address(1), Instant::now());
        assert!(!leases.listing().services["orders"][0].ready);
        leases.probed(id, address(1), true);
        assert!(leases.listing().services["orders"][0].ready);
        leases.probed(id, address(2), false);
        assert!(leases.listing().services["orders"][0].ready, "a late answer from another address says nothing");
        leases.probed(id, address(1), false);
        assert!(!leases.listing().services["orders"][0].ready);
    }
}
