//! One fault at a time, seeded in the shop: each is told exactly once, with its code, at its place.
//! The snapshot holds what people read.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

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

const NAMES: &[Fault] = &[
    fault("catalog", "stock = stock + amount", "stock = stock + amout", "E0200", "amout"),
    fault("catalog", "emit Restocked(amount)", "emit Restocked(amount: quantity)", "E0200", "quantity"),
    fault(
        "orders",
        "create Place(items: list<Item>(1..=50, distinct product)) allow role(customer)",
        "create Place(items: list<Item>(1..=50, distinct product)) allow role(customer) and caller.customer == customer",
        "E0200",
        "customer",
    ),
    fault("catalog", "price:    Money", "price:    Mony", "E0201", "Mony"),
    fault(
        "orders",
        "customer: customers.Customer.Id\n    lines:",
        "customer: customers.Customer\n    lines:",
        "E0201",
        "Customer",
    ),
    fault("orders", "status: Order.Status\n", "status: Order.Statu\n", "E0201", "Statu"),
    fault("orders", "lines.sum(l => l.price * l.quantity)", "lines.sum(l => l.prize * l.quantity)", "E0202", "prize"),
    fault("orders", "payment: receipt.reference", "payment: receipt.reverence", "E0202", "reverence"),
    fault("orders", "placed_at: e.at)", "placed_at: e.when)", "E0202", "when"),
    fault("customers", "event Renamed(set name)", "event Renamed(set nme)", "E0202", "nme"),
    fault("customers", "{ remove holds[order] }", "{ remove hold[order] }", "E0202", "hold"),
    fault("customers", "\"{held} of {limit} is in use\"", "\"{hold} of {limit} is in use\"", "E0202", "hold"),
    fault("customers", "of Customer(name, limit)", "of Customer(name, limits)", "E0202", "limits"),
    fault("catalog", "order by title", "order by titel", "E0202", "titel"),
    fault("orders", "reason: failure.message", "reason: failure.cause", "E0202", "cause"),
    fault("customers", "holds.values().sum()", "holds.value().sum()", "E0202", "value"),
    fault("orders", "policy Thank on Order.Approved", "policy Thank on Order.Aproved", "E0203", "Aproved"),
    fault(
        "orders",
        "undo catalog.Product[line.product].Release(",
        "undo catalog.Product[line.product].Relase(",
        "E0203",
        "Relase",
    ),
    fault("customers", "else CreditExceeded(limit, held)", "else CreditExeeded(limit, held)", "E0203", "CreditExeeded"),
    fault(
        "orders",
        "do Payments.charge(order: placing.id, amount: placing.total) as receipt",
        "do Payments.charg(order: placing.id, amount: placing.total) as receipt",
        "E0203",
        "charg",
    ),
    fault("orders", "Names[e.customer]", "Name[e.customer]", "E0203", "Name"),
    fault("gateway", "orders.OrderList.by_id(order)", "orders.OrderList.by_ib(order)", "E0203", "by_ib"),
    fault("gateway", "-> OrderPage", "-> OrderPag", "E0203", "OrderPag"),
    fault("orders", "policy Settle on Order.Shipped", "policy Settle on Ordr.Shipped", "E0203", "Ordr"),
    fault("catalog", "{ emit Repriced(price) }", "{ emit Repricd(price) }", "E0203", "Repricd"),
    fault(
        "orders",
        "value Item(product: catalog.Product.Id,",
        "value Item(product: catalogue.Product.Id,",
        "E0204",
        "catalogue",
    ),
    fault("gateway", "expose customers, catalog, orders", "expose customer, catalog, orders", "E0204", "customer"),
    fault("orders", "command Ship when approved", "command Ship when aproved", "E0205", "aproved"),
    fault("orders", "timer approved after", "timer aproved after", "E0205", "aproved"),
    fault("orders", "state approved {", "state aproved {", "E0205", "aproved"),
    fault("orders", "enters rejected", "enters reject", "E0205", "reject"),
    fault(
        "catalog",
        "command Reprice(price) allow role(clerk)",
        "command Reprice(price) allow role(clark)",
        "E0206",
        "clark",
    ),
    fault("orders", "customer: caller.customer,", "customer: caller.custommer,", "E0206", "custommer"),
    fault("shop", "if role(customer)", "if role(costumer)", "E0206", "costumer"),
    fault(
        "orders",
        "policy Thank on Order.Approved as e",
        "policy Thank on OrderList.Approved as e",
        "E0207",
        "OrderList",
    ),
    fault(
        "orders",
        "failed { do Order[placing.id].Reject(reason: failure.message) }",
        "failed { do Order.Reject(reason: failure.message) }",
        "E0207",
        "Order.Reject",
    ),
    fault("catalog", "title:    text(1..=200)\n", "title:    text(1..=200)\n    title:    text\n", "E0210", "title"),
    fault(
        "customers",
        "command Rename(name) allow",
        "command Register(name) { emit Renamed(name) }\n    command Rename(name) allow",
        "E0210",
        "Register",
    ),
    fault("orders", "value Line(", "value Item(name: text)\n  value Line(", "E0210", "Item"),
    fault(
        "orders",
        "placed   -> approved, rejected",
        "placed   -> approved, rejected\n      placed   -> rejected",
        "E0210",
        "placed   -> rejected",
    ),
    fault("shop", "system shop", "system shop\nsystem store", "E0211", "system store"),
    fault("orders", "step credit {", "pivot credit {", "E0211", "charge"),
    fault("shop", "system shop", "", "E0212", ""),
    fault("orders", "event Rejected(reason: text)", "event Rejected(reason: text, at: timestamp)", "E0213", "at"),
    fault("catalog", "command Reprice(price)", "command Reprice(cost)", "E0214", "cost"),
    fault("orders", "query by_id(order)", "query by_id(ordr)", "E0214", "ordr"),
];

