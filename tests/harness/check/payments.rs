//! The provider's record against the orders: who was charged, refunded, written to; how often, and what for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Findings;
use super::evidence::Evidence;
use super::replay::{Order, Replay, Status, cents};

/// What was done under one key.
struct Effect<'a> {
    key: &'a str,
    request: &'a Value,
    answer: &'a Value,
}

impl Effect<'_> {
    fn is_done(&self) -> bool {
        self.answer["status"] == 201
    }

    fn reference(&self) -> &str {
        self.answer["body"]["reference"].as_str().unwrap_or_default()
    }
}

pub(super) fn check(evidence: &Evidence, replay: &Replay, findings: &mut Findings) {
    let charges = by_order(effects(evidence, "charge", findings));
    let refunds = by_order(effects(evidence, "refund", findings));
    for order in charges.keys().chain(refunds.keys()).filter(|order| !replay.orders.contains_key(**order)) {
        findings.say(format!("order {order} was charged or refunded, and nobody placed it"));
    }
    for (id, order) in &replay.orders {
        charged(id, order, charges.get(id.as_str()).map_or(&[], Vec::as_slice), findings);
        refunded(id, order, refunds.get(id.as_str()).map_or(&[], Vec::as_slice), findings);
    }
    mails(&effects(evidence, "mail", findings), replay, findings);
}

/// What was done, a key each: the first call of it. The record itself must give one key one request.
fn effects<'a>(evidence: &'a Evidence, kind: &str, findings: &mut Findings) -> Vec<Effect<'a>> {
    let mut effects: BTreeMap<&str, Effect<'a>> = BTreeMap::new();
    for call in evidence.payments.iter().filter(|call| call.kind == kind) {
        match (effects.get(call.key.as_str()), &call.answer) {
            (None, Some(answer)) => {
                effects.insert(&call.key, Effect { key: &call.key, request: &call.request, answer });
            }
            (Some(first), None) if *first.request == call.request => {}
            _ => findings.say(format!("the provider's record of {kind} `{}` contradicts itself", call.key)),
        }
    }
    effects.into_values().collect()
}

fn by_order(effects: Vec<Effect<'_>>) -> BTreeMap<&str, Vec<Effect<'_>>> {
    let mut by_order: BTreeMap<&str, Vec<Effect<'_>>> = BTreeMap::new();
    for effect in effects {
        by_order.entry(effect.request["order"].as_str().unwrap_or_default()).or_default().push(effect);
    }
    by_order
}

fn charged(id: &str, order: &Order, charges: &[Effect<'_>], findings: &mut Findings) {
    let status = order.status.word();
    let done: Vec<&Effect<'_>> = charges.iter().filter(|charge| charge.is_done()).collect();
    if charges.len() > 1 {
        let keys: Vec<&str> = charges.iter().map(|charge| charge.key).collect();
        let often = if done.len() > 1 { "charged" } else { "asked to be charged" };
        findings.say(format!("order {id} was {often} twice, under the keys {}", keys.join(", ")));
    }
    match (done.as_slice(), order.was_approved) {
        ([], true) => findings.say(format!("order {id} is {status}, and was never charged")),
        ([_, ..], false) => findings.say(format!("order {id} was charged, and is {status}")),
        ([charge, ..], true) => {
            let amount = cents(&charge.request["amount"]);
            if amount != order.total {
                findings.say(format!("order {id} costs {} cents and was charged {amount}", order.total));
            }
            if charge.reference() != order.payment {
                let (is, says) = (charge.reference(), &order.payment);
                findings.say(format!("order {id} was paid as `{is}`, and says `{says}`"));
            }
        }
        ([], false) => {}
    }
}

fn refunded(id: &str, order: &Order, refunds: &[Effect<'_>], findings: &mut Findings) {
    let wanted = usize::from(order.status == Status::Cancelled);
    if refunds.len() != wanted {
        let (status, times) = (order.status.word(), refunds.len());
        findings.say(format!("order {id} is {status}, and was refunded {times} times"));
    }
    for refund in refunds.iter().filter(|refund| refund.request["payment"] != order.payment.as_str()) {
        findings.say(format!("order {id} was paid as `{}`, and refunded {}", order.payment, refund.request["payment"]));
    }
}

/// Each approval writes one mail.
fn mails(mails: &[Effect<'_>], replay: &Replay, findings: &mut Findings) {
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    for order in replay.orders.values().filter(|order| order.was_approved) {
        *balance.entry(&order.customer).or_default() += 1;
    }
    for mail in mails {
        *balance.entry(mail.request["to"].as_str().unwrap_or_default()).or_default() -= 1;
    }
    for (customer, left) in balance.into_iter().filter(|(_, left)| *left != 0) {
        let what = if left > 0 { "mails too few" } else { "mails too many" };
        findings.say(format!("customer {customer} got {} {what}: effects lost, or had twice", left.abs()));
    }
}
