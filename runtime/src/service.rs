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
//!         .port(payments::dispatch(payments))
//! }
//! ```

use std::sync::Arc;

use crate::aggregate::Aggregate;
use crate::command::Command;
use crate::engine::{AnyCommand, TypedCommand};
use crate::evolution::{AnyHistory, TypedHistory};
use crate::port::PortDispatch;
use crate::process::policy::{AnyPolicy, TypedPolicy};
use crate::process::saga::{AnySaga, TypedSaga};
use crate::projection::{AnyKeptView, AnyView, TypedKeptView, TypedView};
use crate::query::{AnyQuery, TypedQuery};
use crate::saga::{Policy, Saga};
use crate::view::{KeptView, Query, View};

pub(crate) mod running;

/// One service, as generated code describes it.
pub struct Service {
    /// The subdomain's name.
    pub name: &'static str,
    /// Its aggregates.
    pub aggregates: Vec<Arc<dyn AnyHistory>>,
    /// Its commands.
    pub commands: Vec<Arc<dyn AnyCommand>>,
    /// Its views kept from events.
    pub views: Vec<Arc<dyn AnyView>>,
    /// Its views kept from aggregates' own states.
    pub kept_views: Vec<Arc<dyn AnyKeptView>>,
    /// Its queries.
    pub queries: Vec<Arc<dyn AnyQuery>>,
    /// Its sagas.
    pub sagas: Vec<Arc<dyn AnySaga>>,
    /// Its policies.
    pub policies: Vec<Arc<dyn AnyPolicy>>,
    /// Its ports.
    pub ports: Vec<Arc<dyn PortDispatch>>,
}

impl Service {
    /// A service without anything.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            aggregates: Vec::new(),
            commands: Vec::new(),
            views: Vec::new(),
            kept_views: Vec::new(),
            queries: Vec::new(),
            sagas: Vec::new(),
            policies: Vec::new(),
            ports: Vec::new(),
        }
    }

    /// Adds an aggregate.
    #[must_use]
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.aggregates.push(Arc::new(TypedHistory::<A>::default()));
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
    pub fn kept_view<V: KeptView>(mut self) -> Self {
        self.kept_views.push(Arc::new(TypedKeptView::<V>::default()));
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
    pub fn query<Q: Query>(mut self) -> Self {
        self.queries.push(Arc::new(TypedQuery::<Q>::default()));
        self
    }

    /// Adds a saga.
    #[must_use]
    pub fn saga<S: Saga>(mut self) -> Self {
        self.sagas.push(Arc::new(TypedSaga::<S>::default()));
        self
    }

    /// Adds a policy.
    #[must_use]
    pub fn policy<P: Policy>(mut self) -> Self {
        self.policies.push(Arc::new(TypedPolicy::<P>::default()));
        self
    }

    /// Adds a port's implementation.
    #[must_use]
    pub fn port(mut self, port: impl PortDispatch + 'static) -> Self {
        self.ports.push(Arc::new(port));
        self
    }
}
