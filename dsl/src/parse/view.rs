//! Views.

use super::builder::{Builder, Pair, Piece, children, take};
use super::grammar::Rule;
use super::place::Place;
use super::stmt::{Context, broken_block};
use crate::ast::{
    Broken, Column, EventPattern, Handler, Ident, Ignore, Noun, Order, Query, QueryResult, View, ViewSource,
};
use crate::diagnostic::{Diagnostic, syntax};

/// The members of a view, as they are found.
#[derive(Default)]
struct Members {
    keys: Vec<Column>,
    columns: Vec<Column>,
    handlers: Vec<Handler>,
    ignores: Vec<Ignore>,
    queries: Vec<Query>,
    broken: Vec<Broken>,
}

impl<'a> Builder<'a> {
    pub(super) fn view(&mut self, piece: Piece) -> Option<View> {
        let (head, body) = self.open(piece, Place::Subdomain, true);
        let mut members = Members::default();
        if let Some(body) = body {
            self.members(Place::View, body, |this, noun, piece| this.view_member(noun, piece, &mut members));
            members.broken.append(&mut self.leftovers);
        }
        let header = self.read(Rule::view_header_piece, head, None, |_, pair| pair)?;
        let span = self.place(piece);
        let header_span = self.span(&header);
        let mut parts = children(header).peekable();
        let name = self.upper(&parts.next()?, Noun::View);
        let of = take(&mut parts, Rule::view_of);
        let allow = parts.next().and_then(|clause| self.allow(clause));
        members.broken.append(&mut self.leftovers);
        let Members { keys, columns, handlers, ignores, queries, broken } = members;
        let source = match of {
            Some(of) => {
                let mut parts = children(of);
                let aggregate = self.path(parts.next()?);
                let fields = parts.next().map(|names| self.names(names)).unwrap_or_default();
                let surplus = keys
                    .iter()
                    .chain(&columns)
                    .map(|column| column.span)
                    .chain(handlers.iter().map(|handler| handler.span));
                for span in surplus.chain(ignores.iter().map(|ignore| ignore.span)) {
                    self.report(
                        Diagnostic::new(
                            &syntax::UNKNOWN_WORD,
                            span,
                            "a view of an aggregate's own state has only queries",
                        )
                        .hint("name its fields in the parentheses, or fill a view from events: leave `of …` out"),
                    );
                }
                ViewSource::State { aggregate, fields }
            }
            None => {
                if keys.len() != 1 && broken.is_empty() {
                    let message = format!("the view `{}` has {} keys", name.as_str(), keys.len());
                    self.report(
                        Diagnostic::new(&syntax::MISSING_PART, name.span, message)
                            .hint("a view has one: `key name: Type`"),
                    );
                }
                ViewSource::Events { keys, columns, handlers, ignores }
            }
        };
        Some(View { doc: self.doc(header_span), name, source, allow, queries, broken, span })
    }

    fn view_member(&mut self, noun: Noun, piece: Piece, members: &mut Members) -> Option<()> {
        match noun {
            Noun::Key => members.keys.push(self.column(Rule::key_piece, piece)?),
            Noun::Field => members.columns.push(self.column(Rule::column_piece, piece)?),
            Noun::Handler => members.handlers.push(self.handler(piece)?),
            Noun::Ignore => members.ignores.push(self.ignore(piece)?),
            Noun::Query => members.queries.push(self.query(piece)?),
            _ => return None,
        }
        Some(())
    }

    fn column(&mut self, rule: Rule, piece: Piece) -> Option<Column> {
        self.read(rule, piece, Some(Place::View), |this, pair| {
            let span = this.span(&pair);
            let mut parts = children(pair);
            let name = this.lower(&parts.next()?, Noun::Field);
            let ty = this.ty(parts.next()?);
            let indexed = parts.next().map(|word| this.span(&word));
            Some(Column { doc: this.doc(span), name, ty, indexed, span })
        })?
    }

    fn handler(&mut self, piece: Piece) -> Option<Handler> {
        let (whole, header) = (Rule::handler_piece, Rule::handler_header_piece);
        self.read_with_block(whole, header, piece, Some(Place::View), Context::Rows, |this, pair, body| {
            let header = this.span(&pair);
            let body = body.unwrap_or_else(|| broken_block(header.after()));
            let (events, alias) = this.followed(pair);
            let span = header.to(body.span);
            Handler { events, alias, body, span }
        })
    }

    fn ignore(&mut self, piece: Piece) -> Option<Ignore> {
        self.read(Rule::ignore_piece, piece, Some(Place::View), |this, pair| {
            let span = this.span(&pair);
            Ignore { events: this.followed(pair).0, span }
        })
    }

    /// The events and the alias among the children of a pair.
    pub(super) fn followed(&mut self, pair: Pair<'a>) -> (Vec<EventPattern>, Option<Ident>) {
        let mut parts = children(pair).peekable();
        let patterns = take(&mut parts, Rule::patterns).map(|patterns| self.patterns(patterns)).unwrap_or_default();
        let alias = take(&mut parts, Rule::alias).and_then(|alias| children(alias).next());
        (patterns, alias.map(|name| self.ident(&name)))
    }

    fn patterns(&mut self, pair: Pair<'a>) -> Vec<EventPattern> {
        let pattern = |pattern: Pair<'a>| {
            let span = self.span(&pattern);
            let mut parts = children(pattern);
            let path = self.path(parts.next()?);
            Some(EventPattern { path, every: parts.next().is_some(), span })
        };
        children(pair).filter_map(pattern).collect()
    }

    fn query(&mut self, piece: Piece) -> Option<Query> {
        self.read(Rule::query_piece, piece, Some(Place::View), |this, pair| this.query_of(pair))?
    }

    fn query_of(&mut self, pair: Pair<'a>) -> Option<Query> {
        let span = self.span(&pair);
        let mut parts = children(pair).peekable();
        let name = self.lower(&parts.next()?, Noun::Query);
        let params = take(&mut parts, Rule::params).map(|params| self.params(params)).unwrap_or_default();
        let result = parts.next()?;
        let result = match result.as_str() {
            "row" => QueryResult::Row,
            "page" => QueryResult::Page,
            other => {
                let message = format!("a query gives a `row` or a `page`, not `{other}`");
                self.report(
                    Diagnostic::new(&syntax::UNEXPECTED, self.span(&result), message)
                        .hint("`-> row`: one or not found; `-> page`: some, and how to go on"),
                );
                QueryResult::Page
            }
        };
        let (mut allow, mut condition, mut order) = (None, None, None);
        for clause in parts {
            let span = self.span(&clause);
            match clause.as_rule() {
                Rule::allow_clause => {
                    let clause = self.allow(clause);
                    self.once("allow", span, &mut allow, clause);
                }
                Rule::where_clause => {
                    let clause = children(clause).next().map(|clause| self.expr(clause));
                    self.once("where", span, &mut condition, clause);
                }
                _ => {
                    let clause = children(clause).filter_map(|item| self.order_item(item)).collect();
                    self.once("order by", span, &mut order, Some(clause));
                }
            }
        }
        Some(Query {
            doc: self.doc(span),
            name,
            params,
            result,
            allow,
            condition,
            order: order.unwrap_or_default(),
            span,
        })
    }

    fn order_item(&mut self, pair: Pair<'a>) -> Option<Order> {
        let mut parts = children(pair);
        let column = self.ident(&parts.next()?);
        Some(Order { column, descending: parts.next().is_some() })
    }
}
