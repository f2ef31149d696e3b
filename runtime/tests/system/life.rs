//! Starting, stopping, starting again.

use std::time::Duration;

use minos_runtime::config::Config;
use minos_runtime::system::{StartError, System};
use serde_json::{Value, json};

use crate::stand::{Stand, config, problem, start, system};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let (id, _) = stand.open("ada@example.com").await;
    stand.until(&format!("/accounts/{id}"), |card| card["balance"] == 5).await;
    stand.running.stop().await;
    let stand = Stand::start(folder.path()).await;
    let card: Value = stand.get(&format!("/accounts/{id}")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&card["email"], &card["balance"]), (&json!("ada@example.com"), &json!(5)));
    let (other, _) = stand.open("bob@example.com").await;
    stand.until(&format!("/accounts/{other}"), |card| card["balance"] == 5).await;
    let people = stand.until("/people/all", |people| people["items"].as_array().is_some_and(|it| it.len() == 2)).await;
    assert_eq!(people["items"][0]["account"], id);
    let card: Value = stand.get(&format!("/accounts/{id}")).send().await.unwrap().json().await.unwrap();
    assert_eq!(card["balance"], 5, "the policy has not acted on history again");
    stand.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path()).await.unwrap();
    let error = start(folder.path()).await.err().unwrap();
    assert!(matches!(error, StartError::Data { .. }) && error.to_string().contains("is in use by process"), "{error}");
    first.stop().await;
    start(folder.path()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_start_is_said_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let error = system().start(Config { listen, ..config(folder.path()) }).await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {listen}")), "{error}");
    let open = Config { listen: "0.0.0.0:0".parse().unwrap(), ..config(folder.path()) };
    let error = system().start(open.clone()).await.err().unwrap();
    assert!(error.to_string().contains("MINOS_KEYS is not set"), "{error}");
    let error = system().start(Config { development: Some(true), ..open }).await.err().unwrap();
    assert!(error.to_string().contains("development mode hands out tokens"), "{error}");
    std::fs::write(
        folder.path().join("bank.db"),
        "this is no database, and long enough to be seen as none".repeat(100),
    )
    .unwrap();
    let error = start(folder.path()).await.err().unwrap().to_string();
    assert!(error.starts_with("service `bank` cannot start") && error.contains("bank.db"), "{error}");
    std::fs::remove_file(folder.path().join("bank.db")).unwrap();
    start(folder.path()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn development_keys_are_refused_outside_of_development_mode() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await.unwrap().stop().await;
    let keys = folder.path().join("keys.json");
    let strict = Config { keys: Some(keys), development: Some(false), ..config(folder.path()) };
    let error = system().start(strict).await.err().unwrap().to_string();
    assert!(error.contains("holds keys of development mode"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_what_is_under_way_and_then_nothing_listens() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::start(folder.path()).await;
    let (url, services) = (stand.url("/people/all"), stand.running.services());
    let registry = format!("http://{}/v1/services", stand.running.registry().unwrap());
    let listed: Value = stand.client.get(&registry).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed["services"].as_object().unwrap().len(), 2);
    let opened = stand.post("/accounts", json!({"email": "late@example.com"})).send();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let begun = std::time::Instant::now();
        stand.running.stop().await;
        begun.elapsed()
    };
    let client = minos_runtime::http::client(Duration::from_secs(1)).unwrap();
    let (answer, took) = tokio::join!(opened, stopping);
    assert!(took < Duration::from_secs(5), "{took:?}");
    if let Ok(answer) = answer {
        assert!([201, 503].contains(&answer.status().as_u16()), "{answer:?}");
    }
    assert!(client.get(url).send().await.is_err());
    for (_, address) in services {
        assert!(client.get(format!("http://{address}/health")).send().await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_alone_listens_where_it_is_told_and_takes_no_one_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let alone = System::new("bank").service(crate::desk::bank());
    let running = alone.start(config(folder.path())).await.unwrap();
    let client = minos_runtime::http::client(Duration::from_secs(5)).unwrap();
    let health = client.get(format!("http://{}/health", running.address())).send().await.unwrap();
    assert_eq!(health.status(), 200);
    problem(client.post(format!("http://{}/accounts", running.address())), 401).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_in_a_process_of_its_own_finds_the_service_loses_it_and_finds_it_again() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bank = || System::new("bank").service(crate::desk::bank());
    let first = bank().start(config(folder.path())).await.unwrap();
    let registry = start_registry(folder.path()).await;
    let keys = Some(folder.path().join("keys.json"));
    first.stop().await;
    let with_registry = |data: &std::path::Path| Config {
        registry: Some(registry.into()),
        keys: keys.clone(),
        development: Some(true),
        ..config(data)
    };
    let gateway = System::new("town").gateway(crate::desk::gateway()).start(with_registry(other.path())).await.unwrap();
    let client = minos_runtime::http::client(Duration::from_secs(5)).unwrap();
    let url = |path: &str| format!("http://{}{path}", gateway.address());
    let token =
        client.post(url("/dev/tokens")).json(&json!({"sub": "clara", "roles": ["clerk"]})).send().await.unwrap();
    let token = token.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    let open = |email: &str| client.post(url("/accounts")).bearer_auth(&token).json(&json!({"email": email}));
    let away = problem(open("ada@example.com"), 503).await;
    assert_eq!(away["error"], "Unavailable");
    for email in ["ada@example.com", "bob@example.com"] {
        let service = bank().start(with_registry(folder.path())).await.unwrap();
        let mut opened = open(email).send().await.unwrap();
        for _ in 0..100 {
            if opened.status() == 201 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            opened = open(email).send().await.unwrap();
        }
        assert_eq!(opened.status(), 201);
        service.stop().await;
        let again = open("late@example.com").send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    }
    gateway.stop().await;
}

/// A registry of its own, with the keys of a folder.
async fn start_registry(data: &std::path::Path) -> std::net::SocketAddr {
    use minos_runtime::{config::Network, registry::Registry, shutdown::Shutdown, token::keys::Keys};
    let keys = Keys::read(&data.join("keys.json")).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = minos_runtime::http::client(Duration::from_secs(5)).unwrap();
    let context = minos_runtime::context::Context::system();
    let registry = Registry::new(context.new_id(), &keys.registration, Network::loopback());
    registry.serve(listener, client, &Shutdown::new());
    address
}
