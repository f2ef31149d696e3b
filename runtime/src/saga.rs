//! Sagas and policies: what generated code says of them. [`crate::process`] moves them.

use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

use uuid::Uuid;

use crate::aggregate::AggregateId;
use crate::command::Command;
use crate::context::derived_id;
use crate::event::{DecodeError, Recorded};
use crate::log::HandlingError;
use crate::port::PortArguments;
use crate::refusal::{Refusal, RefusalKind};

/// Something that a saga's step or a policy does: a command to an aggregate (of any service), or a port call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A command, sent through the log to the service that owns the aggregate (also where that is this one).
    Send(CommandCall),
    /// A port call, with a key derived from what asks for it.
    Call(PortOperation),
}

/// A command to send.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandCall {
    /// The subdomain that owns the aggregate.
    pub subdomain: &'static str,
    /// The command's wire name: `customers.Customer.HoldCredit`.
    pub command: &'static str,
    /// The aggregate's id.
    pub id: String,
    /// The arguments, as JSON.
    pub arguments: String,
}

/// A port operation to call.
#[derive(Clone, Debug, PartialEq)]
pub struct PortOperation {
    /// The port's wire name: `orders.Payments`.
    pub port: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The arguments, as JSON.
    pub arguments: String,
}

impl Action {
    /// A command of another service (`C` is this service's own copy of its parameters) or of this one.
    pub fn send<P: SendableCommand>(id: &impl ToString, command: &P) -> Self {
        Self::Send(CommandCall {
            subdomain: P::COMMAND.split('.').next().unwrap_or_default(),
            command: P::COMMAND,
            id: id.to_string(),
            arguments: serde_json::to_string(command).unwrap_or_default(),
        })
    }

    /// A port call.
    pub fn call<A: PortArguments>(arguments: &A) -> Self {
        Self::call_named(A::PORT, A::OPERATION, arguments)
    }

    /// A port call by names.
    pub fn call_named(port: &'static str, operation: &'static str, arguments: &impl Serialize) -> Self {
        Self::Call(PortOperation { port, operation, arguments: serde_json::to_string(arguments).unwrap_or_default() })
    }
}

/// A command's parameters as a sender knows them: generated beside the contracts that a service reads, and for its own commands.
pub trait SendableCommand: Serialize {
    /// The command's wire name, which begins with the subdomain that owns the aggregate.
    const COMMAND: &'static str;
}

impl<C: Command> SendableCommand for C {
    const COMMAND: &'static str = C::NAME;
}

/// A saga: generated.
pub trait Saga: Sized + Send + Sync + 'static {
    /// The wire name: `orders.Fulfilment`.
    const NAME: &'static str;
    /// A text that changes when the saga's meaning changes: running sagas keep the definition that they began with.
    const DEFINITION: &'static str;
    /// The event type that starts it.
    const TRIGGER: &'static str;
    /// The steps, in order.
    const STEPS: &'static [StepDef];

    /// Everything known so far: the trigger, and the results of steps that were bound (`as receipt`).
    fn new(trigger: &Recorded) -> Result<Self, DecodeError>;
    /// Takes in the result (JSON) of a step that binds one.
    fn bind(&mut self, step: &str, result: &str) -> Result<(), DecodeError> {
        let _ = (step, result);
        Ok(())
    }
    /// How many branches a step has (`for line in …`); 1 for a plain one. Depends on the trigger and results before it alone.
    ///
    /// # Errors
    /// A result out of range, here and in the functions below: the step counts as refused.
    fn branches(&self, step: &str) -> Result<usize, Refusal> {
        let _ = step;
        Ok(1)
    }
    /// What a step does.
    fn act(&self, step: &str, branch: usize) -> Result<Action, Refusal>;
    /// What takes it back; `None`: nothing to undo.
    fn undo(&self, step: &str, branch: usize) -> Result<Option<Action>, Refusal> {
        let _ = (step, branch);
        Ok(None)
    }
    /// What `failed` does, after every undo is acknowledged.
    fn failed(&self, failure: &Refusal) -> Result<Vec<Action>, Refusal> {
        let _ = failure;
        Ok(Vec::new())
    }
}

/// A step, as data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepDef {
    /// Its name.
    pub name: &'static str,
    /// Before the pivot, the pivot, after it.
    pub kind: StepKind,
    /// How long to wait for an answer before the outcome counts as unknown.
    pub timeout: Duration,
    /// How often it is tried when its outcome is unknown or it is unavailable, and the pauses between.
    pub retry: Retry,
}

/// Before the pivot, the pivot, after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Undone when a later step is refused.
    Compensatable,
    /// The point of no return: tried again with the same key while its outcome is unknown (10 minutes, then stuck).
    Pivot,
    /// After the pivot: cannot be refused, tried until it succeeds; refused all the same, the saga is stuck.
    Retriable,
}

/// How often, and the pauses between: doubling from `first` to `longest`, with jitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all.
    pub times: u32,
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Retry {
    /// What holds where the spec says nothing: 5 times, 200 ms to 10 s.
    pub const DEFAULT: Self = Self { times: 5, first: Duration::from_millis(200), longest: Duration::from_secs(10) };
}

impl StepDef {
    /// How long a step waits where the spec says nothing.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
}

/// A policy: on an event, do. Generated. Each action gets an id derived from policy, event and its place in the list, so
/// that an event handled again does nothing twice.
pub trait Policy: Send + Sync + 'static {
    /// The wire name: `orders.Thank`.
    const NAME: &'static str;
    /// The event types that it follows, own or foreign.
    const FOLLOWS: &'static [&'static str];
    /// What is to be done.
    fn react(event: &Recorded) -> Result<Vec<Action>, HandlingError>;
}

/// A step that a saga's definition does not have, or whose branch or answer is not there: a mistake of the engine, kept as a refusal
/// so that the saga is stopped and seen.
pub fn missing(what: &str) -> Refusal {
    Refusal::new(RefusalKind::Conflict, format!("the saga's definition has no {what}"))
}

/// The id of an aggregate that a saga's step or a policy creates: derived from who creates it, the event, the step and the branch, so that
/// doing the same again creates the same.
pub fn created<I: AggregateId>(by: &str, event: Uuid, step: &str, branch: usize) -> I {
    I::from_uuid(derived_id(&["created", by, &event.to_string(), step, &branch.to_string()]))
}

/// Reads the answer of a step in a generated `Saga::bind`.
pub fn answer<T: DeserializeOwned>(step: &str, result: &str) -> Result<Option<T>, DecodeError> {
    serde_json::from_str(result)
        .map(Some)
        .map_err(|source| DecodeError::Payload { event_type: format!("answer of step {step}"), source })
}

/// The element that a branch is for.
pub fn element<T>(elements: &[T], branch: usize) -> Result<&T, Refusal> {
    elements.get(branch).ok_or_else(|| missing("such branch"))
}

/// The answer of a step before, which is bound by then.
pub fn bound<T>(answer: &Option<T>) -> Result<&T, Refusal> {
    answer.as_ref().ok_or_else(|| missing("answer yet"))
}
