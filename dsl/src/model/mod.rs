//! The model: what a checked spec says, read-only, with every name resolved and every type known.
//!
//! Consumers walk it with [`Cursor`]s, which read as the declaration itself:
//!
//! ```text
//! for subdomain in model.subdomains() {
//!     for aggregate in subdomain.aggregates() {
//!         for command in aggregate.commands() {
//!             println!("{} {:?}", command.path(), command.params);
//!         }
//!     }
//! }
//! ```
//!
//! Everything is in declaration order: files by name, then as written. Fields, columns, parameters, states and cases are lists in their
//! declaration, and expressions name them by index (`u32`); everything that has a name of its own in the system is in an arena and has an [`Id`].

mod aggregate;
mod arena;
mod command;
mod contract;
mod expr;
mod gateway;
mod name;
mod policy;
mod port;
mod saga;
mod system;
mod ty;
mod view;
mod walk;

pub use aggregate::{
    Aggregate, Computed, Effect, Error, Event, Field, Lifecycle, MessagePiece, Origin, PayloadField, State, Timer,
    TimerWhen,
};
pub use arena::{Arena, Cursor, Id, Noun};
pub use command::{Allow, Command, Emit, Raise, Read, ReadKind, Refusal, Statement};
pub use contract::Contracts;
pub use expr::{Arithmetic, Comparison, Conversion, Expr, ExprKind, Failure, Lambda, Literal, Local, Piece};
pub use gateway::{Compose, Gateway, Jwt, Method, Part, Route, RouteTarget, Segment, Setting};
pub use name::{Docs, Name};
pub use policy::{Policy, PolicyCase, Reaction};
pub use port::{Operation, Port};
pub use saga::{Branches, Call, CallTarget, Phase, Retry, Saga, Step};
pub use system::{Identity, Owner, Role, Subdomain, System, TypeRef};
pub use ty::{
    Base, Bound, Case, CollectionRule, Digits, Distinct, Enum, NamedType, Param, Refined, Rule, Size, Ty, Value,
};
pub use view::{Answer, Column, Handler, HandlerCase, Query, QueryKind, RowChange, View, ViewSource};

/// A checked system. Built by `check` only; without errors, nothing in it is poisoned.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) system: System,
    pub(crate) caller_docs: Docs,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) gateway_contracts: Contracts,
    pub(crate) roles: Arena<Role>,
    pub(crate) identities: Arena<Identity>,
    pub(crate) subdomains: Arena<Subdomain>,
    pub(crate) named_types: Arena<NamedType>,
    pub(crate) values: Arena<Value>,
    pub(crate) enums: Arena<Enum>,
    pub(crate) aggregates: Arena<Aggregate>,
    pub(crate) commands: Arena<Command>,
    pub(crate) events: Arena<Event>,
    pub(crate) errors: Arena<Error>,
    pub(crate) views: Arena<View>,
    pub(crate) queries: Arena<Query>,
    pub(crate) sagas: Arena<Saga>,
    pub(crate) policies: Arena<Policy>,
    pub(crate) ports: Arena<Port>,
    pub(crate) operations: Arena<Operation>,
    pub(crate) composes: Arena<Compose>,
}

macro_rules! nouns {
    ($($noun:ident in $field:ident),* $(,)?) => {
        $(impl Noun for $noun {
            fn arena(model: &Model) -> &Arena<Self> {
                &model.$field
            }
        })*
    };
}

nouns! {
    Role in roles, Identity in identities, Subdomain in subdomains, NamedType in named_types, Value in values, Enum in enums,
    Aggregate in aggregates, Command in commands, Event in events, Error in errors, View in views, Query in queries, Saga in sagas,
    Policy in policies, Port in ports, Operation in operations, Compose in composes,
}

impl Model {
    pub(crate) fn empty(system: System) -> Self {
        Self {
            system,
            caller_docs: None,
            gateway: None,
            gateway_contracts: Contracts::default(),
            roles: Arena::default(),
            identities: Arena::default(),
            subdomains: Arena::default(),
            named_types: Arena::default(),
            values: Arena::default(),
            enums: Arena::default(),
            aggregates: Arena::default(),
            commands: Arena::default(),
            events: Arena::default(),
            errors: Arena::default(),
            views: Arena::default(),
            queries: Arena::default(),
            sagas: Arena::default(),
            policies: Arena::default(),
            ports: Arena::default(),
            operations: Arena::default(),
            composes: Arena::default(),
        }
    }

    /// The docs of `caller`.
    pub fn caller_docs(&self) -> &Docs {
        &self.caller_docs
    }

    /// The system itself: name, docs, shared types.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Every declaration of one kind, in order: `model.all::<Event>()`.
    pub fn all<T: Noun>(&self) -> impl DoubleEndedIterator<Item = Cursor<'_, T>> + ExactSizeIterator {
        T::arena(self).ids().map(|id| self.at(id))
    }

    /// The subdomains, in order.
    pub fn subdomains(&self) -> impl DoubleEndedIterator<Item = Cursor<'_, Subdomain>> + ExactSizeIterator {
        self.all()
    }

    /// The subdomain with this name.
    pub fn subdomain(&self, name: &str) -> Option<Cursor<'_, Subdomain>> {
        self.subdomains().find(|subdomain| subdomain.name == name)
    }

    /// The callers' roles, in order.
    pub fn roles(&self) -> impl DoubleEndedIterator<Item = Cursor<'_, Role>> + ExactSizeIterator {
        self.all()
    }

    /// The callers' identities, in order.
    pub fn identities(&self) -> impl DoubleEndedIterator<Item = Cursor<'_, Identity>> + ExactSizeIterator {
        self.all()
    }

    /// The gateway, if the system has one.
    pub fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    /// What the gateway reads of the subdomains: everything exposed, routed or composed.
    pub fn gateway_contracts(&self) -> &Contracts {
        &self.gateway_contracts
    }
}
