//! `order/events.rs`: what can happen to an aggregate.
//!
//! ```text
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! pub struct Placed {
//!     pub customer: CustomerId,
//!     pub lines: Lines,
//! }
//!
//! /// What happens to an `Order`.
//! #[derive(Clone, Debug, PartialEq)]
//! pub enum OrderEvent {
//!     Placed(Placed),
//! }
//!
//! minos_runtime::events!(OrderEvent {
//!     Placed = "orders.Order.Placed" => "placed" {
//!         "customer": "customers.Customer.Id",
//!         "lines": "list<{product: catalog.Product.Id, quantity: int(1..=999)}>",
//!     },
//! });
//! ```

use minos_dsl::model::{Aggregate, Cursor, Event};

use super::docs;
use super::nouns::{Member, Wire, record};
use crate::output::source_file::SourceFile;
use crate::plan::{Plan, shape};
use crate::rust::name::pascal;

pub(super) fn emit<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> SourceFile {
    let module = plan.module_name(aggregate);
    let mut own: Vec<String> = aggregate.events().map(|it| plan.event_name(it)).collect();
    let all = format!("{}Event", pascal(&aggregate.name));
    own.push(all.clone());
    let origin = super::origin(plan, aggregate.span);
    let docs = format!("What can happen to `{}`.", aggregate.path());
    let mut file = SourceFile::new(&format!("{module}/events.rs"), &format!("crate::{module}"), &origin, &docs, &own);
    aggregate.events().for_each(|it| payload(plan, &mut file, it));
    let mut item = codegen::Enum::new(&all);
    item.vis("pub").doc(format!(
        "Any event of `{}`. Their shapes, below, are recorded with the data: a service that starts on data of other shapes first tries whether \
         every stored event can be read.",
        aggregate.path()
    ));
    for derive in ["Clone", "Debug", "PartialEq"] {
        item.derive(derive);
    }
    for event in aggregate.events() {
        let name = plan.event_name(event);
        item.new_variant(&name).doc(format!("`{}`.", event.path())).tuple(&name);
    }
    file.scope().push_enum(item);
    file.table(&format!("events!({all} "), '{', aggregate.events().map(|it| entry(plan, it)), "});");
    file
}

/// The struct of an event's payload.
pub(super) fn payload<'m>(plan: &Plan<'m>, file: &mut SourceFile, event: Cursor<'m, Event>) {
    let docs = docs::event(plan, event);
    let members: Vec<Member<'_>> = plan
        .payload(event)
        .map(|(_, it)| Member::new(plan, file.uses(), &it.name, docs::fields::payload(plan, event, it), &it.ty))
        .collect();
    record(file, &plan.event_name(event), &docs, &["Clone", "Debug", "PartialEq"], Wire::Both, &members);
}

/// `Placed = "orders.Order.Placed" => "placed" { "customer": "customers.Customer.Id" }`.
fn entry<'m>(plan: &Plan<'m>, event: Cursor<'m, Event>) -> String {
    let (name, wire) = (plan.event_name(event), event.path());
    let aggregate = event.aggregate();
    let states = aggregate.get().lifecycle.as_ref().map(|it| &it.states);
    let enters = event.enters.and_then(|index| Some(states?[index as usize].name.to_string()));
    let enters = enters.map_or_else(String::new, |state| format!(" => {state:?}"));
    format!("{name} = {wire:?}{enters} {}", shape::fields(plan.model, event.get()))
}
