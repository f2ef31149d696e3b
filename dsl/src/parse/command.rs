//! Commands and their clauses.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use super::stmt::{Context, broken_block};
use crate::ast::{Allow, AllowRule, Block, Command, CommandKind, Expr, ExprKind, Noun, When, With};
use crate::diagnostic::{Diagnostic, syntax};
use crate::source::Span;

impl<'a> Builder<'a> {
    pub(super) fn command(&mut self, piece: Piece) -> Option<Command> {
        let place = Some(Place::Aggregate);
        let (whole, header) = (Rule::command_piece, Rule::command_header_piece);
        self.read_with_block(whole, header, piece, place, Context::Decision, |this, header, body| {
            this.command_of(header, body)
        })?
    }

    fn command_of(&mut self, pair: Pair<'a>, body: Option<Block>) -> Option<Command> {
        let header = self.span(&pair);
        let body = body.unwrap_or_else(|| broken_block(header.after()));
        let mut parts = children(pair).peekable();
        let (kind, noun) = match parts.next()?.as_rule() {
            Rule::create => (CommandKind::Create, Noun::Create),
            _ => (CommandKind::Command, Noun::Command),
        };
        let name = self.upper(&parts.next()?, noun);
        let params = take(&mut parts, Rule::params).map(|params| self.params(params)).unwrap_or_default();
        let (mut when, mut allow, mut withs) = (None, None, Vec::new());
        for clause in parts {
            let span = self.span(&clause);
            match clause.as_rule() {
                Rule::when_clause => {
                    let clause = self.when(clause);
                    self.once("when", span, &mut when, clause);
                }
                Rule::allow_clause => {
                    let clause = self.allow(clause);
                    self.once("allow", span, &mut allow, clause);
                }
                _ => withs.extend(self.with(clause)),
            }
        }
        let span = header.to(body.span);
        Some(Command { doc: self.doc(header), kind, name, params, when, allow, withs, body, header, span })
    }

    /// Fills a slot, or reports that it is full.
    pub(super) fn once<T>(&mut self, word: &str, span: Span, slot: &mut Option<T>, value: Option<T>) {
        if slot.is_some() {
            let message = format!("`{word}` is said twice");
            self.report(Diagnostic::new(&syntax::REPEATED_CLAUSE, span, message).hint("keep one of them"));
            return;
        }
        *slot = value;
    }

    fn when(&mut self, pair: Pair<'a>) -> Option<When> {
        let span = self.span(&pair);
        let mut lists = children(pair);
        let states = self.names(lists.next()?);
        let done = lists.next().map(|names| self.names(names)).unwrap_or_default();
        Some(When { states, done, span })
    }

    pub(super) fn allow(&mut self, pair: Pair<'a>) -> Option<Allow> {
        let span = self.span(&pair);
        let rule = children(pair).next()?;
        let rule = match rule.as_rule() {
            Rule::anyone => AllowRule::Anyone,
            _ => AllowRule::If(self.expr(rule)),
        };
        Some(Allow { rule, span })
    }

    fn with(&mut self, pair: Pair<'a>) -> Option<With> {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let name = self.lower(&parts.next()?, Noun::Let);
        let mut value = self.expr(parts.next()?);
        if let Some(join) = take(&mut parts, Rule::join) {
            let span = value.span.to(self.span(&join));
            let mut parts = children(join);
            let view = self.path(parts.next()?);
            let on = self.ident(&parts.next()?);
            value = Expr { kind: ExprKind::Join { items: Box::new(value), view, on }, span };
        }
        let otherwise = parts.next().and_then(|refusal| self.refusal(refusal));
        Some(With { name, value, otherwise, span })
    }
}
