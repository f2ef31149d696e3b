//! Lifecycles: what is drawn is what happens. Each body is followed statement by statement with the set of states that the aggregate may be in.

use crate::diagnostic::{Diagnostic, checks};
use crate::draft::Draft;
use crate::model::{Aggregate, Effect, Emit, Event, Expr, ExprKind, Id, Model, Statement, TimerWhen};
use crate::resolve::derive::each_effect_expr;
use crate::source::Span;

impl Draft<'_> {
    pub(crate) fn check_lifecycles(&mut self) {
        for id in self.model.aggregates.ids() {
            if self.model.aggregates[id].lifecycle.is_none() {
                continue;
            }
            self.commands_say_when(id);
            self.states_reached(id);
            self.creating_events_enter(id);
            let found = Flow::of(&self.model, id).follow();
            if !self.incomplete[id.index()] {
                found.into_iter().for_each(|diagnostic| self.report(diagnostic));
            }
        }
    }

    fn commands_say_when(&mut self, id: Id<Aggregate>) {
        for command in self.model.aggregates[id].commands.clone() {
            let node = &self.model.commands[command];
            if node.creates || node.when.is_some() || self.nodes.commands[command.index()].when.is_some() {
                continue;
            }
            let (message, span) =
                (format!("the command `{}` does not say in which states it is accepted", node.name), node.span);
            let states: Vec<&str> = self.model.aggregates[id]
                .lifecycle
                .iter()
                .flat_map(|it| &it.states)
                .map(|it| it.name.as_str())
                .collect();
            let hint = format!("write `when …` with some of: {}", states.join(", "));
            self.report(Diagnostic::new(&checks::WHEN_MISSING, span, message).hint(hint));
        }
    }

    fn states_reached(&mut self, id: Id<Aggregate>) {
        if self.incomplete[id.index()] {
            return;
        }
        let aggregate = &self.model.aggregates[id];
        let Some(lifecycle) = &aggregate.lifecycle else { return };
        let lost_at_birth =
            |event: &Id<Event>| self.model.events[*event].creates && self.model.events[*event].enters.is_none();
        if aggregate.events.iter().any(lost_at_birth) {
            return;
        }
        let entered: Vec<u32> = aggregate.events.iter().filter_map(|event| self.model.events[*event].enters).collect();
        let lost = (0u32..).zip(&lifecycle.states).filter(|(index, _)| !entered.contains(index));
        let lost: Vec<(String, Span)> = lost.map(|(_, state)| (state.name.to_string(), state.span)).collect();
        for (name, span) in lost {
            let message = format!("no event enters the state `{name}`");
            self.report(
                Diagnostic::new(&checks::UNREACHABLE_STATE, span, message)
                    .hint(format!("write `enters {name}` after an event, or remove the state")),
            );
        }
    }

    fn creating_events_enter(&mut self, id: Id<Aggregate>) {
        for event in self.model.aggregates[id].events.clone() {
            let node = &self.model.events[event];
            if node.creates && node.enters.is_none() && self.nodes.events[event.index()].enters.is_none() {
                let (message, span) = (format!("the event `{}` creates, and enters no state", node.name), node.span);
                self.report(
                    Diagnostic::new(&checks::NO_INITIAL_STATE, span, message)
                        .hint("write `enters …` after its parentheses"),
                );
            }
        }
    }
}

/// The states that the aggregate may be in; `None` before its first event, or after the command ended.
type States = Option<Vec<u32>>;

struct Flow<'m> {
    model: &'m Model,
    id: Id<Aggregate>,
    aggregate: &'m Aggregate,
    found: Vec<Diagnostic>,
}

impl<'m> Flow<'m> {
    fn of(model: &'m Model, id: Id<Aggregate>) -> Self {
        Self { model, id, aggregate: model.at(id).get(), found: Vec::new() }
    }

    fn follow(mut self) -> Vec<Diagnostic> {
        let states = self.aggregate.lifecycle.as_ref().map_or(0, |it| it.states.len() as u32);
        for member in &self.aggregate.computed {
            let everywhere: States = Some((0..states).collect());
            self.read(&member.value, &everywhere, "is computed in every state");
        }
        for id in &self.aggregate.commands {
            let command = &self.model.at(*id).get();
            if !command.creates && command.when.is_none() {
                continue;
            }
            let start = if command.creates {
                None
            } else {
                Some(command.when.clone().unwrap_or_else(|| (0..states).collect()))
            };
            if let Some(rule) = command.allow.rule() {
                let everywhere: States = Some((0..states).collect());
                self.read(rule, &everywhere, "access is decided in every state");
            }
            self.statements(&command.body, start);
        }
        for timer in &self.aggregate.timers {
            if let TimerWhen::At(at) = &timer.when {
                self.read(at, &Some(vec![timer.state]), "the timer is set when its state is entered");
            }
            self.statements(&timer.body, Some(vec![timer.state]));
        }
        let _ = self.id;
        self.found
    }

