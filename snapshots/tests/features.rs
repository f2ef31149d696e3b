//! Small specs for what no example shows, each with the crates that come of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insta::Settings;

#[test]
fn every_small_spec_gives_what_was_reviewed() {
    let mut settings = Settings::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("features");
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file("");
    let mut expected = BTreeSet::new();
    for (name, source) in common::features() {
        let mut text = format!("{source}\n");
        for (path, file) in
            common::generate_text(&name, &source, None).iter().filter(|(path, _)| path.contains("/src/"))
        {
            write!(text, "\n======== {path}\n{}", file.text).unwrap();
        }
        settings.bind(|| insta::assert_snapshot!(name.clone(), text));
        expected.insert(format!("{name}.snap"));
    }
    let found =
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let orphans: Vec<String> = found.filter(|name| name.ends_with(".snap") && !expected.contains(name)).collect();
    assert!(orphans.is_empty(), "orphans: {orphans:?}");
}
