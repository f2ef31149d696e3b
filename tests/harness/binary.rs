//! Binaries of the workspace, built once a test process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("`tests` lies in the repository")
}

/// The path of a binary of the workspace, freshly built with the profile of the running test.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    // …/target/debug/deps/kills-0123: two up is the profile's folder.
    let running = std::env::current_exe().expect("a running test has a path");
    let profile = running.ancestors().nth(2).expect("tests run in target/PROFILE/deps").to_owned();
    // `tests/run` has built all of it, with the features of the whole workspace; one package alone would be built anew with its own.
    if std::env::var_os("E2E_BUILT").is_some() {
        return profile;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository()).args(["build", "--quiet", "--workspace", "--bins", "--all-features"]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(profile.parent().expect("a profile's folder lies in the target folder"));
    assert!(cargo.status().expect("cargo can be started").success(), "the workspace's binaries do not build");
    profile
}
