//! One service: what generated code registers, and how it is wired to a store, a log and HTTP.
//!
//! ```ignore
//! pub fn service(payments: impl Payments, mailer: impl Mailer) -> Service {
//!     Service::new("orders")
//!         .aggregate::<Order>()
//!         .command::<Place>()
//!         .command::<Approve>()
//!         .kept_view::<OrderCard>()
//!         .view::<PriceList>()
//!         .view::<Names>()
//!         .view::<OrderList>()
//!         .query::<order_list::ById>()
//!         .saga::<Fulfilment>()
//!         .policy::<Thank>()
//!         .port(PaymentsDispatch(payments))
//! }
//! ```

use std::sync::Arc;

use crate::aggregate::Aggregate;
use crate::command::Command;
use crate::engine::{AnyCommand, TypedCommand};
use crate::port::PortDispatch;
use crate::projection::{AnyView, TypedView};
use crate::saga::{Policy, Saga};
use crate::view::{KeptView, Query, View};

/// One service, as generated code describes it.
pub struct Service {
    /// The subdomain's name.
    pub name: &'static str,
    /// Its commands.
    pub commands: Vec<Arc<dyn AnyCommand>>,
    /// Its views kept from events.
    pub views: Vec<Arc<dyn AnyView>>,
    /// Its ports.
    pub ports: Vec<Arc<dyn PortDispatch>>,
}

impl Service {
    /// A service without anything.
    pub fn new(name: &'static str) -> Self {
        Self { name, commands: Vec::new(), views: Vec::new(), ports: Vec::new() }
    }

    /// Adds an aggregate.
    #[must_use]
    pub fn aggregate<A: Aggregate>(self) -> Self {
        self
    }

    /// Adds a command.
    #[must_use]
    pub fn command<C: Command>(mut self) -> Self {
        self.commands.push(Arc::new(TypedCommand::<C>::default()));
        self
    }

    /// Adds a view kept from an aggregate's own state.
    #[must_use]
    pub fn kept_view<V: KeptView>(self) -> Self {
        self
    }

    /// Adds a view kept from events.
    #[must_use]
    pub fn view<V: View>(mut self) -> Self {
        self.views.push(Arc::new(TypedView::<V>::default()));
        self
    }

    /// Adds a query.
    #[must_use]
    pub fn query<Q: Query>(self) -> Self {
        self
    }

    /// Adds a saga.
    #[must_use]
    pub fn saga<S: Saga>(self) -> Self {
        self
    }

    /// Adds a policy.
    #[must_use]
    pub fn policy<P: Policy>(self) -> Self {
        self
    }

    /// Adds a port's implementation.
    #[must_use]
    pub fn port(mut self, port: impl PortDispatch + 'static) -> Self {
        self.ports.push(Arc::new(port));
        self
    }
}
