//! Expressions: dispatch by kind, literals, and what builds values.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::ast;
use crate::diagnostic::{Diagnostic, names, types as codes};
use crate::model::{Base, Expr, ExprKind, Literal, Piece, Rule, Ty};
use crate::resolve::body::Body;
use crate::resolve::convert::base_of;
use crate::source::Span;

pub(crate) const NOT_HERE: &str = "this cannot stand here";

impl<'a> Body<'_, 'a> {
    /// The expression as a value of type `ty`.
    pub(crate) fn expr_as(&mut self, node: &'a ast::Expr, ty: &Ty) -> Expr {
        let expr = self.expr(node, Some(ty));
        self.coerce(expr, ty)
    }

    /// A condition.
    pub(crate) fn condition(&mut self, node: &'a ast::Expr) -> Expr {
        self.expr_as(node, &Ty::Base(Base::Bool))
    }

    /// The expression; where literals and names of cases stand, they take the type `want`. The result may still have another type.
    pub(crate) fn expr(&mut self, node: &'a ast::Expr, want: Option<&Ty>) -> Expr {
        let span = node.span;
        match &node.kind {
            ast::ExprKind::Literal(literal) => self.literal(literal, span, want),
            ast::ExprKind::Name(name) => self.name(name, want),
            ast::ExprKind::Now if self.sight.now => Expr { kind: ExprKind::Now, ty: Ty::Base(Base::Timestamp), span },
            ast::ExprKind::Now => {
                let message = format!("`now` is not known in {}", self.sight.what);
                self.report(
                    Diagnostic::new(&codes::NOT_HERE, span, message)
                        .hint("read it in the command, and let the event carry it"),
                );
                self.poison(span)
            }
            ast::ExprKind::Caller | ast::ExprKind::SelfRef => {
                let word = if matches!(node.kind, ast::ExprKind::Caller) { "caller" } else { "self" };
                self.report(
                    Diagnostic::new(&codes::NOT_HERE, span, format!("`{word}` is not a value by itself"))
                        .hint(format!("read a part of it: `{word}.…`")),
                );
                self.poison(span)
            }
            ast::ExprKind::Field { base, name, optional } => self.field(base, name, *optional, span, want),
            ast::ExprKind::Call { callee, args } => self.call(callee, args, span, want),
            ast::ExprKind::Build { path, args } => self.build(path, args, span),
            ast::ExprKind::Index { base, key } => self.index(base, key, span),
            ast::ExprKind::Unary { op, operand, .. } => self.unary(*op, operand, span, want),
            ast::ExprKind::Binary { op, op_span, left, right } => self.binary(*op, *op_span, left, right, span, want),
            ast::ExprKind::List(items) => self.list(items, span, want),
            ast::ExprKind::Lambda { .. } => {
                self.misplaced(span, "a function stands in parentheses only: `lines.map(l => l.price)`")
            }
            ast::ExprKind::Join { .. } => self.misplaced(
                span,
                "`join` reads rows before a command decides: `with priced = items join PriceList on product else …`",
            ),
            ast::ExprKind::IfGiven(_) => self.misplaced(span, "`if given` stands in the `where` of a query"),
            ast::ExprKind::Env(_) => self.misplaced(span, "`env` stands in the gateway's settings only"),
            ast::ExprKind::Broken => self.poison(span),
        }
    }

    pub(crate) fn misplaced(&mut self, span: Span, hint: &str) -> Expr {
        self.report(Diagnostic::new(&codes::NOT_HERE, span, NOT_HERE).hint(hint));
        self.poison(span)
    }

    fn literal(&mut self, literal: &'a ast::Literal, span: Span, want: Option<&Ty>) -> Expr {
        let inner = want.map(|ty| ty.as_optional().unwrap_or(ty));
        let plain = |kind: Literal, base: Base| Expr { kind: ExprKind::Literal(kind), ty: Ty::Base(base), span };
        match literal {
            ast::Literal::Bool(value) => plain(Literal::Bool(*value), Base::Bool),
            ast::Literal::Int(digits) | ast::Literal::Decimal(digits) => {
                let whole = matches!(literal, ast::Literal::Int(_));
                self.number(digits, false, whole, span, inner)
            }
            ast::Literal::Text(text) => self.text(text, inner),
            ast::Literal::Duration { amount, unit } => match crate::resolve::duration::micros(amount, *unit) {
                Ok(micros) => plain(Literal::Duration(micros), Base::Duration),
                Err(problem) => {
                    self.report(
                        Diagnostic::new(&codes::LITERAL, span, problem)
                            .hint("write days, hours, minutes, seconds or milliseconds"),
                    );
                    self.poison(span)
                }
            },
            ast::Literal::Absent => match want {
                Some(Ty::Poison) => self.poison(span),
                Some(ty @ Ty::Optional(_)) => Expr { kind: ExprKind::Absent, ty: ty.clone(), span },
                Some(ty) => {
                    let message = format!("`{}` is never absent", self.draft.show(ty));
                    self.report(
                        Diagnostic::new(&codes::MAY_BE_ABSENT, span, message)
                            .hint("a type that may be absent ends in `?`"),
                    );
                    self.poison(span)
                }
                None => self.misplaced(span, "`absent` stands where an optional value is wanted"),
            },
        }
    }

    /// A number in the type that is wanted, if that is one of numbers, with its rule checked.
    pub(crate) fn number(&mut self, digits: &str, negative: bool, whole: bool, span: Span, want: Option<&Ty>) -> Expr {
        let value = Decimal::from_str_exact(digits).ok().map(|it| if negative { -it } else { it });
        let base = want.and_then(|ty| base_of(&self.draft.model, ty));
        let decimal = !whole || base == Some(Base::Decimal);
        let literal = match value {
            Some(value) if decimal => Some(Literal::Decimal(value)),
            Some(value) => i64::try_from(value).ok().map(Literal::Int),
            None => None,
        };
        let Some(literal) = literal else {
            let message = if whole { "this number does not fit in 64 bits" } else { "this number has too many digits" };
            self.report(Diagnostic::new(&codes::LITERAL, span, message));
            return self.poison(span);
        };
        let own = if decimal { Base::Decimal } else { Base::Int };
        let ty = match want {
            Some(ty) if base == Some(own) => ty.clone(),
            _ => Ty::Base(own),
        };
        if let (Some(rule), Some(value)) = (self.rule(&ty), value)
            && let Some(problem) = number_breaks(&rule, value)
        {
            return self.breaks(span, &ty, &problem);
        }
        Expr { kind: ExprKind::Literal(literal), ty, span }
    }

    fn rule(&self, ty: &Ty) -> Option<Rule> {
        match ty {
            Ty::Refined(refined) => Some(refined.rule.clone()),
            Ty::Named(id) => Some(self.draft.model.named_types[*id].rule.clone()),
            _ => None,
        }
    }

    fn breaks(&mut self, span: Span, ty: &Ty, problem: &str) -> Expr {
        let message = format!("this is not a `{}`: {problem}", self.draft.show(ty));
        self.report(Diagnostic::new(&codes::LITERAL, span, message));
        self.poison(span)
    }

    fn text(&mut self, text: &'a ast::Text, want: Option<&Ty>) -> Expr {
        let span = text.span;
        let Some(plain) = text.as_plain() else {
            let pieces = text.parts.iter().map(|part| match part {
                ast::TextPart::Literal(text) => Piece::Text(text.as_str().into()),
                ast::TextPart::Expr(node) => Piece::Expr(self.shown(node)),
            });
            return Expr { kind: ExprKind::Interpolate(pieces.collect()), ty: Ty::Base(Base::Text), span };
        };
        let literal = ExprKind::Literal(Literal::Text(plain.into()));
        let textual = want.filter(|ty| base_of(&self.draft.model, ty) == Some(Base::Text));
        let rule = textual.and_then(|ty| self.rule(ty));
        if let (Some(rule), Some(ty)) = (&rule, textual) {
            let length = plain.chars().count() as u64;
            if rule.length.is_some_and(|size| length < size.min || size.max.is_some_and(|max| length > max)) {
                let problem = format!("it has {length} characters");
                return self.breaks(span, ty, &problem);
            }
        }
        // A pattern is left to the conversion: the language itself runs no regular expressions.
        let ty = match (textual, rule) {
            (Some(_), Some(rule)) if rule.pattern.is_some() => Ty::Base(Base::Text),
            (Some(ty), _) => ty.clone(),
            _ => Ty::Base(Base::Text),
        };
        Expr { kind: literal, ty, span }
    }

    /// What is shown in a text: a scalar, an id, a case.
    fn shown(&mut self, node: &'a ast::Expr) -> Expr {
        let expr = self.expr(node, None);
        let fine = matches!(
            expr.ty,
            Ty::Base(_)
                | Ty::Refined(_)
                | Ty::Named(_)
                | Ty::Loose(_)
                | Ty::Id(_)
                | Ty::Enum(_)
                | Ty::Status(_)
                | Ty::Poison
        );
        if fine {
            return expr;
        }
        let message = format!("`{}` cannot be shown in a text", self.draft.show(&expr.ty));
        self.report(Diagnostic::new(&codes::BAD_OPERAND, expr.span, message).hint("show one of its fields"));
        self.poison(expr.span)
    }

    fn list(&mut self, items: &'a [ast::Expr], span: Span, want: Option<&Ty>) -> Expr {
        let wanted = match want.map(|ty| ty.as_optional().unwrap_or(ty)) {
            Some(Ty::List(element, _)) => Some((**element).clone()),
            _ => None,
        };
        let mut element = wanted;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = match &element {
                Some(ty) => self.expr_as(item, ty),
                None => self.expr(item, None),
            };
            element.get_or_insert_with(|| value.ty.clone());
            values.push(value);
        }
        match element {
            Some(element) => Expr { kind: ExprKind::List(values), ty: Ty::List(Arc::new(element), None), span },
            None => self.misplaced(span, "an empty list stands where the type of its elements is known"),
        }
    }

    /// `Line(product: p.product, …)`.
    fn build(&mut self, path: &'a ast::Path, args: &'a [ast::Arg], span: Span) -> Expr {
        let ty = self.draft.declared_ty(self.place, path);
        let id = match ty {
            Ty::Value(id) => id,
            Ty::Poison => {
                self.arguments_unchecked(args);
                return self.poison(span);
            }
            other => {
                let message = format!("`{}` is not a value, and cannot be built", self.draft.show(&other));
                self.report(Diagnostic::new(&names::WRONG_KIND, path.span, message));
                return self.poison(span);
            }
        };
        let value = &self.draft.model.values[id];
        let (name, declared) = (format!("the value `{}`", value.name), value.span);
        let fields: Vec<_> = value.fields.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        let fields = self.arguments(&name, declared, &fields, args, span);
        Expr { kind: ExprKind::Value(id, fields), ty: Ty::Value(id), span }
    }
}

/// How a number breaks a rule.
fn number_breaks(rule: &Rule, value: Decimal) -> Option<String> {
    if let Some(digits) = rule.digits {
        let normal = value.normalize();
        if normal.scale() > u32::from(digits.scale) {
            return Some(format!("it has more than {} digits after the point", digits.scale));
        }
        if normal.abs() >= Decimal::from(10u64.pow(u32::from(digits.precision - digits.scale))) {
            return Some(format!("it has more than {} digits", digits.precision));
        }
    }
    if rule.min.is_some_and(|min| value < min.value || (value == min.value && !min.inclusive)) {
        return Some(format!("{value} is too small"));
    }
    if rule.max.is_some_and(|max| value > max.value || (value == max.value && !max.inclusive)) {
        return Some(format!("{value} is too great"));
    }
    None
}
