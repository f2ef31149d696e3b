//! What one of those who work side by side does: the next thing as the dice fall, with few orders of its own under way.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::{Dice, Reply};
use serde::Serialize;
use serde_json::{Value, json};

use crate::is_over;
use crate::market::Market;

/// So many orders of one worker may be under way: what the shop cannot keep up with does not pile up.
const UNDER_WAY: usize = 6;
/// An order that has not ended by then is left alone: the checker says so.
const ENDS_WITHIN: Duration = Duration::from_secs(90);

/// How much was done.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Done {
    /// Commands with a definite answer.
    pub(crate) commands: u64,
    /// Of these, orders taken.
    pub(crate) orders: u64,
    /// Commands sent once more under a key that was answered before.
    pub(crate) repeated: u64,
    /// Commands given up without an answer.
    pub(crate) unanswered: u64,
}

impl Done {
    /// Adds another's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.orders += other.orders;
        self.repeated += other.repeated;
        self.unanswered += other.unanswered;
    }
}

/// A command that was answered.
struct Sent {
    /// Whose: a customer's place, or none for the clerk.
    by: Option<usize>,
    key: String,
    path: String,
    body: Value,
}

/// An order that was taken.
struct Order {
    id: String,
    customer: usize,
    since: Instant,
}

/// One of those who work side by side.
pub(crate) struct Worker {
    name: u64,
    dice: Dice,
    market: Arc<Market>,
    keys: u64,
    sent: Vec<Sent>,
    under_way: VecDeque<Order>,
    approved: Vec<Order>,
    done: Done,
}

impl Worker {
    /// One with dice of its own.
    pub(crate) fn new(name: u64, dice: Dice, market: Arc<Market>) -> Self {
        let (sent, under_way, approved) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { name, dice, market, keys: 0, sent, under_way, approved, done: Done::default() }
    }

    /// Until the file is there.
    pub(crate) async fn run(mut self, stop: PathBuf) -> Done {
        while !is_over(&stop) {
            match self.dice.below(100) {
                0..50 => self.place().await,
                50..75 => self.finish().await,
                75..82 => self.again().await,
                82..90 => self.restock().await,
                90..94 => self.rename().await,
                94..98 => self.reprice().await,
                _ => self.place_unknown().await,
            }
            self.look(&stop).await;
            tokio::time::sleep(Duration::from_millis(self.dice.below(30))).await;
        }
        self.done
    }

    /// Places an order of one or two products.
    async fn place(&mut self) {
        let customer = self.dice.place(self.market.customers.len());
        let first = self.dice.place(self.market.products.len());
        let mut items = vec![self.item(first)];
        if self.dice.below(3) == 0 {
            items.push(self.item((first + 1) % self.market.products.len()));
        }
        let reply = self.command(Some(customer), "place", "/orders".to_owned(), json!({ "items": items })).await;
        if reply.status == 201 {
            self.done.orders += 1;
            self.under_way.push_back(Order { id: reply.id(), customer, since: Instant::now() });
        }
    }

    fn item(&mut self, product: usize) -> Value {
        json!({ "product": self.market.products[product], "quantity": 1 + self.dice.below(3) })
    }

    /// An order of something that nobody sells: refused.
    async fn place_unknown(&mut self) {
        let product = format!("{:08x}-0000-4000-8000-000000000000", self.dice.below(1 << 32));
        let body = json!({ "items": [{ "product": product, "quantity": 1 }] });
        self.command(Some(0), "unknown", "/orders".to_owned(), body).await;
    }

    /// Ships or cancels an approved order: by chance also one that was finished before, which is refused.
    async fn finish(&mut self) {
        if self.approved.is_empty() {
            return;
        }
        let place = self.dice.place(self.approved.len());
        let order = &self.approved[place];
        let (by, what) = match self.dice.below(3) {
            0 => (Some(order.customer), "cancel"),
            _ => (None, "ship"),
        };
        let path = format!("/orders/{}/{what}", order.id);
        if self.dice.below(20) > 0 {
            self.approved.swap_remove(place);
        }
        self.command(by, what, path, json!({})).await;
    }

    /// Sends what was answered before: the answer must be the same.
    async fn again(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let place = self.dice.place(self.sent.len());
        let Sent { by, key, path, body } = &self.sent[place];
        self.market.insisting.again(self.person(*by), key, path, body).await;
        self.done.repeated += 1;
    }

    async fn restock(&mut self) {
        let product = self.dice.pick(&self.market.products).clone();
        let body = json!({ "amount": 1 + self.dice.below(3) });
        self.command(None, "restock", format!("/products/{product}/restock"), body).await;
    }

    async fn rename(&mut self) {
        let customer = self.dice.place(self.market.customers.len());
        let path = format!("/customers/{}/rename", self.market.customers[customer].id);
        let body = json!({ "name": format!("name {}", self.dice.below(1000)) });
        self.command(Some(customer), "rename", path, body).await;
    }

    /// Not of the last product, which the provider declines by its price.
    async fn reprice(&mut self) {
        let place = self.dice.place(self.market.products.len() - 1);
        let path = format!("/products/{}/reprice", self.market.products[place]);
        let body = json!({ "price": format!("{}.{}0", 5 + self.dice.below(30), self.dice.below(10)) });
        self.command(None, "reprice", path, body).await;
    }

    /// Looks after the oldest order under way; waits for it where there are many.
    async fn look(&mut self, stop: &Path) {
        while let Some(order) = self.under_way.front() {
            let token = &self.person(Some(order.customer)).token;
            let reply = self.market.insisting.api().get(&format!("/orders/{}", order.id), token).await;
            match reply.body["status"].as_str() {
                Some("approved") if reply.status == 200 => self.approved.extend(self.under_way.pop_front()),
                Some("rejected") if reply.status == 200 => drop(self.under_way.pop_front()),
                _ if order.since.elapsed() > ENDS_WITHIN => drop(self.under_way.pop_front()),
                _ if self.under_way.len() < UNDER_WAY || is_over(stop) => return,
                _ => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
    }

    fn person(&self, by: Option<usize>) -> &e2e::insist::Person {
        by.map_or(&self.market.clerk, |customer| &self.market.customers[customer].person)
    }

    async fn command(&mut self, by: Option<usize>, what: &str, path: String, body: Value) -> Reply {
        self.keys += 1;
        let key = format!("{what}-{}-{}", self.name, self.keys);
        let reply = self.market.insisting.command(self.person(by), &key, &path, &body).await;
        if (200..500).contains(&reply.status) {
            self.done.commands += 1;
            self.sent.push(Sent { by, key, path, body });
        } else {
            self.done.unanswered += 1;
        }
        reply
    }
}
