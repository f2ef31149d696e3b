//! Coverage: every event changes something, everything declared is used, every event that a view follows is dealt with.

use crate::diagnostic::{Diagnostic, checks};
use crate::draft::Draft;
use crate::model::{Aggregate, Effect, Event, Id, Owner, Refusal, Statement, Ty, ViewSource};
use crate::resolve::derive::each_emit;

impl Draft<'_> {
    pub(crate) fn check_coverage(&mut self) {
        for id in self.model.aggregates.ids() {
            let emitted = self.emitted(id);
            for event in self.model.aggregates[id].events.clone() {
                self.event_changes(event);
                if !emitted.contains(&event) && !self.incomplete[id.index()] {
                    let node = &self.model.events[event];
                    let message = format!("nothing emits the event `{}`", node.name);
                    let hint = format!("emit it in a command: `emit {}(…)`, or remove it", node.name);
                    let span = node.span;
                    self.report(Diagnostic::new(&checks::UNUSED_EVENT, span, message).hint(hint));
                }
            }
            for command in self.model.aggregates[id].commands.clone() {
                let node = &self.model.commands[command];
                let mut emits = false;
                each_emit(&node.body, &mut |_| emits = true);
                let refuses = node.refusals.iter().any(|it| matches!(it, Refusal::Declared(_)));
                if !emits && !refuses && !self.incomplete[id.index()] {
                    let message = format!("the command `{}` neither emits nor refuses", node.name);
                    let span = node.span;
                    self.report(
                        Diagnostic::new(&checks::DOES_NOTHING, span, message)
                            .hint("let it `emit` an event, or remove it"),
                    );
                }
            }
        }
        self.errors_used();
    }

    /// The events that commands and timers of an aggregate emit.
    fn emitted(&self, id: Id<Aggregate>) -> Vec<Id<Event>> {
        let aggregate = &self.model.aggregates[id];
        let mut emitted = Vec::new();
        let bodies = aggregate
            .commands
            .iter()
            .map(|id| &self.model.commands[*id].body)
            .chain(aggregate.timers.iter().map(|it| &it.body));
        for body in bodies {
            each_emit(body, &mut |emit| emitted.push(emit.event));
        }
        emitted
    }

    fn event_changes(&mut self, id: Id<Event>) {
        let event = &self.model.events[id];
        let (span, incomplete) =
            (event.span, self.incomplete_events.contains(&id) || self.nodes.events[id.index()].enters.is_some());
        let changes = !event.effects.is_empty() || event.creates || incomplete;
        if changes && event.changes_nothing && !event.creates && !incomplete {
            let message = format!("the event `{}` says that it changes nothing, and does", event.name);
            self.report(
                Diagnostic::new(&checks::CHANGES_NOTHING, span, message)
                    .hint("remove `changes nothing`, or the effects"),
            );
        } else if !changes && !event.changes_nothing {
            let message = format!("the event `{}` changes nothing", event.name);
            self.report(
                Diagnostic::new(&checks::CHANGES_NOTHING, span, message)
                    .hint("let it `set` a field or have an effect; or say `changes nothing` after its parentheses"),
            );
        }
    }

    fn errors_used(&mut self) {
        for id in self.model.errors.ids() {
            if self.raised.contains(&id) {
                continue;
            }
            let error = &self.model.errors[id];
            let unsure = match error.owner {
                Owner::Aggregate(aggregate) => self.incomplete[aggregate.index()],
                Owner::Subdomain(subdomain) => {
                    self.model.subdomains[subdomain].aggregates.iter().any(|it| self.incomplete[it.index()])
                }
                Owner::Port(port) => self.incomplete_system || !self.nodes.ports[port.index()].broken.is_empty(),
                Owner::Shared => true,
            };
            if unsure {
                continue;
            }
            let message = format!("nothing refuses with the error `{}`", error.name);
            let (hint, span) = (format!("raise it: `require … else {}(…)`, or remove it", error.name), error.span);
            self.report(Diagnostic::new(&checks::UNUSED_ERROR, span, message).hint(hint));
        }
    }

    /// What creates gives every field a value, is emitted by `create`s only, and every way through a `create` creates.
    pub(crate) fn check_creation(&mut self) {
        for id in self.model.events.ids() {
            self.fields_assigned(id);
        }
        for id in self.model.commands.ids() {
            let command = &self.model.commands[id];
            let aggregate = command.aggregate;
            if self.incomplete[aggregate.index()] {
                continue;
            }
            if !command.creates {
                let body = command.body.clone();
                self.refuse_creating(&body);
            } else if !creates(&command.body) && !command.body.is_empty() && has_emit(&command.body) {
                let message = format!("`{}` may end without creating anything", command.name);
                let span = command.span;
                self.report(
                    Diagnostic::new(&checks::NOT_CREATED, span, message)
                        .hint("refuse with `require … else …` where nothing is to be created"),
                );
            }
        }
        for id in self.model.aggregates.ids() {
            self.something_creates(id);
            let bodies: Vec<Vec<Statement>> =
                self.model.aggregates[id].timers.iter().map(|it| it.body.clone()).collect();
            bodies.iter().for_each(|body| self.refuse_creating(body));
        }
    }

    fn something_creates(&mut self, id: Id<Aggregate>) {
        let aggregate = &self.model.aggregates[id];
        let creates = aggregate.commands.iter().any(|it| self.model.commands[*it].creates);
        if creates || self.incomplete[id.index()] {
            return;
        }
        let message = format!("nothing creates a `{}`", aggregate.name);
        let span = aggregate.span;
        self.report(Diagnostic::new(&checks::NO_CREATE, span, message).hint("add a `create`"));
    }

    fn refuse_creating(&mut self, body: &[Statement]) {
        let mut found = Vec::new();
        each_emit(body, &mut |emit| found.push((emit.event, emit.span)));
        for (event, span) in found {
            let event = &self.model.events[event];
            if event.creates {
                let message = format!("`{}` creates, so only a `create` emits it", event.name);
                let declared = event.span;
                self.report(
                    Diagnostic::new(&checks::CREATED_TWICE, span, message)
                        .label(declared, "declared here")
                        .hint("declare another event for this"),
                );
            }
        }
    }

    fn fields_assigned(&mut self, id: Id<Event>) {
        let event = &self.model.events[id];
        let aggregate = &self.model.aggregates[event.aggregate];
        if self.incomplete_events.contains(&id) || self.incomplete[event.aggregate.index()] {
            return;
        }
        let assigned = |index: u32| {
            event.effects.iter().any(|effect| matches!(effect, Effect::Assign { field, .. } if *field == index))
        };
        let wanted = (0u32..).zip(&aggregate.fields).filter(|(_, field)| match field.state {
            None => event.creates,
            Some(state) => event.enters == Some(state),
        });
        let missing: Vec<String> = wanted
            .filter(|(index, field)| !begins(&field.ty) && !assigned(*index))
            .map(|(_, field)| format!("`{}`", field.name))
            .collect();
        if missing.is_empty() {
            return;
        }
        let why = if event.creates { "creates" } else { "enters a state" };
        let message = format!("the event `{}` {why}, and leaves {} without a value", event.name, missing.join(", "));
        let hint = format!(
            "add {}",
            missing.iter().map(|name| format!("`set {}`", name.trim_matches('`'))).collect::<Vec<_>>().join(", ")
        );
        let span = event.span;
        self.report(Diagnostic::new(&checks::UNASSIGNED, span, message).hint(hint));
    }

    pub(crate) fn check_views(&mut self) {
        for id in self.model.views.ids() {
            if self.uncovered_views.contains(&id) {
                continue;
            }
            let ViewSource::Events { handlers, ignored, .. } = &self.model.views[id].source else { continue };
            let dealt: Vec<Id<Event>> = handlers
                .iter()
                .flat_map(|it| it.cases.iter().map(|case| case.event))
                .chain(ignored.iter().copied())
                .collect();
            // A handler that was wrong for one event was not tried with the others.
            let followed: Vec<Id<Aggregate>> = self.model.at(id).follows().into_iter().map(|it| it.id()).collect();
            let mut found = Vec::new();
            for aggregate in followed {
                let missing: Vec<String> = self.model.aggregates[aggregate]
                    .events
                    .iter()
                    .filter(|event| !dealt.contains(event))
                    .map(|event| format!("`{}`", self.model.events[*event].name))
                    .collect();
                if !missing.is_empty() {
                    found.push((aggregate, missing));
                }
            }
            for (aggregate, missing) in found {
                let view = &self.model.views[id];
                let path = self.model.at(aggregate);
                let path = if path.subdomain == view.subdomain { path.name.to_string() } else { path.path() };
                let message = format!(
                    "the view `{}` follows `{path}`, but neither handles nor ignores {}",
                    view.name,
                    missing.join(", ")
                );
                let span = view.span;
                self.report(
                    Diagnostic::new(&checks::NOT_COVERED, span, message)
                        .hint(format!("handle them, or write `ignore {path}.*`")),
                );
            }
        }
    }
}

