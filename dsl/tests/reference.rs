//! The reference tells what is built: its examples are checked, its list of diagnostics is the registry's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

use std::fmt::Write;

use minos_dsl::diagnostic::registry;
use minos_dsl::render;
use minos_dsl::source::Sources;

const END: &str = "from the registry. -->\n";

fn path() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md")
}

/// The fenced `minos` blocks of a page, with the line on which each begins.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in page.lines().enumerate() {
        match &mut open {
            None if line == "```minos" => open = Some((at + 2, String::new())),
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

#[test]
fn every_example_is_a_spec_without_faults() {
    let page = std::fs::read_to_string(path()).unwrap();
    let blocks = blocks(&page);
    assert!(blocks.len() >= 10);
    let mut told = String::new();
    for (line, text) in blocks {
        let mut sources = Sources::new();
        sources.add(format!("REFERENCE.md, from line {line}"), text);
        let (_, diagnostics) = minos_dsl::check(&sources);
        told.push_str(&render::text(&sources, &diagnostics.into_sorted(), false));
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn every_code_is_explained() {
    let page = std::fs::read_to_string(path()).unwrap();
    let head = page.find(END).unwrap() + END.len();
    let mut told = String::new();
    for code in registry() {
        writeln!(told, "\n### {}: {}\n\n{}\n", code.id, code.title, code.explanation).unwrap();
        writeln!(told, "```text\n{}\n```\n\nInstead:\n\n```text\n{}\n```", code.example, code.fix).unwrap();
    }
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(path(), format!("{}{told}", &page[..head])).unwrap();
        return;
    }
    assert_eq!(&page[head..], told, "run `UPDATE_REFERENCE=1 cargo test -p minos-dsl --test reference`");
}
