//! What items say of themselves beyond the spec's own docs: what a reader would else have to look up elsewhere.
//!
//! ```text
//! /// Emits `Approved`; only when `placed`. Allowed to sagas and policies of this system alone.
//! /// Emits `Cancelled`; only when `approved`. Allowed to callers with `role(clerk) or caller.customer == self.customer`.
//! /// Emitted by `Approve`; sets `payment`; carries `customer` for those who follow; enters `approved`.
//! /// On `orders.Order.Shipped`: `customers.Customer.ReleaseCredit`, `catalog.Product.Take` for each of `e.lines`.
//! ```

use minos_dsl::model::{
    Aggregate, Allow, Answer, Call, CallTarget, Command, Cursor, Docs, Error, Event, Id, Lifecycle, Operation, Origin,
    Part, Policy, Port, Query, Reaction, ReadKind, Refusal, Saga, Statement, Step, Timer, TimerWhen, View, ViewSource,
};

use super::timers;
use crate::plan::Plan;

pub(super) mod fields;

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

/// A command: what it emits and when, and who may send it.
pub(super) fn command<'m>(plan: &Plan<'m>, it: Cursor<'m, Command>) -> String {
    let aggregate = it.aggregate();
    if !plan.owns(aggregate.get().subdomain) {
        return with(&it.get().docs, format!("Sent to `{}` by {}.", aggregate.path(), senders(plan, it)));
    }
    let mut emitted = Vec::new();
    emits(plan, &it.get().body, &mut emitted);
    let mut known = if it.creates { "Creates one: emits " } else { "Emits " }.to_owned();
    known.push_str(&listed(&emitted));
    if let (Some(when), Some(lifecycle)) = (&it.get().when, &aggregate.get().lifecycle) {
        known.push_str(&format!("; only when {}", listed(when.iter().map(|index| state(lifecycle, *index)))));
    }
    known.push('.');
    known.push_str(&format!(" Allowed to {}.", allowed(plan, &it.get().allow)));
    with(&it.get().docs, known)
}

/// What sends a command from here: ``the undo of step `stock` of `Fulfilment`, policy `GiveBack` ``.
fn senders<'m>(plan: &Plan<'m>, command: Cursor<'m, Command>) -> String {
    let Some(subdomain) = plan.subdomain() else { return "nothing yet".to_owned() };
    let sends = |call: &Call| matches!(call.target, CallTarget::Command { command: it, .. } | CallTarget::Create(it) if it == command.id());
    let mut found = Vec::new();
    for saga in subdomain.sagas() {
        for step in &saga.get().steps {
            found.extend(sends(&step.action).then(|| format!("step `{}` of `{}`", step.name, saga.name)));
            let undoes = step.undo.as_ref().is_some_and(sends);
            found.extend(undoes.then(|| format!("the undo of step `{}` of `{}`", step.name, saga.name)));
        }
        found.extend(failed(saga).any(sends).then(|| format!("`failed` of `{}`", saga.name)));
    }
    let policies = subdomain.policies().filter(|it| it.calls().into_iter().any(sends));
    found.extend(policies.map(|it| format!("policy `{}`", it.name)));
    found.join(", ")
}

/// What `failed` of a saga calls.
pub(super) fn failed<'m>(saga: Cursor<'m, Saga>) -> impl Iterator<Item = &'m Call> {
    let before: usize = saga.get().steps.iter().map(|it| 1 + usize::from(it.undo.is_some())).sum();
    saga.calls().skip(before)
}

/// Who may: the rule in the spec's words.
pub(super) fn allowed(plan: &Plan<'_>, allow: &Allow) -> String {
    match allow {
        Allow::Internal => "sagas and policies of this system alone".to_owned(),
        Allow::Anyone => "anyone, also without a token".to_owned(),
        Allow::Rule(rule) => format!("callers with `{}`", plan.text(rule.span)),
    }
}

