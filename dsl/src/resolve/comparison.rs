//! Comparison, membership, defaults.

use crate::ast;
use crate::diagnostic::{Diagnostic, types as codes};
use crate::model::{Base, Comparison, Expr, ExprKind, Ty};
use crate::resolve::body::Body;
use crate::resolve::convert::{base_of, loosened, steps};
use crate::source::Span;

impl<'a> Body<'_, 'a> {
    pub(super) fn compare(
        &mut self,
        op: Comparison,
        op_span: Span,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        for (side, other) in [(left, right), (right, left)] {
            if matches!(side.kind, ast::ExprKind::Literal(ast::Literal::Absent)) {
                self.expr(other, None);
                let hint =
                    "equality with absent is always false: look with `if x as y { … }`, or give a default with `??`";
                self.report(Diagnostic::new(&codes::MAY_BE_ABSENT, span, "nothing is equal to `absent`").hint(hint));
                return self.poison(span);
            }
        }
        let (first, second) = self.operands(left, right, None);
        if first.ty == Ty::Poison || second.ty == Ty::Poison {
            return self.poison(span);
        }
        let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
        if ordered && let Some(optional) = [&first, &second].into_iter().find(|it| matches!(it.ty, Ty::Optional(_))) {
            self.bad_operand(optional, "");
            return self.poison(span);
        }
        let inner = |expr: &Expr| expr.ty.as_optional().unwrap_or(&expr.ty).clone();
        let (a, b) = (inner(&first), inner(&second));
        let Some(common) = self.comparable(&a, &b) else {
            let (shown_a, shown_b) = (self.draft.show(&a), self.draft.show(&b));
            let named = matches!((&a, &b), (Ty::Named(_) | Ty::Loose(_), Ty::Named(_) | Ty::Loose(_)));
            let code = if named { &codes::NAMED_ARITHMETIC } else { &codes::NOT_COMPARABLE };
            let message = format!("`{shown_a}` and `{shown_b}` cannot be compared");
            self.report(
                Diagnostic::new(code, op_span, message)
                    .label(first.span, format!("`{shown_a}`"))
                    .label(second.span, format!("`{shown_b}`")),
            );
            return self.poison(span);
        };
        let orderable = base_of(&self.draft.model, &common).is_some_and(|base| base != Base::Bool);
        if ordered && !orderable {
            let message = format!("values of `{}` have no order", self.draft.show(&common));
            self.report(
                Diagnostic::new(&codes::NOT_COMPARABLE, op_span, message)
                    .hint("they can only be compared with `==` and `!=`"),
            );
            return self.poison(span);
        }
        let optional = matches!(first.ty, Ty::Optional(_)) || matches!(second.ty, Ty::Optional(_));
        let ty = if optional { common.optional() } else { common };
        let (first, second) = (self.coerce(first, &ty), self.coerce(second, &ty));
        Expr { kind: ExprKind::Compare(op, Box::new(first), Box::new(second)), ty: Ty::Base(Base::Bool), span }
    }

    /// The type that both are compared as.
    fn comparable(&self, a: &Ty, b: &Ty) -> Option<Ty> {
        let model = &self.draft.model;
        if a == b {
            return Some(a.clone());
        }
        match (loosened(model, a), loosened(model, b)) {
            (Some(x), Some(y)) => match (&x, &y) {
                (Ty::Loose(m), Ty::Loose(n)) => (m == n).then_some(x),
                (Ty::Loose(_), Ty::Base(Base::Int | Base::Decimal)) => Some(x),
                (Ty::Base(Base::Int | Base::Decimal), Ty::Loose(_)) => Some(y),
                (Ty::Base(Base::Int), Ty::Base(Base::Decimal)) => Some(y),
                (Ty::Base(Base::Decimal), Ty::Base(Base::Int)) => Some(x),
                _ if x == y => {
                    let texts = matches!((a, b), (Ty::Named(_), Ty::Named(_))) && base_of(model, a) == Some(Base::Text);
                    (!texts).then_some(x)
                }
                _ => None,
            },
            (None, None) => steps(model, b, a).map(|_| a.clone()).filter(|_| a.is_collection()),
            _ => None,
        }
    }

    pub(super) fn contains(&mut self, item: &'a ast::Expr, collection: &'a ast::Expr, span: Span) -> Expr {
        let collection = self.expr(collection, None);
        let element = match &collection.ty {
            Ty::List(element, _) | Ty::Set(element, _) => (**element).clone(),
            Ty::Map(key, _, _) => (**key).clone(),
            Ty::Poison => {
                self.expr(item, Some(&Ty::Poison));
                return self.poison(span);
            }
            _ => {
                self.expr(item, Some(&Ty::Poison));
                return self.bad_operand(&collection, "`in` asks a list, a set, or the keys of a map");
            }
        };
        let item = self.expr_as(item, &element);
        if item.ty == Ty::Poison {
            return self.poison(span);
        }
        let kind = ExprKind::Contains { collection: Box::new(collection), item: Box::new(item) };
        Expr { kind, ty: Ty::Base(Base::Bool), span }
    }

    /// The type, or the plain one that it is made of where the second could break its rule.
    fn common(&self, ty: Ty, second: &Expr) -> Ty {
        let model = &self.draft.model;
        let other = second.ty.as_optional().unwrap_or(&second.ty);
        let breaks = steps(model, other, &ty).is_some_and(|steps| steps.iter().any(|(step, _)| step.may_fail()));
        match loosened(model, &ty) {
            Some(plain) if breaks && steps(model, other, &plain).is_some() => plain,
            _ => ty,
        }
    }

    pub(super) fn coalesce(
        &mut self,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
        want: Option<&Ty>,
    ) -> Expr {
        let first = self.expr(left, None);
        let inner = match &first.ty {
            Ty::Optional(inner) => (**inner).clone(),
            Ty::Poison => {
                self.expr(right, Some(&Ty::Poison));
                return self.poison(span);
            }
            _ => {
                self.report(
                    Diagnostic::new(&codes::MAY_BE_ABSENT, first.span, "this is never absent")
                        .hint("remove `??` and what follows it"),
                );
                return self.poison(span);
            }
        };
        // The type that is wanted, where both can have it without a refusal; else that of the first.
        let wanted = want.map(|ty| ty.as_optional().unwrap_or(ty).clone());
        let safe = |ty: &Ty| {
            steps(&self.draft.model, &inner, ty).is_some_and(|steps| !steps.iter().any(|(step, _)| step.may_fail()))
        };
        let ty = wanted.filter(|ty| *ty != Ty::Poison && safe(ty)).unwrap_or(inner);
        let second = self.expr(right, Some(&ty));
        let ty = self.common(ty, &second);
        let result = if matches!(second.ty, Ty::Optional(_)) { ty.clone().optional() } else { ty.clone() };
        let second = self.coerce(second, &result);
        let first = self.coerce(first, &ty.optional());
        Expr { kind: ExprKind::Coalesce(Box::new(first), Box::new(second)), ty: result, span }
    }
}
