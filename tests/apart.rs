//! Processes of their own: `minos keys`, `minos registry`, a service, the gateway, `minos operator`; and the whole shop so, on Postgres
//! and Kafka.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{Api, Process, Reply, binary, eventually, repository};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

/// Keys, a registry, and a gateway that knows it.
struct Apart {
    folder: tempfile::TempDir,
    keys: String,
    registry: Process,
    registry_url: String,
    _gateway: Process,
    api: Api,
}

impl Apart {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.json");
        assert!(minos(&["keys", &spec(), "--out", keys.to_str().unwrap()]).0);
        let keys = keys.to_str().unwrap().to_owned();
        let mut registry = registry(folder.path(), &keys, "127.0.0.1:0");
        let registry_url = registry.says_url();
        let address = registry_url.trim_start_matches("http://").to_owned();
        let environment = [
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_KEYS", &keys),
            ("MINOS_REGISTRY", &address),
            ("MINOS_DEVELOPMENT", "on"),
        ];
        let mut gateway = Process::start(&binary("shop-gateway"), &environment, folder.path());
        let api = Api::new(&gateway.says_url());
        Self { folder, keys, registry, registry_url, _gateway: gateway, api }
    }

    /// The customers service, with its data in a folder of that name.
    fn customers(&self, data: &str) -> Process {
        let data = self.folder.path().join(data);
        self.customers_on(&[("MINOS_DATA", data.to_str().unwrap())])
    }

    /// The customers service, on what `engines` say.
    fn customers_on(&self, engines: &[(&str, &str)]) -> Process {
        let mut environment = vec![
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_KEYS", &self.keys),
            ("MINOS_REGISTRY", self.registry_url.trim_start_matches("http://")),
        ];
        environment.extend(engines);
        Process::start(&binary("shop-customers"), &environment, self.folder.path())
    }

    async fn register(&self, clerk: &str, name: &str) -> Reply {
        let body = json!({"name": name, "email": format!("{name}@example.com"), "limit": "10.00"});
        eventually("a customer is registered", SOON, || async {
            let reply = self.api.post("/customers", clerk, &body).await;
            (reply.status != 503).then_some(reply)
        })
        .await
    }

    async fn instances(&self) -> usize {
        let listed = Api::new(&self.registry_url).get("/v1/services", "").await;
        listed.body["services"]["customers"].as_array().map_or(0, Vec::len)
    }
}

fn registry(folder: &Path, keys: &str, listen: &str) -> Process {
    let environment = [("MINOS_KEYS", keys), ("MINOS_LISTEN", listen)];
    Process::start_with(&binary("minos"), &["registry"], &environment, folder)
}

fn spec() -> String {
    repository().join("examples/shop/spec").to_str().unwrap().to_owned()
}

