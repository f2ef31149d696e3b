//! `policies.rs`: whenever this happened, do that.
//!
//! ```text
//! pub struct Settle;
//!
//! impl Policy for Settle {
//!     const NAME: &'static str = "orders.Settle";
//!     const FOLLOWS: &'static [&'static str] = &[order::Shipped::TYPE];
//!
//!     fn react(recorded: &Recorded) -> Result<Vec<Action>, HandlingError> {
//!         let id: OrderId = recorded.id()?;
//!         let e: order::Shipped = recorded.payload()?;
//!         let mut actions = vec![Action::send(&e.customer, &customer::ReleaseCredit { order: id })];
//!         for line in &e.lines {
//!             actions.push(Action::send(&line.product, &product::Take { order: id }));
//!         }
//!         Ok(actions)
//!     }
//! }
//! ```

use minos_dsl::model::{Call, Cursor, Expr, ExprKind, Policy, PolicyCase, Reaction, Subdomain};
use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::saga::{Creator, reactions};
use super::view::{event_path, free_name};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::expr::Scope;
use crate::rust::name::{ident, type_name};

pub(super) fn emit<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> Option<SourceFile> {
    let policies: Vec<Cursor<'m, Policy>> = subdomain.policies().collect();
    let first = policies.first()?;
    let own: Vec<String> = policies.iter().map(|it| type_name(&it.name, "Policy")).collect();
    let origin = super::origin(plan, first.span);
    let mut file = SourceFile::new("policies.rs", "crate::policies", &origin, "Whenever this happened, do that.", &own);
    for policy in policies {
        let items = one(plan, file.uses(), policy);
        file.push(items);
    }
    Some(file)
}

fn one<'m>(plan: &Plan<'m>, uses: &Uses, policy: Cursor<'m, Policy>) -> TokenStream {
    let (name, wire) = (ident(&type_name(&policy.name, "Policy")), policy.path());
    let docs = docs::policy(plan, policy);
    let docs = docs.lines().map(|line| format!(" {line}"));
    let cases = &policy.get().cases;
    let events: Vec<TokenStream> = cases.iter().map(|case| event_path(plan, uses, plan.model.at(case.event))).collect();
    uses.bring("event", "EventPayload");
    let error = uses.runtime("log", "HandlingError");
    let bodies: Vec<TokenStream> = cases.iter().map(|case| case_body(plan, uses, policy, case)).collect();
    let body = match bodies.as_slice() {
        [one] => one.clone(),
        _ => {
            let mut arms: Vec<(Vec<&TokenStream>, &TokenStream)> = Vec::new();
            for (event, body) in events.iter().zip(&bodies) {
                match arms.iter_mut().find(|(_, known)| known.to_string() == body.to_string()) {
                    Some((events, _)) => events.push(event),
                    None => arms.push((vec![event], body)),
                }
            }
            let arms = arms.into_iter().map(|(events, body)| quote!(#(#events::TYPE)|* => { #body }));
            quote!(match recorded.event_type.as_str() { #(#arms)* _ => Err(#error::not_followed(recorded)), })
        }
    };
    let (policy_trait, recorded, action) =
        (uses.runtime("saga", "Policy"), uses.runtime("event", "Recorded"), uses.runtime("saga", "Action"));
    quote! {
        #(#[doc = #docs])*
        pub struct #name;

        impl #policy_trait for #name {
            const NAME: &'static str = #wire;
            const FOLLOWS: &'static [&'static str] = &[#(#events::TYPE),*];

            fn react(recorded: &#recorded) -> Result<Vec<#action>, #error> {
                #body
            }
        }
    }
}

fn case_body<'m>(plan: &Plan<'m>, uses: &Uses, policy: Cursor<'m, Policy>, case: &PolicyCase) -> TokenStream {
    let event = plan.model.at(case.event);
    let alias = free_name(policy.alias.as_deref().unwrap_or("event"));
    let mut scope = Scope::new(plan, uses);
    scope.payload = quote!(#alias);
    scope.payload_names = event.get().payload.iter().map(|it| it.name.to_string()).collect();
    let mut reads = (false, false);
    each_expr(&case.body, &mut |expr| {
        reads.0 |= expr.any(|node| matches!(node.kind, ExprKind::EventStream));
        reads.1 |= expr.any(|node| matches!(node.kind, ExprKind::Payload(_)));
    });
    let id = reads.0.then(|| {
        let place = plan.id_place(event.aggregate());
        let id = uses.item(&place.module, &place.name);
        quote!(let id: #id = recorded.id()?;)
    });
    let payload = reads.1.then(|| {
        let path = event_path(plan, uses, event);
        quote!(let #alias: #path = recorded.payload()?;)
    });
    let body = reactions(&scope, &case.body, &Creator::Policy);
    quote!(#id #payload #body)
}

/// Every expression of what is done.
pub(super) fn each_expr(body: &[Reaction], visit: &mut dyn FnMut(&Expr)) {
    for reaction in body {
        match reaction {
            Reaction::Let { value, .. } => visit(value),
            Reaction::Do(call) => Call::expressions(call).for_each(&mut *visit),
            Reaction::If { condition, then, otherwise } => {
                visit(condition);
                each_expr(then, visit);
                each_expr(otherwise, visit);
            }
            Reaction::For { of, body, .. } => {
                visit(of);
                each_expr(body, visit);
            }
        }
    }
}
