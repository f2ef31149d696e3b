//! What a field is, where the spec does not say: its type as the spec spells it, and where it comes from.
//!
//! ```text
//! /// `customers.Customer.Id`, kept as the state's `customer`.
//! /// `map<orders.Order.Id, Quantity>`; written by `Reserved`, `Released`, `Taken`.
//! /// `text`, from `catalog.Product.Added`.
//! ```

use minos_dsl::model::{
    Aggregate, Command, Cursor, Docs, Effect, Event, Expr, ExprKind, Field, Id, Origin, Param, PayloadField, Query,
    QueryKind, Read, ReadKind, RowChange, Ty, TypeRef, View, ViewSource,
};

use super::super::state::effects;
use super::listed;
use crate::plan::Plan;
use crate::plan::shape::spelled;

/// `Money`, in backticks.
fn ty(plan: &Plan<'_>, it: &Ty) -> String {
    format!("`{}`", spelled(plan.model, it))
}

/// The spec's docs, or what is known.
fn or(docs: &Docs, known: impl FnOnce() -> String) -> String {
    docs.as_deref().map_or_else(known, str::to_owned)
}

/// A part of a value or an error, an argument of a port: its type says what there is to say.
pub(in crate::emit) fn part(plan: &Plan<'_>, it: &Param) -> String {
    or(&it.docs, || format!("{}.", ty(plan, &it.ty)))
}

/// A command's parameter: whether it is what the state keeps under that name.
pub(in crate::emit) fn parameter(plan: &Plan<'_>, command: Cursor<'_, Command>, it: &Param) -> String {
    let aggregate = command.aggregate();
    let own = plan.owns(aggregate.get().subdomain);
    let kept = own && aggregate.fields.iter().any(|field| field.name == it.name && field.ty == it.ty);
    let kept = if kept { format!(", as `{}` of `{}`", it.name, aggregate.path()) } else { String::new() };
    or(&it.docs, || format!("{}{kept}.", ty(plan, &it.ty)))
}

/// A field of an event's payload: where it comes from, and goes to.
pub(in crate::emit) fn payload(plan: &Plan<'_>, event: Cursor<'_, Event>, it: &PayloadField) -> String {
    let aggregate = event.aggregate();
    let own = plan.owns(aggregate.get().subdomain);
    let applied = event.payload.iter().position(|known| known.name == it.name).is_some_and(|place| {
        effects::read(&event.effects, &|kind| matches!(kind, ExprKind::Payload(index) if *index as usize == place))
    });
    let from = match it.origin {
        _ if !own => String::new(),
        Origin::Given if applied => String::new(),
        Origin::Given => ", for those who follow: the state keeps nothing of it".to_owned(),
        Origin::Set(field) => format!(", kept as the state's `{}`", aggregate.fields[field as usize].name),
        Origin::Carry(field) => format!(", copied from the state's `{}`", aggregate.fields[field as usize].name),
        Origin::CarryComputed(index) => format!(", as the state's `{}` was", aggregate.computed[index as usize].name),
    };
    or(&it.docs, || format!("{}{from}.", ty(plan, &it.ty)))
}

/// A field of the state: the events that write it.
pub(in crate::emit) fn state(plan: &Plan<'_>, aggregate: Cursor<'_, Aggregate>, index: u32, it: &Field) -> String {
    let writers = aggregate.events().filter(|event| event.effects.iter().any(|effect| writes(effect, index)));
    let writers = listed(writers.map(|event| event.name.to_string()));
    let written = if writers.is_empty() { String::new() } else { format!("; written by {writers}") };
    let unique = if it.unique { ", no two the same" } else { "" };
    or(&it.docs, || format!("{}{unique}{written}.", ty(plan, &it.ty)))
}

fn writes(effect: &Effect, index: u32) -> bool {
    match effect {
        Effect::Assign { field, .. }
        | Effect::Insert { field, .. }
        | Effect::Remove { field, .. }
        | Effect::Add { field, .. } => *field == index,
        Effect::If { then, otherwise, .. } => then.iter().chain(otherwise).any(|it| writes(it, index)),
        Effect::For { body, .. } => body.iter().any(|it| writes(it, index)),
        Effect::Let { .. } | Effect::Enter { .. } => false,
    }
}

/// The state's field that holds the lifecycle.
pub(in crate::emit) fn status(aggregate: Cursor<'_, Aggregate>) -> String {
    let entering = aggregate.events().filter(|event| event.enters.is_some());
    format!("Where it is in its life; moved by {}.", listed(entering.map(|event| event.name.to_string())))
}

/// A column of a view: what fills it.
pub(in crate::emit) fn column(plan: &Plan<'_>, view: Cursor<'_, View>, index: u32) -> String {
    let it = &view.columns[index as usize];
    let known = || {
        let (key, ty) = (if index == 0 { "The key: " } else { "" }, ty(plan, &it.ty));
        let from = match &view.source {
            _ if !plan.owns(view.subdomain) => String::new(),
            ViewSource::Aggregate { values, aggregate } => kept_from(plan, &values[index as usize].kind, *aggregate),
            ViewSource::Events { handlers, .. } => {
                let cases = handlers.iter().flat_map(|it| &it.cases);
                let filling = cases.filter(|case| case.body.iter().any(|change| fills(change, index)));
                let events = listed(filling.map(|case| plan.model.at(case.event).path()));
                if events.is_empty() { String::new() } else { format!("; filled by {events}") }
            }
        };
        let absent =
            if plan.column_may_be_absent(view.id(), index) { "; absent where it cannot be computed" } else { "" };
        format!("{key}{ty}{from}{absent}.")
    };
    or(&it.docs, known)
}

