//! Credit and stock add up: what is held and reserved is what approved orders need, what left is what was shipped.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Findings;
use super::evidence::{Evidence, text};
use super::replay::{Replay, Status};

pub(super) fn check(evidence: &Evidence, replay: &Replay, findings: &mut Findings) {
    credit(replay, findings);
    stock(replay, findings);
    claims(evidence, replay, findings);
}

fn credit(replay: &Replay, findings: &mut Findings) {
    let mut wanted: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for (id, order) in replay.orders.iter().filter(|(_, order)| order.status == Status::Approved) {
        wanted.insert((&order.customer, id), order.total);
    }
    for (id, customer) in &replay.customers {
        for (order, held) in &customer.holds {
            match wanted.remove(&(id.as_str(), order.as_str())) {
                Some(total) if total == *held => {}
                Some(total) => {
                    findings.say(format!("customer {id}: {held} cents are held for order {order} of {total}"))
                }
                None => findings.say(format!(
                    "customer {id}: {held} cents are held for order {order}, which is {}",
                    status(replay, order)
                )),
            }
        }
    }
    for ((customer, order), total) in wanted {
        findings.say(format!("customer {customer}: nothing is held for order {order}, approved at {total} cents"));
    }
}

fn stock(replay: &Replay, findings: &mut Findings) {
    let mut reserved: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut shipped: BTreeMap<&str, i64> = BTreeMap::new();
    for (id, order) in &replay.orders {
        for line in &order.lines {
            match order.status {
                Status::Approved => _ = reserved.insert((&line.product, id), line.quantity),
                Status::Shipped => *shipped.entry(&line.product).or_default() += line.quantity,
                _ => {}
            }
        }
    }
    for (id, product) in &replay.products {
        for (order, quantity) in &product.reserved {
            match reserved.remove(&(id.as_str(), order.as_str())) {
                Some(wanted) if wanted == *quantity => {}
                Some(wanted) => {
                    findings.say(format!("product {id}: {quantity} are kept for order {order}, not {wanted}"))
                }
                None => findings.say(format!(
                    "product {id}: {quantity} are kept for order {order}, which is {}",
                    status(replay, order)
                )),
            }
        }
        let left = shipped.get(id.as_str()).copied().unwrap_or(0);
        if product.taken != left {
            findings.say(format!("product {id}: {} were taken, and {left} shipped", product.taken));
        }
        let adds_up = product.added + product.restocked - product.taken;
        if product.stock != adds_up || product.free() < 0 {
            let (stock, free) = (product.stock, product.free());
            findings.say(format!("product {id}: {stock} in stock, {free} free, but it should have {adds_up}"));
        }
    }
    for ((product, order), quantity) in reserved {
        findings.say(format!("product {product}: nothing is kept for order {order}, approved with {quantity}"));
    }
}

/// Each email is claimed by who has it, and by nobody else.
fn claims(evidence: &Evidence, replay: &Replay, findings: &mut Findings) {
    let claims = evidence.service("customers").table("claims").iter();
    let claimed: BTreeSet<(String, String)> = claims.map(|row| (text(row, "value"), text(row, "stream"))).collect();
    let of_customer = |(id, customer): (&String, &super::replay::Customer)| {
        (Value::from(customer.email.as_str()).to_string(), format!("customers.Customer/{id}"))
    };
    let wanted: BTreeSet<(String, String)> = replay.customers.iter().map(of_customer).collect();
    for (email, stream) in claimed.symmetric_difference(&wanted) {
        findings.say(format!("the email {email} and its claim by `{stream}` do not agree"));
    }
}

fn status(replay: &Replay, order: &str) -> &'static str {
    replay.orders.get(order).map_or("nobody's", |order| order.status.word())
}
