//! Events and errors.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use super::stmt::Context;
use crate::ast::{Block, ErrorDecl, Event, EventField, EventFieldKind, Noun};

impl<'a> Builder<'a> {
    pub(super) fn event(&mut self, piece: Piece) -> Option<Event> {
        let place = Some(Place::Aggregate);
        let (whole, header) = (Rule::event_piece, Rule::event_header_piece);
        if self.tokens.brace(piece.first, piece.end).is_none() {
            return self.read(header, piece, place, |this, pair| this.event_of(pair, None))?;
        }
        self.read_with_block(whole, header, piece, place, Context::Effect, |this, header, body| {
            this.event_of(header, body)
        })?
    }

    fn event_of(&mut self, pair: Pair<'a>, body: Option<Block>) -> Option<Event> {
        let header = self.span(&pair);
        let mut parts = children(pair).peekable();
        let name = self.upper(&parts.next()?, Noun::Event);
        let fields = take(&mut parts, Rule::event_fields);
        let fields = fields.map(|fields| children(fields).filter_map(|field| self.event_field(field)).collect());
        let enters = take(&mut parts, Rule::enters).and_then(|enters| children(enters).next());
        let enters = enters.map(|state| self.ident(&state));
        let changes_nothing = parts.next().map(|words| self.span(&words));
        let span = body.as_ref().map_or(header, |body| header.to(body.span));
        Some(Event {
            doc: self.doc(header),
            name,
            fields: fields.unwrap_or_default(),
            enters,
            changes_nothing,
            body,
            span,
        })
    }

    fn event_field(&mut self, pair: Pair<'a>) -> Option<EventField> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut parts = children(pair);
        let name = self.lower(&parts.next()?, Noun::Field);
        let kind = match rule {
            Rule::set_field => EventFieldKind::Set,
            Rule::carry_field => EventFieldKind::Carry,
            _ => EventFieldKind::Plain(self.ty(parts.next()?)),
        };
        Some(EventField { doc: self.doc(span), kind, name, span })
    }

    pub(super) fn error_decl(&mut self, piece: Piece, place: Place) -> Option<ErrorDecl> {
        self.read(Rule::error_decl_piece, piece, Some(place), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair).peekable();
            let name = this.upper(&parts.next()?, Noun::Error);
            let fields = take(&mut parts, Rule::fields).map(|fields| this.fields(fields)).unwrap_or_default();
            let message = parts.next().map(|text| this.text(&text));
            Some(ErrorDecl { doc: this.doc(span), name, fields, message, span })
        })?
    }
}
