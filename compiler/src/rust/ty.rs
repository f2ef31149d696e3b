//! Types: the spec's in Rust.

use minos_dsl::model::{Base, Bound, Refined, Ty, TypeRef};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use rust_decimal::prelude::ToPrimitive;

use crate::output::source_file::Uses;
use crate::plan::{Place, Plan};
use crate::rust::name::{ident, module_of, pascal};

/// A type, imported into the file of `uses`.
pub(crate) fn ty(plan: &Plan<'_>, uses: &Uses, it: &Ty) -> TokenStream {
    let inner = |it: &Ty| ty(plan, uses, it);
    let place = |place: Place| {
        let name = uses.item(&place.module, &place.name);
        quote!(#name)
    };
    let model = plan.model;
    match it {
        Ty::Base(plain) => base(uses, *plain),
        Ty::Loose(_) => base(uses, Base::Decimal),
        Ty::Refined(refined) => match plan.inline_place(it) {
            Some(own) => place(own),
            None => generic(uses, refined),
        },
        Ty::Named(id) => place(plan.type_place(TypeRef::Named(*id))),
        Ty::Value(id) => place(plan.type_place(TypeRef::Value(*id))),
        Ty::Enum(id) => place(plan.type_place(TypeRef::Enum(*id))),
        Ty::Id(id) => place(plan.id_place(model.at(*id))),
        Ty::Status(id) => place(plan.status_place(model.at(*id))),
        Ty::List(element, _) => match plan.inline_place(it) {
            Some(own) => place(own),
            None => {
                let element = inner(element);
                quote!(Vec<#element>)
            }
        },
        Ty::Set(..) | Ty::Map(..) if plan.inline_place(it).is_some() => {
            plan.inline_place(it).map(place).unwrap_or_default()
        }
        Ty::Set(element, _) => {
            let (set, element) = (uses.item("std::collections", "BTreeSet"), inner(element));
            quote!(#set<#element>)
        }
        Ty::Map(key, value, _) => {
            let (map, key, value) = (uses.item("std::collections", "BTreeMap"), inner(key), inner(value));
            quote!(#map<#key, #value>)
        }
        Ty::Optional(element) => {
            let element = inner(element);
            quote!(Option<#element>)
        }
        Ty::Row(view) => {
            let view = model.at(*view);
            place(Place { module: plan.view_module(view), name: Plan::row_name(view) })
        }
        Ty::Joined(element, view) => {
            let (joined, element, row) = (uses.runtime("engine", "Joined"), inner(element), inner(&Ty::Row(*view)));
            quote!(#joined<#element, #row>)
        }
        Ty::Event(event) => place(plan.event_place(model.at(*event))),
        Ty::Composed(compose) => {
            let name = model.at(*compose).name.to_string();
            place(Place {
                module: format!("crate::compositions::{}", module_of(&name)),
                name: format!("{}Answer", pascal(&name)),
            })
        }
        Ty::Poison => quote!(()),
    }
}

fn base(uses: &Uses, base: Base) -> TokenStream {
    let of_runtime = |name: &str| {
        let name = uses.runtime("value", name);
        quote!(#name)
    };
    match base {
        Base::Bool => quote!(bool),
        Base::Int => quote!(i64),
        Base::Text => quote!(String),
        Base::Decimal => of_runtime("Decimal"),
        Base::Timestamp => of_runtime("Timestamp"),
        Base::Duration => of_runtime("Duration"),
        Base::Date => of_runtime("Date"),
    }
}

/// `Text<1, 120>`, `IntFrom<0>`.
fn generic(uses: &Uses, refined: &Refined) -> TokenStream {
    match refined.base {
        Base::Int => match (whole(refined.rule.min), whole(refined.rule.max)) {
            (Some(min), None) => {
                let (name, min) = (uses.runtime("value", "IntFrom"), number(min));
                quote!(#name<#min>)
            }
            (min, max) => {
                let name = uses.runtime("value", "Int");
                let min = min.map_or_else(|| quote!({ i64::MIN }), number);
                let max = max.map_or_else(|| quote!({ i64::MAX }), number);
                quote!(#name<#min, #max>)
            }
        },
        Base::Text => {
            let name = uses.runtime("value", "Text");
            let length = refined.rule.length;
            let min = Literal::u64_unsuffixed(length.map_or(0, |it| it.min));
            let max = length
                .and_then(|it| it.max)
                .map_or_else(|| quote!({ usize::MAX }), |max| Literal::u64_unsuffixed(max).into_token());
            quote!(#name<#min, #max>)
        }
        other => base(uses, other),
    }
}

/// A bound of a whole number.
pub(crate) fn whole(bound: Option<Bound>) -> Option<i64> {
    bound.and_then(|it| it.value.to_i64())
}

/// A whole number as a literal (with its sign, in braces where a const argument needs them).
pub(crate) fn number(value: i64) -> TokenStream {
    let literal = Literal::i64_unsuffixed(value);
    if value < 0 { quote!({ #literal }) } else { quote!(#literal) }
}

trait IntoToken {
    fn into_token(self) -> TokenStream;
}

impl IntoToken for Literal {
    fn into_token(self) -> TokenStream {
        quote!(#self)
    }
}

/// Whether values are copied by assignment.
pub(crate) fn is_copy(plan: &Plan<'_>, it: &Ty) -> bool {
    match it {
        Ty::Base(base) => *base != Base::Text,
        Ty::Refined(refined) => refined.base != Base::Text,
        Ty::Named(id) => plan.model.at(*id).base != Base::Text,
        Ty::Optional(inner) => is_copy(plan, inner),
        Ty::Loose(_) | Ty::Id(_) | Ty::Enum(_) | Ty::Status(_) => true,
        _ => false,
    }
}

/// The plain type of a refined or named one.
pub(crate) fn plain(plan: &Plan<'_>, it: &Ty) -> Option<Base> {
    match it {
        Ty::Base(base) => Some(*base),
        Ty::Refined(refined) => Some(refined.base),
        Ty::Named(id) => Some(plan.model.at(*id).base),
        Ty::Loose(_) => Some(Base::Decimal),
        _ => None,
    }
}

/// Whether it is a Rust type of its own around a plain one (or around a collection).
pub(crate) fn is_wrapped(plan: &Plan<'_>, it: &Ty) -> bool {
    match it {
        Ty::Refined(refined) => Plan::is_refined(refined.base),
        Ty::Named(id) => Plan::is_refined(plan.model.at(*id).base),
        Ty::List(..) | Ty::Set(..) | Ty::Map(..) => plan.inline_place(it).is_some(),
        _ => false,
    }
}

/// Whether it is one of the runtime's generic types, `Text<1, 120>` or `Int<1, 9>`, rather than one with a name of its own.
pub(crate) fn is_generic(plan: &Plan<'_>, it: &Ty) -> bool {
    matches!(it, Ty::Refined(refined) if Plan::is_refined(refined.base)) && plan.inline_place(it).is_none()
}

/// The identifier of a type's name.
pub(crate) fn name(text: &str) -> proc_macro2::Ident {
    ident(text)
}
