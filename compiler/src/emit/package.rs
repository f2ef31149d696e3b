//! The crate around the modules: for `OUT_DIR` its sources alone; else README, manifest, `main.rs`, and a place to begin for each port:
//! the last three are written once, for what is by hand is built with them.

use std::path::Path;

use crate::error::EmitError;
use crate::output::files::Files;
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::module_of;

mod adapters;
pub(crate) mod manifest;
mod readme;

/// The sources, with `lib.rs` at their root. It may be taken in by `include!`, so it has no docs of its own.
pub(crate) fn sources(plan: &Plan<'_>) -> Result<Files, EmitError> {
    let modules = super::modules(plan);
    let root = super::root(plan, &modules).without_docs();
    finish(modules.into_iter().chain([root]), "")
}

/// A crate that compiles by itself.
pub(crate) fn package(plan: &Plan<'_>, runtime: Option<&Path>) -> Result<Files, EmitError> {
    let modules = super::modules(plan);
    let root = super::root(plan, &modules);
    let mut files = finish(modules.into_iter().chain([root]), "src/")?;
    files.scaffold("Cargo.toml", manifest::emit(plan, runtime));
    files.add("README.md", readme::emit(plan));
    files.scaffold("src/main.rs", adapters::main(plan));
    for port in plan.ports() {
        files.scaffold(format!("src/main/{}.rs", module_of(&port.name)), adapters::adapter(plan, port));
    }
    Ok(files)
}

/// Texts of all files. Formatting is most of the cost of generating, and each file is formatted by itself: side by side where there is
/// more than one processor.
fn finish(sources: impl Iterator<Item = SourceFile>, folder: &str) -> Result<Files, EmitError> {
    let sources: Vec<SourceFile> = sources.collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(sources.len());
    let mut shares: Vec<Vec<SourceFile>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
    for (index, source) in sources.into_iter().enumerate() {
        let share = index % shares.len();
        shares[share].push(source);
    }
    let format = |share: Vec<SourceFile>| share.into_iter().map(SourceFile::finish).collect::<Result<Vec<_>, _>>();
    let formatted: Vec<Result<Vec<(String, String)>, EmitError>> = std::thread::scope(|scope| {
        let handles: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || format(share))).collect();
        // A worker that panicked is a mistake of the compiler: it goes on as one.
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut files = Files::new();
    for share in formatted {
        for (path, text) in share? {
            files.add(format!("{folder}{path}"), text);
        }
    }
    Ok(files)
}
