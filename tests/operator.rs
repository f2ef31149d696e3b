//! The operator's API in anger: a running shop whose messages, sagas and log have gone wrong, put right over HTTP; each decision
//! recorded with who, when and why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Database, Payments, Reply, Shop, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(30);

/// The shop, and the operator of one of its services.
struct Desk {
    shop: Shop,
    token: String,
    service: &'static str,
}

impl Desk {
    async fn of(service: &'static str, shop: Shop) -> Self {
        let token = shop.api.token(json!({"sub": "olga", "operator": true})).await;
        Self { shop, token, service }
    }

    async fn list(&self, what: &str) -> Vec<Value> {
        let path = format!("/_operator/{}/{what}", self.service);
        let reply = self.shop.api.get(&path, &self.token).await.expect_status(200);
        reply.body["items"].as_array().expect("a list").clone()
    }

    async fn decide(&self, what: &str, body: Value) -> Reply {
        self.shop.api.post(&format!("/_operator/{}/{what}", self.service), &self.token, &body).await
    }

    /// The entry of a list that is meant, once it is there.
    async fn finds(&self, what: &str, meant: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{what} lists it"), PATIENCE, || async {
            self.list(what).await.into_iter().find(|it| meant(it))
        })
        .await
    }

    /// The decision of that verb about that subject stands on record, with `olga`, the reason, a time and an outcome.
    async fn recorded(&self, subject: &str, verb: &str, reason: &str) -> Value {
        let decisions = self.list(&format!("decisions?subject={subject}")).await;
        let found = decisions.iter().find(|it| it["verb"] == verb && it["reason"] == reason);
        let found = found.unwrap_or_else(|| panic!("no {verb} of {subject} because of {reason} in {decisions:?}"));
        assert_eq!(found["by"], "olga");
        assert!(found["at"].is_string() && found["outcome"].is_string(), "{found}");
        found.clone()
    }
}

fn is_of(parked: &Value, id: &str, kind: &str) -> bool {
    parked["kind"] == kind && parked["key"].as_str().is_some_and(|key| key.ends_with(id))
}

fn orders_file(folder: &Path) -> PathBuf {
    folder.join("data/orders.db")
}

/// Somebody has put a rule on the table behind `PriceList` that the shop knows nothing of.
async fn curse(database: &mut Database) {
    let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'PriceList%'";
    let table = database.text(query).await.expect("the view's table");
    let trigger = format!(
        "CREATE TRIGGER cursed BEFORE INSERT ON \"{table}\" WHEN NEW.title LIKE 'cursed%' \
         BEGIN SELECT RAISE(ABORT, 'cursed things are not kept here'); END"
    );
    database.run(&trigger).await;
}

