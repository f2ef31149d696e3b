//! Each file of each example is as it was reviewed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use insta::Settings;

/// Checks one snapshot; gives its name where it differs, so that the others are still checked.
fn differs(folder: &Path, name: &str, text: &str) -> bool {
    let mut settings = Settings::new();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file("");
    catch_unwind(AssertUnwindSafe(|| settings.bind(|| insta::assert_snapshot!(name, text)))).is_err()
}

fn snapshots_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            snapshots_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "snap") {
            found.insert(path);
        }
    }
}

#[test]
fn every_emitted_file_is_as_it_was_reviewed_and_no_other_snapshot_is_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for (example, spec) in common::examples() {
        let folder = root.join(&example);
        let files = common::generate(&spec, None);
        let mut expected = BTreeSet::from([folder.join("TREE.snap")]);
        let tree: Vec<&str> = files.iter().map(|(path, _)| path).collect();
        if differs(&folder, "TREE", &tree.join("\n")) {
            wrong.push(format!("{example}/TREE"));
        }
        for (path, file) in files.iter() {
            let place = folder.join(path);
            let (parent, name) = (place.parent().unwrap(), place.file_name().unwrap().to_string_lossy().into_owned());
            expected.insert(parent.join(format!("{name}.snap")));
            if differs(parent, &name, &file.text) {
                wrong.push(format!("{example}/{path}"));
            }
        }
        let mut found = BTreeSet::new();
        snapshots_below(&folder, &mut found);
        wrong.extend(found.difference(&expected).map(|path| format!("{} is an orphan: remove it", path.display())));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_folder_of_snapshots_belongs_to_an_example() {
    let examples: BTreeSet<String> = common::examples().into_iter().map(|(name, _)| name).collect();
    let known = ["features", "src", "tests", "target"];
    for entry in std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            assert!(known.contains(&name.as_str()) || examples.contains(&name), "`snapshots/{name}` is of no example");
        }
    }
}
