//! The machine over a hand-written saga in the shape of an order's fulfilment: credit, stock for each line, charge, approve.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::log::{Entry, Outcome, Slot, Verdict};
use super::machine::{PIVOT_PATIENCE, pause};
use super::progress::{End, Status};
use super::{AnySaga, TypedSaga};
use crate::caller::Caller;
use crate::context::{Context, Meta};
use crate::event::{DecodeError, Recorded, StreamId};
use crate::refusal::Refusal;
use crate::saga::{Action, CommandCall, PortOperation, Retry, Saga, Step, bound, keep};
use crate::testing::saga::{Effect, Trial, exercise};

/// The shop's fulfilment, by hand.
struct Fulfilment {
    lines: Vec<String>,
    receipt: Option<Receipt>,
}

#[derive(serde::Deserialize)]
struct Receipt {
    reference: String,
}

fn command(subdomain: &'static str, command: &'static str, id: &str, arguments: &Value) -> Action {
    Action::Send(CommandCall { subdomain, command, id: id.to_owned(), arguments: arguments.to_string() })
}

impl Saga for Fulfilment {
    const NAME: &'static str = "orders.Fulfilment";
    const DEFINITION: &'static str = "credit, stock, charge, approve";
    const TRIGGER: &'static str = "orders.Order.Placed";
    const STEPS: &'static [Step<Self>] = &[
        Step::compensatable("credit", Self::credit).undo(Self::undo_credit),
        Step::compensatable("stock", Self::stock).branches(|saga| Ok(saga.lines.len())).undo(Self::undo_stock),
        Step::pivot("charge", Self::charge).bind(|saga, answer| keep(&mut saga.receipt, answer)),
        Step::retriable("approve", Self::approve),
    ];

    fn new(trigger: &Recorded) -> Result<Self, DecodeError> {
        let payload: Value = serde_json::from_str(&trigger.data)
            .map_err(|source| DecodeError::Payload { event_type: trigger.event_type.clone(), source })?;
        let lines = payload["lines"].as_array().into_iter().flatten();
        Ok(Self { lines: lines.filter_map(|line| line.as_str().map(str::to_owned)).collect(), receipt: None })
    }

    fn failed(&self, failure: &Refusal) -> Result<Vec<Action>, Refusal> {
        Ok(vec![command("orders", "orders.Order.Reject", "o1", &json!({ "reason": failure.message }))])
    }
}

impl Fulfilment {
    fn credit(&self, _: usize) -> Result<Action, Refusal> {
        Ok(command("customers", "customers.Customer.HoldCredit", "ada", &json!({})))
    }
    fn undo_credit(&self, _: usize) -> Result<Action, Refusal> {
        Ok(command("customers", "customers.Customer.ReleaseCredit", "ada", &json!({})))
    }
    fn stock(&self, branch: usize) -> Result<Action, Refusal> {
        Ok(command("catalog", "catalog.Product.Reserve", &self.lines[branch], &json!({})))
    }
    fn undo_stock(&self, branch: usize) -> Result<Action, Refusal> {
        Ok(command("catalog", "catalog.Product.Release", &self.lines[branch], &json!({})))
    }
    fn charge(&self, _: usize) -> Result<Action, Refusal> {
        Ok(Action::Call(PortOperation { port: "orders.Payments", operation: "charge", arguments: "{}".to_owned() }))
    }
    fn approve(&self, _: usize) -> Result<Action, Refusal> {
        let receipt = bound("charge", &self.receipt)?;
        Ok(command("orders", "orders.Order.Approve", "o1", &json!({ "payment": receipt.reference })))
    }
}

fn placed() -> Recorded {
    let context = Context::system();
    Recorded {
        pos: 1,
        stream: StreamId::new("orders.Order", "o1"),
        version: 1,
        event_id: Uuid::from_u128(1),
        event_type: Fulfilment::TRIGGER.to_owned(),
        schema_version: 1,
        entered: Some("placed".to_owned()),
        private: false,
        data: json!({ "lines": ["pen", "ink"] }).to_string(),
        meta: Meta::new(&context, Caller::anonymous()),
        at: context.now(),
    }
}

