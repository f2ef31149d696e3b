//! Expressions.
//!
//! Recursion is bounded twice: brackets by the scanner, everything else by [`MAX_DEPTH`], so that no later pass needs to care.

use std::sync::LazyLock;

use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::builder::{Builder, Pair, children, take};
use super::grammar::Rule;
use super::types::number_literal;
use crate::ast::{Arg, BinaryOp, Expr, ExprKind, Ident, Literal, Path, TimeUnit, UnaryOp};
use crate::diagnostic::{Diagnostic, syntax};
use crate::source::Span;

/// An expression may nest so deep.
const MAX_DEPTH: u32 = 100;

/// From the weakest to the strongest.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let infix = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(infix(Rule::or))
        .op(infix(Rule::and))
        .op(Op::prefix(Rule::not_op))
        .op(infix(Rule::eq_op)
            | infix(Rule::ne)
            | infix(Rule::lt)
            | infix(Rule::le)
            | infix(Rule::gt)
            | infix(Rule::ge)
            | infix(Rule::in_op)
            | infix(Rule::not_in))
        .op(infix(Rule::coalesce))
        .op(infix(Rule::add) | infix(Rule::sub))
        .op(infix(Rule::mul) | infix(Rule::div) | infix(Rule::rem))
        .op(Op::prefix(Rule::neg_op))
});

/// An expression and how deep it nests; too deep ones are cut to [`ExprKind::Broken`].
struct Deep {
    expr: Expr,
    depth: u32,
}

impl Deep {
    fn leaf(kind: ExprKind, span: Span) -> Self {
        Self { expr: Expr { kind, span }, depth: 1 }
    }

    fn over(kind: ExprKind, span: Span, depth: u32) -> Self {
        let kind = if depth >= MAX_DEPTH { ExprKind::Broken } else { kind };
        Self { expr: Expr { kind, span }, depth: depth.min(MAX_DEPTH) + 1 }
    }
}

impl Builder<'_> {
    /// An expression of the grammar.
    pub(super) fn expr(&mut self, pair: Pair<'_>) -> Expr {
        let deep = self.deep(pair);
        if deep.depth > MAX_DEPTH {
            let message = format!("this expression nests deeper than {MAX_DEPTH}");
            self.report(
                Diagnostic::new(&syntax::TOO_DEEP, deep.expr.span, message).hint("name parts of it with `let`"),
            );
        }
        deep.expr
    }

    /// The arguments of a call, a record, an event.
    pub(super) fn args(&mut self, pair: Pair<'_>) -> Vec<Arg> {
        let span = self.span(&pair);
        let (args, depth) = self.deep_args(pair);
        if depth > MAX_DEPTH {
            let message = format!("these arguments nest deeper than {MAX_DEPTH}");
            self.report(Diagnostic::new(&syntax::TOO_DEEP, span, message).hint("name parts of them with `let`"));
        }
        args
    }

    fn deep(&mut self, pair: Pair<'_>) -> Deep {
        let (file, base) = (self.file, self.base);
        let place = |pair: &Pair<'_>| {
            let start = base + pair.as_span().start() as u32;
            Span::new(file, start, start + pair.as_str().trim_end().len() as u32)
        };
        let mut parts = pair.into_inner();
        if parts.len() == 1 {
            // Most expressions have no operator.
            return parts
                .next()
                .map_or_else(|| unreachable!("an expression has an operand"), |pair| self.postfix(pair));
        }
        PRECEDENCE
            .map_primary(|pair| self.postfix(pair))
            .map_prefix(|op, right| {
                let op_span = place(&op);
                let kind = if op.as_rule() == Rule::not_op { UnaryOp::Not } else { UnaryOp::Neg };
                let span = op_span.to(right.expr.span);
                Deep::over(ExprKind::Unary { op: kind, op_span, operand: Box::new(right.expr) }, span, right.depth)
            })
            .map_infix(|left, op, right| {
                let span = left.expr.span.to(right.expr.span);
                let kind = ExprKind::Binary {
                    op: binary_op(op.as_rule()),
                    op_span: place(&op),
                    left: Box::new(left.expr),
                    right: Box::new(right.expr),
                };
                Deep::over(kind, span, left.depth.max(right.depth))
            })
            .parse(parts)
    }

    fn postfix(&mut self, pair: Pair<'_>) -> Deep {
        let mut parts = children(pair);
        let mut deep = match parts.next() {
            Some(primary) => self.primary(primary),
            None => unreachable!("an operand has a head"),
        };
        for part in parts {
            let span = deep.expr.span.to(self.span(&part));
            deep = match part.as_rule() {
                Rule::field_of => self.field_of(deep, part, span),
                Rule::index => {
                    let key = match children(part).next() {
                        Some(key) => self.deep(key),
                        None => unreachable!("an index has a key"),
                    };
                    let depth = deep.depth.max(key.depth);
                    Deep::over(ExprKind::Index { base: Box::new(deep.expr), key: Box::new(key.expr) }, span, depth)
                }
                _ => {
                    let (args, depth) = self.deep_args(part);
                    let depth = depth.max(deep.depth);
                    let kind = match record_path(&deep.expr) {
                        Some(path) => ExprKind::Build { path, args },
                        None => ExprKind::Call { callee: Box::new(deep.expr), args },
                    };
                    Deep::over(kind, span, depth)
                }
            };
        }
        deep
    }

    fn field_of(&mut self, base: Deep, part: Pair<'_>, span: Span) -> Deep {
        let mut parts = children(part).peekable();
        let optional = take(&mut parts, Rule::safe_dot).is_some();
        match parts.next() {
            Some(name) => {
                let kind = ExprKind::Field { base: Box::new(base.expr), name: self.ident(&name), optional };
                Deep::over(kind, span, base.depth)
            }
            None => base,
        }
    }

    fn primary(&mut self, pair: Pair<'_>) -> Deep {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::name => match pair.as_str() {
                "true" => ExprKind::Literal(Literal::Bool(true)),
                "false" => ExprKind::Literal(Literal::Bool(false)),
                "absent" => ExprKind::Literal(Literal::Absent),
                "now" => ExprKind::Now,
                "caller" => ExprKind::Caller,
                "self" => ExprKind::SelfRef,
                name => ExprKind::Name(Ident { text: name.into(), span }),
            },
            Rule::number => ExprKind::Literal(number_literal(pair.as_str())),
            Rule::duration => ExprKind::Literal(duration(pair)),
            Rule::text => ExprKind::Literal(Literal::Text(self.text(&pair))),
            Rule::env => match children(pair).next() {
                Some(name) => ExprKind::Env(self.ident(&name)),
                None => ExprKind::Broken,
            },
            Rule::list => {
                let elements: Vec<Deep> = children(pair).map(|element| self.deep(element)).collect();
                let depth = elements.iter().map(|element| element.depth).max().unwrap_or(0);
                return Deep::over(
                    ExprKind::List(elements.into_iter().map(|element| element.expr).collect()),
                    span,
                    depth,
                );
            }
            _ => return self.paren(pair, span),
        };
        Deep::leaf(kind, span)
    }

    fn paren(&mut self, pair: Pair<'_>, span: Span) -> Deep {
        let mut parts = children(pair);
        let Some(inner) = parts.next() else { return Deep::leaf(ExprKind::Broken, span) };
        let mut inner = self.deep(inner);
        inner.expr.span = span;
        match parts.next() {
            Some(_) => Deep::over(ExprKind::IfGiven(Box::new(inner.expr)), span, inner.depth),
            None => inner,
        }
    }

    fn deep_args(&mut self, pair: Pair<'_>) -> (Vec<Arg>, u32) {
        let mut depth = 0;
        let mut args = Vec::new();
        for arg in children(pair) {
            let span = self.span(&arg);
            let mut parts = children(arg).peekable();
            let name = take(&mut parts, Rule::arg_name).and_then(|name| children(name).next());
            let name = name.map(|name| self.ident(&name));
            let lambda = take(&mut parts, Rule::lambda);
            let Some(value) = parts.next() else {
                continue;
            };
            let value = match lambda {
                Some(head) => self.lambda(head, value, span),
                None => self.deep(value),
            };
            depth = depth.max(value.depth);
            args.push(Arg { name, value: value.expr, span });
        }
        (args, depth)
    }

    fn lambda(&mut self, head: Pair<'_>, body: Pair<'_>, span: Span) -> Deep {
        let params = children(head).map(|param| self.ident(&param)).collect();
        let body = self.deep(body);
        Deep::over(ExprKind::Lambda { params, body: Box::new(body.expr) }, span, body.depth)
    }

    /// A length of time.
    pub(super) fn duration(&mut self, pair: Pair<'_>) -> Expr {
        let span = self.span(&pair);
        Expr { kind: ExprKind::Literal(duration(pair)), span }
    }
}

