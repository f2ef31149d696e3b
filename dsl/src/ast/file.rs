use super::{Broken, Caller, Doc, EnumDecl, Gateway, Ident, Subdomain, TypeDecl, ValueDecl};
use crate::source::{SourceId, Span};

/// One `.minos` file. A system is the union of its files; their order never matters.
#[derive(Debug, Clone)]
pub struct File {
    /// The text it was read from.
    pub source: SourceId,
    /// `system shop`; one in the whole system.
    pub systems: Vec<System>,
    /// `shared { … }`.
    pub shared: Vec<Shared>,
    /// `caller { … }`; one in the whole system.
    pub callers: Vec<Caller>,
    /// `subdomain orders { … }`.
    pub subdomains: Vec<Subdomain>,
    /// `gateway { … }`; one in the whole system.
    pub gateways: Vec<Gateway>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// Every comment, docs too, in the order of the text.
    pub comments: Vec<Comment>,
}

/// A comment, kept for the formatter.
#[derive(Debug, Clone, Copy)]
pub struct Comment {
    /// From `//` to the end of the line, without the line break.
    pub span: Span,
    /// True for `///`.
    pub doc: bool,
}

/// `system shop`
#[derive(Debug, Clone)]
pub struct System {
    /// What the system is for.
    pub doc: Option<Doc>,
    /// Its name.
    pub name: Ident,
    /// All of it.
    pub span: Span,
}

/// `shared { type Money = … }`: what every subdomain may name without a path.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Named types.
    pub types: Vec<TypeDecl>,
    /// Records.
    pub values: Vec<ValueDecl>,
    /// Closed choices.
    pub enums: Vec<EnumDecl>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}
