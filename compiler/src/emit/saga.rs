//! `sagas.rs`, `sagas/fulfilment.rs`: steps over several aggregates, and what takes them back.
//!
//! ```text
//! pub struct Fulfilment {
//!     id: OrderId,
//!     placing: order::Placed,
//!     receipt: Option<Receipt>,
//! }
//!
//! impl Saga for Fulfilment {
//!     const STEPS: &'static [Step<Self>] = &[
//!         Step::compensatable("credit", |saga, _| saga.credit()).undo(|saga, _| saga.undo_credit()),
//!         Step::pivot("charge", |saga, _| saga.charge()).bind(|saga, answer| keep(&mut saga.receipt, answer)),
//!         …
//!     ];
//! }
//!
//! impl Fulfilment {
//!     fn credit(&self) -> Result<Action, Refusal> {
//!         Ok(Action::send(&self.placing.customer, &customer::HoldCredit { … }))
//!     }
//! }
//! ```

use minos_dsl::model::{Call, CallTarget, Cursor, Expr, ExprKind, Saga, Step, Subdomain, Ty};
use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::nouns::docs_or;
use super::policies::each_expr as each_reaction;
use super::view::event_path;
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::{Plan, definition};
use crate::rust::code::Code;
use crate::rust::expr::Scope;
use crate::rust::name::{field, ident, module_of, type_name};

mod calls;
mod steps;

pub(super) use calls::{Creator, reactions};

pub(super) fn emit_all<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> Vec<SourceFile> {
    let sagas: Vec<Cursor<'m, Saga>> = subdomain.sagas().collect();
    let Some(first) = sagas.first() else { return Vec::new() };
    let mut names: Vec<String> = sagas.iter().map(|it| module_of(&it.name)).collect();
    names.sort();
    let docs = "Work over several aggregates that is undone if a step refuses.";
    let mut files = vec![super::module_list("sagas.rs", &super::origin(plan, first.span), docs, &names)];
    files.extend(sagas.into_iter().map(|it| emit(plan, it)));
    files
}

fn emit<'m>(plan: &Plan<'m>, saga: Cursor<'m, Saga>) -> SourceFile {
    let name = type_name(&saga.name, "Saga");
    let module = module_of(&saga.name);
    let (known, docs) = (docs::saga(saga), docs_or(&saga.docs, || docs::saga(saga)));
    let path = format!("sagas/{module}.rs");
    let mut file = SourceFile::new(
        &path,
        &format!("crate::sagas::{module}"),
        &super::origin(plan, saga.span),
        &known,
        std::slice::from_ref(&name),
    );
    state(plan, &mut file, saga, &docs);
    let behaviour = behaviour(plan, file.uses(), saga);
    file.push(behaviour);
    file
}

/// What a saga knows: the trigger and the answers bound so far.
struct Knows {
    /// The trigger's payload: `placing`.
    trigger: proc_macro2::Ident,
    /// Whether `e.at` is read.
    at: bool,
    /// Whether `e.entered` is read.
    entered: bool,
    /// Whether a step creates an aggregate: its id derives from the trigger's.
    creates: bool,
}

impl Knows {
    fn of(saga: Cursor<'_, Saga>) -> Self {
        let mut knows = Self {
            trigger: field(saga.alias.as_deref().unwrap_or("trigger")),
            at: false,
            entered: false,
            creates: false,
        };
        knows.creates = saga.calls().any(|it| matches!(it.target, CallTarget::Create(_)));
        if ["id", "at", "entered", "event_id"].iter().any(|taken| knows.trigger == taken) {
            knows.trigger = field("trigger");
        }
        each_expr(saga, &mut |expr| {
            knows.at |= expr.any(|node| matches!(node.kind, ExprKind::EventAt));
            knows.entered |= expr.any(|node| matches!(node.kind, ExprKind::EventEntered));
        });
        knows
    }
}