/// What a command may be refused with, by the names that answers carry; 400, 401, 403 and 412 aside, which say that it was not tried.
pub(super) fn refused(it: Cursor<'_, Command>) -> String {
    let mut names: Vec<String> = Vec::new();
    for refusal in &it.get().refusals {
        let name = match refusal {
            Refusal::NotFound => "NotFound".to_owned(),
            Refusal::WrongState => "WrongState".to_owned(),
            Refusal::NotUnique(_) => "NotUnique".to_owned(),
            Refusal::Declared(error) => it.model().at(*error).name.to_string(),
            Refusal::Overflow | Refusal::DivisionByZero | Refusal::Refinement | Refusal::NoKey => {
                "OutOfRange".to_owned()
            }
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "nothing".to_owned() } else { listed(names) }
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
        Some(format!("emitted by {}", emitters(plan, it))),
        (!set.is_empty()).then(|| format!("sets {set}")),
        (!carried.is_empty()).then(|| format!("carries {carried} for those who follow")),
        enters.map(|state| format!("enters `{state}`")),
    ]
    .into_iter()
    .flatten()
    .collect();
    with(&it.get().docs, format!("{}.", sentence(&known.join("; "))))
}

/// The commands and timers that emit an event.
fn emitters<'m>(plan: &Plan<'m>, it: Cursor<'m, Event>) -> String {
    let aggregate = it.aggregate();
    let emitted = |body: &[Statement]| {
        let mut found = Vec::new();
        emits(plan, body, &mut found);
        found.iter().any(|name| *name == it.name.as_str())
    };
    let commands = aggregate.commands().filter(|command| emitted(&command.body)).map(|it| format!("`{}`", it.name));
    let timers = timers::names(aggregate).into_iter().filter(|(_, timer)| emitted(&timer.body));
    let found: Vec<String> = commands.chain(timers.map(|(name, _)| format!("the timer `{name}`"))).collect();
    if found.is_empty() { "nothing yet".to_owned() } else { found.join(", ") }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// An error: what is refused with it.
pub(super) fn error(plan: &Plan<'_>, it: Cursor<'_, Error>) -> String {
    let (model, error_id) = (plan.model, it.id());
    let commands = model.all::<Command>().filter(|command| command.errors().any(|error| error.id() == it.id()));
    let operations = model.all::<Operation>().filter(|operation| operation.errors().any(|error| error.id() == it.id()));
    let mut reasons: Vec<String> = commands
        .map(|it| {
            let mut conditions = Vec::new();
            raised(plan, it, &mut conditions);
            conditions.retain(|(error, _)| *error == error_id);
            let why = conditions.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join(", or ");
            format!("Refuses `{}` {why}.", it.name)
        })
        .collect();
    reasons
        .extend(operations.map(|it| format!("What `{}` may be refused with: final, and never tried again.", it.name)));
    let known = if reasons.is_empty() { format!("`{}`, which nothing raises.", it.path()) } else { reasons.join(" ") };
    it.docs.as_deref().map_or(known, str::to_owned)
}

/// Every error that a command raises, and where it does.
fn raised(plan: &Plan<'_>, it: Cursor<'_, Command>, found: &mut Vec<(Id<Error>, String)>) {
    for read in &it.reads {
        let why = match &read.kind {
            ReadKind::Row { view, key } => {
                format!("where `{}` has no row `{}`", plan.model.at(*view).name, plan.text(key.span))
            }
            ReadKind::Join { view, list, .. } => {
                format!("where an element of `{}` has no row in `{}`", plan.text(list.span), plan.model.at(*view).name)
            }
        };
        found.push((read.otherwise.error, why));
    }
    required(plan, &it.body, found);
}

fn required(plan: &Plan<'_>, body: &[Statement], found: &mut Vec<(Id<Error>, String)>) {
    for statement in body {
        match statement {
            Statement::Require { condition, otherwise } => {
                found.push((otherwise.error, format!("unless `{}`", plan.text(condition.span))));
            }
            Statement::If { then, otherwise, .. } => {
                required(plan, then, found);
                required(plan, otherwise, found);
            }
            Statement::Let { .. } | Statement::Done | Statement::Emit(_) => {}
        }
    }
}

