//! Shared by the tests: specs from folders and texts, and a model as readable text.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

pub(crate) mod show;

use std::path::{Path, PathBuf};

use minos_dsl::diagnostic::Diagnostic;
use minos_dsl::model::Model;
use minos_dsl::source::Sources;

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The files of the shop: name and text.
pub(crate) fn shop() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder("../examples/shop/spec"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "minos"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

pub(crate) fn sources(files: &[(String, String)]) -> Sources {
    let mut sources = Sources::new();
    for (name, text) in files {
        sources.add(name.clone(), text.clone());
    }
    sources
}

pub(crate) fn check(files: &[(String, String)]) -> (Sources, Option<Model>, Vec<Diagnostic>) {
    let sources = sources(files);
    let (model, diagnostics) = minos_dsl::check(&sources);
    (sources, model, diagnostics.into_sorted())
}
