//! What the path of a type names.

use super::{BUILT_IN, Place, capitalised};
use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names};
use crate::draft::Draft;
use crate::model::{self, Id, Ty, TypeRef};
use crate::names::Symbol;
use crate::suggest::did_you_mean;

impl Draft<'_> {
    /// The type that a path names; reports and answers poison where it names none.
    pub(crate) fn declared_ty(&mut self, place: Place, path: &ast::Path) -> Ty {
        let ty = self.ty_at(place, path);
        let it = match ty {
            Ty::Named(id) => TypeRef::Named(id),
            Ty::Value(id) => TypeRef::Value(id),
            Ty::Enum(id) => TypeRef::Enum(id),
            _ => return ty,
        };
        let owner = match it {
            TypeRef::Named(id) => self.model.named_types[id].owner,
            TypeRef::Value(id) => self.model.values[id].owner,
            TypeRef::Enum(id) => self.model.enums[id].owner,
        };
        let home = self.model.subdomain_of(owner).map(|it| it.id());
        if let Some(home) = home.filter(|home| Some(*home) != place.subdomain) {
            self.foreign_types.push((home, it, path.span));
        }
        ty
    }

    fn ty_at(&mut self, place: Place, path: &ast::Path) -> Ty {
        match path.segments.as_slice() {
            [name] => self.ty_in_scope(place, name),
            [owner, name] => {
                if let Some(subdomain) = place.subdomain
                    && let Some(symbol) = self.names.members[subdomain.index()].get(owner.as_str())
                {
                    return self.ty_within(symbol, owner, name, place.subdomain);
                }
                if let Some(id) = self.names.subdomains.get(owner.as_str()).copied() {
                    return match self.names.members[id.index()].get(name.as_str()) {
                        Some(Symbol::Type(it)) => self.ty_of(it),
                        Some(Symbol::Broken) => Ty::Poison,
                        other => self.unknown_ty(name, path, other, place, Some(id)),
                    };
                }
                if owner.is_capitalised() {
                    return self.unknown_owner(place, owner);
                }
                self.find_subdomain(owner);
                Ty::Poison
            }
            [subdomain, owner, name] => {
                let Some(id) = self.find_subdomain(subdomain) else { return Ty::Poison };
                match self.names.members[id.index()].get(owner.as_str()) {
                    Some(symbol) => self.ty_within_public(symbol, owner, name, id, place),
                    None => self.unknown_owner(Place { subdomain: Some(id), ..Place::default() }, owner),
                }
            }
            _ => {
                let message = format!("`{}` is not a type", path.text());
                self.report(
                    Diagnostic::new(&names::UNKNOWN_TYPE, path.span, message)
                        .hint("a type is named `Type`, `Aggregate.Type` or `subdomain.Aggregate.Type`"),
                );
                Ty::Poison
            }
        }
    }

    pub(crate) fn ty_of(&self, it: TypeRef) -> Ty {
        match it {
            TypeRef::Named(id) if self.poisoned_types.contains(&id) => Ty::Poison,
            TypeRef::Named(id) => Ty::Named(id),
            TypeRef::Value(id) => Ty::Value(id),
            TypeRef::Enum(id) => Ty::Enum(id),
        }
    }

    fn type_name(&self, it: TypeRef) -> &model::Name {
        match it {
            TypeRef::Named(id) => &self.model.named_types[id].name,
            TypeRef::Value(id) => &self.model.values[id].name,
            TypeRef::Enum(id) => &self.model.enums[id].name,
        }
    }

    fn ty_in_scope(&mut self, place: Place, name: &ast::Ident) -> Ty {
        let inner: &[TypeRef] = match (place.aggregate, place.port) {
            (Some(id), _) => &self.types_of_aggregate[id.index()],
            (_, Some(id)) => &self.model.ports[id].types,
            _ => &[],
        };
        if let Some(it) = inner.iter().find(|it| *self.type_name(**it) == name.as_str()) {
            return self.ty_of(*it);
        }
        let symbol = match place.subdomain.and_then(|id| self.names.members[id.index()].get(name.as_str())) {
            Some(symbol) => Some(symbol),
            None => self.names.shared.get(name.as_str()),
        };
        match symbol {
            Some(Symbol::Type(it)) => self.ty_of(it),
            Some(Symbol::Broken) => Ty::Poison,
            other => {
                let broken = self.broken_within(place, name.as_str());
                if broken { Ty::Poison } else { self.unknown_simple_ty(place, name, other) }
            }
        }
    }

    /// Whether something of that name could not be read inside the aggregate or port.
    fn broken_within(&self, place: Place, name: &str) -> bool {
        let broken = match (place.aggregate, place.port) {
            (Some(id), _) => &self.nodes.aggregates[id.index()].broken,
            (_, Some(id)) => &self.nodes.ports[id.index()].broken,
            _ => return false,
        };
        broken.iter().any(|item| item.name.as_ref().is_some_and(|it| it.as_str() == name))
    }

    fn unknown_simple_ty(&mut self, place: Place, name: &ast::Ident, found: Option<Symbol>) -> Ty {
        if found.is_none() && self.names.anything_broken {
            return Ty::Poison;
        }
        let message = format!("there is no type `{}`", name.as_str());
        let (message, hint) = match found {
            Some(symbol @ Symbol::Aggregate(_)) => (
                format!("`{}` is {}, not a type", name.as_str(), symbol.kind()),
                Some(format!("its id is `{}.Id`", name.as_str())),
            ),
            Some(symbol) => (format!("`{}` is {}, not a type", name.as_str(), symbol.kind()), None),
            None => {
                let members = place.subdomain.map(|id| &self.names.members[id.index()]);
                let types = |symbol| matches!(symbol, Symbol::Type(_));
                let known = BUILT_IN
                    .iter()
                    .map(|(name, _)| *name)
                    .chain(members.into_iter().flat_map(|it| it.names_of(types)))
                    .chain(self.names.shared.names_of(types));
                (message, did_you_mean(name.as_str(), known))
            }
        };
        self.report_hint(Diagnostic::new(&names::UNKNOWN_TYPE, name.span, message), hint);
        Ty::Poison
    }

    fn unknown_owner(&mut self, place: Place, owner: &ast::Ident) -> Ty {
        if self.names.anything_broken {
            return Ty::Poison;
        }
        let members = place.subdomain.map(|id| &self.names.members[id.index()]);
        let hint = did_you_mean(
            owner.as_str(),
            members
                .into_iter()
                .flat_map(|it| it.names_of(|symbol| matches!(symbol, Symbol::Aggregate(_) | Symbol::Port(_)))),
        );
        let place = place.subdomain.map_or(String::new(), |id| format!(" in `{}`", self.model.subdomains[id].name));
        self.report_hint(
            Diagnostic::new(
                &names::UNKNOWN_DECLARATION,
                owner.span,
                format!("there is no aggregate `{}`{place}", owner.as_str()),
            ),
            hint,
        );
        Ty::Poison
    }

    fn unknown_ty(
        &mut self,
        name: &ast::Ident,
        path: &ast::Path,
        found: Option<Symbol>,
        place: Place,
        subdomain: Option<Id<model::Subdomain>>,
    ) -> Ty {
        if found.is_none() && self.names.anything_broken {
            return Ty::Poison;
        }
        let (message, hint) = match found {
            Some(symbol) => {
                let hint = matches!(symbol, Symbol::Aggregate(_)).then(|| format!("its id is `{}.Id`", path.text()));
                (format!("`{}` is {}, not a type", path.text(), symbol.kind()), hint)
            }
            None => {
                let scope = subdomain.or(place.subdomain).map(|id| &self.names.members[id.index()]);
                let hint = did_you_mean(
                    name.as_str(),
                    scope.into_iter().flat_map(|it| it.names_of(|symbol| matches!(symbol, Symbol::Type(_)))),
                );
                (format!("there is no type `{}`", path.text()), hint)
            }
        };
        self.report_hint(Diagnostic::new(&names::UNKNOWN_TYPE, name.span, message), hint);
        Ty::Poison
    }

    /// A type of another subdomain, or of the same one under its full path.
    fn ty_within_public(
        &mut self,
        symbol: Symbol,
        owner: &ast::Ident,
        name: &ast::Ident,
        subdomain: Id<model::Subdomain>,
        place: Place,
    ) -> Ty {
        if let (Symbol::Port(_), true) = (symbol, place.subdomain != Some(subdomain)) {
            let message = format!(
                "`{}` is a port of `{}`, which no other subdomain sees",
                owner.as_str(),
                self.model.subdomains[subdomain].name
            );
            self.report(
                Diagnostic::new(&checks::ISOLATION, owner.span.to(name.span), message)
                    .hint("declare a `value` in the subdomain, and let an event carry it"),
            );
            return Ty::Poison;
        }
        self.ty_within(symbol, owner, name, Some(subdomain))
    }

    /// `Order.Id`, `Order.Status`, `Order.Value`, `Payments.Receipt`.
    fn ty_within(
        &mut self,
        symbol: Symbol,
        owner: &ast::Ident,
        name: &ast::Ident,
        subdomain: Option<Id<model::Subdomain>>,
    ) -> Ty {
        match symbol {
            Symbol::Aggregate(id) => self.ty_of_aggregate(id, owner, name),
            Symbol::Port(id) => {
                let found = self.model.ports[id].types.iter().copied().find(|it| *self.type_name(*it) == name.as_str());
                match found {
                    Some(it) => self.ty_of(it),
                    None if crate::names::hides(&self.nodes.ports[id.index()].broken, name.as_str()) => Ty::Poison,
                    None => {
                        let known: Vec<&str> =
                            self.model.ports[id].types.iter().map(|it| self.type_name(*it).as_str()).collect();
                        let hint = did_you_mean(name.as_str(), known);
                        self.report_hint(
                            Diagnostic::new(
                                &names::UNKNOWN_TYPE,
                                name.span,
                                format!("the port `{}` has no type `{}`", owner.as_str(), name.as_str()),
                            ),
                            hint,
                        );
                        Ty::Poison
                    }
                }
            }
            Symbol::Broken => Ty::Poison,
            other => {
                let message = format!("`{}` is {}, and has no types within", owner.as_str(), other.kind());
                let _ = subdomain;
                self.report(Diagnostic::new(&names::WRONG_KIND, owner.span, message));
                Ty::Poison
            }
        }
    }

    fn ty_of_aggregate(&mut self, id: Id<model::Aggregate>, owner: &ast::Ident, name: &ast::Ident) -> Ty {
        let node = self.nodes.aggregates[id.index()];
        if name.as_str() == "Id" {
            return Ty::Id(id);
        }
        if let Some(lifecycle) = node.lifecycles.first()
            && capitalised(lifecycle.name.as_str()) == name.as_str()
        {
            return Ty::Status(id);
        }
        let types = &self.types_of_aggregate[id.index()];
        if let Some(it) = types.iter().copied().find(|it| *self.type_name(*it) == name.as_str()) {
            return self.ty_of(it);
        }
        let broken = node.broken.iter().any(|item| {
            let lifecycle = item.noun == ast::Noun::Lifecycle && name.as_str() == "Status";
            lifecycle || item.name.as_ref().is_none_or(|it| it.as_str() == name.as_str())
        });
        if broken {
            return Ty::Poison;
        }
        let status = node.lifecycles.first().map(|it| capitalised(it.name.as_str()));
        let own: Vec<&str> = types.iter().map(|it| self.type_name(*it).as_str()).collect();
        let hint = did_you_mean(name.as_str(), own.into_iter().chain(["Id"]).chain(status.as_deref()));
        self.report_hint(
            Diagnostic::new(
                &names::UNKNOWN_TYPE,
                name.span,
                format!("the aggregate `{}` has no type `{}`", owner.as_str(), name.as_str()),
            ),
            hint,
        );
        Ty::Poison
    }
}
