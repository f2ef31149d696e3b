//! Snapshots prove text only: the generated crates also compile by themselves, without a warning, clippy's included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything is compiled with the repository's own target folder, lock file and profile, so that dependencies are compiled once.
fn clippy(name: &str, files: &minos_compiler::Files) {
    let repository = common::repository();
    let folder = tempfile::Builder::new().prefix(name).tempdir().unwrap();
    files.write(folder.path()).unwrap();
    std::fs::copy(repository.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository.join("target"), PathBuf::from);
    let output = Command::new(env!("CARGO"))
        .current_dir(folder.path())
        .args([
            "clippy",
            "--offline",
            "--all-targets",
            "--config",
            "profile.dev.build-override.opt-level=1",
            "--target-dir",
        ])
        .arg(target)
        .args(["--", "-D", "warnings"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
}

fn runtime() -> PathBuf {
    common::repository().join("runtime")
}

#[test]
#[ignore = "compiles the runtime and every generated crate: tests/run --ci"]
fn standalone_crates_compile_without_warnings() {
    let runtime = runtime();
    for (name, spec) in common::examples() {
        clippy(&name, &common::generate(&spec, Some(&runtime)));
    }
    for (name, source) in common::features() {
        clippy(&name, &common::generate_text(&name, &source, Some(Path::new(&runtime))));
    }
}