/// `orders.Item`, if names lead to a Capitalised one: what is called so is built.
fn record_path(expr: &Expr) -> Option<Path> {
    let mut segments = Vec::new();
    let mut at = expr;
    loop {
        match &at.kind {
            ExprKind::Name(name) => {
                segments.push(name.clone());
                break;
            }
            ExprKind::Field { base, name, optional: false } => {
                segments.push(name.clone());
                at = base;
            }
            _ => return None,
        }
    }
    segments.reverse();
    let builds = segments.last().is_some_and(Ident::is_capitalised);
    builds.then_some(Path { span: expr.span, segments })
}

fn duration(pair: Pair<'_>) -> Literal {
    let mut parts = children(pair);
    let amount = parts.next().map_or_else(String::new, |amount| amount.as_str().replace('_', ""));
    let unit = match parts.next().map_or("", |unit| unit.as_str()) {
        "ms" | "millisecond" | "milliseconds" => TimeUnit::Millisecond,
        "min" | "minute" | "minutes" => TimeUnit::Minute,
        "h" | "hour" | "hours" => TimeUnit::Hour,
        "day" | "days" => TimeUnit::Day,
        "week" | "weeks" => TimeUnit::Week,
        "month" | "months" => TimeUnit::Month,
        "year" | "years" => TimeUnit::Year,
        _ => TimeUnit::Second,
    };
    Literal::Duration { amount: amount.into(), unit }
}

fn binary_op(rule: Rule) -> BinaryOp {
    match rule {
        Rule::or => BinaryOp::Or,
        Rule::and => BinaryOp::And,
        Rule::ne => BinaryOp::Ne,
        Rule::lt => BinaryOp::Lt,
        Rule::le => BinaryOp::Le,
        Rule::gt => BinaryOp::Gt,
        Rule::ge => BinaryOp::Ge,
        Rule::in_op => BinaryOp::In,
        Rule::not_in => BinaryOp::NotIn,
        Rule::coalesce => BinaryOp::Coalesce,
        Rule::add => BinaryOp::Add,
        Rule::sub => BinaryOp::Sub,
        Rule::mul => BinaryOp::Mul,
        Rule::div => BinaryOp::Div,
        Rule::rem => BinaryOp::Rem,
        _ => BinaryOp::Eq,
    }
}
