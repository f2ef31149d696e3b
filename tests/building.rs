//! The compiler as people meet it: `minos check` over a spec with mistakes; the thin crates built elsewhere, as a user builds
//! them; the generated crates compiled alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use e2e::{binary, repository};
use serde_json::Value;

/// Copies a folder, without its build output.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() != "target" => copy(&path, &target),
            true => {}
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Replaces one place of a file; fails where there is none.
fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.matches(from).count(), 1, "`{from}` stands once in {}", file.display());
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn line_of(file: &Path, text: &str) -> u64 {
    let lines = std::fs::read_to_string(file).unwrap();
    1 + u64::try_from(lines.lines().position(|line| line.contains(text)).unwrap()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_shop_is_without_diagnostics() {
    let output = Command::new(binary("minos"))
        .args(["check", "examples/shop/spec", "--format", "json"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["diagnostics"], Value::Array(Vec::new()));
}

#[test]
fn six_seeded_errors_give_six_diagnostics_each_in_its_place() {
    // Two of them are syntax, in two files.
    const SEEDED: [(&str, &str, &str); 6] = [
        ("customers.minos", "held + amount <= limit else", "held + amount <= else"),
        ("customers.minos", "of Customer(name, limit)", "of Customer(name, limt)"),
        ("catalog.minos", "require quantity <= free", "require quantity <= title"),
        ("orders.minos", "{ emit Shipped }", "{ emit }"),
        ("orders.minos", "command Cancel when approved", "command Cancel when aproved"),
        ("gateway.minos", "by_id(head.customer)", "by_id(head.custommer)"),
    ];
    let folder = tempfile::tempdir().unwrap();
    copy(&repository().join("examples/shop/spec"), folder.path());
    for (file, from, to) in SEEDED {
        edit(&folder.path().join(file), from, to);
    }
    let output =
        Command::new(binary("minos")).arg("check").arg(folder.path()).args(["--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let diagnostics = answer["diagnostics"].as_array().unwrap();
    let place = |one: &Value| {
        let file = Path::new(one["file"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
        (file, one["start"]["line"].as_u64().or_else(|| one["line"].as_u64()).unwrap())
    };
    let mut found: Vec<_> = diagnostics.iter().map(place).collect();
    found.sort();
    let mut expected: Vec<_> =
        SEEDED.iter().map(|(file, _, to)| ((*file).to_owned(), line_of(&folder.path().join(file), to))).collect();
    expected.sort();
    assert_eq!(found, expected, "{}", serde_json::to_string_pretty(&answer).unwrap());
}

/// The thin crates of the shop in a folder of their own, as a user of the compiler has them.
struct User {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl User {
    /// The one copy of this test process: what it compiles is compiled once.
    fn at_work() -> MutexGuard<'static, Self> {
        static USER: OnceLock<Mutex<User>> = OnceLock::new();
        let user = USER.get_or_init(|| Mutex::new(Self::new())).lock().unwrap_or_else(PoisonError::into_inner);
        copy(&repository().join("examples/shop/spec"), &user.root.join("examples/shop/spec"));
        user
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        copy(&repository().join("examples/shop"), &root.join("examples/shop"));
        std::fs::copy(repository().join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
        let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
        let (before, rest) = manifest.split_once("members = [").unwrap();
        let (_, after) = rest.split_once(']').unwrap();
        let members =
            ["customers", "catalog", "orders", "gateway"].map(|it| format!("\"examples/shop/{it}\"")).join(", ");
        let mut manifest = format!("{before}members = [{members}]{after}");
        for name in ["dsl", "compiler", "runtime"] {
            let path = repository().join(name);
            manifest = manifest.replace(&format!("path = \"{name}\""), &format!("path = \"{}\"", path.display()));
        }
        std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
        Self { _folder: folder, root }
    }

    fn spec(&self, file: &str) -> PathBuf {
        self.root.join("examples/shop/spec").join(file)
    }

    /// `cargo build`, offline, of libraries alone: no binary of the repository is overwritten.
    fn build(&self, arguments: &[&str]) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&self.root).args(["build", "--lib", "--offline"]).args(arguments);
        cargo.arg("--target-dir").arg(binary("").join(".."));
        cargo.output().unwrap()
    }
}

const SERVICES: [&str; 6] = ["-p", "shop-customers", "-p", "shop-catalog", "-p", "shop-orders"];

#[test]
#[ignore = "compiles the compiler and the runtime once more: tests/run --ci"]
fn an_edit_of_one_subdomain_runs_rustc_for_it_and_not_for_those_that_do_not_read_it() {
    let user = User::at_work();
    let first = user.build(&SERVICES);
    assert!(first.status.success(), "{}", text(&first.stderr));
    edit(&user.spec("catalog.minos"), "\"only {free} left\"", "\"there are only {free} left\"");
    let second = user.build(&[&SERVICES[..], &["-v"]].concat());
    let said = text(&second.stderr);
    assert!(second.status.success(), "{said}");
    let runs = |name: &str| {
        said.lines().any(|line| line.contains("Running") && line.contains(&format!("--crate-name {name} ")))
    };
    assert!(runs("shop_catalog"), "{said}");
    assert!(!runs("shop_customers"), "{said}");
    assert!(said.contains("Fresh shop-customers"), "{said}");
}

#[test]
#[ignore = "compiles the compiler and the runtime once more: tests/run --ci"]
fn a_broken_spec_fails_cargo_build_with_the_diagnostic_and_no_panic() {
    let user = User::at_work();
    edit(&user.spec("orders.minos"), "command Cancel when approved", "command Cancel when aproved");
    let output = user.build(&["-p", "shop-orders"]);
    let said = text(&output.stderr);
    assert!(!output.status.success(), "{said}");
    let line = line_of(&user.spec("orders.minos"), "aproved");
    assert!(said.contains(&format!("orders.minos:{line}:")), "{said}");
    assert!(said.contains("approved"), "says what was meant: {said}");
    assert!(!said.contains("panicked at"), "{said}");
}
