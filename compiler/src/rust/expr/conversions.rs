//! Conversions: each is a node of its own in the model.

use minos_dsl::model::{Base, Conversion, Ty};
use quote::quote;

use super::Scope;
use crate::rust::code::{Binding, Code};
use crate::rust::ty;

impl Scope<'_> {
    /// Without its type's rule.
    pub(super) fn dropped(&self, code: Code, from: &Ty) -> Code {
        if !ty::is_wrapped(self.plan, from) {
            return code;
        }
        let receiver = code.receiver();
        match from {
            Ty::List(..) => Code::slice(receiver),
            Ty::Set(..) | Ty::Map(..) => {
                self.uses.bring("value", "Refined");
                Code::value(quote!(#receiver.plain()))
            }
            _ if ty::plain(self.plan, from) == Some(Base::Text) => {
                self.uses.bring("value", "Refined");
                Code::value(quote!(#receiver.plain()))
            }
            _ => Code::value(quote!(#receiver.get())),
        }
    }

    pub(super) fn convert(&self, conversion: &Conversion, code: Code, from: &Ty, to: &Ty) -> Code {
        use Conversion as C;
        match conversion {
            C::Drop => self.dropped(code, from),
            C::Loosen => code,
            C::Refine if ty::is_wrapped(self.plan, to) && code.exact_at(Binding::Atom).is_some() => {
                let exact = code.exact_at(Binding::Atom);
                if ty::is_generic(self.plan, to) {
                    // Which type is told by the place that it goes to.
                    return Code::fallible(quote!(#exact.refined()));
                }
                let target = self.ty(to);
                Code::fallible(quote!(#exact.refined::<#target>()))
            }
            C::Refine | C::Widen => {
                let plain = self.dropped(code, from).owned(self.is_copy(from));
                if ty::is_wrapped(self.plan, to) { self.refined(to, &plain) } else { Code::value(plain) }
            }
            C::IntToDecimal => {
                let (decimal, value) = (self.uses.runtime("value", "Decimal"), self.dropped(code, from).owned(true));
                Code::value(quote!(#decimal::from(#value)))
            }
            C::Wrap => {
                let value = code.owned(self.is_copy(from));
                Code::value(quote!(Some(#value)))
            }
            C::InOptional(steps) => {
                let (from, to) = (from.as_optional().unwrap_or(from), to.as_optional().unwrap_or(to));
                let value = code.owned(self.is_copy(from));
                let inner = self.convert_all(steps, Code::place(quote!(it)), from, to);
                let fails = steps.iter().any(|step| step.may_fail() || *step == C::Widen);
                if fails {
                    let result = inner.as_result(self.is_copy(to));
                    Code::fallible(quote!(#value.map(|it| #result).transpose()))
                } else {
                    let inner = inner.owned(true);
                    Code::value(quote!(#value.map(|it| #inner)))
                }
            }
            C::Elements(steps) => self.convert_elements(steps, &code, from, to),
        }
    }

    pub(super) fn convert_elements(&self, steps: &[Conversion], code: &Code, from: &Ty, to: &Ty) -> Code {
        let (receiver, collection) = (code.receiver(), self.ty(&without_rule(to)));
        let (element, target) = (from.element().unwrap_or(from), to.element().unwrap_or(to));
        let inner = self.convert_all(steps, Code::reference(quote!(it)), element, target);
        let fails = steps.iter().any(|step| step.may_fail() || *step == Conversion::Widen);
        let is_map = matches!(from, Ty::Map(..));
        let (pattern, refusal) =
            (if is_map { quote!((key, it)) } else { quote!(it) }, self.uses.runtime("refusal", "Refusal"));
        let copy = self.is_copy(target);
        if fails {
            let result = inner.as_result(copy);
            let result = if is_map { quote!(#result.map(|it| (key.clone(), it))) } else { result };
            Code::fallible(quote!(#receiver.iter().map(|#pattern| #result).collect::<Result<#collection, #refusal>>()))
        } else {
            let value = inner.owned(copy);
            let value = if is_map { quote!((key.clone(), #value)) } else { value };
            Code::value(quote!(#receiver.iter().map(|#pattern| #value).collect::<#collection>()))
        }
    }

    /// Conversions one after the other; the types between are those that each step makes.
    pub(super) fn convert_all(&self, steps: &[Conversion], mut code: Code, from: &Ty, to: &Ty) -> Code {
        let mut current = from.clone();
        for (index, step) in steps.iter().enumerate() {
            let last = index + 1 == steps.len();
            let next = match step {
                _ if last => to.clone(),
                Conversion::Drop => ty::plain(self.plan, &current).map_or_else(|| without_rule(&current), Ty::Base),
                Conversion::IntToDecimal => Ty::Base(Base::Decimal),
                Conversion::Wrap => current.clone().optional(),
                _ => to.clone(),
            };
            code = self.convert(step, code, &current, &next);
            current = next;
        }
        code
    }
}

/// The collection's type without its rule.
fn without_rule(it: &Ty) -> Ty {
    match it {
        Ty::List(element, _) => Ty::List(element.clone(), None),
        Ty::Set(element, _) => Ty::Set(element.clone(), None),
        Ty::Map(key, value, _) => Ty::Map(key.clone(), value.clone(), None),
        other => other.clone(),
    }
}
