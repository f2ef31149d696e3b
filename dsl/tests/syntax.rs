//! The parser against the shop, and against the shop broken in many ways.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use minos_dsl::ast::File;
use minos_dsl::diagnostic::{Diagnostic, Diagnostics};
use minos_dsl::parse::parse;
use minos_dsl::source::SourceId;

const SHOP: [(&str, &str); 5] = [
    ("shop.minos", include_str!("../../examples/shop/spec/shop.minos")),
    ("customers.minos", include_str!("../../examples/shop/spec/customers.minos")),
    ("catalog.minos", include_str!("../../examples/shop/spec/catalog.minos")),
    ("orders.minos", include_str!("../../examples/shop/spec/orders.minos")),
    ("gateway.minos", include_str!("../../examples/shop/spec/gateway.minos")),
];

fn check(text: &str) -> (File, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::new();
    let file = parse(SourceId(0), text, &mut diagnostics);
    (file, diagnostics.into_sorted())
}

fn faults(text: &str) -> Vec<Diagnostic> {
    check(text).1
}

/// Code, text at the place, message.
fn told(text: &str) -> Vec<String> {
    let show = |diagnostic: &Diagnostic| {
        let place = &text[diagnostic.primary.span.range()];
        format!("{} at `{place}`: {}", diagnostic.code.id, diagnostic.message)
    };
    faults(text).iter().map(show).collect()
}

#[test]
fn the_shop_is_read_without_a_word() {
    for (name, text) in SHOP {
        assert_eq!(told(text), Vec::<String>::new(), "{name}");
    }
}
