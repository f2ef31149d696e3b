//! No text makes the parser panic, loop, or stay silent about what it left out.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use minos_dsl::diagnostic::{Diagnostic, Diagnostics};
use minos_dsl::parse::parse;
use minos_dsl::render;
use minos_dsl::source::{SourceId, Sources};
use proptest::prelude::*;

const SHOP: [&str; 5] = [
    include_str!("../../examples/shop/spec/shop.minos"),
    include_str!("../../examples/shop/spec/customers.minos"),
    include_str!("../../examples/shop/spec/catalog.minos"),
    include_str!("../../examples/shop/spec/orders.minos"),
    include_str!("../../examples/shop/spec/gateway.minos"),
];

const SOUP: [&str; 96] = [
    "system",
    "shared",
    "caller",
    "subdomain",
    "gateway",
    "aggregate",
    "type",
    "value",
    "enum",
    "let",
    "lifecycle",
    "state",
    "create",
    "command",
    "timer",
    "event",
    "error",
    "view",
    "of",
    "key",
    "on",
    "ignore",
    "query",
    "saga",
    "step",
    "pivot",
    "failed",
    "policy",
    "port",
    "roles",
    "from",
    "claim",
    "allow",
    "when",
    "with",
    "join",
    "else",
    "done",
    "if",
    "as",
    "for",
    "in",
    "not",
    "and",
    "or",
    "require",
    "emit",
    "do",
    "undo",
    "retry",
    "times",
    "timeout",
    "add",
    "to",
    "remove",
    "where",
    "order",
    "by",
    "desc",
    "enters",
    "set",
    "carry",
    "Order",
    "Money",
    "x",
    "y",
    "list",
    "map",
    "<",
    ">",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    ".",
    "=",
    "==",
    "->",
    "=>",
    "..=",
    "..",
    "?",
    "??",
    "+",
    "-",
    "*",
    "7",
    "30 days",
    "\"a {b} c\"",
    "r\"[",
    "\"",
    "// é\n",
];

fn check(text: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::new();
    let file = parse(SourceId(0), text, &mut diagnostics);
    let diagnostics = diagnostics.into_sorted();
    let broken = !file.broken.is_empty() || file.subdomains.iter().any(|subdomain| !subdomain.broken.is_empty());
    assert!(!broken || !diagnostics.is_empty(), "something was left out in silence:\n{text}");
    let mut sources = Sources::new();
    sources.add("fuzz.minos", text);
    for diagnostic in &diagnostics {
        let span = diagnostic.primary.span;
        assert!(span.start <= span.end && span.end as usize <= text.len(), "{diagnostic:?}");
        assert!(
            text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize),
            "{diagnostic:?}"
        );
    }
    let _ = render::text(&sources, &diagnostics, false);
    let _ = render::json(&sources, &diagnostics);
    diagnostics
}

fn soup() -> impl Strategy<Value = String> {
    let word = (0..SOUP.len(), prop_oneof![Just(" "), Just(" "), Just("\n"), Just("\n  "), Just("")]);
    proptest::collection::vec(word, 0..120)
        .prop_map(|words| words.into_iter().map(|(word, blank)| format!("{}{blank}", SOUP[word])).collect())
}

/// A file of the shop with some edits: (place, how much is taken out, which word is put in).
fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..12usize, 0..SOUP.len() * 2);
    (0..SHOP.len(), proptest::collection::vec(edit, 1..5)).prop_map(|(file, edits)| {
        let mut text = SHOP[file].to_owned();
        for (place, length, word) in edits {
            let floor = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = floor(place.index(text.len() + 1));
            let end = floor((start + length).min(text.len())).max(start);
            text.replace_range(start..end, SOUP.get(word).copied().unwrap_or(""));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn token_soup_is_read_to_its_end(text in soup()) {
        let diagnostics = check(&text);
        let (Some(first), false) = (text.split_whitespace().next(), text.contains("//")) else { return Ok(()) };
        let begins = ["system", "shared", "caller", "subdomain", "gateway"];
        prop_assert!(begins.contains(&first) || !diagnostics.is_empty(), "{text}");
    }

    #[test]
    fn a_mutated_shop_is_read_to_its_end(text in mutated()) {
        check(&text);
    }

    #[test]
    fn a_mutated_shop_is_checked_to_its_end((file, text) in (0..SHOP.len(), mutated())) {
        let mut sources = Sources::new();
        for (at, whole) in SHOP.iter().enumerate() {
            sources.add(format!("{at}.minos"), if at == file { text.as_str() } else { whole });
        }
        let (model, diagnostics) = minos_dsl::check(&sources);
        prop_assert_eq!(model.is_none(), diagnostics.has_errors());
        let _ = render::text(&sources, &diagnostics.into_sorted(), false);
    }

    #[test]
    fn any_characters_are_read_to_their_end(text in "(?s).{0,200}") {
        check(&text);
    }

    #[test]
    fn a_foreign_word_anywhere_in_the_shop_is_never_passed_over(file in 0..SHOP.len(), place in any::<prop::sample::Index>()) {
        let text = SHOP[file];
        let foreign = |at: &usize| {
            let line = text[..*at].rfind('\n').map_or(0, |newline| newline + 1);
            !text[line..*at].contains("//") && text[line..*at].matches('"').count().is_multiple_of(2)
        };
        let blanks: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).filter(foreign).collect();
        let at = blanks[place.index(blanks.len())];
        let broken = format!("{} § {}", &text[..at], &text[at..]);
        prop_assert!(!check(&broken).is_empty(), "{broken}");
    }
}
