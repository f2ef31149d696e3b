//! What a path names: aggregates, commands, events, errors, views, queries, operations. Each reports what it does not find, once.

use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names as codes};
use crate::draft::Draft;
use crate::model::{self, Id};
use crate::names::{Symbol, hides};
use crate::source::Span;
use crate::suggest::did_you_mean;
use crate::types::Place;

impl<'a> Draft<'a> {
    fn unknown(&mut self, span: Span, message: String, hint: Option<String>) {
        self.report_hint(Diagnostic::new(&codes::UNKNOWN_DECLARATION, span, message), hint);
    }

    /// A member of the subdomain at hand, or of the one that the path begins with. The first of the answer says whether it is foreign.
    fn symbol(
        &mut self,
        place: Place,
        path: &[ast::Ident],
        noun: &str,
        wanted: fn(Symbol) -> bool,
    ) -> Option<(bool, Symbol)> {
        let (subdomain, name) = match path {
            [name] => (place.subdomain, name),
            [subdomain, name] => (Some(self.find_subdomain(subdomain)?), name),
            _ => return None,
        };
        let found = subdomain.and_then(|id| self.names.members[id.index()].get(name.as_str()));
        match found {
            Some(Symbol::Broken) => None,
            Some(symbol) if wanted(symbol) => Some((subdomain != place.subdomain, symbol)),
            Some(symbol) => {
                let message = format!("`{}` is {}, not {noun}", name.as_str(), symbol.kind());
                self.report(Diagnostic::new(&codes::WRONG_KIND, name.span, message));
                None
            }
            None => {
                if self.names.anything_broken {
                    return None;
                }
                let hint = self.symbol_hint(subdomain, name.as_str(), wanted);
                let within = subdomain.map_or(String::new(), |id| format!(" in `{}`", self.model.subdomains[id].name));
                let noun = noun.trim_start_matches("an ").trim_start_matches("a ");
                self.unknown(name.span, format!("there is no {noun} `{}`{within}", name.as_str()), hint);
                None
            }
        }
    }

    /// The nearest name, or the subdomain that has just this one.
    fn symbol_hint(
        &self,
        subdomain: Option<Id<model::Subdomain>>,
        name: &str,
        wanted: fn(Symbol) -> bool,
    ) -> Option<String> {
        let near = subdomain.and_then(|id| did_you_mean(name, self.names.members[id.index()].names_of(wanted)));
        near.or_else(|| {
            let home =
                self.model.subdomains.ids().find(|id| self.names.members[id.index()].get(name).is_some_and(wanted))?;
            Some(format!("did you mean `{}.{name}`?", self.model.subdomains[home].name))
        })
    }

    pub(crate) fn find_aggregate(&mut self, place: Place, path: &[ast::Ident]) -> Option<Id<model::Aggregate>> {
        if path.len() > 2 {
            let span = path[0].span.to(path[path.len() - 1].span);
            self.unknown(
                span,
                "this names no aggregate".to_owned(),
                Some("an aggregate is named `Aggregate` or `subdomain.Aggregate`".to_owned()),
            );
            return None;
        }
        match self.symbol(place, path, "an aggregate", |symbol| matches!(symbol, Symbol::Aggregate(_)))? {
            (_, Symbol::Aggregate(id)) => Some(id),
            _ => None,
        }
    }

    /// A view of the subdomain at hand.
    pub(crate) fn find_view(&mut self, place: Place, name: &ast::Ident) -> Option<Id<model::View>> {
        match self.symbol(place, std::slice::from_ref(name), "a view", |symbol| matches!(symbol, Symbol::View(_)))? {
            (_, Symbol::View(id)) => Some(id),
            _ => None,
        }
    }

    /// A view of the subdomain at hand, by a path; one of another subdomain is refused.
    pub(crate) fn find_own_view(&mut self, place: Place, path: &ast::Path) -> Option<Id<model::View>> {
        match self.symbol(place, &path.segments, "a view", |symbol| matches!(symbol, Symbol::View(_)))? {
            (false, Symbol::View(id)) => Some(id),
            _ => {
                let message = format!("`{}` is a view of another subdomain", path.text());
                self.report(
                    Diagnostic::new(&checks::ISOLATION, path.span, message)
                        .hint("keep a view of your own, fed by its events"),
                );
                None
            }
        }
    }

