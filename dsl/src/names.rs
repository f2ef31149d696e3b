//! First pass: every declaration gets its id and its place in a scope.
//!
//! Nothing is resolved here. What could not be read keeps its name as [`Symbol::Broken`], so that its users are not reported too;
//! the second declaration of a name is reported and left out.

use std::collections::HashMap;

use crate::ast;
use crate::diagnostic::{Diagnostic, names as codes};
use crate::draft::{Draft, docs};
use crate::model::{self, Id, Name, Owner, TypeRef};
use crate::source::Span;
use crate::suggest::did_you_mean;

/// What a name in a subdomain or in `shared` stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Symbol {
    Type(TypeRef),
    Aggregate(Id<model::Aggregate>),
    View(Id<model::View>),
    Saga,
    Policy,
    Port(Id<model::Port>),
    Error(Id<model::Error>),
    /// Reported already.
    Broken,
}

impl Symbol {
    /// As it is called in a message.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Symbol::Type(TypeRef::Named(_)) => "a type",
            Symbol::Type(TypeRef::Value(_)) => "a value",
            Symbol::Type(TypeRef::Enum(_)) => "an enum",
            Symbol::Aggregate(_) => "an aggregate",
            Symbol::View(_) => "a view",
            Symbol::Saga => "a saga",
            Symbol::Policy => "a policy",
            Symbol::Port(_) => "a port",
            Symbol::Error(_) => "an error",
            Symbol::Broken => "broken",
        }
    }
}

/// Names with what they stand for, in the order of their declaration.
#[derive(Default, Debug)]
pub(crate) struct Scope<'a> {
    symbols: HashMap<&'a str, (Symbol, Span)>,
    order: Vec<&'a str>,
}

impl<'a> Scope<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).map(|(symbol, _)| *symbol)
    }

    /// Names of what `wanted` accepts, in order.
    pub(crate) fn names_of(&self, wanted: impl Fn(Symbol) -> bool) -> impl Iterator<Item = &'a str> {
        self.order.iter().copied().filter(move |name| self.get(name).is_some_and(&wanted))
    }

    fn add(&mut self, name: &'a str, symbol: Symbol, span: Span) {
        self.symbols.insert(name, (symbol, span));
        self.order.push(name);
    }

    fn span(&self, name: &str) -> Option<Span> {
        self.symbols.get(name).map(|(_, span)| *span)
    }
}

/// Scopes that outlive the first pass.
#[derive(Default, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) shared: Scope<'a>,
    pub(crate) subdomains: HashMap<&'a str, Id<model::Subdomain>>,
    /// By subdomain.
    pub(crate) members: Vec<Scope<'a>>,
    /// A declaration without a readable name: whatever is not found may have been meant by it.
    pub(crate) anything_broken: bool,
}

/// Whether something that could not be read may have declared `name`: it has that name, or none that could be read, or holds several.
pub(crate) fn hides(broken: &[ast::Broken], name: &str) -> bool {
    broken.iter().any(|item| {
        let several = matches!(item.noun, ast::Noun::State | ast::Noun::Unknown);
        several || item.name.as_ref().is_none_or(|it| it.as_str() == name)
    })
}

/// Reports the second of two declarations.
fn duplicate(draft: &mut Draft<'_>, noun: &str, name: &str, first: Span, second: Span) {
    let message = format!("{noun} `{name}` is declared twice");
    draft.report(
        Diagnostic::new(&codes::DUPLICATE, second, message)
            .at("declared again here")
            .label(first, "first declared here")
            .hint("give one of them another name, or remove it"),
    );
}

/// Refuses the second of each name in a list; the first ones stay, in order.
pub(crate) fn distinct<'a, T>(
    draft: &mut Draft<'_>,
    noun: &str,
    items: &'a [T],
    name: impl Fn(&'a T) -> &'a ast::Ident,
) -> Vec<&'a T> {
    let mut kept: Vec<&'a T> = Vec::with_capacity(items.len());
    for item in items {
        let ident = name(item);
        match kept.iter().find(|other| name(other).text == ident.text) {
            Some(first) => duplicate(draft, noun, ident.as_str(), name(first).span, ident.span),
            None => kept.push(item),
        }
    }
    kept
}

