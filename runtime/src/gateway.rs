//! The gateway: the one entrance. It checks the caller's token once, routes to the service that owns the request at the
//! address that the registry gives, and joins compositions in memory.
//!
//! ```ignore
//! pub fn gateway() -> Gateway {
//!     Gateway::new("shop")
//!         .roles("roles", &["customer", "clerk"])
//!         .identity(Identity::new("customer", "customer_id").if_role("customer"))
//!         .authenticate(Jwt { issuer: Setting::Env("ISSUER"), audience: Setting::Text("shop") })
//!         .expose(Route::command("POST", "/orders", "orders", "orders.Order.Place"))
//!         .expose(Route::query("/orders/{id}", "orders", "orders.OrderList.by_id"))
//!         .compose::<OrderPage>("/orders/{order}/page")
//! }
//! ```

use std::sync::Arc;

pub mod compose;
mod development;
mod forward;
mod headers;
mod parts;
mod rewrite;
mod server;
mod settings;
#[cfg(test)]
mod tests;

pub use futures_util::future::try_join;

pub use compose::{AnyComposition, Composition, PartError, PartQuery, Parts};
pub use server::{GatewayServer, Surroundings};

/// A gateway, as generated code describes it.
pub struct Gateway {
    /// The system's name.
    pub name: &'static str,
    /// The token's claim that holds the roles; absent where the spec declares none.
    pub role_claim: Option<&'static str>,
    /// The roles that the spec declares: others in a token mean nothing.
    pub roles: &'static [&'static str],
    /// Who a caller may be to the domain.
    pub identities: Vec<Identity>,
    /// How callers prove who they are; absent: all are anonymous.
    pub authentication: Option<Jwt>,
    /// What is exposed.
    pub routes: Vec<Route>,
    /// Compositions and the paths that answer with them.
    pub compositions: Vec<(&'static str, Arc<dyn AnyComposition>)>,
}

/// Who a caller is to the domain: `customer: customers.Customer.Id from claim "customer_id" if role(customer)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name: `customer`.
    pub name: &'static str,
    /// The token's claim: `customer_id`.
    pub claim: &'static str,
    /// Callers with this role have it: a token with the role and without the claim is refused, and without the role the
    /// claim means nothing.
    pub role: Option<&'static str>,
}

/// `authenticate jwt(issuer: …, audience: …)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// Who issues the tokens (`iss`).
    pub issuer: Setting,
    /// For whom they must be meant (`aud`).
    pub audience: Setting,
}

/// A text of the spec, or of the environment at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `"shop"`.
    Text(&'static str),
    /// `env ISSUER`. In development mode an issuer that is not set is the system itself.
    Env(&'static str),
}

/// A route of the gateway to a command or query of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// `POST`.
    pub method: &'static str,
    /// `/orders/{id}/cancel`: at the gateway.
    pub path: &'static str,
    /// The subdomain that answers.
    pub subdomain: &'static str,
    /// The wire name of the command or query.
    pub operation: &'static str,
    /// The path at the service ([`crate::command::Command::ROUTE`], [`crate::view::Query::ROUTE`]) where it is not [`Route::path`].
    pub target: Option<&'static str>,
}

impl Gateway {
    /// A gateway that exposes nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            role_claim: None,
            roles: &[],
            identities: Vec::new(),
            authentication: None,
            routes: Vec::new(),
            compositions: Vec::new(),
        }
    }

    /// `roles customer, clerk from claim "roles"`.
    #[must_use]
    pub fn roles(mut self, claim: &'static str, roles: &'static [&'static str]) -> Self {
        self.role_claim = Some(claim);
        self.roles = roles;
        self
    }

    /// Adds who a caller may be.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Says how callers prove who they are.
    #[must_use]
    pub fn authenticate(mut self, jwt: Jwt) -> Self {
        self.authentication = Some(jwt);
        self
    }

    /// Exposes a command or query.
    #[must_use]
    pub fn expose(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Answers `GET path` with a composition.
    #[must_use]
    pub fn compose<C: Composition>(mut self, path: &'static str) -> Self {
        self.compositions.push((path, compose::any::<C>()));
        self
    }
}

impl Identity {
    /// Everybody whose token has the claim.
    pub const fn new(name: &'static str, claim: &'static str) -> Self {
        Self { name, claim, role: None }
    }

    /// Only, and always, callers with that role.
    #[must_use]
    pub const fn if_role(self, role: &'static str) -> Self {
        Self { role: Some(role), ..self }
    }
}

impl Route {
    /// A command.
    pub const fn command(
        method: &'static str,
        path: &'static str,
        subdomain: &'static str,
        operation: &'static str,
    ) -> Self {
        Self { method, path, subdomain, operation, target: None }
    }

    /// A query.
    pub const fn query(path: &'static str, subdomain: &'static str, operation: &'static str) -> Self {
        Self { method: "GET", path, subdomain, operation, target: None }
    }

    /// The service knows it under another path. Parameters in [`Route::path`] that the target's path does not have go to the
    /// query string (queries) or the body (commands).
    #[must_use]
    pub const fn at(self, target: &'static str) -> Self {
        Self { target: Some(target), ..self }
    }
}
