//! `contracts.rs`, `contracts/catalog.rs`, `contracts/catalog/product.rs`: the service's own copy of what it reads of others.
//!
//! ```text
//! pub struct ProductId(Uuid);
//!
//! /// `catalog.Product.Added`, as far as it is read here.
//! pub struct Added { pub title: Text<1, 200>, pub price: Money }
//!
//! impl EventPayload for Added {
//!     const TYPE: &'static str = "catalog.Product.Added";
//! }
//!
//! /// The command `catalog.Product.Release`.
//! pub struct Release { pub order: OrderId }
//!
//! impl SendableCommand for Release {
//!     const COMMAND: &'static str = "catalog.Product.Release";
//! }
//! ```

use minos_dsl::model::{Aggregate, Answer, Cursor, Query, QueryKind, Subdomain, TypeRef, View};
use quote::quote;

use super::docs::{self, fields};
use super::nouns::{Member, Wire, docs_or, record};
use super::{commands, enums, events, state, types, values, view::queries};
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::{ident, module_of, pascal};

pub(super) fn emit(plan: &Plan<'_>) -> Vec<SourceFile> {
    let subdomains = plan.foreign_subdomains();
    if subdomains.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = subdomains.iter().map(|it| module_of(&it.name)).collect();
    let origin = plan.subdomain().map_or_else(|| "the spec".to_owned(), |it| super::origin(plan, it.span));
    let docs = "This crate's own copy of what it reads of other subdomains, and of what it sends there: it builds and ships without them. Of an \
         event it holds the fields that are read here alone; what else a message carries is passed over.";
    let mut files = vec![super::module_list("contracts.rs", &origin, docs, &names)];
    for subdomain in subdomains {
        files.push(subdomain_file(plan, subdomain));
        files.extend(plan.foreign_aggregates(subdomain.id()).into_iter().map(|it| aggregate(plan, it)));
        files.extend(
            plan.foreign_views(subdomain.id()).into_iter().map(|(view, queries)| view_file(plan, view, &queries)),
        );
    }
    files
}

