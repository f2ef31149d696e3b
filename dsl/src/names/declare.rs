//! Declarations get their ids, subdomain by subdomain.

use super::{Scope, Symbol, distinct, duplicate};
use crate::ast;
use crate::draft::{Draft, docs};
use crate::model::{self, Id, Name, Owner, TypeRef};
use crate::source::Span;

/// One declaration of a type, whichever word begins it.
enum Decl<'a> {
    Type(&'a ast::TypeDecl),
    Value(&'a ast::ValueDecl),
    Enum(&'a ast::EnumDecl),
}

impl<'a> Draft<'a> {
    /// Types of `shared`, of a subdomain, an aggregate or a port. Those of aggregates and ports are not in the subdomain's scope.
    pub(super) fn declare_types(
        &mut self,
        owner: Owner,
        types: &'a [ast::TypeDecl],
        values: &'a [ast::ValueDecl],
        enums: &'a [ast::EnumDecl],
    ) -> Vec<TypeRef> {
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
            let it = self.declare_type(owner, ident, decl);
            if let Some(scope) = scope {
                self.scope_mut(scope).add(ident.as_str(), Symbol::Type(it), ident.span);
            }
            refs.push(it);
        }
        refs
    }

    /// Gives a type its id, and its subdomain the type.
    fn declare_type(&mut self, owner: Owner, ident: &'a ast::Ident, decl: Decl<'a>) -> TypeRef {
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
                TypeRef::Enum(self.model.enums.push(model::Enum { name, docs: docs(&node.doc), span, owner, cases }))
            }
        };
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
        it
    }

    /// The subdomain of this name, which several blocks may describe.
    fn subdomain_named(&mut self, ident: &'a ast::Ident) -> Id<model::Subdomain> {
        if let Some(id) = self.names.subdomains.get(ident.as_str()) {
            return *id;
        }
        let subdomain = model::Subdomain {
            name: self.intern(ident.as_str()),
            docs: None,
            span: ident.span,
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
        self.names.subdomains.insert(ident.as_str(), id);
        self.names.members.push(Scope::default());
        id
    }

    pub(super) fn declare_subdomain(&mut self, file: &'a ast::File, node: &'a ast::Subdomain) {
        let id = self.subdomain_named(&node.name);
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
        self.declare_events(id, node);
    }

    fn declare_events(&mut self, id: Id<model::Aggregate>, node: &'a ast::Aggregate) {
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
}
