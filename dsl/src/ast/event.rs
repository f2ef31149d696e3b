use super::{Block, Doc, Field, Ident, Text, Type};
use crate::source::Span;

/// `event Approved(set payment, carry customer) enters approved { … }`
#[derive(Debug, Clone)]
pub struct Event {
    /// What has happened.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What it tells.
    pub fields: Vec<EventField>,
    /// The state of the lifecycle that it enters.
    pub enters: Option<Ident>,
    /// The words `changes nothing`.
    pub changes_nothing: Option<Span>,
    /// What it does to the state beyond `set`; absent where no braces are written.
    pub body: Option<Block>,
    /// All of it.
    pub span: Span,
}

/// A field of an event.
#[derive(Debug, Clone)]
pub struct EventField {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// How it comes by its value.
    pub kind: EventFieldKind,
    /// Its name.
    pub name: Ident,
    /// All of it.
    pub span: Span,
}

/// How a field of an event comes by its value.
#[derive(Debug, Clone)]
pub enum EventFieldKind {
    /// `name: Type`: given in `emit`.
    Plain(Type),
    /// `set name`: given in `emit`, and written to the state's field of the same name and type.
    Set,
    /// `carry name`: copied out of the state.
    Carry,
}

/// `error CreditExceeded(limit: Money, held: Money) "{held} of {limit} is in use"`
#[derive(Debug, Clone)]
pub struct ErrorDecl {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What it tells.
    pub fields: Vec<Field>,
    /// What people read.
    pub message: Option<Text>,
    /// All of it.
    pub span: Span,
}
