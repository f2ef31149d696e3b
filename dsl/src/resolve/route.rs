//! Routes: those that are written, then those by convention.

use std::sync::Arc;

use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names as codes};
use crate::draft::Draft;
use crate::model::{self, Id, Method, Name, Owner, QueryKind, Route, RouteTarget, Segment, Ty};
use crate::source::Span;
use crate::suggest::did_you_mean;

impl<'a> Draft<'a> {
    pub(crate) fn routes(&mut self, node: &'a ast::Gateway) -> Vec<Route> {
        let mut routes: Vec<Route> = Vec::new();
        for written in &node.routes {
            if let Some(route) = self.written_route(written) {
                match routes.iter().find(|other| collide(other, &route)) {
                    Some(other) => self.collision(&route, other),
                    None => routes.push(route),
                }
            }
        }
        let Some(gateway) = &self.model.gateway else { return routes };
        let written = routes.len();
        for subdomain in gateway.exposes.clone() {
            for route in self.routes_by_convention(subdomain) {
                if routes[..written].iter().any(|it| it.target == route.target || collide(it, &route)) {
                    continue;
                }
                match routes.iter().find(|other| collide(other, &route)) {
                    Some(other) => self.collision(&route, other),
                    None => routes.push(route),
                }
            }
        }
        routes
    }

    fn collision(&mut self, route: &Route, other: &Route) {
        // Two views collide in each of their queries: once is enough.
        if self.collided.replace((route.span, other.span)) == Some((route.span, other.span)) {
            return;
        }
        let message = format!("two things answer `{} {}`", route.method.as_str(), route.path_text());
        self.report(
            Diagnostic::new(&checks::ROUTE_COLLISION, route.span, message)
                .label(other.span, "the other one")
                .hint("write a route for one of them in the gateway: `GET \"/…\" -> …`"),
        );
    }

    fn written_route(&mut self, node: &'a ast::Route) -> Option<Route> {
        let method = self.method(&node.method)?;
        let target = self.route_target(node)?;
        let (known, id): (Vec<Name>, bool) = match target {
            RouteTarget::Command(id) => (
                self.model.commands[id].params.iter().map(|it| it.name.clone()).collect(),
                !self.model.commands[id].creates,
            ),
            RouteTarget::Query(id) => (self.model.queries[id].params.iter().map(|it| it.name.clone()).collect(), false),
            RouteTarget::Compose(id) => {
                (self.model.composes[id].params.iter().map(|it| it.name.clone()).collect(), false)
            }
        };
        let reads = matches!(target, RouteTarget::Query(_) | RouteTarget::Compose(_));
        if reads != (method == Method::Get) {
            let message =
                if reads { "what only reads is asked with `GET`" } else { "a command is never sent with `GET`" };
            self.report(Diagnostic::new(&checks::ROUTE_METHOD, node.method.span, message).hint(if reads {
                "write `GET`"
            } else {
                "write `POST`"
            }));
            return None;
        }
        let mut path = Vec::with_capacity(node.path.segments.len());
        for segment in &node.path.segments {
            path.push(match segment {
                ast::RouteSegment::Literal(text) => Segment::Literal(text.as_str().into()),
                ast::RouteSegment::Param(name) => self.route_param(name, &known, id)?,
            });
        }
        if id && !path.iter().any(|it| matches!(it, Segment::Id(_))) {
            self.report(
                Diagnostic::new(&codes::MISSING_ARGUMENT, node.path.span, "the path does not say which aggregate")
                    .hint("put `{id}` into it"),
            );
            return None;
        }
        self.exposable(target, node.target.span)?;
        Some(Route { method, path, target, explicit: true, span: node.span })
    }

    fn route_param(&mut self, name: &'a ast::Ident, known: &[Name], id: bool) -> Option<Segment> {
        let own = self.intern(name.as_str());
        if let Some(index) = known.iter().position(|it| *it == name.as_str()) {
            return Some(Segment::Param(index as u32, own));
        }
        if id && name.as_str() == "id" {
            return Some(Segment::Id(own));
        }
        let hint = did_you_mean(name.as_str(), known.iter().map(Name::as_str).chain(id.then_some("id")));
        let message = format!("there is no parameter `{}` to take from the path", name.as_str());
        self.report_hint(Diagnostic::new(&codes::UNKNOWN_ARGUMENT, name.span, message), hint);
        None
    }

    fn method(&mut self, ident: &ast::Ident) -> Option<Method> {
        let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
        let found = all.into_iter().find(|it| it.as_str() == ident.as_str());
        if found.is_none() {
            let message = format!("`{}` is not a method", ident.as_str());
            self.report(
                Diagnostic::new(&codes::UNKNOWN_NAME, ident.span, message)
                    .hint("write `GET`, `POST`, `PUT`, `PATCH` or `DELETE`"),
            );
        }
        found
    }