/// An aggregate's life as a table, after its docs.
pub(super) fn aggregate(plan: &Plan<'_>, it: Cursor<'_, Aggregate>) -> String {
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
    for (name, timer) in timers::names(it) {
        table.push_str(&format!("\n\nTimer `{name}`. {}", fired(plan, it, timer)));
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
pub(super) fn query(plan: &Plan<'_>, it: Cursor<'_, Query>) -> String {
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
        Answer::Row => format!("Asks for one row of `{}`", view.path()),
        Answer::Rows => format!("Asks for the rows of `{}` that there are of some keys", view.path()),
        Answer::Page if order.is_empty() => format!("Asks for rows of `{}`, page by page", view.path()),
        Answer::Page => format!("Asks for rows of `{}`, page by page, by {}", view.path(), order.join(", ")),
    };
    let filter = it.filter.as_ref().filter(|_| it.answer == Answer::Page);
    let filter = filter.map_or_else(String::new, |filter| format!("; those where `{}`", plan.text(filter.span)));
    let allowed = match it.allow {
        _ if !plan.owns(view.subdomain) => String::new(),
        _ => format!(" Allowed to {}.", allowed(plan, &it.get().allow)),
    };
    with(&it.get().docs, format!("{known}{filter}.{allowed}"))
}

/// A policy: the events that it follows, and what it does.
pub(super) fn policy<'m>(plan: &Plan<'m>, it: Cursor<'m, Policy>) -> String {
    let events = it.get().cases.iter().map(|case| plan.model.at(case.event).path());
    let mut done: Vec<String> = Vec::new();
    it.get().cases.iter().for_each(|case| self::done(plan, &case.body, "", &mut done));
    with(&it.get().docs, format!("On {}: {}.", listed(events), done.join(", ")))
}

/// What reactions call, each once: `` `catalog.Product.Take` for each of `e.lines` ``.
fn done(plan: &Plan<'_>, body: &[Reaction], each: &str, found: &mut Vec<String>) {
    for reaction in body {
        match reaction {
            Reaction::Let { .. } => {}
            Reaction::Do(call) => {
                let name = format!("`{}`{each}", called(plan, call));
                if !found.contains(&name) {
                    found.push(name);
                }
            }
            Reaction::If { then, otherwise, .. } => {
                done(plan, then, each, found);
                done(plan, otherwise, each, found);
            }
            Reaction::For { of, body, .. } => {
                done(plan, body, &format!("{each} for each of `{}`", plan.text(of.span)), found);
            }
        }
    }
}

/// A saga: its name, and what begins it.
pub(super) fn saga(it: Cursor<'_, Saga>) -> String {
    format!("The saga `{}`, which an event `{}` begins.", it.path(), it.trigger().path())
}

/// What a step does.
pub(super) fn step(plan: &Plan<'_>, it: &Step) -> String {
    with(&it.docs, format!("Step `{}`: {}.", it.name, asks(plan, it, &it.action)))
}

/// What takes a step back.
pub(super) fn undo(plan: &Plan<'_>, step: &Step, it: &Call) -> String {
    format!("Undoes step `{}`: {}.", step.name, asks(plan, step, it))
}

/// `` `catalog.Product.Reserve` for each of `placing.lines` ``.
pub(super) fn asks(plan: &Plan<'_>, step: &Step, it: &Call) -> String {
    let each = step.each.as_ref().map(|each| format!(" for each of `{}`", plan.text(each.of.span)));
    format!("`{}`{}", called(plan, it), each.unwrap_or_default())
}

/// What a step or a policy sends or calls.
pub(super) fn called(plan: &Plan<'_>, call: &Call) -> String {
    match &call.target {
        CallTarget::Command { command, .. } | CallTarget::Create(command) => plan.model.at(*command).path(),
        CallTarget::Port(operation) => plan.model.at(*operation).path(),
    }
}

