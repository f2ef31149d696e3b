//! The shop's events folded by a model of our own: what the services must hold and answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Findings;
use super::evidence::{Event, Evidence};

/// A customer.
#[derive(Debug, Default)]
pub struct Customer {
    /// The name.
    pub name: String,
    /// The email.
    pub email: String,
    /// The limit, in cents.
    pub limit: i64,
    /// What is held for which order, in cents.
    pub holds: BTreeMap<String, i64>,
}

/// A product.
#[derive(Debug, Default)]
pub struct Product {
    /// The title.
    pub title: String,
    /// The price, in cents.
    pub price: i64,
    /// How many there were at first.
    pub added: i64,
    /// How many came since.
    pub restocked: i64,
    /// How many left.
    pub taken: i64,
    /// How many there are.
    pub stock: i64,
    /// How many are kept for which order.
    pub reserved: BTreeMap<String, i64>,
}

impl Product {
    /// How many may still be reserved.
    pub fn free(&self) -> i64 {
        self.stock - self.reserved.values().sum::<i64>()
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Its saga runs.
    #[default]
    Placed,
    /// It is paid.
    Approved,
    /// It was refused.
    Rejected,
    /// It left the house.
    Shipped,
    /// It was given back.
    Cancelled,
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A line of an order.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// The product.
    pub product: String,
    /// How many.
    pub quantity: i64,
    /// The price of one, in cents.
    pub price: i64,
}

/// An order.
#[derive(Debug, Default)]
pub struct Order {
    /// Whose.
    pub customer: String,
    /// Of what.
    pub lines: Vec<Line>,
    /// As it was placed.
    pub lines_json: Value,
    /// The sum, in cents.
    pub total: i64,
    /// Where it stands.
    pub status: Status,
    /// Whether it was approved at some time.
    pub was_approved: bool,
    /// The provider's reference.
    pub payment: String,
    /// When it was placed, in microseconds.
    pub placed_at: i64,
    /// When it was approved.
    pub approved_at: i64,
}

/// The shop as its events tell it.
#[derive(Debug, Default)]
pub struct Replay {
    /// By id.
    pub customers: BTreeMap<String, Customer>,
    /// By id.
    pub products: BTreeMap<String, Product>,
    /// By id.
    pub orders: BTreeMap<String, Order>,
}

/// Folds the events of all services. What cannot be is a finding: an effect twice, or in the wrong order.
pub(super) fn replay(evidence: &Evidence, findings: &mut Findings) -> Replay {
    let mut replay = Replay::default();
    for event in evidence.events() {
        if let Err(why) = replay.apply(event) {
            let Event { kind, stream, version, .. } = event;
            findings
                .say(format!("`{kind}` cannot be version {version} of `{stream}`: {why}: an effect twice, or swapped"));
        }
    }
    replay
}

/// What a `text` of decimal money is in cents.
pub(super) fn cents(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.replace('.', "").parse().ok()).unwrap_or(i64::MIN)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn line(line: &Value) -> Line {
    let quantity = line["quantity"].as_i64().unwrap_or_default();
    Line { product: text(&line["product"]), quantity, price: cents(&line["price"]) }
}

impl Replay {
    fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind.rsplit_once('.') {
            Some(("customers.Customer", kind)) => self.customer(kind, event),
            Some(("catalog.Product", kind)) => self.product(kind, event),
            Some(("orders.Order", kind)) => self.order(kind, event),
            _ => Err("nobody knows this type".to_owned()),
        }
    }

