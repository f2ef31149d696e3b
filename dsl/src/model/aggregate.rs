//! Aggregates: state, lifecycle, events, errors, timers.

use std::sync::Arc;

use super::arena::{Cursor, Id};
use super::command::{Command, Statement};
use super::expr::{Expr, Local};
use super::name::{Docs, Name};
use super::system::{Owner, Subdomain};
use super::ty::{Param, Ty};
use super::view::View;
use crate::source::Span;

/// `aggregate Name { … }`: what is decided and kept together.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The subdomain it lives in.
    pub subdomain: Id<Subdomain>,
    /// The state's fields, in order; those that exist in one lifecycle state only come last.
    pub fields: Vec<Field>,
    /// Members computed from the state (`let`), in order; each reads only those before it.
    pub computed: Vec<Computed>,
    /// Its lifecycle, if it has one.
    pub lifecycle: Option<Lifecycle>,
    /// Its commands, those that create among them, in order.
    pub commands: Vec<Id<Command>>,
    /// Its events, in order.
    pub events: Vec<Id<Event>>,
    /// Its errors, in order.
    pub errors: Vec<Id<Error>>,
    /// Its timers, in order.
    pub timers: Vec<Timer>,
    /// Views kept from its state, in its commit (`view … of`), in order.
    pub views: Vec<Id<View>>,
}

/// A field of an aggregate's state.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its type.
    pub ty: Ty,
    /// No two aggregates of this kind have the same value: `NotUnique` otherwise.
    pub unique: bool,
    /// It exists in this lifecycle state only (index of the state).
    pub state: Option<u32>,
}

/// `let name = …` of an aggregate.
#[derive(Clone, Debug)]
pub struct Computed {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its type.
    pub ty: Ty,
    /// How it is computed, over the state's fields and earlier computed members. May be refused (overflow).
    pub value: Expr,
}

/// `lifecycle status { … }`.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// Its name, `status`.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its states, in the order of their first mention.
    pub states: Vec<State>,
    /// The transitions that are drawn, as (from, to) indices of states, in order.
    pub transitions: Vec<(u32, u32)>,
}

/// A state of a lifecycle.
#[derive(Clone, Debug)]
pub struct State {
    /// Its name, which is also what goes over the wire.
    pub name: Name,
    /// Docs of its `state` block, if it has one.
    pub docs: Docs,
    /// Where it is first mentioned.
    pub span: Span,
    /// Whether an event of a `create` enters it.
    pub initial: bool,
    /// The fields (indices into the aggregate's) that exist in this state only.
    pub fields: Vec<u32>,
}

/// `event Name(payload) enters state { effects }`.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The aggregate it belongs to.
    pub aggregate: Id<Aggregate>,
    /// What it carries, in order.
    pub payload: Vec<PayloadField>,
    /// The lifecycle state it enters (index), if it says so.
    pub enters: Option<u32>,
    /// Whether it says `changes nothing`.
    pub changes_nothing: bool,
    /// Whether it begins an aggregate: the first event of a `create`. Such an event is emitted by `create`s only.
    pub creates: bool,
    /// What it does to the state, in order: what `set` implies first, then what is written. A `creates` event starts
    /// from empty collections and absent optionals and assigns every other field. Entering a state comes last.
    pub effects: Vec<Effect>,
}

/// A field of an event's payload.
#[derive(Clone, Debug)]
pub struct PayloadField {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its type.
    pub ty: Ty,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a field of a payload comes from, and goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Given in `emit`.
    Given,
    /// `set f`: given in `emit`, and written to the state's field (index).
    Set(u32),
    /// `carry f`: copied out of the state's field (index) by every `emit`, for those who follow.
    Carry(u32),
    /// `carry x` of a computed member (index).
    CarryComputed(u32),
}

