//! Sagas, timers, parked messages, port calls: every saga has ended as its order has, and nothing waits for anybody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Findings;
use super::evidence::{Evidence, Service, number, text};
use super::replay::{Replay, Status};

/// How long an order may stay approved, in microseconds.
const APPROVED_LASTS: i64 = 30 * 24 * 3600 * 1_000_000;

pub(super) fn check(evidence: &Evidence, replay: &Replay, findings: &mut Findings) {
    let orders = evidence.service("orders");
    sagas(orders, replay, findings);
    timers(orders, replay, findings);
    for (name, service) in &evidence.services {
        nothing_waits(name, service, findings);
    }
}

fn sagas(orders: &Service, replay: &Replay, findings: &mut Findings) {
    let mut of_order: BTreeMap<String, u32> = BTreeMap::new();
    for row in orders.table("engine_sagas") {
        let (id, status, subject) = (text(row, "id"), text(row, "status"), text(row, "subject"));
        let order = subject.rsplit('/').next().unwrap_or_default().to_owned();
        let (step, why) = (text(row, "step"), text(row, "reason"));
        let ended = replay.orders.get(&order).map(|order| match order.status {
            Status::Rejected => "compensated",
            Status::Placed => "ended",
            _ => "completed",
        });
        match (status.as_str(), ended) {
            ("stuck", _) => findings.say(format!("saga {id} of order {order} is stuck at `{step}`: {why}")),
            ("running" | "compensating", _) => {
                findings.say(format!("saga {id} of order {order} has not ended: it is {status} at `{step}`"));
            }
            (_, None) => findings.say(format!("saga {id} belongs to `{subject}`, which nobody placed")),
            (is, Some(wanted)) if is != wanted => {
                let status = replay.orders[&order].status.word();
                findings.say(format!("saga {id} is {is}, and order {order} is {status}"));
            }
            _ => {}
        }
        *of_order.entry(order).or_default() += 1;
        let stream = format!("saga:{}/{id}", text(row, "saga"));
        let (stored, says) = (orders.streams.get(&stream).copied().unwrap_or(0), number(row, "version"));
        if stored != says {
            findings.say(format!("saga {id} is listed at version {says}, and its log has {stored}"));
        }
    }
    for order in replay.orders.keys() {
        match of_order.get(order) {
            Some(1) => {}
            None => findings.say(format!("order {order} has no saga: its event was lost")),
            Some(times) => findings.say(format!("order {order} has {times} sagas")),
        }
    }
}

/// An approved order has its timer; nothing else has one.
fn timers(orders: &Service, replay: &Replay, findings: &mut Findings) {
    let mut approved: BTreeMap<&str, i64> = BTreeMap::new();
    for (id, order) in replay.orders.iter().filter(|(_, order)| order.status == Status::Approved) {
        approved.insert(id, order.approved_at + APPROVED_LASTS);
    }
    for row in orders.table("timers") {
        let payload: Value = serde_json::from_str(&text(row, "payload")).unwrap_or_default();
        let stream = payload["timer_of"].as_str().unwrap_or_default();
        match approved.remove(stream.rsplit('/').next().unwrap_or_default()) {
            Some(due) if due == number(row, "due") => {}
            Some(due) => {
                findings.say(format!("the timer of `{stream}` is due at {}, not at {due}", number(row, "due")))
            }
            None => findings.say(format!("a timer is left over: {payload}")),
        }
    }
    for order in approved.keys() {
        findings.say(format!("order {order} is approved, and has no timer"));
    }
}

fn nothing_waits(name: &str, service: &Service, findings: &mut Findings) {
    for row in service.table("parked_messages") {
        findings.say(format!(
            "a message of key `{}` is parked by `{}` of `{name}`: {}",
            text(row, "message_key"),
            text(row, "consumer"),
            text(row, "reason")
        ));
    }
    for row in service.table("engine_port_calls") {
        findings.say(format!("a port call of `{}` was never answered: {}", text(row, "key"), text(row, "call")));
    }
    for row in service.table("engine_refused_commands") {
        findings.say(format!("a command of policy `{}` was refused: {}", text(row, "policy"), text(row, "refusal")));
    }
    let kept: BTreeSet<String> = service.table("answers").iter().map(|row| text(row, "saga")).collect();
    for saga in kept.iter().filter(|saga| !saga.is_empty()) {
        findings.say(format!("`{name}` still keeps answers for saga {saga}, which has ended"));
    }
}
