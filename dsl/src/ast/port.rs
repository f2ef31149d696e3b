use super::{Broken, Doc, EnumDecl, ErrorDecl, Ident, Param, Path, Type, TypeDecl, ValueDecl};
use crate::source::Span;

/// `port Payments { charge(…) -> Receipt else Declined … }`
#[derive(Debug, Clone)]
pub struct Port {
    /// What it reaches.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What can be asked of it.
    pub operations: Vec<Operation>,
    /// Named types.
    pub types: Vec<TypeDecl>,
    /// Records.
    pub values: Vec<ValueDecl>,
    /// Closed choices.
    pub enums: Vec<EnumDecl>,
    /// How its operations refuse.
    pub errors: Vec<ErrorDecl>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// `charge(order: Order.Id, amount: Money) -> Receipt else Declined`
#[derive(Debug, Clone)]
pub struct Operation {
    /// What it does.
    pub doc: Option<Doc>,
    /// The word `reads` before it: it changes nothing.
    pub reads: Option<Span>,
    /// Its name, in lower case.
    pub name: Ident,
    /// What it is given.
    pub params: Vec<Param>,
    /// What it answers.
    pub result: Option<Type>,
    /// How it may refuse.
    pub errors: Vec<Path>,
    /// All of it.
    pub span: Span,
}
