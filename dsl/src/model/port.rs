//! Ports: what is implemented by hand.

use super::aggregate::Error;
use super::arena::{Cursor, Id};
use super::name::{Docs, Name};
use super::system::{Subdomain, TypeRef};
use super::ty::{Param, Ty};
use crate::source::Span;

/// `port Name { … }`.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The subdomain it lives in.
    pub subdomain: Id<Subdomain>,
    /// Its operations, in order.
    pub operations: Vec<Id<Operation>>,
    /// Types declared within (also among the subdomain's), in order.
    pub types: Vec<TypeRef>,
    /// Its errors, in order.
    pub errors: Vec<Id<Error>>,
}

/// `name(params) -> Answer else Error`.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The port it belongs to.
    pub port: Id<Port>,
    /// Its parameters, in order.
    pub params: Vec<Param>,
    /// What it answers; absent: nothing.
    pub answer: Option<Ty>,
    /// The errors it may refuse with, in order.
    pub errors: Vec<Id<Error>>,
    /// `reads`: it changes nothing outside.
    pub reads: bool,
}

impl<'m> Cursor<'m, Port> {
    /// The subdomain it lives in.
    pub fn subdomain(self) -> Cursor<'m, Subdomain> {
        self.model().at(self.get().subdomain)
    }

    /// `orders.Payments`.
    pub fn path(self) -> String {
        format!("{}.{}", self.subdomain().name, self.name)
    }

    /// Its operations, in order.
    pub fn operations(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Operation>> + ExactSizeIterator {
        self.model().each(&self.get().operations)
    }

    /// Its errors, in order.
    pub fn errors(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Error>> + ExactSizeIterator {
        self.model().each(&self.get().errors)
    }
}

impl<'m> Cursor<'m, Operation> {
    /// The port it belongs to.
    pub fn port(self) -> Cursor<'m, Port> {
        self.model().at(self.get().port)
    }

    /// `orders.Payments.charge`.
    pub fn path(self) -> String {
        format!("{}.{}", self.port().path(), self.name)
    }

    /// The errors it may refuse with, in order.
    pub fn errors(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Error>> + ExactSizeIterator {
        self.model().each(&self.get().errors)
    }
}