    fn route_target(&mut self, node: &'a ast::Route) -> Option<RouteTarget> {
        let path = &node.target;
        match path.segments.as_slice() {
            [name] => {
                let composes = &self.model.composes;
                if let Some(id) = composes.ids().find(|id| composes[*id].name == name.as_str()) {
                    return Some(RouteTarget::Compose(id));
                }
                let hint = did_you_mean(name.as_str(), composes.iter().map(|it| it.name.as_str()));
                let hint = hint.or_else(|| Some("commands and queries are named with their path: `orders.Order.Place`, `orders.OrderList.by_id`".to_owned()));
                let message = format!("there is no composition `{}`", name.as_str());
                if !self.gateway_broken {
                    self.report_hint(Diagnostic::new(&codes::UNKNOWN_DECLARATION, name.span, message), hint);
                }
                None
            }
            [subdomain, owner, name] if name.is_capitalised() => {
                let id = self.find_subdomain(subdomain)?;
                let place = self.place(Owner::Subdomain(id));
                let aggregate = self.find_aggregate(place, std::slice::from_ref(owner))?;
                self.command_of(aggregate, name).map(RouteTarget::Command)
            }
            segments => {
                let segments: Vec<&ast::Ident> = segments.iter().collect();
                self.find_query(&segments).map(RouteTarget::Query)
            }
        }
    }

    /// Refuses what nobody is allowed to reach.
    fn exposable(&mut self, target: RouteTarget, span: Span) -> Option<()> {
        let (internal, declared, name) = match target {
            RouteTarget::Command(id) => {
                (self.model.commands[id].allow.is_internal(), self.model.commands[id].span, self.model.at(id).path())
            }
            RouteTarget::Query(id) => {
                (self.model.queries[id].allow.is_internal(), self.model.queries[id].span, self.model.at(id).path())
            }
            RouteTarget::Compose(_) => return Some(()),
        };
        if !internal {
            return Some(());
        }
        let message = format!("`{name}` says nobody may reach it from outside");
        self.report(
            Diagnostic::new(&checks::NOT_ALLOWED, span, message)
                .label(declared, "has no `allow`")
                .hint("say who may: `allow role(…)`, or `allow anyone`"),
        );
        None
    }

    fn routes_by_convention(&mut self, subdomain: Id<model::Subdomain>) -> Vec<Route> {
        let mut routes = Vec::new();
        for aggregate in &self.model.subdomains[subdomain].aggregates {
            let base = literal(&plural(&self.model.aggregates[*aggregate].name));
            for id in &self.model.aggregates[*aggregate].commands {
                let command = &self.model.commands[*id];
                if command.allow.is_internal() {
                    continue;
                }
                let creates = self.model.aggregates[*aggregate]
                    .commands
                    .iter()
                    .filter(|it| self.model.commands[**it].creates && !self.model.commands[**it].allow.is_internal());
                let path = match (command.creates, creates.clone().next() == Some(id)) {
                    (true, true) => vec![base.clone()],
                    (true, false) => vec![base.clone(), literal(&kebab(&command.name))],
                    (false, _) => vec![base.clone(), Segment::Id(Name::from("id")), literal(&kebab(&command.name))],
                };
                routes.push(Route {
                    method: Method::Post,
                    path,
                    target: RouteTarget::Command(*id),
                    explicit: false,
                    span: command.span,
                });
            }
        }
        for view in &self.model.subdomains[subdomain].views {
            let base = literal(&self.collection_of(*view));
            for id in &self.model.views[*view].queries {
                let query = &self.model.queries[*id];
                if query.allow.is_internal() {
                    continue;
                }
                let path = match query.kind {
                    QueryKind::ById => vec![
                        base.clone(),
                        Segment::Param(0, query.params.first().map_or_else(|| Name::from("id"), |it| it.name.clone())),
                    ],
                    // A query's name is as its callers write it in a composition.
                    QueryKind::ByIds | QueryKind::Declared => vec![base.clone(), literal(&query.name)],
                };
                routes.push(Route {
                    method: Method::Get,
                    path,
                    target: RouteTarget::Query(*id),
                    explicit: false,
                    span: query.span,
                });
            }
        }
        routes
    }

    /// Under which collection a view's queries are: that of the aggregate whose ids are its keys, if that is its own subdomain's, else its own name.
    fn collection_of(&self, view: Id<model::View>) -> String {
        let view = &self.model.views[view];
        match view.columns.first().map(|it| &it.ty) {
            Some(Ty::Id(id)) if self.model.aggregates[*id].subdomain == view.subdomain => {
                plural(&self.model.aggregates[*id].name)
            }
            _ => kebab(&view.name),
        }
    }
}

fn literal(text: &str) -> Segment {
    Segment::Literal(Arc::from(text))
}

fn plural(name: &str) -> String {
    format!("{}s", kebab(name))
}

/// `OrderLine` and `order_line` as `order-line`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter == '_' {
            text.push('-');
            continue;
        }
        if letter.is_uppercase() && !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// Whether a request could be meant for both: the same method, and in each segment the same text or a parameter in both.
/// (Where one has a text and the other a parameter, the text wins.)
fn collide(a: &Route, b: &Route) -> bool {
    a.method == b.method
        && a.path.len() == b.path.len()
        && a.path.iter().zip(&b.path).all(|pair| match pair {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::Literal(_), _) | (_, Segment::Literal(_)) => false,
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::kebab;

    #[test]
    fn words_are_joined_by_hyphens() {
        assert_eq!(kebab("OrderLine"), "order-line");
        assert_eq!(kebab("Order"), "order");
    }
}
