use super::{Aggregate, Broken, Doc, EnumDecl, ErrorDecl, Ident, Policy, Port, Saga, TypeDecl, ValueDecl, View};
use crate::source::Span;

/// `subdomain orders { … }`: one service.
#[derive(Debug, Clone)]
pub struct Subdomain {
    /// What it is for.
    pub doc: Option<Doc>,
    /// Its name, in lower case.
    pub name: Ident,
    /// Named types.
    pub types: Vec<TypeDecl>,
    /// Records.
    pub values: Vec<ValueDecl>,
    /// Closed choices.
    pub enums: Vec<EnumDecl>,
    /// Errors that several aggregates name.
    pub errors: Vec<ErrorDecl>,
    /// Its aggregates.
    pub aggregates: Vec<Aggregate>,
    /// Its read models.
    pub views: Vec<View>,
    /// Its processes with compensation.
    pub sagas: Vec<Saga>,
    /// What follows an event without an answer.
    pub policies: Vec<Policy>,
    /// What is written by hand.
    pub ports: Vec<Port>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}
