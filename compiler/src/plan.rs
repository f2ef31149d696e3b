//! Every decision about a generated crate, made once, before anything is emitted: names, modules, made-up types, routes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use minos_dsl::model::{
    Aggregate, Base, Command, Contracts, Cursor, Error, Event, Expr, ExprKind, Id, Model, Operation, Owner,
    PayloadField, Port, Query, Route, RouteTarget, Statement, Subdomain, Ty, TypeRef, View, ViewSource,
};
use minos_dsl::source::{SourceId, Sources, Span};

use crate::rust::name::{kebab, module_of, pascal, type_name};

pub(crate) mod definition;
mod gateway;
mod inline;
mod names;
pub(crate) mod shape;

pub(crate) use names::Place;

/// What a crate is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// The service of a subdomain.
    Service(Id<Subdomain>),
    /// The gateway.
    Gateway,
}

/// The decisions about one crate.
pub(crate) struct Plan<'m> {
    /// The model.
    pub(crate) model: &'m Model,
    /// What it is made for.
    pub(crate) target: Target,
    /// What it reads of subdomains that are not its own.
    pub(crate) contracts: Contracts,
    /// The spec's files, for headers and for docs in the spec's own words.
    sources: &'m Sources,
    /// Types written where they are used that need a Rust type of their own, in the order of their first use.
    inline: inline::Inline,
    /// Names of declared types, made unique among those of one module.
    types: BTreeMap<(u8, usize), String>,
    /// Modules of aggregates.
    modules: HashMap<Id<Aggregate>, String>,
    /// Columns of views that may be impossible to compute, and are then absent.
    absent_columns: BTreeSet<(Id<View>, u32)>,
}

impl<'m> Plan<'m> {
    /// Plans a crate for the model that was read from `sources`.
    pub(crate) fn new(model: &'m Model, target: Target, sources: &'m Sources) -> Self {
        let contracts = match target {
            Target::Service(id) => model.at(id).get().contracts.clone(),
            Target::Gateway => gateway::contracts(model),
        };
        let mut plan = Self {
            model,
            target,
            contracts,
            sources,
            inline: inline::Inline::default(),
            types: BTreeMap::new(),
            modules: HashMap::new(),
            absent_columns: BTreeSet::new(),
        };
        plan.name_types();
        plan.name_modules();
        plan.find_absent_columns();
        plan.inline = inline::Inline::collect(&plan);
        plan
    }

