//! The command line: `minos check`, `minos explain` and `minos generate`; with the feature `operate` also what runs or looks after a
//! system. Exit statuses: 0 clean, 1 the spec has errors (or the output cannot be
//! written), 2 wrong usage (or no spec there).

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use minos_compiler::{Compiled, spec};
use minos_dsl::render;

/// Minos: from a spec of event-sourced microservices to Rust.
#[derive(Parser)]
#[command(name = "minos", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check a spec, and report everything that is wrong with it.
    Check {
        /// The folder of `.minos` files.
        spec: PathBuf,
        /// For people (stderr), or one JSON object (stdout).
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Explain a diagnostic by its code.
    Explain {
        /// Its code, as `E0203`.
        code: String,
    },
    /// Write complete, standalone crates: one a service, one for the gateway.
    Generate {
        /// The folder of `.minos` files.
        spec: PathBuf,
        /// The folder to write to. Files that you may change are written once.
        #[arg(long)]
        out: PathBuf,
        /// The folder of the `minos-runtime` crate; without it the crates name the runtime by version.
        #[arg(long)]
        runtime: Option<PathBuf>,
    },
    #[cfg(feature = "operate")]
    #[command(flatten)]
    Operate(crate::operate::Command),
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The spec has errors, or what it gives cannot be written.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage, as clap has it too.
pub(crate) const USAGE: u8 = 2;

/// Does what the command line says; gives the exit status.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    match &arguments.command {
        Command::Check { spec, format } => check(spec, *format),
        Command::Explain { code } => explain(code),
        Command::Generate { spec, out, runtime } => generate(spec, out, runtime.as_deref()),
        #[cfg(feature = "operate")]
        Command::Operate(command) => crate::operate::run(command),
    }
}

fn check(folder: &Path, format: Format) -> u8 {
    let compiled = match spec::read(folder) {
        Ok(sources) => Compiled::check(sources),
        Err(error) => return complain(&error, USAGE),
    };
    match format {
        Format::Text => report(&compiled),
        Format::Json => {
            let text = render::json(&compiled.sources, &compiled.diagnostics);
            // A reader that went away wants no more.
            let _ = std::io::stdout().write_all(text.as_bytes());
        }
    }
    if compiled.model.is_some() { 0 } else { FAILED }
}

fn generate(folder: &Path, out: &Path, runtime: Option<&Path>) -> u8 {
    let compiled = match spec::read(folder) {
        Ok(sources) => Compiled::check(sources),
        Err(error) => return complain(&error, USAGE),
    };
    report(&compiled);
    let Some(model) = &compiled.model else { return FAILED };
    let runtime = match runtime.map(std::path::absolute).transpose() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, USAGE),
    };
    let files = match minos_compiler::standalone(model, &compiled.sources, runtime.as_deref()) {
        Ok(files) => files,
        Err(error) => return complain(&error, FAILED),
    };
    match files.write(out) {
        Ok(written) => {
            let _ = writeln!(std::io::stderr(), "{}: {written}", out.display());
            0
        }
        Err(error) => complain(&error, FAILED),
    }
}

fn explain(id: &str) -> u8 {
    let Some(code) = minos_dsl::diagnostic::code(&id.to_uppercase()) else {
        let known: Vec<_> = minos_dsl::diagnostic::registry().into_iter().map(|code| code.id).collect();
        let _ = writeln!(std::io::stderr(), "error: there is no code `{id}`; there are {}", known.join(", "));
        return USAGE;
    };
    let text = format!(
        "{}: {}\n\n{}\n\nSuch as\n\n{}\n\nBetter\n\n{}\n",
        code.id, code.title, code.explanation, code.example, code.fix
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
    0
}

/// Diagnostics for people, and how many there are.
pub(crate) fn report(compiled: &Compiled) {
    let mut stderr = std::io::stderr().lock();
    let text = render::text(&compiled.sources, &compiled.diagnostics, stderr.is_terminal());
    let _ = stderr.write_all(text.as_bytes());
    if !compiled.diagnostics.is_empty() {
        let _ = writeln!(stderr, "\n{}", compiled.summary());
    }
}

pub(crate) fn complain(error: &dyn std::fmt::Display, status: u8) -> u8 {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    status
}
