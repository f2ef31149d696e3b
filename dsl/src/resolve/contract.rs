//! What each subdomain, and the gateway, reads of others: collected from everything that it says, and closed under the types of that.

use std::collections::{BTreeMap, BTreeSet};

use super::derive::{each_effect_expr, each_expr, each_row_expr};
use crate::draft::Draft;
use crate::model::{
    Aggregate, Allow, Call, Command, Contracts, Event, Expr, ExprKind, Id, Model, Owner, Param, Query, Reaction,
    ReadKind, RouteTarget, Statement, Subdomain, TimerWhen, Ty, TypeRef, ViewSource,
};
use crate::source::SourceId;

impl Draft<'_> {
    pub(crate) fn derive_contracts(&mut self) {
        for id in self.model.subdomains.ids() {
            let contracts = of_subdomain(&self.model, id);
            self.model.subdomains[id].contracts = contracts;
        }
        self.model.gateway_contracts = of_gateway(&self.model);
    }
}

struct Collector<'m> {
    model: &'m Model,
    home: Option<Id<Subdomain>>,
    ids: BTreeSet<Id<Aggregate>>,
    statuses: BTreeSet<Id<Aggregate>>,
    commands: BTreeSet<Id<Command>>,
    events: BTreeMap<Id<Event>, BTreeSet<u32>>,
    /// The event whose payload expressions read here.
    reading: Option<Id<Event>>,
    queries: BTreeSet<Id<Query>>,
    types: BTreeSet<TypeRef>,
    shared: BTreeSet<TypeRef>,
    seen: BTreeSet<TypeRef>,
    files: BTreeSet<SourceId>,
}

fn of_subdomain(model: &Model, id: Id<Subdomain>) -> Contracts {
    let mut collector = Collector::new(model, Some(id));
    let subdomain = model.at(id);
    for it in &subdomain.get().types {
        collector.declared(*it);
    }
    for aggregate in subdomain.aggregates() {
        collector.aggregate(aggregate.get());
        aggregate.commands().for_each(|it| collector.command(it.get()));
        aggregate.events().for_each(|it| {
            it.get().payload.iter().for_each(|field| collector.ty(&field.ty));
            each_effect_expr(&it.get().effects, &mut |expr| collector.expr(expr));
        });
        aggregate.errors().for_each(|it| collector.params(&it.get().fields));
    }
    model.each(&subdomain.get().errors).for_each(|it| collector.params(&it.get().fields));
    for view in subdomain.views() {
        collector.view(view.get());
        view.queries().for_each(|it| collector.query_body(it.get()));
    }
    for saga in subdomain.sagas() {
        collector.event(saga.trigger);
        for step in &saga.get().steps {
            step.each.iter().for_each(|it| collector.expr(&it.of));
            step.answer.iter().for_each(|(_, ty)| collector.ty(ty));
        }
        saga.calls().for_each(|call| collector.call(call));
        collector.reactions(&saga.get().failed);
        collector.reading = None;
    }
    for policy in subdomain.policies() {
        for case in &policy.get().cases {
            collector.event(case.event);
            collector.reactions(&case.body);
            collector.reading = None;
        }
    }
    for port in subdomain.ports() {
        port.errors().for_each(|it| collector.params(&it.get().fields));
        for operation in port.operations() {
            collector.params(&operation.get().params);
            operation.get().answer.iter().for_each(|ty| collector.ty(ty));
        }
    }
    collector.finish()
}

fn of_gateway(model: &Model) -> Contracts {
    let mut collector = Collector::new(model, None);
    let Some(gateway) = model.gateway() else { return Contracts::default() };
    for identity in model.identities() {
        collector.ty(&identity.get().ty);
    }
    for route in &gateway.routes {
        match route.target {
            RouteTarget::Command(id) => collector.command_contract(id),
            RouteTarget::Query(id) => collector.query(id),
            RouteTarget::Compose(_) => {}
        }
    }
    for id in &gateway.composes {
        let compose = model.at(*id).get();
        collector.params(&compose.params);
        for part in &compose.parts {
            collector.query(part.query);
            part.arguments.iter().for_each(|it| collector.expr(it));
        }
    }
    collector.files.insert(gateway.span.file);
    collector.finish()
}