fn each_expr<'m>(saga: Cursor<'m, Saga>, visit: &mut dyn FnMut(&'m Expr)) {
    saga.calls().flat_map(Call::expressions).for_each(&mut *visit);
    saga.get().steps.iter().filter_map(|it| it.each.as_ref()).for_each(|it| visit(&it.of));
}

fn answers<'m>(saga: Cursor<'m, Saga>) -> impl Iterator<Item = (&'m Step, &'m minos_dsl::model::Local, &'m Ty)> {
    saga.get().steps.iter().filter_map(|step| step.answer.as_ref().map(|(local, ty)| (step, local, ty)))
}

/// The struct. Its fields are its own.
fn state<'m>(plan: &Plan<'m>, file: &mut SourceFile, saga: Cursor<'m, Saga>, docs: &str) {
    let uses = file.uses();
    let knows = Knows::of(saga);
    let trigger = saga.trigger();
    let (id, payload, trigger_name) = (id_ty(plan, uses, saga), event_path(plan, uses, trigger), &knows.trigger);
    let whose = format!(" The `{}` that the event happened to.", trigger.aggregate().path());
    let began = format!(" The event `{}`, which began it.", trigger.path());
    let at = knows.at.then(|| {
        let timestamp = uses.runtime("value", "Timestamp");
        quote!(
            /// When that happened.
            at: #timestamp,
        )
    });
    let entered = knows.entered.then(|| {
        let status = Scope::new(plan, uses).ty(&Ty::Status(trigger.get().aggregate));
        quote!(
            /// The state that it entered.
            entered: #status,
        )
    });
    let event_id = knows.creates.then(|| {
        let uuid = uses.runtime("value", "Uuid");
        quote!(
            /// The event's id, from which those of created aggregates derive.
            event_id: #uuid,
        )
    });
    let bound = bound_answers(saga).map(|(step, local, answer)| {
        let (name, ty) = (field(&local.name), Scope::new(plan, uses).ty(answer));
        let docs = format!(" What `{}` answered, from then on.", step.name);
        quote!(#[doc = #docs] #name: Option<#ty>,)
    });
    let (name, docs) =
        (ident(&type_name(&saga.name, "Saga")), docs.lines().map(|line| format!(" {line}")).collect::<Vec<_>>());
    let item = quote! {
        #(#[doc = #docs])*
        #[derive(Clone, Debug)]
        pub struct #name {
            #[doc = #whose]
            id: #id,
            #[doc = #began]
            #trigger_name: #payload,
            #at
            #entered
            #event_id
            #(#bound)*
        }
    };
    file.push(item);
}

/// Answers that come from outside; the id of what a step creates is known beforehand.
fn bound_answers<'m>(saga: Cursor<'m, Saga>) -> impl Iterator<Item = (&'m Step, &'m minos_dsl::model::Local, &'m Ty)> {
    answers(saga).filter(|(step, _, _)| !matches!(step.action.target, CallTarget::Create(_)))
}

fn id_ty<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let place = plan.id_place(saga.trigger().aggregate());
    let id = uses.item(&place.module, &place.name);
    quote!(#id)
}