fn kept_from(plan: &Plan<'_>, value: &ExprKind, aggregate: Id<Aggregate>) -> String {
    let aggregate = plan.model.at(aggregate);
    match value {
        ExprKind::Field(field) => format!(", the state's `{}`", aggregate.fields[*field as usize].name),
        ExprKind::Computed(index) => format!(", the state's `{}`", aggregate.computed[*index as usize].name),
        ExprKind::Convert(_, of) => kept_from(plan, &of.kind, aggregate.id()),
        _ => String::new(),
    }
}

fn fills(change: &RowChange, index: u32) -> bool {
    let named = |columns: &[(u32, Expr)]| columns.iter().any(|(column, _)| *column == index);
    match change {
        RowChange::Insert { columns, .. } => index == 0 || named(columns),
        RowChange::Upsert { columns, .. } => index == 0 || named(columns),
        RowChange::Update { columns, .. } | RowChange::UpdateWhere { columns, .. } => named(columns),
        RowChange::If { then, otherwise, .. } => then.iter().chain(otherwise).any(|it| fills(it, index)),
        RowChange::For { body, .. } => body.iter().any(|it| fills(it, index)),
        RowChange::Let { .. } | RowChange::Delete { .. } | RowChange::DeleteWhere { .. } => false,
    }
}

/// A query's parameter: what it chooses, and what its absence means.
pub(in crate::emit) fn asked(plan: &Plan<'_>, query: Cursor<'_, Query>, index: u32, it: &Param) -> String {
    let mut optional = false;
    if let Some(filter) = &query.filter {
        filter.walk(&mut |node| {
            optional |= matches!(&node.kind, ExprKind::IfGiven { params, .. } if params.contains(&index));
        });
    }
    let absent = if optional { "; absent, it restricts nothing" } else { "" };
    let what = match query.kind {
        QueryKind::ById => "The key of the row: ",
        QueryKind::ByIds => "The keys of the rows: ",
        QueryKind::Declared => "",
    };
    or(&it.docs, || format!("{what}{}{absent}.", ty(plan, &it.ty)))
}

/// What a command reads before it decides.
pub(in crate::emit) fn read(plan: &Plan<'_>, it: &Read) -> String {
    let refused = plan.model.at(it.otherwise.error).name.to_string();
    match &it.kind {
        ReadKind::Row { view, key } => {
            let view = plan.model.at(*view).path();
            format!("The row of `{view}` under `{}`; where there is none: `{refused}`.", plan.text(key.span))
        }
        ReadKind::Join { list, view, .. } => {
            let view = plan.model.at(*view).path();
            format!("Each of `{}` with its row of `{view}`; where one has none: `{refused}`.", plan.text(list.span))
        }
    }
}

/// A value or an enum: where this service holds it.
pub(in crate::emit) fn found(plan: &Plan<'_>, docs: &Docs, it: TypeRef, name: &str) -> String {
    or(docs, || {
        let of = match it {
            TypeRef::Value(id) => Ty::Value(id),
            TypeRef::Enum(id) => Ty::Enum(id),
            TypeRef::Named(id) => Ty::Named(id),
        };
        match plan.model.subdomain_of(plan.owner(it)) {
            Some(other) if !plan.owns(other.id()) => format!("`{name}` of `{}`.", other.name),
            _ => match places(plan, &of).as_slice() {
                [] => format!("`{name}` of the spec."),
                places => format!("`{name}`: {}.", places.join(", ")),
            },
        }
    })
}

/// Where a type stands in the service's part of the spec: in its aggregates and commands, or what ports answer.
fn places(plan: &Plan<'_>, of: &Ty) -> Vec<String> {
    let Some(subdomain) = plan.subdomain() else { return Vec::new() };
    let held = |ty: &Ty, name: &str, owner: &str| mentions(ty, of).then(|| format!("in `{name}` of `{owner}`"));
    let mut found: Vec<String> = Vec::new();
    for aggregate in subdomain.aggregates() {
        found.extend(aggregate.fields.iter().filter_map(|it| held(&it.ty, &it.name, &aggregate.name)));
        for command in aggregate.commands() {
            found.extend(command.params.iter().filter_map(|it| held(&it.ty, &it.name, &command.name)));
        }
    }
    for operation in subdomain.ports().flat_map(|port| port.operations()) {
        found.extend(operation.params.iter().filter_map(|it| held(&it.ty, &it.name, &operation.name)));
        let answers = operation.answer.as_ref().is_some_and(|answer| mentions(answer, of));
        found.extend(answers.then(|| format!("what `{}` answers", operation.name)));
    }
    found.truncate(4);
    found
}

fn mentions(ty: &Ty, it: &Ty) -> bool {
    ty == it
        || match ty {
            Ty::List(of, _) | Ty::Set(of, _) | Ty::Optional(of) => mentions(of, it),
            Ty::Map(key, value, _) => mentions(key, it) || mentions(value, it),
            _ => false,
        }
}
