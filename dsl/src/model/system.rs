//! The system, its callers, and its subdomains.

use super::aggregate::{Aggregate, Error};
use super::arena::{Cursor, Id};
use super::contract::Contracts;
use super::name::{Docs, Name};
use super::policy::Policy;
use super::port::Port;
use super::saga::Saga;
use super::ty::{Enum, NamedType, Ty, Value};
use super::view::View;
use crate::source::{SourceId, Span};

/// `system name`.
#[derive(Clone, Debug)]
pub struct System {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Which token claim the roles are read from; absent when no roles are declared.
    pub role_claim: Option<Name>,
    /// Types of `shared`, in order.
    pub types: Vec<TypeRef>,
}

/// A role that a caller may have.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name, which is also its value in the token's claim.
    pub name: Name,
    /// Where its name stands.
    pub span: Span,
}

/// Who a caller is to the domain: `customer: customers.Customer.Id from claim "customer_id" if role(customer)`.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its type: usually the id of an aggregate.
    pub ty: Ty,
    /// The token's claim it is read from.
    pub claim: Name,
    /// Only callers with this role have it; a token with the role and without the claim is refused.
    pub role: Option<Id<Role>>,
}

/// `subdomain name { … }`: one service.
#[derive(Clone, Debug)]
pub struct Subdomain {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The files that declare something of it, in name order.
    pub files: Vec<SourceId>,
    /// Types that belong to the subdomain itself, to its aggregates or ports, in order.
    pub types: Vec<TypeRef>,
    /// Its aggregates, in order.
    pub aggregates: Vec<Id<Aggregate>>,
    /// Its views, in order.
    pub views: Vec<Id<View>>,
    /// Views that move together, each group in declaration order; every view is in exactly one group (most are alone).
    pub view_groups: Vec<Vec<Id<View>>>,
    /// Its sagas, in order.
    pub sagas: Vec<Id<Saga>>,
    /// Its policies, in order.
    pub policies: Vec<Id<Policy>>,
    /// Its ports, in order.
    pub ports: Vec<Id<Port>>,
    /// Errors that it declares itself, for all of its aggregates, in order.
    pub errors: Vec<Id<Error>>,
    /// What it reads of other subdomains, exactly.
    pub contracts: Contracts,
}

/// A type that was declared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TypeRef {
    /// `type`.
    Named(Id<NamedType>),
    /// `value`.
    Value(Id<Value>),
    /// `enum`.
    Enum(Id<Enum>),
}

/// Where a type or an error was declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// In `shared`: every subdomain has its own copy.
    Shared,
    /// In a subdomain.
    Subdomain(Id<Subdomain>),
    /// In an aggregate.
    Aggregate(Id<Aggregate>),
    /// In a port.
    Port(Id<Port>),
}

impl<'m> Cursor<'m, Subdomain> {
    /// Its aggregates, in order.
    pub fn aggregates(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Aggregate>> + ExactSizeIterator {
        self.model().each(&self.get().aggregates)
    }

    /// Its views, in order.
    pub fn views(self) -> impl DoubleEndedIterator<Item = Cursor<'m, View>> + ExactSizeIterator {
        self.model().each(&self.get().views)
    }

    /// Its groups of views that move together, in order.
    pub fn view_groups(self) -> impl ExactSizeIterator<Item = Vec<Cursor<'m, View>>> {
        let model = self.model();
        self.get().view_groups.iter().map(move |group| model.each(group).collect())
    }

    /// Its sagas, in order.
    pub fn sagas(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Saga>> + ExactSizeIterator {
        self.model().each(&self.get().sagas)
    }

    /// Its policies, in order.
    pub fn policies(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Policy>> + ExactSizeIterator {
        self.model().each(&self.get().policies)
    }

    /// Its ports, in order.
    pub fn ports(self) -> impl DoubleEndedIterator<Item = Cursor<'m, Port>> + ExactSizeIterator {
        self.model().each(&self.get().ports)
    }

    /// The named types declared within, in order.
    pub fn named_types(self) -> impl Iterator<Item = Cursor<'m, NamedType>> {
        let model = self.model();
        self.get().types.iter().filter_map(move |it| match it {
            TypeRef::Named(id) => Some(model.at(*id)),
            _ => None,
        })
    }

    /// The values declared within, in order.
    pub fn values(self) -> impl Iterator<Item = Cursor<'m, Value>> {
        let model = self.model();
        self.get().types.iter().filter_map(move |it| match it {
            TypeRef::Value(id) => Some(model.at(*id)),
            _ => None,
        })
    }

    /// The enums declared within, in order.
    pub fn enums(self) -> impl Iterator<Item = Cursor<'m, Enum>> {
        let model = self.model();
        self.get().types.iter().filter_map(move |it| match it {
            TypeRef::Enum(id) => Some(model.at(*id)),
            _ => None,
        })
    }
}

impl super::Model {
    /// The subdomain that a type or error was declared in; absent for `shared`.
    pub fn subdomain_of(&self, owner: Owner) -> Option<Cursor<'_, Subdomain>> {
        let id = match owner {
            Owner::Shared => return None,
            Owner::Subdomain(id) => id,
            Owner::Aggregate(id) => self.at(id).subdomain,
            Owner::Port(id) => self.at(id).subdomain,
        };
        Some(self.at(id))
    }

    /// The name of what declares a type or error, dotted: `orders`, `orders.Order`, `orders.Payments`; absent for `shared`.
    pub fn owner_path(&self, owner: Owner) -> Option<String> {
        match owner {
            Owner::Shared => None,
            Owner::Subdomain(id) => Some(self.at(id).name.to_string()),
            Owner::Aggregate(id) => Some(self.at(id).path()),
            Owner::Port(id) => Some(self.at(id).path()),
        }
    }
}

impl<'m> Cursor<'m, Error> {
    /// `orders.Order.UnknownProduct`: its name over the wire.
    pub fn path(self) -> String {
        match self.model().owner_path(self.owner) {
            Some(owner) => format!("{owner}.{}", self.name),
            None => self.name.to_string(),
        }
    }
}
