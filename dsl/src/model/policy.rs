//! Policies: whenever this happened, do that.

use super::aggregate::Event;
use super::arena::{Cursor, Id};
use super::expr::{Expr, Local};
use super::name::{Docs, Name};
use super::saga::Call;
use super::system::Subdomain;
use super::ty::Ty;
use crate::source::Span;

/// `policy Name on Event as alias { … }`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The subdomain it lives in.
    pub subdomain: Id<Subdomain>,
    /// The name that the event has within.
    pub alias: Option<Name>,
    /// The events it reacts to, in order, each with the statements checked against that event.
    pub cases: Vec<PolicyCase>,
}

/// A policy as it is for one event.
#[derive(Clone, Debug)]
pub struct PolicyCase {
    /// The event, of its own or another subdomain.
    pub event: Id<Event>,
    /// What it does, in order.
    pub body: Vec<Reaction>,
}

/// A statement of a policy.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// `let x = …`, and what `if x as y` names.
    Let {
        /// The variable.
        local: Local,
        /// Its value (with its type).
        value: Expr,
    },
    /// `do …`.
    Do(Call),
    /// `if condition { … } else { … }`.
    If {
        /// The condition.
        condition: Expr,
        /// What is done where it holds.
        then: Vec<Reaction>,
        /// What is done else.
        otherwise: Vec<Reaction>,
    },
    /// `for x in list { … }`.
    For {
        /// The variable.
        each: Local,
        /// Its type.
        ty: Ty,
        /// The list or set.
        of: Expr,
        /// What is done for each.
        body: Vec<Reaction>,
    },
}

impl<'m> Cursor<'m, Policy> {
    /// The subdomain it lives in.
    pub fn subdomain(self) -> Cursor<'m, Subdomain> {
        self.model().at(self.get().subdomain)
    }

    /// `orders.Settle`.
    pub fn path(self) -> String {
        format!("{}.{}", self.subdomain().name, self.name)
    }

    /// Every call, in the order written, once for each event.
    pub fn calls(self) -> Vec<&'m Call> {
        let mut calls = Vec::new();
        for case in &self.get().cases {
            collect(&case.body, &mut calls);
        }
        calls
    }
}

pub(super) fn collect<'m>(body: &'m [Reaction], calls: &mut Vec<&'m Call>) {
    for reaction in body {
        match reaction {
            Reaction::Do(call) => calls.push(call),
            Reaction::If { then, otherwise, .. } => {
                collect(then, calls);
                collect(otherwise, calls);
            }
            Reaction::Let { .. } => {}
            Reaction::For { body, .. } => collect(body, calls),
        }
    }
}
