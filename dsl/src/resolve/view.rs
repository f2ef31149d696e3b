//! Views: columns and handlers.

use crate::ast::{self, ViewSource};
use crate::diagnostic::{Diagnostic, checks, names as codes, types};
use crate::draft::{Draft, docs};
use crate::model::{self, Column, Event, Expr, ExprKind, Handler, HandlerCase, Id, Owner, Ty};
use crate::resolve::body::{Body, Itself, Sight};
use crate::resolve::event::stored;
use crate::source::Span;
use crate::suggest::did_you_mean;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_columns(&mut self) {
        for id in self.model.views.ids() {
            let node = self.nodes.views[id.index()];
            let broken =
                node.broken.iter().any(|it| matches!(it.noun, ast::Noun::Key | ast::Noun::Field | ast::Noun::Unknown));
            self.incomplete_views[id.index()] = broken;
            match &node.source {
                ViewSource::State { aggregate, fields } => self.columns_of_state(id, aggregate, fields),
                ViewSource::Events { keys, columns, .. } => self.columns_of_events(id, keys, columns),
            }
        }
    }

    fn columns_of_events(&mut self, id: Id<model::View>, keys: &'a [ast::Column], columns: &'a [ast::Column]) {
        let place = self.place(Owner::Subdomain(self.model.views[id].subdomain));
        if keys.is_empty() {
            self.poisoned_key(id);
        }
        let mut seen: Vec<&'a ast::Column> = Vec::new();
        let keyed = keys.iter().take(1).map(|it| (it, true));
        for (column, key) in keyed.chain(columns.iter().map(|it| (it, false))) {
            if let Some(first) = seen.iter().find(|it| it.name.text == column.name.text) {
                let message = format!("the column `{}` is declared twice", column.name.as_str());
                self.report(
                    Diagnostic::new(&codes::DUPLICATE, column.name.span, message)
                        .label(first.name.span, "first declared here")
                        .hint("give one of them another name, or remove it"),
                );
                continue;
            }
            seen.push(column);
            let ty = self.ty(place, &column.ty);
            if key && (matches!(ty, Ty::Optional(_)) || ty.is_collection()) {
                self.report(Diagnostic::new(
                    &types::MISMATCH,
                    column.ty.span,
                    "a key is never absent, and not a collection",
                ));
            }
            let name = self.intern(column.name.as_str());
            self.model.views[id].columns.push(Column {
                name,
                docs: docs(&column.doc),
                span: column.name.span,
                ty,
                indexed: column.indexed.is_some(),
            });
        }
    }

    /// The first column is the key, also where it could not be read.
    fn poisoned_key(&mut self, id: Id<model::View>) {
        self.incomplete_views[id.index()] = true;
        let (name, span) = (model::Name::from("id"), self.model.views[id].span);
        self.model.views[id].columns.push(Column { name, docs: None, span, ty: Ty::Poison, indexed: false });
    }

    fn columns_of_state(&mut self, id: Id<model::View>, path: &'a ast::Path, fields: &'a [ast::Ident]) {
        let subdomain = self.model.views[id].subdomain;
        let place = self.place(Owner::Subdomain(subdomain));
        let Some(aggregate) = self.find_aggregate(place, &path.segments) else {
            self.poisoned_key(id);
            return;
        };
        if self.model.aggregates[aggregate].subdomain != subdomain {
            let message = format!("`{}` belongs to another subdomain, whose state is its own", path.text());
            self.report(
                Diagnostic::new(&checks::ISOLATION, path.span, message)
                    .hint("follow its events instead: `on … as e { … }`"),
            );
            self.poisoned_key(id);
            return;
        }
        let span = self.model.views[id].span;
        let id_ty = Ty::Id(aggregate);
        let mut columns =
            vec![Column { name: model::Name::from("id"), docs: None, span, ty: id_ty.clone(), indexed: false }];
        let mut values = vec![Expr { kind: ExprKind::SelfId, ty: id_ty, span }];
        for field in crate::names::distinct(self, "the column", fields, |it| it) {
            let Some((column, value)) = self.column_of_state(aggregate, field) else {
                self.incomplete_views[id.index()] = true;
                continue;
            };
            columns.push(column);
            values.push(value);
        }
        self.model.aggregates[aggregate].views.push(id);
        let view = &mut self.model.views[id];
        view.columns = columns;
        view.source = model::ViewSource::Aggregate { aggregate, values };
    }

    fn column_of_state(&mut self, aggregate: Id<model::Aggregate>, ident: &'a ast::Ident) -> Option<(Column, Expr)> {
        let place = self.place(Owner::Aggregate(aggregate));
        let node = &self.model.aggregates[aggregate];
        let field = node.fields.iter().find(|it| it.name == ident.as_str());
        let member = node.computed.iter().find(|it| it.name == ident.as_str());
        let (docs, optional) = match (field, member) {
            (Some(field), _) => (field.docs.clone(), field.state.is_some()),
            (None, Some(member)) => (member.docs.clone(), false),
            (None, None) => (None, false),
        };
        let status = node.lifecycle.as_ref().is_some_and(|it| it.name == ident.as_str());
        if field.is_none() && member.is_none() && !status {
            let broken = crate::names::hides(&self.nodes.aggregates[aggregate.index()].broken, ident.as_str());
            if !broken {
                let known = node
                    .fields
                    .iter()
                    .map(|it| it.name.as_str())
                    .chain(node.computed.iter().map(|it| it.name.as_str()))
                    .chain(node.lifecycle.iter().map(|it| it.name.as_str()));
                let hint = did_you_mean(ident.as_str(), known);
                let message = format!("`{}` has no field `{}`", node.name, ident.as_str());
                self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, ident.span, message), hint);
            }
            return None;
        }
        let mut sight = Sight::new("a view");
        (sight.itself, sight.bare) = (Itself::Aggregate(aggregate), true);
        let mut body = Body::new(self, place, sight);
        let mut value = body.name(ident, None);
        let ty = stored(&value.ty);
        if value.ty == Ty::Base(model::Base::Decimal) {
            let message = format!("how many digits has `{}`?", ident.as_str());
            body.report(
                Diagnostic::new(&types::MISMATCH, ident.span, message)
                    .hint("a column of plain decimals has no size: compute with a named type"),
            );
        }
        value = body.coerce(value, &ty);
        // A field of one state is absent in the others; so is what cannot be computed.
        let ty = if optional { ty.optional() } else { ty };
        let value = body.coerce(value, &ty);
        let name = self.intern(ident.as_str());
        Some((Column { name, docs, span: ident.span, ty, indexed: false }, value))
    }

    pub(crate) fn resolve_handlers(&mut self) {
        for id in self.model.views.ids() {
            let node = self.nodes.views[id.index()];
            let ViewSource::Events { handlers, ignores, .. } = &node.source else { continue };
            let subdomain = self.model.views[id].subdomain;
            let place = self.place(Owner::Subdomain(subdomain));
            let mut taken: Vec<(Id<Event>, Span)> = Vec::new();
            let mut cases: Vec<Vec<Id<Event>>> = vec![Vec::new(); handlers.len()];
            let mut followed = Followed::default();
            // Named events first: a named handler wins over `*`, wherever it stands.
            for every in [false, true] {
                for (index, handler) in handlers.iter().enumerate() {
                    for pattern in handler.events.iter().filter(|it| it.every == every) {
                        let Some(events) = self.events_of(place, pattern, &mut followed) else {
                            followed.incomplete = true;
                            continue;
                        };
                        for event in events {
                            match taken.iter().find(|(it, _)| *it == event) {
                                None => {
                                    taken.push((event, pattern.span));
                                    cases[index].push(event);
                                }
                                Some((_, first)) if !every => self.handled_twice(pattern.span, *first, event),
                                Some(_) => {}
                            }
                        }
                    }
                }
            }
            let ignored = self.ignored(place, ignores, &taken, &mut followed);
            let mut model_handlers = Vec::with_capacity(handlers.len());
            for (handler, mut events) in handlers.iter().zip(cases) {
                events.sort_unstable();
                let handler = self.handler(id, handler, &events);
                // What is wrong with one of several events is usually wrong with all: once is enough, and no more is known.
                followed.incomplete |= handler.cases.len() < events.len();
                model_handlers.push(handler);
            }
            followed.incomplete |= node
                .broken
                .iter()
                .any(|it| matches!(it.noun, ast::Noun::Handler | ast::Noun::Ignore | ast::Noun::Unknown));
            if followed.incomplete {
                self.uncovered_views.push(id);
            }
            let open = followed.open;
            self.model.views[id].source = model::ViewSource::Events { handlers: model_handlers, ignored, open };
        }
    }

    fn handled_twice(&mut self, span: Span, first: Span, event: Id<Event>) {
        let message = format!("`{}` is handled twice", self.model.at(event).path());
        self.report(
            Diagnostic::new(&checks::HANDLED_TWICE, span, message)
                .label(first, "first handled here")
                .hint("put both into one handler"),
        );
    }

    /// The events that a pattern names.
    fn events_of(
        &mut self,
        place: crate::types::Place,
        pattern: &'a ast::EventPattern,
        followed: &mut Followed,
    ) -> Option<Vec<Id<Event>>> {
        if !pattern.every {
            return self.find_event(place, &pattern.path).map(|event| vec![event]);
        }
        let aggregate = self.find_aggregate(place, &pattern.path.segments)?;
        if !followed.open.contains(&aggregate) {
            followed.open.push(aggregate);
        }
        Some(self.model.aggregates[aggregate].events.clone())
    }

    fn ignored(
        &mut self,
        place: crate::types::Place,
        ignores: &'a [ast::Ignore],
        taken: &[(Id<Event>, Span)],
        followed: &mut Followed,
    ) -> Vec<Id<Event>> {
        let mut ignored: Vec<Id<Event>> = Vec::new();
        for pattern in ignores.iter().flat_map(|it| &it.events) {
            let Some(events) = self.events_of(place, pattern, followed) else {
                followed.incomplete = true;
                continue;
            };
            for event in events {
                match taken.iter().find(|(it, _)| *it == event) {
                    Some((_, first)) if !pattern.every => {
                        let message = format!("`{}` is handled and ignored", self.model.at(event).path());
                        self.report(
                            Diagnostic::new(&checks::HANDLED_TWICE, pattern.span, message)
                                .label(*first, "handled here")
                                .hint("remove one of the two"),
                        );
                    }
                    Some(_) => {}
                    None if !ignored.contains(&event) => ignored.push(event),
                    None => {}
                }
            }
        }
        ignored.sort_unstable();
        ignored
    }

    fn handler(&mut self, view: Id<model::View>, node: &'a ast::Handler, events: &[Id<Event>]) -> Handler {
        let place = self.place(Owner::Subdomain(self.model.views[view].subdomain));
        let alias = node.alias.as_ref().map(|alias| self.intern(alias.as_str()));
        let mut cases = Vec::with_capacity(events.len());
        for event in events {
            let mut sight = Sight::new("a view");
            (sight.event, sight.alias, sight.rows) = (Some(*event), alias.clone(), true);
            let mut body = Body::new(self, place, sight);
            let changes = body.row_changes(view, &node.body);
            let wrong = body.incomplete;
            cases.push(HandlerCase { event: *event, body: changes });
            if wrong {
                break;
            }
        }
        Handler { span: node.span, alias, cases }
    }
}

/// What a view follows, as its handlers and `ignore` say it.
#[derive(Default)]
struct Followed {
    open: Vec<Id<model::Aggregate>>,
    incomplete: bool,
}