async fn reprice(shop: &Shop, product: &str, price: &str) {
    shop.api
        .post(&format!("/products/{product}/reprice"), &shop.clerk, &json!({"price": price}))
        .await
        .expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_is_parked_with_the_later_ones_of_its_key_and_replayed_once_its_cause_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let desk = Desk::of("orders", Shop::start(folder.path(), &payments).await).await;
    let mut database = Database::open(&orders_file(folder.path())).await;
    curse(&mut database).await;

    let cursed = desk.shop.add("cursed", "9.00", 5).await;
    let poison = desk.finds("parked", |it| is_of(it, &cursed, "poison")).await;
    assert!(poison["reason"].as_str().unwrap().contains("cursed things are not kept here"), "{poison}");
    reprice(&desk.shop, &cursed, "2.00").await;
    let behind = desk.finds("parked", |it| is_of(it, &cursed, "behind")).await;
    let pen = desk.shop.add("pen", "1.00", 5).await;
    desk.shop.knows(&[&pen]).await; // other keys go on

    let (id, later) = (poison["id"].as_str().unwrap(), behind["id"].as_str().unwrap());
    let replay = format!("parked/{id}/replay");
    assert_eq!(desk.decide(&replay, json!({})).await.status, 400);
    assert_eq!(desk.decide(&replay, json!({"reason": " "})).await.status, 400);
    let still = desk.decide(&replay, json!({"reason": "perhaps it is gone"})).await.expect_status(409);
    assert!(still.body["detail"].as_str().unwrap().contains("cursed"), "{}", still.body);
    assert_eq!(desk.list("parked").await.len(), 2, "what still fails stays, with what waits behind it");

    database.run("DROP TRIGGER cursed").await;
    let healed = desk.decide(&replay, json!({"reason": "the rule is gone"})).await.expect_status(200);
    assert_eq!(healed.body["handled"], 2);
    assert_eq!(desk.list("parked").await, Vec::<Value>::new());
    assert_eq!(desk.decide(&replay, json!({"reason": "again"})).await.status, 404);
    let (_, token) = desk.shop.register("ada", "100.00").await;
    let order = desk.shop.place(&token, &[(&cursed, 1)], None).await;
    assert_eq!(desk.shop.outcome(&token, &order).await, "approved");
    let order = desk.shop.api.get(&format!("/orders/{order}"), &token).await.expect_status(200);
    assert_eq!(order.body["total"], "2.00", "both were applied, in their order");

    let failed = desk.recorded(id, "replay", "perhaps it is gone").await;
    assert!(failed["outcome"].as_str().unwrap().contains("cursed"), "{failed}");
    let done = desk.recorded(id, "replay", "the rule is gone").await;
    assert_eq!(done["outcome"], r#"{"handled":2}"#);
    assert!(desk.list(&format!("decisions?subject={later}")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_that_is_discarded_stays_on_record_with_its_reason_and_the_later_ones_are_handled() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let mut desk = Desk::of("orders", Shop::start(folder.path(), &payments).await).await;
    let mut database = Database::open(&orders_file(folder.path())).await;
    curse(&mut database).await;
    let cursed = desk.shop.add("cursed", "9.00", 5).await;
    let poison = desk.finds("parked", |it| is_of(it, &cursed, "poison")).await;
    reprice(&desk.shop, &cursed, "2.00").await;
    desk.finds("parked", |it| is_of(it, &cursed, "behind")).await;

    let discard = format!("parked/{}/discard", poison["id"].as_str().unwrap());
    let done = desk.decide(&discard, json!({"reason": "never to be sold"})).await.expect_status(200);
    assert_eq!(done.body["handled"], 1, "the one that waited behind it");
    assert_eq!(desk.list("parked").await, Vec::<Value>::new());
    database.run("DROP TRIGGER cursed").await;
    database.close().await;

    desk.shop.process.terminate();
    desk.shop.process.ends(PATIENCE);
    let desk = Desk::of("orders", Shop::start(folder.path(), &payments).await).await;
    let discarded = desk.list("parked?discarded=true").await;
    assert_eq!(discarded.len(), 1, "{discarded:?}");
    assert_eq!(discarded[0]["id"], poison["id"]);
    assert_eq!(discarded[0]["message"], poison["message"]);
    assert_eq!(discarded[0]["discarded"], "never to be sold (olga)");
    desk.recorded(poison["id"].as_str().unwrap(), "discard", "never to be sold").await;
    let (_, token) = desk.shop.register("ada", "100.00").await;
    let body = json!({"items": [{"product": cursed, "quantity": 1}]});
    let refused = desk.shop.api.post("/orders", &token, &body).await.expect_status(422);
    assert_eq!(refused.body["error"], "orders.Order.UnknownProduct");
}

/// A payment provider that answers every request with 400 while it is broken, and else is the one at `upstream`.
async fn breakable(upstream: &str) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let broken = Arc::new(AtomicBool::new(true));
    let (is_broken, upstream) = (Arc::clone(&broken), upstream.trim_start_matches("http://").to_owned());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (is_broken, upstream) = (Arc::clone(&is_broken), upstream.clone());
            tokio::spawn(async move {
                if is_broken.load(Ordering::SeqCst) {
                    let _ = client.read(&mut [0; 4096]).await;
                    let body = r#"{"detail": "the provider has lost its certificate"}"#;
                    let head = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json";
                    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    let _ = client.write_all(answer.as_bytes()).await;
                    let _ = client.shutdown().await;
                } else if let Ok(mut server) = TcpStream::connect(upstream).await {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    (url, broken)
}

#[tokio::test(flavor = "multi_thread")]
async fn stuck_sagas_are_retried_skipped_and_forced_each_with_a_reason_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let (url, broken) = breakable(&payments.url).await;
    let desk = Desk::of("orders", Shop::start_in(folder.path(), &folder.path().join("data"), &url).await).await;
    let (_, token) = desk.shop.register("ada", "100.00").await;
    let pen = desk.shop.add("pen", "10.00", 10).await;
    desk.shop.knows(&[&pen]).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(desk.shop.place(&token, &[(&pen, 1)], None).await);
    }
    let mut sagas = Vec::new();
    for order in &orders {
        let stuck =
            desk.finds("sagas?status=stuck", |it| it["subject"].as_str().is_some_and(|it| it.ends_with(order))).await;
        assert_eq!(stuck["step"], "charge", "{stuck}");
        assert!(stuck["reason"].as_str().unwrap().contains("certificate"), "{stuck}");
        sagas.push(stuck["id"].as_str().unwrap().to_owned());
    }
    desk.shop.becomes_free(&pen, 7).await;

    broken.store(false, Ordering::SeqCst);
    let body = |reason: &str| json!({"reason": reason});
    assert_eq!(desk.decide(&format!("sagas/{}/retry", sagas[0]), json!({})).await.status, 400);
    desk.decide(&format!("sagas/{}/retry", sagas[0]), body("the certificate is new")).await.expect_status(200);
    assert_eq!(desk.shop.outcome(&token, &orders[0]).await, "approved");
    assert_eq!(payments.charges_of(&orders[0]).await, 1);

    let paid = json!({"reason": "paid in cash", "result": {"reference": "cash-1"}});
    desk.decide(&format!("sagas/{}/skip", sagas[1]), paid).await.expect_status(200);
    assert_eq!(desk.shop.outcome(&token, &orders[1]).await, "approved");
    assert_eq!(payments.charges_of(&orders[1]).await, 0);

    desk.decide(&format!("sagas/{}/force", sagas[2]), body("the customer has left")).await.expect_status(200);
    assert_eq!(desk.shop.outcome(&token, &orders[2]).await, "rejected");
    assert_eq!(payments.charges_of(&orders[2]).await, 0);
    desk.shop.becomes_free(&pen, 8).await;

    assert_eq!(desk.list("sagas?status=stuck").await, Vec::<Value>::new());
    let again = desk.decide(&format!("sagas/{}/retry", sagas[0]), body("once more")).await.expect_status(409);
    assert!(again.body["detail"].is_string(), "{}", again.body);
    for (saga, verb, reason) in [
        (&sagas[0], "retry", "the certificate is new"),
        (&sagas[1], "skip", "paid in cash"),
        (&sagas[2], "force", "the customer has left"),
    ] {
        desk.recorded(saga, verb, reason).await;
        let path = format!("/_operator/orders/sagas/{saga}");
        let log = desk.shop.api.get(&path, &desk.token).await.expect_status(200).body["log"].to_string();
        assert!(log.contains(reason) && log.contains("olga"), "the saga's own log says why and who: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policys_refused_command_is_listed_where_it_was_sent_and_sent_again_once_its_cause_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let mut shop = Shop::start(folder.path(), &payments).await;
    let (_, token) = shop.register("ada", "100.00").await;
    let pen = shop.add("pen", "10.00", 10).await;
    shop.knows(&[&pen]).await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        orders.push(shop.place(&token, &[(&pen, 2)], None).await);
    }
    for order in &orders {
        assert_eq!(shop.outcome(&token, order).await, "approved");
    }
    // Somebody takes the stock away, by hand, behind the back of the service.
    shop.process.terminate();
    shop.process.ends(PATIENCE);
    let mut catalog = Database::open(&folder.path().join("data/catalog.db")).await;
    let stolen =
        "UPDATE events SET data = replace(data, '\"stock\":10', '\"stock\":0') WHERE type = 'catalog.Product.Added'";
    catalog.run(stolen).await;
    catalog.close().await;
    let desk = Desk::of("orders", Shop::start(folder.path(), &payments).await).await;
    let token = desk.shop.customer_token(&shop_customer(&desk.shop, &orders[0]).await).await;

    for order in &orders {
        desk.shop.api.post(&format!("/orders/{order}/ship"), &desk.shop.clerk, &json!({})).await.expect_status(200);
    }
    let mut refused = Vec::new();
    for order in &orders {
        let found = desk.finds("refused-commands", |it| it["command"]["arguments"]["order"] == order.as_str()).await;
        assert_eq!(found["policy"], "orders.Settle");
        assert_eq!(found["command"]["command"], "catalog.Product.Take");
        assert!(found["refusal"]["message"].is_string(), "{found}");
        refused.push(found["id"].as_str().unwrap().to_owned());
    }
    let restock = format!("/products/{pen}/restock");
    desk.shop.api.post(&restock, &desk.shop.clerk, &json!({"amount": 10})).await.expect_status(200);
    let replay = format!("refused-commands/{}/replay", refused[0]);
    desk.decide(&replay, json!({"reason": "found again"})).await.expect_status(200);
    let discard = format!("refused-commands/{}/discard", refused[1]);
    desk.decide(&discard, json!({"reason": "counted by hand"})).await.expect_status(200);
    assert_eq!(desk.list("refused-commands").await, Vec::<Value>::new());
    // Two were taken, two are still reserved: 10 - 2 in stock, less 2.
    desk.shop.becomes_free(&pen, 6).await;
    let state = desk.shop.api.get(&format!("/orders/{}", orders[0]), &token).await.expect_status(200);
    assert_eq!(state.body["status"], "shipped");
    desk.recorded(&refused[0], "replay", "found again").await;
    desk.recorded(&refused[1], "discard", "counted by hand").await;
}

async fn shop_customer(shop: &Shop, order: &str) -> String {
    let order = shop.api.get(&format!("/orders/{order}"), &shop.clerk).await.expect_status(200);
    order.body["customer"].as_str().unwrap().to_owned()
}

/// Everything that is asked of a shop whose log came to harm: what was done is there once, and business goes on.
async fn goes_on_over(folder: &Path, payments: &Payments, harm: impl Fn(&Path, bool)) {
    let data = folder.join("data");
    let mut shop = Shop::start(folder, payments).await;
    let (customer, token) = shop.register("ada", "1000.00").await;
    let pen = shop.add("pen", "10.00", 100).await;
    shop.knows(&[&pen]).await;
    let first = shop.place(&token, &[(&pen, 1)], None).await;
    assert_eq!(shop.outcome(&token, &first).await, "approved");
    shop.process.terminate();
    shop.process.ends(PATIENCE);
    harm(&data, false);
    let mut shop = Shop::start(folder, payments).await;
    let token = shop.customer_token(&customer).await;
    let second = shop.place(&token, &[(&pen, 1)], None).await;
    assert_eq!(shop.outcome(&token, &second).await, "approved");
    shop.process.terminate();
    shop.process.ends(PATIENCE);
    harm(&data, true);
    for _ in 0..2 {
        let mut shop = Shop::start(folder, payments).await;
        let token = shop.customer_token(&customer).await;
        let desk = shop.add("desk", "20.00", 5).await;
        shop.knows(&[&desk]).await;
        let third = shop.place(&token, &[(&pen, 1), (&desk, 1)], None).await;
        assert_eq!(shop.outcome(&token, &third).await, "approved");
        for order in [&first, &second, &third] {
            assert_eq!(payments.charges_of(order).await, 1, "nothing is done twice");
        }
        shop.process.terminate();
        shop.process.ends(PATIENCE);
    }
    let shop = Shop::start(folder, payments).await;
    shop.becomes_free(&pen, 96).await;
    let token = shop.customer_token(&customer).await;
    let list = shop.api.get(&format!("/orders/of_customer?customer={customer}"), &token).await.expect_status(200);
    assert_eq!(list.body["items"].as_array().map(Vec::len), Some(4));
    let desk = Desk::of("orders", shop).await;
    assert_eq!(desk.list("gaps").await, Vec::<Value>::new());
    assert_eq!(desk.list("parked").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_file_is_gone_is_written_again_from_the_stores() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    goes_on_over(folder.path(), &payments, |data, now| {
        for file in ["log.db", "log.db-wal", "log.db-shm"] {
            if now {
                let _ = std::fs::remove_file(data.join(file));
            }
        }
        assert!(!now || !data.join("log.db").exists());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_restored_from_a_backup_gets_the_rest_from_the_stores() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    goes_on_over(folder.path(), &payments, |data, now| {
        let (log, backup) = (data.join("log.db"), data.join("log.backup"));
        let (from, to) = if now { (backup, log) } else { (log, backup) };
        std::fs::copy(from, to).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_the_log_lost_for_ever_are_seen_and_passed_over_by_an_operator() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let desk = Desk::of("orders", Shop::start(folder.path(), &payments).await).await;
    let pen = desk.shop.add("pen", "1.00", 5).await;
    desk.shop.knows(&[&pen]).await;
    assert_eq!(desk.list("gaps").await, Vec::<Value>::new());
    let mut log = Database::open(&folder.path().join("data/log.db")).await;
    let trigger = "CREATE TRIGGER hole AFTER INSERT ON messages WHEN NEW.message LIKE '%lost for ever%' \
                   BEGIN DELETE FROM messages WHERE log_offset = NEW.log_offset; END";
    log.run(trigger).await;
    let lost = desk.shop.add("lost for ever", "1.00", 5).await;
    // It is lost for certain, before anything follows.
    let path = format!("/products/{lost}");
    desk.shop.api.get(&path, &desk.shop.clerk).await.expect_status(200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    log.run("DROP TRIGGER hole").await;
    log.close().await;
    let after = desk.shop.add("after it", "1.00", 5).await;

    let gap = desk.finds("gaps", |it| it["topic"] == "catalog.events").await;
    assert!(
        gap["applied"].as_u64() < gap["missing"].as_u64() && gap["missing"].as_u64() < gap["next"].as_u64(),
        "{gap}"
    );
    let (_, token) = desk.shop.register("ada", "100.00").await;
    let order = json!({"items": [{"product": after, "quantity": 1}]});
    assert_eq!(desk.shop.api.post("/orders", &token, &order).await.status, 422, "it waits, rather than go on without");

    let consumer = gap["consumer"].as_str().unwrap();
    let skip = format!("gaps/{consumer}/skip");
    assert_eq!(desk.decide(&skip, json!({})).await.status, 400);
    let skipped = desk.decide(&skip, json!({"reason": "the disk lost a block"})).await.expect_status(200);
    assert_eq!(skipped.body["skipped"]["missing"], gap["missing"]);
    desk.shop.knows(&[&after]).await;
    assert_eq!(desk.list("gaps").await, Vec::<Value>::new());
    assert_eq!(desk.decide(&skip, json!({"reason": "again"})).await.status, 409);
    let order = json!({"items": [{"product": lost, "quantity": 1}]});
    assert_eq!(desk.shop.api.post("/orders", &token, &order).await.status, 422, "what was passed over is not known");
    desk.recorded(consumer, "skip", "the disk lost a block").await;
}
