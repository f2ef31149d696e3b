use super::{Arg, Broken, Doc, Expr, Ident, Param, Path};
use crate::source::Span;

/// `gateway { … }`
#[derive(Debug, Clone)]
pub struct Gateway {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// `authenticate jwt(…)`; once.
    pub authenticate: Vec<Authenticate>,
    /// `expose customers, catalog`
    pub exposes: Vec<Expose>,
    /// `GET "/orders/{order}/page" -> OrderPage`
    pub routes: Vec<Route>,
    /// `compose OrderPage(…) { … }`
    pub compositions: Vec<Compose>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// `authenticate jwt(issuer: env ISSUER, audience: "shop")`
#[derive(Debug, Clone)]
pub struct Authenticate {
    /// How: `jwt`.
    pub scheme: Ident,
    /// With what.
    pub args: Vec<Arg>,
    /// All of it.
    pub span: Span,
}

/// `expose customers, catalog, orders`
#[derive(Debug, Clone)]
pub struct Expose {
    /// Subdomains, or what is in them; one or more.
    pub paths: Vec<Path>,
    /// All of it.
    pub span: Span,
}

/// `GET "/orders/{order}/page" -> OrderPage`
#[derive(Debug, Clone)]
pub struct Route {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: Ident,
    /// The path.
    pub path: RoutePath,
    /// A composition, a query or a command.
    pub target: Path,
    /// All of it.
    pub span: Span,
}

/// `"/orders/{order}/page"`: begins with `/`, has no empty segment.
#[derive(Debug, Clone)]
pub struct RoutePath {
    /// Between the slashes.
    pub segments: Vec<RouteSegment>,
    /// With its quotes.
    pub span: Span,
}

/// What is between two slashes.
#[derive(Debug, Clone)]
pub enum RouteSegment {
    /// As it is.
    Literal(String),
    /// `{order}`
    Param(Ident),
}

/// `compose OrderPage(order: orders.Order.Id) { … }`
#[derive(Debug, Clone)]
pub struct Compose {
    /// What it shows.
    pub doc: Option<Doc>,
    /// Its name, capitalised.
    pub name: Ident,
    /// What it is asked with.
    pub params: Vec<Param>,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// All of it.
    pub span: Span,
}

/// `customer = customers.CustomerCard.by_id(head.customer) else absent if unavailable`
#[derive(Debug, Clone)]
pub struct Part {
    /// What is said above it.
    pub doc: Option<Doc>,
    /// Its name in the answer.
    pub name: Ident,
    /// Which query, with what.
    pub value: Expr,
    /// `else absent if unavailable`
    pub absent_if_unavailable: Option<Span>,
    /// All of it.
    pub span: Span,
}
