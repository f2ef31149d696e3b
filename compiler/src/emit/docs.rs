//! What items say of themselves beyond the spec's own docs: what a reader would else have to look up elsewhere.
//!
//! ```text
//! /// Emits `Approved`; only when `placed`. Sent by sagas and policies of this system alone: it has no `allow`.
//! /// Sets `payment`, carries `customer`; enters `approved`.
//! /// On `orders.Order.Shipped`: `customers.Customer.ReleaseCredit`, `catalog.Product.Take`.
//! ```

use minos_dsl::model::{
    Aggregate, Answer, Call, CallTarget, Command, Cursor, Docs, Error, Event, Lifecycle, Operation, Origin, Policy,
    Query, Statement, View, ViewSource,
};

use crate::plan::Plan;

/// `a`, `b`, each in backticks.
fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The spec's docs with what is known beside them.
fn with(docs: &Docs, known: String) -> String {
    match docs {
        Some(docs) if known.is_empty() => docs.to_string(),
        Some(docs) => format!("{docs}\n\n{known}"),
        None => known,
    }
}

/// A command: what it emits and when, and who may send it where that is nobody from outside.
pub(super) fn command<'m>(plan: &Plan<'m>, it: Cursor<'m, Command>) -> String {
    let aggregate = it.aggregate();
    if !plan.owns(aggregate.get().subdomain) {
        return it.docs.as_deref().map_or_else(|| format!("Sent to `{}`.", aggregate.path()), str::to_owned);
    }
    let mut emitted = Vec::new();
    emits(plan, &it.get().body, &mut emitted);
    let mut known = if it.creates { "Creates one: emits " } else { "Emits " }.to_owned();
    known.push_str(&listed(&emitted));
    if let (Some(when), Some(lifecycle)) = (&it.get().when, &aggregate.get().lifecycle) {
        known.push_str(&format!("; only when {}", listed(when.iter().map(|index| state(lifecycle, *index)))));
    }
    known.push('.');
    let said = it.docs.as_deref().is_some_and(|docs| docs.contains("`allow`"));
    if it.allow.is_internal() && !said {
        known.push_str(" Sent by sagas and policies of this system alone: it has no `allow`.");
    }
    with(&it.get().docs, known)
}

fn emits(plan: &Plan<'_>, body: &[Statement], found: &mut Vec<String>) {
    for statement in body {
        match statement {
            Statement::Emit(emit) => {
                let name = plan.model.at(emit.event).name.to_string();
                if !found.contains(&name) {
                    found.push(name);
                }
            }
            Statement::If { then, otherwise, .. } => {
                emits(plan, then, found);
                emits(plan, otherwise, found);
            }
            _ => {}
        }
    }
}

fn state(lifecycle: &Lifecycle, index: u32) -> &str {
    lifecycle.states[index as usize].name.as_str()
}

