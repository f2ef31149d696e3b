use super::{Block, Doc, Ident, Path};
use crate::source::Span;

/// `policy Settle on Order.Shipped as e { … }`
#[derive(Debug, Clone)]
pub struct Policy {
    /// What it sees to.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What it follows.
    pub trigger: Trigger,
    /// What it does.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// `on Order.Shipped as e`
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The events, one or more.
    pub events: Vec<EventPattern>,
    /// `as e`
    pub alias: Option<Ident>,
    /// All of it.
    pub span: Span,
}

/// `catalog.Product.Added` or `Order.*`
#[derive(Debug, Clone)]
pub struct EventPattern {
    /// The event; the aggregate where it ends in `.*`.
    pub path: Path,
    /// True for `.*`.
    pub every: bool,
    /// All of it.
    pub span: Span,
}
