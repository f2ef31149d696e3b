//! Sagas.

use super::aggregate::{Aggregate, Event};
use super::arena::{Cursor, Id};
use super::command::Command;
use super::expr::{Expr, Local};
use super::name::{Docs, Name};
use super::policy::Reaction;
use super::port::Operation;
use super::system::Subdomain;
use super::ty::Ty;
use crate::source::Span;

/// `saga Name on Event as alias { … }`: steps that are undone if a later one refuses.
#[derive(Clone, Debug)]
pub struct Saga {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The subdomain it lives in.
    pub subdomain: Id<Subdomain>,
    /// The event that starts it, of its own or another subdomain.
    pub trigger: Id<Event>,
    /// The name that the event has within.
    pub alias: Option<Name>,
    /// Its steps, in the order in which they run.
    pub steps: Vec<Step>,
    /// What is done, once every undo is acknowledged, when it failed. Reads [`super::ExprKind::FailureMessage`].
    pub failed: Vec<Reaction>,
}

/// A step of a saga.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Whether it comes before, is, or comes after the pivot.
    pub phase: Phase,
    /// One branch for each element, side by side; absent for a single branch.
    pub each: Option<Branches>,
    /// What it does.
    pub action: Call,
    /// The variable that later steps read the answer from.
    pub answer: Option<(Local, Ty)>,
    /// What undoes it; absent after the pivot, and where it says that there is nothing to undo.
    pub undo: Option<Call>,
    /// Whether it says `undo nothing`.
    pub undo_nothing: bool,
    /// How often it is tried; absent: the default (5 times).
    pub retry: Option<Retry>,
    /// How long an answer is waited for, in microseconds; absent: the default (30 s).
    pub timeout: Option<i64>,
}

/// Where a step stands, seen from the pivot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// May be refused; is undone.
    Before,
    /// `pivot`: decides the saga.
    Pivot,
    /// Cannot be refused; is retried until it succeeds.
    After,
}

/// `for x in list`: the branches of a step.
#[derive(Clone, Debug)]
pub struct Branches {
    /// The variable.
    pub each: Local,
    /// Its type.
    pub ty: Ty,
    /// The list, over the trigger's payload.
    pub of: Expr,
}

/// `retry 5 times from 200 ms to 10 s`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// How many attempts in all.
    pub times: u32,
    /// The first pause, in microseconds.
    pub from: i64,
    /// The longest pause, in microseconds.
    pub to: i64,
}

/// `do …` and `undo …`: a command or a port operation, with its arguments.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called.
    pub target: CallTarget,
    /// One expression for each parameter, in order.
    pub arguments: Vec<Expr>,
    /// `else stuck "reason"`: what to say to an operator where it is refused although it should not be.
    pub stuck: Option<std::sync::Arc<str>>,
    /// Where it stands.
    pub span: Span,
}

/// What is called.
#[derive(Clone, Debug)]
pub enum CallTarget {
    /// A command to one aggregate.
    Command {
        /// The command, of this or another subdomain.
        command: Id<Command>,
        /// The aggregate's id.
        id: Expr,
    },
    /// A command that creates an aggregate; its id derives from the event or saga, the step and the branch.
    Create(Id<Command>),
    /// An operation of a port of this subdomain.
    Port(Id<Operation>),
}

impl<'m> Cursor<'m, Saga> {
    /// The subdomain it lives in.
    pub fn subdomain(self) -> Cursor<'m, Subdomain> {
        self.model().at(self.get().subdomain)
    }

    /// `orders.Fulfilment`.
    pub fn path(self) -> String {
        format!("{}.{}", self.subdomain().name, self.name)
    }

    /// The event that starts it.
    pub fn trigger(self) -> Cursor<'m, Event> {
        self.model().at(self.get().trigger)
    }

    /// Every call: of each step `do`, then `undo`; then those of `failed`.
    pub fn calls(self) -> impl Iterator<Item = &'m Call> {
        let saga = self.get();
        let mut failed = Vec::new();
        super::policy::collect(&saga.failed, &mut failed);
        saga.steps.iter().flat_map(|step| std::iter::once(&step.action).chain(&step.undo)).chain(failed)
    }
}

impl Call {
    /// The command that is sent, if it is one.
    pub fn command(&self) -> Option<Id<Command>> {
        match &self.target {
            CallTarget::Command { command, .. } | CallTarget::Create(command) => Some(*command),
            CallTarget::Port(_) => None,
        }
    }

    /// The aggregate that a command is sent to.
    pub fn aggregate(&self, model: &super::Model) -> Option<Id<Aggregate>> {
        self.command().map(|command| model.at(command).aggregate)
    }

    /// Every expression of it: the id, then the arguments.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let id = match &self.target {
            CallTarget::Command { id, .. } => Some(id),
            _ => None,
        };
        id.into_iter().chain(&self.arguments)
    }
}
