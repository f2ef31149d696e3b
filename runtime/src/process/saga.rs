//! Sagas: their log, the machine that says what comes next, and the mover that commits it.

use std::marker::PhantomData;

use crate::event::{DecodeError, Recorded};
use crate::refusal::Refusal;
use crate::saga::{Action, Saga, Step, StepDef};

pub mod index;
pub mod log;
pub mod machine;
pub mod mover;
pub mod progress;
pub(crate) mod recovery;
pub mod starter;

use log::{Part, Slot, definition_hash};
use machine::Plan;
use progress::{Progress, State};

/// A saga of any type.
pub trait AnySaga: Send + Sync {
    /// Its wire name: `orders.Fulfilment`.
    fn name(&self) -> &'static str;
    /// The hash of its definition.
    fn definition(&self) -> String;
    /// The event type that starts it.
    fn trigger(&self) -> &'static str;
    /// A running one, begun by `trigger`, nothing bound yet.
    fn begin(&self, trigger: &Recorded) -> Result<Box<dyn Running>, DecodeError>;
}

/// A running saga: its plan, and what is bound to it.
pub trait Running: Plan {
    /// Takes in the result of a step.
    fn bind(&mut self, step: &str, result: &str) -> Result<(), DecodeError>;
    /// As what the machine asks.
    fn as_plan(&self) -> &dyn Plan;
}

/// The saga `S`.
pub struct TypedSaga<S>(PhantomData<fn(S)>);

impl<S> Default for TypedSaga<S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<S: Saga> AnySaga for TypedSaga<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }
    fn definition(&self) -> String {
        definition_hash(S::DEFINITION)
    }
    fn trigger(&self) -> &'static str {
        S::TRIGGER
    }
    fn begin(&self, trigger: &Recorded) -> Result<Box<dyn Running>, DecodeError> {
        let steps = S::STEPS.iter().map(|step| step.def).collect();
        Ok(Box::new(RunningSaga { saga: S::new(trigger)?, steps }))
    }
}

struct RunningSaga<S> {
    saga: S,
    steps: Vec<StepDef>,
}

impl<S: Saga> RunningSaga<S> {
    /// The step of that name. A log that names another was written by another definition: that is refused, so that the saga stops
    /// and is seen.
    fn step(&self, name: &str) -> Result<&'static Step<S>, Refusal> {
        S::STEPS.iter().find(|step| step.def.name == name).ok_or_else(|| Refusal::undefined("step", name))
    }
}

impl<S: Saga> Plan for RunningSaga<S> {
    fn steps(&self) -> &[StepDef] {
        &self.steps
    }
    fn branches(&self, step: &str) -> Result<usize, Refusal> {
        self.step(step)?.branches.map_or(Ok(1), |branches| branches(&self.saga))
    }
    fn act(&self, step: &str, branch: usize) -> Result<Action, Refusal> {
        (self.step(step)?.act)(&self.saga, branch)
    }
    fn undo(&self, step: &str, branch: usize) -> Result<Option<Action>, Refusal> {
        self.step(step)?.undo.map(|undo| undo(&self.saga, branch)).transpose()
    }
    fn failed(&self, failure: &Refusal) -> Result<Vec<Action>, Refusal> {
        self.saga.failed(failure)
    }
}

impl<S: Saga> Running for RunningSaga<S> {
    fn bind(&mut self, step: &str, result: &str) -> Result<(), DecodeError> {
        let Some(bind) = self.step(step).ok().and_then(|step| step.bind) else { return Ok(()) };
        bind(&mut self.saga, result)
            .map_err(|source| DecodeError::Payload { event_type: format!("answer to step {step}"), source })
    }
    fn as_plan(&self) -> &dyn Plan {
        self
    }
}

/// What a slot asks for; absent where it asks for nothing.
pub fn action_of(plan: &dyn Plan, progress: &Progress, slot: &Slot) -> Result<Option<Action>, Refusal> {
    match (slot.part, &progress.failure) {
        (Part::Do, _) => plan.act(&slot.step, slot.branch).map(Some),
        (Part::Undo, _) => plan.undo(&slot.step, slot.branch),
        (Part::Failed, Some(failure)) => Ok(plan.failed(failure)?.into_iter().nth(slot.branch)),
        (Part::Failed, None) => Ok(None),
    }
}

/// Binds every result that is known, in the order of the steps. One that is not what the spec says is as none: the step that reads it
/// is refused.
pub fn bind_all(running: &mut dyn Running, progress: &Progress) {
    let names: Vec<&'static str> = running.steps().iter().map(|def| def.name).collect();
    for name in names {
        for (slot, asked) in progress.slots() {
            let (true, Part::Do, State::Done(Some(result))) = (slot.step == name, slot.part, &asked.state) else {
                continue;
            };
            if let Err(error) = running.bind(name, result.as_str()) {
                tracing::warn!(step = name, %error, "an answer is not what the spec says that it is");
            }
        }
    }
}

#[cfg(test)]
mod machine_tests;
