//! What steps, `failed` and policies do: commands sent, ports called.

use minos_dsl::model::{Call, CallTarget, Reaction, Ty};
use proc_macro2::TokenStream;
use quote::quote;

use crate::plan::Plan;
use crate::rust::code::conditional;
use crate::rust::expr::Scope;
use crate::rust::name::{ident, module_of};

/// The body that gives the actions of `failed` or of a policy.
pub(in crate::emit) fn reactions(scope: &Scope<'_>, body: &[Reaction], creator: &Creator) -> TokenStream {
    let simple = |it: &&Reaction| matches!(it, Reaction::Do(call) if !matches!(call.target, CallTarget::Create(_)));
    let leading = body.iter().take_while(simple).count();
    let (first, rest) = body.split_at(leading);
    let calls =
        first.iter().filter_map(|it| if let Reaction::Do(it) = it { Some(call(scope, it, creator)) } else { None });
    let start = if first.is_empty() { quote!(Vec::new()) } else { quote!(vec![#(#calls),*]) };
    if rest.is_empty() {
        return quote!(Ok(#start));
    }
    let rest = rest.iter().map(|it| reaction(scope, it, creator));
    quote!(let mut actions = #start; #(#rest)* Ok(actions))
}

fn reaction(scope: &Scope<'_>, it: &Reaction, creator: &Creator) -> TokenStream {
    match it {
        Reaction::Let { local, value } => {
            let (name, value) = (scope.variable(&local.name), scope.owned(value));
            quote!(let #name = #value;)
        }
        Reaction::Do(it) => {
            let call = call(scope, it, creator);
            if matches!(it.target, CallTarget::Create(_)) {
                // The id derives from the number of actions before.
                return quote!(let action = #call; actions.push(action););
            }
            quote!(actions.push(#call);)
        }
        Reaction::If { condition, then, otherwise } => {
            let present = match then.split_first() {
                Some((Reaction::Let { local, value }, rest)) => {
                    scope.if_present(condition, local, value, false).map(|it| (it, rest))
                }
                _ => None,
            };
            let (condition, inner, then) = match &present {
                Some(((condition, inner), rest)) => (condition.clone(), inner, *rest),
                None => (scope.code(condition).condition(), scope, then.as_slice()),
            };
            let then: TokenStream = then.iter().map(|it| reaction(inner, it, creator)).collect();
            let otherwise: TokenStream = otherwise.iter().map(|it| reaction(scope, it, creator)).collect();
            conditional(&condition, &then, &otherwise)
        }
        Reaction::For { each, of, body, .. } => {
            let (name, of, inner) = (scope.variable(&each.name), scope.borrowed(of), scope.with_local(each, true));
            let body = body.iter().map(|it| reaction(&inner, it, creator));
            quote!(for #name in #of { #(#body)* })
        }
    }
}

/// What the id of a created aggregate derives from.
pub(in crate::emit) enum Creator {
    /// The step of a saga.
    Step(String),
    /// `failed` of a saga.
    Failed,
    /// A policy.
    Policy,
}

impl Creator {
    /// Event, step and branch, as arguments of `created`.
    fn place(&self) -> TokenStream {
        match self {
            Self::Step(step) => quote!(self.event_id, #step, branch),
            Self::Failed => quote!(self.event_id, "failed", actions.len()),
            Self::Policy => quote!(recorded.event_id, "", actions.len()),
        }
    }
}

/// `Action::send(&id, &product::Release { … })`, `Action::call("orders.Payments", "charge", &Charge { … })`.
pub(super) fn call(scope: &Scope<'_>, it: &Call, creator: &Creator) -> TokenStream {
    let (plan, uses) = (scope.plan, scope.uses);
    let action = uses.runtime("saga", "Action");
    let record = |names: Vec<&str>| scope.record(&names, &it.arguments);
    match &it.target {
        CallTarget::Command { command, .. } | CallTarget::Create(command) => {
            let command = plan.model.at(*command);
            let module = plan.aggregate_module(command.aggregate());
            let (parent, last) = module.rsplit_once("::").unwrap_or(("crate", &module));
            let (module, name) = (uses.item(parent, last), ident(&plan.command_name(command)));
            let fields = record(command.get().params.iter().map(|it| it.name.as_str()).collect());
            match &it.target {
                CallTarget::Command { id, .. } => {
                    let id = scope.borrowed(id);
                    quote!(#action::send(#id, &#module::#name { #fields }))
                }
                _ => {
                    let (created, id, from) =
                        (uses.runtime("saga", "created"), scope.ty(&Ty::Id(command.get().aggregate)), creator.place());
                    quote!(#action::send(&#created::<#id>(Self::NAME, #from), &#module::#name { #fields }))
                }
            }
        }
        CallTarget::Port(operation) => {
            let operation = plan.model.at(*operation);
            let port = operation.port();
            let (module, name) =
                (uses.item("crate::ports", &module_of(&port.name)), ident(&Plan::arguments_name(operation)));
            let fields = record(operation.get().params.iter().map(|it| it.name.as_str()).collect());
            quote!(#action::call(&#module::#name { #fields }))
        }
    }
}
