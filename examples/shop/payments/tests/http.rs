//! The provider over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use shop_payments::{Book, serve};

struct Provider {
    url: String,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Provider {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let book = Book::open(&folder.path().join("book.jsonl")).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, book, std::future::pending()));
        Self { url, client: Client::new(), _folder: folder }
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.url)).header("Idempotency-Key", key);
        request.json(&body).send().await.unwrap()
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn two_calls_at_once_with_one_key_charge_once() {
    let provider = Provider::start().await;
    let body = json!({ "order": "o-1", "amount": "12.00" });
    let (first, second) =
        tokio::join!(provider.post("/charges", "k", body.clone()), provider.post("/charges", "k", body.clone()));
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 201));
    let first: Value = first.json().await.unwrap();
    assert_eq!(first, second.json::<Value>().await.unwrap());
    let charges = provider.list("/charges").await;
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0]["calls"], 2);
    assert_eq!(charges[0]["request"], body);
}

#[tokio::test]
async fn it_declines_by_amount_and_by_order_and_keeps_to_its_answer() {
    let provider = Provider::start().await;
    let by_amount = provider.post("/charges", "a", json!({ "order": "o", "amount": "10.13" })).await;
    assert_eq!(by_amount.status(), 402);
    provider.post("/control", "", json!({ "decline": true })).await;
    let body = json!({ "order": "o", "amount": "10.00" });
    assert_eq!(provider.post("/charges", "b", body.clone()).await.status(), 402);
    provider.post("/control", "", json!({ "decline": false })).await;
    assert_eq!(provider.post("/charges", "b", body.clone()).await.status(), 402);
    assert_eq!(provider.post("/charges", "c", body).await.status(), 201);
}

#[tokio::test]
async fn a_slow_charge_is_done_although_its_caller_gave_up() {
    let provider = Provider::start().await;
    provider.post("/control", "", json!({ "delay_ms": 60_000 })).await;
    let request = provider.client.post(format!("{}/charges", provider.url)).header("Idempotency-Key", "k");
    let request = request.json(&json!({ "order": "o", "amount": "1.00" })).timeout(Duration::from_millis(500));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(provider.list("/charges").await.len(), 1);
}

#[tokio::test]
async fn what_it_cannot_take_is_refused_with_the_reason() {
    let provider = Provider::start().await;
    let no_key =
        provider.client.post(format!("{}/charges", provider.url)).json(&json!({ "order": "o", "amount": "1.00" }));
    assert_eq!(no_key.send().await.unwrap().status(), 400);
    assert_eq!(provider.post("/charges", "k", json!({ "order": "o" })).await.status(), 400);
    assert_eq!(provider.post("/refunds", "k", json!({ "order": "o", "payment": "pay-9" })).await.status(), 404);
    let paid: Value =
        provider.post("/charges", "k", json!({ "order": "o", "amount": "1.00" })).await.json().await.unwrap();
    let refund = json!({ "order": "o", "payment": paid["reference"] });
    assert_eq!(provider.post("/refunds", "k", refund).await.status(), 201);
    assert_eq!(provider.post("/charges", "k", json!({ "order": "o", "amount": "2.00" })).await.status(), 422);
}
