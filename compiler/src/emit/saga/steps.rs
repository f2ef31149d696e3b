//! The steps of a saga: their table, and a function for what each does and undoes.

use std::collections::BTreeSet;

use minos_dsl::model::{Branches, Call, CallTarget, Cursor, Expr, ExprKind, Phase, Saga, Step};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::super::docs;
use super::calls::{Creator, call};
use super::{prelude, scope};
use crate::output::source_file::Uses;
use crate::plan::Plan;
use crate::rust::expr::Scope;
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

/// `Step::compensatable("credit", |saga, _| saga.credit()).undo(|saga, _| saga.undo_credit())`.
pub(super) fn entry<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    names: &Names,
) -> TokenStream {
    let (step_ty, name) = (uses.runtime("saga", "Step"), step.name.to_string());
    let act = asks(plan, uses, saga, step, &names.act, &step.action, true);
    let constructor = field(match step.phase {
        Phase::Before => "compensatable",
        Phase::Pivot => "pivot",
        Phase::After => "retriable",
    });
    let branches = branches(plan, uses, saga, step).map(|count| quote!(.branches(|saga| #count)));
    let undo = step.undo.as_ref().map(|it| {
        let undo = asks(plan, uses, saga, step, &names.undo, it, false);
        quote!(.undo(#undo))
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
    quote!(#step_ty::#constructor(#name, #act) #branches #undo #bind #timeout #retry)
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

/// `|saga, branch| saga.stock(element(&saga.placing.lines, branch)?)`: what the engine asks of a branch, by the function that says it.
fn asks<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    function: &Ident,
    it: &'m Call,
    acts: bool,
) -> TokenStream {
    let scope = scope(plan, uses, saga, &quote!(saga));
    let Reads { number, element } = Reads::of(step, it);
    let element = element.map(|each| {
        let (element, of) = (uses.runtime("saga", "element"), scope.borrowed(&each.of));
        quote!(#element(#of, branch)?)
    });
    let arguments: Vec<TokenStream> = number.then(|| quote!(branch)).into_iter().chain(element).collect();
    let branch = if arguments.is_empty() { quote!(_) } else { quote!(branch) };
    // Of which saga the first closure must say.
    let of = acts.then(|| quote!(: &Self));
    let asked = quote!(saga.#function(#(#arguments),*));
    let asked = if may_fail(&scope, saga, it) { asked } else { quote!(Ok(#asked)) };
    quote!(|saga #of, #branch| #asked)
}

/// What a step does and undoes.
pub(super) fn functions<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    names: &Names,
) -> TokenStream {
    let docs = docs::step(plan, step);
    let act = function(plan, uses, saga, step, (&names.act, docs), &step.action);
    let undo = step.undo.as_ref().map(|it| {
        let docs = docs::undo(plan, step, it);
        function(plan, uses, saga, step, (&names.undo, docs), it)
    });
    quote!(#act #undo)
}

fn function<'m>(
    plan: &Plan<'m>,
    uses: &Uses,
    saga: Cursor<'m, Saga>,
    step: &'m Step,
    (name, docs): (&Ident, String),
    it: &'m Call,
) -> TokenStream {
    let scope = scope(plan, uses, saga, &quote!(self));
    let (prelude, call) = (prelude(&scope, saga, it), call(&scope, it, &Creator::Step(step.name.to_string())));
    let action = uses.runtime("saga", "Action");
    let (answer, call) = if may_fail(&scope, saga, it) {
        let refusal = uses.runtime("refusal", "Refusal");
        (quote!(Result<#action, #refusal>), quote!(Ok(#call)))
    } else {
        (quote!(#action), call)
    };
    let docs = docs.lines().map(|line| format!(" {line}"));
    let Reads { number, element } = Reads::of(step, it);
    let element = element.map(|each| {
        let (name, ty) = (scope.variable(&each.each.name), scope.ty(&each.ty));
        quote!(#name: &#ty)
    });
    let parameters = number.then(|| quote!(branch: usize)).into_iter().chain(element);
    quote! {
        #(#[doc = #docs])*
        fn #name(&self #(, #parameters)*) -> #answer {
            #prelude
            #call
        }
    }
}

/// Whether it may come to nothing: a result out of range, an answer before it that cannot be read.
fn may_fail(scope: &Scope<'_>, saga: Cursor<'_, Saga>, it: &Call) -> bool {
    let answers: Vec<u32> = super::bound_answers(saga).map(|(_, local, _)| local.index).collect();
    it.expressions().any(|expr| {
        scope.may_fail(expr)
            || expr.any(|node| matches!(&node.kind, ExprKind::Local(local) if answers.contains(&local.index)))
    })
}

/// What a call reads of its branch, beside what the saga knows.
struct Reads<'a> {
    /// Its number, from which the id of what it creates derives.
    number: bool,
    /// Its element.
    element: Option<&'a Branches>,
}

impl<'a> Reads<'a> {
    fn of(step: &'a Step, it: &Call) -> Self {
        let read = |each: &&Branches| {
            let is = |node: &Expr| matches!(&node.kind, ExprKind::Local(local) if local.index == each.each.index);
            it.expressions().any(|expr| expr.any(is))
        };
        Self { number: matches!(it.target, CallTarget::Create(_)), element: step.each.as_ref().filter(read) }
    }
}
