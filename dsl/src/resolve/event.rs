//! Events: payloads and effects; errors and their messages.

use crate::ast::{self, EventFieldKind};
use crate::diagnostic::{Diagnostic, names as codes, types};
use crate::draft::{Draft, docs};
use crate::model::{self, Effect, Expr, ExprKind, Id, MessagePiece, Origin, Owner, PayloadField, Ty};
use crate::resolve::body::{Body, Itself, Sight};
use crate::suggest::did_you_mean;

impl<'a> Draft<'a> {
    pub(crate) fn resolve_errors(&mut self) {
        for id in self.model.errors.ids() {
            let node = self.nodes.errors[id.index()];
            let place = self.place(self.model.errors[id].owner);
            self.model.errors[id].fields = self.fields(place, &node.fields);
            self.model.errors[id].message = self.message(id, node);
        }
    }

    fn message(&mut self, id: Id<model::Error>, node: &'a ast::ErrorDecl) -> Vec<MessagePiece> {
        let Some(text) = &node.message else {
            return vec![MessagePiece::Text(words(node.name.as_str()).into())];
        };
        let mut pieces = Vec::with_capacity(text.parts.len());
        for part in &text.parts {
            match part {
                ast::TextPart::Literal(literal) => pieces.push(MessagePiece::Text(literal.as_str().into())),
                ast::TextPart::Expr(ast::Expr { kind: ast::ExprKind::Name(name), .. }) => {
                    let fields = &self.model.errors[id].fields;
                    if let Some(index) = fields.iter().position(|it| it.name == name.as_str()) {
                        pieces.push(MessagePiece::Field(index as u32));
                        continue;
                    }
                    let hint = did_you_mean(name.as_str(), fields.iter().map(|it| it.name.as_str()));
                    let message = format!("the error `{}` has no field `{}`", node.name.as_str(), name.as_str());
                    self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, name.span, message), hint);
                }
                ast::TextPart::Expr(ast::Expr { kind: ast::ExprKind::Broken, .. }) => {}
                ast::TextPart::Expr(other) => {
                    self.report(
                        Diagnostic::new(
                            &types::NOT_HERE,
                            other.span,
                            "a message shows the fields of its error, nothing computed",
                        )
                        .hint("add a field to the error"),
                    );
                }
            }
        }
        pieces
    }

    pub(crate) fn resolve_events(&mut self) {
        for id in self.model.events.ids() {
            let node = self.nodes.events[id.index()];
            let aggregate = self.model.events[id].aggregate;
            let place = self.place(Owner::Aggregate(aggregate));
            let fields = crate::names::distinct(self, "the field", &node.fields, |it| &it.name);
            let mut payload = Vec::with_capacity(fields.len());
            for field in fields {
                if matches!(field.name.as_str(), "id" | "at" | "entered") {
                    let message = format!("`{}` belongs to the envelope of every event", field.name.as_str());
                    self.report(
                        Diagnostic::new(&codes::RESERVED, field.name.span, message).hint("give the field another name"),
                    );
                    self.incomplete_events.push(id);
                    continue;
                }
                let found = match &field.kind {
                    EventFieldKind::Plain(ty) => Some((self.ty(place, ty), Origin::Given)),
                    EventFieldKind::Set => self.set_field(aggregate, field),
                    EventFieldKind::Carry => self.carry_field(aggregate, field),
                };
                match found {
                    Some((ty, origin)) => {
                        let name = self.intern(field.name.as_str());
                        payload.push(PayloadField { name, docs: docs(&field.doc), span: field.name.span, ty, origin });
                    }
                    None => {
                        self.incomplete_events.push(id);
                        let name = self.intern(field.name.as_str());
                        payload.push(PayloadField {
                            name,
                            docs: None,
                            span: field.name.span,
                            ty: Ty::Poison,
                            origin: if matches!(field.kind, EventFieldKind::Carry) {
                                Origin::Carry(u32::MAX)
                            } else {
                                Origin::Given
                            },
                        });
                    }
                }
            }
            self.model.events[id].payload = payload;
            self.model.events[id].enters = node.enters.as_ref().and_then(|state| {
                let found = self.find_state(aggregate, state);
                self.incomplete[aggregate.index()] |= found.is_none();
                found
            });
        }
    }

    fn set_field(&mut self, aggregate: Id<model::Aggregate>, field: &'a ast::EventField) -> Option<(Ty, Origin)> {
        let fields = &self.model.aggregates[aggregate].fields;
        if let Some(index) = fields.iter().position(|it| it.name == field.name.as_str()) {
            return Some((fields[index].ty.clone(), Origin::Set(index as u32)));
        }
        self.no_state_field(aggregate, field, "set")
    }

    fn carry_field(&mut self, aggregate: Id<model::Aggregate>, field: &'a ast::EventField) -> Option<(Ty, Origin)> {
        let node = &self.model.aggregates[aggregate];
        if let Some(index) = node.fields.iter().position(|it| it.name == field.name.as_str()) {
            return Some((node.fields[index].ty.clone(), Origin::Carry(index as u32)));
        }
        if let Some(index) = node.computed.iter().position(|it| it.name == field.name.as_str()) {
            let ty = stored(&node.computed[index].ty);
            return Some((ty, Origin::CarryComputed(index as u32)));
        }
        self.no_state_field(aggregate, field, "carry")
    }

    fn no_state_field<T>(
        &mut self,
        aggregate: Id<model::Aggregate>,
        field: &'a ast::EventField,
        verb: &str,
    ) -> Option<T> {
        let broken = &self.nodes.aggregates[aggregate.index()].broken;
        if crate::names::hides(broken, field.name.as_str()) {
            return None;
        }
        let node = &self.model.aggregates[aggregate];
        let hint = did_you_mean(field.name.as_str(), node.fields.iter().map(|it| it.name.as_str()));
        let hint = hint.or_else(|| Some(format!("write its type, or declare the field in `{}`", node.name)));
        let message = format!("`{}` has no field `{}` to {verb}", node.name, field.name.as_str());
        self.report_hint(Diagnostic::new(&codes::UNKNOWN_MEMBER, field.name.span, message), hint);
        None
    }

    pub(crate) fn resolve_effects(&mut self) {
        for id in self.model.events.ids() {
            let node = self.nodes.events[id.index()];
            let event = &self.model.events[id];
            let aggregate = event.aggregate;
            let mut effects: Vec<Effect> = Vec::new();
            for (index, field) in (0u32..).zip(&event.payload) {
                if let Origin::Set(target) = field.origin {
                    let value = Expr { kind: ExprKind::Payload(index), ty: field.ty.clone(), span: field.span };
                    effects.push(Effect::Assign { field: target, value });
                }
            }
            let enters = event.enters;
            if let Some(block) = &node.body {
                let mut sight = Sight::new("an event");
                (sight.itself, sight.bare) = (Itself::Aggregate(aggregate), true);
                (sight.event, sight.bare_payload) = (Some(id), true);
                let place = self.place(Owner::Aggregate(aggregate));
                let mut body = Body::new(self, place, sight);
                effects.extend(body.effects(block));
                if body.incomplete || block.is_broken() {
                    self.incomplete_events.push(id);
                }
            }
            effects.extend(enters.map(|state| Effect::Enter { state }));
            self.model.events[id].effects = effects;
        }
    }
}

/// The type under which a computed value is stored or sent: a loose number becomes its named type.
pub(crate) fn stored(ty: &Ty) -> Ty {
    match ty {
        Ty::Loose(id) => Ty::Named(*id),
        Ty::Optional(inner) => stored(inner).optional(),
        other => other.clone(),
    }
}

/// `OutOfStock` as "out of stock".
fn words(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
