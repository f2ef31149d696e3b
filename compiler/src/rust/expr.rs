//! Expressions: from the model's typed ones to Rust.
//!
//! Nothing is inferred here: a type is read off its node, a possible refusal is a `?`, and a conversion is a node of its own.

use std::collections::HashMap;

use minos_dsl::model::{
    Aggregate, Arithmetic, Base, Comparison, Conversion, Expr, ExprKind, Id, Lambda, Literal, Local, Piece, Ty, View,
};
use proc_macro2::{Ident, Literal as Token, TokenStream};
use quote::quote;

use crate::output::source_file::Uses;
use crate::plan::Plan;
use crate::rust::code::{Binding, Code};
use crate::rust::name::{field, pascal, screaming};
use crate::rust::ty;

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
    "decision", "event", "failure", "id", "missing", "parts", "reader", "recorded", "rows", "step", "whether",
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
                entered: Code::fallible(quote!(recorded.state())),
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
                Code::value(quote!(Vec::from([#(#items),*])))
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
            K::JoinElement(of) => self.half(of, 0),
            K::JoinRow(of) => self.half(of, 1),
            K::Index { map, key, proven } => self.index(map, key, *proven),
            K::Row { view, key } => {
                let (row, key) = (self.ty(&Ty::Row(*view)), self.borrowed(key));
                Code::value(quote!(rows.get::<#row>(#key).await?))
            }
            K::Proven(of) => self.proven(of),
            K::Not(of) => self.negated(of),
            K::Negate(of) => {
                let (negate, value) = (self.number("negate"), self.owned(of));
                Code::fallible(quote!(#negate(#value)))
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

    fn literal(&self, literal: &Literal, it: &Ty) -> Code {
        let plain = match literal {
            Literal::Bool(value) => quote!(#value),
            Literal::Int(value) => {
                let value = Token::i64_unsuffixed(*value);
                quote!(#value)
            }
            Literal::Decimal(value) => {
                let decimal = self.uses.runtime("value", "Decimal");
                match (value.is_zero(), i64::try_from(value.mantissa())) {
                    (true, _) => quote!(#decimal::ZERO),
                    (_, Ok(mantissa)) => {
                        let (mantissa, scale) = (Token::i64_unsuffixed(mantissa), Token::u32_unsuffixed(value.scale()));
                        quote!(#decimal::new(#mantissa, #scale))
                    }
                    (_, Err(_)) => {
                        let (mantissa, scale) =
                            (Token::i128_unsuffixed(value.mantissa()), Token::u32_unsuffixed(value.scale()));
                        quote!(#decimal::from_i128_with_scale(#mantissa, #scale))
                    }
                }
            }
            Literal::Text(text) if ty::is_wrapped(self.plan, it) => quote!(#text.to_owned()),
            Literal::Text(text) if text.is_empty() => quote!(String::new()),
            Literal::Text(text) => quote!(#text.to_owned()),
            Literal::Duration(micros) => {
                let duration = self.uses.runtime("value", "Duration");
                if micros % 1_000_000 == 0 {
                    let seconds = Token::i64_unsuffixed(micros / 1_000_000);
                    quote!(#duration::from_secs(#seconds))
                } else {
                    let micros = Token::i64_unsuffixed(*micros);
                    quote!(#duration::from_micros(#micros))
                }
            }
        };
        if ty::is_wrapped(self.plan, it) { self.refined(it, &plain) } else { Code::value(plain) }
    }

    /// A literal without its type's rule, to compare with.
    fn plain_literal(&self, expr: &Expr) -> Option<TokenStream> {
        let ExprKind::Literal(literal) = &expr.kind else { return None };
        let base = ty::plain(self.plan, &expr.ty)?;
        match literal {
            Literal::Text(text) => Some(quote!(#text)),
            _ => Some(self.literal(literal, &Ty::Base(base)).operand()),
        }
    }

    fn refined(&self, it: &Ty, plain: &TokenStream) -> Code {
        if ty::is_generic(self.plan, it) {
            // Which one is told by the place that it goes to.
            let refined = self.uses.runtime("value", "Refined");
            return Code::fallible(quote!(#refined::new(#plain)));
        }
        self.uses.bring("value", "Refined");
        let constructor = self.ty(it);
        Code::fallible(quote!(#constructor::new(#plain)))
    }

    fn of_state(&self, expr: &Expr) -> Code {
        let (state, Some(id)) = (&self.state, self.aggregate) else { return Code::value(quote!(())) };
        let aggregate = self.plan.model.at(id).get();
        match &expr.kind {
            ExprKind::Field(index) => {
                let it = &aggregate.fields[*index as usize];
                let name = field(&it.name);
                match (it.state, self.state_fields_optional) {
                    (None, _) => Code::place(quote!(#state.#name)),
                    (Some(_), true) => {
                        let owned = if self.is_copy(&it.ty) { quote!(copied) } else { quote!(cloned) };
                        let flat = it.ty.as_optional().map(|_| quote!(.flatten()));
                        Code::value(quote!(#state.#name().ok().#owned() #flat))
                    }
                    (Some(_), false) => Code::fallible_reference(quote!(#state.#name())),
                }
            }
            ExprKind::Computed(index) => {
                let name = field(&aggregate.computed[*index as usize].name);
                let call = quote!(#state.#name());
                if self.plan.computed_may_fail(id, *index) { Code::fallible(call) } else { Code::value(call) }
            }
            _ => {
                let lifecycle = aggregate.lifecycle.as_ref();
                let name = field(lifecycle.map_or("status", |it| &it.name));
                if lifecycle.is_some_and(|it| it.states.iter().any(|state| !state.fields.is_empty())) {
                    Code::value(quote!(#state.#name.status()))
                } else {
                    Code::place(quote!(#state.#name))
                }
            }
        }
    }

    fn param(&self, index: u32) -> Code {
        let name = field(&self.param_names[index as usize]);
        if self.given.contains(&index) {
            return Code::reference(quote!(#name));
        }
        match &self.params {
            Some(holder) => Code::place(quote!(#holder.#name)),
            None => Code::place(quote!(#name)),
        }
    }

    fn local(&self, local: &Local) -> Code {
        let name = self.variable(&local.name);
        if self.references.get(&local.index).copied().unwrap_or(false) {
            Code::reference(quote!(#name))
        } else {
            Code::place(quote!(#name))
        }
    }

    /// The name of a field of a value or of a column of a row.
    fn member(&self, of: &Ty, index: u32) -> Ident {
        let model = self.plan.model;
        match of {
            Ty::Value(id) => field(&model.at(*id).get().fields[index as usize].name),
            Ty::Row(id) => field(&model.at(*id).get().columns[index as usize].name),
            Ty::Optional(inner) => self.member(inner, index),
            Ty::Event(id) => field(&model.at(*id).get().payload[index as usize].name),
            Ty::Composed(id) => field(&model.at(*id).get().parts[index as usize].name),
            _ => field("member"),
        }
    }

    fn get(&self, of: &Expr, index: u32) -> Code {
        let (receiver, member) = (self.code(of), self.member(&of.ty, index));
        let tokens = receiver.receiver();
        match &of.ty {
            Ty::Row(view) => self.present_column(Some(*view), index, quote!(#tokens.#member)),
            _ => Code::place(quote!(#tokens.#member)),
        }
    }

    /// A column: where it may be absent although the spec's is not, its value, or a refusal.
    fn present_column(&self, view: Option<Id<View>>, index: u32, place: TokenStream) -> Code {
        if !view.is_some_and(|view| self.plan.column_may_be_absent(view, index)) {
            return Code::place(place);
        }
        let present = self.number("present");
        Code::fallible_reference(quote!(#present(#place.as_ref())))
    }

    fn get_if_present(&self, of: &Expr, index: u32, expr: &Expr) -> Code {
        let (code, member) = (self.code(of), self.member(&of.ty, index));
        let receiver = code.receiver();
        let inner = of.ty.as_optional().unwrap_or(&of.ty);
        let already_optional = match inner {
            Ty::Value(id) => self.plan.model.at(*id).get().fields[index as usize].ty.as_optional().is_some(),
            Ty::Row(id) => self.plan.column_ty(*id, index).as_optional().is_some(),
            _ => false,
        };
        let method = if already_optional { quote!(and_then) } else { quote!(map) };
        if code.is_value() {
            return Code::value(quote!(#receiver.#method(|it| it.#member)));
        }
        let copy = expr.ty.as_optional().is_some_and(|it| self.is_copy(it));
        let value = if copy { quote!(it.#member) } else { quote!(it.#member.clone()) };
        Code::value(quote!(#receiver.as_ref().#method(|it| #value)))
    }

    fn half(&self, of: &Expr, index: usize) -> Code {
        let (of, index) = (self.code(of).receiver(), Token::usize_unsuffixed(index));
        Code::place(quote!(#of.#index))
    }

    fn index(&self, map: &Expr, key: &Expr, _proven: bool) -> Code {
        let present = self.number("present");
        let (map, key) = (self.code(map).receiver(), self.borrowed(key));
        Code::fallible_reference(quote!(#present(#map.get(#key))))
    }

    fn proven(&self, of: &Expr) -> Code {
        match &of.kind {
            ExprKind::Param(index) if self.given.contains(index) => self.param(*index),
            ExprKind::Caller(identity) => {
                let (caller, identity) = (&self.caller, self.plan.model.at(*identity));
                let (ty, name) = (self.ty(&identity.ty), identity.name.to_string());
                Code::fallible(quote!(#caller.required::<#ty>(#name)))
            }
            _ => {
                let (present, code) = (self.number("present"), self.code(of));
                let receiver = code.receiver();
                if code.is_value() {
                    Code::fallible(quote!(#present(#receiver)))
                } else {
                    Code::fallible_reference(quote!(#present(#receiver.as_ref())))
                }
            }
        }
    }

    /// `not x`, by the opposite comparison where there is one.
    fn negated(&self, of: &Expr) -> Code {
        use Comparison as C;
        match &of.kind {
            ExprKind::Compare(comparison, a, b) if !self.is_optional_compare(a, b) => {
                let opposite = match comparison {
                    C::Equal => C::NotEqual,
                    C::NotEqual => C::Equal,
                    C::Less => C::GreaterOrEqual,
                    C::LessOrEqual => C::Greater,
                    C::Greater => C::LessOrEqual,
                    C::GreaterOrEqual => C::Less,
                };
                self.compare(opposite, a, b)
            }
            ExprKind::Not(inner) => self.code(inner),
            ExprKind::IsAbsent(inner) => {
                let inner = self.code(inner).receiver();
                Code::value(quote!(#inner.is_some()))
            }
            ExprKind::And(a, b) => {
                let (a, b) = (self.negated(a).at(Binding::Or), self.negated(b).at(Binding::Or));
                Code::operation(quote!(#a || #b), Binding::Or)
            }
            ExprKind::Or(a, b) => {
                let (a, b) = (self.negated(a).at(Binding::And), self.negated(b).at(Binding::And));
                Code::operation(quote!(#a && #b), Binding::And)
            }
            _ => {
                let of = self.code(of).at(Binding::Unary);
                Code::operation(quote!(!#of), Binding::Unary)
            }
        }
    }

    /// What an `if … else refuse` refuses on.
    pub(crate) fn negated_condition(&self, condition: &Expr) -> TokenStream {
        self.negated(condition).condition()
    }

    fn arithmetic(&self, operator: Arithmetic, a: &Expr, b: &Expr) -> Code {
        use Arithmetic as A;
        let (of_a, of_b) = (ty::plain(self.plan, &a.ty), ty::plain(self.plan, &b.ty));
        let (function, fails) = match (operator, of_a, of_b) {
            (A::Add, Some(Base::Timestamp), _) => ("later", true),
            (A::Subtract, Some(Base::Timestamp), Some(Base::Timestamp)) => ("between", false),
            (A::Subtract, Some(Base::Timestamp), _) => ("earlier", true),
            (A::Add, Some(Base::Duration), _) => ("longer", true),
            (A::Subtract, Some(Base::Duration), _) => ("shorter", true),
            (A::Add, ..) => ("add", true),
            (A::Subtract, ..) => ("subtract", true),
            (A::Multiply, ..) => ("multiply", true),
            (A::Divide, ..) => ("divide", true),
            (A::Remainder, ..) => ("remainder", true),
        };
        let (function, a, b) = (self.number(function), self.plain(a), self.plain(b));
        let call = quote!(#function(#a, #b));
        if fails { Code::fallible(call) } else { Code::value(call) }
    }

    /// The plain value of what may be refined.
    fn plain(&self, expr: &Expr) -> TokenStream {
        if let Some(literal) = self.plain_literal(expr) {
            return literal;
        }
        self.dropped(self.code(expr), &expr.ty).owned(self.is_copy(&expr.ty))
    }

    fn is_optional_compare(&self, a: &Expr, b: &Expr) -> bool {
        a.ty.as_optional().is_some() || b.ty.as_optional().is_some()
    }

    fn compare(&self, comparison: Comparison, a: &Expr, b: &Expr) -> Code {
        use Comparison as C;
        let operator = match comparison {
            C::Equal => quote!(==),
            C::NotEqual => quote!(!=),
            C::Less => quote!(<),
            C::LessOrEqual => quote!(<=),
            C::Greater => quote!(>),
            C::GreaterOrEqual => quote!(>=),
        };
        if let (Some(literal), false) = (self.plain_literal(b), matches!(a.kind, ExprKind::Literal(_))) {
            let a = self.compared_plain(a);
            return Code::operation(quote!(#a #operator #literal), Binding::Compare);
        }
        if let Some(literal) = self.plain_literal(a) {
            let b = self.compared_plain(b);
            return Code::operation(quote!(#literal #operator #b), Binding::Compare);
        }
        let surely_present = |it: &Expr| matches!(it.kind, ExprKind::Convert(Conversion::Wrap, _));
        let (left, right) = (self.code(a), self.code(b));
        let (x, y) = (left.operand(), right.operand());
        let compared = Code::operation(quote!(#x #operator #y), Binding::Compare);
        if !self.is_optional_compare(a, b) || surely_present(a) || surely_present(b) {
            return compared;
        }
        // Nothing equals what is absent.
        let (receiver, both) = (left.receiver(), compared.at(Binding::And));
        match comparison {
            C::NotEqual => Code::operation(quote!(#receiver.is_none() || #both), Binding::Or),
            _ => Code::operation(quote!(#receiver.is_some() && #both), Binding::And),
        }
    }

    /// Beside a plain literal.
    fn compared_plain(&self, expr: &Expr) -> TokenStream {
        let code = self.code(expr);
        match (ty::is_wrapped(self.plan, &expr.ty), ty::plain(self.plan, &expr.ty)) {
            (true, Some(Base::Text)) => {
                let receiver = code.receiver();
                quote!(#receiver.as_str())
            }
            (true, _) => self.dropped(code, &expr.ty).operand(),
            _ => code.operand(),
        }
    }

    fn coalesce(&self, a: &Expr, b: &Expr) -> Code {
        let first = self.owned(a);
        if self.may_fail(b) {
            let b = self.owned(b);
            return Code::operation(quote!(match #first { Some(it) => it, None => #b }), Binding::Block);
        }
        if matches!(&b.kind, ExprKind::Literal(Literal::Text(text)) if text.is_empty()) {
            return Code::value(quote!(#first.unwrap_or_default()));
        }
        let cheap = matches!(
            b.kind,
            ExprKind::Literal(Literal::Bool(_) | Literal::Int(_)) | ExprKind::Case(..) | ExprKind::State(..)
        );
        let b = self.owned(b);
        Code::value(if cheap { quote!(#first.unwrap_or(#b)) } else { quote!(#first.unwrap_or_else(|| #b)) })
    }

    fn collected(&self, of: &Expr, items: &TokenStream) -> Code {
        let of = self.code(of).receiver();
        Code::value(quote!(#of.#items.collect::<Vec<_>>()))
    }

    /// `list.iter()`, and whether its elements are references: what is only passed through is not collected first.
    fn iterated(&self, of: &Expr) -> TokenStream {
        match &of.kind {
            ExprKind::Values(map) => {
                let map = self.code(map).receiver();
                quote!(#map.values())
            }
            ExprKind::Keys(map) => {
                let map = self.code(map).receiver();
                quote!(#map.keys())
            }
            _ => {
                let of = self.code(of).receiver();
                quote!(#of.iter())
            }
        }
    }

    /// The parameter and the scope of a lambda over references.
    fn within(&self, lambda: &Lambda) -> (Ident, Scope<'_>) {
        let mut references = self.references.clone();
        references.insert(lambda.param.index, true);
        (self.variable(&lambda.param.name), self.with_references(references))
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

    fn map(&self, of: &Expr, each: &Lambda) -> Code {
        let (items, (param, scope)) = (self.iterated(of), self.within(each));
        if scope.may_fail(&each.body) {
            let (result, refusal) = (scope.as_result(&each.body), self.uses.runtime("refusal", "Refusal"));
            return Code::fallible(quote!(#items.map(|#param| #result).collect::<Result<Vec<_>, #refusal>>()));
        }
        let body = scope.owned(&each.body);
        Code::value(quote!(#items.map(|#param| #body).collect::<Vec<_>>()))
    }

    fn filter(&self, of: &Expr, keep: &Lambda) -> Code {
        let (items, (param, scope)) = (self.iterated(of), self.within(keep));
        if scope.may_fail(&keep.body) {
            let (each, result) = (self.uses.runtime("value", "each"), scope.as_result(&keep.body));
            return Code::fallible(quote!(#each::filter(#items, |#param| #result)));
        }
        let body = scope.code(&keep.body).condition();
        let copied = if of.ty.element().is_some_and(|it| self.is_copy(it)) { quote!(copied) } else { quote!(cloned) };
        Code::value(quote!(#items.filter(|#param| #body).#copied().collect::<Vec<_>>()))
    }

    fn quantified(&self, of: &Expr, holds: &Lambda, method: &str) -> Code {
        let (items, (param, scope), method) = (self.iterated(of), self.within(holds), field(method));
        if scope.may_fail(&holds.body) {
            let (each, result) = (self.uses.runtime("value", "each"), scope.as_result(&holds.body));
            return Code::fallible(quote!(#each::#method(#items, |#param| #result)));
        }
        let body = scope.code(&holds.body).condition();
        Code::value(quote!(#items.#method(|#param| #body)))
    }

    fn sum(&self, of: &Expr, each: Option<&Lambda>) -> Code {
        // `values().map(drop).sum()` sums what is within; a conversion of all elements is done on the way.
        if let (ExprKind::Convert(Conversion::Elements(steps), inner), None) = (&of.kind, each) {
            let element = inner.ty.element().cloned().unwrap_or(Ty::Poison);
            let target = of.ty.element().cloned().unwrap_or(Ty::Poison);
            if !steps.iter().any(Conversion::may_fail) {
                let (items, sum) = (self.iterated(inner), self.number("sum"));
                let value = self
                    .convert_all(steps, Code::reference(quote!(it)), &element, &target)
                    .owned(self.is_copy(&target));
                return Code::fallible(quote!(#sum(#items.map(|it| #value))));
            }
        }
        let items = self.iterated(of);
        let element = of.ty.element().cloned().unwrap_or(Ty::Poison);
        let Some(each) = each else {
            let sum = self.number("sum");
            let value = self.dropped(Code::reference(quote!(it)), &element);
            if ty::is_wrapped(self.plan, &element) {
                let value = value.owned(true);
                return Code::fallible(quote!(#sum(#items.map(|it| #value))));
            }
            return Code::fallible(quote!(#sum(#items.copied())));
        };
        let (param, scope) = self.within(each);
        if scope.may_fail(&each.body) {
            let (sum, code) = (self.number("try_sum"), scope.dropped(scope.code(&each.body), &each.body.ty));
            let result = code.as_result(true);
            return Code::fallible(quote!(#sum(#items.map(|#param| #result))));
        }
        let (sum, value) = (self.number("sum"), scope.dropped(scope.code(&each.body), &each.body.ty).owned(true));
        Code::fallible(quote!(#sum(#items.map(|#param| #value))))
    }

    fn interpolate(&self, pieces: &[Piece]) -> Code {
        let mut format = String::new();
        let mut values = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
                Piece::Expr(expr) => {
                    format.push_str("{}");
                    values.push(self.code(expr).receiver());
                }
            }
        }
        Code::value(quote!(format!(#format #(, #values)*)))
    }

    /// Without its type's rule.
    fn dropped(&self, code: Code, from: &Ty) -> Code {
        if !ty::is_wrapped(self.plan, from) {
            return code;
        }
        let receiver = code.receiver();
        match from {
            Ty::List(..) => Code::slice(receiver),
            Ty::Set(..) | Ty::Map(..) => {
                self.uses.bring("value", "Refined");
                Code::value(quote!(#receiver.plain()))
            }
            _ if ty::plain(self.plan, from) == Some(Base::Text) => {
                self.uses.bring("value", "Refined");
                Code::value(quote!(#receiver.plain()))
            }
            _ => Code::value(quote!(#receiver.get())),
        }
    }

    fn convert(&self, conversion: &Conversion, code: Code, from: &Ty, to: &Ty) -> Code {
        use Conversion as C;
        match conversion {
            C::Drop => self.dropped(code, from),
            C::Loosen => code,
            C::Refine | C::Widen => {
                let plain = self.dropped(code, from).owned(self.is_copy(from));
                if ty::is_wrapped(self.plan, to) { self.refined(to, &plain) } else { Code::value(plain) }
            }
            C::IntToDecimal => {
                let (decimal, value) = (self.uses.runtime("value", "Decimal"), self.dropped(code, from).owned(true));
                Code::value(quote!(#decimal::from(#value)))
            }
            C::Wrap => {
                let value = code.owned(self.is_copy(from));
                Code::value(quote!(Some(#value)))
            }
            C::InOptional(steps) => {
                let (from, to) = (from.as_optional().unwrap_or(from), to.as_optional().unwrap_or(to));
                let value = code.owned(self.is_copy(from));
                let inner = self.convert_all(steps, Code::place(quote!(it)), from, to);
                let fails = steps.iter().any(|step| step.may_fail() || *step == C::Widen);
                if fails {
                    let result = inner.as_result(self.is_copy(to));
                    Code::fallible(quote!(#value.map(|it| #result).transpose()))
                } else {
                    let inner = inner.owned(true);
                    Code::value(quote!(#value.map(|it| #inner)))
                }
            }
            C::Elements(steps) => self.convert_elements(steps, &code, from, to),
        }
    }

    fn convert_elements(&self, steps: &[Conversion], code: &Code, from: &Ty, to: &Ty) -> Code {
        let (receiver, collection) = (code.receiver(), self.ty(&without_rule(to)));
        let (element, target) = (from.element().unwrap_or(from), to.element().unwrap_or(to));
        let inner = self.convert_all(steps, Code::reference(quote!(it)), element, target);
        let fails = steps.iter().any(|step| step.may_fail() || *step == Conversion::Widen);
        let is_map = matches!(from, Ty::Map(..));
        let (pattern, refusal) =
            (if is_map { quote!((key, it)) } else { quote!(it) }, self.uses.runtime("refusal", "Refusal"));
        let copy = self.is_copy(target);
        if fails {
            let result = inner.as_result(copy);
            let result = if is_map { quote!(#result.map(|it| (key.clone(), it))) } else { result };
            Code::fallible(quote!(#receiver.iter().map(|#pattern| #result).collect::<Result<#collection, #refusal>>()))
        } else {
            let value = inner.owned(copy);
            let value = if is_map { quote!((key.clone(), #value)) } else { value };
            Code::value(quote!(#receiver.iter().map(|#pattern| #value).collect::<#collection>()))
        }
    }

    /// Conversions one after the other; the types between are those that each step makes.
    fn convert_all(&self, steps: &[Conversion], mut code: Code, from: &Ty, to: &Ty) -> Code {
        let mut current = from.clone();
        for (index, step) in steps.iter().enumerate() {
            let last = index + 1 == steps.len();
            let next = match step {
                _ if last => to.clone(),
                Conversion::Drop => ty::plain(self.plan, &current).map_or_else(|| without_rule(&current), Ty::Base),
                Conversion::IntToDecimal => Ty::Base(Base::Decimal),
                Conversion::Wrap => current.clone().optional(),
                _ => to.clone(),
            };
            code = self.convert(step, code, &current, &next);
            current = next;
        }
        code
    }

    /// The column constant of a row: `OrderListRow::STATUS`.
    pub(crate) fn column(&self, view: Id<View>, index: u32) -> TokenStream {
        let row = self.ty(&Ty::Row(view));
        let name = ty::name(&screaming(&self.plan.model.at(view).get().columns[index as usize].name));
        quote!(#row::#name)
    }
}

/// The collection's type without its rule.
fn without_rule(it: &Ty) -> Ty {
    match it {
        Ty::List(element, _) => Ty::List(element.clone(), None),
        Ty::Set(element, _) => Ty::Set(element.clone(), None),
        Ty::Map(key, value, _) => Ty::Map(key.clone(), value.clone(), None),
        other => other.clone(),
    }
}

/// `name: value`, or `name` where the value is a variable of that name.
pub(crate) fn initializer(name: &str, value: &TokenStream) -> TokenStream {
    let name = field(name);
    if name == value.to_string() { quote!(#name) } else { quote!(#name: #value) }
}
