//! What a thin crate's `build.rs` calls: the generated service goes to `OUT_DIR`.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     minos_compiler::build_script::subdomain("../spec", "orders")
//! }
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use minos_dsl::model::{Contracts, Model};
use minos_dsl::render;
use minos_dsl::source::Sources;

use crate::{Compiled, Files, spec};

/// Generates the service of one subdomain of the spec in `folder` (relative to the crate). Prints what is wrong with the spec and fails
/// where something is.
pub fn subdomain(folder: impl AsRef<Path>, name: &str) -> ExitCode {
    run(folder.as_ref(), &|compiled, model| {
        let subdomain = model.subdomain(name).ok_or_else(|| {
            let known: Vec<_> = model.subdomains().map(|subdomain| format!("`{}`", subdomain.name)).collect();
            format!("the spec has no subdomain `{name}`; it has {}", known.join(", "))
        })?;
        let read = subdomain.contracts.files.iter().chain(&subdomain.files).copied();
        let files = crate::service(model, &compiled.sources, name)?;
        Ok((files, read.map(|file| compiled.sources.get(file).path().to_owned()).collect()))
    })
}

/// Generates the gateway of the spec in `folder` (relative to the crate).
pub fn gateway(folder: impl AsRef<Path>) -> ExitCode {
    run(folder.as_ref(), &|compiled, model| {
        let gateway = model.gateway().ok_or("the spec has no `gateway`")?;
        let contracts: &Contracts = model.gateway_contracts();
        let read = contracts.files.iter().copied().chain([gateway.span.file]);
        let files = crate::gateway(model, &compiled.sources)?;
        Ok((files, read.map(|file| compiled.sources.get(file).path().to_owned()).collect()))
    })
}

/// Makes the files, and says which texts they were made of.
type Make<'a> = dyn Fn(&Compiled, &Model) -> Result<(Files, Vec<String>), Box<dyn Error>> + 'a;

fn run(folder: &Path, make: &Make<'_>) -> ExitCode {
    match attempt(folder, make) {
        Ok(instructions) => {
            let _ = std::io::stdout().write_all(instructions.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Cargo shows what a failed build script wrote.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives what is to be told to cargo.
fn attempt(folder: &Path, make: &Make<'_>) -> Result<String, Box<dyn Error>> {
    let out = std::env::var_os("OUT_DIR").ok_or("`OUT_DIR` is not set: this is for build scripts, which cargo runs")?;
    let compiled = Compiled::check(spec::read(folder)?);
    let text = render::text(&compiled.sources, &compiled.diagnostics, false);
    let Some(model) = &compiled.model else {
        return Err(format!("{text}\n{}", compiled.summary()).into());
    };
    let (files, mut read) = make(&compiled, model)?;
    files.write(&PathBuf::from(out))?;
    read.sort();
    read.dedup();
    let mut instructions = String::new();
    for path in read {
        writeln!(instructions, "cargo::rerun-if-changed={path}")?;
    }
    for diagnostic in &compiled.diagnostics {
        let place = place(&compiled.sources, diagnostic.primary.span);
        writeln!(instructions, "cargo::warning={place}: {} [{}]", diagnostic.message, diagnostic.code.id)?;
    }
    Ok(instructions)
}

fn place(sources: &Sources, span: minos_dsl::source::Span) -> String {
    let at = sources.position(span);
    format!("{}:{}:{}", sources.get(span.file).path(), at.line, at.column)
}
