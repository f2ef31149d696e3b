//! The shop and its payment provider, each a process, on free ports and a temporary folder.

use std::path::Path;

use serde_json::{Value, json};

use crate::{Api, Process, binary};

/// The payment provider.
pub struct Payments {
    /// Where it listens.
    pub url: String,
    /// The process.
    pub process: Process,
    api: Api,
}

impl Payments {
    /// Starts it; its records are in `folder`.
    pub fn start(folder: &Path) -> Self {
        let file = folder.join("payments.jsonl");
        let environment = [("PAYMENTS_LISTEN", "127.0.0.1:0"), ("PAYMENTS_FILE", file.to_str().expect("UTF-8"))];
        let mut process = Process::start(&binary("shop-payments"), &environment, folder);
        let url = process.says_url();
        Self { api: Api::new(&url), url, process }
    }

    /// Changes its behaviour: `{"decline": …, "delay_ms": …}`.
    pub async fn control(&self, change: Value) {
        self.api.post("/control", "", &change).await.expect_status(200);
    }

    /// The effects of one kind (`charges`, `refunds`, `mails`).
    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let reply = self.api.get(&format!("/{kind}"), "").await.expect_status(200);
        reply.body.as_array().expect("a list").clone()
    }

    /// How often an order was charged with success, by key.
    pub async fn charges_of(&self, order: &str) -> usize {
        let charges = self.list("charges").await;
        charges.iter().filter(|charge| charge["request"]["order"] == order && charge["answer"]["status"] == 201).count()
    }
}

/// The shop.
pub struct Shop {
    /// The process.
    pub process: Process,
    /// A client of its gateway.
    pub api: Api,
    /// A clerk's token.
    pub clerk: String,
}

impl Shop {
    /// Starts it over the data in `folder`.
    pub async fn start(folder: &Path, payments: &Payments) -> Self {
        Self::start_in(folder, &folder.join("data"), &payments.url).await
    }

    /// Starts it in `folder` over the data in `data`, with the payment provider at that URL.
    pub async fn start_in(folder: &Path, data: &Path, payments: &str) -> Self {
        Self::start_with("shop", folder, data, payments, &[]).await
    }

    /// Another binary, over the data in `folder`, with more in its environment.
    pub async fn start_as(name: &str, folder: &Path, payments: &Payments, more: &[(&str, &str)]) -> Self {
        Self::start_with(name, folder, &folder.join("data"), &payments.url, more).await
    }

    async fn start_with(name: &str, folder: &Path, data: &Path, payments: &str, more: &[(&str, &str)]) -> Self {
        let mut environment = vec![
            ("MINOS_LISTEN", "127.0.0.1:0"),
            ("MINOS_DATA", data.to_str().expect("UTF-8")),
            ("PAYMENTS_URL", payments),
        ];
        environment.extend(more);
        let mut process = Process::start(&binary(name), &environment, folder);
        let api = Api::new(&process.says_url());
        let clerk = api.token(json!({ "sub": "clara", "roles": ["clerk"] })).await;
        Self { process, api, clerk }
    }

    /// Registers a customer; gives the id and a token of the customer.
    pub async fn register(&self, name: &str, limit: &str) -> (String, String) {
        let body = json!({ "name": name, "email": format!("{name}@example.com"), "limit": limit });
        let id = self.api.post("/customers", &self.clerk, &body).await.expect_status(201).id();
        (id.clone(), self.customer_token(&id).await)
    }

    /// A token of that customer.
    pub async fn customer_token(&self, id: &str) -> String {
        self.api.token(json!({ "sub": id, "roles": ["customer"], "customer_id": id })).await
    }

    /// Adds a product; gives its id.
    pub async fn add(&self, title: &str, price: &str, stock: u32) -> String {
        let body = json!({ "title": title, "price": price, "stock": stock });
        self.api.post("/products", &self.clerk, &body).await.expect_status(201).id()
    }

    /// Waits until orders can be placed on these products: the orders service follows the catalog within moments.
    pub async fn knows(&self, products: &[&String]) {
        // A customer of its own with no credit asks: its orders are rejected and hold nothing.
        let (_, token) = self.register(&format!("scout-{}", products[0]), "0.00").await;
        for product in products {
            self.place(&token, &[(product, 1)], None).await;
        }
    }

    /// Places an order, again while the catalog is not known yet; gives its id.
    pub async fn place(&self, token: &str, items: &[(&String, u32)], key: Option<&str>) -> String {
        let items: Vec<_> = items.iter().map(|(id, n)| json!({ "product": id, "quantity": n })).collect();
        let body = json!({ "items": items });
        let at_most = std::time::Duration::from_secs(30);
        crate::eventually("an order is taken", at_most, || async {
            let reply = self.api.send("POST", "/orders", token, Some(&body), &key_header(key)).await;
            if reply.status == 422 && reply.body["error"] == "orders.Order.UnknownProduct" {
                return None;
            }
            Some(reply.expect_status(201).id())
        })
        .await
    }

    /// Waits until the order is no longer `placed`; gives its status.
    pub async fn outcome(&self, token: &str, order: &str) -> String {
        let at_most = std::time::Duration::from_secs(90);
        crate::eventually(&format!("order {order} ends"), at_most, || async {
            let reply = self.api.get(&format!("/orders/{order}"), token).await;
            let status = reply.body["status"].as_str()?;
            (reply.status == 200 && status != "placed").then(|| status.to_owned())
        })
        .await
    }

    /// How many of a product are free.
    pub async fn free(&self, product: &str) -> i64 {
        let reply = self.api.get(&format!("/products/{product}"), &self.clerk).await.expect_status(200);
        reply.body["free"].as_i64().expect("a number")
    }

    /// Waits until so many of a product are free.
    pub async fn becomes_free(&self, product: &str, count: i64) {
        let what = format!("{count} of {product} are free");
        crate::eventually(&what, std::time::Duration::from_secs(30), || async {
            (self.free(product).await == count).then_some(())
        })
        .await;
    }
}

fn key_header(key: Option<&str>) -> Vec<(&str, &str)> {
    key.map(|key| ("Idempotency-Key", key)).into_iter().collect()
}

/// Copies a folder of files, without what lies in folders below.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}
