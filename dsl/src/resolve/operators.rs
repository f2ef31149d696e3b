//! Operators: what they compute, of which types, and the conversions of their operands.

use crate::ast::{self, BinaryOp, UnaryOp};
use crate::diagnostic::{Diagnostic, types as codes};
use crate::model::{Arithmetic, Base, Comparison, Expr, ExprKind, Ty};
use crate::resolve::body::Body;
use crate::resolve::convert::{base_of, loosened};
use crate::source::Span;

fn arithmetic(op: BinaryOp) -> Option<Arithmetic> {
    Some(match op {
        BinaryOp::Add => Arithmetic::Add,
        BinaryOp::Sub => Arithmetic::Subtract,
        BinaryOp::Mul => Arithmetic::Multiply,
        BinaryOp::Div => Arithmetic::Divide,
        BinaryOp::Rem => Arithmetic::Remainder,
        _ => return None,
    })
}

fn comparison(op: BinaryOp) -> Option<Comparison> {
    Some(match op {
        BinaryOp::Eq => Comparison::Equal,
        BinaryOp::Ne => Comparison::NotEqual,
        BinaryOp::Lt => Comparison::Less,
        BinaryOp::Le => Comparison::LessOrEqual,
        BinaryOp::Gt => Comparison::Greater,
        BinaryOp::Ge => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn is_number(base: Option<Base>) -> bool {
    matches!(base, Some(Base::Int | Base::Decimal))
}

impl<'a> Body<'_, 'a> {
    pub(crate) fn unary(&mut self, op: UnaryOp, operand: &'a ast::Expr, span: Span, want: Option<&Ty>) -> Expr {
        let boolean = Ty::Base(Base::Bool);
        match op {
            UnaryOp::Not => {
                let inner = self.condition(operand);
                Expr { kind: ExprKind::Not(Box::new(inner)), ty: boolean, span }
            }
            UnaryOp::Neg => {
                if let ast::ExprKind::Literal(literal @ (ast::Literal::Int(digits) | ast::Literal::Decimal(digits))) =
                    &operand.kind
                {
                    let whole = matches!(literal, ast::Literal::Int(_));
                    return self.number(digits, true, whole, span, want.map(|ty| ty.as_optional().unwrap_or(ty)));
                }
                let inner = self.expr(operand, want);
                let Some(ty) =
                    loosened(&self.draft.model, &inner.ty).filter(|_| is_number(base_of(&self.draft.model, &inner.ty)))
                else {
                    return self.bad_operand(&inner, "`-` turns the sign of a number");
                };
                let inner = self.coerce(inner, &ty);
                Expr { kind: ExprKind::Negate(Box::new(inner)), ty, span }
            }
        }
    }

    pub(crate) fn binary(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
        want: Option<&Ty>,
    ) -> Expr {
        let boolean = Ty::Base(Base::Bool);
        if let Some(op) = arithmetic(op) {
            return self.arithmetic(op, op_span, left, right, span);
        }
        if let Some(op) = comparison(op) {
            return self.compare(op, op_span, left, right, span);
        }
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let first = self.condition(left);
                let mark = self.enter();
                self.assume(&first, op == BinaryOp::And);
                let second = self.condition(right);
                self.leave(mark);
                let (first, second) = (Box::new(first), Box::new(second));
                let kind = if op == BinaryOp::And { ExprKind::And(first, second) } else { ExprKind::Or(first, second) };
                Expr { kind, ty: boolean, span }
            }
            BinaryOp::In => self.contains(left, right, span),
            BinaryOp::NotIn => {
                let inner = self.contains(left, right, span);
                Expr { kind: ExprKind::Not(Box::new(inner)), ty: boolean, span }
            }
            BinaryOp::Coalesce => self.coalesce(left, right, span, want),
            _ => self.misplaced(span, "this operator belongs to scenarios"),
        }
    }

    pub(crate) fn bad_operand(&mut self, operand: &Expr, hint: &str) -> Expr {
        if operand.ty != Ty::Poison {
            let diagnostic = match operand.ty {
                Ty::Optional(_) => Diagnostic::new(&codes::MAY_BE_ABSENT, operand.span, "this may be absent")
                    .hint("give a default with `?? …`, or look first with `if … as x { … }`"),
                _ => {
                    let message = format!("`{}` cannot be used like this", self.draft.show(&operand.ty));
                    Diagnostic::new(&codes::BAD_OPERAND, operand.span, message).hint(hint)
                }
            };
            self.report(diagnostic);
        }
        self.poison(operand.span)
    }

    /// Both operands; a literal, or the name of a case, takes the type of the other.
    pub(super) fn operands(
        &mut self,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        op: Option<Arithmetic>,
    ) -> (Expr, Expr) {
        if self.takes_type(left) && !self.takes_type(right) {
            let second = self.expr(right, None);
            let want = self.wanted_beside(&second, op);
            let first = self.expr(left, want.as_ref());
            return (first, second);
        }
        let first = self.expr(left, None);
        let want = self.wanted_beside(&first, op);
        let second = self.expr(right, want.as_ref());
        (first, second)
    }

    /// Beside a number a literal is any number (its rule does not matter to compare or to compute): one of the same kind to compare and to add, a plain
    /// one to multiply and divide. Beside a text it is any text, else of the same type.
    fn wanted_beside(&self, other: &Expr, op: Option<Arithmetic>) -> Option<Ty> {
        let ty = other.ty.as_optional().unwrap_or(&other.ty);
        match base_of(&self.draft.model, ty) {
            Some(Base::Int | Base::Decimal) if matches!(op, None | Some(Arithmetic::Add | Arithmetic::Subtract)) => {
                loosened(&self.draft.model, ty)
            }
            // A whole number times a length of time is one, too.
            Some(Base::Duration | Base::Timestamp) if op.is_some() => None,
            Some(base @ (Base::Int | Base::Decimal | Base::Text)) => Some(Ty::Base(base)),
            _ => Some(ty.clone()),
        }
    }

    fn takes_type(&mut self, node: &'a ast::Expr) -> bool {
        match &node.kind {
            ast::ExprKind::Literal(_) => true,
            ast::ExprKind::Unary { op: UnaryOp::Neg, operand, .. } => matches!(operand.kind, ast::ExprKind::Literal(_)),
            ast::ExprKind::Name(name) => !self.knows(name),
            _ => false,
        }
    }

    fn arithmetic(
        &mut self,
        op: Arithmetic,
        op_span: Span,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        let (first, second) = self.operands(left, right, Some(op));
        if first.ty == Ty::Poison || second.ty == Ty::Poison {
            return self.poison(span);
        }
        let (a, b) = (base_of(&self.draft.model, &first.ty), base_of(&self.draft.model, &second.ty));
        let ty = match (a, b) {
            (Some(Base::Int | Base::Decimal), Some(Base::Int | Base::Decimal)) => {
                self.number_ty(op, op_span, &first, &second)
            }
            _ => time_ty(op, a, b)
                .map(|(ty, _)| Ty::Base(ty))
                .or_else(|| self.no_arithmetic(op, op_span, &first, &second)),
        };
        let Some(ty) = ty else { return self.poison(span) };
        let (first, second) = match time_ty(op, a, b) {
            Some((_, (left, right))) => (self.coerce(first, &Ty::Base(left)), self.coerce(second, &Ty::Base(right))),
            // The operands of a named decimal's ratio are of that type, the ratio is plain.
            None => match self.shared_number(&first, &second) {
                Some(operand) => (self.coerce(first, &operand), self.coerce(second, &operand)),
                None => (self.coerce(first, &ty), self.coerce(second, &ty)),
            },
        };
        Expr { kind: ExprKind::Arithmetic(op, Box::new(first), Box::new(second)), ty, span }
    }

    /// The type that both numbers are computed as.
    fn shared_number(&self, a: &Expr, b: &Expr) -> Option<Ty> {
        let model = &self.draft.model;
        match (loosened(model, &a.ty)?, loosened(model, &b.ty)?) {
            (loose @ Ty::Loose(_), _) | (_, loose @ Ty::Loose(_)) => Some(loose),
            (Ty::Base(Base::Int), Ty::Base(Base::Int)) => Some(Ty::Base(Base::Int)),
            _ => Some(Ty::Base(Base::Decimal)),
        }
    }

    /// The type of arithmetic on two numbers; reports where named types clash.
    fn number_ty(&mut self, op: Arithmetic, op_span: Span, a: &Expr, b: &Expr) -> Option<Ty> {
        let model = &self.draft.model;
        let (x, y) = (loosened(model, &a.ty)?, loosened(model, &b.ty)?);
        let ty = match (&x, &y) {
            (Ty::Loose(m), Ty::Loose(n)) if m != n => None,
            (Ty::Loose(_), Ty::Loose(_)) => match op {
                Arithmetic::Add | Arithmetic::Subtract => Some(x),
                Arithmetic::Divide => Some(Ty::Base(Base::Decimal)),
                Arithmetic::Multiply | Arithmetic::Remainder => None,
            },
            (Ty::Base(Base::Int), Ty::Base(Base::Int)) => Some(x),
            (_, _) if op == Arithmetic::Remainder => return self.no_arithmetic(op, op_span, a, b),
            (_, Ty::Loose(_)) if op == Arithmetic::Divide => None,
            _ => self.shared_number(a, b),
        };
        if ty.is_none() {
            let (a, b) = (self.draft.show(&a.ty), self.draft.show(&b.ty));
            let message = format!("`{a} {} {b}` has no meaning", symbol(op));
            let hint = "a named type computes with plain numbers; two of the same can be added, subtracted and divided";
            self.report(Diagnostic::new(&codes::NAMED_ARITHMETIC, op_span, message).hint(hint));
        }
        ty
    }

    fn no_arithmetic(&mut self, op: Arithmetic, op_span: Span, a: &Expr, b: &Expr) -> Option<Ty> {
        if let Some(optional) = [a, b].into_iter().find(|it| matches!(it.ty, Ty::Optional(_))) {
            self.bad_operand(optional, "");
            return None;
        }
        let text = [a, b].iter().any(|it| base_of(&self.draft.model, &it.ty) == Some(Base::Text));
        let (a, b) = (self.draft.show(&a.ty), self.draft.show(&b.ty));
        let diagnostic =
            Diagnostic::new(&codes::BAD_OPERAND, op_span, format!("`{a} {} {b}` cannot be computed", symbol(op)));
        let hint = text.then(|| "texts are put together in quotes: `\"{first} {last}\"`".to_owned());
        self.report_hint(diagnostic, hint);
        None
    }
}

/// Arithmetic with moments and lengths of time: the result, and what the operands are.
fn time_ty(op: Arithmetic, a: Option<Base>, b: Option<Base>) -> Option<(Base, (Base, Base))> {
    use Base::{Duration, Int, Timestamp};
    let (a, b) = (a?, b?);
    let result = match (op, a, b) {
        (Arithmetic::Add | Arithmetic::Subtract, Timestamp, Duration) | (Arithmetic::Add, Duration, Timestamp) => {
            Timestamp
        }
        (Arithmetic::Subtract, Timestamp, Timestamp) | (Arithmetic::Add | Arithmetic::Subtract, Duration, Duration) => {
            Duration
        }
        (Arithmetic::Multiply, Duration, Int)
        | (Arithmetic::Multiply, Int, Duration)
        | (Arithmetic::Divide, Duration, Int) => Duration,
        _ => return None,
    };
    Some((result, (a, b)))
}

fn symbol(op: Arithmetic) -> &'static str {
    match op {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Remainder => "%",
    }
}
