//! Second pass: types as written become types as meant.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::ast;
use crate::diagnostic::{Diagnostic, checks, names, types as codes};
use crate::draft::{Draft, docs};
use crate::model::{
    self, Base, Bound, CollectionRule, Digits, Distinct, Id, Owner, Param, Refined, Rule, Size, Ty, TypeRef,
};
use crate::names::Symbol;
use crate::source::Span;
use crate::suggest::did_you_mean;

/// From where a name is looked up: the innermost scope first.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Place {
    pub(crate) subdomain: Option<Id<model::Subdomain>>,
    pub(crate) aggregate: Option<Id<model::Aggregate>>,
    pub(crate) port: Option<Id<model::Port>>,
}

const BUILT_IN: [(&str, Base); 7] = [
    ("bool", Base::Bool),
    ("int", Base::Int),
    ("decimal", Base::Decimal),
    ("text", Base::Text),
    ("timestamp", Base::Timestamp),
    ("duration", Base::Duration),
    ("date", Base::Date),
];

/// The name of a plain type, as it is written.
pub(crate) fn base_name(base: Base) -> &'static str {
    BUILT_IN.iter().find(|(_, it)| *it == base).map_or("?", |(name, _)| name)
}

impl<'a> Draft<'a> {
    /// The place of a declaration.
    pub(crate) fn place(&self, owner: Owner) -> Place {
        match owner {
            Owner::Shared => Place::default(),
            Owner::Subdomain(id) => Place { subdomain: Some(id), ..Place::default() },
            Owner::Aggregate(id) => {
                Place { subdomain: Some(self.model.aggregates[id].subdomain), aggregate: Some(id), port: None }
            }
            Owner::Port(id) => {
                Place { subdomain: Some(self.model.ports[id].subdomain), aggregate: None, port: Some(id) }
            }
        }
    }

    /// The bodies of `type` and `value` declarations.
    pub(crate) fn resolve_type_declarations(&mut self) {
        for id in self.model.named_types.ids() {
            let node = self.nodes.named_types[id.index()];
            let place = self.place(self.model.named_types[id].owner);
            let (base, rule) = match self.ty(place, &node.ty) {
                Ty::Base(base) => (base, Rule::default()),
                Ty::Refined(refined) => (refined.base, refined.rule.clone()),
                Ty::Poison => {
                    self.poisoned_types.push(id);
                    continue;
                }
                _ => {
                    self.poisoned_types.push(id);
                    let message = format!("`{}` must stand on a plain type", node.name.as_str());
                    let hint = "use one of `int`, `decimal`, `text`, `bool`, `timestamp`, `duration`, `date`; for records there is `value`";
                    self.report(Diagnostic::new(&codes::BAD_REFINEMENT, node.ty.span, message).hint(hint));
                    continue;
                }
            };
            self.model.named_types[id].base = base;
            self.model.named_types[id].rule = rule;
        }
        for id in self.model.values.ids() {
            let node = self.nodes.values[id.index()];
            let place = self.place(self.model.values[id].owner);
            self.model.values[id].fields = self.fields(place, &node.fields);
        }
        self.refuse_recursive_values();
    }

    /// Fields in parentheses: of a value or an error.
    pub(crate) fn fields(&mut self, place: Place, nodes: &'a [ast::Field]) -> Vec<Param> {
        let nodes = crate::names::distinct(self, "the field", nodes, |it| &it.name);
        nodes
            .into_iter()
            .map(|node| Param {
                name: self.intern(node.name.as_str()),
                docs: docs(&node.doc),
                span: node.name.span,
                ty: self.ty(place, &node.ty),
            })
            .collect()
    }

    /// Parameters; one without a type takes that of what `known` knows under its name.
    pub(crate) fn params(
        &mut self,
        place: Place,
        nodes: &'a [ast::Param],
        of: &str,
        known: &[(model::Name, Ty)],
    ) -> Vec<Param> {
        let nodes = crate::names::distinct(self, "the parameter", nodes, |it| &it.name);
        let mut params = Vec::with_capacity(nodes.len());
        for node in nodes {
            let ty = match &node.ty {
                Some(ty) => self.ty(place, ty),
                None => self.type_by_name(&node.name, of, known),
            };
            params.push(Param {
                name: self.intern(node.name.as_str()),
                docs: docs(&node.doc),
                span: node.name.span,
                ty,
            });
        }
        params
    }