/// The types of another subdomain, and the modules of its aggregates and views.
fn subdomain_file<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> SourceFile {
    let name = module_of(&subdomain.name);
    let named =
        plan.contracts.types.iter().copied().filter(|it| plan.type_module(*it) == format!("crate::contracts::{name}"));
    let named: Vec<TypeRef> = named.collect();
    let own: Vec<String> = named.iter().map(|it| plan.type_place(*it).name).collect();
    let sends =
        plan.contracts.commands.iter().any(|id| plan.model.at(*id).aggregate().get().subdomain == subdomain.id());
    let sent = if sends { ", and what is sent to it" } else { "" };
    let docs = format!("What is read of `{}`{sent}.", subdomain.name);
    let path = format!("contracts/{name}.rs");
    let mut file =
        SourceFile::new(&path, &format!("crate::contracts::{name}"), &super::origin(plan, subdomain.span), &docs, &own);
    let mut modules: Vec<String> =
        plan.foreign_aggregates(subdomain.id()).into_iter().map(|it| plan.module_name(it).to_owned()).collect();
    modules.extend(plan.foreign_views(subdomain.id()).into_iter().map(|(view, _)| module_of(&view.name)));
    modules.sort();
    let modules = modules.iter().map(|it| ident(it));
    file.push(quote!(#(pub mod #modules;)*));
    for it in named {
        match it {
            TypeRef::Named(id) => {
                let declared = plan.model.at(id);
                types::refined(
                    plan,
                    &mut file,
                    &plan.type_place(it).name,
                    &declared.docs,
                    declared.base,
                    &declared.rule,
                );
            }
            TypeRef::Value(id) => values::value(plan, &mut file, plan.model.at(id)),
            TypeRef::Enum(id) => enums::one(plan, &mut file, plan.model.at(id)),
        }
    }
    file
}

/// Id, states, events and commands of another's aggregate, as far as they are read.
fn aggregate<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> SourceFile {
    let contracts = &plan.contracts;
    let model = plan.model;
    let has_id = contracts.ids.contains(&aggregate.id());
    let has_status = contracts.statuses.contains(&aggregate.id());
    let events: Vec<_> =
        contracts.events.keys().map(|id| model.at(*id)).filter(|it| it.get().aggregate == aggregate.id()).collect();
    let commands: Vec<_> =
        contracts.commands.iter().map(|id| model.at(*id)).filter(|it| it.get().aggregate == aggregate.id()).collect();
    let name = pascal(&aggregate.name);
    let mut own: Vec<String> = Vec::new();
    own.extend(has_id.then(|| format!("{name}Id")));
    own.extend(has_status.then(|| format!("{name}Status")));
    own.extend(events.iter().map(|it| plan.event_name(*it)));
    own.extend(commands.iter().map(|it| plan.command_name(*it)));
    let module = plan.aggregate_module(aggregate);
    let path = format!("{}.rs", module.trim_start_matches("crate::").replace("::", "/"));
    let docs = match commands.is_empty() {
        true => format!("What is read of `{}`.", aggregate.path()),
        false => format!("What is read of `{}`, and sent to it.", aggregate.path()),
    };
    let mut file = SourceFile::new(&path, &module, &super::origin(plan, aggregate.span), &docs, &own);
    if has_id {
        state::id(&mut file, aggregate);
    }
    if let (true, Some(lifecycle)) = (has_status, &aggregate.get().lifecycle) {
        state::status(&mut file, aggregate, lifecycle);
    }
    for event in events {
        events::payload(plan, &mut file, event);
        let (name, wire, payload) =
            (ident(&plan.event_name(event)), event.path(), file.uses().runtime("event", "EventPayload"));
        file.push(quote!(impl #payload for #name { const TYPE: &'static str = #wire; }));
    }
    for command in commands {
        commands::parameters(plan, &mut file, command, Wire::Out);
        let (name, wire, sendable) =
            (ident(&plan.command_name(command)), command.path(), file.uses().runtime("saga", "SendableCommand"));
        file.push(quote!(impl #sendable for #name { const COMMAND: &'static str = #wire; }));
    }
    file
}

/// The rows of another's view, and the queries that are asked.
fn view_file<'m>(plan: &Plan<'m>, view: Cursor<'m, View>, queries: &[Cursor<'m, Query>]) -> SourceFile {
    let module = plan.view_module(view);
    let row = Plan::row_name(view);
    let mut own = vec![row.clone()];
    own.extend(queries.iter().map(|it| Plan::query_name(*it)));
    let path = format!("{}.rs", module.trim_start_matches("crate::").replace("::", "/"));
    let docs = docs_or(&view.docs, || format!("What is read of `{}`.", view.path()));
    let mut file = SourceFile::new(&path, &module, &super::origin(plan, view.span), &docs, &own);
    let columns: Vec<Member<'_>> = (0..)
        .zip(&view.get().columns)
        .map(|(index, it)| {
            Member::new(
                plan,
                file.uses(),
                &it.name,
                fields::column(plan, view, index),
                &plan.column_ty(view.id(), index),
            )
        })
        .collect();
    record(
        &mut file,
        &row,
        &format!("A row of `{}`, as `{}` answers it.", view.path(), view.subdomain().name),
        &["Clone", "Debug", "PartialEq"],
        Wire::Both,
        &columns,
    );
    for query in queries {
        asked(plan, &mut file, *query);
    }
    file
}

/// A query's parameters, and how it is asked.
fn asked<'m>(plan: &Plan<'m>, file: &mut SourceFile, query: Cursor<'m, Query>) {
    let docs = docs::query(plan, query);
    let members = queries::parameters(plan, file.uses(), query);
    record(file, &Plan::query_name(query), &docs, &["Clone", "Debug", "PartialEq"], Wire::Out, &members);
    let part = file.uses().item("minos_runtime::gateway", "PartQuery");
    let (name, subdomain, route) =
        (ident(&Plan::query_name(query)), query.view().subdomain().name.to_string(), plan.query_route(query));
    let path_param = path_param(query)
        .filter(|_| route.contains('{'))
        .map(|it| quote!(const PATH_PARAM: Option<&'static str> = Some(#it);));
    let row = ident(&Plan::row_name(query.view()));
    file.push(quote! {
        impl #part for #name {
            const SUBDOMAIN: &'static str = #subdomain;
            const ROUTE: &'static str = #route;
            #path_param
            type Row = #row;
        }
    });
}

/// The parameter that stands in the path of `by_id`.
pub(super) fn path_param(query: Cursor<'_, Query>) -> Option<String> {
    let by_key = query.kind == QueryKind::ById && query.answer == Answer::Row;
    by_key.then(|| query.params.first().map(|it| it.name.to_string())).flatten()
}
