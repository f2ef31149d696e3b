//! The gateway: who is let in, what is exposed, what is composed.

use std::sync::Arc;

use super::arena::{Cursor, Id};
use super::command::Command;
use super::expr::Expr;
use super::name::{Docs, Name};
use super::system::Subdomain;
use super::ty::{Param, Ty};
use super::view::Query;
use crate::source::Span;

/// `gateway { … }`.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where it stands.
    pub span: Span,
    /// Its docs.
    pub docs: Docs,
    /// How callers prove who they are.
    pub authenticate: Option<Jwt>,
    /// Subdomains of which every command and query with an `allow` is exposed, in order.
    pub exposes: Vec<Id<Subdomain>>,
    /// Its compositions, in order.
    pub composes: Vec<Id<Compose>>,
    /// Every route, explicit ones in order, then those by convention in the order of `expose` and of declaration. No two collide.
    pub routes: Vec<Route>,
}

/// `authenticate jwt(issuer: …, audience: …)`.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// Who issues the tokens.
    pub issuer: Setting,
    /// For whom they must be meant.
    pub audience: Setting,
}

/// A text of the spec, or of the environment at start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Setting {
    /// `"shop"`.
    Text(Arc<str>),
    /// `env ISSUER`.
    Env(Name),
}

/// A route of the gateway.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, segment by segment.
    pub path: Vec<Segment>,
    /// What answers.
    pub target: RouteTarget,
    /// Whether it is written in the spec; else it is there by convention.
    pub explicit: bool,
    /// Where it is written, or where what it leads to is declared.
    pub span: Span,
}

/// A method of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Queries and compositions.
    Get,
    /// Commands.
    Post,
    /// Commands, where the spec says so.
    Put,
    /// Commands, where the spec says so.
    Patch,
    /// Commands, where the spec says so.
    Delete,
}

/// A segment of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Segment {
    /// As written.
    Literal(Arc<str>),
    /// The id of the aggregate that the command is sent to.
    Id(Name),
    /// The parameter (index) of the query, composition or command, under the name that it has in the path.
    Param(u32, Name),
}

/// What answers a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteTarget {
    /// A command. Parameters that are not in the path come in the body.
    Command(Id<Command>),
    /// A query. Parameters that are not in the path come in the query string.
    Query(Id<Query>),
    /// A composition. Parameters that are not in the path come in the query string.
    Compose(Id<Compose>),
}

/// `compose Name(params) { parts }`: joined in memory from the services that own the data.
#[derive(Clone, Debug)]
pub struct Compose {
    /// Its name.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// Its parameters, in order.
    pub params: Vec<Param>,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a composition.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, under which it is in the answer.
    pub name: Name,
    /// Its docs.
    pub docs: Docs,
    /// Where its name stands.
    pub span: Span,
    /// The query that answers it.
    pub query: Id<Query>,
    /// One expression for each parameter of the query, in order; reads parameters and [`super::ExprKind::Part`].
    pub arguments: Vec<Expr>,
    /// `else absent if unavailable`: where the service does not answer, the part is absent; else the whole fails.
    pub optional: bool,
    /// Its type: a row or a list of rows; optional where the part is.
    pub ty: Ty,
    /// The parts (indices, ascending) that must have answered before. Parts with the same depth go side by side.
    pub needs: Vec<u32>,
    /// How many rounds of requests come before it: 0 where it needs no other part.
    pub depth: u32,
}

impl<'m> Cursor<'m, Compose> {
    /// The query of each part, in order.
    pub fn queries(self) -> impl ExactSizeIterator<Item = Cursor<'m, Query>> {
        let model = self.model();
        self.get().parts.iter().map(move |part| model.at(part.query))
    }
}

impl Route {
    /// `/orders/{id}/cancel`.
    pub fn path_text(&self) -> String {
        let mut text = String::new();
        for segment in &self.path {
            text.push('/');
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Id(name) | Segment::Param(_, name) => {
                    text.push('{');
                    text.push_str(name);
                    text.push('}');
                }
            }
        }
        text
    }
}

impl Method {
    /// `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}
