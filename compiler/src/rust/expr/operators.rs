//! Operators: logic without needless brackets, checked arithmetic, comparisons that know absence.

use minos_dsl::model::{Arithmetic, Base, Comparison, Conversion, Expr, ExprKind, Literal, Piece};
use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use crate::rust::code::{Binding, Code};
use crate::rust::ty;

/// What computes alike: the rule of its type does not matter, and beside a decimal a whole number counts as one.
fn as_operand<'e>(expr: &'e Expr, other: &Expr) -> &'e Expr {
    use Conversion as C;
    let mut operand = expr;
    while let ExprKind::Convert(conversion @ (C::Drop | C::Loosen | C::IntToDecimal), of) = &operand.kind {
        if *conversion == C::IntToDecimal && !is_decimal_itself(other) {
            break;
        }
        operand = of;
    }
    operand
}

/// Whether it is a decimal without being made one.
fn is_decimal_itself(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Convert(Conversion::IntToDecimal, _) => false,
        ExprKind::Convert(Conversion::Drop | Conversion::Loosen, of) => is_decimal_itself(of),
        _ => true,
    }
}

impl Scope<'_> {
    /// `not x`, by the opposite comparison where there is one.
    pub(super) fn negated(&self, of: &Expr) -> Code {
        use Comparison as C;
        match &of.kind {
            ExprKind::Compare(comparison, a, b) if !self.is_optional_compare(a, b) => {
                let opposite = match comparison {
                    C::Equal => C::NotEqual,
                    C::NotEqual => C::Equal,
                    C::Less => C::GreaterOrEqual,
                    C::LessOrEqual => C::Greater,
                    C::Greater => C::LessOrEqual,
                    C::GreaterOrEqual => C::Less,
                };
                self.compare(opposite, a, b)
            }
            ExprKind::Not(inner) => self.code(inner),
            ExprKind::IsAbsent(inner) => {
                let inner = self.code(inner).receiver();
                Code::value(quote!(#inner.is_some()))
            }
            ExprKind::And(a, b) => {
                let (a, b) = (self.negated(a).at(Binding::Or), self.negated(b).at(Binding::Or));
                Code::operation(quote!(#a || #b), Binding::Or)
            }
            ExprKind::Or(a, b) => {
                let (a, b) = (self.negated(a).at(Binding::And), self.negated(b).at(Binding::And));
                Code::operation(quote!(#a && #b), Binding::And)
            }
            _ => {
                let of = self.code(of).at(Binding::Unary);
                Code::operation(quote!(!#of), Binding::Unary)
            }
        }
    }

    /// What an `if … else refuse` refuses on.
    pub(crate) fn negated_condition(&self, condition: &Expr) -> TokenStream {
        self.negated(condition).condition()
    }

    pub(super) fn arithmetic(&self, operator: Arithmetic, a: &Expr, b: &Expr) -> Code {
        use Arithmetic as A;
        let (of_a, of_b) = (ty::plain(self.plan, &a.ty), ty::plain(self.plan, &b.ty));
        // Moments and lengths of time; all else is a number.
        let (function, fails) = match (operator, of_a, of_b) {
            (A::Add, Some(Base::Timestamp), _) => ("later", true),
            (A::Subtract, Some(Base::Timestamp), Some(Base::Timestamp)) => ("between", false),
            (A::Subtract, Some(Base::Timestamp), _) => ("earlier", true),
            (A::Add, Some(Base::Duration), _) => ("longer", true),
            (A::Subtract, Some(Base::Duration), _) => ("shorter", true),
            _ => return self.exact_arithmetic(operator, a, b),
        };
        let (function, a, b) = (self.number(function), self.plain(a), self.plain(b));
        let call = quote!(#function(#a, #b));
        if fails { Code::fallible(call) } else { Code::value(call) }
    }

    /// `l.price * l.quantity`: the runtime's checked operators.
    fn exact_arithmetic(&self, operator: Arithmetic, a: &Expr, b: &Expr) -> Code {
        use Arithmetic as A;
        let (sign, binding, tighter) = match operator {
            A::Add => (quote!(+), Binding::Sum, Binding::Product),
            A::Subtract => (quote!(-), Binding::Sum, Binding::Product),
            A::Multiply => (quote!(*), Binding::Product, Binding::Unary),
            A::Divide => (quote!(/), Binding::Product, Binding::Unary),
            A::Remainder => (quote!(%), Binding::Product, Binding::Unary),
        };
        let (first, second) = (as_operand(a, b), as_operand(b, a));
        let left = match self.wrapped_operand(first, binding) {
            Some(operand) => operand,
            None => {
                let (exact, plain) = (self.uses.runtime("value", "exact"), self.plain_operand(first));
                quote!(#exact(#plain))
            }
        };
        let right = self.wrapped_operand(second, tighter).unwrap_or_else(|| self.plain_operand(second));
        Code::exact(quote!(#left #sign #right), binding)
    }

    /// An operand that has the operators itself: arithmetic, or a type with a rule.
    fn wrapped_operand(&self, expr: &Expr, binding: Binding) -> Option<TokenStream> {
        if self.plain_literal(expr).is_some() {
            return None;
        }
        let code = self.code(expr);
        code.exact_at(binding).or_else(|| ty::is_wrapped(self.plan, &expr.ty).then(|| code.owned(true)))
    }

    /// An operand that is a plain number, or the `Result` of one.
    fn plain_operand(&self, expr: &Expr) -> TokenStream {
        if let ExprKind::Literal(Literal::Int(number)) = &expr.kind
            && ty::plain(self.plan, &expr.ty) == Some(Base::Int)
        {
            let literal = proc_macro2::Literal::i64_suffixed(*number);
            return quote!(#literal);
        }
        if let Some(literal) = self.plain_literal(expr) {
            return literal;
        }
        let code = self.code(expr);
        if code.is_value()
            && let Some(result) = code.sole_result()
        {
            return result.clone();
        }
        code.owned(true)
    }

    /// The plain value of what may be refined.
    pub(super) fn plain(&self, expr: &Expr) -> TokenStream {
        if let Some(literal) = self.plain_literal(expr) {
            return literal;
        }
        self.dropped(self.code(expr), &expr.ty).owned(self.is_copy(&expr.ty))
    }

    pub(super) fn is_optional_compare(&self, a: &Expr, b: &Expr) -> bool {
        a.ty.as_optional().is_some() || b.ty.as_optional().is_some()
    }

    pub(super) fn compare(&self, comparison: Comparison, a: &Expr, b: &Expr) -> Code {
        use Comparison as C;
        let operator = match comparison {
            C::Equal => quote!(==),
            C::NotEqual => quote!(!=),
            C::Less => quote!(<),
            C::LessOrEqual => quote!(<=),
            C::Greater => quote!(>),
            C::GreaterOrEqual => quote!(>=),
        };
        if let (Some(literal), false) = (self.plain_literal(b), matches!(a.kind, ExprKind::Literal(_))) {
            let a = self.compared_plain(a);
            return Code::operation(quote!(#a #operator #literal), Binding::Compare);
        }
        if let Some(literal) = self.plain_literal(a) {
            let b = self.compared_plain(b);
            return Code::operation(quote!(#literal #operator #b), Binding::Compare);
        }
        let surely_present = |it: &Expr| matches!(it.kind, ExprKind::Convert(Conversion::Wrap, _));
        let (left, right) = (self.code(a), self.code(b));
        let (x, y) = (left.operand(), right.operand());
        let compared = Code::operation(quote!(#x #operator #y), Binding::Compare);
        if !self.is_optional_compare(a, b) || surely_present(a) || surely_present(b) {
            return compared;
        }
        // Nothing equals what is absent.
        let (receiver, both) = (left.receiver(), compared.at(Binding::And));
        match comparison {
            C::NotEqual => Code::operation(quote!(#receiver.is_none() || #both), Binding::Or),
            _ => Code::operation(quote!(#receiver.is_some() && #both), Binding::And),
        }
    }

    /// Beside a plain literal.
    pub(super) fn compared_plain(&self, expr: &Expr) -> TokenStream {
        let code = self.code(expr);
        match (ty::is_wrapped(self.plan, &expr.ty), ty::plain(self.plan, &expr.ty)) {
            (true, Some(Base::Text)) => {
                let receiver = code.receiver();
                quote!(#receiver.as_str())
            }
            (true, _) => self.dropped(code, &expr.ty).operand(),
            _ => code.operand(),
        }
    }

    pub(super) fn coalesce(&self, a: &Expr, b: &Expr) -> Code {
        let first = self.owned(a);
        if self.may_fail(b) {
            let b = self.owned(b);
            return Code::operation(quote!(match #first { Some(it) => it, None => #b }), Binding::Block);
        }
        if matches!(&b.kind, ExprKind::Literal(Literal::Text(text)) if text.is_empty()) {
            return Code::value(quote!(#first.unwrap_or_default()));
        }
        let cheap = matches!(
            b.kind,
            ExprKind::Literal(Literal::Bool(_) | Literal::Int(_)) | ExprKind::Case(..) | ExprKind::State(..)
        );
        let b = self.owned(b);
        Code::value(if cheap { quote!(#first.unwrap_or(#b)) } else { quote!(#first.unwrap_or_else(|| #b)) })
    }

    pub(super) fn interpolate(&self, pieces: &[Piece]) -> Code {
        let mut format = String::new();
        let mut values = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
                Piece::Expr(expr) => {
                    format.push_str("{}");
                    values.push(self.code(expr).receiver());
                }
            }
        }
        Code::value(quote!(format!(#format #(, #values)*)))
    }
}
