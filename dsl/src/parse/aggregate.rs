//! Aggregates and what is in them.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use super::stmt::{Context, broken_block};
use crate::ast::{Aggregate, AggregateId, Field, Let, Lifecycle, Noun, State, Timer, TimerStart, Transition};
use crate::source::Span;

const PLACE: Place = Place::Aggregate;

impl<'a> Builder<'a> {
    pub(super) fn aggregate(&mut self, piece: Piece) -> Option<Aggregate> {
        let (head, body) = self.open(piece, Place::Subdomain, false);
        let mut aggregate = empty(self.place(piece));
        if let Some(body) = body {
            self.members(PLACE, body, |this, noun, piece| this.aggregate_member(noun, piece, &mut aggregate));
            aggregate.broken.append(&mut self.leftovers);
        }
        let header = self.read(Rule::aggregate_header_piece, head, None, |_, pair| pair);
        aggregate.broken.append(&mut self.leftovers);
        let Some(header) = header else {
            // The members of a broken header are dropped: they were read for their own faults.
            return None;
        };
        aggregate.doc = self.doc(self.span(&header));
        let mut parts = children(header);
        aggregate.name = self.upper(&parts.next()?, Noun::Aggregate);
        aggregate.id = parts.next().and_then(|id| self.aggregate_id(id));
        Some(aggregate)
    }

    fn aggregate_member(&mut self, noun: Noun, piece: Piece, aggregate: &mut Aggregate) -> Option<()> {
        match noun {
            Noun::Field => aggregate.fields.push(self.aggregate_field(piece)?),
            Noun::Let => aggregate.lets.push(self.let_decl(piece)?),
            Noun::Lifecycle => aggregate.lifecycles.push(self.lifecycle(piece)?),
            Noun::State => aggregate.states.push(self.state(piece)?),
            Noun::Create | Noun::Command => aggregate.commands.push(self.command(piece)?),
            Noun::Timer => aggregate.timers.push(self.timer(piece)?),
            Noun::Event => aggregate.events.push(self.event(piece)?),
            Noun::Error => aggregate.errors.push(self.error_decl(piece, PLACE)?),
            Noun::Value => aggregate.values.push(self.value_decl(piece, PLACE)?),
            Noun::Enum => aggregate.enums.push(self.enum_decl(piece, PLACE)?),
            _ => return None,
        }
        Some(())
    }

    fn aggregate_id(&mut self, pair: Pair<'a>) -> Option<AggregateId> {
        let mut parts = children(pair).peekable();
        let name = take(&mut parts, Rule::arg_name).and_then(|name| children(name).next());
        let name = name.map(|name| self.ident(&name));
        Some(AggregateId { name, ty: self.ty(parts.next()?) })
    }

    fn aggregate_field(&mut self, piece: Piece) -> Option<Field> {
        self.read(Rule::aggregate_field_piece, piece, Some(PLACE), |this, pair| this.field(pair))?
    }

    fn let_decl(&mut self, piece: Piece) -> Option<Let> {
        self.read(Rule::let_decl_piece, piece, Some(PLACE), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.lower(&parts.next()?, Noun::Let);
            Some(Let { doc: this.doc(span), name, value: this.expr(parts.next()?), span })
        })?
    }

    fn lifecycle(&mut self, piece: Piece) -> Option<Lifecycle> {
        self.read(Rule::lifecycle_piece, piece, Some(PLACE), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.lower(&parts.next()?, Noun::Lifecycle);
            let transitions = parts.filter_map(|arrow| this.transition(arrow)).collect();
            Some(Lifecycle { doc: this.doc(span), name, transitions, span })
        })?
    }

    fn transition(&mut self, pair: Pair<'a>) -> Option<Transition> {
        let span = self.span(&pair);
        let mut sides = children(pair);
        Some(Transition { from: self.names(sides.next()?), to: self.names(sides.next()?), span })
    }

    fn state(&mut self, piece: Piece) -> Option<State> {
        self.read(Rule::state_piece, piece, Some(PLACE), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.lower(&parts.next()?, Noun::State);
            Some(State {
                doc: this.doc(span),
                name,
                fields: parts.filter_map(|field| this.field(field)).collect(),
                span,
            })
        })?
    }

    fn timer(&mut self, piece: Piece) -> Option<Timer> {
        let (whole, header) = (Rule::timer_piece, Rule::timer_header_piece);
        self.read_with_block(whole, header, piece, Some(PLACE), Context::Decision, |this, pair, body| {
            let header = this.span(&pair);
            let body = body.unwrap_or_else(|| broken_block(header.after()));
            let mut parts = children(pair);
            let state = this.ident(&parts.next()?);
            let start = parts.next()?;
            let after = start.as_rule() == Rule::timer_after;
            let moment = this.expr(children(start).next()?);
            let start = if after { TimerStart::After(moment) } else { TimerStart::At(moment) };
            let span = header.to(body.span);
            Some(Timer { doc: this.doc(header), state, start, body, span })
        })?
    }
}

/// An aggregate without members, whose name is not known yet.
fn empty(span: Span) -> Aggregate {
    Aggregate {
        doc: None,
        name: crate::ast::Ident { text: "".into(), span },
        id: None,
        fields: Vec::new(),
        lets: Vec::new(),
        lifecycles: Vec::new(),
        states: Vec::new(),
        commands: Vec::new(),
        timers: Vec::new(),
        events: Vec::new(),
        errors: Vec::new(),
        values: Vec::new(),
        enums: Vec::new(),
        broken: Vec::new(),
        span,
    }
}
