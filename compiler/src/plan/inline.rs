//! Types that are written where they are used, and need a Rust type of their own: lists with a rule, text with a pattern, decimals with
//! digits. Two that are written the same are the same type, as they are in the spec; the first use names it.

use std::collections::{BTreeSet, HashMap};

use minos_dsl::model::{Base, Param, Ty, TypeRef};
use minos_dsl::source::{SourceId, Span};

use super::Plan;
use crate::rust::name::pascal;

/// Such types, in the order of their first use.
#[derive(Default)]
pub(crate) struct Inline {
    order: Vec<(String, Ty)>,
    names: HashMap<Ty, usize>,
    /// The spec files that they stand in, in the order of their first use.
    files: Vec<SourceId>,
}

/// Whether a type that is written where it is used needs a Rust type of its own; others are instances of generic ones.
fn needs_own(ty: &Ty) -> bool {
    match ty {
        Ty::Refined(refined) => match refined.base {
            Base::Decimal => true,
            Base::Text => refined.rule.pattern.is_some(),
            _ => false,
        },
        Ty::List(_, rule) | Ty::Set(_, rule) | Ty::Map(_, _, rule) => rule.is_some(),
        _ => false,
    }
}

impl Inline {
    pub(super) fn collect(plan: &Plan<'_>) -> Self {
        let mut collector = Collector { found: Self::default(), taken: taken(plan), file: SourceId(0) };
        if let Some(subdomain) = plan.subdomain() {
            collector.stand_in(subdomain.span);
            for aggregate in subdomain.aggregates() {
                let owner = aggregate.name.to_string();
                aggregate.get().fields.iter().for_each(|it| collector.visit(&owner, &it.name, &it.ty));
                aggregate.get().computed.iter().for_each(|it| collector.visit(&owner, &it.name, &it.ty));
                aggregate.commands().for_each(|it| collector.params(&it.get().name, &it.get().params));
                aggregate.events().for_each(|it| {
                    it.get().payload.iter().for_each(|field| collector.visit(&it.name, &field.name, &field.ty))
                });
                aggregate.errors().for_each(|it| collector.params(&it.get().name, &it.get().fields));
            }
            subdomain.values().for_each(|it| collector.params(&it.get().name, &it.get().fields));
            for view in subdomain.views() {
                view.get().columns.iter().for_each(|it| collector.visit(&view.name, &it.name, &it.ty));
                view.queries().for_each(|it| collector.params(&view.name, &it.get().params));
            }
            for port in subdomain.ports() {
                for operation in port.operations() {
                    collector.params(&operation.get().name, &operation.get().params);
                    operation.get().answer.iter().for_each(|ty| collector.visit(&operation.name, "answer", ty));
                }
                port.errors().for_each(|it| collector.params(&it.get().name, &it.get().fields));
            }
        } else {
            plan.model.all::<minos_dsl::model::Compose>().for_each(|it| {
                collector.stand_in(it.span);
                collector.params(&it.get().name, &it.get().params);
            });
        }
        let model = plan.model;
        let contracts = &plan.contracts;
        for it in contracts.shared.iter().chain(&contracts.types) {
            if let TypeRef::Value(id) = it {
                collector.stand_in(model.at(*id).span);
                collector.params(&model.at(*id).get().name, &model.at(*id).get().fields);
            }
        }
        for command in contracts.commands.iter().map(|id| model.at(*id)) {
            collector.stand_in(command.span);
            collector.params(&command.name, &command.params);
        }
        for event in contracts.events.keys().map(|id| model.at(*id)) {
            collector.stand_in(event.span);
            plan.payload(event).for_each(|(_, field)| collector.visit(&event.aggregate().name, &field.name, &field.ty));
        }
        for query in contracts.queries.iter().map(|id| model.at(*id)) {
            collector.stand_in(query.span);
            collector.params(&query.view().get().name, &query.get().params);
            let view = query.view();
            view.get().columns.iter().for_each(|it| collector.visit(&view.name, &it.name, &it.ty));
        }
        collector.found
    }

    /// The Rust name of such a type.
    pub(super) fn name(&self, ty: &Ty) -> Option<&str> {
        self.names.get(ty).map(|index| self.order[*index].0.as_str())
    }

    /// Names and types, in the order of their first use.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Ty)> {
        self.order.iter().map(|(name, ty)| (name.as_str(), ty))
    }

    /// The spec files that they stand in.
    pub(super) fn files(&self) -> &[SourceId] {
        &self.files
    }
}

/// Names that `types.rs` gives away already.
fn taken(plan: &Plan<'_>) -> BTreeSet<String> {
    let own = plan.subdomain().map(|it| it.get().types.clone()).unwrap_or_default();
    own.into_iter().chain(plan.shared_types()).map(|it| plan.type_place(it).name).collect()
}

struct Collector {
    found: Inline,
    taken: BTreeSet<String>,
    /// Where what is visited stands.
    file: SourceId,
}

impl Collector {
    fn stand_in(&mut self, span: Span) {
        self.file = span.file;
    }

    fn params(&mut self, owner: &str, params: &[Param]) {
        params.iter().for_each(|it| self.visit(owner, &it.name, &it.ty));
    }

    /// Names what is within first.
    fn visit(&mut self, owner: &str, field: &str, ty: &Ty) {
        match ty {
            Ty::List(element, _) | Ty::Set(element, _) | Ty::Optional(element) => self.visit(owner, field, element),
            Ty::Map(key, value, _) => {
                self.visit(owner, field, key);
                self.visit(owner, field, value);
            }
            _ => {}
        }
        if !needs_own(ty) || self.found.names.contains_key(ty) {
            return;
        }
        let mut name = pascal(field);
        if !self.taken.insert(name.clone()) {
            name = format!("{}{name}", pascal(owner));
            while !self.taken.insert(name.clone()) {
                name.push('_');
            }
        }
        if !self.found.files.contains(&self.file) {
            self.found.files.push(self.file);
        }
        self.found.names.insert(ty.clone(), self.found.order.len());
        self.found.order.push((name, ty.clone()));
    }
}
