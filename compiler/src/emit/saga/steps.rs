//! The steps of a saga: their table, and a function for what each does and undoes.

use std::collections::BTreeSet;

use minos_dsl::model::{Call, CallTarget, Cursor, ExprKind, Phase, Saga, Step};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::calls::{Creator, call};
use super::{prelude, scope};
use crate::output::source_file::Uses;
use crate::plan::Plan;
use crate::rust::name::{field, snake};

/// What the functions of a step are called.
pub(super) struct Names {
    act: Ident,
    undo: Ident,
}

/// The names of all steps' functions, in order.
pub(super) fn names(saga: Cursor<'_, Saga>) -> Vec<Names> {
    let mut taken: BTreeSet<String> = ["new".to_owned(), "failed".to_owned()].into();
    let mut free = |mut name: String| {
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        field(&name)
    };
    let steps = saga.get().steps.iter().map(|step| snake(&step.name));
    steps.map(|step| Names { act: free(step.clone()), undo: free(format!("undo_{step}")) }).collect()
}

/// `Step::compensatable("credit", Self::credit).undo(Self::undo_credit)`.
pub(super) fn entry<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    names: &Names,
) -> TokenStream {
    let (step_ty, name, act) = (uses.runtime("saga", "Step"), step.name.to_string(), &names.act);
    let constructor = field(match step.phase {
        Phase::Before => "compensatable",
        Phase::Pivot => "pivot",
        Phase::After => "retriable",
    });
    let branches = branches(plan, uses, saga, step).map(|count| quote!(.branches(|saga| #count)));
    let undo = step.undo.as_ref().map(|_| {
        let undo = &names.undo;
        quote!(.undo(Self::#undo))
    });
    let answered = step.answer.as_ref().filter(|_| !matches!(step.action.target, CallTarget::Create(_)));
    let bind = answered.map(|(local, _)| {
        let (keep, kept) = (uses.runtime("saga", "keep"), field(&local.name));
        quote!(.bind(|saga, answer| #keep(&mut saga.#kept, answer)))
    });
    let timeout = step.timeout.map(|micros| {
        let timeout = duration(uses, micros);
        quote!(.timeout(#timeout))
    });
    let retry = step.retry.map(|it| {
        let (times, first, longest) =
            (Literal::u32_unsuffixed(it.times), duration(uses, it.from), duration(uses, it.to));
        quote!(.retry(#times, #first, #longest))
    });
    quote!(#step_ty::#constructor(#name, Self::#act) #branches #undo #bind #timeout #retry)
}

fn duration(uses: &Uses, micros: i64) -> TokenStream {
    let duration = uses.item("std::time", "Duration");
    let (constructor, count) = match micros {
        _ if micros % 1_000_000 == 0 => ("from_secs", micros / 1_000_000),
        _ if micros % 1_000 == 0 => ("from_millis", micros / 1_000),
        _ => ("from_micros", micros),
    };
    let (constructor, count) = (field(constructor), Literal::i64_unsuffixed(count));
    quote!(#duration::#constructor(#count))
}

/// How many branches a step has, where it says so.
pub(super) fn branches<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
) -> Option<TokenStream> {
    let each = step.each.as_ref()?;
    let scope = scope(plan, uses, saga, &quote!(saga));
    let of = scope.code(&each.of).receiver();
    Some(quote!(Ok(#of.len())))
}

/// What a step does and undoes.
pub(super) fn functions<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    names: &Names,
) -> TokenStream {
    let act = function(plan, uses, saga, step, &names.act, &step.action);
    let undo = step.undo.as_ref().map(|it| function(plan, uses, saga, step, &names.undo, it));
    let docs = step.docs.iter().flat_map(|docs| docs.lines()).map(|line| format!(" {line}"));
    quote!(#(#[doc = #docs])* #act #undo)
}

fn function<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    name: &Ident,
    it: &'m Call,
) -> TokenStream {
    let scope = scope(plan, uses, saga, &quote!(self));
    let (prelude, call) = (prelude(&scope, saga, step, it), call(&scope, it, &Creator::Step(step.name.to_string())));
    let (action, refusal) = (uses.runtime("saga", "Action"), uses.runtime("refusal", "Refusal"));
    let branch = if reads_branch(step, it) { quote!(branch) } else { quote!(_) };
    quote! {
        fn #name(&self, #branch: usize) -> Result<#action, #refusal> {
            #prelude
            Ok(#call)
        }
    }
}

/// Whether what is called depends on the branch.
fn reads_branch(step: &Step, it: &Call) -> bool {
    let element = step.each.as_ref().map(|each| each.each.index);
    let reads =
        |node: &minos_dsl::model::Expr| matches!(&node.kind, ExprKind::Local(local) if Some(local.index) == element);
    matches!(it.target, CallTarget::Create(_)) || it.expressions().any(|expr| expr.any(reads))
}
