//! kill -9 in the middle of orders, and restart: every order ends, and the books of all four parties agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use e2e::{Payments, Shop};
use futures_util::future::join_all;
use serde_json::{Value, json};

const ORDERS_A_ROUND: usize = 20;
const CUSTOMERS: usize = 4;
/// In cents; a round asks for more than all of it, so that some orders are refused credit.
const LIMIT: i64 = 40_000;

/// An order that a customer wants, with the key under which he insists on it.
struct Wanted {
    customer: usize,
    product: usize,
    quantity: u32,
    key: String,
}

struct Product {
    id: String,
    price: i64,
    stock: i64,
}

struct Trial {
    shop: Shop,
    payments: Payments,
    customers: Vec<String>,
    products: Vec<Product>,
    /// Every order taken, with what was wanted.
    orders: BTreeMap<String, Wanted>,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_twice_in_the_middle_of_twenty_orders_nothing_is_lost_and_nothing_done_twice() {
    trial(2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the same, longer: tests/run --full"]
async fn killed_five_times_in_the_middle_of_twenty_orders_nothing_is_lost_and_nothing_done_twice() {
    trial(5).await;
}

async fn trial(rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut trial = Trial::start(folder.path()).await;
    for round in 0..rounds {
        trial.round(folder.path(), round).await;
    }
    let outcomes = trial.outcomes().await;
    trial.each_order_was_charged_as_it_ended(&outcomes).await;
    trial.stock_adds_up(&outcomes).await;
    trial.credit_adds_up(&outcomes).await;
    trial.the_lists_hold_each_order_once().await;
}

impl Trial {
    async fn start(folder: &Path) -> Self {
        let payments = Payments::start(folder);
        let shop = Shop::start(folder, &payments).await;
        let mut customers = Vec::new();
        for n in 0..CUSTOMERS {
            customers.push(shop.register(&format!("customer{n}"), &money(LIMIT)).await.0);
        }
        let mut products = Vec::new();
        // Much, little, declined by the provider (its price ends with .13).
        for (title, price, stock) in [("pen", 2_000, 500), ("vase", 1_500, 12), ("lamp", 3_013, 50)] {
            let id = shop.add(title, &money(price), u32::try_from(stock).unwrap()).await;
            products.push(Product { id, price, stock });
        }
        shop.knows(&products.iter().map(|product| &product.id).collect::<Vec<_>>()).await;
        // Slow enough that a kill finds charges under way.
        payments.control(json!({ "delay_ms": 40 })).await;
        Self { shop, payments, customers, products, orders: BTreeMap::new() }
    }

    /// Twenty orders at once; a kill in their middle; a restart; the unanswered ones again with their keys.
    async fn round(&mut self, folder: &Path, round: u64) {
        let wanted = (0..ORDERS_A_ROUND).map(|n| Wanted {
            customer: n % CUSTOMERS,
            product: [0, 0, 1, 0, 2][n % 5],
            quantity: if n % 5 == 4 { 1 } else { 1 + u32::try_from(n % 3).unwrap() },
            key: format!("round-{round}-{n}"),
        });
        let tokens = self.tokens().await;
        let asked: Vec<_> = wanted
            .map(|wanted| {
                let (api, token, body) = (self.shop.api.clone(), tokens[wanted.customer].clone(), self.body(&wanted));
                tokio::spawn(async move {
                    let headers = [("Idempotency-Key", wanted.key.as_str())];
                    let reply = api.send("POST", "/orders", &token, Some(&body), &headers).await;
                    (wanted, reply)
                })
            })
            .collect();
        // Every round at another moment: while orders come in, while sagas run, when most are done.
        tokio::time::sleep(Duration::from_millis(30 + 130 * round)).await;
        self.shop.process.kill();
        let asked = join_all(asked).await;
        self.shop = Shop::start(folder, &self.payments).await;
        let tokens = self.tokens().await;
        for (wanted, reply) in asked.into_iter().map(Result::unwrap) {
            let first = (reply.status == 201).then(|| reply.id());
            let items = [(&self.products[wanted.product].id, wanted.quantity)];
            // Also those that were answered: the key gives the same order again.
            let order = self.shop.place(&tokens[wanted.customer], &items, Some(&wanted.key)).await;
            assert!(first.is_none_or(|first| first == order), "one key, two orders");
            assert!(self.orders.insert(order, wanted).is_none(), "two keys, one order");
        }
    }

    fn body(&self, wanted: &Wanted) -> Value {
        json!({ "items": [{ "product": self.products[wanted.product].id, "quantity": wanted.quantity }] })
    }

    async fn tokens(&self) -> Vec<String> {
        join_all(self.customers.iter().map(|id| self.shop.customer_token(id))).await
    }

    /// How each order ended.
    async fn outcomes(&self) -> BTreeMap<String, String> {
        let tokens = self.tokens().await;
        let ended = join_all(self.orders.iter().map(|(order, wanted)| {
            let token = &tokens[wanted.customer];
            async move { (order.clone(), self.shop.outcome(token, order).await) }
        }));
        let outcomes: BTreeMap<_, _> = ended.await.into_iter().collect();
        let of = |status| outcomes.values().filter(|outcome| *outcome == status).count();
        eprintln!("{} orders: {} approved, {} rejected", outcomes.len(), of("approved"), of("rejected"));
        assert_eq!(of("approved") + of("rejected"), outcomes.len(), "{outcomes:?}");
        assert!(of("approved") > 0 && of("rejected") > 0, "the trial shows both ends: {outcomes:?}");
        outcomes
    }

    async fn each_order_was_charged_as_it_ended(&self, outcomes: &BTreeMap<String, String>) {
        let charges = self.payments.list("charges").await;
        for (order, outcome) in outcomes {
            let of_order = charges.iter().filter(|charge| charge["request"]["order"] == **order);
            let (paid, declined): (Vec<_>, Vec<_>) = of_order.partition(|charge| charge["answer"]["status"] == 201);
            assert_eq!(paid.len(), usize::from(outcome == "approved"), "{order} is {outcome}: {paid:?}");
            assert!(paid.len() + declined.len() <= 1, "{order} was asked for under two keys: {paid:?} {declined:?}");
        }
    }

    async fn stock_adds_up(&self, outcomes: &BTreeMap<String, String>) {
        for (index, product) in self.products.iter().enumerate() {
            let sold = self
                .approved(outcomes)
                .filter(|wanted| wanted.product == index)
                .map(|wanted| i64::from(wanted.quantity));
            self.shop.becomes_free(&product.id, product.stock - sold.sum::<i64>()).await;
        }
    }

    /// What is left of each customer's limit can be spent to the last cent, and not one more.
    async fn credit_adds_up(&self, outcomes: &BTreeMap<String, String>) {
        self.payments.control(json!({ "delay_ms": 0 })).await;
        let unit = self.shop.add("unit", "5.00", 100_000).await;
        self.shop.knows(&[&unit]).await;
        for (customer, token) in self.tokens().await.iter().enumerate() {
            let spent = self.approved(outcomes).filter(|wanted| wanted.customer == customer);
            let spent: i64 = spent.map(|wanted| i64::from(wanted.quantity) * self.products[wanted.product].price).sum();
            let left = u32::try_from((LIMIT - spent) / 500).expect("nobody spends more than his limit");
            if left > 0 {
                let rest = self.shop.place(token, &[(&unit, left)], None).await;
                assert_eq!(
                    self.shop.outcome(token, &rest).await,
                    "approved",
                    "customer {customer} has {left} x 5.00 left"
                );
            }
            let one_more = self.shop.place(token, &[(&unit, 1)], None).await;
            assert_eq!(self.shop.outcome(token, &one_more).await, "rejected", "customer {customer} has nothing left");
        }
    }

    async fn the_lists_hold_each_order_once(&self) {
        for (customer, token) in self.tokens().await.iter().enumerate() {
            let path = format!("/orders/of_customer?customer={}&limit=200", self.customers[customer]);
            let reply = self.shop.api.get(&path, token).await.expect_status(200);
            let listed = reply.body["items"].as_array().unwrap().iter().filter_map(|row| row["order"].as_str());
            let listed: Vec<_> = listed.filter(|order| self.orders.contains_key(*order)).collect();
            let wanted = self.orders.values().filter(|wanted| wanted.customer == customer).count();
            assert_eq!(listed.len(), wanted, "customer {customer}: {listed:?}");
        }
    }

    fn approved<'a>(&'a self, outcomes: &'a BTreeMap<String, String>) -> impl Iterator<Item = &'a Wanted> {
        self.orders.iter().filter(|(order, _)| outcomes[*order] == "approved").map(|(_, wanted)| wanted)
    }
}

/// Cents as the wire has them.
fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
