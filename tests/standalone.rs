//! What `minos generate` writes is complete: the crates build by themselves, start as processes, find each other and answer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{Api, Process, binary, eventually, repository};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

/// Runs a command to its end, and fails the test where it does.
fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Generates the shop's crates and builds them; gives the folder of their binaries. What they depend on is compiled once for all runs,
/// in a target folder of its own: the thin crates' binaries have the same names.
fn build(folder: &Path) -> std::path::PathBuf {
    let spec = repository().join("examples/shop/spec");
    let runtime = repository().join("runtime");
    succeeds(
        Command::new(binary("minos"))
            .arg("generate")
            .arg(&spec)
            .arg("--runtime")
            .arg(&runtime)
            .arg("--out")
            .arg(folder),
    );
    std::fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let target = binary("").join("../standalone");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(["build", "--quiet", "--bins", "--offline", "--target-dir"]).arg(&target);
    cargo.args(["--config", "profile.dev.build-override.opt-level=1"]);
    succeeds(&mut cargo);
    target.join("debug")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "compiles the runtime and every generated crate: tests/run --ci"]
async fn each_crate_starts_alone_and_answers_health_a_command_and_a_query() {
    let folder = tempfile::tempdir().unwrap();
    let crates = tempfile::tempdir().unwrap();
    let binaries = build(crates.path());
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let keys = at("keys.json");
    succeeds(
        Command::new(binary("minos")).arg("keys").arg(repository().join("examples/shop/spec")).args(["--out", &keys]),
    );
    let any = [("MINOS_LISTEN", "127.0.0.1:0"), ("MINOS_KEYS", keys.as_str())];
    let mut registry = Process::start_with(&binary("minos"), &["registry"], &any, folder.path());
    let registry_url = registry.says_url();
    let address = registry_url.trim_start_matches("http://");
    let start = |name: &str, more: &[(&str, &str)]| {
        let environment = [&any[..], &[("MINOS_REGISTRY", address)], more].concat();
        Process::start(&binaries.join(name), &environment, folder.path())
    };
    let mut gateway = start("shop-gateway", &[("MINOS_DEVELOPMENT", "on")]);
    let api = Api::new(&gateway.says_url());
    let services =
        ["customers", "catalog", "orders"].map(|it| start(&format!("shop-{it}"), &[("MINOS_DATA", &at(it))]));

    let listed = eventually("all services have registered", SOON, || async {
        let listed = Api::new(&registry_url).get("/v1/services", "").await.body["services"].take();
        let instances =
            |name: &str| listed[name].as_array().is_some_and(|it| it.iter().any(|one| one["ready"] == true));
        ["customers", "catalog", "orders"].into_iter().all(instances).then_some(listed)
    })
    .await;
    for (name, instances) in listed.as_object().unwrap() {
        let address = instances[0]["address"].as_str().unwrap();
        let health = Api::new(&format!("http://{address}")).get("/health", "").await.expect_status(200);
        assert_eq!(health.body["ready"], true, "{name}: {}", health.body);
    }

    let clerk = api.token(json!({"sub": "clara", "roles": ["clerk"]})).await;
    let ada = json!({"name": "ada", "email": "ada@example.com", "limit": "10.00"});
    let post = async |path: &str, token: &str, body: &Value| {
        eventually("the gateway knows the service", SOON, || async {
            let reply = api.post(path, token, body).await;
            (reply.status != 503).then_some(reply)
        })
        .await
    };
    let customer = post("/customers", &clerk, &ada).await.expect_status(201).id();
    let card = api.get(&format!("/customers/{customer}"), &clerk).await.expect_status(200);
    assert_eq!((&card.body["name"], &card.body["limit"]), (&json!("ada"), &json!("10.00")));

    let pen = json!({"title": "Pen", "price": "2.50", "stock": 5});
    let product = post("/products", &clerk, &pen).await.expect_status(201).id();
    let listed = api.get("/products/all", "").await.expect_status(200);
    assert_eq!(listed.body["items"][0]["free"], 5, "{}", listed.body);

    // Each service keeps a log of its own here, so that orders does not hear of the catalog: it says so, in the spec's words.
    let token = api.token(json!({"sub": "ada", "roles": ["customer"], "customer_id": customer})).await;
    let order = json!({"items": [{"product": product, "quantity": 1}]});
    let refused = post("/orders", &token, &order).await.expect_status(422);
    assert_eq!(refused.body["error"], "orders.Order.UnknownProduct");
    let none = api.get(&format!("/orders/of_customer?customer={customer}"), &token).await.expect_status(200);
    assert_eq!(none.body["items"], json!([]));

    for mut service in services {
        service.terminate();
        assert_eq!(service.ends(SOON).status.code(), Some(0));
    }
}
