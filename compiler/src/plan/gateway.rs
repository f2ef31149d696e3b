//! What the gateway needs of others: the queries that its compositions ask, with what these name. Of what it merely exposes it knows the
//! names alone.

use std::collections::BTreeSet;

use minos_dsl::model::{Compose, Contracts, Model, Owner, Ty, TypeRef};

pub(super) fn contracts(model: &Model) -> Contracts {
    let mut needs = Needs { model, contracts: Contracts::default(), types: BTreeSet::new() };
    for compose in model.all::<Compose>() {
        compose.params.iter().for_each(|it| needs.ty(&it.ty));
        for query in compose.queries() {
            needs.contracts.queries.push(query.id());
            query.params.iter().for_each(|it| needs.ty(&it.ty));
            query.view().columns.iter().for_each(|it| needs.ty(&it.ty));
        }
    }
    let mut contracts = needs.contracts;
    contracts.files.clone_from(&model.gateway_contracts().files);
    contracts.ids.sort();
    contracts.ids.dedup();
    contracts.statuses.sort();
    contracts.statuses.dedup();
    contracts.queries.sort();
    contracts.queries.dedup();
    for it in needs.types {
        let owner = match it {
            TypeRef::Named(id) => model.at(id).owner,
            TypeRef::Value(id) => model.at(id).owner,
            TypeRef::Enum(id) => model.at(id).owner,
        };
        if owner == Owner::Shared { contracts.shared.push(it) } else { contracts.types.push(it) }
    }
    contracts
}

struct Needs<'m> {
    model: &'m Model,
    contracts: Contracts,
    types: BTreeSet<TypeRef>,
}

impl Needs<'_> {
    fn ty(&mut self, it: &Ty) {
        match it {
            Ty::Named(id) => {
                self.types.insert(TypeRef::Named(*id));
            }
            Ty::Enum(id) => {
                self.types.insert(TypeRef::Enum(*id));
            }
            Ty::Value(id) if self.types.insert(TypeRef::Value(*id)) => {
                self.model.at(*id).get().fields.iter().for_each(|field| self.ty(&field.ty));
            }
            Ty::Id(id) => self.contracts.ids.push(*id),
            Ty::Status(id) => self.contracts.statuses.push(*id),
            Ty::List(element, _) | Ty::Set(element, _) | Ty::Optional(element) => self.ty(element),
            Ty::Map(key, value, _) => {
                self.ty(key);
                self.ty(value);
            }
            _ => {}
        }
    }
}
