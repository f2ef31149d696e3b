//! The Minos compiler: from a checked model to complete Rust service crates.
//!
//! ```text
//!  spec/ ──► minos_dsl::check ──► Model ──► plan ──► emit ──► output ──► Files ──► OUT_DIR, or a folder
//! ```
//!
//! - [`spec`] reads a folder of `.minos` files, [`Compiled`] is one that was checked;
//! - [`build_script`] is what the `build.rs` of a thin crate calls;
//! - [`service`], [`gateway`] and [`standalone`] turn a model into [`Files`].
//!
//! Inside: `plan` makes every decision (names, modules, made-up types, routes) once; `rust` knows the language that is written (names,
//! types, expressions, statements, filters); `emit` has a file for each file that is emitted; `output` turns items into text and texts
//! into a folder. Only [`spec`], [`build_script`] and [`Files::write`] do IO.

use std::path::Path;

use minos_dsl::model::Model;
use minos_dsl::source::Sources;

pub mod build_script;
mod compiled;
mod emit;
mod error;
mod output;
mod plan;
mod rust;
pub mod spec;

pub use compiled::Compiled;
pub use error::EmitError;
pub use output::files::{Files, Generated, WriteError, Written};

use plan::{Plan, Target};

/// The Rust files of one subdomain's service, with `lib.rs` at their root: for `OUT_DIR`. No files where there is no such subdomain.
///
/// # Errors
/// A mistake of the compiler itself.
pub fn service(model: &Model, sources: &Sources, subdomain: &str) -> Result<Files, EmitError> {
    match model.subdomain(subdomain) {
        Some(it) => emit::package::sources(&Plan::new(model, Target::Service(it.id()), sources)),
        None => Ok(Files::new()),
    }
}

/// The Rust files of the gateway, with `lib.rs` at their root: for `OUT_DIR`. No files where the system has none.
///
/// # Errors
/// A mistake of the compiler itself.
pub fn gateway(model: &Model, sources: &Sources) -> Result<Files, EmitError> {
    match model.gateway() {
        Some(_) => emit::package::sources(&Plan::new(model, Target::Gateway, sources)),
        None => Ok(Files::new()),
    }
}

/// Complete crates, a folder each, in one workspace: one a subdomain, one for the gateway. They name the runtime by the folder
/// `runtime`, or else by version.
///
/// # Errors
/// A mistake of the compiler itself.
pub fn standalone(model: &Model, sources: &Sources, runtime: Option<&Path>) -> Result<Files, EmitError> {
    let targets = model.subdomains().map(|it| Target::Service(it.id())).chain(model.gateway().map(|_| Target::Gateway));
    let mut files = Files::new();
    let mut members = Vec::new();
    for target in targets {
        let plan = Plan::new(model, target, sources);
        let package = emit::package::package(&plan, runtime)?;
        files.extend_below(&plan.crate_name(), package);
        members.push(plan.crate_name());
    }
    files.add("Cargo.toml", emit::package::manifest::workspace(&members));
    Ok(files)
}