    fn customer(&mut self, kind: &str, event: &Event) -> Result<(), String> {
        let data = &event.data;
        let order = text(&data["order"]);
        if kind == "Registered" {
            let (name, email, limit) = (text(&data["name"]), text(&data["email"]), cents(&data["limit"]));
            let customer = Customer { name, email, limit, holds: BTreeMap::new() };
            return first(self.customers.insert(event.of().to_owned(), customer).is_none());
        }
        let customer = self.customers.get_mut(event.of()).ok_or("it is not registered")?;
        match kind {
            "Renamed" => customer.name = text(&data["name"]),
            "CreditHeld" => {
                if customer.holds.insert(order.clone(), cents(&data["amount"])).is_some() {
                    return Err(format!("credit is held for order {order} already"));
                }
                let held: i64 = customer.holds.values().sum();
                if held > customer.limit {
                    return Err(format!("{held} cents are held, of a limit of {}", customer.limit));
                }
            }
            "CreditReleased" => {
                _ = customer.holds.remove(&order).ok_or(format!("nothing is held for order {order}"))?
            }
            _ => return Err("nobody knows this type".to_owned()),
        }
        Ok(())
    }

    fn product(&mut self, kind: &str, event: &Event) -> Result<(), String> {
        let data = &event.data;
        let (order, quantity) = (text(&data["order"]), data["quantity"].as_i64().unwrap_or_default());
        if kind == "Added" {
            let (title, price, added) = (text(&data["title"]), cents(&data["price"]), data["stock"].as_i64());
            let added = added.unwrap_or_default();
            let product = Product { title, price, added, stock: added, ..Product::default() };
            return first(self.products.insert(event.of().to_owned(), product).is_none());
        }
        let product = self.products.get_mut(event.of()).ok_or("it was not added")?;
        let reserved = |product: &mut Product| {
            product.reserved.remove(&order).ok_or(format!("nothing is reserved for order {order}"))
        };
        match kind {
            "Repriced" => product.price = cents(&data["price"]),
            "Restocked" => {
                let amount = data["amount"].as_i64().unwrap_or_default();
                product.restocked += amount;
                product.stock += amount;
            }
            "Reserved" if product.reserved.contains_key(&order) => {
                return Err(format!("order {order} has a reservation already"));
            }
            "Reserved" => {
                product.reserved.insert(order, quantity);
                if product.free() < 0 {
                    return Err(format!("{} more are reserved than there are", -product.free()));
                }
            }
            "Released" => _ = reserved(product)?,
            "Taken" => {
                let kept = reserved(product)?;
                product.stock -= quantity;
                product.taken += quantity;
                if kept != quantity {
                    return Err(format!("{quantity} are taken for order {order}, of {kept} reserved"));
                }
            }
            _ => return Err("nobody knows this type".to_owned()),
        }
        Ok(())
    }

    fn order(&mut self, kind: &str, event: &Event) -> Result<(), String> {
        let data = &event.data;
        if kind == "Placed" {
            let lines: Vec<Line> = data["lines"].as_array().into_iter().flatten().map(line).collect();
            let total = lines.iter().map(|line| line.price * line.quantity).sum();
            let order = Order {
                customer: text(&data["customer"]),
                lines,
                lines_json: data["lines"].clone(),
                total,
                placed_at: event.at,
                ..Order::default()
            };
            if total != cents(&data["total"]) {
                return Err(format!("its lines cost {total} cents, and it says {}", data["total"]));
            }
            return first(self.orders.insert(event.of().to_owned(), order).is_none());
        }
        let order = self.orders.get_mut(event.of()).ok_or("it was not placed")?;
        let (before, after) = match kind {
            "Approved" => (Status::Placed, Status::Approved),
            "Rejected" => (Status::Placed, Status::Rejected),
            "Shipped" => (Status::Approved, Status::Shipped),
            "Cancelled" => (Status::Approved, Status::Cancelled),
            _ => return Err("nobody knows this type".to_owned()),
        };
        let was = std::mem::replace(&mut order.status, after);
        if after == Status::Approved {
            order.payment = text(&data["payment"]);
            (order.was_approved, order.approved_at) = (true, event.at);
        }
        if was == before { Ok(()) } else { Err(format!("the order is {}", was.word())) }
    }
}

fn first(is_first: bool) -> Result<(), String> {
    if is_first { Ok(()) } else { Err("it is there already".to_owned()) }
}
