//! Whole specs: they check clean, and their models are as the snapshots say; with faults seeded, each is told once.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use common::{check, shop, show};
use minos_dsl::render;

#[test]
fn the_shop_checks_clean() {
    let (sources, model, diagnostics) = check(&shop());
    assert!(diagnostics.is_empty(), "{}", render::text(&sources, &diagnostics, false));
    assert!(model.is_some());
}

#[test]
fn the_model_of_the_shop_has_every_type_and_conversion() {
    let (_, model, _) = check(&shop());
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("shop", show::model(&model.unwrap()));
    });
}

/// Replaces what stands once in a file of the shop.
fn seed(files: &mut [(String, String)], file: &str, old: &str, new: &str) {
    let text = &mut files.iter_mut().find(|(name, _)| name == file).unwrap().1;
    assert_eq!(text.matches(old).count(), 1, "{old}");
    *text = text.replace(old, new);
}

#[test]
fn six_seeded_faults_are_six_diagnostics() {
    let mut files = shop();
    seed(&mut files, "customers.minos", "if order not in holds { done }", "if order not in { done }");
    seed(&mut files, "customers.minos", "amount <= limit", "amont <= limit");
    seed(&mut files, "catalog.minos", "command Reprice(price) allow", "command Reprice(price allow");
    seed(&mut files, "catalog.minos", "order by title", "order by tilte");
    seed(&mut files, "orders.minos", "command Ship when approved", "command Ship when aproved");
    seed(&mut files, "gateway.minos", "expose customers, catalog", "expose customers, catalogue");
    let (sources, model, diagnostics) = check(&files);
    let told = render::text(&sources, &diagnostics, false);
    assert!(model.is_none());
    assert_eq!(diagnostics.len(), 6, "{told}");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("six", told);
    });
}

#[test]
fn two_broken_commands_of_one_aggregate_are_two_diagnostics_and_their_users_none() {
    let mut files = shop();
    // Both are used by the saga of another subdomain, and one of them emits an event that nothing else emits.
    seed(&mut files, "customers.minos", "emit CreditHeld(order, amount)", "emit CreditHeld(order amount)");
    seed(
        &mut files,
        "customers.minos",
        "command ReleaseCredit(order: orders.Order.Id) {",
        "command ReleaseCredit(order orders.Order.Id) {",
    );
    let (sources, _, diagnostics) = check(&files);
    let told = render::text(&sources, &diagnostics, false);
    assert_eq!(diagnostics.len(), 2, "{told}");
    assert!(diagnostics.iter().all(|it| it.code.id.starts_with("E01")), "{told}");
}

#[test]
fn a_broken_declaration_is_told_and_its_users_are_not() {
    let breaks = [
        ("shop.minos", "type Money    = decimal(12, 2, 0..)", "type Money    = decimal(12 2, 0..)"),
        ("shop.minos", "roles customer, clerk from claim", "roles customer, clerk claim"),
        ("shop.minos", "customer: customers.Customer.Id from claim", "customer: customers.Customer.Id of claim"),
        ("catalog.minos", "stock:    int(0..)", "stock:    int(0..)("),
        ("catalog.minos", "let free = stock - reserved.values().sum()", "let free = stock - - - * 3"),
        ("catalog.minos", "event Repriced(set price)", "event Repriced(sat price)"),
        (
            "catalog.minos",
            "error OutOfStock(free: int) \"only {free} left\"",
            "error OutOfStock(free int) \"only {free} left\"",
        ),
        ("orders.minos", "placed   -> approved, rejected", "placed   = approved, rejected"),
        ("orders.minos", "state approved { payment: text }", "state approved { payment text }"),
        ("orders.minos", "key product: catalog.Product.Id", "key product catalog.Product.Id"),
        (
            "orders.minos",
            "charge(order: Order.Id, amount: Money) -> Receipt else Declined",
            "charge(order: Order.Id, amount: Money) => Receipt else Declined",
        ),
        ("orders.minos", "value Receipt(reference: text)", "value Receipt(reference text)"),
        ("gateway.minos", "compose OrderPage(order: orders.Order.Id) {", "compose OrderPage(order orders.Order.Id) {"),
        ("orders.minos", "aggregate Order {", "aggregat Order {"),
        ("customers.minos", "aggregate Customer {", "aggregate {"),
        ("customers.minos", "subdomain customers {", "subdomain {"),
    ];
    let mut wrong = String::new();
    for (file, old, new) in breaks {
        let mut files = shop();
        seed(&mut files, file, old, new);
        let (sources, _, diagnostics) = check(&files);
        if diagnostics.len() != 1 || !diagnostics[0].code.id.starts_with("E01") {
            wrong += &format!("--- {old} -> {new}\n{}", render::text(&sources, &diagnostics, false));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn half_written_files_are_told_and_never_panic() {
    for (name, text) in shop() {
        // Cut at every word: what a person has written so far.
        let cuts = text.char_indices().filter(|(_, letter)| letter.is_whitespace()).map(|(at, _)| at).step_by(23);
        for cut in cuts {
            let mut files = shop();
            files.iter_mut().find(|(it, _)| *it == name).unwrap().1.truncate(cut);
            let (_, model, diagnostics) = check(&files);
            assert_eq!(model.is_some(), diagnostics.is_empty(), "{name} cut at {cut}");
        }
    }
}

#[test]
fn what_the_shop_does_not_use_has_every_type_and_conversion_too() {
    let text = std::fs::read_to_string(common::folder("tests/specs/library.minos")).unwrap();
    let (sources, model, diagnostics) = check(&[("library.minos".to_owned(), text)]);
    assert!(diagnostics.is_empty(), "{}", render::text(&sources, &diagnostics, false));
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("library", show::model(&model.unwrap()));
    });
}
