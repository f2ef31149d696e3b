//! One file here for each file that is emitted; each shows in its docs what it emits.

use minos_dsl::model::{Cursor, Subdomain};

use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::module_of;

mod aggregate;
mod commands;
mod contracts;
mod docs;
mod enums;
mod errors;
mod events;
mod gateway;
mod nouns;
mod policies;
mod port;
mod saga;
mod service;
mod state;
mod timers;
mod types;
mod values;
mod view;

pub(crate) mod package;

/// The Rust files of a crate, without its root.
pub(crate) fn modules(plan: &Plan<'_>) -> Vec<SourceFile> {
    let mut files = Vec::new();
    files.extend(types::emit(plan));
    files.extend(values::emit(plan));
    files.extend(enums::emit(plan));
    files.extend(contracts::emit(plan));
    match plan.subdomain() {
        Some(subdomain) => service_modules(plan, subdomain, &mut files),
        None => files.extend(gateway::emit(plan)),
    }
    files
}

fn service_modules(plan: &Plan<'_>, subdomain: Cursor<'_, Subdomain>, files: &mut Vec<SourceFile>) {
    let Some(subdomain) = plan.subdomain().filter(|it| it.id() == subdomain.id()) else { return };
    for aggregate in subdomain.aggregates() {
        files.push(aggregate::emit(plan, aggregate));
        files.push(state::emit(plan, aggregate));
        files.push(events::emit(plan, aggregate));
        files.push(commands::emit(plan, aggregate));
        files.extend(errors::emit(plan, aggregate));
        files.extend(timers::emit(plan, aggregate));
    }
    files.extend(errors::emit_shared(plan, subdomain));
    files.extend(view::emit_all(plan, subdomain));
    files.extend(saga::emit_all(plan, subdomain));
    files.extend(policies::emit(plan, subdomain));
    files.extend(port::emit_all(plan, subdomain));
    files.push(service::emit(plan, subdomain));
}

/// A file that declares modules: `views.rs` with a line for each.
fn module_list(path: &str, origin: &str, docs: &str, modules: &[String]) -> SourceFile {
    let mut file = SourceFile::new(path, "crate", origin, docs, &[]);
    let names = modules.iter().map(|it| crate::rust::name::ident(it));
    file.push(quote::quote!(#(pub mod #names;)*));
    file
}

/// The spec file that something of a subdomain is declared in.
fn origin(plan: &Plan<'_>, span: minos_dsl::source::Span) -> String {
    plan.file(span.file)
}

/// The root of a crate: its modules, and what is used most. Rustfmt, where it runs, leaves the modules as they are: a second layout would
/// fight the first at every generation.
pub(crate) fn root(plan: &Plan<'_>, modules: &[SourceFile]) -> SourceFile {
    let mut names: Vec<String> = modules
        .iter()
        .filter(|it| !it.path.contains('/'))
        .map(|it| it.path.trim_end_matches(".rs").to_owned())
        .collect();
    names.sort();
    let (origin, docs) = match plan.subdomain() {
        Some(it) => {
            let known = || format!("The service `{}` of the system `{}`.", it.name, plan.model.system().name);
            (origin(plan, it.span), nouns::docs_or(&it.docs, known))
        }
        None => (
            plan.model.gateway().map_or_else(|| "the spec".to_owned(), |it| origin(plan, it.span)),
            format!("The gateway of the system `{}`.", plan.model.system().name),
        ),
    };
    let docs = format!("{docs}\n\nRustfmt passes over the modules: the compiler, which writes them, lays them out.");
    let mut file = SourceFile::new("lib.rs", "crate", &origin, &docs, &[]);
    let entry = crate::rust::name::ident(if plan.subdomain().is_some() { "service" } else { "gateway" });
    let modules = names.iter().map(|it| crate::rust::name::ident(it));
    file.push(quote::quote!(#(#[rustfmt::skip] pub mod #modules;)* pub use #entry::#entry;));
    file
}

/// `order_list` for a path.
fn file_name(name: &str) -> String {
    module_of(name)
}
