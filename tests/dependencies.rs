//! What `deny.toml` says of licences, banned crates and sources, checked without cargo-deny being installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::process::Command;

use e2e::repository;
use serde_json::Value;

fn packages() -> Vec<Value> {
    let cargo = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The quoted texts of `deny.toml` between two marks.
fn listed(from: &str, to: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    let start = text.find(from).unwrap_or_else(|| panic!("deny.toml has `{from}`")) + from.len();
    let part = &text[start..];
    let part = &part[..part.find(to).unwrap()];
    part.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met by licences of the list.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let (met, rest) = either(&mut expression.split_whitespace().peekable(), allowed);
    assert!(rest.is_none(), "cannot read the licence `{expression}`");
    met
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// `a OR b`; gives also the word at which it stopped.
fn either<'a>(words: &mut Words<'a>, allowed: &[String]) -> (bool, Option<&'a str>) {
    let mut met = both(words, allowed);
    while words.peek() == Some(&"OR") {
        words.next();
        met |= both(words, allowed);
    }
    (met, words.peek().copied())
}

/// `a AND b`.
fn both(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while words.peek() == Some(&"AND") {
        words.next();
        met &= one(words, allowed);
    }
    met
}

/// A licence, or an expression in parentheses.
fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let word = words.next().unwrap_or_default();
    if word == "(" {
        let (met, _) = either(words, allowed);
        words.next();
        return met;
    }
    if words.peek() == Some(&"WITH") {
        words.next();
        let with = format!("{word} WITH {}", words.next().unwrap_or_default());
        return allowed.contains(&with);
    }
    allowed.iter().any(|licence| licence == word)
}

#[test]
fn every_dependency_may_be_used_under_a_licence_of_the_list() {
    let allowed = listed("allow = [", "]");
    let refused: Vec<_> = packages()
        .iter()
        .filter(|package| !is_met(package["license"].as_str().unwrap_or("none"), &allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// The crates that `deny.toml` bans from the whole tree; not those that have a way in.
fn banned() -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    let lines = text.lines().filter(|line| line.trim_start().starts_with("{ name = ") && !line.contains("wrappers"));
    lines.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn the_first_command_builds_no_engine_but_sqlite() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["tree", "--package", "shop", "--edges", "normal,build", "--prefix", "none", "--locked"])
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    assert!(tree.contains("libsqlite3-sys "), "{tree}");
    for engine in ["rdkafka-sys ", "sqlx-postgres ", "ring ", "openssl-sys ", "aws-lc-sys "] {
        assert!(!tree.lines().any(|line| line.starts_with(engine)), "{engine}is built by `cargo run -p shop`");
    }
}

#[test]
fn no_dependency_is_banned_and_all_come_from_crates_io_or_from_here() {
    let banned = banned();
    assert!(banned.iter().any(|name| name == "openssl-sys"), "{banned:?}");
    for package in packages() {
        let name = package["name"].as_str().unwrap().to_owned();
        assert!(!banned.contains(&name), "{name} is banned by deny.toml");
        if let Some(source) = package["source"].as_str() {
            assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
        }
    }
}

#[test]
fn licence_expressions_are_read_as_written() {
    let allowed = ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()];
    for met in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        "(GPL-3.0 OR MIT) AND MIT",
    ] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in
        ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "GPL-3.0 WITH LLVM-exception", "(GPL-3.0 OR MIT) AND GPL-3.0"]
    {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