fn behaviour<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let (name, wire, trigger) =
        (ident(&type_name(&saga.name, "Saga")), saga.path(), event_path(plan, uses, saga.trigger()));
    uses.bring("event", "EventPayload");
    let knows = Knows::of(saga);
    let (saga_trait, step, recorded, decode) = (
        uses.runtime("saga", "Saga"),
        uses.runtime("saga", "Step"),
        uses.runtime("event", "Recorded"),
        uses.runtime("event", "DecodeError"),
    );
    let names = steps::names(saga);
    let steps = saga.get().steps.iter().zip(&names).map(|(it, names)| steps::entry(plan, uses, saga, it, names));
    let functions: Vec<TokenStream> =
        saga.get().steps.iter().zip(&names).map(|(it, names)| steps::functions(plan, uses, saga, it, names)).collect();
    let alias = &knows.trigger;
    let at = knows.at.then(|| quote!(at: recorded.at,));
    let entered = knows.entered.then(|| quote!(entered: recorded.entered()?,));
    let event_id = knows.creates.then(|| quote!(event_id: recorded.event_id,));
    let bound = bound_answers(saga).map(|(_, local, _)| {
        let name = field(&local.name);
        quote!(#name: None)
    });
    let failed = failed(plan, uses, saga);
    let definition = definition::saga(saga);
    quote! {
        impl #saga_trait for #name {
            const NAME: &'static str = #wire;
            /// A hash of what the steps mean, timeouts and retries aside: a saga that began under another one is stuck until an operator decides.
            const DEFINITION: &'static str = #definition;
            const TRIGGER: &'static str = #trigger::TYPE;
            const STEPS: &'static [#step<Self>] = &[#(#steps),*];

            fn new(recorded: &#recorded) -> Result<Self, #decode> {
                Ok(Self { id: recorded.id()?, #alias: recorded.payload()?, #at #entered #event_id #(#bound),* })
            }

            #failed
        }

        impl #name {
            #(#functions)*
        }
    }
}

/// The scope of a step: what is known is in fields of `holder`, answers are variables.
fn scope<'a>(plan: &'a Plan<'a>, uses: &'a Uses, saga: Cursor<'_, Saga>, holder: &TokenStream) -> Scope<'a> {
    let mut scope = Scope::new(plan, uses);
    let alias = Knows::of(saga).trigger;
    scope.payload = quote!(#holder.#alias);
    scope.payload_names = saga.trigger().payload.iter().map(|it| it.name.to_string()).collect();
    scope.envelope.id = Code::place(quote!(#holder.id));
    scope.envelope.at = Code::place(quote!(#holder.at));
    scope.envelope.entered = Code::place(quote!(#holder.entered));
    saga.get().steps.iter().for_each(|step| {
        if let Some((local, _)) = &step.answer {
            scope.references.insert(local.index, !matches!(step.action.target, CallTarget::Create(_)));
        }
        if let Some(each) = &step.each {
            scope.references.insert(each.each.index, true);
        }
    });
    scope
}

/// The variables that a call reads: the answers of steps before.
fn prelude<'m>(scope: &Scope<'_>, saga: Cursor<'m, Saga>, call: &Call) -> TokenStream {
    let reads = |index: u32| {
        call.expressions().any(|it| it.any(|node| matches!(&node.kind, ExprKind::Local(local) if local.index == index)))
    };
    let mut tokens = TokenStream::new();
    for (step, local, answer) in answers(saga).filter(|(_, local, _)| reads(local.index)) {
        if matches!(step.action.target, CallTarget::Create(_)) {
            let (created, name, ty, step) = (
                scope.uses.runtime("saga", "created"),
                scope.variable(&local.name),
                scope.ty(answer),
                step.name.to_string(),
            );
            tokens.extend(quote!(let #name = #created::<#ty>(Self::NAME, self.event_id, #step, 0);));
            continue;
        }
        let (bound, name, kept, step) = (
            scope.uses.runtime("saga", "bound"),
            scope.variable(&local.name),
            field(&local.name),
            step.name.to_string(),
        );
        tokens.extend(quote!(let #name = #bound(#step, &self.#kept)?;));
    }
    tokens
}

fn failed<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let failed = &saga.get().failed;
    if failed.is_empty() {
        return TokenStream::new();
    }
    let scope = scope(plan, uses, saga, &quote!(self));
    let body = reactions(&scope, failed, &Creator::Failed);
    let (action, refusal) = (uses.runtime("saga", "Action"), uses.runtime("refusal", "Refusal"));
    let mut reads = false;
    each_reaction(failed, &mut |expr| reads |= expr.any(|node| matches!(node.kind, ExprKind::FailureMessage)));
    let failure = if reads { quote!(failure) } else { quote!(_) };
    quote! {
        fn failed(&self, #failure: &#refusal) -> Result<Vec<#action>, #refusal> {
            #body
        }
    }
}