    fn type_by_name(&mut self, name: &ast::Ident, of: &str, known: &[(model::Name, Ty)]) -> Ty {
        if let Some((_, ty)) = known.iter().find(|(known, _)| *known == name.as_str()) {
            return ty.clone();
        }
        let hint = did_you_mean(name.as_str(), known.iter().map(|(name, _)| name.as_str()))
            .unwrap_or_else(|| format!("write its type: `{}: …`", name.as_str()));
        let message = format!("`{}` has no type, and {of} has no such name to take it from", name.as_str());
        self.report(Diagnostic::new(&names::TYPE_NEEDED, name.span, message).hint(hint));
        Ty::Poison
    }

    /// A type as written.
    pub(crate) fn ty(&mut self, place: Place, node: &'a ast::Type) -> Ty {
        let ty = match &node.base {
            ast::TypeBase::Named(path) => self.named_ty(place, path, node),
            ast::TypeBase::List(element) => {
                let element = self.ty(place, element);
                let rule = self.collection_rule(&element, node, true);
                Ty::List(Arc::new(element), rule)
            }
            ast::TypeBase::Set(element) => {
                let element = self.key_ty(place, element);
                let rule = self.collection_rule(&element, node, false);
                Ty::Set(Arc::new(element), rule)
            }
            ast::TypeBase::Map(key, value) => {
                let key = self.key_ty(place, key);
                let value = self.ty(place, value);
                let rule = self.collection_rule(&value, node, false);
                Ty::Map(Arc::new(key), Arc::new(value), rule)
            }
        };
        if node.optional.is_some() { ty.optional() } else { ty }
    }

    /// The type of a map's key or a set's element: something that has an order and is never absent.
    fn key_ty(&mut self, place: Place, node: &'a ast::Type) -> Ty {
        let ty = self.ty(place, node);
        if matches!(ty, Ty::Optional(_) | Ty::List(..) | Ty::Set(..) | Ty::Map(..)) {
            let message = "a key of a map, or an element of a set, cannot be absent or a collection";
            self.report(
                Diagnostic::new(&codes::BAD_REFINEMENT, node.span, message)
                    .hint("use an id, a number, a text or a value"),
            );
            return Ty::Poison;
        }
        ty
    }

    fn named_ty(&mut self, place: Place, path: &'a ast::Path, node: &'a ast::Type) -> Ty {
        if let [name] = path.segments.as_slice()
            && let Some((_, base)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name.as_str())
        {
            return self.refined(*base, node);
        }
        let ty = self.declared_ty(place, path);
        if let (false, Some(first)) = (ty == Ty::Poison, node.refinements.first()) {
            let span = refinement_span(first);
            let message = format!("`{}` cannot be narrowed where it is used", path.text());
            self.report(Diagnostic::new(&codes::BAD_REFINEMENT, span, message).hint("declare a `type` with this rule"));
        }
        ty
    }

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

    fn bad(&mut self, span: Span, message: &str, hint: &str) {
        self.report(Diagnostic::new(&codes::BAD_REFINEMENT, span, message).hint(hint));
    }

    /// A plain type with what is in its parentheses.
    fn refined(&mut self, base: Base, node: &'a ast::Type) -> Ty {
        let mut rule = Rule::default();
        let mut digits: Vec<(u64, Span)> = Vec::new();
        for refinement in &node.refinements {
            let span = refinement_span(refinement);
            match (refinement, base) {
                (ast::Refinement::Value(expr), Base::Decimal) => {
                    match number(expr).and_then(|it| u64::try_from(it).ok()) {
                        Some(value) => digits.push((value, span)),
                        None => self.bad(
                            span,
                            "the digits of a decimal are whole numbers",
                            "write `decimal(12, 2)`: twelve digits, two of them after the point",
                        ),
                    }
                }
                (ast::Refinement::Range { start, end, inclusive, .. }, Base::Int | Base::Decimal) => {
                    self.number_range(base, &mut rule, (start.as_ref(), end.as_ref(), *inclusive), span);
                }
                (ast::Refinement::Range { start, end, inclusive, .. }, Base::Text) => {
                    rule.length = self.size((start.as_ref(), end.as_ref(), *inclusive), span);
                }
                (ast::Refinement::Distinct { .. }, _) => {
                    self.bad(span, "only the elements of a list can be `distinct`", "remove `distinct`")
                }
                (ast::Refinement::Value(_), Base::Text) => {
                    self.bad(span, "the length of a text is a range", "write `text(1..=120)`")
                }
                (ast::Refinement::Value(_), Base::Int) => {
                    self.bad(span, "the values of an `int` are a range", "write `int(1..=10)`")
                }
                _ => {
                    let message = format!("`{}` has no rules", base_name(base));
                    self.bad(span, &message, "remove the parentheses");
                }
            }
        }
        if base == Base::Decimal {
            rule.digits = self.digits(node, &digits);
            if rule.digits.is_none() {
                return Ty::Poison;
            }
        }
        if let Some(text) = &node.matches {
            match (base, text.as_plain()) {
                (Base::Text, Some(pattern)) => rule.pattern = self.pattern(pattern, text.span),
                (Base::Text, None) => {
                    self.bad(text.span, "a pattern cannot have `{…}` in it", "write it raw: `matches r\"…\"`")
                }
                _ => {
                    let message = format!("`{}` has no pattern; only `text` has", base_name(base));
                    self.bad(text.span, &message, "remove `matches`");
                }
            }
        }
        if rule.is_empty() { Ty::Base(base) } else { Ty::Refined(Arc::new(Refined { base, rule })) }
    }

