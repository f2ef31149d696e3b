use super::{Broken, Doc, Expr, Ident, Text, Type};
use crate::source::Span;

/// `caller { … }`: who may be calling, as a verified token tells it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// `roles …`; once.
    pub roles: Vec<Roles>,
    /// `customer: customers.Customer.Id from claim "customer_id" if role(customer)`.
    pub identities: Vec<Identity>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// `roles customer, clerk from claim "roles"`
#[derive(Debug, Clone)]
pub struct Roles {
    /// The roles, one or more.
    pub roles: Vec<Ident>,
    /// The claim that holds those of a caller.
    pub claim: Text,
    /// All of it.
    pub span: Span,
}

/// An identity of the caller: `name: Type from claim "…" if role(r)`.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Read as `caller.name`.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// The claim that holds it.
    pub claim: Text,
    /// When it is there; always where nothing is said.
    pub condition: Option<Expr>,
    /// All of it.
    pub span: Span,
}
