//! Statements of commands and timers.

use minos_dsl::model::{Emit, Event, Expr, ExprKind, Id, Raise, Statement};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::plan::Plan;
use crate::rust::expr::Scope;
use crate::rust::name::field;

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
                let (name, value) = (field(&local.name), scope.owned(value));
                quote!(#bind let #name = #value;)
            }
            Statement::Require { condition, otherwise } => {
                let bind = self.bind_for(std::iter::once(condition).chain(&otherwise.arguments));
                let (fails, error) = (scope.negated_condition(condition), raise(scope, otherwise));
                quote!(#bind if #fails { let refusal = #error; return Err(refusal.into()); })
            }
            Statement::If { condition, then, otherwise } if otherwise.is_empty() && self.is_alone(then) => {
                self.both(scope, condition, &then[0])
            }
            Statement::If { condition, then, otherwise } => {
                let bind = self.bind_for([condition]);
                let condition = scope.code(condition).condition();
                let bound = self.bound;
                let then_tokens = self.block(scope, then);
                self.bound = bound;
                let otherwise_tokens = self.block(scope, otherwise);
                // What was bound within ends with its block; what was emitted within makes an older state stale.
                self.bound = bound && !Plan::emits(then) && !Plan::emits(otherwise);
                if otherwise.is_empty() {
                    quote!(#bind if #condition { #then_tokens })
                } else {
                    quote!(#bind if #condition { #then_tokens } else { #otherwise_tokens })
                }
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

    /// Whether a block is one more condition: two of them are one `if`.
    fn is_alone(&self, block: &[Statement]) -> bool {
        match block {
            [Statement::If { otherwise, .. }] if !otherwise.is_empty() => false,
            [Statement::If { condition, .. } | Statement::Require { condition, .. }] => {
                self.bound || !reads_state(condition)
            }
            _ => false,
        }
    }

    /// `if condition { inner }` as one.
    fn both(&mut self, scope: &Scope<'_>, condition: &Expr, inner: &Statement) -> TokenStream {
        let and = |other: Expr| {
            let (ty, span) = (other.ty.clone(), other.span);
            Expr { kind: ExprKind::And(Box::new(condition.clone()), Box::new(other)), ty, span }
        };
        match inner {
            Statement::If { condition, then, otherwise } => {
                let both = Statement::If {
                    condition: and(condition.clone()),
                    then: then.clone(),
                    otherwise: otherwise.clone(),
                };
                self.statement(scope, &both)
            }
            Statement::Require { condition: required, otherwise } => {
                let (ty, span) = (required.ty.clone(), required.span);
                let fails = and(Expr { kind: ExprKind::Not(Box::new(required.clone())), ty, span });
                let bind = self.bind_for(std::iter::once(&fails).chain(&otherwise.arguments));
                let (fails, error) = (scope.code(&fails).condition(), raise(scope, otherwise));
                quote!(#bind if #fails { let refusal = #error; return Err(refusal.into()); })
            }
            _ => TokenStream::new(),
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
