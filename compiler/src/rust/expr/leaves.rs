//! What expressions end in: literals, the state, parameters, variables, parts of values and rows.

use minos_dsl::model::{Expr, ExprKind, Id, Literal, Local, Ty, View};
use proc_macro2::{Ident, Literal as Token, TokenStream};
use quote::quote;

use super::Scope;
use crate::rust::code::Code;
use crate::rust::name::field;
use crate::rust::ty;

impl Scope<'_> {
    pub(super) fn literal(&self, literal: &Literal, it: &Ty) -> Code {
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
    pub(super) fn plain_literal(&self, expr: &Expr) -> Option<TokenStream> {
        let ExprKind::Literal(literal) = &expr.kind else { return None };
        let base = ty::plain(self.plan, &expr.ty)?;
        match literal {
            Literal::Text(text) => Some(quote!(#text)),
            _ => Some(self.literal(literal, &Ty::Base(base)).operand()),
        }
    }

    pub(super) fn refined(&self, it: &Ty, plain: &TokenStream) -> Code {
        if ty::is_generic(self.plan, it) {
            // Which one is told by the place that it goes to.
            let refined = self.uses.runtime("value", "Refined");
            return Code::fallible(quote!(#refined::new(#plain)));
        }
        self.uses.bring("value", "Refined");
        let constructor = self.ty(it);
        Code::fallible(quote!(#constructor::new(#plain)))
    }

    pub(super) fn of_state(&self, expr: &Expr) -> Code {
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
                    Code::value(quote!(#state.#name.name()))
                } else {
                    Code::place(quote!(#state.#name))
                }
            }
        }
    }

    pub(super) fn param(&self, index: u32) -> Code {
        let name = field(&self.param_names[index as usize]);
        if self.given.contains(&index) {
            return Code::reference(quote!(#name));
        }
        match &self.params {
            Some(holder) => Code::place(quote!(#holder.#name)),
            None => Code::place(quote!(#name)),
        }
    }

    pub(super) fn local(&self, local: &Local) -> Code {
        let name = self.variable(&local.name);
        if self.references.get(&local.index).copied().unwrap_or(false) {
            Code::reference(quote!(#name))
        } else {
            Code::place(quote!(#name))
        }
    }

    /// The name of a field of a value or of a column of a row.
    pub(super) fn member(&self, of: &Ty, index: u32) -> Ident {
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

    pub(super) fn get(&self, of: &Expr, index: u32) -> Code {
        let (receiver, member) = (self.code(of), self.member(&of.ty, index));
        let tokens = receiver.receiver();
        match &of.ty {
            Ty::Row(view) => self.present_column(Some(*view), index, quote!(#tokens.#member)),
            _ => Code::place(quote!(#tokens.#member)),
        }
    }

    /// A column: where it may be absent although the spec's is not, its value, or a refusal.
    pub(super) fn present_column(&self, view: Option<Id<View>>, index: u32, place: TokenStream) -> Code {
        if !view.is_some_and(|view| self.plan.column_may_be_absent(view, index)) {
            return Code::place(place);
        }
        let present = self.number("present");
        Code::fallible_reference(quote!(#present(#place.as_ref())))
    }

    pub(super) fn get_if_present(&self, of: &Expr, index: u32, expr: &Expr) -> Code {
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

    /// A part of an element joined with its row.
    pub(super) fn part(&self, of: &Expr, name: &str) -> Code {
        let (of, name) = (self.code(of).receiver(), field(name));
        Code::place(quote!(#of.#name))
    }

    pub(super) fn index(&self, map: &Expr, key: &Expr, _proven: bool) -> Code {
        let present = self.number("present");
        let (map, key) = (self.code(map).receiver(), self.borrowed(key));
        Code::fallible_reference(quote!(#present(#map.get(#key))))
    }

    pub(super) fn proven(&self, of: &Expr) -> Code {
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
}
