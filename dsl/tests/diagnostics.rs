//! What people read: each `diagnostics/*.minos` with its diagnostics, as a snapshot.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

use std::path::Path;

use minos_dsl::diagnostic::Diagnostics;
use minos_dsl::parse::parse;
use minos_dsl::render;
use minos_dsl::source::Sources;

#[test]
fn every_fixture_is_told_as_its_snapshot_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "minos"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut sources = Sources::new();
        let text = std::fs::read_to_string(&path).unwrap();
        let id = sources.add(name.clone(), text.clone());
        let mut diagnostics = Diagnostics::new();
        parse(id, &text, &mut diagnostics);
        let told = render::text(&sources, &diagnostics.into_sorted(), false);
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "diagnostics", omit_expression => true }, {
            insta::assert_snapshot!(name.trim_end_matches(".minos"), told);
        });
    }
}