const RECEIPT: (&str, &str) = ("charge", r#"{"reference":"r1"}"#);

fn begin() -> Trial {
    begin_answered(RECEIPT.1)
}

/// One whose charge is answered so.
fn begin_answered(receipt: &str) -> Trial {
    let saga: Arc<dyn AnySaga> = Arc::new(TypedSaga::<Fulfilment>::default());
    Trial::start(saga, &placed(), &BTreeMap::from([(RECEIPT.0.to_owned(), receipt.to_owned())]))
}

/// Runs until `slot` is asked for, and gives the place of its message.
fn until(trial: &mut Trial, slot: &Slot) -> usize {
    for _ in 0..100 {
        if let Some(index) = trial.asks.iter().position(|ask| ask.slot == *slot) {
            return index;
        }
        match (trial.asks.is_empty(), trial.answers.is_empty()) {
            (false, _) => trial.deliver(0, false),
            (true, false) => trial.answer(0, false),
            (true, true) => trial.wait(),
        }
    }
    panic!("`{slot}` is never asked for: {:#?}", trial.log);
}

fn asked_for(trial: &Trial) -> Vec<String> {
    trial.asks.iter().map(|ask| ask.slot.to_string()).collect()
}

#[test]
fn every_fault_at_every_step_and_thousands_of_schedules_end_with_all_done_or_all_undone() {
    exercise::<Fulfilment>(&placed(), &[RECEIPT], 3_000).unwrap();
}

#[test]
fn steps_run_in_order_and_branches_of_one_side_by_side() {
    let mut trial = begin();
    assert_eq!(asked_for(&trial), ["credit[0].do"]);
    until(&mut trial, &Slot::act("stock", 0));
    assert_eq!(asked_for(&trial), ["stock[0].do", "stock[1].do"]);
    trial.deliver(0, false);
    trial.answer(0, false);
    assert_eq!(asked_for(&trial), ["stock[1].do"], "the charge waits for every branch");
    until(&mut trial, &Slot::act("charge", 0));
    assert_eq!(asked_for(&trial), ["charge[0].do"]);
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Completed);
}

#[test]
fn a_refused_step_undoes_newest_first_each_undo_acknowledged_then_runs_failed() {
    let mut trial = begin();
    trial.refuse(&Slot::act("charge", 0));
    until(&mut trial, &Slot::undo("stock", 0));
    assert_eq!(asked_for(&trial), ["stock[0].undo", "stock[1].undo"], "credit waits");
    trial.deliver(0, false);
    trial.answer(0, false);
    assert_eq!(asked_for(&trial), ["stock[1].undo"], "credit waits for every branch of stock");
    until(&mut trial, &Slot::undo("credit", 0));
    assert_eq!(asked_for(&trial), ["credit[0].undo"], "`failed` waits for the last undo");
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Compensated);
    assert_eq!(trial.progress().status(), Status::Compensated);
}

#[test]
fn a_refused_branch_undoes_its_sibling_that_is_still_under_way() {
    let mut trial = begin();
    trial.refuse(&Slot::act("stock", 0));
    let refused = until(&mut trial, &Slot::act("stock", 0));
    trial.deliver(refused, false);
    trial.answer(0, false);
    assert_eq!(asked_for(&trial), ["stock[1].do", "stock[1].undo"]);
    trial.deliver(1, false);
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Compensated);
    assert_eq!(trial.effect(&Slot::act("stock", 1)), Effect::default(), "the late one met the tombstone");
}

#[test]
fn silence_is_never_a_refusal_a_step_is_tried_again_under_the_same_id_and_then_undone() {
    let mut trial = begin();
    let (began, mut ids) = (trial.now, Vec::new());
    while trial.progress().failure.is_none() {
        ids.extend(trial.asks.drain(..).map(|ask| ask.command));
        trial.wait();
    }
    assert_eq!(ids, vec![ids[0]; 3], "waits double, and all of them take as long as five tries one after another");
    let waited = trial.now.duration_since(began).as_secs();
    assert!((150..160).contains(&waited), "{waited} s");
    assert_eq!(asked_for(&trial), ["credit[0].undo"], "it may have happened, so it is undone");
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Compensated);
}

#[test]
fn a_silent_pivot_is_tried_again_under_the_same_key_for_ten_minutes_and_then_stuck_never_undone() {
    let mut trial = begin();
    until(&mut trial, &Slot::act("charge", 0));
    let began = trial.now;
    let mut keys = Vec::new();
    while trial.progress().stuck.is_none() {
        keys.extend(trial.asks.drain(..).map(|ask| ask.command));
        trial.wait();
    }
    assert!(keys.len() > 5 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(trial.now.duration_since(began).unsigned_abs() >= PIVOT_PATIENCE);
    assert!(trial.progress().failure.is_none());
    assert!(trial.next().is_empty(), "stuck: nothing moves by itself");

    trial.decide(Verdict::Retry);
    assert_eq!(trial.asks[0].command, keys[0], "the operator asks again under the same key too: it may have happened");
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Completed);
}

#[test]
fn the_late_answer_of_a_stuck_pivot_sets_the_saga_going_again() {
    let mut trial = begin();
    let index = until(&mut trial, &Slot::act("charge", 0));
    trial.deliver(index, false);
    let (command, outcome) = trial.answers.remove(0);
    while trial.progress().stuck.is_none() {
        trial.asks.clear();
        trial.wait();
    }
    trial.take(vec![Entry::Answered { command, outcome }]);
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Completed);
}

