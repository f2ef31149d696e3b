//! A saga over simulated participants, in memory, one happening at a time: messages come late, twice, in any order;
//! answers get lost; the process dies between any two commits. Whatever happens, all is done or all is undone.
//!
//! [`exercise`] tries every fault at every step in turn and then wanders through random schedules from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::event::{Json, Recorded};
use crate::process::saga::log::{Entry, Outcome, Part, Silence, Slot, Trigger, Verdict, saga_id};
use crate::process::saga::machine::{self, Move, Plan};
use crate::process::saga::progress::{End, Progress};
use crate::process::saga::{AnySaga, Running, TypedSaga, action_of, bind_all};
use crate::refusal::{Refusal, RefusalKind};
use crate::saga::{Action, Saga, StepKind};

/// A message under way to a participant.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// What is asked for.
    pub slot: Slot,
    /// Under which id.
    pub command: Uuid,
    /// The `do` that it takes back.
    pub undoes: Option<Uuid>,
    /// Whether it is a port call: made once at most for each time that it is asked for, and not after its deadline.
    pub port: bool,
}

/// What has become of one step's branch at its participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// How often it was done.
    pub done: u32,
    /// How often it was taken back.
    pub undone: u32,
}

/// A saga under trial.
pub struct Trial {
    saga: Arc<dyn AnySaga>,
    id: Uuid,
    trigger: Trigger,
    /// Its log so far.
    pub log: Vec<Entry>,
    /// Now.
    pub now: Timestamp,
    /// Messages under way to participants.
    pub asks: Vec<Ask>,
    /// Answers under way to the saga.
    pub answers: Vec<(Uuid, Outcome)>,
    wake: Option<Timestamp>,
    results: BTreeMap<String, String>,
    refused: BTreeSet<Slot>,
    kept: BTreeMap<Uuid, Outcome>,
    tombstones: BTreeSet<Uuid>,
    effects: BTreeMap<Slot, Effect>,
    broken: Vec<String>,
}

impl Trial {
    /// Begins a saga. `results` holds the result (JSON) of each step that binds one.
    pub fn start(saga: Arc<dyn AnySaga>, trigger: &Recorded, results: &BTreeMap<String, String>) -> Self {
        let id = saga_id(saga.name(), trigger.event_id);
        #[allow(clippy::expect_used, reason = "a trial begins with an event that is readable")]
        let trigger = Trigger::of(trigger).expect("the trigger is JSON");
        let started = Entry::Started { trigger: Box::new(trigger.clone()), definition: saga.definition() };
        let mut trial = Self {
            saga,
            id,
            now: trigger.at,
            trigger,
            log: Vec::new(),
            asks: Vec::new(),
            answers: Vec::new(),
            wake: None,
            results: results.clone(),
            refused: BTreeSet::new(),
            kept: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            effects: BTreeMap::new(),
            broken: Vec::new(),
        };
        trial.take(vec![started]);
        trial
    }

    /// From now on the participant refuses that.
    pub fn refuse(&mut self, slot: &Slot) {
        self.refused.insert(slot.clone());
    }

    /// From now on it does not.
    pub fn accept(&mut self, slot: &Slot) {
        self.refused.remove(slot);
    }

    /// Where the saga stands: the fold of its log, as after a crash.
    pub fn progress(&self) -> Progress {
        Progress::of(&self.log)
    }

    /// What has become of a branch.
    pub fn effect(&self, slot: &Slot) -> Effect {
        self.effects.get(slot).copied().unwrap_or_default()
    }

    /// What would come next if the process died now and the log were read again: the same as without.
    pub fn next(&self) -> Vec<Move> {
        let progress = self.progress();
        machine::next(&progress, self.running(&progress).as_plan(), self.now).moves
    }

    /// Commits entries and all that follows from them.
    pub fn take(&mut self, news: Vec<Entry>) {
        let mut progress = self.progress();
        for entry in &news {
            progress.apply(entry);
        }
        let running = self.running(&progress);
        let plan = running.as_plan();
        let (moved, wake) = machine::advance(&mut progress, plan, self.id, self.now, &|| 0.5);
        self.wake = wake;
        for entry in &moved {
            if let Entry::Sent { slot, command, .. } = entry {
                let undoes = (slot.part == Part::Undo)
                    .then(|| progress.asked(&Slot::act(&slot.step, slot.branch)).map(|asked| asked.command))
                    .flatten();
                let port = matches!(action_of(plan, &progress, slot), Ok(Some(Action::Call(_))));
                self.asks.push(Ask { slot: slot.clone(), command: *command, undoes, port });
            }
        }
        self.log.extend(news);
        self.log.extend(moved);
        if progress != self.progress() {
            self.broken.push("the log read again tells something else than what was known before the crash".to_owned());
        }
    }

