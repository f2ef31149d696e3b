//! `order/timers.rs`: what happens when an aggregate has been in a state for long enough.
//!
//! ```text
//! /// Emits `Cancelled` if `approved` lasts until the time that `Order::timers` says.
//! pub(super) fn approved(decision: &mut Decision<Order>) -> Result<(), Refusal> {
//!     …
//! }
//! ```

use minos_dsl::model::{Aggregate, Cursor, Timer};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::commands::decision_scope;
use super::nouns::docs_or;
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::name::{field, snake, type_name};
use crate::rust::statement;

/// The timers with their names: the state's, and a number from the second of a state on.
pub(super) fn names(aggregate: Cursor<'_, Aggregate>) -> Vec<(String, &Timer)> {
    let it = aggregate.get();
    let mut names: Vec<(String, &Timer)> = Vec::new();
    for timer in &it.timers {
        let state = it.lifecycle.as_ref().map_or("timer", |lifecycle| &lifecycle.states[timer.state as usize].name);
        let earlier = names.iter().filter(|(_, other)| other.state == timer.state).count();
        let name = if earlier == 0 { snake(state) } else { format!("{}_{}", snake(state), earlier + 1) };
        names.push((name, timer));
    }
    names
}

/// A length of time in the largest whole unit.
pub(super) fn duration(uses: &Uses, micros: i64) -> TokenStream {
    let duration = uses.runtime("value", "Duration");
    let units = [
        (3_600_000_000, "from_hours"),
        (60_000_000, "from_mins"),
        (1_000_000, "from_secs"),
        (1_000, "from_millis"),
        (1, "from_micros"),
    ];
    let (unit, constructor) = units.into_iter().find(|(unit, _)| micros % unit == 0).unwrap_or((1, "from_micros"));
    let (constructor, count) = (field(constructor), Literal::i64_unsuffixed(micros / unit));
    quote!(#duration::#constructor(#count))
}

pub(super) fn emit<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> Option<SourceFile> {
    let timers = names(aggregate);
    if timers.is_empty() {
        return None;
    }
    let module = plan.module_name(aggregate);
    let origin = super::origin(plan, aggregate.span);
    let docs = format!("What happens to `{}` in time.", aggregate.path());
    let mut file =
        SourceFile::new(&format!("{module}/timers.rs"), &format!("crate::{module}::timers"), &origin, &docs, &[]);
    for (name, timer) in timers {
        let uses = file.uses();
        let scope = decision_scope(plan, uses, aggregate);
        let state = field(&aggregate.name);
        let body = statement::body(&scope, &state, &timer.body);
        let state_ty = uses.item(&plan.aggregate_module(aggregate), &type_name(&aggregate.name, "Aggregate"));
        let (decision, refusal, function) =
            (uses.runtime("command", "Decision"), uses.runtime("refusal", "Refusal"), field(&name));
        let docs = docs_or(&timer.docs, || super::docs::fired(plan, aggregate, timer));
        let docs = docs.lines().map(|line| format!(" {line}"));
        let item = quote! {
            #(#[doc = #docs])*
            pub(super) fn #function(decision: &mut #decision<#state_ty>) -> Result<(), #refusal> {
                #body
            }
        };
        file.push(item);
    }
    Some(file)
}
