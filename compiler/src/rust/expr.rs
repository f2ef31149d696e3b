//! Expressions: from the model's typed ones to Rust.
//!
//! Nothing is inferred here: a type is read off its node, a possible refusal is a `?`, and a conversion is a node of its own.

use std::collections::HashMap;

use minos_dsl::model::{Aggregate, Base, Conversion, Expr, ExprKind, Id, Local, Ty, View};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::output::source_file::Uses;
use crate::plan::Plan;
use crate::rust::code::{Binding, Code};
use crate::rust::name::{field, pascal, screaming};
use crate::rust::ty;

mod collections;
mod conversions;
mod leaves;
mod operators;

/// Where expressions stand: what their leaves are called there.
pub(crate) struct Scope<'a> {
    /// The decisions about the crate.
    pub(crate) plan: &'a Plan<'a>,
    /// The imports of the file.
    pub(crate) uses: &'a Uses,
    /// The aggregate at hand, if there is one.
    pub(crate) aggregate: Option<Id<Aggregate>>,
    /// The aggregate's state: `order`, `self`.
    pub(crate) state: TokenStream,
    /// The aggregate's id.
    pub(crate) id: Code,
    /// What holds the parameters: `self`; `None`: they are variables.
    pub(crate) params: Option<TokenStream>,
    /// The names of the parameters.
    pub(crate) param_names: Vec<String>,
    /// Parameters that stand as variables here (`if given`).
    pub(crate) given: Vec<u32>,
    /// The payload of the event at hand.
    pub(crate) payload: TokenStream,
    /// The names of its fields.
    pub(crate) payload_names: Vec<String>,
    /// `e.id`, `e.at`, `e.entered`.
    pub(crate) envelope: Envelope,
    /// The row at hand.
    pub(crate) row: TokenStream,
    /// Its view.
    pub(crate) view: Option<Id<View>>,
    /// The names of its columns.
    pub(crate) column_names: Vec<String>,
    /// The caller: `caller`, `decision.caller()`.
    pub(crate) caller: TokenStream,
    /// `now`.
    pub(crate) now: TokenStream,
    /// The names of a composition's parts before this one.
    pub(crate) part_names: Vec<String>,
    /// Variables that are references.
    pub(crate) references: HashMap<u32, bool>,
    /// State-only fields are optional here (views of an aggregate).
    pub(crate) state_fields_optional: bool,
}

/// Variables and functions that generated bodies count on.
const TAKEN: &[&str] = &[
    "actions", "answer", "attempt", "bound", "branch", "caller", "command", "compare", "computed", "created",
    "decision", "event", "exact", "failure", "id", "missing", "parts", "reader", "recorded", "rows", "saga", "step",
    "whether",
];

/// How an event's envelope is read.
#[derive(Clone)]
pub(crate) struct Envelope {
    /// `e.id`.
    pub(crate) id: Code,
    /// `e.at`.
    pub(crate) at: Code,
    /// `e.entered`.
    pub(crate) entered: Code,
}

impl<'a> Scope<'a> {
    /// A scope in which leaves have their usual names.
    pub(crate) fn new(plan: &'a Plan<'a>, uses: &'a Uses) -> Self {
        Self {
            plan,
            uses,
            aggregate: None,
            state: quote!(self),
            id: Code::reference(quote!(id)),
            params: Some(quote!(self)),
            param_names: Vec::new(),
            given: Vec::new(),
            payload: quote!(event),
            payload_names: Vec::new(),
            envelope: Envelope {
                id: Code::place(quote!(id)),
                at: Code::place(quote!(recorded.at)),
                entered: Code::fallible(quote!(recorded.entered())),
            },
            row: quote!(row),
            view: None,
            column_names: Vec::new(),
            caller: quote!(caller),
            now: quote!(now),
            part_names: Vec::new(),
            references: HashMap::new(),
            state_fields_optional: false,
        }
    }

