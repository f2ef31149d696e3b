//! `order.rs`: the modules of an aggregate, and what they offer.
//!
//! ```text
//! mod commands;
//! mod events;
//! mod state;
//!
//! pub use commands::{Approve, Place};
//! pub use events::{Approved, OrderEvent, Placed};
//! pub use state::{Order, OrderId, OrderStatus};
//! ```

use minos_dsl::model::{Aggregate, Cursor};
use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, state};
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::{ident, pascal};

pub(super) fn emit<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> SourceFile {
    let module = plan.module_name(aggregate);
    let docs = docs::aggregate(plan, aggregate);
    let mut file = SourceFile::new(
        &format!("{module}.rs"),
        &format!("crate::{module}"),
        &super::origin(plan, aggregate.span),
        &docs,
        &[],
    );
    let mut parts: Vec<(&str, Vec<String>)> = Vec::new();
    parts.push(("commands", aggregate.commands().map(|it| plan.command_name(it)).collect()));
    parts.push(("errors", aggregate.errors().map(|it| plan.error_name(it)).collect()));
    let mut events: Vec<String> = aggregate.events().map(|it| plan.event_name(it)).collect();
    events.push(format!("{}Event", pascal(&aggregate.name)));
    parts.push(("events", events));
    parts.push(("state", state::names(aggregate)));
    parts.retain(|(_, names)| !names.is_empty());
    let timers = (!aggregate.timers.is_empty()).then(|| {
        quote!(
            mod timers;
        )
    });
    let modules = parts.iter().map(|(module, _)| ident(module));
    let uses = parts.iter().map(|(module, names)| reexport(module, names));
    file.push(quote!(#(mod #modules;)* #timers #(#uses)*));
    file
}

fn reexport(module: &str, names: &[String]) -> TokenStream {
    let mut names = names.to_vec();
    names.sort();
    let (module, names) = (ident(module), names.iter().map(|it| ident(it)));
    quote!(pub use #module::{#(#names),*};)
}
