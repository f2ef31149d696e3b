//! Where each thing of the spec is in the generated crate, and what it is called there.

use std::collections::{BTreeMap, BTreeSet};

use minos_dsl::model::{Aggregate, Command, Cursor, Error, Event, Owner, Ty, TypeRef};

use super::Plan;
use crate::rust::name::{module_of, pascal, type_name};

/// An item: the module it is in, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// `crate::contracts::catalog::product`.
    pub(crate) module: String,
    /// `Added`.
    pub(crate) name: String,
}

/// Modules at the root of a service that are not an aggregate's.
const ROOT: &[&str] =
    &["contracts", "enums", "errors", "policies", "ports", "sagas", "service", "types", "values", "views"];

impl<'m> Plan<'m> {
    /// Names declared types: by the name that the spec gives, with the owner's in front where two of one module have the same.
    pub(super) fn name_types(&mut self) {
        let model = self.model;
        let mut all: Vec<TypeRef> = model.system().types.clone();
        all.extend(model.subdomains().flat_map(|it| it.get().types.clone()));
        let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
        let mut names = BTreeMap::new();
        for it in all {
            let owner = self.owner(it);
            let module = self.type_module(it);
            let written = match it {
                TypeRef::Named(id) => model.at(id).name.to_string(),
                TypeRef::Value(id) => model.at(id).name.to_string(),
                TypeRef::Enum(id) => model.at(id).name.to_string(),
            };
            let mut name = type_name(&written, "Type");
            if !taken.insert((module.clone(), name.clone())) {
                let prefix = match owner {
                    Owner::Aggregate(id) => model.at(id).name.to_string(),
                    Owner::Port(id) => model.at(id).name.to_string(),
                    _ => String::new(),
                };
                name = format!("{}{name}", pascal(&prefix));
                while !taken.insert((module.clone(), name.clone())) {
                    name.push('_');
                }
            }
            names.insert(key(it), name);
        }
        self.types = names;
    }

    /// The module that a declared type is in.
    pub(crate) fn type_module(&self, it: TypeRef) -> String {
        let owner = self.owner(it);
        let Some(subdomain) = self.model.subdomain_of(owner) else {
            return match it {
                TypeRef::Named(_) => "crate::types",
                TypeRef::Value(_) => "crate::values",
                TypeRef::Enum(_) => "crate::enums",
            }
            .to_owned();
        };
        if !self.owns(subdomain.id()) {
            return format!("crate::contracts::{}", module_of(&subdomain.name));
        }
        match (it, owner) {
            (TypeRef::Named(_), _) => "crate::types".to_owned(),
            (_, Owner::Port(port)) => format!("crate::ports::{}", module_of(&self.model.at(port).name)),
            (TypeRef::Value(_), _) => "crate::values".to_owned(),
            (TypeRef::Enum(_), _) => "crate::enums".to_owned(),
        }
    }

    /// Where a declared type is.
    pub(crate) fn type_place(&self, it: TypeRef) -> Place {
        let name = self.types.get(&key(it)).cloned().unwrap_or_default();
        Place { module: self.type_module(it), name }
    }

    /// Where a type that is written where it is used is, if it needs a Rust type of its own.
    pub(crate) fn inline_place(&self, ty: &Ty) -> Option<Place> {
        let name = self.inline.name(ty)?.to_owned();
        Some(Place { module: "crate::types".to_owned(), name })
    }

    pub(super) fn name_modules(&mut self) {
        for subdomain in self.model.subdomains() {
            let own = self.owns(subdomain.id());
            let mut taken: BTreeSet<String> = ROOT.iter().filter(|_| own).map(|it| (*it).to_owned()).collect();
            if !own {
                taken.extend(subdomain.views().map(|it| module_of(&it.name)));
            }
            for aggregate in subdomain.aggregates() {
                let mut module = module_of(&aggregate.name);
                while !taken.insert(module.clone()) {
                    module.push_str("_aggregate");
                }
                self.modules.insert(aggregate.id(), module);
            }
        }
    }

    /// The last name of an aggregate's module: `order`.
    pub(crate) fn module_name(&self, aggregate: Cursor<'_, Aggregate>) -> &str {
        self.modules.get(&aggregate.id()).map_or("aggregate", String::as_str)
    }

    /// `crate::order`, or `crate::contracts::catalog::product`.
    pub(crate) fn aggregate_module(&self, aggregate: Cursor<'m, Aggregate>) -> String {
        let module = self.module_name(aggregate);
        if self.owns(aggregate.get().subdomain) {
            format!("crate::{module}")
        } else {
            format!("crate::contracts::{}::{module}", module_of(&aggregate.subdomain().name))
        }
    }

    /// Where an aggregate's id is: `OrderId`.
    pub(crate) fn id_place(&self, aggregate: Cursor<'m, Aggregate>) -> Place {
        Place { module: self.aggregate_module(aggregate), name: format!("{}Id", pascal(&aggregate.name)) }
    }

    /// Where the states of an aggregate's lifecycle are: `OrderStatus`.
    pub(crate) fn status_place(&self, aggregate: Cursor<'m, Aggregate>) -> Place {
        Place { module: self.aggregate_module(aggregate), name: format!("{}Status", pascal(&aggregate.name)) }
    }

    /// The name of a command's parameters.
    pub(crate) fn command_name(&self, command: Cursor<'m, Command>) -> String {
        let name = type_name(&command.name, "Command");
        if reserved(command.aggregate()).contains(&name) { format!("{name}Command") } else { name }
    }

    /// The name of an event's payload.
    pub(crate) fn event_name(&self, event: Cursor<'m, Event>) -> String {
        let name = type_name(&event.name, "Event");
        let aggregate = event.aggregate();
        let taken = reserved(aggregate).contains(&name) || aggregate.commands().any(|it| pascal(&it.name) == name);
        if taken { format!("{name}Event") } else { name }
    }

    /// The name of an error.
    pub(crate) fn error_name(&self, error: Cursor<'m, Error>) -> String {
        let name = type_name(&error.name, "Error");
        let Owner::Aggregate(id) = error.owner else { return name };
        let aggregate = self.model.at(id);
        let taken = reserved(aggregate).contains(&name)
            || aggregate.commands().any(|it| pascal(&it.name) == name)
            || aggregate.events().any(|it| pascal(&it.name) == name);
        if taken { format!("{name}Error") } else { name }
    }

    /// Where an error is.
    pub(crate) fn error_place(&self, error: Cursor<'m, Error>) -> Place {
        let module = match error.owner {
            Owner::Aggregate(id) => self.aggregate_module(self.model.at(id)),
            Owner::Port(id) => format!("crate::ports::{}", module_of(&self.model.at(id).name)),
            Owner::Subdomain(_) | Owner::Shared => "crate::errors".to_owned(),
        };
        Place { module, name: self.error_name(error) }
    }
}

/// Names that an aggregate itself takes in its module.
fn reserved(aggregate: Cursor<'_, Aggregate>) -> [String; 5] {
    let name = pascal(&aggregate.name);
    [format!("{name}Id"), format!("{name}Status"), format!("{name}Lifecycle"), format!("{name}Event"), name]
}

/// A declared type as a key with an order.
fn key(it: TypeRef) -> (u8, usize) {
    match it {
        TypeRef::Named(id) => (0, id.index()),
        TypeRef::Value(id) => (1, id.index()),
        TypeRef::Enum(id) => (2, id.index()),
    }
}