    /// Whether computing it gives a `Result`.
    pub(crate) fn may_fail(&self, expr: &Expr) -> bool {
        self.plan.may_fail(expr, self.aggregate)
            || expr.any(|node| match &node.kind {
                ExprKind::Column(index) => self.view.is_some_and(|view| self.plan.column_may_be_absent(view, *index)),
                _ => false,
            })
            || expr.any(|node| matches!(&node.kind, ExprKind::Field(index) if !self.state_fields_optional && self.is_state_field(*index)))
    }

    fn is_state_field_of(&self, expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Field(index) if self.is_state_field(index))
    }

    fn is_state_field(&self, index: u32) -> bool {
        self.aggregate.is_some_and(|id| self.plan.model.at(id).get().fields[index as usize].state.is_some())
    }

    /// A variable of the spec: with `_` behind it where generated code has one of that name.
    pub(crate) fn variable(&self, name: &str) -> Ident {
        let own = field(name);
        let taken = TAKEN.iter().any(|taken| own == taken)
            || own == self.state.to_string()
            || own == self.payload.to_string()
            || (self.view.is_some() && own == "row");
        if taken { field(&format!("{name}_")) } else { own }
    }

    /// A type, imported.
    pub(crate) fn ty(&self, it: &Ty) -> TokenStream {
        ty::ty(self.plan, self.uses, it)
    }

    fn is_copy(&self, it: &Ty) -> bool {
        ty::is_copy(self.plan, it)
    }

    fn number(&self, function: &str) -> TokenStream {
        let module = self.uses.runtime("value", "number");
        let function = field(function);
        quote!(#module::#function)
    }

    /// The value, owned.
    pub(crate) fn owned(&self, expr: &Expr) -> TokenStream {
        self.code(expr).owned(self.is_copy(&expr.ty))
    }

    /// A reference to the value.
    pub(crate) fn borrowed(&self, expr: &Expr) -> TokenStream {
        self.code(expr).borrowed()
    }

    /// The value as a `Result`, for closures and for what may not fail.
    pub(crate) fn as_result(&self, expr: &Expr) -> TokenStream {
        self.code(expr).as_result(self.is_copy(&expr.ty))
    }

    /// A `Result` of the value where `?` has nowhere to go.
    pub(crate) fn contained(&self, expr: &Expr) -> TokenStream {
        let code = self.code(expr);
        if let Some(result) = code.sole_result() {
            return result.clone();
        }
        let result = code.as_result(self.is_copy(&expr.ty));
        if !self.may_fail(expr) {
            return result;
        }
        let attempt = self.uses.runtime("value", "attempt");
        quote!(#attempt(|| #result))
    }

    /// The expression.
    pub(crate) fn code(&self, expr: &Expr) -> Code {
        use ExprKind as K;
        match &expr.kind {
            K::Literal(literal) => self.literal(literal, &expr.ty),
            K::Case(id, index) => {
                let name = self.ty(&Ty::Enum(*id));
                let case = ty::name(&pascal(&self.plan.model.at(*id).cases[*index as usize].name));
                Code::value(quote!(#name::#case))
            }
            K::State(id, index) => {
                let name = self.ty(&Ty::Status(*id));
                let states = self.plan.model.at(*id).get().lifecycle.as_ref().map(|it| &it.states);
                let case = ty::name(&pascal(states.map_or("", |it| &it[*index as usize].name)));
                Code::value(quote!(#name::#case))
            }
            K::Absent => Code::value(quote!(None)),
            K::List(items) if items.is_empty() => Code::value(quote!(Vec::new())),
            K::List(items) => {
                let items = items.iter().map(|item| self.owned(item));
                Code::value(quote!(vec![#(#items),*]))
            }
            K::Value(id, values) => {
                let name = self.ty(&Ty::Value(*id));
                let fields = self.plan.model.at(*id).get().fields.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
                let body = self.record(&fields, values);
                Code::value(quote!(#name { #body }))
            }
            K::SelfId => self.id.clone(),
            K::Field(_) | K::Computed(_) | K::Status => self.of_state(expr),
            K::Param(index) => self.param(*index),
            K::Local(local) => self.local(local),
            K::Payload(index) => {
                let (payload, name) = (&self.payload, field(&self.payload_names[*index as usize]));
                Code::place(quote!(#payload.#name))
            }
            K::EventStream => self.envelope.id.clone(),
            K::EventAt => self.envelope.at.clone(),
            K::EventEntered => self.envelope.entered.clone(),
            K::Column(index) => {
                let (row, name) = (&self.row, field(&self.column_names[*index as usize]));
                self.present_column(self.view, *index, quote!(#row.#name))
            }
            K::Part(index) => {
                let name = self.variable(&self.part_names[*index as usize]);
                Code::place(quote!(#name))
            }
            K::HasRole(role) => {
                let (caller, role) = (&self.caller, self.plan.model.at(*role).name.to_string());
                Code::value(quote!(#caller.has_role(#role)))
            }
            K::Caller(identity) => {
                let (caller, identity) = (&self.caller, self.plan.model.at(*identity));
                let (ty, name) = (self.ty(&identity.ty), identity.name.to_string());
                Code::value(quote!(#caller.identity::<#ty>(#name)))
            }
            K::Now => Code::value(self.now.clone()),
            K::FailureMessage => Code::place(quote!(failure.message)),
            K::Get { of, field: index } => self.get(of, *index),
            K::GetIfPresent { of, field: index } => self.get_if_present(of, *index, expr),
            K::JoinElement(of) => self.part(of, "element"),
            K::JoinRow(of) => self.part(of, "row"),
            K::Index { map, key, proven } => self.index(map, key, *proven),
            K::Row { view, key } => {
                let (row, key) = (self.ty(&Ty::Row(*view)), self.borrowed(key));
                Code::value(quote!(rows.get::<#row>(#key).await?))
            }
            K::Proven(of) => self.proven(of),
            K::Not(of) => self.negated(of),
            K::Negate(of) => {
                let (exact, value) = (self.uses.runtime("value", "exact"), self.owned(of));
                Code::exact(quote!(-#exact(#value)), Binding::Unary)
            }
            K::And(a, b) => {
                let (a, b) = (self.code(a).at(Binding::And), self.code(b).at(Binding::And));
                Code::operation(quote!(#a && #b), Binding::And)
            }
            K::Or(a, b) => {
                let (a, b) = (self.code(a).at(Binding::Or), self.code(b).at(Binding::Or));
                Code::operation(quote!(#a || #b), Binding::Or)
            }
            K::Arithmetic(operator, a, b) => self.arithmetic(*operator, a, b),
            K::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            K::IsAbsent(of) => {
                let of = self.code(of).receiver();
                Code::value(quote!(#of.is_none()))
            }
            K::IsEmpty(of) => {
                let of = self.code(of).receiver();
                Code::value(quote!(#of.is_empty()))
            }
            K::Contains { collection, item } => {
                let (of, item) = (self.code(collection).receiver(), self.borrowed(item));
                let contains =
                    if matches!(collection.ty, Ty::Map(..)) { quote!(contains_key) } else { quote!(contains) };
                Code::value(quote!(#of.#contains(#item)))
            }
            K::Coalesce(a, b) => self.coalesce(a, b),
            K::If(condition, a, b) => {
                let (condition, a, b) = (self.code(condition).condition(), self.owned(a), self.owned(b));
                Code::operation(quote!(if #condition { #a } else { #b }), Binding::Block)
            }
            K::IfGiven { condition, .. } => self.code(condition),
            K::Keys(of) => self.collected(of, &quote!(keys().cloned())),
            K::Values(of) => self.collected(of, &quote!(values().cloned())),
            K::Size(of) => {
                let (size, receiver) = (self.number("size"), self.code(of).receiver());
                let count = match ty::plain(self.plan, &of.ty) {
                    Some(Base::Text) if ty::is_wrapped(self.plan, &of.ty) => quote!(as_str().chars().count()),
                    Some(Base::Text) => quote!(chars().count()),
                    _ => quote!(len()),
                };
                Code::value(quote!(#size(#receiver.#count)))
            }
            K::Map { of, each } => self.map(of, each),
            K::Filter { of, keep } => self.filter(of, keep),
            K::Any { of, holds } => self.quantified(of, holds, "any"),
            K::All { of, holds } => self.quantified(of, holds, "all"),
            K::Sum { of, each } => self.sum(of, each.as_ref()),
            K::Interpolate(pieces) => self.interpolate(pieces),
            // Where fields of one state are optional, they need no wrapping.
            K::Convert(Conversion::Wrap, of) if self.state_fields_optional && self.is_state_field_of(of) => {
                self.code(of)
            }
            K::Convert(conversion, of) => self.convert(conversion, self.code(of), &of.ty, &expr.ty),
            K::Poison => Code::value(quote!(())),
        }
    }

    /// `name: value, …`, short where both are the same.
    pub(crate) fn record(&self, names: &[&str], values: &[Expr]) -> TokenStream {
        let fields = names.iter().zip(values).map(|(name, value)| initializer(name, &self.owned(value)));
        quote!(#(#fields),*)
    }

    fn with_references(&self, references: HashMap<u32, bool>) -> Scope<'_> {
        Scope {
            plan: self.plan,
            uses: self.uses,
            aggregate: self.aggregate,
            state: self.state.clone(),
            id: self.id.clone(),
            params: self.params.clone(),
            param_names: self.param_names.clone(),
            given: self.given.clone(),
            payload: self.payload.clone(),
            payload_names: self.payload_names.clone(),
            envelope: self.envelope.clone(),
            row: self.row.clone(),
            view: self.view,
            column_names: self.column_names.clone(),
            caller: self.caller.clone(),
            now: self.now.clone(),
            part_names: self.part_names.clone(),
            references,
            state_fields_optional: self.state_fields_optional,
        }
    }

    /// The same scope with more variables that are references, or that are not.
    pub(crate) fn with_local(&self, local: &Local, reference: bool) -> Scope<'_> {
        let mut references = self.references.clone();
        references.insert(local.index, reference);
        self.with_references(references)
    }

    /// `let Some(name) = value`, and the scope of what follows, where `condition` is that the optional which `local` takes is present.
    /// `owned`: what follows may change what it was read from.
    pub(crate) fn if_present(
        &self,
        condition: &Expr,
        local: &Local,
        value: &Expr,
        owned: bool,
    ) -> Option<(TokenStream, Scope<'_>)> {
        let ExprKind::Not(absent) = &condition.kind else { return None };
        let (ExprKind::IsAbsent(_), ExprKind::Proven(of)) = (&absent.kind, &value.kind) else { return None };
        let (code, name) = (self.code(of), self.variable(&local.name));
        let owned = owned || code.is_value() || self.is_copy(&of.ty);
        let of = if owned { code.owned(self.is_copy(&of.ty)) } else { code.borrowed() };
        Some((quote!(let Some(#name) = #of), self.with_local(local, !owned)))
    }

    /// The same scope, in which these parameters are variables.
    pub(crate) fn with_given(&self, params: &[u32]) -> Scope<'_> {
        let mut scope = self.with_references(self.references.clone());
        scope.given.extend(params);
        scope
    }

    /// The column constant of a row: `OrderListRow::STATUS`.
    pub(crate) fn column(&self, view: Id<View>, index: u32) -> TokenStream {
        let row = self.ty(&Ty::Row(view));
        let name = ty::name(&screaming(&self.plan.model.at(view).get().columns[index as usize].name));
        quote!(#row::#name)
    }
}

/// `name: value`, or `name` where the value is a variable of that name.
pub(crate) fn initializer(name: &str, value: &TokenStream) -> TokenStream {
    let name = field(name);
    if name == value.to_string() { quote!(#name) } else { quote!(#name: #value) }
}
