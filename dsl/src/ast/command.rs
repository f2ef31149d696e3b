use super::{Arg, Block, Doc, Expr, Ident, Path, Type};
use crate::source::Span;

/// `create Place(…) … { … }` or `command Ship … { … }`
#[derive(Debug, Clone)]
pub struct Command {
    /// What it does.
    pub doc: Option<Doc>,
    /// Whether it makes the aggregate.
    pub kind: CommandKind,
    /// Its name, capitalised.
    pub name: Ident,
    /// What it is given.
    pub params: Vec<Param>,
    /// In which states.
    pub when: Option<When>,
    /// Who may send it; only sagas and policies where nothing is said.
    pub allow: Option<Allow>,
    /// What it reads before it decides.
    pub withs: Vec<With>,
    /// What it decides.
    pub body: Block,
    /// All but the body.
    pub header: Span,
    /// All of it.
    pub span: Span,
}

/// Whether a command makes the aggregate or finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// `create`
    Create,
    /// `command`
    Command,
}

/// A parameter of a command, a query, an operation or a composition.
#[derive(Debug, Clone)]
pub struct Param {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name.
    pub name: Ident,
    /// Its type; that of the field or column of the same name where nothing is said.
    pub ty: Option<Type>,
    /// All of it.
    pub span: Span,
}

/// `when placed, approved else done when shipped`
#[derive(Debug, Clone)]
pub struct When {
    /// The states in which the command decides, one or more.
    pub states: Vec<Ident>,
    /// The states in which it is done already.
    pub done: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// `allow role(clerk) or caller.customer == self.customer`
#[derive(Debug, Clone)]
pub struct Allow {
    /// Who.
    pub rule: AllowRule,
    /// All of it.
    pub span: Span,
}

/// Who may call.
#[derive(Debug, Clone)]
pub enum AllowRule {
    /// `anyone`, with or without a token.
    Anyone,
    /// Whoever makes it true.
    If(Expr),
}

/// `with priced = items join PriceList on product else UnknownProduct(product)`
#[derive(Debug, Clone)]
pub struct With {
    /// What is read.
    pub name: Ident,
    /// From where.
    pub value: Expr,
    /// The refusal where there is none.
    pub otherwise: Option<Refusal>,
    /// All of it.
    pub span: Span,
}

/// `CreditExceeded(limit, held)`: after `else`.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The error.
    pub error: Path,
    /// Its fields.
    pub args: Vec<Arg>,
    /// All of it.
    pub span: Span,
}