    /// `Order.Placed`, `catalog.Product.Added`.
    pub(crate) fn find_event(&mut self, place: Place, path: &ast::Path) -> Option<Id<model::Event>> {
        let [owner @ .., name] = path.segments.as_slice() else { return None };
        if owner.is_empty() {
            let message = format!("`{}` does not say whose event it is", name.as_str());
            let home = place.subdomain.and_then(|id| self.event_home(id, name.as_str()));
            let hint = home
                .map_or("an event is named `Aggregate.Event` or `subdomain.Aggregate.Event`".to_owned(), |home| {
                    format!("did you mean `{home}.{}`?", name.as_str())
                });
            self.unknown(name.span, message, Some(hint));
            return None;
        }
        let aggregate = self.find_aggregate(place, owner)?;
        self.event_of(aggregate, name)
    }

    fn event_home(&self, subdomain: Id<model::Subdomain>, name: &str) -> Option<String> {
        let aggregates = &self.model.subdomains[subdomain].aggregates;
        let home = aggregates
            .iter()
            .find(|id| self.model.aggregates[**id].events.iter().any(|event| self.model.events[*event].name == name))?;
        Some(self.model.aggregates[*home].name.to_string())
    }

    pub(crate) fn event_of(&mut self, aggregate: Id<model::Aggregate>, name: &ast::Ident) -> Option<Id<model::Event>> {
        let events = &self.model.aggregates[aggregate].events;
        if let Some(id) = events.iter().find(|id| self.model.events[**id].name == name.as_str()) {
            return Some(*id);
        }
        if hides(&self.nodes.aggregates[aggregate.index()].broken, name.as_str()) {
            return None;
        }
        let hint = did_you_mean(name.as_str(), events.iter().map(|id| self.model.events[*id].name.as_str()));
        let message = format!("`{}` has no event `{}`", self.model.aggregates[aggregate].name, name.as_str());
        self.unknown(name.span, message, hint);
        None
    }

    pub(crate) fn command_of(
        &mut self,
        aggregate: Id<model::Aggregate>,
        name: &ast::Ident,
    ) -> Option<Id<model::Command>> {
        let commands = &self.model.aggregates[aggregate].commands;
        if let Some(id) = commands.iter().find(|id| self.model.commands[**id].name == name.as_str()) {
            return Some(*id);
        }
        if hides(&self.nodes.aggregates[aggregate.index()].broken, name.as_str()) {
            return None;
        }
        let hint = did_you_mean(name.as_str(), commands.iter().map(|id| self.model.commands[*id].name.as_str()));
        let message = format!("`{}` has no command `{}`", self.model.aggregates[aggregate].name, name.as_str());
        self.unknown(name.span, message, hint);
        None
    }

    /// An error of the aggregate or port at hand, or of the subdomain.
    pub(crate) fn find_error(&mut self, place: Place, path: &ast::Path) -> Option<Id<model::Error>> {
        let [name] = path.segments.as_slice() else {
            let message = format!("`{}` is not an error of this aggregate", path.text());
            self.unknown(path.span, message, Some("errors are named without a path".to_owned()));
            return None;
        };
        let own = match (place.aggregate, place.port) {
            (Some(id), _) => self.model.aggregates[id].errors.clone(),
            (_, Some(id)) => self.model.ports[id].errors.clone(),
            _ => Vec::new(),
        };
        if let Some(id) = own.iter().find(|id| self.model.errors[**id].name == name.as_str()) {
            return Some(*id);
        }
        let scope = place.subdomain.map(|id| &self.names.members[id.index()]);
        match scope.and_then(|it| it.get(name.as_str())) {
            Some(Symbol::Error(id)) => return Some(id),
            Some(Symbol::Broken) => return None,
            _ => {}
        }
        let broken = match (place.aggregate, place.port) {
            (Some(id), _) => hides(&self.nodes.aggregates[id.index()].broken, name.as_str()),
            (_, Some(id)) => hides(&self.nodes.ports[id.index()].broken, name.as_str()),
            _ => false,
        };
        if broken {
            return None;
        }
        let shared = scope.into_iter().flat_map(|it| it.names_of(|symbol| matches!(symbol, Symbol::Error(_))));
        let hint = did_you_mean(name.as_str(), own.iter().map(|id| self.model.errors[*id].name.as_str()).chain(shared));
        let hint = hint.or_else(|| Some(format!("declare it: `error {}(…) \"…\"`", name.as_str())));
        self.unknown(name.span, format!("there is no error `{}` here", name.as_str()), hint);
        None
    }

