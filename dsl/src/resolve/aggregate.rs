//! The state of aggregates: fields, lifecycle, computed members.

use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names as codes};
use crate::draft::{Draft, docs};
use crate::model::{self, Computed, Field, Id, Name, Owner, Ty};
use crate::resolve::body::{Body, Itself, Sight};

impl<'a> Draft<'a> {
    pub(crate) fn resolve_states(&mut self) {
        for id in self.model.aggregates.ids() {
            let node = self.nodes.aggregates[id.index()];
            self.incomplete[id.index()] = !node.broken.is_empty();
            if let Some(own) = &node.id {
                self.report(
                    Diagnostic::new(&checks::NOT_YET, own.ty.span, "keys of one's own are not available yet")
                        .hint("remove it: every aggregate has an id of its own"),
                );
            }
            self.lifecycle(id, node);
            self.state_fields(id, node);
        }
    }

    fn lifecycle(&mut self, id: Id<model::Aggregate>, node: &'a ast::Aggregate) {
        let Some(lifecycle) = node.lifecycles.first() else { return };
        for other in &node.lifecycles[1..] {
            let message = "an aggregate has one lifecycle";
            self.report(
                Diagnostic::new(&codes::SECOND, other.span, message)
                    .label(lifecycle.span, "the first one")
                    .hint("draw all transitions in one"),
            );
        }
        let mut states: Vec<model::State> = Vec::new();
        let mut transitions = Vec::new();
        for arrow in &lifecycle.transitions {
            let from: Vec<u32> = arrow.from.iter().map(|it| self.state(&mut states, it)).collect();
            let to: Vec<u32> = arrow.to.iter().map(|it| self.state(&mut states, it)).collect();
            for from in &from {
                for to in &to {
                    if transitions.contains(&(*from, *to)) {
                        let message = format!(
                            "`{} -> {}` is drawn twice",
                            states[*from as usize].name, states[*to as usize].name
                        );
                        self.report(Diagnostic::new(&codes::DUPLICATE, arrow.span, message).hint("draw it once"));
                    } else {
                        transitions.push((*from, *to));
                    }
                }
            }
        }
        let name = self.intern(lifecycle.name.as_str());
        let lifecycle =
            model::Lifecycle { name, docs: docs(&lifecycle.doc), span: lifecycle.name.span, states, transitions };
        self.model.aggregates[id].lifecycle = Some(lifecycle);
    }

    fn state(&mut self, states: &mut Vec<model::State>, ident: &'a ast::Ident) -> u32 {
        if let Some(index) = states.iter().position(|it| it.name == ident.as_str()) {
            return index as u32;
        }
        states.push(model::State {
            name: self.intern(ident.as_str()),
            docs: None,
            span: ident.span,
            initial: false,
            fields: Vec::new(),
        });
        states.len() as u32 - 1
    }