/// Whether it ended well; stdout and stderr.
fn minos(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(binary("minos")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_find_each_other_by_a_registry_which_may_come_and_go() {
    let mut apart = Apart::start().await;
    let clerk = apart.api.token(json!({"sub": "clara", "roles": ["clerk"]})).await;
    apart.api.post("/customers", &clerk, &json!({})).await.expect_status(503);
    let mut customers = apart.customers("customers");
    apart.register(&clerk, "ada").await.expect_status(201);
    assert_eq!(apart.instances().await, 1);

    apart.registry.kill();
    apart.register(&clerk, "bob").await.expect_status(201);
    let address = apart.registry_url.trim_start_matches("http://").to_owned();
    apart.registry = registry(apart.folder.path(), &apart.keys, &address);
    apart.registry.says_url();
    eventually("the service registers again", SOON, || async { (apart.instances().await == 1).then_some(()) }).await;

    customers.terminate();
    assert_eq!(customers.ends(SOON).status.code(), Some(0));
    assert_eq!(apart.instances().await, 0, "it has unregistered");
    let _again = apart.customers("customers");
    let taken = apart.register(&clerk, "ada").await.expect_status(409);
    assert_eq!(taken.body["error"], "NotUnique");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_a_service_from_the_command_line() {
    let apart = Apart::start().await;
    let _customers = apart.customers("customers");
    eventually("it is there", SOON, || async { (apart.instances().await == 1).then_some(()) }).await;
    let clerk = apart.api.token(json!({"sub": "clara", "roles": ["clerk"]})).await;
    apart.register(&clerk, "ada").await.expect_status(201);
    let (done, consumers, why) =
        minos(&["operator", "customers", "consumers", "--at", &apart.api.url, "--keys", &apart.keys]);
    assert!(done, "{why}");
    assert!(serde_json::from_str::<Value>(&consumers).unwrap().is_object(), "{consumers}");
    let id = "00000000-0000-7000-8000-000000000000";
    let ask = ["operator", "customers", "parked", id, "replay", "--at", &apart.api.url];
    let (done, _, why) = minos(&[&ask[..], &["--reason", "tried", "--keys", &apart.keys]].concat());
    assert!(!done && why.contains("404"), "{why}");
    let (done, _, why) = minos(&[&ask[..], &["--keys", &apart.keys]].concat());
    assert!(!done && why.contains("--reason"), "{why}");
    let (done, _, why) = minos(&["operator", "customers", "parked", "--at", "http://127.0.0.1:1"]);
    assert!(!done && why.contains("does not answer"), "{why}");
}

#[test]
fn keys_grow_by_what_they_lack_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let make = || minos(&["keys", &spec(), "--out", file.to_str().unwrap()]);
    assert!(make().0);
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(make().0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    let mut keys: Value = serde_json::from_str(&first).unwrap();
    keys["services"].as_object_mut().unwrap().remove("orders").unwrap();
    std::fs::write(&file, keys.to_string()).unwrap();
    assert!(make().0);
    let grown: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(grown["services"]["customers"], keys["services"]["customers"]);
    assert!(grown["services"]["orders"].is_object());
}

#[test]
fn a_registry_without_keys_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut process =
        Process::start_with(&binary("minos"), &["registry"], &[("MINOS_LISTEN", "127.0.0.1:0")], folder.path());
    let ended = process.ends(SOON);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.errors.contains("`minos keys`"), "{}", ended.errors);
}

/// All the others, the broker and the registry stopped: a service needs its own database alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_answers_commands_and_queries_without_broker_registry_or_any_other_service() {
    if servers::or_left_out(servers::can_be_had(), "Postgres and Kafka").is_none() {
        return;
    }
    let (postgres, mut kafka) = (servers::Postgres::start().unwrap(), servers::Kafka::start().unwrap());
    if !kafka.is_own() {
        return eprintln!("left out: the broker of MINOS_TEST_KAFKA is not ours to stop");
    }
    let mut apart = Apart::start().await;
    let (database, brokers) = (postgres.provision("customers"), kafka.brokers().to_owned());
    let engines = [
        ("MINOS_POSTGRES_URL", database.url.as_str()),
        ("MINOS_KAFKA_BROKERS", &brokers),
        ("MINOS_KAFKA_REPLICATION", "1"),
    ];
    let _customers = apart.customers_on(&engines);
    let clerk = apart.api.token(json!({"sub": "clara", "roles": ["clerk"]})).await;
    let ada = apart.register(&clerk, "ada").await.expect_status(201).id();

    kafka.kill();
    apart.registry.kill();
    let bob = apart.register(&clerk, "bob").await.expect_status(201).id();
    for (id, name) in [(&ada, "ada"), (&bob, "bob")] {
        let row = apart.api.get(&format!("/customers/{id}"), &clerk).await.expect_status(200);
        assert_eq!(row.body["name"], name);
    }
    assert!(!apart.folder.path().join("minos-data").exists(), "nothing is kept in a folder");
}

#[test]
fn the_shop_apart_on_postgres_and_kafka_passes_its_tour() {
    let folder = tempfile::tempdir().unwrap();
    if servers::or_left_out(servers::can_be_had(), "Postgres and Kafka").is_none() {
        return;
    }
    let programs = binary("minos");
    let environment =
        [("SHOP_PROGRAMS", programs.parent().unwrap().to_str().unwrap()), ("MINOS_LISTEN", "127.0.0.1:0")];
    let mut shop = Process::start(&repository().join("examples/shop/apart"), &environment, folder.path());
    let url = shop.says_url();
    for run in ["first", "second"] {
        let tour = Command::new(repository().join("examples/shop/tour")).arg(&url).output().unwrap();
        let (said, errors) = (String::from_utf8_lossy(&tour.stdout), String::from_utf8_lossy(&tour.stderr));
        assert!(tour.status.success(), "{run} run:\n{said}\n{errors}");
    }
    shop.terminate();
    assert_eq!(shop.ends(Duration::from_secs(60)).status.code(), Some(0));
}
