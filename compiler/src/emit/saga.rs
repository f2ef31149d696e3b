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
//!     const STEPS: &'static [StepDef] = &[StepDef { name: "credit", kind: StepKind::Compensatable, … }, …];
//!
//!     fn act(&self, step: &str, branch: usize) -> Result<Action, Refusal> {
//!         let placing = &self.placing;
//!         match step {
//!             "credit" => Ok(Action::send(&placing.customer, &customer::HoldCredit { … })),
//!             …
//!         }
//!     }
//! }
//! ```

use minos_dsl::model::{Call, CallTarget, Cursor, Expr, ExprKind, Phase, Saga, Step, Subdomain, Ty};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::nouns::docs_or;
use super::view::event_path;
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::code::Code;
use crate::rust::expr::Scope;
use crate::rust::name::{field, ident, module_of, type_name};

mod calls;

use calls::call;
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
    let docs = docs_or(&saga.docs, || format!("The saga `{}`.", saga.path()));
    let path = format!("sagas/{module}.rs");
    let mut file = SourceFile::new(
        &path,
        &format!("crate::sagas::{module}"),
        &super::origin(plan, saga.span),
        &docs,
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
    let at = knows.at.then(|| {
        let timestamp = uses.runtime("value", "Timestamp");
        quote!(at: #timestamp,)
    });
    let entered = knows.entered.then(|| {
        let status = Scope::new(plan, uses).ty(&Ty::Status(trigger.get().aggregate));
        quote!(entered: #status,)
    });
    let event_id = knows.creates.then(|| {
        let uuid = uses.runtime("value", "Uuid");
        quote!(event_id: #uuid,)
    });
    let bound = bound_answers(saga).map(|(_, local, answer)| {
        let (name, ty) = (field(&local.name), Scope::new(plan, uses).ty(answer));
        quote!(#name: Option<#ty>,)
    });
    let (name, docs) =
        (ident(&type_name(&saga.name, "Saga")), docs.lines().map(|line| format!(" {line}")).collect::<Vec<_>>());
    let item = quote! {
        #(#[doc = #docs])*
        #[derive(Clone, Debug)]
        pub struct #name {
            id: #id,
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
    let (saga_trait, step_def, action, refusal, recorded, decode) = (
        uses.runtime("saga", "Saga"),
        uses.runtime("saga", "StepDef"),
        uses.runtime("saga", "Action"),
        uses.runtime("refusal", "Refusal"),
        uses.runtime("event", "Recorded"),
        uses.runtime("event", "DecodeError"),
    );
    let steps = saga.get().steps.iter().map(|it| step_definition(uses, it));
    let alias = &knows.trigger;
    let at = knows.at.then(|| quote!(at: recorded.at,));
    let entered = knows.entered.then(|| quote!(entered: recorded.state()?,));
    let event_id = knows.creates.then(|| quote!(event_id: recorded.event_id,));
    let bound = bound_answers(saga).map(|(_, local, _)| {
        let name = field(&local.name);
        quote!(#name: None)
    });
    let (bind, branches, act, undo, failed) = (
        bind(uses, saga),
        branches(plan, uses, saga),
        act(plan, uses, saga),
        undo(plan, uses, saga),
        failed(plan, uses, saga),
    );
    let kinds = saga.get().steps.iter().map(|it| {
        let (name, kind) = (it.name.to_string(), step_kind(it));
        quote!(#name #kind)
    });
    let definition = definition(&[&act, &undo, &branches, &failed, &quote!(#(#kinds)*)]);
    quote! {
        impl #saga_trait for #name {
            const NAME: &'static str = #wire;
            const DEFINITION: &'static str = #definition;
            const TRIGGER: &'static str = #trigger::TYPE;
            const STEPS: &'static [#step_def] = &[#(#steps),*];

            fn new(recorded: &#recorded) -> Result<Self, #decode> {
                Ok(Self { id: recorded.id()?, #alias: recorded.payload()?, #at #entered #event_id #(#bound),* })
            }

            #bind
            #branches

            fn act(&self, step: &str, branch: usize) -> Result<#action, #refusal> {
                #act
            }

            #undo
            #failed
        }
    }
}

/// A text that changes when the saga's meaning does: what each step does and undoes, and of which kind it is. How long and how often
/// a step is tried is none of it.
fn definition(parts: &[&TokenStream]) -> String {
    use sha2::{Digest, Sha256};
    let text = parts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn step_kind(step: &Step) -> TokenStream {
    match step.phase {
        Phase::Before => quote!(Compensatable),
        Phase::Pivot => quote!(Pivot),
        Phase::After => quote!(Retriable),
    }
}

fn step_definition(uses: &Uses, step: &Step) -> TokenStream {
    let (step_def, kind, retry) =
        (uses.runtime("saga", "StepDef"), uses.runtime("saga", "StepKind"), uses.runtime("saga", "Retry"));
    let duration = |micros: i64| {
        let duration = uses.item("std::time", "Duration");
        if micros % 1_000_000 == 0 {
            let seconds = Literal::i64_unsuffixed(micros / 1_000_000);
            quote!(#duration::from_secs(#seconds))
        } else if micros % 1_000 == 0 {
            let millis = Literal::i64_unsuffixed(micros / 1_000);
            quote!(#duration::from_millis(#millis))
        } else {
            let micros = Literal::i64_unsuffixed(micros);
            quote!(#duration::from_micros(#micros))
        }
    };
    let name = step.name.to_string();
    let phase = step_kind(step);
    let timeout = step.timeout.map_or_else(|| quote!(#step_def::DEFAULT_TIMEOUT), duration);
    let retry = match step.retry {
        None => quote!(#retry::DEFAULT),
        Some(given) => {
            let (times, first, longest) =
                (Literal::u32_unsuffixed(given.times), duration(given.from), duration(given.to));
            quote!(#retry { times: #times, first: #first, longest: #longest })
        }
    };
    quote!(#step_def { name: #name, kind: #kind::#phase, timeout: #timeout, retry: #retry })
}

fn bind(uses: &Uses, saga: Cursor<'_, Saga>) -> Option<TokenStream> {
    let bound: Vec<TokenStream> = bound_answers(saga)
        .map(|(step, local, _)| {
            let (answer, step, name) = (uses.runtime("saga", "answer"), step.name.to_string(), field(&local.name));
            quote!(if step == #step { self.#name = #answer(step, result)?; })
        })
        .collect();
    if bound.is_empty() {
        return None;
    }
    let decode = uses.runtime("event", "DecodeError");
    Some(quote! {
        fn bind(&mut self, step: &str, result: &str) -> Result<(), #decode> {
            #(#bound)*
            Ok(())
        }
    })
}

/// The scope of a step: the trigger is a variable, answers are.
fn scope<'a>(plan: &'a Plan<'a>, uses: &'a Uses, saga: Cursor<'_, Saga>, knows: &Knows) -> Scope<'a> {
    let mut scope = Scope::new(plan, uses);
    let alias = &knows.trigger;
    scope.payload = quote!(self.#alias);
    scope.payload_names = saga.trigger().payload.iter().map(|it| it.name.to_string()).collect();
    scope.envelope.id = Code::place(quote!(self.id));
    scope.envelope.at = Code::place(quote!(self.at));
    scope.envelope.entered = Code::place(quote!(self.entered));
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

/// The variables that a call reads: the answers of steps before, the branch's element.
fn prelude<'m>(scope: &Scope<'_>, saga: Cursor<'m, Saga>, step: &Step, call: &Call) -> TokenStream {
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
        let (bound, name, kept) =
            (scope.uses.runtime("saga", "bound"), scope.variable(&local.name), field(&local.name));
        tokens.extend(quote!(let #name = #bound(&self.#kept)?;));
    }
    if let Some(each) = step.each.as_ref().filter(|it| reads(it.each.index)) {
        let (element, name, of) =
            (scope.uses.runtime("saga", "element"), scope.variable(&each.each.name), scope.borrowed(&each.of));
        tokens.extend(quote!(let #name = #element(#of, branch)?;));
    }
    tokens
}

fn branches<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let knows = Knows::of(saga);
    let scope = scope(plan, uses, saga, &knows);
    let arms: Vec<TokenStream> = saga
        .get()
        .steps
        .iter()
        .filter_map(|step| {
            let (each, name) = (step.each.as_ref()?, step.name.to_string());
            let of = scope.code(&each.of).receiver();
            Some(quote!(#name => Ok(#of.len()),))
        })
        .collect();
    if arms.is_empty() {
        return TokenStream::new();
    }
    let refusal = uses.runtime("refusal", "Refusal");
    quote! {
        fn branches(&self, step: &str) -> Result<usize, #refusal> {
            match step {
                #(#arms)*
                _ => Ok(1),
            }
        }
    }
}

fn act<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let knows = Knows::of(saga);
    let scope = scope(plan, uses, saga, &knows);
    let missing = uses.runtime("saga", "missing");
    let arms: Vec<TokenStream> = saga
        .get()
        .steps
        .iter()
        .map(|step| {
            let (name, prelude, call) = (
                step.name.to_string(),
                prelude(&scope, saga, step, &step.action),
                call(&scope, &step.action, &Creator::Step(step.name.to_string())),
            );
            if prelude.is_empty() { quote!(#name => #call,) } else { quote!(#name => { #prelude #call }) }
        })
        .collect();
    let unused = (!arms.iter().any(|it| it.to_string().contains("branch"))).then(|| quote!(let _ = branch;));
    quote! {
        #unused
        let action = match step {
            #(#arms)*
            _ => return Err(#missing("such step")),
        };
        Ok(action)
    }
}

fn undo<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let knows = Knows::of(saga);
    let scope = scope(plan, uses, saga, &knows);
    let arms: Vec<TokenStream> = saga
        .get()
        .steps
        .iter()
        .filter_map(|step| {
            let undo = step.undo.as_ref()?;
            let (name, prelude, call) = (
                step.name.to_string(),
                prelude(&scope, saga, step, undo),
                call(&scope, undo, &Creator::Step(step.name.to_string())),
            );
            Some(if prelude.is_empty() { quote!(#name => #call,) } else { quote!(#name => { #prelude #call }) })
        })
        .collect();
    if arms.is_empty() {
        return TokenStream::new();
    }
    let branch = if arms.iter().any(|it| it.to_string().contains("branch")) { quote!(branch) } else { quote!(_) };
    let (action, refusal) = (uses.runtime("saga", "Action"), uses.runtime("refusal", "Refusal"));
    quote! {
        fn undo(&self, step: &str, #branch: usize) -> Result<Option<#action>, #refusal> {
            let action = match step {
                #(#arms)*
                _ => return Ok(None),
            };
            Ok(Some(action))
        }
    }
}

fn failed<'m>(plan: &Plan<'m>, uses: &Uses, saga: Cursor<'m, Saga>) -> TokenStream {
    let failed = &saga.get().failed;
    if failed.is_empty() {
        return TokenStream::new();
    }
    let knows = Knows::of(saga);
    let scope = scope(plan, uses, saga, &knows);
    let body = reactions(&scope, failed, &Creator::Failed);
    let (action, refusal) = (uses.runtime("saga", "Action"), uses.runtime("refusal", "Refusal"));
    let failure = if body.to_string().contains("failure") { quote!(failure) } else { quote!(_) };
    quote! {
        fn failed(&self, #failure: &#refusal) -> Result<Vec<#action>, #refusal> {
            #body
        }
    }
}