const ARGUMENTS: &[Fault] = &[
    fault("customers", "emit CreditHeld(order, amount)", "emit CreditHeld(order)", "E0220", "emit CreditHeld(order)"),
    fault(
        "orders",
        "title: p.title, price: p.price, quantity",
        "title: p.title, quantity",
        "E0220",
        "Line(product: p.product, title: p.title, quantity: p.quantity)",
    ),
    fault(
        "orders",
        "insert[e.id](title: e.title, price: e.price)",
        "insert[e.id](title: e.title)",
        "E0220",
        "insert[e.id](title: e.title)",
    ),
    fault(
        "orders",
        "join PriceList on product else UnknownProduct(product)",
        "join PriceList on product else UnknownProduct",
        "E0220",
        "UnknownProduct",
    ),
    fault("orders", ".Approve(payment: receipt.reference)", ".Approve()", "E0220", "Order[placing.id].Approve()"),
    fault("orders", "emit Approved(payment)", "emit Approved(payment, customer)", "E0221", "customer"),
    fault("orders", "{ emit Shipped }", "{ emit Shipped(lines: lines) }", "E0221", "lines"),
    fault("catalog", "emit Repriced(price)", "emit Repriced(price, title: price)", "E0221", "title"),
    fault("orders", "update[e.id](price: e.price)", "update[e.id](prize: e.price)", "E0221", "prize"),
    fault(
        "customers",
        "CreditExceeded(limit, held)\n",
        "CreditExceeded(limit, limit: limit, held)\n",
        "E0222",
        "limit: limit",
    ),
    fault("orders", "refund(order: e.id, payment: e.payment)", "refund(e.id, payment: e.payment)", "E0223", "e.id"),
];