    /// The index of a state of the aggregate's lifecycle.
    pub(crate) fn find_state(&mut self, aggregate: Id<model::Aggregate>, name: &ast::Ident) -> Option<u32> {
        let Some(lifecycle) = &self.model.aggregates[aggregate].lifecycle else {
            let broken = self.nodes.aggregates[aggregate.index()]
                .broken
                .iter()
                .any(|it| it.noun == ast::Noun::Lifecycle || it.name.is_none());
            if !broken {
                let message = format!(
                    "`{}` has no lifecycle, so there is no state `{}`",
                    self.model.aggregates[aggregate].name,
                    name.as_str()
                );
                let hint = "draw one: `lifecycle status { placed -> approved }`";
                self.report(Diagnostic::new(&codes::UNKNOWN_STATE, name.span, message).hint(hint));
            }
            return None;
        };
        if let Some(index) = lifecycle.states.iter().position(|it| it.name == name.as_str()) {
            return Some(index as u32);
        }
        let hint = did_you_mean(name.as_str(), lifecycle.states.iter().map(|it| it.name.as_str()));
        let (message, declared) = (format!("the lifecycle has no state `{}`", name.as_str()), lifecycle.span);
        self.report_hint(
            Diagnostic::new(&codes::UNKNOWN_STATE, name.span, message).label(declared, "the lifecycle"),
            hint,
        );
        None
    }

    pub(crate) fn find_role(&mut self, name: &ast::Ident) -> Option<Id<model::Role>> {
        if let Some(id) = self.model.roles.ids().find(|id| self.model.roles[*id].name == name.as_str()) {
            return Some(id);
        }
        if !self.caller_broken {
            let hint = did_you_mean(name.as_str(), self.model.roles.iter().map(|it| it.name.as_str()));
            let hint = hint.or_else(|| {
                self.model.roles.is_empty().then(|| "declare it: `caller { roles … from claim \"roles\" }`".to_owned())
            });
            self.report_hint(
                Diagnostic::new(&codes::UNKNOWN_CALLER, name.span, format!("there is no role `{}`", name.as_str())),
                hint,
            );
        }
        None
    }

    /// `orders.OrderList.by_id`.
    pub(crate) fn find_query(&mut self, path: &[&ast::Ident]) -> Option<Id<model::Query>> {
        let [subdomain, view, query] = path else {
            let span = path
                .first()
                .map_or(Span::new(crate::source::SourceId(0), 0, 0), |first| first.span.to(path[path.len() - 1].span));
            self.unknown(
                span,
                "this names no query".to_owned(),
                Some("a query is named `subdomain.View.query`".to_owned()),
            );
            return None;
        };
        let id = self.find_subdomain(subdomain)?;
        let place = Place { subdomain: Some(id), ..Place::default() };
        let view_id = self.find_view(place, view)?;
        let queries = &self.model.views[view_id].queries;
        if let Some(id) = queries.iter().find(|id| self.model.queries[**id].name == query.as_str()) {
            return Some(*id);
        }
        if hides(&self.nodes.views[view_id.index()].broken, query.as_str()) {
            return None;
        }
        let hint = did_you_mean(query.as_str(), queries.iter().map(|id| self.model.queries[*id].name.as_str()));
        let message = format!("the view `{}` has no query `{}`", view.as_str(), query.as_str());
        self.unknown(query.span, message, hint);
        None
    }

    /// The operation of a port.
    pub(crate) fn operation_of(&mut self, port: Id<model::Port>, name: &ast::Ident) -> Option<Id<model::Operation>> {
        let operations = &self.model.ports[port].operations;
        if let Some(id) = operations.iter().find(|id| self.model.operations[**id].name == name.as_str()) {
            return Some(*id);
        }
        if hides(&self.nodes.ports[port.index()].broken, name.as_str()) {
            return None;
        }
        let hint = did_you_mean(name.as_str(), operations.iter().map(|id| self.model.operations[*id].name.as_str()));
        let message = format!("the port `{}` has no operation `{}`", self.model.ports[port].name, name.as_str());
        self.unknown(name.span, message, hint);
        None
    }

    /// What `do A.B` is addressed to: an aggregate or a port.
    pub(crate) fn find_receiver(&mut self, place: Place, path: &[ast::Ident]) -> Option<Symbol> {
        let (foreign, symbol) = self.symbol(place, path, "an aggregate or a port", |symbol| {
            matches!(symbol, Symbol::Aggregate(_) | Symbol::Port(_))
        })?;
        if let (true, Symbol::Port(_)) = (foreign, symbol) {
            let span = path[0].span.to(path[path.len() - 1].span);
            self.report(
                Diagnostic::new(&checks::ISOLATION, span, "this is a port of another subdomain")
                    .hint("send a command to one of its aggregates, or declare a port here"),
            );
            return None;
        }
        Some(symbol)
    }
}
