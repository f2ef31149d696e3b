//! One fault at a time, seeded in the shop: each is told exactly once, with its code, at its place.
//! The snapshot holds what people read.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

mod checks;
#[path = "../common/mod.rs"]
mod common;
mod names;
mod types;

use std::fmt::Write;

use common::{check, shop};
use minos_dsl::render;

/// In the file, `old` (which stands there once) becomes `new`; the one diagnostic has this code, at this text.
struct Fault {
    file: &'static str,
    old: &'static str,
    new: &'static str,
    code: &'static str,
    at: &'static str,
}

const fn fault(
    file: &'static str,
    old: &'static str,
    new: &'static str,
    code: &'static str,
    at: &'static str,
) -> Fault {
    Fault { file, old, new, code, at }
}

#[test]
fn each_seeded_fault_is_told_once_at_its_place() {
    let mut told = String::new();
    let mut wrong = String::new();
    let mut count = 0;
    for fault in names::NAMES.iter().chain(names::ARGUMENTS).chain(types::TYPES).chain(checks::CHECKS) {
        let mut files = shop();
        let text = &mut files.iter_mut().find(|(name, _)| *name == format!("{}.minos", fault.file)).unwrap().1;
        assert_eq!(text.matches(fault.old).count(), 1, "{} must stand once in {}", fault.old, fault.file);
        *text = text.replace(fault.old, fault.new);
        let (sources, model, diagnostics) = check(&files);
        let rendered = render::text(&sources, &diagnostics, false);
        let right = model.is_none()
            && matches!(diagnostics.as_slice(), [one] if one.code.id == fault.code && (sources.text(one.primary.span) == fault.at || fault.at.is_empty()));
        if !right {
            let at: Vec<_> = diagnostics.iter().map(|it| sources.text(it.primary.span)).collect();
            writeln!(
                wrong,
                "--- {} -> {} wants {} at `{}`, found {at:?}\n{rendered}",
                fault.old, fault.new, fault.code, fault.at
            )
            .unwrap();
        }
        writeln!(told, "{rendered}").unwrap();
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 60);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("faults", told);
    });
}