const TYPES: &[Fault] = &[
    fault("catalog", "emit Repriced(price)", "emit Repriced(price: title)", "E0300", "title"),
    fault(
        "orders",
        "do   customers.Customer[placing.customer].HoldCredit",
        "do   customers.Customer[placing.id].HoldCredit",
        "E0300",
        "placing.id",
    ),
    fault("customers", "require held + amount <= limit", "require held + amount", "E0300", "held + amount"),
    fault(
        "orders",
        "order: placing.id, quantity: line.quantity",
        "order: placing.id, quantity: line.price",
        "E0300",
        "line.price",
    ),
    fault(
        "orders",
        "on customers.Customer.Registered, customers.Customer.Renamed as e { upsert[e.id](name: e.name) }",
        "on customers.Customer.Registered, customers.Customer.Renamed as e { upsert[e.id](name: e.id) }",
        "E0300",
        "e.id",
    ),
    fault("orders", "l.price * l.quantity", "l.price * l.price", "E0301", "*"),
    fault("catalog", "stock - reserved.values().sum()", "title - reserved.values().sum()", "E0302", "-"),
    fault("catalog", "reserved.values().sum()\n", "reserved.sum()\n", "E0202", "sum"),
    fault("orders", "Names[e.customer]?.name ?? \"\"", "Names[e.customer]?.name", "E0303", "Names[e.customer]?.name"),
    fault("orders", "Names[e.customer]?.name", "Names[e.customer].name", "E0303", "Names[e.customer]"),
    fault("orders", "customer_name: Names[e.customer]?.name ?? \"\"", "customer_name: e.id ?? \"\"", "E0303", "e.id"),
    fault("shop", "decimal(12, 2, 0..)", "decimal(12, 20, 0..)", "E0305", "12"),
    fault("shop", "int(1..=999)", "int(999..=1)", "E0305", "999..=1"),
    fault(
        "shop",
        "text(3..=254) matches r\"[^@ ]+@[^@ ]+\"",
        "text(3..=254) matches r\"[^@ ]+@[^@ +\"",
        "E0305",
        "r\"[^@ ]+@[^@ +\"",
    ),
    fault("orders", "distinct product)) allow", "distinct produkt)) allow", "E0202", "produkt"),
    fault("catalog", "require quantity <= free", "require title <= free", "E0306", "<="),
    fault("customers", "require held + amount <= limit", "require order < order", "E0306", "<"),
    fault("customers", "event Renamed(set name)", "event Renamed(set name) { limit = now }", "E0307", "now"),
    fault("orders", "where self.order == order", "where self.order == now", "E0307", "now"),
    fault("orders", "(self.status == status if given)", "self.status == status", "E0308", "status"),
    fault(
        "orders",
        "self.customer == customer and (",
        "(self.customer == customer if given) and (",
        "E0308",
        "(self.customer == customer if given)",
    ),
    fault(
        "orders",
        "value Item(product: catalog.Product.Id, quantity: Quantity)",
        "value Item(product: catalog.Product.Id, quantity: Quantity, extra: list<Item>)",
        "E0309",
        "extra",
    ),
    fault("catalog", "let free = stock", "let free = free", "E0309", "free"),
    fault(
        "catalog",
        "require quantity <= free",
        "require quantity <= free and quantity == 1_000_000_000_000_000_000_000",
        "E0304",
        "1_000_000_000_000_000_000_000",
    ),
    fault("orders", "template: \"approved\"", "template: absent", "E0303", "absent"),
];