    /// A participant handles a message; with `twice`, it will come again later.
    pub fn deliver(&mut self, index: usize, twice: bool) {
        let ask = if twice { self.asks[index].clone() } else { self.asks.remove(index) };
        if ask.port && !self.is_waited_for(&ask) {
            return;
        }
        let outcome = self.perform(&ask);
        self.answers.push((ask.command, outcome));
    }

    /// A message to a port finds nobody: it certainly did not happen.
    pub fn unavailable(&mut self, index: usize) {
        let ask = self.asks.remove(index);
        self.silent(ask.command, Silence::Unavailable);
    }

    /// A message is handled, but its answer is lost.
    pub fn deliver_silently(&mut self, index: usize) {
        let ask = self.asks.remove(index);
        if !ask.port || self.is_waited_for(&ask) {
            self.perform(&ask);
        }
    }

    /// The saga gets an answer; with `twice`, it will get it again later.
    pub fn answer(&mut self, index: usize, twice: bool) {
        let (command, outcome) = if twice { self.answers[index].clone() } else { self.answers.remove(index) };
        if self.progress().unanswered(command).is_some() {
            self.take(vec![Entry::Answered { command, outcome }]);
        }
    }

    /// Time passes until the saga wants to be looked at; or that long, where it does not.
    pub fn wait(&mut self) {
        self.now = self.wake.filter(|wake| *wake > self.now).unwrap_or_else(|| later(self.now, Duration::from_secs(1)));
        self.take(Vec::new());
    }

    /// An operator decides about what it is stuck at.
    pub fn decide(&mut self, verdict: Verdict) {
        let (reason, by) = ("a trial".to_owned(), "the test".to_owned());
        self.take(vec![Entry::Decided { verdict, reason, by, definition: None }]);
    }

    /// Everything that is under way arrives, until nothing is and the saga waits for nothing.
    pub fn finish(&mut self) {
        for _ in 0..10_000 {
            if !self.asks.is_empty() {
                self.deliver(0, false);
            } else if !self.answers.is_empty() {
                self.answer(0, false);
            } else if self.wake.is_some() {
                self.wait();
            } else {
                return;
            }
        }
        self.broken.push("it does not end".to_owned());
    }

    /// What must hold at the end, whatever happened.
    pub fn check(&self) -> Result<End, String> {
        self.verify().map_err(|why| format!("{why}\nlog: {:#?}", self.log.iter().skip(1).collect::<Vec<_>>()))
    }

    fn verify(&self) -> Result<End, String> {
        let progress = self.progress();
        if let Some(why) = self.broken.first() {
            return Err(why.clone());
        }
        if let Some((slot, effect)) = self.effects.iter().find(|(_, effect)| effect.done > 1 || effect.undone > 1) {
            return Err(format!("`{slot}` happened twice: {effect:?}"));
        }
        let Some(end) = progress.end else { return Err(format!("it has not ended: {:?}", progress.stuck)) };
        let running = self.running(&progress);
        match end {
            End::Completed => self.check_all_done(running.as_plan())?,
            End::Compensated => self.check_all_undone(running.as_plan(), &progress)?,
            End::Settled => {}
        }
        Ok(end)
    }

    fn check_all_done(&self, plan: &dyn Plan) -> Result<(), String> {
        for def in plan.steps() {
            for branch in 0..plan.branches(def.name).map_err(|refusal| refusal.message)? {
                let slot = Slot::act(def.name, branch);
                if self.effect(&slot) != (Effect { done: 1, undone: 0 }) {
                    return Err(format!("completed, but `{slot}` is {:?}", self.effect(&slot)));
                }
            }
        }
        let failed = self.effects.keys().find(|slot| slot.part == Part::Failed);
        failed.map_or(Ok(()), |slot| Err(format!("completed, but `{slot}` has run")))
    }

