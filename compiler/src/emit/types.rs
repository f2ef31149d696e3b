//! `types.rs`: the refined types of the subdomain and of `shared`, and lists and texts with a rule that fields are declared with.
//!
//! ```text
//! #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
//! pub struct Money(Decimal);
//!
//! minos_runtime::decimal!(Money, 12, 2, >= "0");
//! ```

use minos_dsl::model::{Base, Bound, CollectionRule, Distinct, Docs, Rule, Ty, TypeRef};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::nouns::newtype;
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::plan::shape::spelled;
use crate::rust::name::{field, ident};
use crate::rust::ty;

pub(super) fn emit(plan: &Plan<'_>) -> Option<SourceFile> {
    let own = plan.subdomain().map(|it| it.get().types.clone()).unwrap_or_default();
    let named: Vec<_> = plan
        .shared_types()
        .chain(own)
        .filter_map(|it| if let TypeRef::Named(id) = it { Some(plan.model.at(id)) } else { None })
        .collect();
    let inline: Vec<(&str, &Ty)> = plan.inline_types().collect();
    if named.is_empty() && inline.is_empty() {
        return None;
    }
    let names = named.iter().map(|it| plan.type_place(TypeRef::Named(it.id())).name);
    let names: Vec<String> = names.chain(inline.iter().map(|(name, _)| (*name).to_owned())).collect();
    let mut origins: Vec<String> = named.iter().map(|it| super::origin(plan, it.span)).collect();
    origins.extend(plan.inline_files());
    let mut seen = std::collections::BTreeSet::new();
    origins.retain(|it| seen.insert(it.clone()));
    let mut file = SourceFile::new(
        "types.rs",
        "crate::types",
        &origins.join(", "),
        "Types with a rule: what breaks it cannot be built.",
        &names,
    );
    for it in named {
        let name = plan.type_place(TypeRef::Named(it.id())).name;
        refined(plan, &mut file, &name, &it.docs, it.base, &it.rule);
    }
    for (name, it) in inline {
        match it {
            Ty::Refined(refined_type) => refined(plan, &mut file, name, &None, refined_type.base, &refined_type.rule),
            Ty::List(element, Some(rule)) => list(plan, &mut file, name, element, rule),
            Ty::Set(_, Some(rule)) | Ty::Map(_, _, Some(rule)) => sized(plan, &mut file, name, it, rule),
            _ => {}
        }
    }
    Some(file)
}

