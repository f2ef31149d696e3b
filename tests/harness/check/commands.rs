//! The ledger against the stores: nothing acknowledged is lost, nothing done twice, nothing done that nobody asked for, and a key
//! gets one answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::Findings;
use super::evidence::{Event, Evidence};
use crate::ledger::{Answer, Intent, Line};

/// The namespace of the ids that Minos derives from names: version 5 of `minos` in the DNS namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d69_6e6f_7300_5000_8000_6d69_6e6f_7321);

/// A command as the ledger tells it.
struct Command<'a> {
    intent: &'a Intent,
    answers: Vec<&'a Answer>,
}

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    let commands = commands(evidence, findings);
    let mut effects: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in evidence.events() {
        effects.entry(&event.cause).or_default().push(event);
    }
    let mut asked_for: BTreeSet<String> = BTreeSet::new();
    for (key, command) in &commands {
        let id = command_id(command.intent);
        let effects = effects.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        one_answer(key, command, findings);
        match command.answers.first() {
            None => findings.say(format!("key `{key}` never got a definite answer")),
            Some(answer) if answer.status < 300 => {
                acknowledged(evidence, key, command.intent, answer, effects, findings)
            }
            Some(answer) => refused(key, command.intent, answer, effects, findings),
        }
        asked_for.insert(id);
    }
    nobody_asked(evidence, &asked_for, findings);
}

fn commands<'a>(evidence: &'a Evidence, findings: &mut Findings) -> BTreeMap<&'a str, Command<'a>> {
    let mut commands: BTreeMap<&str, Command<'_>> = BTreeMap::new();
    for line in &evidence.ledger {
        match line {
            Line::Intent(intent) => {
                let command = Command { intent, answers: Vec::new() };
                if commands.insert(&intent.key, command).is_some() {
                    findings.say(format!("the ledger itself is wrong: key `{}` was used for two commands", intent.key));
                }
            }
            Line::Answer(answer) => match commands.get_mut(answer.key.as_str()) {
                Some(command) => command.answers.push(answer),
                None => findings.say(format!("the ledger itself is wrong: key `{}` was answered unsent", answer.key)),
            },
        }
    }
    commands
}

fn one_answer(key: &str, command: &Command<'_>, findings: &mut Findings) {
    let mut answers = command.answers.iter();
    let Some(first) = answers.next() else { return };
    for other in answers.filter(|other| (other.status, &other.body) != (first.status, &first.body)) {
        findings.say(format!(
            "key `{key}` got two answers: {} {}, then {} {}",
            first.status, first.body, other.status, other.body
        ));
    }
}

fn acknowledged(
    evidence: &Evidence,
    key: &str,
    intent: &Intent,
    answer: &Answer,
    effects: &[&Event],
    findings: &mut Findings,
) {
    let Wanted { service, aggregate, kind, .. } = wanted(intent);
    let (id, version) = (answer.body["id"].as_str().unwrap_or_default(), answer.body["version"].as_i64().unwrap_or(-1));
    let stream = format!("{aggregate}/{id}");
    let stored = evidence.service(service).streams.get(&stream).copied().unwrap_or(0);
    match effects {
        [] => findings.say(format!(
            "key `{key}` was acknowledged as version {version} of `{stream}`, and is lost: the stream has {stored} versions and \
             none of them is its own"
        )),
        [event] => {
            if (event.stream.as_str(), event.version, event.kind.as_str()) != (stream.as_str(), version, kind.as_str()) {
                findings.say(format!(
                    "key `{key}` was acknowledged as version {version} of `{stream}`, but is `{}`, version {} of `{}`",
                    event.kind, event.version, event.stream
                ));
            }
            if let Some(why) = says_otherwise(intent, &event.data) {
                findings.say(format!("key `{key}` asked for {} and got {}: {why}", intent.body, event.data));
            }
        }
        several => {
            let versions: Vec<String> =
                several.iter().map(|event| format!("version {} of `{}`", event.version, event.stream)).collect();
            findings.say(format!("key `{key}` had its effect {} times: {}", several.len(), versions.join(", ")));
        }
    }
}

