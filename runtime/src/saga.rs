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
    /// A hash of what the saga means: its steps in order, what they do and undo, and `failed`; timeouts and retries aside. A saga that began under
    /// another one is stuck, and says so: its log cannot be read by steps that it does not have.
    const DEFINITION: &'static str;
    /// The event type that starts it.
    const TRIGGER: &'static str;
    /// The steps, in order.
    const STEPS: &'static [Step<Self>];

    /// One that `trigger` starts: nothing is answered yet.
    fn new(trigger: &Recorded) -> Result<Self, DecodeError>;
    /// What `failed` does, after every undo is acknowledged.
    ///
    /// # Errors
    /// A result out of range: the saga is stuck.
    fn failed(&self, failure: &Refusal) -> Result<Vec<Action>, Refusal> {
        let _ = failure;
        Ok(Vec::new())
    }
}

/// A step of a saga: what it does, what takes it back, how long and how often it is tried.
///
/// What it does and undoes depends on the trigger and on answers to steps before it alone, so that it is the same whenever it is asked
/// for. Where it cannot be computed (a result out of range) the step counts as refused.
pub struct Step<S: 'static> {
    pub(crate) def: StepDef,
    pub(crate) act: Act<S>,
    pub(crate) branches: Option<Branches<S>>,
    pub(crate) undo: Option<Act<S>>,
    pub(crate) bind: Option<Bind<S>>,
}

/// What one branch of a step does, or undoes.
pub type Act<S> = fn(&S, usize) -> Result<Action, Refusal>;
/// How many branches a step has.
pub type Branches<S> = fn(&S) -> Result<usize, Refusal>;
/// Takes in the answer to a step.
pub type Bind<S> = fn(&mut S, &str) -> Result<(), serde_json::Error>;

impl<S> Step<S> {
    /// A step before the pivot. It is tried as often as its retry says; silent all the same, it counts as refused: it is undone (it may
    /// have happened), as is all before it.
    pub const fn compensatable(name: &'static str, act: Act<S>) -> Self {
        Self::of(name, StepKind::Compensatable, act)
    }

    /// The point of no return. Refused, all before it is undone. Silent, nothing is undone, for it may have happened: it is tried again with
    /// the same key for 10 minutes, then the saga is stuck until an operator says how it ended.
    pub const fn pivot(name: &'static str, act: Act<S>) -> Self {
        Self::of(name, StepKind::Pivot, act)
    }

    /// A step after the pivot. It is tried until it succeeds, however often that is; refused all the same, the saga is stuck. Each attempt is the
    /// same command with the same id: a receiver that has done it already gives the answer that it kept, and does nothing twice.
    pub const fn retriable(name: &'static str, act: Act<S>) -> Self {
        Self::of(name, StepKind::Retriable, act)
    }

    const fn of(name: &'static str, kind: StepKind, act: Act<S>) -> Self {
        let def = StepDef { name, kind, timeout: StepDef::DEFAULT_TIMEOUT, retry: Retry::DEFAULT };
        Self { def, act, branches: None, undo: None, bind: None }
    }

    /// As many branches as that says (`for line in …`), side by side; one where nothing is said.
    #[must_use]
    pub const fn branches(mut self, branches: Branches<S>) -> Self {
        self.branches = Some(branches);
        self
    }

    /// What takes it back; nothing where nothing is said.
    #[must_use]
    pub const fn undo(mut self, undo: Act<S>) -> Self {
        self.undo = Some(undo);
        self
    }

    /// Takes in its answer (JSON), for steps after it.
    #[must_use]
    pub const fn bind(mut self, bind: Bind<S>) -> Self {
        self.bind = Some(bind);
        self
    }

    /// How long to wait for an answer before the outcome counts as unknown; 30 s where nothing is said.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.def.timeout = timeout;
        self
    }

    /// How often it is tried in all (before the pivot; the others go on), and the pauses between; [`Retry::DEFAULT`] where nothing is said.
    #[must_use]
    pub const fn retry(mut self, times: u32, first: Duration, longest: Duration) -> Self {
        self.def.retry = Retry { times, first, longest };
        self
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
    /// Attempts in all: of what can still be undone. The pivot and all after it go on, with these pauses.
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

/// The id of an aggregate that a saga's step or a policy creates: derived from who creates it, the event, the step and the branch, so that
/// doing the same again creates the same.
pub fn created<I: AggregateId>(by: &str, event: Uuid, step: &str, branch: usize) -> I {
    I::from_uuid(derived_id(&["created", by, &event.to_string(), step, &branch.to_string()]))
}

/// Keeps the answer of a step, in a generated [`Step::bind`].
pub fn keep<T: DeserializeOwned>(kept: &mut Option<T>, answer: &str) -> Result<(), serde_json::Error> {
    *kept = Some(serde_json::from_str(answer)?);
    Ok(())
}

/// The element that a branch is for, of a list or, in the order of its elements, a set.
pub fn element<'a, T>(elements: impl IntoIterator<Item = &'a T>, branch: usize) -> Result<&'a T, Refusal> {
    elements.into_iter().nth(branch).ok_or_else(|| Refusal::undefined("branch", &branch.to_string()))
}

/// The answer of the step `step` before.
///
/// # Errors
/// It cannot be read as what the spec says that it is: what reads it is refused, so that the saga is undone or stuck, and says why.
pub fn bound<'a, T>(step: &str, answer: &'a Option<T>) -> Result<&'a T, Refusal> {
    answer.as_ref().ok_or_else(|| {
        Refusal::new(RefusalKind::Conflict, format!("the answer to step `{step}` is not what the spec says that it is"))
    })
}
