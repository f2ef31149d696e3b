//! Statements of commands and timers.

use minos_dsl::model::{Emit, Event, Expr, ExprKind, Id, Raise, Statement};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::plan::Plan;
use crate::rust::code::conditional;
use crate::rust::expr::Scope;

/// The body of a `decide`: `decision` is in scope; the aggregate's state is bound to `state` where it is read.
pub(crate) fn body(scope: &Scope<'_>, state: &Ident, statements: &[Statement]) -> TokenStream {
    let mut writer = Writer { state: state.clone(), bound: false };
    let (last, before) = match statements.split_last() {
        Some((Statement::Emit(emit), before)) => (Some(emit), before),
        Some((Statement::Done, before)) => (None, before),
        _ => (None, statements),
    };
    let mut tokens = writer.block(scope, before);
    match last {
        Some(emit) => {
            let bind = writer.bind_for(emit.payload.iter());
            let call = emit_call(scope, emit);
            tokens.extend(quote!(#bind #call));
        }
        None => tokens.extend(quote!(Ok(()))),
    }
    tokens
}

struct Writer {
    state: Ident,
    /// Whether the state is bound, as it stands now.
    bound: bool,
}

impl Writer {
    fn block(&mut self, scope: &Scope<'_>, statements: &[Statement]) -> TokenStream {
        let mut tokens = TokenStream::new();
        for statement in statements {
            tokens.extend(self.statement(scope, statement));
        }
        tokens
    }

    fn statement(&mut self, scope: &Scope<'_>, statement: &Statement) -> TokenStream {
        match statement {
            Statement::Let { local, value } => {
                let bind = self.bind_for([value]);
                let (name, value) = (scope.variable(&local.name), scope.owned(value));
                quote!(#bind let #name = #value;)
            }
            Statement::Require { condition, otherwise } => {
                let bind = self.bind_for(std::iter::once(condition).chain(&otherwise.arguments));
                let (fails, error) = (scope.negated_condition(condition), raise(scope, otherwise));
                quote!(#bind if #fails { let refusal = #error; return Err(refusal.into()); })
            }
            Statement::If { condition, then, otherwise } => {
                let bind = self.bind_for([condition]);
                let present = match then.split_first() {
                    Some((Statement::Let { local, value }, rest)) => {
                        scope.if_present(condition, local, value, Plan::emits(then)).map(|it| (it, rest))
                    }
                    _ => None,
                };
                let (condition, inner, block) = match &present {
                    Some(((condition, inner), rest)) => (condition.clone(), inner, *rest),
                    None => (scope.code(condition).condition(), scope, then.as_slice()),
                };
                let bound = self.bound;
                let then_tokens = self.block(inner, block);
                self.bound = bound;
                let otherwise_tokens = self.block(scope, otherwise);
                // What was bound within ends with its block; what was emitted within makes an older state stale.
                self.bound = bound && !Plan::emits(then) && !Plan::emits(otherwise);
                let tokens = conditional(&condition, &then_tokens, &otherwise_tokens);
                quote!(#bind #tokens)
            }
            Statement::Done => quote!(return Ok(());),
            Statement::Emit(emit) => {
                let bind = self.bind_for(emit.payload.iter());
                let call = emit_call(scope, emit);
                self.bound = false;
                quote!(#bind #call?;)
            }
        }
    }

    /// Binds the state where one of these reads it and it is not bound.
    fn bind_for<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) -> Option<TokenStream> {
        let reads = expressions.into_iter().any(reads_state);
        if !reads || self.bound {
            return None;
        }
        self.bound = true;
        let state = &self.state;
        Some(quote!(let #state = decision.state()?;))
    }
}

/// Whether it reads the aggregate's state.
pub(crate) fn reads_state(expr: &Expr) -> bool {
    expr.any(|node| matches!(node.kind, ExprKind::Field(_) | ExprKind::Computed(_) | ExprKind::Status))
}

/// `decision.emit(Placed { … })`.
fn emit_call(scope: &Scope<'_>, emit: &Emit) -> TokenStream {
    let event = event_value(scope, emit.event, &emit.payload);
    quote!(decision.emit(#event))
}

fn event_value(scope: &Scope<'_>, event: Id<Event>, payload: &[Expr]) -> TokenStream {
    let event = scope.plan.model.at(event);
    let place = scope.plan.event_place(event);
    let name = scope.uses.item(&place.module, &place.name);
    if payload.is_empty() {
        return quote!(#name {});
    }
    let names: Vec<&str> = event.get().payload.iter().map(|it| it.name.as_str()).collect();
    let fields = scope.record(&names, payload);
    quote!(#name { #fields })
}

/// `CreditExceeded { … }`.
pub(crate) fn raise(scope: &Scope<'_>, raise: &Raise) -> TokenStream {
    let error = scope.plan.model.at(raise.error);
    let place = scope.plan.error_place(error);
    let name = scope.uses.item(&place.module, &place.name);
    let names: Vec<&str> = error.get().fields.iter().map(|it| it.name.as_str()).collect();
    let fields = scope.record(&names, &raise.arguments);
    quote!(#name { #fields })
}