    /// The subdomain that a service is made for.
    pub(crate) fn subdomain(&self) -> Option<Cursor<'m, Subdomain>> {
        match self.target {
            Target::Service(id) => Some(self.model.at(id)),
            Target::Gateway => None,
        }
    }

    /// Whether something of that subdomain is the crate's own.
    pub(crate) fn owns(&self, subdomain: Id<Subdomain>) -> bool {
        self.target == Target::Service(subdomain)
    }

    /// The name of a spec file, for headers: `orders.minos`.
    pub(crate) fn file(&self, id: SourceId) -> String {
        let name = self.sources.get(id).path();
        name.rsplit('/').next().unwrap_or(name).to_owned()
    }

    /// What stands there in the spec, in one line.
    pub(crate) fn text(&self, span: Span) -> String {
        // A comment within it is the spec's own business.
        let lines = self.sources.text(span).lines().map(|line| line.split(" //").next().unwrap_or_default());
        lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    }

    /// The types that are written where they are used, with their Rust names.
    pub(crate) fn inline_types(&self) -> impl Iterator<Item = (&str, &Ty)> {
        self.inline.iter()
    }

    /// The spec files that these types stand in.
    pub(crate) fn inline_files(&self) -> impl Iterator<Item = String> {
        self.inline.files().iter().map(|id| self.file(*id))
    }

    /// Other subdomains that the crate reads of, in order.
    pub(crate) fn foreign_subdomains(&self) -> Vec<Cursor<'m, Subdomain>> {
        let (contracts, model) = (&self.contracts, self.model);
        let mut ids: BTreeSet<Id<Subdomain>> = BTreeSet::new();
        ids.extend(contracts.ids.iter().chain(&contracts.statuses).map(|id| model.at(*id).subdomain));
        ids.extend(contracts.commands.iter().map(|id| model.at(*id).aggregate().id()).map(|id| model.at(id).subdomain));
        ids.extend(contracts.events.keys().map(|id| model.at(*id).aggregate().id()).map(|id| model.at(id).subdomain));
        ids.extend(contracts.queries.iter().map(|id| model.at(*id).view().get().subdomain));
        ids.extend(contracts.types.iter().filter_map(|it| model.subdomain_of(self.owner(*it))).map(Cursor::id));
        ids.into_iter().filter(|id| !self.owns(*id)).map(|id| model.at(id)).collect()
    }

    /// Aggregates of another subdomain of which something is read, in order.
    pub(crate) fn foreign_aggregates(&self, subdomain: Id<Subdomain>) -> Vec<Cursor<'m, Aggregate>> {
        let contracts = &self.contracts;
        let mut ids: BTreeSet<Id<Aggregate>> = contracts.ids.iter().chain(&contracts.statuses).copied().collect();
        ids.extend(contracts.commands.iter().map(|id| self.model.at(*id).aggregate));
        ids.extend(contracts.events.keys().map(|id| self.model.at(*id).aggregate));
        ids.into_iter().map(|id| self.model.at(id)).filter(|it| it.subdomain == subdomain).collect()
    }

    /// Views of another subdomain that are asked, in order, each with the queries asked.
    pub(crate) fn foreign_views(&self, subdomain: Id<Subdomain>) -> Vec<(Cursor<'m, View>, Vec<Cursor<'m, Query>>)> {
        let mut views: Vec<(Cursor<'m, View>, Vec<Cursor<'m, Query>>)> = Vec::new();
        for query in self.contracts.queries.iter().map(|id| self.model.at(*id)) {
            let view = query.view();
            if view.get().subdomain != subdomain {
                continue;
            }
            match views.iter_mut().find(|(known, _)| known.id() == view.id()) {
                Some((_, queries)) => queries.push(query),
                None => views.push((view, vec![query])),
            }
        }
        views
    }

    /// Types of `shared` that the crate names, in order.
    pub(crate) fn shared_types(&self) -> impl Iterator<Item = TypeRef> {
        self.contracts.shared.iter().copied()
    }

    /// Where a type was declared.
    pub(crate) fn owner(&self, it: TypeRef) -> Owner {
        match it {
            TypeRef::Named(id) => self.model.at(id).owner,
            TypeRef::Value(id) => self.model.at(id).owner,
            TypeRef::Enum(id) => self.model.at(id).owner,
        }
    }

    /// Whether the column's type is optional in Rust although the spec's is not: what it holds may be impossible to compute.
    pub(crate) fn column_may_be_absent(&self, view: Id<View>, column: u32) -> bool {
        self.absent_columns.contains(&(view, column))
    }

    /// The type of a column as it is kept: optional where it may be impossible to compute.
    pub(crate) fn column_ty(&self, view: Id<View>, column: u32) -> Ty {
        let ty = self.model.at(view).columns[column as usize].ty.clone();
        if self.column_may_be_absent(view, column) { ty.optional() } else { ty }
    }

    fn find_absent_columns(&mut self) {
        let mut absent = BTreeSet::new();
        for view in self.model.all::<View>() {
            match &view.get().source {
                ViewSource::Aggregate { aggregate, values } => {
                    for (column, value) in (0..).zip(values) {
                        if self.may_fail(value, Some(*aggregate)) && value.ty.as_optional().is_none() {
                            absent.insert((view.id(), column));
                        }
                    }
                }
                ViewSource::Events { handlers, .. } => {
                    for case in handlers.iter().flat_map(|it| &it.cases) {
                        find_failing_columns(&case.body, &mut |column, value| {
                            if self.may_fail(value, None) && value.ty.as_optional().is_none() {
                                absent.insert((view.id(), column));
                            }
                        });
                    }
                }
            }
        }
        // A column that is computed from one that may be absent may be absent too.
        let grown = absent.len() > self.absent_columns.len();
        self.absent_columns = absent;
        if grown {
            self.find_absent_columns();
        }
    }

    /// Whether computing it in Rust gives a `Result`: it may be refused, or reads something that may be.
    pub(crate) fn may_fail(&self, expr: &Expr, aggregate: Option<Id<Aggregate>>) -> bool {
        use minos_dsl::model::Conversion as C;
        fn widens(conversion: &C) -> bool {
            match conversion {
                C::Widen => true,
                C::InOptional(steps) | C::Elements(steps) => steps.iter().any(widens),
                _ => false,
            }
        }
        expr.any(|node| {
            !node.own_failures().is_empty()
                || match &node.kind {
                    ExprKind::Computed(index) => aggregate.is_some_and(|id| self.computed_may_fail(id, *index)),
                    ExprKind::Convert(conversion, _) => widens(conversion),
                    ExprKind::Get { of, field } => {
                        matches!(of.ty, Ty::Row(view) if self.column_may_be_absent(view, *field))
                    }
                    ExprKind::Proven(of) => !matches!(of.kind, ExprKind::Param(_)),
                    ExprKind::Literal(_) => !matches!(node.ty, Ty::Base(_) | Ty::Loose(_)),
                    _ => false,
                }
        })
    }

    /// Whether a computed member of an aggregate gives a `Result`.
    pub(crate) fn computed_may_fail(&self, aggregate: Id<Aggregate>, index: u32) -> bool {
        let computed = &self.model.at(aggregate).get().computed[index as usize];
        self.may_fail(&computed.value, Some(aggregate))
    }

    /// The path at the service under which a command is sent from outside: `/orders/{id}/cancel`. Absent for those that are not.
    pub(crate) fn command_route(&self, command: Cursor<'m, Command>) -> Option<(String, String)> {
        if command.allow.is_internal() {
            return None;
        }
        if let Some(route) = self.conventional(RouteTarget::Command(command.id())) {
            return Some((route.method.as_str().to_owned(), route.path_text()));
        }
        let aggregate = command.aggregate();
        let base = format!("/{}s", kebab(&aggregate.name));
        let first = aggregate.commands().find(|it| it.creates).is_some_and(|it| it.id() == command.id());
        let path = match (command.creates, first) {
            (true, true) => base,
            (true, false) => format!("{base}/{}", kebab(&command.name)),
            (false, _) => format!("{base}/{{id}}/{}", kebab(&command.name)),
        };
        Some(("POST".to_owned(), path))
    }

    /// The path at the service under which a query is asked.
    pub(crate) fn query_route(&self, query: Cursor<'m, Query>) -> String {
        if let Some(route) = self.conventional(RouteTarget::Query(query.id())) {
            return route.path_text();
        }
        format!("/{}/{}", kebab(&query.view().name), query.name)
    }

    fn conventional(&self, target: RouteTarget) -> Option<&'m Route> {
        self.model.gateway()?.routes.iter().find(|route| !route.explicit && route.target == target)
    }

    /// Whether a statement list emits.
    pub(crate) fn emits(body: &[Statement]) -> bool {
        body.iter().any(|statement| match statement {
            Statement::Emit(_) => true,
            Statement::If { then, otherwise, .. } => Self::emits(then) || Self::emits(otherwise),
            _ => false,
        })
    }

    /// `orders` for a service, `gateway` for the gateway.
    pub(crate) fn crate_name(&self) -> String {
        self.subdomain().map_or_else(|| "gateway".to_owned(), |it| it.name.to_string())
    }

    /// Whether a named type has a Rust type of its own; others are other names for a plain type.
    pub(crate) fn is_refined(base: Base) -> bool {
        matches!(base, Base::Int | Base::Decimal | Base::Text)
    }

    /// The ports of a service.
    pub(crate) fn ports(&self) -> Vec<Cursor<'m, Port>> {
        self.subdomain().map(|it| it.ports().collect()).unwrap_or_default()
    }

    /// The Rust name of what an operation may be refused with: `Declined` where it is one, `ChargeError` where it is many.
    pub(crate) fn operation_error(&self, operation: Cursor<'m, Operation>) -> Option<String> {
        let errors: Vec<Cursor<'m, Error>> = operation.errors().collect();
        match errors.as_slice() {
            [] => None,
            [one] => Some(one.name.to_string()),
            _ => Some(format!("{}Error", pascal(&operation.name))),
        }
    }

    /// The module of a view: `crate::views::order_list`, or in the contracts.
    pub(crate) fn view_module(&self, view: Cursor<'m, View>) -> String {
        let module = module_of(&view.name);
        if self.owns(view.get().subdomain) {
            format!("crate::views::{module}")
        } else {
            format!("crate::contracts::{}::{module}", module_of(&view.subdomain().name))
        }
    }

    /// The name of the struct of a port operation's arguments: `ChargeArguments`.
    pub(crate) fn arguments_name(operation: Cursor<'_, Operation>) -> String {
        format!("{}Arguments", pascal(&operation.name))
    }

    /// The name of a query's parameters: `OfCustomer`.
    pub(crate) fn query_name(query: Cursor<'_, Query>) -> String {
        type_name(&query.name, "Query")
    }

    /// The name of a view's row: `OrderListRow`.
    pub(crate) fn row_name(view: Cursor<'_, View>) -> String {
        format!("{}Row", pascal(&view.name))
    }

    /// The fields of a payload that the crate knows: all of its own, of others' those that it reads.
    pub(crate) fn payload(&self, event: Cursor<'m, Event>) -> impl Iterator<Item = (u32, &'m PayloadField)> {
        let read = self.contracts.events.get(&event.id());
        (0..).zip(&event.get().payload).filter(move |(index, _)| read.is_none_or(|read| read.contains(index)))
    }

    /// The events of an aggregate that a service handles, by their module and name.
    pub(crate) fn event_place(&self, event: Cursor<'m, Event>) -> Place {
        Place { module: self.aggregate_module(event.aggregate()), name: self.event_name(event) }
    }
}

fn find_failing_columns<'e>(body: &'e [minos_dsl::model::RowChange], visit: &mut dyn FnMut(u32, &'e Expr)) {
    use minos_dsl::model::RowChange as R;
    for change in body {
        match change {
            R::Insert { columns, .. } | R::Update { columns, .. } | R::UpdateWhere { columns, .. } => {
                columns.iter().for_each(|(column, value)| visit(*column, value));
            }
            R::Upsert { columns, defaults, .. } => {
                columns.iter().chain(defaults).for_each(|(column, value)| visit(*column, value))
            }
            R::If { then, otherwise, .. } => {
                find_failing_columns(then, visit);
                find_failing_columns(otherwise, visit);
            }
            R::For { body, .. } => find_failing_columns(body, visit),
            R::Let { .. } | R::Delete { .. } | R::DeleteWhere { .. } => {}
        }
    }
}
