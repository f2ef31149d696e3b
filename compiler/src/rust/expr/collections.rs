//! Collections: walked without being copied first.

use minos_dsl::model::{Conversion, Expr, ExprKind, Lambda};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::Scope;
use crate::rust::code::{Binding, Code};
use crate::rust::name::field;

impl Scope<'_> {
    pub(super) fn collected(&self, of: &Expr, items: &TokenStream) -> Code {
        let of = self.code(of).receiver();
        Code::value(quote!(#of.#items.collect::<Vec<_>>()))
    }

    /// `list.iter()`, and whether its elements are references: what is only passed through is not collected first.
    pub(super) fn iterated(&self, of: &Expr) -> TokenStream {
        match &of.kind {
            ExprKind::Values(map) => {
                let map = self.code(map).receiver();
                quote!(#map.values())
            }
            ExprKind::Keys(map) => {
                let map = self.code(map).receiver();
                quote!(#map.keys())
            }
            _ => {
                let of = self.code(of).receiver();
                quote!(#of.iter())
            }
        }
    }

    /// The parameter and the scope of a lambda over references.
    pub(super) fn within(&self, lambda: &Lambda) -> (Ident, Scope<'_>) {
        let mut references = self.references.clone();
        references.insert(lambda.param.index, true);
        (self.variable(&lambda.param.name), self.with_references(references))
    }

    pub(super) fn map(&self, of: &Expr, each: &Lambda) -> Code {
        let (items, (param, scope)) = (self.iterated(of), self.within(each));
        if scope.may_fail(&each.body) {
            let (result, refusal) = (scope.as_result(&each.body), self.uses.runtime("refusal", "Refusal"));
            return Code::fallible(quote!(#items.map(|#param| #result).collect::<Result<Vec<_>, #refusal>>()));
        }
        let body = scope.owned(&each.body);
        Code::value(quote!(#items.map(|#param| #body).collect::<Vec<_>>()))
    }

    pub(super) fn filter(&self, of: &Expr, keep: &Lambda) -> Code {
        let (items, (param, scope)) = (self.iterated(of), self.within(keep));
        if scope.may_fail(&keep.body) {
            let (each, result) = (self.uses.runtime("value", "each"), scope.as_result(&keep.body));
            return Code::fallible(quote!(#each::filter(#items, |#param| #result)));
        }
        let body = scope.code(&keep.body).condition();
        let copied = if of.ty.element().is_some_and(|it| self.is_copy(it)) { quote!(copied) } else { quote!(cloned) };
        Code::value(quote!(#items.filter(|#param| #body).#copied().collect::<Vec<_>>()))
    }

    pub(super) fn quantified(&self, of: &Expr, holds: &Lambda, method: &str) -> Code {
        let (items, (param, scope), method) = (self.iterated(of), self.within(holds), field(method));
        if scope.may_fail(&holds.body) {
            let (each, result) = (self.uses.runtime("value", "each"), scope.as_result(&holds.body));
            return Code::fallible(quote!(#each::#method(#items, |#param| #result)));
        }
        let body = scope.code(&holds.body).condition();
        Code::value(quote!(#items.#method(|#param| #body)))
    }

    pub(super) fn sum(&self, of: &Expr, each: Option<&Lambda>) -> Code {
        self.uses.bring("value", "ExactSum");
        let itself = |each: &&Lambda| matches!(&without_rule(&each.body).kind, ExprKind::Local(local) if local.index == each.param.index);
        let each = each.filter(|each| !itself(each));
        let Some(each) = each else {
            // The rule of what is summed does not matter.
            let of = match &of.kind {
                ExprKind::Convert(Conversion::Elements(steps), inner)
                    if steps.iter().all(|step| matches!(step, Conversion::Drop | Conversion::Loosen)) =>
                {
                    inner
                }
                _ => of,
            };
            let items = self.iterated(of);
            return Code::exact(quote!(#items.exact_sum()), Binding::Atom);
        };
        let (items, (param, scope)) = (self.iterated(of), self.within(each));
        let code = scope.code(without_rule(&each.body));
        let value = match code.exact_at(Binding::Block) {
            Some(exact) if !exact.to_string().contains('?') => exact,
            _ if scope.may_fail(&each.body) => code.as_result(true),
            _ => code.owned(true),
        };
        Code::exact(quote!(#items.map(|#param| #value).exact_sum()), Binding::Atom)
    }
}

/// A number before the rule of its type is dropped.
fn without_rule(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Convert(Conversion::Drop | Conversion::Loosen, of) => without_rule(of),
        _ => expr,
    }
}