    fn digits(&mut self, node: &'a ast::Type, digits: &[(u64, Span)]) -> Option<Digits> {
        match digits {
            [] if node.refinements.iter().any(|it| matches!(it, ast::Refinement::Value(_))) => None,
            [(precision, span), (scale, _)] => {
                if *precision == 0 || *precision > 18 || scale > precision {
                    self.bad(
                        *span,
                        "a decimal has 1 to 18 digits, and no more of them after the point",
                        "write `decimal(12, 2)`: twelve digits, two of them after the point",
                    );
                    return None;
                }
                Some(Digits { precision: *precision as u8, scale: *scale as u8 })
            }
            _ => {
                let hint = "write `decimal(12, 2)`: twelve digits, two of them after the point";
                self.bad(
                    node.span,
                    "a `decimal` says how many digits it has, and how many of them are after the point",
                    hint,
                );
                None
            }
        }
    }

    fn pattern(&mut self, pattern: &str, span: Span) -> Option<Arc<str>> {
        match crate::pattern::problem(pattern) {
            None => Some(pattern.into()),
            Some(problem) => {
                let message = format!("the pattern is not a regular expression: {problem}");
                self.bad(span, &message, "the whole text is matched; `\\` escapes");
                None
            }
        }
    }

    fn number_range(
        &mut self,
        base: Base,
        rule: &mut Rule,
        (start, end, inclusive): (Option<&ast::Expr>, Option<&ast::Expr>, bool),
        span: Span,
    ) {
        if rule.min.is_some() || rule.max.is_some() {
            return self.bad(span, "there are two ranges", "write one");
        }
        let whole = base == Base::Int;
        let read = |expr: Option<&ast::Expr>| match expr {
            None => Some(None),
            Some(expr) => number(expr).filter(|it| !whole || it.is_integer()).map(Some),
        };
        let (Some(start), Some(end)) = (read(start), read(end)) else {
            let message =
                if whole { "the ends of this range are whole numbers" } else { "the ends of a range are numbers" };
            return self.bad(span, message, "write `0..`, `1..=10` or `0..100`");
        };
        rule.min = start.map(|value| Bound { value, inclusive: true });
        rule.max = end.map(|value| match whole && !inclusive {
            true => Bound { value: value - Decimal::ONE, inclusive: true },
            false => Bound { value, inclusive },
        });
        let empty = matches!((rule.min, rule.max), (Some(min), Some(max)) if min.value > max.value || (min.value == max.value && !max.inclusive));
        if empty {
            self.bad(span, "nothing is in this range", "the smaller end comes first");
        }
    }

    fn size(
        &mut self,
        (start, end, inclusive): (Option<&ast::Expr>, Option<&ast::Expr>, bool),
        span: Span,
    ) -> Option<Size> {
        let read = |expr: Option<&ast::Expr>| match expr {
            None => Some(None),
            Some(expr) => {
                number(expr).and_then(|it| it.is_integer().then(|| u64::try_from(it).ok()).flatten()).map(Some)
            }
        };
        let (Some(min), Some(max)) = (read(start), read(end)) else {
            self.bad(span, "a size is a whole number from 0", "write `1..=120`");
            return None;
        };
        let max = max.map(|max| if inclusive { Some(max) } else { max.checked_sub(1) });
        let min = min.unwrap_or(0);
        match max {
            Some(None) => {}
            Some(Some(max)) if max < min => {}
            Some(Some(max)) => return Some(Size { min, max: Some(max) }),
            None => return Some(Size { min, max: None }),
        }
        self.bad(span, "nothing is in this range", "the smaller end comes first");
        None
    }

