//! Second pass: types as written become types as meant.

mod path;
mod recursion;
mod rule;

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::ast;
use crate::diagnostic::{Diagnostic, names, types as codes};
use crate::draft::{Draft, docs};
use crate::model::{self, Base, Id, Owner, Param, Rule, Ty};
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
            let span = rule::refinement_span(first);
            let message = format!("`{}` cannot be narrowed where it is used", path.text());
            self.report(Diagnostic::new(&codes::BAD_REFINEMENT, span, message).hint("declare a `type` with this rule"));
        }
        ty
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