/// Whether a field of this type has a first value without being given one.
fn begins(ty: &Ty) -> bool {
    match ty {
        Ty::Optional(_) | Ty::Poison => true,
        Ty::List(_, rule) | Ty::Set(_, rule) | Ty::Map(_, _, rule) => {
            rule.as_ref().and_then(|it| it.size).is_none_or(|size| size.min == 0)
        }
        _ => false,
    }
}

fn has_emit(statements: &[Statement]) -> bool {
    let mut found = false;
    each_emit(statements, &mut |_| found = true);
    found
}

/// Whether every way through the statements that is not refused emits.
fn creates(statements: &[Statement]) -> bool {
    !ends_bare(statements).unwrap_or(true)
}

/// Whether some way ends before it emits; `None` where some way runs through without either.
fn ends_bare(statements: &[Statement]) -> Option<bool> {
    let mut bare = false;
    for statement in statements {
        match statement {
            Statement::Emit(_) => return Some(bare),
            Statement::Done => return Some(true),
            Statement::If { then, otherwise, .. } => {
                let (a, b) = (ends_bare(then), ends_bare(otherwise));
                bare |= a == Some(true) || b == Some(true);
                if a.is_some() && b.is_some() {
                    return Some(bare);
                }
            }
            Statement::Let { .. } | Statement::Require { .. } => {}
        }
    }
    if bare { Some(true) } else { None }
}