    fn statements(&mut self, statements: &'m [Statement], mut states: States) -> States {
        for statement in statements {
            match statement {
                Statement::Let { value, .. } => self.read(value, &states, "the command may run in another state"),
                Statement::Require { condition, otherwise } => {
                    self.read(condition, &states, "the command may run in another state");
                    otherwise
                        .arguments
                        .iter()
                        .for_each(|it| self.read(it, &states, "the command may run in another state"));
                }
                Statement::If { condition, then, otherwise } => {
                    self.read(condition, &states, "the command may run in another state");
                    let a = self.statements(then, states.clone());
                    let b = self.statements(otherwise, states.clone());
                    states = join(a, b);
                }
                Statement::Done => return None,
                Statement::Emit(emit) => states = self.emit(emit, states),
            }
        }
        states
    }

    fn emit(&mut self, emit: &'m Emit, states: States) -> States {
        let event = self.model.at(emit.event).get();
        emit.payload.iter().for_each(|it| self.read(it, &states, "the event may be emitted in another state"));
        self.effects(event, emit.span, &states);
        let Some(to) = event.enters else { return states };
        if let (Some(from), Some(lifecycle)) = (&states, &self.aggregate.lifecycle) {
            let undrawn = from.iter().filter(|from| !lifecycle.transitions.contains(&(**from, to)));
            let undrawn: Vec<String> = undrawn.map(|from| format!("`{}`", self.state(*from))).collect();
            if !undrawn.is_empty() {
                let target = self.state(to);
                let message = format!(
                    "`{}` enters `{target}`, to which no transition is drawn from {}",
                    event.name,
                    undrawn.join(", ")
                );
                let hint = format!("draw it: `{} -> {target}`; or narrow `when`", undrawn[0].trim_matches('`'));
                self.found.push(
                    Diagnostic::new(&checks::NOT_DRAWN, emit.span, message)
                        .label(lifecycle.span, "the lifecycle")
                        .hint(hint),
                );
            }
        }
        Some(vec![to])
    }

    fn state(&self, index: u32) -> &'m str {
        self.aggregate
            .lifecycle
            .as_ref()
            .and_then(|it| it.states.get(index as usize))
            .map_or("?", |it| it.name.as_str())
    }

    /// What the event reads and changes must be there in each state in which it is emitted.
    fn effects(&mut self, event: &'m Event, at: Span, states: &States) {
        let mut read = Vec::new();
        each_effect_expr(&event.effects, &mut |expr| fields(expr, &mut read));
        touched(&event.effects, event.enters, self.aggregate, &mut read);
        read.sort_unstable();
        read.dedup();
        for field in read {
            self.available(field, at, states, "the event may be emitted in another state");
        }
    }

    fn read(&mut self, expr: &'m Expr, states: &States, why: &str) {
        let mut read = Vec::new();
        fields(expr, &mut read);
        read.dedup();
        for field in read {
            self.available(field, expr.span, states, why);
        }
    }

    fn available(&mut self, field: u32, at: Span, states: &States, why: &str) {
        let (Some(field), Some(states)) = (self.aggregate.fields.get(field as usize), states) else { return };
        let Some(only) = field.state else { return };
        if states.iter().all(|it| *it == only) {
            return;
        }
        let message = format!("`{}` exists only in the state `{}`, and {why}", field.name, self.state(only));
        self.found.push(
            Diagnostic::new(&checks::OTHER_STATE, at, message)
                .label(field.span, "declared here")
                .hint("narrow `when`, or make it a field of every state"),
        );
    }
}

fn join(a: States, b: States) -> States {
    match (a, b) {
        (None, other) | (other, None) => other,
        (Some(mut a), Some(b)) => {
            a.extend(b);
            a.sort_unstable();
            a.dedup();
            Some(a)
        }
    }
}

fn fields(expr: &Expr, found: &mut Vec<u32>) {
    expr.walk(&mut |node| {
        if let ExprKind::Field(field) = node.kind {
            found.push(field);
        }
    });
}

/// Fields of the state that an event changes, but for those of the state that it enters.
fn touched(effects: &[Effect], enters: Option<u32>, aggregate: &Aggregate, found: &mut Vec<u32>) {
    for effect in effects {
        match effect {
            Effect::Assign { field, .. }
            | Effect::Insert { field, .. }
            | Effect::Remove { field, .. }
            | Effect::Add { field, .. } => {
                let own = aggregate.fields.get(*field as usize).and_then(|it| it.state);
                if own.is_some() && own != enters {
                    found.push(*field);
                }
            }
            Effect::If { then, otherwise, .. } => {
                touched(then, enters, aggregate, found);
                touched(otherwise, enters, aggregate, found);
            }
            Effect::For { body, .. } => touched(body, enters, aggregate, found),
            Effect::Let { .. } | Effect::Enter { .. } => {}
        }
    }
}