/// What an event does to the state. Reads [`super::ExprKind::Payload`], [`super::ExprKind::Field`], [`super::ExprKind::Computed`].
/// Refusals count when the event is emitted, and cannot come up when it is replayed.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A variable (what `if x as y` names).
    Let {
        /// The variable.
        local: Local,
        /// Its value (with its type).
        value: Expr,
    },
    /// `field = value`.
    Assign {
        /// The field (index).
        field: u32,
        /// Its new value, of the field's type.
        value: Expr,
    },
    /// `map[key] = value`: inserts or replaces.
    Insert {
        /// The map (index of a field).
        field: u32,
        /// The key.
        key: Expr,
        /// The value.
        value: Expr,
    },
    /// `remove map[key]`, `remove x from set`: nothing where it is not there.
    Remove {
        /// The map or set (index of a field).
        field: u32,
        /// The key or element.
        key: Expr,
    },
    /// `add x to list_or_set`.
    Add {
        /// The list or set (index of a field).
        field: u32,
        /// The element.
        element: Expr,
    },
    /// `if condition { … } else { … }`.
    If {
        /// The condition.
        condition: Expr,
        /// What happens where it holds.
        then: Vec<Effect>,
        /// What happens else.
        otherwise: Vec<Effect>,
    },
    /// `for x in list { … }`.
    For {
        /// The variable.
        each: Local,
        /// Its type.
        ty: Ty,
        /// The list or set.
        of: Expr,
        /// What happens for each.
        body: Vec<Effect>,
    },
    /// `enters state`: the lifecycle moves; fields of the state that is left are gone.
    Enter {
        /// The state (index).
        state: u32,
    },
}

/// `error Name(fields) "message"`.
#[derive(Clone, Debug)]
pub struct Error {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Where it was declared: an aggregate or a port.
    pub owner: Owner,
    /// What it carries, in order.
    pub fields: Vec<Param>,
    /// How it reads, for people.
    pub message: Vec<MessagePiece>,
}

/// A piece of an error's message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MessagePiece {
    /// As written.
    Text(Arc<str>),
    /// A field (index) of the error, shown as it is sent over the wire.
    Field(u32),
}

/// `timer state after 30 days { … }`.
#[derive(Clone, Debug)]
pub struct Timer {
    /// Its docs.
    pub docs: Docs,
    /// Where it stands.
    pub span: Span,
    /// Set whenever this state (index) is entered; gone when it is left.
    pub state: u32,
    /// When it fires.
    pub when: TimerWhen,
    /// What it does, as a command that is accepted in `state` only.
    pub body: Vec<Statement>,
}

/// When a timer fires.
#[derive(Clone, Debug)]
pub enum TimerWhen {
    /// So many microseconds after the state was entered.
    After(i64),
    /// At a moment that the state holds; read when the state is entered.
    At(Expr),
}

impl<'m> Cursor<'m, Aggregate> {
    /// The subdomain it lives in.
    pub fn subdomain(self) -> Cursor<'m, Subdomain> {
        self.model().at(self.get().subdomain)
    }

    /// `orders.Order`.
    pub fn path(self) -> String {
        format!("{}.{}", self.subdomain().name, self.name)
    }

    /// Its commands, in order.
    pub fn commands(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Command>> + ExactSizeIterator {
        self.model().each(&self.get().commands)
    }

    /// Its events, in order.
    pub fn events(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Event>> + ExactSizeIterator {
        self.model().each(&self.get().events)
    }

    /// Its errors, in order.
    pub fn errors(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Error>> + ExactSizeIterator {
        self.model().each(&self.get().errors)
    }

    /// Views kept from its state, in order.
    pub fn views(self) -> impl DoubleEndedIterator<Item = Cursor<'m, View>> + ExactSizeIterator {
        self.model().each(&self.get().views)
    }

    /// The fields that exist in every state, with their indices.
    pub fn common_fields(self) -> impl Iterator<Item = (u32, &'m Field)> {
        (0..).zip(&self.get().fields).filter(|(_, field)| field.state.is_none())
    }

    /// The fields that are unique among all aggregates of this kind, with their indices.
    pub fn unique_fields(self) -> impl Iterator<Item = (u32, &'m Field)> {
        (0..).zip(&self.get().fields).filter(|(_, field)| field.unique)
    }
}

impl<'m> Cursor<'m, Event> {
    /// The aggregate it belongs to.
    pub fn aggregate(self) -> Cursor<'m, Aggregate> {
        self.model().at(self.get().aggregate)
    }

    /// `orders.Order.Placed`: its name on the wire.
    pub fn path(self) -> String {
        format!("{}.{}", self.aggregate().path(), self.name)
    }

    /// The fields that `emit` names, with their indices: all but the carried ones.
    pub fn given_fields(self) -> impl Iterator<Item = (u32, &'m PayloadField)> {
        (0..).zip(&self.get().payload).filter(|(_, field)| matches!(field.origin, Origin::Given | Origin::Set(_)))
    }
}
