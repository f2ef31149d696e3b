//! How fast a spec is checked, from text to model: `cargo bench -p minos-dsl --bench check`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

use std::time::{Duration, Instant};

use minos_dsl::diagnostic::Diagnostics;
use minos_dsl::source::Sources;

const SYSTEM: &str = include_str!("../../examples/shop/spec/shop.minos");
const GATEWAY: &str = include_str!("../../examples/shop/spec/gateway.minos");
const SUBDOMAINS: [(&str, &str); 3] = [
    ("customers", include_str!("../../examples/shop/spec/customers.minos")),
    ("catalog", include_str!("../../examples/shop/spec/catalog.minos")),
    ("orders", include_str!("../../examples/shop/spec/orders.minos")),
];

fn main() {
    measure("the shop", &shops(1));
    measure("170 shops in one system, 510 aggregates", &shops(170));
}

/// So many shops beside each other, each with subdomains of its own.
fn shops(count: usize) -> Sources {
    let mut sources = Sources::new();
    sources.add("shop.minos", SYSTEM);
    sources.add("gateway.minos", GATEWAY);
    for copy in 0..count {
        for (name, text) in SUBDOMAINS {
            let mut text = text.to_owned();
            if copy > 0 {
                for (name, _) in SUBDOMAINS {
                    text = text.replace(&format!("{name}."), &format!("{name}{copy}."));
                    text = text.replace(&format!("subdomain {name} "), &format!("subdomain {name}{copy} "));
                }
                // The callers are those of the first shop.
                text = text.replace("caller.customer == self.customer", "role(clerk)");
                text = text.replace("caller.customer == self.id", "role(clerk)");
                text = text.replace("caller.customer == customer", "role(clerk)");
                text = text.replace("allow role(customer)", "allow role(clerk)");
                text = text.replace(
                    "items: list<Item>(1..=50, distinct product))",
                    &format!("customer: customers{copy}.Customer.Id, items: list<Item>(1..=50, distinct product))"),
                );
                text = text.replace("customer: caller.customer,", "customer,");
            }
            sources.add(format!("{name}{copy}.minos"), text);
        }
    }
    sources
}

/// The best of many runs.
fn measure(what: &str, sources: &Sources) {
    let bytes: usize = sources.iter().map(|(_, source)| source.text().len()).sum();
    let mut best = Duration::MAX;
    let mut reading = Duration::MAX;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        let run = Instant::now();
        let (model, diagnostics) = minos_dsl::check(sources);
        best = best.min(run.elapsed());
        let run = Instant::now();
        let mut faults = Diagnostics::new();
        for (id, source) in sources.iter() {
            std::hint::black_box(minos_dsl::parse::parse(id, source.text(), &mut faults));
        }
        reading = reading.min(run.elapsed());
        assert!(model.is_some(), "{}", minos_dsl::render::text(sources, &diagnostics.into_sorted(), false));
    }
    println!("{what}: {bytes} bytes checked in {best:?}, of which {reading:?} for the syntax");
}
