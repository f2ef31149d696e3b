//! Isolation: of another subdomain's types only those can be named that its commands, events, queries or errors name.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, checks};
use crate::draft::Draft;
use crate::model::{Id, Model, Param, Subdomain, Ty, TypeRef};

impl Draft<'_> {
    pub(crate) fn check_isolation(&mut self) {
        if self.foreign_types.is_empty() {
            return;
        }
        let foreign = std::mem::take(&mut self.foreign_types);
        let mut of: Option<(Id<Subdomain>, BTreeSet<TypeRef>)> = None;
        for (subdomain, it, span) in foreign {
            if of.as_ref().is_none_or(|(id, _)| *id != subdomain) {
                of = Some((subdomain, public(&self.model, subdomain)));
            }
            let broken = self.model.subdomains[subdomain].aggregates.iter().any(|id| self.incomplete[id.index()]);
            if broken || of.as_ref().is_some_and(|(_, types)| types.contains(&it)) {
                continue;
            }
            let name = match it {
                TypeRef::Named(id) => &self.model.named_types[id].name,
                TypeRef::Value(id) => &self.model.values[id].name,
                TypeRef::Enum(id) => &self.model.enums[id].name,
            };
            let message = format!(
                "`{name}` is not public: no command, event or query of `{}` names it",
                self.model.subdomains[subdomain].name
            );
            self.report(
                Diagnostic::new(&checks::ISOLATION, span, message).hint("declare a type of your own, or in `shared`"),
            );
        }
    }
}

/// The types that what is public in a subdomain names.
fn public(model: &Model, id: Id<Subdomain>) -> BTreeSet<TypeRef> {
    let mut types = BTreeSet::new();
    let subdomain = model.at(id);
    for aggregate in subdomain.aggregates() {
        for command in aggregate.commands() {
            params(model, &command.get().params, &mut types);
        }
        for error in aggregate.errors() {
            params(model, &error.get().fields, &mut types);
        }
        for event in aggregate.events() {
            event.get().payload.iter().for_each(|field| ty(model, &field.ty, &mut types));
        }
    }
    for view in subdomain.views().filter(|view| view.queries().any(|query| !query.allow.is_internal())) {
        view.get().columns.iter().for_each(|column| ty(model, &column.ty, &mut types));
        view.queries().for_each(|query| params(model, &query.get().params, &mut types));
    }
    types
}

fn params(model: &Model, params: &[Param], types: &mut BTreeSet<TypeRef>) {
    params.iter().for_each(|param| ty(model, &param.ty, types));
}

fn ty(model: &Model, it: &Ty, types: &mut BTreeSet<TypeRef>) {
    match it {
        Ty::Named(id) | Ty::Loose(id) => {
            types.insert(TypeRef::Named(*id));
        }
        Ty::Enum(id) => {
            types.insert(TypeRef::Enum(*id));
        }
        Ty::Value(id) if types.insert(TypeRef::Value(*id)) => params(model, &model.at(*id).get().fields, types),
        Ty::List(of, _) | Ty::Set(of, _) | Ty::Optional(of) => ty(model, of, types),
        Ty::Map(key, value, _) => {
            ty(model, key, types);
            ty(model, value, types);
        }
        _ => {}
    }
}