impl<'a> Draft<'a> {
    /// The pass.
    pub(crate) fn declare(&mut self, files: &'a [ast::File]) {
        self.declare_system(files);
        for file in files {
            for shared in &file.shared {
                self.declare_types(Owner::Shared, &shared.types, &shared.values, &shared.enums);
                self.declare_broken(None, &shared.broken);
            }
            self.names.anything_broken |= file.broken.iter().any(|broken| broken.name.is_none());
        }
        for file in files {
            for subdomain in &file.subdomains {
                self.declare_subdomain(file, subdomain);
            }
        }
        for file in files {
            for broken in &file.broken {
                if let (ast::Noun::Subdomain, Some(name)) = (broken.noun, &broken.name) {
                    self.broken_subdomains.push(name.as_str());
                }
            }
        }
    }

    fn declare_system(&mut self, files: &'a [ast::File]) {
        let mut systems = files.iter().flat_map(|file| &file.systems);
        let broken = files.iter().any(|file| file.broken.iter().any(|broken| broken.noun == ast::Noun::System));
        if let Some(system) = systems.next() {
            self.model.system.name = self.intern(system.name.as_str());
            self.model.system.docs = docs(&system.doc);
            self.model.system.span = system.name.span;
            for other in systems {
                let message = "a spec describes one system";
                self.report(
                    Diagnostic::new(&codes::SECOND, other.span, message)
                        .label(system.span, "the system was named here")
                        .hint("remove one of the two lines"),
                );
            }
        } else if !broken && !self.names.anything_broken {
            let span =
                files.first().map_or(Span::new(crate::source::SourceId(0), 0, 0), |file| Span::new(file.source, 0, 0));
            if !files.is_empty() {
                self.report(
                    Diagnostic::new(&codes::NO_SYSTEM, span, "no file names the system")
                        .hint("begin one file with `system name`"),
                );
            }
        }
    }

    fn declare_broken(&mut self, subdomain: Option<Id<model::Subdomain>>, broken: &'a [ast::Broken]) {
        for item in broken {
            match &item.name {
                Some(name) => {
                    let scope = self.scope_mut(subdomain);
                    if scope.get(name.as_str()).is_none() {
                        scope.add(name.as_str(), Symbol::Broken, name.span);
                    }
                }
                None => self.names.anything_broken = true,
            }
        }
    }

