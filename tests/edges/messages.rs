//! Records in the log that are no messages, or not to be believed: parked where an operator sees them, and nothing else stops.

use std::path::Path;
use std::time::Duration;

use e2e::{Database, Forged, LogFile, Shop};
use serde_json::{Value, json};

use crate::table::Table;

const EDGE: &str = "message";
const TOPIC: &str = "catalog.events";

pub(crate) async fn try_all(table: &mut Table, shop: &Shop, data: &Path, operator: &str) -> String {
    let mut log = LogFile::of(data).await;
    let good = log.newest(TOPIC, "catalog.Product.Added").await;
    let forged = |field: &str, value: &str| good.with(field, value);
    let other = log.sign(&Forged(good.0.replace(r#""source":"catalog""#, r#""source":"customers""#)));
    let stolen = Forged(other.0.replace(r#""source":"customers""#, r#""source":"catalog""#));
    let nobody = forged("source", "\"billing\"");
    let elsewhere = log.sign(&Forged(good.0.replace(r#""topic":"catalog.events""#, r#""topic":"orders.events""#)));
    let inside = log.sign(&forged("pos", "null"));
    for (pos, (input, record, word)) in (1..).zip([
        ("a record that is no JSON", "this is no message".to_owned(), "no message"),
        ("half a record", good.0[..good.0.len() / 2].to_owned(), "no message"),
        ("an empty record", String::new(), "no message"),
        ("an envelope of version 99", forged("specversion", "99").0, "version 99"),
        (
            "a body of a kind that is not known",
            good.0.replace(r#""body":{"event":"#, r#""body":{"telegram":"#),
            "no message",
        ),
        ("a position that is no number", inside.0, "no message"),
        ("a price changed in the log", forged("price", "\"0.01\"").0, "signature"),
        ("no signature", forged("signature", "\"\"").0, "signature"),
        ("signed by another service", stolen.0, "signature"),
        ("from a service that nobody knows", nobody.0, "no key of `billing`"),
        ("of another topic", elsewhere.0, "topic `orders.events`"),
    ]) {
        let offset = log.append(TOPIC, "forger", pos, &record).await;
        let parked = parked(shop, operator, &|it| it["topic"] == TOPIC && it["offset"] == offset).await;
        let reason = parked["reason"].as_str().unwrap_or("not parked").to_owned();
        table.row(EDGE, input, &format!("parked, {}: {reason}", parked["kind"]), reason.contains(word));
    }
    log.close().await;
    newer(table, shop, data, operator).await
}

/// A service of a newer version has written an event that this one cannot read.
async fn newer(table: &mut Table, shop: &Shop, data: &Path, operator: &str) -> String {
    let mut catalog = Database::open(&data.join("catalog.db")).await;
    let trigger = "CREATE TRIGGER newer AFTER INSERT ON events WHEN NEW.data LIKE '%from the future%' \
                   BEGIN UPDATE events SET schema_version = 9 WHERE pos = NEW.pos; END";
    catalog.run(trigger).await;
    let product = shop.add("from the future", "1.00", 1).await;
    let parked = parked(shop, operator, &|it| it["key"].as_str().is_some_and(|key| key.ends_with(&product))).await;
    let reason = parked["reason"].as_str().unwrap_or("not parked").to_owned();
    table.row(
        EDGE,
        "an event of a version that is not known",
        &format!("parked, {}: {reason}", parked["kind"]),
        reason.contains('9'),
    );
    catalog.run("DROP TRIGGER newer").await;
    catalog.close().await;
    let pen = shop.add("after the parked ones", "1.00", 1).await;
    shop.knows(&[&pen]).await;
    product
}

/// What a service says that has no longer in memory what it decided on, and cannot read it.
pub(crate) async fn unreadable(table: &mut Table, shop: &Shop, product: &str) {
    let answer = e2e::Ask::new("POST", &format!("/products/{product}/restock")).token(&shop.clerk);
    let answer = answer.json(r#"{"amount": 1}"#).send(&shop.api.url).await;
    table.problem(EDGE, "a command on an aggregate with such an event", &answer, 500, &["cannot decide"]);
}

/// The parked message of orders that is meant, or `null` when it does not come.
async fn parked(shop: &Shop, operator: &str, meant: &dyn Fn(&Value) -> bool) -> Value {
    for _ in 0..100 {
        let reply = shop.api.get("/_operator/orders/parked", operator).await.expect_status(200);
        if let Some(found) = reply.body["items"].as_array().and_then(|items| items.iter().find(|it| meant(it))) {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    json!(null)
}
