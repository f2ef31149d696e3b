use minos_dsl::model::{Cursor, Model, Saga, View};
use minos_dsl::source::Sources;

const SPEC: &str = r#"
system shop

caller { roles clerk from claim "roles" }

subdomain orders {
  value Line(product: text, price: decimal(12, 2))

  aggregate Order {
    customer: text
    lines:    list<Line>
    note:     text?
    let size = lines.size()
    lifecycle status { placed -> approved, rejected }
    create Place(customer, lines) allow role(clerk) { emit Placed(customer, lines) }
    command Approve(payment: text) when placed { emit Approved(payment) }
    command Reject(reason: text) when placed { emit Rejected(reason) }
    event Placed(set customer, set lines) enters placed
    event Approved(payment: text) enters approved
    event Rejected(reason: text) enters rejected
  }

  view Sizes of Order(customer, size) allow role(clerk)

  view List {
    key order: Order.Id
    customer: text
    status: Order.Status
    on Order.Placed as e { insert[e.id](customer: e.customer, status: e.entered) }
    on Order.Approved, Order.Rejected as e { update[e.id](status: e.entered) }
  }

  saga Fulfilment on Order.Placed as placing {
    step tell for line in placing.lines {
      do Payments.reserve(product: line.product)
      undo Payments.release(product: line.product)
      retry 5 times from 200 ms to 10 s
    }
    pivot charge { do Payments.charge(customer: placing.customer) as receipt timeout 30 s }
    step approve { do Order[placing.id].Approve(payment: receipt.reference) }
    failed { do Order[placing.id].Reject(reason: failure.message) }
  }

  port Payments {
    reserve(product: text)
    release(product: text)
    charge(customer: text) -> Receipt
    value Receipt(reference: text)
  }
}
"#;

/// The hashes of the saga, of the view of events, and of the view of the aggregate.
fn hashes(spec: &str) -> [String; 3] {
    let mut sources = Sources::new();
    sources.add("shop.minos", spec);
    let (model, diagnostics) = minos_dsl::check(&sources);
    let model = model.unwrap_or_else(|| {
        panic!("{}", minos_dsl::render::text(&sources, &diagnostics.into_sorted(), false));
    });
    fn view<'m>(model: &'m Model, name: &str) -> Cursor<'m, View> {
        model.all::<View>().find(|it| it.name == name).expect("the spec has it")
    }
    let saga = model.all::<Saga>().next().expect("the spec has it");
    [super::saga(saga), super::view(view(&model, "List")), super::view(view(&model, "Sizes"))]
}

fn changed(from: &str, to: &str) -> [bool; 3] {
    assert!(SPEC.contains(from), "{from}");
    let (before, after) = (hashes(SPEC), hashes(&SPEC.replace(from, to)));
    [0, 1, 2].map(|index| before[index] != after[index])
}

#[test]
fn what_means_the_same_has_the_same_hash() {
    for (from, to) in [
        // Comments, docs, layout.
        ("  view List {", "  // Rows.\n  /// One row an order.\n  view List {"),
        ("(customer: e.customer, status: e.entered)", "(\n customer: e.customer,\n    status: e.entered)"),
        // What is declared before and beside it.
        ("  view Sizes", "  view First of Order(note) allow role(clerk)\n  view Sizes"),
        ("    customer: text\n    lines:", "    first: text?\n    customer: text\n    lines:"),
        (
            "    command Reject",
            "    command Look(payment: text) when placed { emit Approved(payment) }\n    command Reject",
        ),
        (
            "system shop",
            "system shop\nsubdomain early { aggregate Thing { name: text create Make(name) allow anyone { emit Made(name) } event Made(set name) } }",
        ),
        // The names of variables.
        (
            "for line in placing.lines {\n      do Payments.reserve(product: line.product)\n      undo Payments.release(product: line.product)",
            "for it in placing.lines {\n      do Payments.reserve(product: it.product)\n      undo Payments.release(product: it.product)",
        ),
        (
            "as receipt timeout 30 s }\n    step approve { do Order[placing.id].Approve(payment: receipt.reference)",
            "as slip timeout 30 s }\n    step approve { do Order[placing.id].Approve(payment: slip.reference)",
        ),
        // How long and how often.
        ("retry 5 times from 200 ms", "retry 7 times from 100 ms"),
        ("timeout 30 s", "timeout 40 s"),
        ("let size = lines.size()", "let many = lines.size()\n    let size = many"),
    ] {
        assert_eq!(changed(from, to), [false; 3], "{to}");
    }
}

#[test]
fn the_order_of_handlers_and_of_declarations_does_not_matter() {
    let (placed, rest) = (
        "    on Order.Placed as e { insert[e.id](customer: e.customer, status: e.entered) }\n",
        "    on Order.Approved, Order.Rejected as e { update[e.id](status: e.entered) }\n",
    );
    assert_eq!(changed(&format!("{placed}{rest}"), &format!("{rest}{placed}")), [false; 3]);
    let sizes = "  view Sizes of Order(customer, size) allow role(clerk)\n";
    let moved = SPEC.replace(sizes, "").replace("  saga Fulfilment", &format!("{sizes}  saga Fulfilment"));
    assert_eq!(hashes(SPEC), hashes(&moved));
}

#[test]
fn what_means_something_else_has_another_hash() {
    let (saga, list, sizes) = ([true, false, false], [false, true, false], [false, false, true]);
    for (from, to, which) in [
        ("step tell", "step told", saga),
        ("for line in placing.lines {", "for line in placing.lines.filter(l => l.price > 1) {", saga),
        (
            "      undo Payments.release(product: line.product)",
            "      undo Payments.reserve(product: line.product)",
            saga,
        ),
        ("Payments.charge(customer: placing.customer)", "Payments.charge(customer: \"all\")", saga),
        ("Reject(reason: failure.message)", "Reject(reason: \"refused\")", saga),
        ("update[e.id](status: e.entered)", "update[e.id](status: e.entered, customer: \"gone\")", list),
        ("customer: e.customer, status", "customer: \"{e.customer}!\", status", list),
        ("    customer: text\n    status: Order.Status", "    customer: text?\n    status: Order.Status", list),
        ("let size = lines.size()", "let size = lines.size() + 1", sizes),
        ("of Order(customer, size)", "of Order(size)", sizes),
    ] {
        assert_eq!(changed(from, to), which, "{to}");
    }
}
