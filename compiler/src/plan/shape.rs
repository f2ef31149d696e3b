//! How a type stands in stored JSON, in a line: what the runtime compares with what an earlier spec wrote.
//!
//! ```text
//! Placed = "orders.Order.Placed" => "placed" {
//!     "customer": "customers.Customer.Id",
//!     "lines": "list<{product: catalog.Product.Id, quantity: int(1..=999)}>",
//!     "total": "decimal(12, 2, 0..)",
//!     "note": "text(1..=200)?",
//! },
//! ```
//!
//! Names that do not reach the JSON are looked through: a type that is only renamed keeps its shape.

use minos_dsl::model::{Base, CollectionRule, Distinct, Event, Model, Rule, Size, Ty};

/// The fields of an event's payload with their shapes, as Rust text within an entry of a table.
pub(crate) fn fields(model: &Model, event: &Event) -> String {
    if event.payload.is_empty() {
        return "{}".to_owned();
    }
    let line = |name: &str, it: &Ty| format!("        {name:?}: {:?},\n", shape(model, it));
    let lines: String = event.payload.iter().map(|it| line(&it.name, &it.ty)).collect();
    format!("{{\n{lines}    }}")
}

fn shape(model: &Model, it: &Ty) -> String {
    written(model, it, Names::None)
}

/// A type as it decides what is in a kept row: as stored, but enums and states by name, for a case more changes no row that is there.
pub(crate) fn kept_shape(model: &Model, it: &Ty) -> String {
    written(model, it, Names::OfCases)
}

/// A type as the spec spells it: `list<Line>(distinct product)`.
pub(crate) fn spelled(model: &Model, it: &Ty) -> String {
    written(model, it, Names::All)
}

/// Which declared types stand by their names; the others by what they are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    None,
    OfCases,
    All,
}

/// A type in a line.
fn written(model: &Model, it: &Ty, names: Names) -> String {
    let inner = |it: &Ty| written(model, it, names);
    match it {
        Ty::Named(id) if names == Names::All => model.at(*id).name.to_string(),
        Ty::Value(id) if names == Names::All => model.at(*id).name.to_string(),
        Ty::Enum(id) if names != Names::None => model.at(*id).name.to_string(),
        Ty::Status(id) if names != Names::None => format!("{}.Status", model.at(*id).path()),
        Ty::Base(base) => with_rule(*base, &Rule::default()),
        Ty::Refined(refined) => with_rule(refined.base, &refined.rule),
        Ty::Named(id) => with_rule(model.at(*id).base, &model.at(*id).rule),
        Ty::Id(id) => format!("{}.Id", model.at(*id).path()),
        Ty::Value(id) => {
            let fields = model.at(*id).get().fields.iter().map(|it| format!("{}: {}", it.name, inner(&it.ty)));
            format!("{{{}}}", joined(fields, ", "))
        }
        Ty::Enum(id) => {
            format!("({})", joined(model.at(*id).get().cases.iter().map(|it| it.name.to_string()), " | "))
        }
        Ty::Status(id) => {
            let states = model.at(*id).get().lifecycle.iter().flat_map(|it| &it.states);
            format!("({})", joined(states.map(|it| it.name.to_string()), " | "))
        }
        Ty::List(element, rule) => format!("list<{}>{}", inner(element), kept(model, element, rule.as_deref())),
        Ty::Set(element, rule) => format!("set<{}>{}", inner(element), kept(model, element, rule.as_deref())),
        Ty::Map(key, value, rule) => {
            format!("map<{}, {}>{}", inner(key), inner(value), kept(model, value, rule.as_deref()))
        }
        Ty::Optional(present) => format!("{}?", inner(present)),
        // They live in expressions, and are never stored.
        Ty::Loose(_) | Ty::Row(_) | Ty::Joined(..) | Ty::Event(_) | Ty::Composed(_) | Ty::Poison => "?".to_owned(),
    }
}

/// `decimal(12, 2, 0..)`, `text(1..=200) matches "…"`.
fn with_rule(base: Base, rule: &Rule) -> String {
    let name = match base {
        Base::Bool => "bool",
        Base::Int => "int",
        Base::Decimal => "decimal",
        Base::Text => "text",
        Base::Timestamp => "timestamp",
        Base::Duration => "duration",
        Base::Date => "date",
    };
    let mut parts = Vec::new();
    parts.extend(rule.digits.map(|it| format!("{}, {}", it.precision, it.scale)));
    if rule.min.is_some() || rule.max.is_some() {
        let min =
            rule.min.map_or_else(String::new, |it| format!("{}{}", if it.inclusive { "" } else { ">" }, it.value));
        let max =
            rule.max.map_or_else(String::new, |it| format!("{}{}", if it.inclusive { "=" } else { "" }, it.value));
        parts.push(format!("{min}..{max}"));
    }
    parts.extend(rule.length.map(sizes));
    let parts = if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) };
    let pattern = rule.pattern.as_ref().map_or_else(String::new, |it| format!(" matches {it:?}"));
    format!("{name}{parts}{pattern}")
}

/// The rule of a collection: `(1..=50, distinct product)`.
fn kept(model: &Model, element: &Ty, rule: Option<&CollectionRule>) -> String {
    let Some(rule) = rule else { return String::new() };
    let distinct = rule.distinct.as_ref().map(|distinct| match (distinct, element) {
        (Distinct::Field(index), Ty::Value(id)) => {
            let field = model.at(*id).get().fields.get(*index as usize);
            format!("distinct {}", field.map_or("", |it| &it.name))
        }
        _ => "distinct".to_owned(),
    });
    let parts: Vec<String> = rule.size.map(sizes).into_iter().chain(distinct).collect();
    if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
}

fn sizes(size: Size) -> String {
    format!("{}..{}", size.min, size.max.map_or_else(String::new, |max| format!("={max}")))
}

fn joined(parts: impl Iterator<Item = String>, with: &str) -> String {
    parts.collect::<Vec<_>>().join(with)
}
