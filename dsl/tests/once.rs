//! A fault is reported once: what follows from it in later passes is not.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use minos_dsl::render;
use minos_dsl::source::Sources;

const SHOP: [(&str, &str); 5] = [
    ("shop.minos", include_str!("../../examples/shop/spec/shop.minos")),
    ("customers.minos", include_str!("../../examples/shop/spec/customers.minos")),
    ("catalog.minos", include_str!("../../examples/shop/spec/catalog.minos")),
    ("orders.minos", include_str!("../../examples/shop/spec/orders.minos")),
    ("gateway.minos", include_str!("../../examples/shop/spec/gateway.minos")),
];

/// The ids of what is said about the shop, with some of its files replaced, and the same as text.
fn check(replaced: &[(&str, &str)]) -> (Vec<&'static str>, String) {
    let mut sources = Sources::new();
    for (name, text) in SHOP {
        let other = replaced.iter().find(|(other, _)| *other == name);
        sources.add(name, other.map_or(text, |(_, text)| text));
    }
    let told = minos_dsl::check(&sources).1.into_sorted();
    let text = render::text(&sources, &told, false);
    (told.iter().map(|diagnostic| diagnostic.code.id).collect(), text)
}

/// Places in a text where a word ends, outside of comments and texts.
fn places(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or("");
        let mut quoted = false;
        for (at, letter) in code.char_indices() {
            quoted ^= letter == '"';
            if letter == ' ' && !quoted && code[..at].trim() != "" {
                places.push(start + at);
            }
        }
        start += line.len();
    }
    places
}

/// With something put in at every so manyth place, one file at a time.
fn put_in_everywhere(sign: &str, step: usize) {
    let mut wrong = Vec::new();
    for (name, text) in SHOP {
        for at in places(text).into_iter().step_by(step) {
            let broken = format!("{} {sign}{}", &text[..at], &text[at..]);
            let (codes, told) = check(&[(name, &broken)]);
            if codes.len() != 1 {
                let line = text[..at].matches('\n').count() + 1;
                wrong.push(format!("{name}:{line}: {codes:?}\n{told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_sign_out_of_place_anywhere_in_the_shop_is_one_diagnostic_of_the_whole_check() {
    put_in_everywhere("=>", 5);
}

#[test]
fn a_foreign_sign_anywhere_in_the_shop_is_one_diagnostic_of_the_whole_check() {
    put_in_everywhere("§", 11);
}

#[test]
fn six_seeded_errors_are_six_diagnostics() {
    let seed = |text: &str, seeds: &[(&str, &str)]| {
        seeds.iter().fold(text.to_owned(), |text, (sound, broken)| {
            assert!(text.contains(sound), "{sound}");
            text.replacen(sound, broken, 1)
        })
    };
    let orders = seed(
        SHOP[3].1,
        &[
            ("emit Approved(payment) }", "emit Approved(payment }"),
            (
                "event Shipped(carry customer, carry lines) enters shipped",
                "event Shipped(carry customer, carry lines) enters shippd",
            ),
            ("update[e.id](status: e.entered)", "update[e.id](status: e.entred)"),
        ],
    );
    let customers = seed(
        SHOP[1].1,
        &[
            ("require held + amount <= limit else", "require held + <= limit else"),
            ("event Renamed(set name)", "event Renamed(set nam)"),
        ],
    );
    let catalog = seed(
        SHOP[2].1,
        &[("require quantity <= free else OutOfStock(free)", "require title <= free else OutOfStock(free)")],
    );
    let (codes, told) =
        check(&[("orders.minos", &orders), ("customers.minos", &customers), ("catalog.minos", &catalog)]);
    assert_eq!(codes.len(), 6, "{told}");
    assert_eq!(codes.iter().filter(|code| code.starts_with("E01")).count(), 2, "{told}");
}
