//! What follows from the whole: which events create, which states are initial, what commands may be refused with, which views move together,
//! and what each subdomain reads of others.

use crate::draft::Draft;
use crate::model::{
    Command, Effect, Emit, Event, Expr, ExprKind, Failure, Id, Model, Origin, Raise, ReadKind, Refusal, RowChange,
    Statement, View, ViewSource,
};

impl Draft<'_> {
    pub(crate) fn derive(&mut self) {
        mark_creating(&mut self.model);
        for id in self.model.commands.ids() {
            self.model.commands[id].refusals = refusals(&self.model, id);
        }
        for id in self.model.subdomains.ids() {
            self.model.subdomains[id].view_groups = groups(&self.model, &self.model.subdomains[id].views);
        }
        self.derive_contracts();
    }
}

/// The first event of every way through a `create` begins the aggregate, and the states they enter are initial.
fn mark_creating(model: &mut Model) {
    let mut first = Vec::new();
    for command in model.commands.iter().filter(|it| it.creates) {
        first_events(&command.body, &mut first);
    }
    for id in first {
        model.events[id].creates = true;
        let event = &model.events[id];
        let (aggregate, enters) = (event.aggregate, event.enters);
        if let (Some(state), Some(lifecycle)) = (enters, &mut model.aggregates[aggregate].lifecycle) {
            lifecycle.states[state as usize].initial = true;
        }
    }
}

/// Collects the first event on each way; answers whether every way has emitted or ended.
fn first_events(statements: &[Statement], first: &mut Vec<Id<Event>>) -> bool {
    for statement in statements {
        match statement {
            Statement::Emit(emit) => {
                first.push(emit.event);
                return true;
            }
            Statement::Done => return true,
            Statement::If { then, otherwise, .. } => {
                let (a, b) = (first_events(then, first), first_events(otherwise, first));
                if a && b {
                    return true;
                }
            }
            Statement::Let { .. } | Statement::Require { .. } => {}
        }
    }
    false
}

/// Visits every expression of some statements, emitted payloads among them.
pub(crate) fn each_expr<'m>(statements: &'m [Statement], visit: &mut dyn FnMut(&'m Expr)) {
    for statement in statements {
        match statement {
            Statement::Let { value, .. } => visit(value),
            Statement::Require { condition, otherwise } => {
                visit(condition);
                otherwise.arguments.iter().for_each(&mut *visit);
            }
            Statement::If { condition, then, otherwise } => {
                visit(condition);
                each_expr(then, visit);
                each_expr(otherwise, visit);
            }
            Statement::Emit(emit) => emit.payload.iter().for_each(&mut *visit),
            Statement::Done => {}
        }
    }
}

/// Visits every `emit` of some statements.
pub(crate) fn each_emit<'m>(statements: &'m [Statement], visit: &mut dyn FnMut(&'m Emit)) {
    for statement in statements {
        match statement {
            Statement::Emit(emit) => visit(emit),
            Statement::If { then, otherwise, .. } => {
                each_emit(then, visit);
                each_emit(otherwise, visit);
            }
            _ => {}
        }
    }
}

fn each_raise<'m>(statements: &'m [Statement], visit: &mut dyn FnMut(&'m Raise)) {
    for statement in statements {
        match statement {
            Statement::Require { otherwise, .. } => visit(otherwise),
            Statement::If { then, otherwise, .. } => {
                each_raise(then, visit);
                each_raise(otherwise, visit);
            }
            _ => {}
        }
    }
}

/// Visits every expression of some effects.
pub(crate) fn each_effect_expr<'m>(effects: &'m [Effect], visit: &mut dyn FnMut(&'m Expr)) {
    for effect in effects {
        match effect {
            Effect::Let { value, .. } | Effect::Assign { value, .. } => visit(value),
            Effect::Insert { key, value, .. } => {
                visit(key);
                visit(value);
            }
            Effect::Remove { key, .. } => visit(key),
            Effect::Add { element, .. } => visit(element),
            Effect::If { condition, then, otherwise } => {
                visit(condition);
                each_effect_expr(then, visit);
                each_effect_expr(otherwise, visit);
            }
            Effect::For { of, body, .. } => {
                visit(of);
                each_effect_expr(body, visit);
            }
            Effect::Enter { .. } => {}
        }
    }
}

fn refusals(model: &Model, id: Id<Command>) -> Vec<Refusal> {
    let command = &model.commands[id];
    let mut found = Vec::new();
    if !command.creates {
        found.push(Refusal::NotFound);
        let states = model.aggregates[command.aggregate].lifecycle.as_ref().map_or(0, |it| it.states.len());
        if command.when.as_ref().is_some_and(|when| when.len() + command.done_when.len() < states) {
            found.push(Refusal::WrongState);
        }
    }
    let mut collect = Collect { model, aggregate: command.aggregate, found };
    for read in &command.reads {
        match &read.kind {
            ReadKind::Row { key, .. } => collect.expr(key),
            ReadKind::Join { list, key, .. } => {
                collect.expr(list);
                collect.expr(key);
            }
        }
        collect.raise(&read.otherwise);
    }
    each_expr(&command.body, &mut |expr| collect.expr(expr));
    each_raise(&command.body, &mut |raise| collect.found.push(Refusal::Declared(raise.error)));
    each_emit(&command.body, &mut |emit| collect.emit(emit));
    let mut found = collect.found;
    found.sort_unstable();
    found.dedup();
    found
}

