//! Sagas.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use super::stmt::{Context, broken_block};
use crate::ast::{Each, Noun, Retry, Saga, Step, StepKind, Trigger, Undo};
use crate::diagnostic::{Diagnostic, syntax};

impl<'a> Builder<'a> {
    pub(super) fn saga(&mut self, piece: Piece) -> Option<Saga> {
        let (head, body) = self.open(piece, Place::Subdomain, false);
        let (mut steps, mut failed, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(body) = body {
            self.members(Place::Saga, body, |this, noun, piece| {
                match noun {
                    Noun::Step => match this.step(piece) {
                        Some(step) => steps.push(step),
                        None => {
                            this.broken_answers(piece);
                            return None;
                        }
                    },
                    Noun::Failed => failed.push(this.failed(piece)?),
                    _ => return None,
                }
                Some(())
            });
            broken.append(&mut self.leftovers);
        }
        let header = self.read(Rule::saga_header_piece, head, None, |_, pair| pair)?;
        broken.append(&mut self.leftovers);
        let doc = self.doc(self.span(&header));
        let mut parts = children(header);
        let name = self.upper(&parts.next()?, Noun::Saga);
        let trigger = self.trigger(parts.next()?);
        Some(Saga { doc, name, trigger, steps, failed, broken, span: self.place(piece) })
    }

    pub(super) fn trigger(&mut self, pair: Pair<'a>) -> Trigger {
        let span = self.span(&pair);
        let (events, alias) = self.followed(pair);
        Trigger { events, alias, span }
    }

    fn failed(&mut self, piece: Piece) -> Option<crate::ast::Block> {
        let (whole, header) = (Rule::failed_piece, Rule::failed_header_piece);
        self.read_with_block(whole, header, piece, Some(Place::Saga), Context::Flow, |this, pair, body| {
            body.unwrap_or_else(|| broken_block(this.span(&pair).after()))
        })
    }

    fn step(&mut self, piece: Piece) -> Option<Step> {
        self.read(Rule::step_piece, piece, Some(Place::Saga), |this, pair| this.step_of(pair))?
    }

    /// The names that a broken step gives to its answers: later steps read them.
    fn broken_answers(&mut self, piece: Piece) {
        for at in piece.first..piece.end.saturating_sub(1) {
            if self.tokens.str(at) == "as" {
                let name = self.broken(Noun::Let, Piece { first: at, end: (at + 3).min(piece.end) });
                self.leftovers.push(name);
            }
        }
    }

    fn step_of(&mut self, pair: Pair<'a>) -> Option<Step> {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let kind = if parts.next()?.as_rule() == Rule::pivot { StepKind::Pivot } else { StepKind::Step };
        let name = self.lower(&parts.next()?, Noun::Step);
        let each = take(&mut parts, Rule::each).and_then(|each| self.each(each));
        let (mut action, mut undo, mut retry, mut timeout) = (None, None, None, None);
        for part in parts {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::do_stmt => {
                    let call = children(part).next().and_then(|call| self.do_call(call));
                    self.once("do", span, &mut action, call);
                }
                Rule::undo => {
                    let how = children(part).next()?;
                    let how = match how.as_rule() {
                        Rule::nothing => Some(Undo::Nothing(self.span(&how))),
                        _ => self.do_call(how).map(Undo::Do),
                    };
                    self.once("undo", span, &mut undo, how);
                }
                Rule::retry => {
                    let part = self.retry(part);
                    self.once("retry", span, &mut retry, part);
                }
                _ => {
                    let part = children(part).next().map(|duration| self.duration(duration));
                    self.once("timeout", span, &mut timeout, part);
                }
            }
        }
        let Some(action) = action else {
            let message = format!("the step `{}` does nothing", name.as_str());
            self.report(
                Diagnostic::new(&syntax::MISSING_PART, name.span, message)
                    .hint("say what it does: `do Aggregate[id].Command(…)` or `do Port.operation(…)`"),
            );
            return None;
        };
        Some(Step { doc: self.doc(span), kind, name, each, action, undo, retry, timeout, span })
    }

    pub(super) fn each(&mut self, pair: Pair<'a>) -> Option<Each> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let name = self.lower(&parts.next()?, Noun::Let);
        Some(Each { name, items: self.expr(parts.next()?), span })
    }

    fn retry(&mut self, pair: Pair<'a>) -> Option<Retry> {
        let span = self.span(&pair);
        let mut parts = children(pair);
        let times = parts.next()?;
        let times = crate::ast::Expr {
            span: self.span(&times),
            kind: crate::ast::ExprKind::Literal(super::types::number_literal(times.as_str())),
        };
        let from = parts.next().map(|pause| self.duration(pause));
        let to = parts.next().map(|pause| self.duration(pause));
        Some(Retry { times, from, to, span })
    }
}