fn refused(key: &str, intent: &Intent, answer: &Answer, effects: &[&Event], findings: &mut Findings) {
    let Answer { status, body, .. } = answer;
    if let Some(event) = effects.first() {
        findings.say(format!(
            "key `{key}` was refused ({status} {body}), and done all the same: version {} of `{}`",
            event.version, event.stream
        ));
    }
    if !wanted(intent).refusals.contains(&body["error"].as_str().unwrap_or_default()) {
        findings.say(format!("key `{key}` ({}) was refused for no reason: {status} {body}", intent.path));
    }
}

/// What only a command (or a timer) can have done must be some key's.
fn nobody_asked(evidence: &Evidence, asked_for: &BTreeSet<String>, findings: &mut Findings) {
    let by_others = ["CreditHeld", "CreditReleased", "Reserved", "Released", "Taken", "Approved", "Rejected"];
    for event in evidence.events() {
        let kind = event.kind.rsplit('.').next().unwrap_or_default();
        if by_others.contains(&kind) || asked_for.contains(&event.cause) {
            continue;
        }
        let entry = (event.version - 1).to_string();
        let by_timer = kind == "Cancelled" && event.cause == derived_id(&["timer", &event.stream, &entry, "approved"]);
        if !by_timer {
            findings.say(format!("nobody asked for `{}`, version {} of `{}`", event.kind, event.version, event.stream));
        }
    }
}

/// What a command does where it is done, and how it may be refused.
struct Wanted {
    service: &'static str,
    aggregate: &'static str,
    kind: String,
    refusals: &'static [&'static str],
}

fn wanted(intent: &Intent) -> Wanted {
    let path: Vec<&str> = intent.path.trim_matches('/').split('/').collect();
    let (service, aggregate, kind, refusals): (_, _, _, &[&str]) = match *path.as_slice() {
        ["customers"] => ("customers", "customers.Customer", "Registered", &[]),
        ["customers", _, "rename"] => ("customers", "customers.Customer", "Renamed", &[]),
        ["products"] => ("catalog", "catalog.Product", "Added", &[]),
        ["products", _, "restock"] => ("catalog", "catalog.Product", "Restocked", &[]),
        ["products", _, "reprice"] => ("catalog", "catalog.Product", "Repriced", &[]),
        ["orders"] => ("orders", "orders.Order", "Placed", &["orders.Order.UnknownProduct"]),
        ["orders", _, "ship"] => ("orders", "orders.Order", "Shipped", &["WrongState"]),
        ["orders", _, "cancel"] => ("orders", "orders.Order", "Cancelled", &["WrongState"]),
        _ => panic!("the checker does not know the command `{}`", intent.path),
    };
    Wanted { service, aggregate, kind: format!("{aggregate}.{kind}"), refusals }
}

/// Why an event is not what was asked for.
fn says_otherwise(intent: &Intent, data: &Value) -> Option<String> {
    let Some(items) = intent.body["items"].as_array() else {
        let fields = intent.body.as_object().into_iter().flatten();
        return fields
            .filter(|(name, asked)| data[name.as_str()] != **asked)
            .map(|(name, _)| format!("`{name}` is another"))
            .next();
    };
    let of = |lines: &[Value]| -> Vec<(String, i64)> {
        let line = |line: &Value| (line["product"].to_string(), line["quantity"].as_i64().unwrap_or(-1));
        lines.iter().map(line).collect()
    };
    (of(items) != of(data["lines"].as_array()?)).then(|| "the lines are others".to_owned())
}

/// The id under which a service knows a command: derived from caller and key.
fn command_id(intent: &Intent) -> String {
    let Intent { subject, key, .. } = intent;
    derived_id(&["idempotency-key", &format!("{}:{subject}", subject.len()), key])
}

pub(super) fn derived_id(parts: &[&str]) -> String {
    Uuid::new_v5(&NAMESPACE, parts.join("/").as_bytes()).to_string()
}