/// A timer: when it fires, and what then: ``30 days after `approved` was entered, and it still is: emits `Cancelled` ``.
pub(super) fn timer(plan: &Plan<'_>, aggregate: Cursor<'_, Aggregate>, it: &Timer) -> String {
    let state = aggregate.lifecycle.as_ref().map_or("", |lifecycle| state(lifecycle, it.state));
    let when = match &it.when {
        TimerWhen::After(micros) => format!("{} after `{state}` was entered, if it lasts", duration(*micros)),
        TimerWhen::At(moment) => format!("At `{}`, if `{state}` lasts", plan.text(moment.span)),
    };
    let mut emitted = Vec::new();
    emits(plan, &it.body, &mut emitted);
    format!("{when}: emits {}", listed(emitted))
}

/// What a timer does; when it fires is said in one place of the code, `timers` of the state.
pub(super) fn fired(plan: &Plan<'_>, aggregate: Cursor<'_, Aggregate>, it: &Timer) -> String {
    let (name, mut emitted) = (&aggregate.name, Vec::new());
    let state = aggregate.lifecycle.as_ref().map_or("", |lifecycle| state(lifecycle, it.state));
    emits(plan, &it.body, &mut emitted);
    format!("Emits {} if `{state}` lasts until the time that `{name}::timers` says.", listed(emitted))
}

/// `30 days`, `200 ms`: in the largest whole unit.
pub(super) fn duration(micros: i64) -> String {
    let units = [
        (86_400_000_000, "day"),
        (3_600_000_000, "hour"),
        (60_000_000, "minute"),
        (1_000_000, "s"),
        (1_000, "ms"),
        (1, "us"),
    ];
    let (unit, name) = units.into_iter().find(|(unit, _)| micros % unit == 0).unwrap_or((1, "us"));
    let (count, plural) = (micros / unit, name.len() > 2 && micros != unit);
    format!("{count} {name}{}", if plural { "s" } else { "" })
}

/// A port: who calls it.
pub(super) fn port(plan: &Plan<'_>, it: Cursor<'_, Port>) -> String {
    let subdomain = it.subdomain();
    let calls =
        |call: &Call| matches!(call.target, CallTarget::Port(operation) if plan.model.at(operation).port == it.id());
    let sagas = subdomain.sagas().filter(|saga| saga.calls().any(calls)).map(|saga| format!("saga `{}`", saga.name));
    let policies = subdomain.policies().filter(|policy| policy.calls().into_iter().any(calls));
    let callers: Vec<String> = sagas.chain(policies.map(|policy| format!("policy `{}`", policy.name))).collect();
    let callers = if callers.is_empty() { "nothing yet".to_owned() } else { callers.join(", ") };
    with(&it.get().docs, format!("What `{}` asks outside; called by {callers}.", subdomain.name))
}

/// A part of a composition: what answers it, and whether the rest stands without.
pub(super) fn composed(plan: &Plan<'_>, it: &Part) -> String {
    let query = plan.model.at(it.query);
    let absent = if it.optional { "; absent where its service does not answer" } else { "" };
    it.docs.as_deref().map_or_else(|| format!("What `{}` answers{absent}.", query.path()), str::to_owned)
}

/// A state of a lifecycle: what enters it.
pub(super) fn entered(aggregate: Cursor<'_, Aggregate>, index: u32) -> String {
    let entering = aggregate.events().filter(|event| event.enters == Some(index)).map(|event| event.name.to_string());
    let entering = listed(entering);
    let entering = if entering.is_empty() { "no event".to_owned() } else { entering };
    let docs = aggregate.lifecycle.as_ref().and_then(|it| it.states[index as usize].docs.clone());
    docs.map_or_else(|| format!("Entered by {entering}."), |docs| docs.to_string())
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
