//! How fast text becomes a syntax tree: `cargo bench -p minos-dsl --bench parse`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

use std::time::{Duration, Instant};

use minos_dsl::diagnostic::Diagnostics;
use minos_dsl::parse::parse;
use minos_dsl::source::{SourceId, Sources};

const SHOP: [&str; 5] = [
    include_str!("../../examples/shop/spec/shop.minos"),
    include_str!("../../examples/shop/spec/customers.minos"),
    include_str!("../../examples/shop/spec/catalog.minos"),
    include_str!("../../examples/shop/spec/orders.minos"),
    include_str!("../../examples/shop/spec/gateway.minos"),
];

fn main() {
    measure("the shop", &SHOP.map(str::to_owned));
    // Without its comments a text is denser than people write it: the worst case.
    let bare = SHOP.map(|text| {
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or(""));
        lines.map(str::trim).collect::<Vec<_>>().join("\n")
    });
    measure("the shop without comments and indentation", &bare);
    measure("200 subdomains in one file", &[SHOP[3].repeat(200)]);
    let half: String = SHOP[3].chars().take(4000).collect();
    check_all(1);
    check_all(167);
    measure("200 half-written subdomains", &[half.repeat(200)]);
}

/// Many subdomains, each a file, through all passes.
fn check_all(copies: usize) {
    let mut sources = Sources::new();
    sources.add("shop.minos", SHOP[0]);
    for copy in 0..copies {
        for text in &SHOP[1..4] {
            let mut text = (*text).to_owned();
            for name in ["customers", "catalog", "orders"] {
                text = text.replace(&format!("{name}."), &format!("{name}{copy}."));
                text = text.replace(&format!("subdomain {name} "), &format!("subdomain {name}{copy} "));
            }
            sources.add(format!("{}.minos", sources.iter().count()), text);
        }
    }
    let bytes: usize = sources.iter().map(|(_, source)| source.text().len()).sum();
    let mut best = Duration::MAX;
    let mut told = 0;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        let run = Instant::now();
        told = std::hint::black_box(minos_dsl::check(&sources)).1.len();
        best = best.min(run.elapsed());
    }
    println!("check of {} subdomains in as many files: {bytes} bytes in {best:?} ({told} diagnostics)", copies * 3);
}

/// The best of many runs.
fn measure(what: &str, texts: &[String]) {
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut best = Duration::MAX;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let run = Instant::now();
        let mut diagnostics = Diagnostics::new();
        for (at, text) in texts.iter().enumerate() {
            std::hint::black_box(parse(SourceId(at as u32), text, &mut diagnostics));
        }
        best = best.min(run.elapsed());
    }
    let speed = bytes as f64 / best.as_secs_f64() / 1e6;
    println!("{what}: {bytes} bytes in {best:?}, {speed:.1} MB/s");
}