impl<'m> Collector<'m> {
    fn new(model: &'m Model, home: Option<Id<Subdomain>>) -> Self {
        let mut files = BTreeSet::new();
        files.insert(model.system.span.file);
        files.extend(model.identities().map(|it| it.span.file));
        files.extend(model.roles().map(|it| it.span.file));
        Self {
            model,
            home,
            ids: BTreeSet::new(),
            statuses: BTreeSet::new(),
            commands: BTreeSet::new(),
            events: BTreeMap::new(),
            reading: None,
            queries: BTreeSet::new(),
            types: BTreeSet::new(),
            shared: BTreeSet::new(),
            seen: BTreeSet::new(),
            files,
        }
    }

    fn finish(mut self) -> Contracts {
        self.files.extend(self.home.iter().flat_map(|id| self.model.subdomains[*id].files.iter().copied()));
        Contracts {
            ids: self.ids.into_iter().collect(),
            statuses: self.statuses.into_iter().collect(),
            commands: self.commands.into_iter().collect(),
            events: self.events,
            queries: self.queries.into_iter().collect(),
            types: self.types.into_iter().collect(),
            shared: self.shared.into_iter().collect(),
            files: self.files.into_iter().collect(),
        }
    }

    fn foreign(&self, subdomain: Id<Subdomain>) -> bool {
        self.home != Some(subdomain)
    }

    fn aggregate_id(&mut self, id: Id<Aggregate>) {
        if self.foreign(self.model.aggregates[id].subdomain) {
            self.ids.insert(id);
            self.files.insert(self.model.aggregates[id].span.file);
        }
    }

    fn status(&mut self, id: Id<Aggregate>) {
        if self.foreign(self.model.aggregates[id].subdomain) {
            self.statuses.insert(id);
            self.files.insert(self.model.aggregates[id].span.file);
        }
    }

    fn ty(&mut self, ty: &Ty) {
        match ty {
            Ty::Named(id) | Ty::Loose(id) => self.declared(TypeRef::Named(*id)),
            Ty::Value(id) => self.declared(TypeRef::Value(*id)),
            Ty::Enum(id) => self.declared(TypeRef::Enum(*id)),
            Ty::Id(id) => self.aggregate_id(*id),
            Ty::Status(id) => self.status(*id),
            Ty::List(of, _) | Ty::Set(of, _) | Ty::Optional(of) => self.ty(of),
            Ty::Map(key, value, _) => {
                self.ty(key);
                self.ty(value);
            }
            Ty::Joined(of, view) => {
                self.ty(of);
                self.ty(&Ty::Row(*view));
            }
            Ty::Base(_) | Ty::Refined(_) | Ty::Row(_) | Ty::Event(_) | Ty::Composed(_) | Ty::Poison => {}
        }
    }

    fn declared(&mut self, it: TypeRef) {
        if !self.seen.insert(it) {
            return;
        }
        let (owner, span) = match it {
            TypeRef::Named(id) => (self.model.named_types[id].owner, self.model.named_types[id].span),
            TypeRef::Value(id) => (self.model.values[id].owner, self.model.values[id].span),
            TypeRef::Enum(id) => (self.model.enums[id].owner, self.model.enums[id].span),
        };
        match self.model.subdomain_of(owner) {
            None => {
                self.shared.insert(it);
                self.files.insert(span.file);
            }
            Some(subdomain) if self.foreign(subdomain.id()) => {
                self.types.insert(it);
                self.files.insert(span.file);
            }
            Some(_) => {}
        }
        debug_assert!(owner == Owner::Shared || self.model.subdomain_of(owner).is_some());
        if let TypeRef::Value(id) = it {
            let model = self.model;
            self.params(&model.values[id].fields);
        }
    }

    fn params(&mut self, params: &[Param]) {
        params.iter().for_each(|param| self.ty(&param.ty));
    }

    /// An event that is handled: what is collected from here on reads its payload.
    fn event(&mut self, id: Id<Event>) {
        let event = &self.model.events[id];
        if self.foreign(self.model.aggregates[event.aggregate].subdomain) {
            self.events.entry(id).or_default();
            self.files.insert(event.span.file);
            self.aggregate_id(event.aggregate);
            self.reading = Some(id);
        }
    }