    fn collection_rule(&mut self, element: &Ty, node: &'a ast::Type, list: bool) -> Option<Arc<CollectionRule>> {
        let mut rule = CollectionRule::default();
        for refinement in &node.refinements {
            match refinement {
                ast::Refinement::Range { start, end, inclusive, span } => {
                    rule.size = self.size((start.as_ref(), end.as_ref(), *inclusive), *span)
                }
                ast::Refinement::Distinct { span, .. } if !list => {
                    self.bad(*span, "keys of a map and elements of a set are always distinct", "remove `distinct`")
                }
                ast::Refinement::Distinct { field: None, .. } => rule.distinct = Some(Distinct::Elements),
                ast::Refinement::Distinct { field: Some(field), .. } => {
                    rule.distinct = self.distinct_field(element, field)
                }
                ast::Refinement::Value(expr) => {
                    self.bad(expr.span, "the size of a collection is a range", "write `list<Item>(1..=50)`")
                }
            }
        }
        if let Some(text) = &node.matches {
            self.bad(text.span, "a collection has no pattern; only `text` has", "remove `matches`");
        }
        (rule != CollectionRule::default()).then(|| Arc::new(rule))
    }

    /// `distinct product`: the field of the value. Values may be declared later, so that the syntax is asked.
    fn distinct_field(&mut self, element: &Ty, field: &'a ast::Ident) -> Option<Distinct> {
        let id = match element {
            Ty::Value(id) => *id,
            Ty::Poison => return None,
            _ => {
                self.bad(field.span, "the elements have no fields", "write `distinct` alone");
                return None;
            }
        };
        let fields = &self.nodes.values[id.index()].fields;
        if let Some(index) = fields.iter().position(|it| it.name.text == field.text) {
            return Some(Distinct::Field(index as u32));
        }
        let hint = did_you_mean(field.as_str(), fields.iter().map(|it| it.name.as_str()));
        let message = format!("`{}` has no field `{}`", self.model.values[id].name, field.as_str());
        self.report_hint(Diagnostic::new(&names::UNKNOWN_MEMBER, field.span, message), hint);
        None
    }

    /// A value cannot hold itself but through a collection or an optional… which would still have no end to read: refused too when direct.
    fn refuse_recursive_values(&mut self) {
        let count = self.model.values.len();
        let mut state = vec![0u8; count];
        for id in self.model.values.ids() {
            self.visit_value(id, &mut state);
        }
    }

    fn visit_value(&mut self, id: Id<model::Value>, state: &mut [u8]) {
        if state[id.index()] != 0 {
            return;
        }
        state[id.index()] = 1;
        for index in 0..self.model.values[id].fields.len() {
            let mut within = Vec::new();
            values_within(&self.model.values[id].fields[index].ty, &mut within);
            for inner in within {
                match state[inner.index()] {
                    0 => self.visit_value(inner, state),
                    1 => {
                        let field = &mut self.model.values[id].fields[index];
                        field.ty = Ty::Poison;
                        let span = field.span;
                        let message = format!("`{}` holds itself", self.model.values[inner].name);
                        self.report(Diagnostic::new(&codes::RECURSIVE, span, message).hint("hold an id instead"));
                    }
                    _ => {}
                }
            }
        }
        state[id.index()] = 2;
    }
}

fn values_within(ty: &Ty, found: &mut Vec<Id<model::Value>>) {
    match ty {
        Ty::Value(id) => found.push(*id),
        Ty::Optional(inner) | Ty::List(inner, _) | Ty::Set(inner, _) => values_within(inner, found),
        Ty::Map(key, value, _) => {
            values_within(key, found);
            values_within(value, found);
        }
        _ => {}
    }
}

fn refinement_span(refinement: &ast::Refinement) -> Span {
    match refinement {
        ast::Refinement::Value(expr) => expr.span,
        ast::Refinement::Range { span, .. } | ast::Refinement::Distinct { span, .. } => *span,
    }
}

/// A number as written, perhaps with a minus.
pub(crate) fn number(expr: &ast::Expr) -> Option<Decimal> {
    match &expr.kind {
        ast::ExprKind::Literal(ast::Literal::Int(digits) | ast::Literal::Decimal(digits)) => {
            Decimal::from_str_exact(digits).ok()
        }
        ast::ExprKind::Unary { op: ast::UnaryOp::Neg, operand, .. } => number(operand).map(|it| -it),
        _ => None,
    }
}

/// `Status` of `status`, `OrderState` of `order_state`.
pub(crate) fn capitalised(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect::<String>())
        })
        .collect()
}