struct Collect<'m> {
    model: &'m Model,
    aggregate: Id<crate::model::Aggregate>,
    found: Vec<Refusal>,
}

impl<'m> Collect<'m> {
    fn expr(&mut self, expr: &'m Expr) {
        let (model, aggregate) = (self.model, self.aggregate);
        let mut computed = Vec::new();
        expr.walk(&mut |node| {
            self.found.extend(node.own_failures().iter().map(|failure| match failure {
                Failure::Overflow => Refusal::Overflow,
                Failure::DivisionByZero => Refusal::DivisionByZero,
                Failure::Refinement => Refusal::Refinement,
                Failure::NoKey => Refusal::NoKey,
            }));
            if let ExprKind::Computed(index) = node.kind {
                computed.push(index);
            }
        });
        for index in computed {
            // Each member reads only those before it, so this ends.
            if let Some(member) = model.aggregates[aggregate].computed.get(index as usize) {
                self.expr(&member.value);
            }
        }
    }

    fn raise(&mut self, raise: &'m Raise) {
        self.found.push(Refusal::Declared(raise.error));
        raise.arguments.iter().for_each(|argument| self.expr(argument));
    }

    fn emit(&mut self, emit: &Emit) {
        let event = &self.model.events[emit.event];
        let aggregate = &self.model.aggregates[self.aggregate];
        for field in &event.payload {
            if let Origin::Set(index) = field.origin
                && aggregate.fields.get(index as usize).is_some_and(|it| it.unique)
            {
                self.found.push(Refusal::NotUnique(index));
            }
        }
        let mut assigned = Vec::new();
        assigned_fields(&event.effects, &mut assigned);
        self.found.extend(
            assigned.into_iter().filter(|index| aggregate.fields[*index as usize].unique).map(Refusal::NotUnique),
        );
        each_effect_expr(&event.effects, &mut |expr| self.expr(expr));
    }
}

/// Fields that some effects assign.
pub(crate) fn assigned_fields(effects: &[Effect], found: &mut Vec<u32>) {
    for effect in effects {
        match effect {
            Effect::Assign { field, .. } => found.push(*field),
            Effect::If { then, otherwise, .. } => {
                assigned_fields(then, found);
                assigned_fields(otherwise, found);
            }
            Effect::For { body, .. } => assigned_fields(body, found),
            _ => {}
        }
    }
}

/// Visits every expression of some changes of rows.
pub(crate) fn each_row_expr<'m>(changes: &'m [RowChange], visit: &mut dyn FnMut(&'m Expr)) {
    for change in changes {
        match change {
            RowChange::Let { value, .. } => visit(value),
            RowChange::Insert { key, columns } | RowChange::Update { key, columns } => {
                visit(key);
                columns.iter().for_each(|(_, value)| visit(value));
            }
            RowChange::Upsert { key, columns, defaults } => {
                visit(key);
                columns.iter().chain(defaults).for_each(|(_, value)| visit(value));
            }
            RowChange::UpdateWhere { columns, filter } => {
                columns.iter().for_each(|(_, value)| visit(value));
                visit(filter);
            }
            RowChange::Delete { key } => visit(key),
            RowChange::DeleteWhere { filter } => visit(filter),
            RowChange::If { condition, then, otherwise } => {
                visit(condition);
                each_row_expr(then, visit);
                each_row_expr(otherwise, visit);
            }
            RowChange::For { of, body, .. } => {
                visit(of);
                each_row_expr(body, visit);
            }
        }
    }
}

/// Views that look each other up move together: the connected ones, each group and the groups in declaration order.
fn groups(model: &Model, views: &[Id<View>]) -> Vec<Vec<Id<View>>> {
    let mut leader: Vec<usize> = (0..views.len()).collect();
    for (index, id) in views.iter().enumerate() {
        let ViewSource::Events { handlers, .. } = &model.views[*id].source else { continue };
        let mut looked_up = Vec::new();
        for case in handlers.iter().flat_map(|it| &it.cases) {
            each_row_expr(&case.body, &mut |expr| {
                expr.walk(&mut |node| {
                    if let ExprKind::Row { view, .. } = &node.kind {
                        looked_up.push(*view);
                    }
                });
            });
        }
        for view in looked_up {
            let Some(other) = views.iter().position(|it| *it == view) else { continue };
            let (a, b) = (leader[index].min(leader[other]), leader[index].max(leader[other]));
            leader.iter_mut().filter(|it| **it == b).for_each(|it| *it = a);
        }
    }
    let mut groups: Vec<Vec<Id<View>>> = Vec::new();
    let mut of: Vec<Option<usize>> = vec![None; views.len()];
    for (index, id) in views.iter().enumerate() {
        let at = *of[leader[index]].get_or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(*id);
    }
    groups
}
