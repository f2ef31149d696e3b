//! The registry over real HTTP.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;

use super::*;
use crate::config::Network;
use crate::shutdown::Shutdown;

struct Stand {
    registry: Registry,
    address: SocketAddr,
    client: reqwest::Client,
    shutdown: Shutdown,
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

impl Stand {
    async fn new() -> Self {
        let credentials = [("orders", "orders-secret"), ("catalog", "catalog-secret")];
        let credentials = credentials.map(|(name, secret)| (name.to_owned(), secret.to_owned())).into();
        let registry = Registry::new(Uuid::now_v7(), &credentials, Network::loopback());
        let (listener, shutdown) = (listener().await, Shutdown::new());
        let address = listener.local_addr().unwrap();
        let client = crate::http::client(Duration::from_secs(5)).unwrap();
        registry.serve(listener, client.clone(), &shutdown);
        Self { registry, address, client, shutdown }
    }

    fn registration(&self, service: &str, address: SocketAddr, credential: &str) -> Registration {
        let (service, credential) = (service.to_owned(), credential.to_owned());
        Registration { registry: self.address.into(), service, instance: Uuid::now_v7(), address, credential }
    }

    /// A service that says it is well while `well` holds.
    async fn instance(&self, service: &'static str, well: Arc<AtomicBool>) -> SocketAddr {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let health = async move || {
            let ready = well.load(Ordering::SeqCst);
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(json!({"live": true, "ready": ready, "service": service})))
        };
        crate::http::serve("test", listener, Router::new().route("/health", get(health)), &self.shutdown);
        address
    }

    fn directory(&self) -> Directory {
        let directory = Directory::default();
        self.shutdown
            .spawn("watch", directory.clone().watch(self.address.into(), self.client.clone(), self.shutdown.clone()));
        directory
    }
}