    fn state_fields(&mut self, id: Id<model::Aggregate>, node: &'a ast::Aggregate) {
        let place = self.place(Owner::Aggregate(id));
        let mut all: Vec<(&'a ast::Field, Option<u32>)> = node.fields.iter().map(|it| (it, None)).collect();
        for block in &node.states {
            let state = self.find_state(id, &block.name);
            if let (Some(index), Some(lifecycle)) = (state, &mut self.model.aggregates[id].lifecycle) {
                lifecycle.states[index as usize].docs = docs(&block.doc);
            }
            // Fields of a state that does not exist stay fields, so that their users are not reported too.
            all.extend(block.fields.iter().map(|it| (it, state)));
            self.incomplete[id.index()] |= state.is_none();
        }
        let status = node.lifecycles.first().map(|it| &it.name);
        let mut seen: Vec<&'a ast::Ident> = status.into_iter().collect();
        for (field, state) in all {
            if let Some(first) = seen.iter().find(|it| it.text == field.name.text) {
                let message = format!("the field `{}` is declared twice", field.name.as_str());
                self.report(
                    Diagnostic::new(&codes::DUPLICATE, field.name.span, message)
                        .at("declared again here")
                        .label(first.span, "first declared here")
                        .hint("give one of them another name, or remove it"),
                );
                continue;
            }
            seen.push(&field.name);
            if field.name.as_str() == "id" {
                self.report(
                    Diagnostic::new(&codes::RESERVED, field.name.span, "every aggregate has an `id` already")
                        .hint("give the field another name"),
                );
                continue;
            }
            let ty = self.ty(place, &field.ty);
            self.unique(field, &ty);
            let name = self.intern(field.name.as_str());
            let index = self.model.aggregates[id].fields.len() as u32;
            self.model.aggregates[id].fields.push(Field {
                name,
                docs: docs(&field.doc),
                span: field.name.span,
                ty,
                unique: field.unique.is_some(),
                state,
            });
            if let (Some(state), Some(lifecycle)) = (state, &mut self.model.aggregates[id].lifecycle) {
                lifecycle.states[state as usize].fields.push(index);
            }
        }
    }

    fn unique(&mut self, field: &'a ast::Field, ty: &Ty) {
        let Some(span) = field.unique else { return };
        if ty.is_collection() {
            self.report(
                Diagnostic::new(&checks::UNIQUE, span, "a collection cannot be `unique`")
                    .hint("only a single value can"),
            );
        }
    }

    /// `let` members, in an order in which each reads only those before it.
    pub(crate) fn resolve_computed(&mut self) {
        for id in self.model.aggregates.ids() {
            let node = self.nodes.aggregates[id.index()];
            let members = crate::names::distinct(self, "the member", &node.lets, |it| &it.name);
            let mut members: Vec<&'a ast::Let> = members;
            members.retain(|member| {
                let taken = self.model.aggregates[id]
                    .fields
                    .iter()
                    .find(|it| it.name == member.name.as_str())
                    .map(|it| it.span);
                if let Some(first) = taken {
                    let message = format!("the name `{}` is declared twice", member.name.as_str());
                    self.report(
                        Diagnostic::new(&codes::DUPLICATE, member.name.span, message)
                            .label(first, "first declared here")
                            .hint("give one of them another name"),
                    );
                }
                taken.is_none()
            });
            let mut order = Vec::new();
            let mut state = vec![0u8; members.len()];
            for index in 0..members.len() {
                self.order_member(&members, index, &mut state, &mut order);
            }
            for index in order {
                self.computed(id, members[index]);
            }
        }
    }

    fn order_member(&mut self, members: &[&'a ast::Let], index: usize, state: &mut [u8], order: &mut Vec<usize>) {
        if state[index] != 0 {
            return;
        }
        state[index] = 1;
        let mut read = Vec::new();
        names_in(&members[index].value, &mut read);
        for name in read {
            let Some(other) = members.iter().position(|it| it.name.as_str() == name) else { continue };
            if state[other] == 1 && !self.circular.contains(&members[other].name.span) {
                let message = format!("`{name}` is computed of itself");
                self.circular.push(members[other].name.span);
                self.report(
                    Diagnostic::new(&crate::diagnostic::types::RECURSIVE, members[other].name.span, message)
                        .label(members[index].value.span, "here"),
                );
            }
            self.order_member(members, other, state, order);
        }
        state[index] = 2;
        order.push(index);
    }

    fn computed(&mut self, id: Id<model::Aggregate>, member: &'a ast::Let) {
        let place = self.place(Owner::Aggregate(id));
        let mut sight = Sight::new("a computed member");
        (sight.itself, sight.bare) = (Itself::Aggregate(id), true);
        let circular = self.circular.contains(&member.name.span);
        let mut body = Body::new(self, place, sight);
        let value = if circular { body.poison(member.value.span) } else { body.expr(&member.value, None) };
        let name: Name = self.intern(member.name.as_str());
        let ty = value.ty.clone();
        self.model.aggregates[id].computed.push(Computed {
            name,
            docs: docs(&member.doc),
            span: member.name.span,
            ty,
            value,
        });
    }
}

/// Every name that an expression reads, also where a variable hides it.
fn names_in<'a>(expr: &'a ast::Expr, names: &mut Vec<&'a str>) {
    use ast::ExprKind as K;
    match &expr.kind {
        K::Name(name) => names.push(name.as_str()),
        K::Field { base, name, .. } => {
            if matches!(base.kind, K::SelfRef) {
                names.push(name.as_str());
            }
            names_in(base, names);
        }
        K::Call { callee, args } => {
            names_in(callee, names);
            args.iter().for_each(|arg| names_in(&arg.value, names));
        }
        K::Build { args, .. } => args.iter().for_each(|arg| names_in(&arg.value, names)),
        K::Index { base, key } => {
            names_in(base, names);
            names_in(key, names);
        }
        K::Unary { operand, .. } => names_in(operand, names),
        K::Binary { left, right, .. } => {
            names_in(left, names);
            names_in(right, names);
        }
        K::Lambda { body, .. } => names_in(body, names),
        K::List(items) => items.iter().for_each(|item| names_in(item, names)),
        K::Literal(ast::Literal::Text(text)) => text.parts.iter().for_each(|part| {
            if let ast::TextPart::Expr(expr) = part {
                names_in(expr, names);
            }
        }),
        K::IfGiven(inner) => names_in(inner, names),
        K::Join { items, .. } => names_in(items, names),
        K::Literal(_) | K::Now | K::Caller | K::SelfRef | K::Env(_) | K::Broken => {}
    }
}