/// A refined type, and its rule.
pub(super) fn refined(plan: &Plan<'_>, file: &mut SourceFile, name: &str, docs: &Docs, base: Base, rule: &Rule) {
    let plain = ty::ty(plan, file.uses(), &Ty::Base(base));
    let docs = docs.as_deref().map_or_else(|| describe(base, rule), str::to_owned);
    let ident = ident(name);
    if !Plan::is_refined(base) {
        let docs = docs.lines().map(|line| format!(" {line}"));
        file.push(quote!(#(#[doc = #docs])* pub type #ident = #plain;));
        return;
    }
    newtype(file, name, &docs, &plain, base != Base::Text, true);
    file.push(rule_of(&ident, base, rule));
}

fn rule_of(name: &proc_macro2::Ident, base: Base, rule: &Rule) -> TokenStream {
    match base {
        Base::Int => {
            let min = ty::whole(rule.min).map_or_else(|| quote!(i64::MIN), signed);
            let max = ty::whole(rule.max).map_or_else(|| quote!(i64::MAX), signed);
            quote!(minos_runtime::integer!(#name, #min, #max);)
        }
        Base::Text => {
            let (min, max) = sizes(rule.length.map_or(0, |it| it.min), rule.length.and_then(|it| it.max));
            match &rule.pattern {
                Some(pattern) => {
                    let pattern = raw(pattern);
                    quote!(minos_runtime::text!(#name, #min, #max, #pattern);)
                }
                None => quote!(minos_runtime::text!(#name, #min, #max);),
            }
        }
        _ => {
            let digits = rule.digits;
            let precision = Literal::u8_unsuffixed(digits.map_or(18, |it| it.precision));
            let scale = Literal::u8_unsuffixed(digits.map_or(9, |it| it.scale));
            let (min, max) = (end(rule.min, &quote!(>=), &quote!(>)), end(rule.max, &quote!(<=), &quote!(<)));
            quote!(minos_runtime::decimal!(#name, #precision, #scale #min #max);)
        }
    }
}

fn list(plan: &Plan<'_>, file: &mut SourceFile, name: &str, element: &Ty, rule: &CollectionRule) {
    let element_ty = ty::ty(plan, file.uses(), element);
    let vec = quote!(Vec<#element_ty>);
    let by = match (&rule.distinct, element) {
        (Some(Distinct::Field(index)), Ty::Value(id)) => Some(&plan.model.at(*id).get().fields[*index as usize].name),
        _ => None,
    };
    newtype(
        file,
        name,
        &describe_list(&spelled(plan.model, element), rule, by.map(|it| it.as_str())),
        &vec,
        false,
        false,
    );
    let (min, max) = sizes(rule.size.map_or(0, |it| it.min), rule.size.and_then(|it| it.max));
    let name = ident(name);
    match by.map(|it| field(it)) {
        Some(field) => file.push(quote!(minos_runtime::list!(#name, #element_ty, #min, #max, #field);)),
        None if rule.distinct.is_some() => {
            file.push(quote!(minos_runtime::list!(#name, #element_ty, #min, #max, self);))
        }
        None => file.push(quote!(minos_runtime::list!(#name, #element_ty, #min, #max);)),
    }
}

/// A set or a map, whose rule is its size.
fn sized(plan: &Plan<'_>, file: &mut SourceFile, name: &str, it: &Ty, rule: &CollectionRule) {
    let (min, max) = sizes(rule.size.map_or(0, |it| it.min), rule.size.and_then(|it| it.max));
    let own = ident(name);
    let (plain, of, call) = match it {
        Ty::Map(key, value, _) => {
            let plain = Ty::Map(key.clone(), value.clone(), None);
            let of = format!("{} by {}", spelled(plan.model, value), spelled(plan.model, key));
            let (key, value) = (ty::ty(plan, file.uses(), key), ty::ty(plan, file.uses(), value));
            (plain, of, quote!(minos_runtime::map!(#own, #key, #value, #min, #max);))
        }
        Ty::Set(element, _) => {
            let (plain, of) = (Ty::Set(element.clone(), None), spelled(plan.model, element));
            let element = ty::ty(plan, file.uses(), element);
            (plain, of, quote!(minos_runtime::set!(#own, #element, #min, #max);))
        }
        _ => return,
    };
    let plain = ty::ty(plan, file.uses(), &plain);
    newtype(file, name, &describe_list(&of, rule, None), &plain, false, false);
    file.push(call);
}

fn sizes(min: u64, max: Option<u64>) -> (TokenStream, TokenStream) {
    let unsuffixed = |it: u64| {
        let literal = Literal::u64_unsuffixed(it);
        quote!(#literal)
    };
    (unsuffixed(min), max.map_or_else(|| quote!(usize::MAX), unsuffixed))
}

fn signed(value: i64) -> TokenStream {
    let literal = Literal::i64_unsuffixed(value);
    quote!(#literal)
}

/// An end of a decimal's range: `, >= "0"`.
fn end(bound: Option<Bound>, inclusive: &TokenStream, exclusive: &TokenStream) -> Option<TokenStream> {
    let bound = bound?;
    let (text, compared) = (bound.value.normalize().to_string(), if bound.inclusive { inclusive } else { exclusive });
    Some(quote!(, #compared #text))
}

/// A raw string literal, as the spec's own.
fn raw(text: &str) -> TokenStream {
    let hashes = "#".repeat(if text.contains('"') { 3 } else { 0 });
    format!("r{hashes}\"{text}\"{hashes}").parse().unwrap_or_else(|_| quote!(#text))
}

/// The rule in words.
fn describe(base: Base, rule: &Rule) -> String {
    let mut words = match base {
        Base::Bool => "True or false",
        Base::Int => "A whole number",
        Base::Decimal => "An exact decimal",
        Base::Text => "Text",
        Base::Timestamp => "A moment",
        Base::Duration => "A length of time",
        Base::Date => "A date",
    }
    .to_owned();
    if let Some(digits) = rule.digits {
        words.push_str(&format!(" of at most {} digits, {} of them after the point", digits.precision, digits.scale));
    }
    if let Some(length) = rule.length {
        words.push_str(&match length.max {
            Some(max) => format!(" of {} to {max} characters", length.min),
            None => format!(" of at least {} characters", length.min),
        });
    }
    if let Some(pattern) = &rule.pattern {
        words.push_str(&format!(" that matches `{pattern}`"));
    }
    let range = |bound: Bound, inclusive: &str, exclusive: &str| {
        format!(", {} {}", if bound.inclusive { inclusive } else { exclusive }, bound.value.normalize())
    };
    words.extend(rule.min.map(|it| range(it, "at least", "more than")));
    words.extend(rule.max.map(|it| range(it, "at most", "less than")));
    words.push('.');
    words
}

/// The rule of a collection of that in words.
fn describe_list(of: &str, rule: &CollectionRule, by: Option<&str>) -> String {
    let of = format!("of `{of}`");
    let mut words = match rule.size {
        Some(size) => match size.max {
            Some(max) => format!("{} to {max} {of}", size.min),
            None => format!("At least {} {of}", size.min),
        },
        None => format!("Any number {of}"),
    };
    match by {
        Some(field) => words.push_str(&format!(", no two with the same `{field}`")),
        None if rule.distinct.is_some() => words.push_str(", no two the same"),
        None => {}
    }
    words.push('.');
    words
}
