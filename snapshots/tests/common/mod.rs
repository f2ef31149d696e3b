//! Specs of this repository, and what is made of them.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use minos_compiler::{Compiled, Files, spec};
use minos_dsl::render;
use minos_dsl::source::Sources;

/// The repository's folder.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository is there")
}

/// Names and spec folders of all examples, in order.
pub(crate) fn examples() -> Vec<(String, PathBuf)> {
    let folder = repository().join("examples");
    let mut examples: Vec<_> = std::fs::read_dir(folder)
        .expect("examples")
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().join("spec")))
        .filter(|(_, spec)| spec.is_dir())
        .collect();
    examples.sort();
    examples
}

/// Names and texts of the small specs, in order.
pub(crate) fn features() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("features");
    let mut features: Vec<_> = std::fs::read_dir(folder)
        .expect("features")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "minos"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a readable spec"))
        })
        .collect();
    features.sort();
    features
}

/// The standalone crates of a spec folder.
pub(crate) fn generate(folder: &Path, runtime: Option<&Path>) -> Files {
    generate_from(spec::read(folder).expect("a readable spec"), runtime)
}

/// The standalone crates of one text.
pub(crate) fn generate_text(name: &str, text: &str, runtime: Option<&Path>) -> Files {
    let mut sources = Sources::new();
    sources.add(format!("{name}.minos"), text);
    generate_from(sources, runtime)
}

fn generate_from(sources: Sources, runtime: Option<&Path>) -> Files {
    let compiled = Compiled::check(sources);
    let Some(model) = &compiled.model else {
        panic!("the spec has errors:\n{}", render::text(&compiled.sources, &compiled.diagnostics, false))
    };
    minos_compiler::standalone(model, &compiled.sources, runtime).expect("generated")
}