async fn until(at_most: Duration, condition: impl Fn() -> bool) -> bool {
    let end = std::time::Instant::now() + at_most;
    while std::time::Instant::now() < end {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    condition()
}

#[tokio::test]
async fn an_instance_is_seen_when_it_registers_and_gone_when_it_unregisters() {
    let stand = Stand::new().await;
    let address = stand.instance("orders", Arc::new(AtomicBool::new(true))).await;
    let directory = stand.directory();
    let registration = stand.registration("orders", address, "orders-secret");
    registration.renew(&stand.client).await.unwrap();
    assert!(directory.wait_for(&["orders"], Duration::from_secs(2)).await, "probed at once, not a probe later");
    assert_eq!(directory.ready("orders"), [address]);
    registration.end(&stand.client).await;
    assert!(until(Duration::from_secs(1), || directory.ready("orders").is_empty()).await);
    assert!(stand.shutdown.finish(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn an_instance_that_fails_is_out_of_rotation_within_one_probe_and_comes_back() {
    let stand = Stand::new().await;
    let well = Arc::new(AtomicBool::new(true));
    let address = stand.instance("orders", well.clone()).await;
    let directory = stand.directory();
    stand.registration("orders", address, "orders-secret").renew(&stand.client).await.unwrap();
    assert!(directory.wait_for(&["orders"], Duration::from_secs(2)).await);
    well.store(false, Ordering::SeqCst);
    assert!(until(PROBE + Duration::from_millis(900), || directory.ready("orders").is_empty()).await);
    well.store(true, Ordering::SeqCst);
    assert!(until(PROBE + Duration::from_millis(900), || !directory.ready("orders").is_empty()).await);
}

#[tokio::test]
async fn a_name_is_its_credentials_and_nobody_elses() {
    let stand = Stand::new().await;
    let address = stand.instance("orders", Arc::new(AtomicBool::new(true))).await;
    let mine = stand.registration("orders", address, "orders-secret");
    mine.renew(&stand.client).await.unwrap();
    for (service, credential) in [("orders", "catalog-secret"), ("orders", "guess"), ("unheard", "orders-secret")] {
        let theirs = stand.registration(service, address, credential);
        assert_eq!(theirs.renew(&stand.client).await.unwrap_err(), "it answers 401 Unauthorized");
        let mut over = mine.clone();
        over.credential = credential.to_owned();
        over.service = service.to_owned();
        over.end(&stand.client).await;
    }
    let listing = stand.registry.listing();
    assert_eq!(listing.services.keys().collect::<Vec<_>>(), ["orders"]);
    assert_eq!(listing.services["orders"].len(), 1);
    let bare = stand.client.put(mine.url()).json(&json!({"address": address})).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    assert_eq!(bare.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn nobody_sends_the_registry_into_other_networks_or_to_names() {
    let stand = Stand::new().await;
    for address in
        ["169.254.169.254:80", "10.0.0.1:8080", "[2001:db8::1]:80", "0.0.0.0:80", "127.0.0.1:0", "[::ffff:10.0.0.1]:80"]
    {
        let registration = stand.registration("orders", address.parse().unwrap(), "orders-secret");
        assert_eq!(registration.renew(&stand.client).await.unwrap_err(), "it answers 400 Bad Request", "{address}");
    }
    let named = stand.registration("orders", "127.0.0.1:1".parse().unwrap(), "");
    let body = json!({"address": "localhost:80"});
    let answer = stand.client.put(named.url()).bearer_auth("orders-secret").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(stand.registry.listing().services.is_empty());
}

#[tokio::test]
async fn an_instance_that_is_another_service_is_never_ready() {
    let stand = Stand::new().await;
    let address = stand.instance("catalog", Arc::new(AtomicBool::new(true))).await;
    stand.registration("orders", address, "orders-secret").renew(&stand.client).await.unwrap();
    let directory = stand.directory();
    assert!(!directory.wait_for(&["orders"], Duration::from_millis(500)).await);
}

#[tokio::test]
async fn the_last_known_list_holds_while_the_registry_is_away() {
    let stand = Stand::new().await;
    let address: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let listed = |epoch, ready| {
        let instance = Instance { instance: Uuid::nil(), address, ready };
        Listing { epoch, index: 1, services: [("orders".to_owned(), vec![instance])].into() }
    };
    let (directory, now) = (Directory::default(), std::time::Instant::now());
    directory.take(listed(Uuid::from_u128(1), true), now);
    assert_eq!(directory.ready("orders"), [address]);
    directory.take(Listing { epoch: Uuid::from_u128(2), ..Listing::default() }, now);
    assert_eq!(directory.ready("orders"), [address], "a registry that begins anew does not take everything away");
    directory.take(Listing { epoch: Uuid::from_u128(2), index: 2, ..Listing::default() }, now);
    assert_eq!(directory.ready_at("orders", now + TTL + Duration::from_secs(1)), [], "but not for ever");
    directory.take(listed(Uuid::from_u128(2), false), now);
    let away = Directory::default();
    away.take(listed(Uuid::from_u128(1), true), now);
    let nobody = listener().await.local_addr().unwrap();
    let watching = tokio::spawn(away.clone().watch(nobody.into(), stand.client.clone(), stand.shutdown.clone()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(away.ready("orders"), [address]);
    watching.abort();
}

#[tokio::test]
async fn instances_take_turns_and_one_that_could_not_be_reached_comes_last() {
    let directory = Directory::default();
    let addresses: Vec<SocketAddr> = (1..=3).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
    let instances =
        addresses.iter().map(|address| Instance { instance: Uuid::now_v7(), address: *address, ready: true });
    let services = [("orders".to_owned(), instances.collect())].into();
    directory.take(Listing { epoch: Uuid::nil(), index: 1, services }, std::time::Instant::now());
    let firsts: std::collections::BTreeSet<_> = (0..3).map(|_| directory.ready("orders")[0]).collect();
    assert_eq!(firsts.len(), 3);
    directory.avoid(addresses[1]);
    assert!((0..3).all(|_| directory.ready("orders")[2] == addresses[1]));
}