    /// A field of the payload at hand.
    fn payload_field(&mut self, index: u32) {
        if let Some(id) = self.reading {
            self.events.entry(id).or_default().insert(index);
            let model = self.model;
            self.ty(&model.events[id].payload[index as usize].ty);
        }
    }

    fn command_contract(&mut self, id: Id<Command>) {
        let command = &self.model.commands[id];
        if self.foreign(self.model.aggregates[command.aggregate].subdomain) {
            self.commands.insert(id);
            self.files.insert(command.span.file);
            self.aggregate_id(command.aggregate);
        }
        self.params(&command.params);
        let model = self.model;
        for error in model.at(id).errors() {
            self.params(&error.get().fields);
            self.files.insert(error.span.file);
        }
    }

    fn query(&mut self, id: Id<Query>) {
        let query = &self.model.queries[id];
        self.queries.insert(id);
        self.files.insert(query.span.file);
        self.params(&query.params);
        let model = self.model;
        model.views[query.view].columns.iter().for_each(|column| self.ty(&column.ty));
    }

    fn expr(&mut self, expr: &Expr) {
        expr.walk(&mut |node| {
            self.ty(&node.ty);
            match &node.kind {
                ExprKind::State(id, _) => self.status(*id),
                ExprKind::Case(id, _) => self.declared(TypeRef::Enum(*id)),
                ExprKind::Payload(index) => self.payload_field(*index),
                _ => {}
            }
        });
    }

    fn allow(&mut self, allow: &Allow) {
        allow.rule().into_iter().for_each(|rule| self.expr(rule));
    }

    fn statements(&mut self, statements: &[Statement]) {
        each_expr(statements, &mut |expr| self.expr(expr));
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        aggregate.fields.iter().for_each(|it| self.ty(&it.ty));
        aggregate.computed.iter().for_each(|it| self.expr(&it.value));
        for timer in &aggregate.timers {
            if let TimerWhen::At(at) = &timer.when {
                self.expr(at);
            }
            self.statements(&timer.body);
        }
    }

    fn command(&mut self, command: &Command) {
        self.params(&command.params);
        self.allow(&command.allow);
        for read in &command.reads {
            self.ty(&read.ty);
            match &read.kind {
                ReadKind::Row { key, .. } => self.expr(key),
                ReadKind::Join { list, key, .. } => {
                    self.expr(list);
                    self.expr(key);
                }
            }
            read.otherwise.arguments.iter().for_each(|it| self.expr(it));
        }
        self.statements(&command.body);
    }

    fn view(&mut self, view: &crate::model::View) {
        view.columns.iter().for_each(|it| self.ty(&it.ty));
        self.allow(&view.allow);
        match &view.source {
            ViewSource::Aggregate { values, .. } => values.iter().for_each(|it| self.expr(it)),
            ViewSource::Events { handlers, ignored, open } => {
                for case in handlers.iter().flat_map(|it| &it.cases) {
                    self.event(case.event);
                    each_row_expr(&case.body, &mut |expr| self.expr(expr));
                    self.reading = None;
                }
                // Of what is passed over only the name matters, but its file must be looked at when it changes.
                let model = self.model;
                let files = ignored
                    .iter()
                    .map(|id| model.events[*id].span.file)
                    .chain(open.iter().map(|id| model.aggregates[*id].span.file));
                self.files.extend(files);
            }
        }
    }

    fn query_body(&mut self, query: &Query) {
        self.params(&query.params);
        self.allow(&query.allow);
        query.filter.iter().for_each(|it| self.expr(it));
    }

    fn call(&mut self, call: &Call) {
        call.expressions().for_each(|it| self.expr(it));
        call.command().into_iter().for_each(|id| self.command_contract(id));
    }

    fn reactions(&mut self, reactions: &[Reaction]) {
        for reaction in reactions {
            match reaction {
                Reaction::Let { value, .. } => self.expr(value),
                Reaction::Do(call) => self.call(call),
                Reaction::If { condition, then, otherwise } => {
                    self.expr(condition);
                    self.reactions(then);
                    self.reactions(otherwise);
                }
                Reaction::For { of, body, .. } => {
                    self.expr(of);
                    self.reactions(body);
                }
            }
        }
    }
}