#[test]
fn a_stuck_pivot_that_an_operator_forces_is_undone() {
    let mut trial = begin();
    until(&mut trial, &Slot::act("charge", 0));
    while trial.progress().stuck.is_none() {
        trial.asks.clear();
        trial.wait();
    }
    trial.decide(Verdict::Force);
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Compensated);
}

#[test]
fn a_refusal_after_the_pivot_is_stuck_and_an_operators_retry_asks_under_a_new_id() {
    let mut trial = begin();
    let approve = Slot::act("approve", 0);
    trial.refuse(&approve);
    let index = until(&mut trial, &approve);
    let first = trial.asks[index].command;
    trial.finish();
    let stuck = trial.progress().stuck.unwrap();
    assert_eq!(stuck.slot, Some(approve.clone()));
    assert_eq!(
        trial.effect(&Slot::act("credit", 0)),
        Effect { done: 1, undone: 0 },
        "nothing is undone after the pivot"
    );

    trial.accept(&approve);
    trial.decide(Verdict::Retry);
    assert_ne!(trial.asks[0].command, first, "the old id would get the old refusal");
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Completed);
}

#[test]
fn after_the_pivot_it_is_asked_for_until_it_succeeds() {
    let mut trial = begin();
    until(&mut trial, &Slot::act("approve", 0));
    for _ in 0..100 {
        trial.asks.clear();
        trial.wait();
    }
    assert_eq!(trial.progress().status(), Status::Running);
    while trial.asks.is_empty() {
        trial.wait();
    }
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Completed);
}

#[test]
fn a_refused_undo_is_stuck_and_is_called_compensated_only_when_it_has_run() {
    let undo = Slot::undo("credit", 0);
    let mut trial = begin();
    trial.refuse(&Slot::act("stock", 1));
    trial.refuse(&undo);
    trial.finish();
    assert_eq!(trial.progress().stuck.unwrap().slot, Some(undo.clone()));
    assert_eq!(trial.progress().status(), Status::Stuck);
    trial.accept(&undo);
    trial.decide(Verdict::Retry);
    trial.finish();
    assert_eq!(trial.check().unwrap(), End::Compensated);
}

#[test]
fn a_skipped_undo_ends_settled_never_compensated() {
    let mut trial = begin();
    trial.refuse(&Slot::act("stock", 1));
    trial.refuse(&Slot::undo("credit", 0));
    trial.finish();
    trial.decide(Verdict::Skip(None));
    trial.finish();
    assert_eq!(trial.progress().end, Some(End::Settled));
}

#[test]
fn a_doubled_answer_changes_nothing() {
    let mut trial = begin();
    until(&mut trial, &Slot::act("stock", 0));
    let before = trial.log.len();
    let credit = trial.progress().asked(&Slot::act("credit", 0)).unwrap().command;
    trial.answers.push((credit, Outcome::Refused(Refusal::declared("x", "x", &()))));
    trial.answer(0, false);
    assert_eq!(trial.log.len(), before);
}

#[test]
fn a_crash_between_any_two_commits_loses_nothing() {
    let mut trial = begin();
    trial.refuse(&Slot::act("charge", 0));
    trial.finish();
    for length in 1..=trial.log.len() {
        let mut cut = begin();
        cut.refuse(&Slot::act("charge", 0));
        cut.log = trial.log[..length].to_vec();
        cut.asks.clear();
        // What the log says was sent is in the outbox of the same commit: it is under way, whatever crashed.
        let sent: Vec<Slot> = cut.progress().slots().map(|(slot, _)| slot.clone()).collect();
        cut.now = trial.now;
        cut.take(Vec::new());
        cut.finish();
        assert_eq!(cut.progress().end, Some(End::Compensated), "cut after {length} entries; {sent:?}");
    }
}

#[test]
fn pauses_double_up_to_the_longest_with_jitter() {
    let retry = Retry { times: 9, first: Duration::from_millis(200), longest: Duration::from_secs(10) };
    let pauses: Vec<u128> = (1..9).map(|tries| pause(retry, tries, 1.0).as_millis()).collect();
    assert_eq!(pauses, [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    assert_eq!(pause(retry, 1, 0.0).as_millis(), 100);
}

#[test]
fn a_pivot_answered_with_what_the_spec_does_not_say_leaves_the_saga_stuck_with_the_reason_and_nothing_undone() {
    for answer in ["null", "{}", "[]"] {
        let mut trial = begin_answered(answer);
        until(&mut trial, &Slot::act("charge", 0));
        trial.deliver(0, false);
        trial.answer(0, false);
        let stuck = trial.progress().stuck.expect("it cannot go on");
        assert_eq!(stuck.slot, Some(Slot::act("approve", 0)), "the charge stands");
        assert_eq!(stuck.why, "the answer to step `charge` is not what the spec says that it is");
        assert!(trial.asks.is_empty(), "nothing is undone after the pivot");
    }
}