    fn check_all_undone(&self, plan: &dyn Plan, progress: &Progress) -> Result<(), String> {
        for (slot, effect) in self.effects.iter().filter(|(slot, _)| slot.part == Part::Do) {
            let undoable = matches!(plan.undo(&slot.step, slot.branch), Ok(Some(_)));
            if undoable && effect.done != effect.undone {
                return Err(format!("compensated, but `{slot}` is {effect:?}"));
            }
            let kind = plan.steps().iter().find(|def| def.name == slot.step).map(|def| def.kind);
            if kind != Some(StepKind::Compensatable) && effect.done > 0 {
                return Err(format!("compensated, but `{slot}`, which cannot be undone, is done"));
            }
        }
        let failed =
            progress.failure.as_ref().map_or(0, |failure| plan.failed(failure).map_or(0, |actions| actions.len()));
        let missing = (0..failed).map(Slot::failed).find(|slot| self.effect(slot).done != 1);
        missing.map_or(Ok(()), |slot| Err(format!("compensated, but `{slot}` has not run once")))
    }

    fn running(&self, progress: &Progress) -> Box<dyn Running> {
        #[allow(clippy::expect_used, reason = "a trial's trigger and results are readable")]
        let mut running = self.saga.begin(&self.trigger.event()).expect("the trigger is readable");
        #[allow(clippy::expect_used, reason = "a trial's trigger and results are readable")]
        bind_all(&mut *running, progress);
        running
    }

    fn is_waited_for(&self, ask: &Ask) -> bool {
        use crate::process::saga::progress::State;
        let progress = self.progress();
        let asked = progress.asked(&ask.slot).filter(|asked| asked.command == ask.command);
        asked.is_some_and(|asked| matches!(asked.state, State::Waiting(deadline) if deadline > self.now))
    }

    fn silent(&mut self, command: Uuid, silence: Silence) {
        let progress = self.progress();
        if progress.unanswered(command).is_none() {
            return;
        }
        let running = self.running(&progress);
        let why = "nobody answers".to_owned();
        let entry = machine::silence(&progress, running.as_plan(), command, silence, why, self.now, 0.5);
        self.take(vec![entry]);
    }

    /// What a participant does with a message: the same id gets the same answer; an undo before its `do` leaves a
    /// tombstone.
    fn perform(&mut self, ask: &Ask) -> Outcome {
        if let Some(kept) = self.kept.get(&ask.command) {
            return kept.clone();
        }
        let refusal = |error: &str| Outcome::Refused(Refusal::declared(error, format!("`{}`: no", ask.slot), &()));
        let outcome = if self.tombstones.contains(&ask.command) {
            Outcome::Refused(Refusal::new(RefusalKind::Undone, "undone before it was done"))
        } else if self.refused.contains(&ask.slot) {
            refusal("test.No")
        } else {
            self.carry_out(ask);
            let result = self.results.get(&ask.slot.step).filter(|_| ask.slot.part == Part::Do);
            Outcome::Done(result.and_then(|text| Json::new(text.clone()).ok()))
        };
        self.kept.insert(ask.command, outcome.clone());
        outcome
    }

    fn carry_out(&mut self, ask: &Ask) {
        match (ask.slot.part, ask.undoes) {
            (Part::Undo, Some(undone)) => {
                let effect = self.effects.entry(Slot::act(&ask.slot.step, ask.slot.branch)).or_default();
                match self.kept.get(&undone) {
                    Some(Outcome::Done(_)) => effect.undone += 1,
                    Some(Outcome::Refused(_)) => {}
                    None => {
                        self.tombstones.insert(undone);
                    }
                }
            }
            (Part::Failed, _) => {
                let open =
                    self.effects.iter().find(|(slot, effect)| slot.part == Part::Do && effect.done > effect.undone);
                if let Some((slot, _)) = open {
                    self.broken.push(format!("`failed` ran before `{slot}` was undone"));
                }
                self.effects.entry(ask.slot.clone()).or_default().done += 1;
            }
            _ => self.effects.entry(ask.slot.clone()).or_default().done += 1,
        }
    }
}

fn later(at: Timestamp, pause: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(pause).ok().and_then(|pause| at.checked_add(pause).ok()).unwrap_or(at)
}