/// An event: what becomes of its fields, and the state that it enters; another's: that it is not all of it.
pub(super) fn event<'m>(plan: &Plan<'m>, it: Cursor<'m, Event>) -> String {
    let aggregate = it.aggregate();
    if !plan.owns(aggregate.get().subdomain) {
        let all = plan.payload(it).count() == it.payload.len();
        let part = if all { "" } else { ", as far as it is read here" };
        return it.docs.as_deref().map_or_else(|| format!("`{}`{part}.", it.path()), str::to_owned);
    }
    let fields = |wanted: fn(Origin) -> bool| {
        listed(it.payload.iter().filter(|field| wanted(field.origin)).map(|field| field.name.as_str()))
    };
    let set = fields(|origin| matches!(origin, Origin::Set(_)));
    let carried = fields(|origin| matches!(origin, Origin::Carry(_) | Origin::CarryComputed(_)));
    let enters = it.enters.zip(aggregate.get().lifecycle.as_ref()).map(|(index, lifecycle)| state(lifecycle, index));
    let known: Vec<String> = [
        (!set.is_empty()).then(|| format!("sets {set}")),
        (!carried.is_empty()).then(|| format!("carries {carried} for those who follow")),
        enters.map(|state| format!("enters `{state}`")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let known = match known.is_empty() {
        true if it.docs.is_some() => String::new(),
        true => format!("`{}`.", it.path()),
        false => format!("{}.", sentence(&known.join("; "))),
    };
    with(&it.get().docs, known)
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// An error: what is refused with it.
pub(super) fn error(plan: &Plan<'_>, it: Cursor<'_, Error>) -> String {
    let model = plan.model;
    let commands = model.all::<Command>().filter(|command| command.errors().any(|error| error.id() == it.id()));
    let operations = model.all::<Operation>().filter(|operation| operation.errors().any(|error| error.id() == it.id()));
    let refused = listed(commands.map(|it| it.name.to_string()).chain(operations.map(|it| it.name.to_string())));
    it.docs.as_deref().map_or_else(|| format!("Why {refused} may be refused."), str::to_owned)
}

/// An aggregate's life as a table, after its docs.
pub(super) fn aggregate(it: Cursor<'_, Aggregate>) -> String {
    let docs = it.docs.as_deref().map_or_else(|| format!("The aggregate `{}`.", it.path()), str::to_owned);
    let Some(lifecycle) = &it.lifecycle else { return docs };
    let mut table = format!("{docs}\n\n| {} | event | becomes |\n|---|---|---|", lifecycle.name);
    for event in it.events() {
        let Some(to) = event.enters else { continue };
        let from: Vec<&str> = lifecycle
            .transitions
            .iter()
            .filter(|(_, target)| *target == to)
            .map(|(from, _)| state(lifecycle, *from))
            .collect();
        let from = if event.creates { "–".to_owned() } else { listed(from) };
        table.push_str(&format!("\n| {from} | `{}` | `{}` |", event.name, state(lifecycle, to)));
    }
    table
}

/// A view: what keeps it.
pub(super) fn view<'m>(plan: &Plan<'m>, it: Cursor<'m, View>) -> String {
    match &it.get().source {
        ViewSource::Aggregate { aggregate, .. } => {
            format!("`{}`: kept from the state of `{}`, in its commits.", it.path(), plan.model.at(*aggregate).path())
        }
        ViewSource::Events { .. } => {
            format!("`{}`: kept from events of {}.", it.path(), listed(it.follows().into_iter().map(|it| it.path())))
        }
    }
}

/// A view's row: its key, and why columns are indexed.
pub(super) fn row(it: Cursor<'_, View>, indexed: bool) -> String {
    let indexed = if indexed {
        " Indexed are the columns that the spec marks, and those that queries and handlers choose or order rows by."
    } else {
        ""
    };
    format!("A row of `{}`; its key is `{}`.{indexed}", it.path(), it.key().name)
}

/// A query: what it answers, in which order.
pub(super) fn query(it: Cursor<'_, Query>) -> String {
    let view = it.view();
    let order: Vec<String> = it
        .order
        .iter()
        .map(|(column, descending)| {
            let name = &view.columns[*column as usize].name;
            if *descending { format!("`{name}`, the largest first") } else { format!("`{name}`") }
        })
        .collect();
    let known = match it.answer {
        Answer::Row => format!("One row of `{}`.", view.path()),
        Answer::Rows => format!("The rows of `{}` that there are of these keys.", view.path()),
        Answer::Page if order.is_empty() => format!("Rows of `{}`, page by page.", view.path()),
        Answer::Page => format!("Rows of `{}`, page by page, by {}.", view.path(), order.join(", ")),
    };
    it.docs.as_deref().map_or(known, str::to_owned)
}

/// A policy: the events that it follows, and what it does.
pub(super) fn policy<'m>(plan: &Plan<'m>, it: Cursor<'m, Policy>) -> String {
    let events = it.get().cases.iter().map(|case| plan.model.at(case.event).path());
    let mut done: Vec<String> = Vec::new();
    for name in it.calls().into_iter().map(|call| called(plan, call)) {
        if !done.contains(&name) {
            done.push(name);
        }
    }
    with(&it.get().docs, format!("On {}: {}.", listed(events), listed(done)))
}

/// What a step or a policy sends or calls.
pub(super) fn called(plan: &Plan<'_>, call: &Call) -> String {
    match &call.target {
        CallTarget::Command { command, .. } | CallTarget::Create(command) => plan.model.at(*command).path(),
        CallTarget::Port(operation) => plan.model.at(*operation).path(),
    }
}

/// A port's operation: what it may be refused with.
pub(super) fn operation(it: Cursor<'_, Operation>) -> String {
    let errors = listed(it.errors().map(|error| error.name.to_string()));
    let known = if errors.is_empty() {
        "It declares no error: what goes wrong is tried again, or parked.".to_owned()
    } else {
        format!("Refused with {errors}: final, and never tried again.")
    };
    with(&it.get().docs, known)
}