const CHECKS: &[Fault] = &[
    fault(
        "customers",
        "create Register(name, email, limit) allow role(clerk) {",
        "command Register(name, email, limit) allow role(clerk) {",
        "E0419",
        "Customer",
    ),
    fault("gateway", "authenticate jwt(issuer: env ISSUER, audience: \"shop\")", "", "E0424", ""),
    fault(
        "orders",
        "where self.customer == customer and",
        "where self.lines.size() > 3 and self.customer == customer and",
        "E0425",
        "self.lines.size() > 3",
    ),
    fault("catalog", "if order in reserved { done }\n      require", "let order = 3\n      require", "E0210", "order"),
    fault(
        "orders",
        "command Ship when approved allow role(clerk) { emit Shipped }",
        "command Ship when approved allow role(clerk) { emit Shipped }\n    command Note(product: catalog.Product.Id) when placed { require payment == \"\" else UnknownProduct(product) }",
        "E0410",
        "payment == \"\"",
    ),
    fault(
        "customers",
        "holds: map<orders.Order.Id, Money>",
        "holds: map<orders.Order.Id, Money>\n    items: list<orders.Secret>",
        "E0201",
        "Secret",
    ),
    fault(
        "customers",
        "let held = holds.values().sum()",
        "let held = holds.values().sum()\n    let twice = held + held\n    create Import(name) { emit Registered(name, email: self.email, limit: 1) }",
        "E0307",
        "self.email",
    ),
    fault(
        "orders",
        "step stock for line in placing.lines {",
        "step stock for line in placing.total {",
        "E0302",
        "placing.total",
    ),
    fault("orders", "timer approved after 30 days", "timer approved after 3 months", "E0304", "3 months"),
    fault(
        "orders",
        "retry 5 times from 200 ms to 10 s",
        "retry 5 times from 20 s to 10 s",
        "E0304",
        "retry 5 times from 20 s to 10 s",
    ),
    fault(
        "orders",
        "create Place(items: list<Item>(1..=50, distinct product)) allow role(customer)\n      with priced = items join PriceList on product else UnknownProduct(product)\n    {",
        "create Place(items: list<Item>(1..=50, distinct product)) allow role(customer)\n      with priced = items join PriceList on product else UnknownProduct(product)\n    { if items.size() > 3 { done }",
        "E0412",
        "Place",
    ),
    fault(
        "gateway",
        "jwt(issuer: env ISSUER, audience: \"shop\")",
        "jwt(issuer: env ISSUER, audiance: \"shop\")",
        "E0221",
        "audiance",
    ),
    fault("gateway", "by_id(head.customer)", "by_id(haed.customer)", "E0200", "haed"),
    fault(
        "customers",
        "view CustomerCard of Customer(name, limit) allow role(clerk) or caller.customer == self.id",
        "view CustomerCard of Customer(name, limit)",
        "E0420",
        "customer",
    ),
    fault(
        "catalog",
        "event Added(set title, set price, set stock)",
        "event Added(set title, set price, carry stock)",
        "E0414",
        "emit Added(title, price, stock)",
    ),
    fault("shop", "roles customer, clerk from", "roles customer, clerk, clerk from", "E0210", "clerk"),
    fault("orders", "order by placed_at desc", "order by lines", "E0306", "lines"),
    fault(
        "orders",
        "do Mailer.send(to: e.customer, template: \"approved\")",
        "if e.customer in e.payment { do Mailer.send(to: e.customer, template: \"approved\") }",
        "E0302",
        "e.payment",
    ),
    fault("orders", "join PriceList on", "join catalog.ProductList on", "E0400", "catalog.ProductList"),
    fault(
        "customers",
        "holds: map<orders.Order.Id, Money>",
        "holds: map<orders.Order.Id, Money>\n    receipt: orders.Payments.Receipt?",
        "E0400",
        "Payments.Receipt",
    ),
    fault(
        "orders",
        "view Names {",
        "view Cards of customers.Customer(name) allow anyone\n  view Names {",
        "E0400",
        "customers.Customer",
    ),
    fault(
        "customers",
        "event CreditHeld(order: orders.Order.Id, amount: Money) { holds[order] = amount }",
        "event CreditHeld(order: orders.Order.Id, amount: Money)",
        "E0401",
        "CreditHeld",
    ),
    fault("orders", "ignore catalog.Product.*", "ignore catalog.Product.Restocked", "E0402", "PriceList"),
    fault("orders", "    on Order.* as e { update[e.id](status: e.entered) }\n", "", "E0402", "OrderList"),
    fault(
        "catalog",
        "command Release(order: orders.Order.Id) {",
        "command Look(order: orders.Order.Id) { done }\n    command Release(order: orders.Order.Id) {",
        "E0403",
        "Look",
    ),
    fault("catalog", "require quantity <= free else OutOfStock(free)\n", "\n", "E0404", "OutOfStock"),
    fault(
        "catalog",
        "event Repriced(set price)",
        "event Repriced(set price)\n    event Praised(set title)",
        "E0405",
        "Praised",
    ),
    fault("orders", "approved -> shipped, cancelled", "approved -> shipped, cancelled, lost", "E0406", "lost"),
    fault("orders", "command Ship when approved allow", "command Ship allow", "E0407", "Ship"),
    fault(
        "orders",
        "create Place(items: list<Item>(1..=50, distinct product)) allow",
        "create Place(items: list<Item>(1..=50, distinct product)) when placed allow",
        "E0408",
        "when placed",
    ),
    fault(
        "orders",
        "command Reject(reason: text) when placed",
        "command Reject(reason: text) when placed, approved",
        "E0409",
        "emit Rejected(reason)",
    ),
    fault(
        "orders",
        "event Rejected(reason: text) enters",
        "event Rejected(reason: text, carry payment) enters",
        "E0410",
        "emit Rejected(reason)",
    ),
    fault(
        "orders",
        "event Approved(set payment, carry customer)",
        "event Approved(payment: text, carry customer)",
        "E0411",
        "Approved",
    ),
    fault(
        "customers",
        "event Registered(set name, set email, set limit)",
        "event Registered(set name, email: Email, set limit)",
        "E0411",
        "Registered",
    ),
    fault(
        "catalog",
        "{ emit Restocked(amount) }",
        "{ emit Restocked(amount) emit Added(title, price, stock) }",
        "E0413",
        "emit Added(title, price, stock)",
    ),
    fault(
        "orders",
        "event Placed(set customer, set lines, total: Money) enters placed",
        "event Placed(set customer, set lines, total: Money)",
        "E0415",
        "Placed",
    ),
    fault(
        "catalog",
        "{ done }\n      require",
        "{ done emit Released(order) }\n      require",
        "E0416",
        "emit Released(order)",
    ),
    fault(
        "orders",
        "on catalog.Product.Repriced as e { update",
        "on catalog.Product.Added, catalog.Product.Repriced as e { update",
        "E0417",
        "catalog.Product.Added",
    ),
    fault(
        "catalog",
        "reserved: map<orders.Order.Id, Quantity>",
        "reserved: map<orders.Order.Id, Quantity> unique",
        "E0418",
        "unique",
    ),
    fault(
        "gateway",
        "GET \"/orders/{order}/page\" -> OrderPage",
        "GET \"/orders/{order}/page\" -> OrderPage\n  POST \"/orders/{id}/approve\" -> orders.Order.Approve",
        "E0420",
        "orders.Order.Approve",
    ),
    fault("gateway", "catalog.ProductList.by_ids(", "orders.PriceList.by_ids(", "E0203", "by_ids"),
    fault(
        "catalog",
        "view ProductList of",
        "view Prices of Product(price) allow anyone\n  view ProductList of",
        "E0422",
        "ProductList",
    ),
    fault("gateway", "GET \"/orders/{order}/page\"", "POST \"/orders/{order}/page\"", "E0423", "POST"),
    fault("gateway", "GET \"/orders/{order}/page\"", "GET \"/orders/{id}/page\"", "E0221", "id"),
    fault(
        "orders",
        "step approve { do Order[placing.id].Approve(payment: receipt.reference) }",
        "step approve { do Order[placing.id].Approve(payment: receipt.reference) undo customers.Customer[placing.customer].ReleaseCredit(order: placing.id) }",
        "E0430",
        "customers.Customer[placing.customer].ReleaseCredit(order: placing.id)",
    ),
];

#[test]
fn each_seeded_fault_is_told_once_at_its_place() {
    let mut told = String::new();
    let mut wrong = String::new();
    let mut count = 0;
    for fault in NAMES.iter().chain(ARGUMENTS).chain(TYPES).chain(CHECKS) {
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
