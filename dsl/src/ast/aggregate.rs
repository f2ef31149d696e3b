use super::{Block, Broken, Command, Doc, EnumDecl, ErrorDecl, Event, Expr, Field, Ident, Type, ValueDecl};
use crate::source::Span;

/// `aggregate Order { … }`
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// What it is.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// `id orders.Order.Id` or `id tracking: TrackingId`; an id of its own where nothing is said.
    pub id: Option<AggregateId>,
    /// The fields of every state.
    pub fields: Vec<Field>,
    /// `let free = …`: computed from the fields.
    pub lets: Vec<Let>,
    /// `lifecycle status { … }`; at most one.
    pub lifecycles: Vec<Lifecycle>,
    /// `state approved { payment: text }`: fields of one state.
    pub states: Vec<State>,
    /// `create` and `command`, in the order of the text.
    pub commands: Vec<Command>,
    /// What happens by itself.
    pub timers: Vec<Timer>,
    /// What may have happened.
    pub events: Vec<Event>,
    /// How commands refuse.
    pub errors: Vec<ErrorDecl>,
    /// Records named as `Order.Name` elsewhere.
    pub values: Vec<ValueDecl>,
    /// Closed choices.
    pub enums: Vec<EnumDecl>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// The key of an aggregate that has no id of its own.
#[derive(Debug, Clone)]
pub struct AggregateId {
    /// `id name: Type`.
    pub name: Option<Ident>,
    /// The type of the key.
    pub ty: Type,
}

/// `let held = holds.values().sum()`
#[derive(Debug, Clone)]
pub struct Let {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name.
    pub name: Ident,
    /// What it stands for.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// `lifecycle status { placed -> approved, rejected … }`
#[derive(Debug, Clone)]
pub struct Lifecycle {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// The field that tells the state.
    pub name: Ident,
    /// The arrows, in the order of the text.
    pub transitions: Vec<Transition>,
    /// All of it.
    pub span: Span,
}

/// `placed -> approved, rejected`
#[derive(Debug, Clone)]
pub struct Transition {
    /// The states it leaves, one or more.
    pub from: Vec<Ident>,
    /// The states it may enter, one or more.
    pub to: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// `state approved { payment: text }`
#[derive(Debug, Clone)]
pub struct State {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// The state, as the lifecycle names it.
    pub name: Ident,
    /// What exists in that state only.
    pub fields: Vec<Field>,
    /// All of it.
    pub span: Span,
}

/// `timer approved after 30 days { emit Cancelled }`
#[derive(Debug, Clone)]
pub struct Timer {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// The state in which it runs.
    pub state: Ident,
    /// When it fires.
    pub start: TimerStart,
    /// What it does then.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// When a timer fires.
#[derive(Debug, Clone)]
pub enum TimerStart {
    /// So long after the state was entered.
    After(Expr),
    /// At a moment held in the state.
    At(Expr),
}