/// Tries every fault at every step of `S` in turn, then `walks` random schedules; says what does not hold, with the
/// saga's log. `results` holds the result (JSON) of each step that binds one.
pub fn exercise<S: Saga>(trigger: &Recorded, results: &[(&str, &str)], walks: u64) -> Result<(), String> {
    let saga: Arc<dyn AnySaga> = Arc::new(TypedSaga::<S>::default());
    let results = results.iter().map(|(step, result)| ((*step).to_owned(), (*result).to_owned())).collect();
    let begin = || Trial::start(Arc::clone(&saga), trigger, &results);
    let mut plain = begin();
    plain.finish();
    if plain.check()? != End::Completed {
        return Err("without any fault it does not complete".to_owned());
    }
    let slots: BTreeSet<Slot> = plain.progress().slots().map(|(slot, _)| slot.clone()).collect();
    for slot in &slots {
        for fault in Fault::ALL {
            if fault == Fault::Refused && kind_of::<S>(slot) == Some(StepKind::Retriable) {
                continue;
            }
            try_fault(begin(), slot, fault).map_err(|why| format!("{fault:?} at `{slot}`: {why}"))?;
        }
    }
    for seed in 0..walks {
        walk(begin(), &slots, seed).map_err(|why| format!("seed {seed}: {why}"))?;
    }
    Ok(())
}

fn kind_of<S: Saga>(slot: &Slot) -> Option<StepKind> {
    S::STEPS.iter().find(|step| step.def.name == slot.step).map(|step| step.def.kind)
}

/// A fault at one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The participant refuses.
    Refused,
    /// Message and answer come twice.
    Doubled,
    /// The answer is lost once.
    Silent,
    /// The message comes only after the saga has given up waiting for it, and all else has ended.
    Late,
}

impl Fault {
    const ALL: [Self; 4] = [Self::Refused, Self::Doubled, Self::Silent, Self::Late];
}

fn try_fault(mut trial: Trial, slot: &Slot, fault: Fault) -> Result<(), String> {
    if fault == Fault::Refused {
        trial.refuse(slot);
    }
    let mut held = Vec::new();
    for _ in 0..2_000 {
        if let Some(index) = trial.asks.iter().position(|ask| ask.slot == *slot) {
            match fault {
                Fault::Refused => trial.deliver(index, false),
                Fault::Doubled => {
                    trial.deliver(index, true);
                    let last = trial.answers.len() - 1;
                    trial.answer(last, true);
                    trial.deliver(index, false);
                }
                Fault::Silent if held.is_empty() => {
                    held.push(trial.asks[index].clone());
                    trial.deliver_silently(index);
                }
                Fault::Late if held.len() < 5 => held.push(trial.asks.remove(index)),
                Fault::Silent | Fault::Late => trial.deliver(index, false),
            }
        } else if !trial.asks.is_empty() {
            trial.deliver(0, false);
        } else if !trial.answers.is_empty() {
            trial.answer(0, false);
        } else if trial.wake.is_some() {
            trial.wait();
        } else {
            break;
        }
    }
    if fault == Fault::Late {
        trial.asks.append(&mut held);
    }
    trial.finish();
    trial.check().map(|_| ())
}

/// A random schedule: any message may come at any time, twice, or in silence.
fn walk(mut trial: Trial, slots: &BTreeSet<Slot>, seed: u64) -> Result<(), String> {
    let mut random = StdRng::seed_from_u64(seed);
    for slot in slots {
        let kind = trial.saga_kind(slot);
        if kind != Some(StepKind::Retriable) && random.random_bool(0.15) {
            trial.refuse(slot);
        }
    }
    for _ in 0..random.random_range(5..80) {
        match random.random_range(0..10) {
            0..=3 if !trial.asks.is_empty() => {
                let index = random.random_range(0..trial.asks.len());
                trial.deliver(index, random.random_bool(0.2));
            }
            4 if !trial.asks.is_empty() => {
                let index = random.random_range(0..trial.asks.len());
                trial.deliver_silently(index);
            }
            5 if trial.asks.iter().any(|ask| ask.port) => {
                let index = trial.asks.iter().position(|ask| ask.port).unwrap_or_default();
                trial.unavailable(index);
            }
            6..=8 if !trial.answers.is_empty() => {
                let index = random.random_range(0..trial.answers.len());
                trial.answer(index, random.random_bool(0.2));
            }
            9 => trial.wait(),
            _ => {}
        }
    }
    trial.finish();
    while trial.progress().stuck.is_some() {
        trial.decide(Verdict::Retry);
        trial.finish();
    }
    trial.check().map(|_| ())
}

impl Trial {
    fn saga_kind(&self, slot: &Slot) -> Option<StepKind> {
        let progress = self.progress();
        let running = self.running(&progress);
        running.steps().iter().find(|def| def.name == slot.step).map(|def| def.kind)
    }
}
