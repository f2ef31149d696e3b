//! Bad input at every edge: a clear answer each (where, why, what to try), and nothing is lost.
//!
//! The table goes to stderr and to `target/edges.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod messages;
mod places;
mod requests;
mod settings;
mod specs;
mod table;
mod tokens;

use std::path::Path;
use std::time::Duration;

use e2e::{Keyring, Payments, Process, Shop, binary, repository};
use serde_json::json;

use table::Table;

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_at_every_edge_gets_a_clear_answer_and_loses_nothing() {
    let mut table = Table::default();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let payments = Payments::start(folder.path());
    let mut shop = Shop::start(folder.path(), &payments).await;
    let before = Business::done(&shop).await;
    let operator = shop.api.token(json!({"sub": "olga", "operator": true})).await;

    specs::try_all(&mut table);
    settings::try_all(&mut table);
    requests::try_all(&mut table, &shop).await;
    tokens::try_all(&mut table, &shop, &Keyring::of(&data)).await;
    rsa(&mut table, folder.path(), &payments).await;
    let newer = messages::try_all(&mut table, &shop, &data, &operator).await;
    places::try_running(&mut table, &data, &shop.api.url);
    places::try_disks(&mut table, &payments).await;
    let held = before.still_holds(&shop).await;
    table.row("all", "business afterwards", &held, held == "goes on");

    shop.process.terminate();
    let ended = shop.process.ends(Duration::from_secs(20));
    assert!(!ended.errors.contains("panicked"), "{}", ended.errors);
    let whole = places::are_whole(&data).await;
    table.row("all", "the databases afterwards", if whole { "whole" } else { "damaged" }, whole);
    places::try_stopped(&mut table, &data).await;
    let again = Shop::start(folder.path(), &payments).await;
    messages::unreadable(&mut table, &again, &newer).await;
    let held = before.still_holds(&again).await;
    table.row("all", "business after a restart", &held, held == "goes on");

    let path = table.publish();
    assert!(table.len() >= 40, "only {} rows", table.len());
    let broken = table.broken();
    assert!(broken.is_empty(), "{} rows do not hold ({}):\n{}", broken.len(), path.display(), broken.join("\n"));
}

/// What a customer had done before.
struct Business {
    customer: String,
    token: String,
    order: String,
    product: String,
}

impl Business {
    async fn done(shop: &Shop) -> Self {
        let (customer, token) = shop.register("ada", "1000.00").await;
        let product = shop.add("pen", "2.50", 100).await;
        shop.knows(&[&product]).await;
        let order = shop.place(&token, &[(&product, 2)], None).await;
        assert_eq!(shop.outcome(&token, &order).await, "approved");
        Self { customer, token, order, product }
    }

    /// Whether it is all still there, and more can be done.
    async fn still_holds(&self, shop: &Shop) -> String {
        let token = shop.customer_token(&self.customer).await;
        let order = shop.api.get(&format!("/orders/{}", self.order), &token).await;
        if order.body["status"] != "approved" || order.body["total"] != "5.00" {
            return format!("the order is {}", order.body);
        }
        let next = shop.place(&token, &[(&self.product, 1)], None).await;
        match shop.outcome(&self.token, &next).await.as_str() {
            "approved" => "goes on".to_owned(),
            outcome => format!("the next order is {outcome}"),
        }
    }
}

/// A shop outside of development mode, whose callers' tokens are signed by an RSA key.
async fn rsa(table: &mut Table, folder: &Path, payments: &Payments) {
    let fixture =
        |name: &str| std::fs::read_to_string(repository().join("runtime/src/token/fixtures").join(name)).unwrap();
    let (public, private) = (fixture("rsa_public.pem"), fixture("rsa_private.pem"));
    let secret =
        |name: &str| json!({"kid": name, "alg": "HS256", "secret": format!("{name}-0123456789abcdefghijklmnop")});
    let service =
        |name: &str| json!({"registration": format!("{name}-0123456789abcdefghijklmnop"), "messages": [secret(name)]});
    let keys = json!({
        "tokens": [{"kid": "rsa", "alg": "RS256", "public": public}],
        "internal": [secret("internal")],
        "operator": [secret("operator")],
        "services": {"customers": service("customers"), "catalog": service("catalog"), "orders": service("orders")},
    });
    let file = folder.join("rsa-keys.json");
    std::fs::write(&file, keys.to_string()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let data = other.path().join("data");
    let environment = [
        ("MINOS_LISTEN", "127.0.0.1:0"),
        ("MINOS_DATA", data.to_str().unwrap()),
        ("MINOS_KEYS", file.to_str().unwrap()),
        ("PAYMENTS_URL", &payments.url),
        ("ISSUER", "shop"),
    ];
    let mut process = Process::start(&binary("shop"), &environment, other.path());
    let url = process.says_url();
    tokens::confusion(table, &url, &public, &private).await;
}