    fn scope_mut(&mut self, subdomain: Option<Id<model::Subdomain>>) -> &mut Scope<'a> {
        match subdomain {
            Some(id) => &mut self.names.members[id.index()],
            None => &mut self.names.shared,
        }
    }

    /// Whether `name` is free in the scope; else reports.
    fn free(&mut self, subdomain: Option<Id<model::Subdomain>>, name: &ast::Ident) -> bool {
        let scope = self.scope_mut(subdomain);
        let Some(first) = scope.span(name.as_str()) else { return true };
        if scope.get(name.as_str()) != Some(Symbol::Broken) {
            duplicate(self, "the name", name.as_str(), first, name.span);
        }
        false
    }

    /// Types of `shared`, of a subdomain, an aggregate or a port. Those of aggregates and ports are not in the subdomain's scope.
    fn declare_types(
        &mut self,
        owner: Owner,
        types: &'a [ast::TypeDecl],
        values: &'a [ast::ValueDecl],
        enums: &'a [ast::EnumDecl],
    ) -> Vec<TypeRef> {
        enum Decl<'a> {
            Type(&'a ast::TypeDecl),
            Value(&'a ast::ValueDecl),
            Enum(&'a ast::EnumDecl),
        }
        let mut all: Vec<(&'a ast::Ident, Decl<'a>)> = Vec::new();
        all.extend(types.iter().map(|it| (&it.name, Decl::Type(it))));
        all.extend(values.iter().map(|it| (&it.name, Decl::Value(it))));
        all.extend(enums.iter().map(|it| (&it.name, Decl::Enum(it))));
        all.sort_by_key(|(name, _)| name.span);
        let scope = match owner {
            Owner::Shared => Some(None),
            Owner::Subdomain(id) => Some(Some(id)),
            Owner::Aggregate(_) | Owner::Port(_) => None,
        };
        let mut refs = Vec::with_capacity(all.len());
        let mut seen: Vec<&'a ast::Ident> = Vec::new();
        for (ident, decl) in all {
            if let Some(scope) = scope {
                if !self.free(scope, ident) {
                    continue;
                }
            } else if let Some(first) = seen.iter().find(|other| other.text == ident.text) {
                duplicate(self, "the name", ident.as_str(), first.span, ident.span);
                continue;
            }
            seen.push(ident);
            let (name, span) = (self.intern(ident.as_str()), ident.span);
            let it = match decl {
                Decl::Type(node) => {
                    self.nodes.named_types.push(node);
                    let base = model::Base::Int;
                    TypeRef::Named(self.model.named_types.push(model::NamedType {
                        name,
                        docs: docs(&node.doc),
                        span,
                        owner,
                        base,
                        rule: model::Rule::default(),
                    }))
                }
                Decl::Value(node) => {
                    self.nodes.values.push(node);
                    TypeRef::Value(self.model.values.push(model::Value {
                        name,
                        docs: docs(&node.doc),
                        span,
                        owner,
                        fields: Vec::new(),
                    }))
                }
                Decl::Enum(node) => {
                    let cases = distinct(self, "the case", &node.variants, |case| &case.name);
                    let cases = cases
                        .iter()
                        .map(|case| model::Case {
                            name: self.intern(case.name.as_str()),
                            docs: docs(&case.doc),
                            span: case.name.span,
                        })
                        .collect();
                    TypeRef::Enum(self.model.enums.push(model::Enum {
                        name,
                        docs: docs(&node.doc),
                        span,
                        owner,
                        cases,
                    }))
                }
            };
            if let Some(scope) = scope {
                self.scope_mut(scope).add(ident.as_str(), Symbol::Type(it), span);
            }
            match owner {
                Owner::Shared => self.model.system.types.push(it),
                Owner::Subdomain(id) => self.model.subdomains[id].types.push(it),
                Owner::Aggregate(id) => {
                    let subdomain = self.model.aggregates[id].subdomain;
                    self.model.subdomains[subdomain].types.push(it);
                }
                Owner::Port(id) => {
                    let subdomain = self.model.ports[id].subdomain;
                    self.model.subdomains[subdomain].types.push(it);
                }
            }
            refs.push(it);
        }
        refs
    }

    fn declare_subdomain(&mut self, file: &'a ast::File, node: &'a ast::Subdomain) {
        let name = node.name.as_str();
        let id = match self.names.subdomains.get(name) {
            Some(id) => *id,
            None => {
                let subdomain = model::Subdomain {
                    name: self.intern(name),
                    docs: None,
                    span: node.name.span,
                    files: Vec::new(),
                    types: Vec::new(),
                    aggregates: Vec::new(),
                    views: Vec::new(),
                    view_groups: Vec::new(),
                    sagas: Vec::new(),
                    policies: Vec::new(),
                    ports: Vec::new(),
                    errors: Vec::new(),
                    contracts: model::Contracts::default(),
                };
                let id = self.model.subdomains.push(subdomain);
                self.names.subdomains.insert(name, id);
                self.names.members.push(Scope::default());
                id
            }
        };
        let subdomain = &mut self.model.subdomains[id];
        if subdomain.docs.is_none() {
            subdomain.docs = docs(&node.doc);
        }
        if !subdomain.files.contains(&file.source) {
            subdomain.files.push(file.source);
        }
        self.declare_broken(Some(id), &node.broken);
        self.declare_types(Owner::Subdomain(id), &node.types, &node.values, &node.enums);
        for error in &node.errors {
            if self.free(Some(id), &error.name) {
                let error_id = self.declare_error(Owner::Subdomain(id), error);
                self.model.subdomains[id].errors.push(error_id);
                self.scope_mut(Some(id)).add(error.name.as_str(), Symbol::Error(error_id), error.name.span);
            }
        }
        for aggregate in &node.aggregates {
            if self.free(Some(id), &aggregate.name) {
                self.declare_aggregate(id, aggregate);
            }
        }
        for view in &node.views {
            if self.free(Some(id), &view.name) {
                self.declare_view(id, view);
            }
        }
        for saga in &node.sagas {
            if self.free(Some(id), &saga.name) {
                self.scope_mut(Some(id)).add(saga.name.as_str(), Symbol::Saga, saga.name.span);
                self.sagas.push((id, saga));
            }
        }
        for policy in &node.policies {
            if self.free(Some(id), &policy.name) {
                self.scope_mut(Some(id)).add(policy.name.as_str(), Symbol::Policy, policy.name.span);
                self.policies.push((id, policy));
            }
        }
        for port in &node.ports {
            if self.free(Some(id), &port.name) {
                self.declare_port(id, port);
            }
        }
    }

    fn declare_error(&mut self, owner: Owner, node: &'a ast::ErrorDecl) -> Id<model::Error> {
        self.nodes.errors.push(node);
        let (name, span) = (self.intern(node.name.as_str()), node.name.span);
        self.model.errors.push(model::Error {
            name,
            docs: docs(&node.doc),
            span,
            owner,
            fields: Vec::new(),
            message: Vec::new(),
        })
    }

    fn declare_aggregate(&mut self, subdomain: Id<model::Subdomain>, node: &'a ast::Aggregate) {
        let aggregate = model::Aggregate {
            name: self.intern(node.name.as_str()),
            docs: docs(&node.doc),
            span: node.name.span,
            subdomain,
            fields: Vec::new(),
            computed: Vec::new(),
            lifecycle: None,
            commands: Vec::new(),
            events: Vec::new(),
            errors: Vec::new(),
            timers: Vec::new(),
            views: Vec::new(),
        };
        let id = self.model.aggregates.push(aggregate);
        self.nodes.aggregates.push(node);
        self.model.subdomains[subdomain].aggregates.push(id);
        self.scope_mut(Some(subdomain)).add(node.name.as_str(), Symbol::Aggregate(id), node.name.span);
        let types = self.declare_types(Owner::Aggregate(id), &[], &node.values, &node.enums);
        self.types_of_aggregate.push(types);
        for command in distinct(self, "the command", &node.commands, |it| &it.name) {
            self.nodes.commands.push(command);
            let command = model::Command {
                name: self.intern(command.name.as_str()),
                docs: docs(&command.doc),
                span: command.name.span,
                aggregate: id,
                creates: command.kind == ast::CommandKind::Create,
                params: Vec::new(),
                when: None,
                done_when: Vec::new(),
                allow: model::Allow::Internal,
                reads: Vec::new(),
                body: Vec::new(),
                refusals: Vec::new(),
            };
            let command = self.model.commands.push(command);
            self.model.aggregates[id].commands.push(command);
        }
        for event in distinct(self, "the event", &node.events, |it| &it.name) {
            self.nodes.events.push(event);
            let event = model::Event {
                name: self.intern(event.name.as_str()),
                docs: docs(&event.doc),
                span: event.name.span,
                aggregate: id,
                payload: Vec::new(),
                enters: None,
                changes_nothing: event.changes_nothing.is_some(),
                creates: false,
                effects: Vec::new(),
            };
            let event = self.model.events.push(event);
            self.model.aggregates[id].events.push(event);
        }
        for error in distinct(self, "the error", &node.errors, |it| &it.name) {
            let error = self.declare_error(Owner::Aggregate(id), error);
            self.model.aggregates[id].errors.push(error);
        }
    }

    fn declare_view(&mut self, subdomain: Id<model::Subdomain>, node: &'a ast::View) {
        let view = model::View {
            name: self.intern(node.name.as_str()),
            docs: docs(&node.doc),
            span: node.name.span,
            subdomain,
            columns: Vec::new(),
            source: model::ViewSource::Events { handlers: Vec::new(), ignored: Vec::new(), open: Vec::new() },
            allow: model::Allow::Internal,
            queries: Vec::new(),
        };
        let id = self.model.views.push(view);
        self.nodes.views.push(node);
        self.model.subdomains[subdomain].views.push(id);
        self.scope_mut(Some(subdomain)).add(node.name.as_str(), Symbol::View(id), node.name.span);
        let written = distinct(self, "the query", &node.queries, |it| &it.name);
        let comes_with = node.allow.is_some() || matches!(node.source, ast::ViewSource::State { .. });
        for name in ["by_id", "by_ids"] {
            if comes_with && !written.iter().any(|query| query.name.as_str() == name) {
                let kind = if name == "by_id" { model::QueryKind::ById } else { model::QueryKind::ByIds };
                let answer = if name == "by_id" { model::Answer::Row } else { model::Answer::Rows };
                let name = self.intern(name);
                self.declare_query(id, (name, node.name.span), kind, answer, None);
            }
        }
        for query in written {
            let answer = match query.result {
                ast::QueryResult::Row => model::Answer::Row,
                ast::QueryResult::Page => model::Answer::Page,
            };
            let kind = if query.name.as_str() == "by_id" { model::QueryKind::ById } else { model::QueryKind::Declared };
            let name = self.intern(query.name.as_str());
            self.declare_query(id, (name, query.name.span), kind, answer, Some(query));
        }
    }

    fn declare_query(
        &mut self,
        view: Id<model::View>,
        (name, span): (Name, Span),
        kind: model::QueryKind,
        answer: model::Answer,
        node: Option<&'a ast::Query>,
    ) {
        self.nodes.queries.push(node);
        let docs = node.and_then(|node| docs(&node.doc));
        let query = model::Query {
            name,
            docs,
            span,
            view,
            kind,
            params: Vec::new(),
            answer,
            allow: model::Allow::Internal,
            filter: None,
            order: Vec::new(),
        };
        let id = self.model.queries.push(query);
        self.model.views[view].queries.push(id);
    }

    fn declare_port(&mut self, subdomain: Id<model::Subdomain>, node: &'a ast::Port) {
        let port = model::Port {
            name: self.intern(node.name.as_str()),
            docs: docs(&node.doc),
            span: node.name.span,
            subdomain,
            operations: Vec::new(),
            types: Vec::new(),
            errors: Vec::new(),
        };
        let id = self.model.ports.push(port);
        self.nodes.ports.push(node);
        self.model.subdomains[subdomain].ports.push(id);
        self.scope_mut(Some(subdomain)).add(node.name.as_str(), Symbol::Port(id), node.name.span);
        self.model.ports[id].types = self.declare_types(Owner::Port(id), &node.types, &node.values, &node.enums);
        for error in distinct(self, "the error", &node.errors, |it| &it.name) {
            let error = self.declare_error(Owner::Port(id), error);
            self.model.ports[id].errors.push(error);
        }
        for operation in distinct(self, "the operation", &node.operations, |it| &it.name) {
            self.nodes.operations.push(operation);
            let operation = model::Operation {
                name: self.intern(operation.name.as_str()),
                docs: docs(&operation.doc),
                span: operation.name.span,
                port: id,
                params: Vec::new(),
                answer: None,
                errors: Vec::new(),
                reads: operation.reads.is_some(),
            };
            let operation = self.model.operations.push(operation);
            self.model.ports[id].operations.push(operation);
        }
    }

    /// The subdomain with this name; reports and answers `None` where there is none.
    pub(crate) fn find_subdomain(&mut self, name: &ast::Ident) -> Option<Id<model::Subdomain>> {
        if let Some(id) = self.names.subdomains.get(name.as_str()) {
            return Some(*id);
        }
        if !self.broken_subdomains.contains(&name.as_str()) && !self.names.anything_broken {
            let known: Vec<&str> = self.model.subdomains.iter().map(|it| it.name.as_str()).collect();
            let hint = did_you_mean(name.as_str(), known.iter().copied());
            self.report_hint(
                Diagnostic::new(
                    &codes::UNKNOWN_SUBDOMAIN,
                    name.span,
                    format!("there is no subdomain `{}`", name.as_str()),
                ),
                hint,
            );
        }
        None
    }
}
