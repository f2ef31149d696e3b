//! What events do to the state: the bodies of `create` and `apply`.

use minos_dsl::model::{Aggregate, Cursor, Effect, Event, Expr, ExprKind, Field, Lifecycle, Ty};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::has_data;
use crate::output::source_file::Uses;
use crate::plan::Plan;
use crate::rust::code::{Code, conditional};
use crate::rust::expr::{Scope, initializer};
use crate::rust::name::{field, ident, pascal};
use crate::rust::ty;

pub(super) fn effects_read_id(effects: &[Effect]) -> bool {
    read(effects, &|kind| matches!(kind, ExprKind::SelfId | ExprKind::EventStream))
}

pub(super) fn reads_payload(effects: &[Effect]) -> bool {
    read(effects, &|kind| matches!(kind, ExprKind::Payload(_)))
}

/// Whether effects read what `wanted` accepts.
pub(in crate::emit) fn read(effects: &[Effect], wanted: &dyn Fn(&ExprKind) -> bool) -> bool {
    let reads = |expr: &Expr| expr.any(|node| wanted(&node.kind));
    effects.iter().any(|effect| match effect {
        Effect::Let { value, .. } | Effect::Assign { value, .. } => reads(value),
        Effect::Insert { key, value, .. } => reads(key) || reads(value),
        Effect::Remove { key, .. } => reads(key),
        Effect::Add { element, .. } => reads(element),
        Effect::If { condition, then, otherwise } => reads(condition) || read(then, wanted) || read(otherwise, wanted),
        Effect::For { of, body, .. } => reads(of) || read(body, wanted),
        Effect::Enter { .. } => false,
    })
}

pub(super) fn event_scope<'a>(
    plan: &'a Plan<'a>,
    uses: &'a Uses,
    event: Cursor<'_, Event>,
    state: TokenStream,
) -> Scope<'a> {
    let mut scope = Scope::new(plan, uses);
    scope.aggregate = Some(event.get().aggregate);
    scope.state = state;
    scope.envelope.id = Code::reference(quote!(id));
    scope.payload_names = event.payload.iter().map(|it| it.name.to_string()).collect();
    scope
}

/// The match of `create`.
pub(super) fn create<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>, all: &Ident) -> TokenStream {
    let creating: Vec<Cursor<'m, Event>> = aggregate.events().filter(|it| it.creates).collect();
    let others = aggregate.events().any(|it| !it.creates).then(|| quote!(_ => return Ok(None),));
    let arms = creating.into_iter().map(|event| {
        let name = ident(&plan.event_name(event));
        let scope = event_scope(plan, uses, event, quote!(state));
        let (literal, rest) = initial(&scope, aggregate, event);
        let binding = if reads_payload(&event.effects) { quote!(event) } else { quote!(_) };
        if rest.is_empty() {
            quote!(#all::#name(#binding) => #literal,)
        } else {
            quote!(#all::#name(#binding) => { let mut state = #literal; #rest state })
        }
    });
    quote!(let state = match event { #(#arms)* #others }; Ok(Some(state)))
}

/// The struct literal of a new state, and what is done to it beyond.
pub(super) fn initial<'m>(
    scope: &Scope<'_>,
    aggregate: Cursor<'m, Aggregate>,
    event: Cursor<'m, Event>,
) -> (TokenStream, TokenStream) {
    let effects = &event.get().effects;
    let assigned = |index: u32| {
        effects.iter().find_map(|effect| match effect {
            Effect::Assign { field, value } if *field == index => Some(value),
            _ => None,
        })
    };
    let fields = aggregate.common_fields().map(|(index, it)| {
        let value = assigned(index).map_or_else(|| default_of(scope, &it.ty), |value| scope.owned(value));
        initializer(&it.name, &value)
    });
    let lifecycle = aggregate.get().lifecycle.as_ref().map(|lifecycle| {
        let entered =
            effects.iter().find_map(|effect| if let Effect::Enter { state } = effect { Some(*state) } else { None });
        let value = entered_value(scope, aggregate, lifecycle, entered.unwrap_or_default(), effects);
        initializer(&lifecycle.name, &value)
    });
    let rest: TokenStream = effects
        .iter()
        .filter(|effect| !matches!(effect, Effect::Assign { .. } | Effect::Enter { .. }))
        .map(|effect| one(scope, aggregate, effect, effects))
        .collect();
    (quote!(Self { #(#fields,)* #lifecycle }), rest)
}

/// Collections begin empty, optionals absent.
pub(super) fn default_of(scope: &Scope<'_>, it: &Ty) -> TokenStream {
    match it {
        Ty::Optional(_) => quote!(None),
        _ if it.is_collection() && ty::is_wrapped(scope.plan, it) => {
            scope.uses.bring("value", "Refined");
            let name = scope.ty(it);
            quote!(#name::new(Default::default())?)
        }
        Ty::List(..) => quote!(Vec::new()),
        Ty::Map(..) => {
            let map = scope.uses.item("std::collections", "BTreeMap");
            quote!(#map::new())
        }
        Ty::Set(..) => {
            let set = scope.uses.item("std::collections", "BTreeSet");
            quote!(#set::new())
        }
        _ => quote!(Default::default()),
    }
}

/// `OrderLifecycle::Approved { payment: … }`.
pub(super) fn entered_value(
    scope: &Scope<'_>,
    aggregate: Cursor<'_, Aggregate>,
    lifecycle: &Lifecycle,
    state: u32,
    effects: &[Effect],
) -> TokenStream {
    let state = &lifecycle.states[state as usize];
    let kind = if has_data(lifecycle) { "Lifecycle" } else { "Status" };
    let (all, variant) = (ident(&format!("{}{kind}", pascal(&aggregate.name))), ident(&pascal(&state.name)));
    if state.fields.is_empty() {
        return quote!(#all::#variant);
    }
    let values = state.fields.iter().map(|index| {
        let it = &scope.plan.model.at(aggregate.id()).get().fields[*index as usize];
        let given = effects.iter().find_map(|effect| match effect {
            Effect::Assign { field, value } if field == index => Some(scope.owned(value)),
            _ => None,
        });
        initializer(&it.name, &given.unwrap_or_else(|| default_of(scope, &it.ty)))
    });
    quote!(#all::#variant { #(#values),* })
}

/// The match of `apply`.
pub(super) fn apply<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>, all: &Ident) -> TokenStream {
    let mut idle = Vec::new();
    let mut arms = Vec::new();
    for event in aggregate.events() {
        let name = ident(&plan.event_name(event));
        let effects = &event.get().effects;
        if event.creates || effects.is_empty() {
            idle.push(quote!(#all::#name(_)));
            continue;
        }
        let scope = event_scope(plan, uses, event, quote!(self));
        let body: TokenStream = effects.iter().map(|effect| one(&scope, aggregate, effect, effects)).collect();
        let binding = if reads_payload(effects) { quote!(event) } else { quote!(_) };
        arms.push(quote!(#all::#name(#binding) => { #body }));
    }
    let idle = (!idle.is_empty()).then(|| quote!(#(#idle)|* => {}));
    quote!(match event { #idle #(#arms)* } Ok(()))
}

/// One effect. `siblings` are those beside it: a state's fields are set as it is entered.
pub(super) fn one<'m>(
    scope: &Scope<'_>,
    aggregate: Cursor<'m, Aggregate>,
    effect: &Effect,
    siblings: &[Effect],
) -> TokenStream {
    let state = &scope.state;
    let it = aggregate.get();
    let name_of = |index: u32| field(&it.fields[index as usize].name);
    match effect {
        Effect::Let { local, value } => {
            let (name, value) = (scope.variable(&local.name), scope.owned(value));
            quote!(let #name = #value;)
        }
        Effect::Assign { field: index, value } => match it.fields[*index as usize].state {
            None => {
                let (name, value) = (name_of(*index), scope.owned(value));
                quote!(#state.#name = #value;)
            }
            Some(of) => assign_in_state(scope, aggregate, *index, of, value, siblings),
        },
        Effect::Insert { field: index, key, value } => {
            let (key, value) = (scope.owned(key), scope.owned(value));
            changed(scope, &it.fields[*index as usize], &quote!(insert(#key, #value)))
        }
        Effect::Remove { field: index, key } => {
            let key = scope.borrowed(key);
            let of = &it.fields[*index as usize];
            let call =
                if matches!(of.ty, Ty::List(..)) { quote!(retain(|it| it != #key)) } else { quote!(remove(#key)) };
            changed(scope, of, &call)
        }
        Effect::Add { field: index, element } => {
            let (of, element) = (&it.fields[*index as usize], scope.owned(element));
            let call = if matches!(of.ty, Ty::Set(..)) { quote!(insert(#element)) } else { quote!(push(#element)) };
            changed(scope, of, &call)
        }
        Effect::If { condition, then, otherwise } => {
            let bound = match then.split_first() {
                Some((Effect::Let { local, value }, rest)) => {
                    scope.if_present(condition, local, value, true).map(|it| (it, rest))
                }
                _ => None,
            };
            let (condition, inner, then) = match &bound {
                Some(((condition, inner), rest)) => (condition.clone(), inner, *rest),
                None => (scope.code(condition).condition(), scope, then.as_slice()),
            };
            let then: TokenStream = then.iter().map(|it| one(inner, aggregate, it, siblings)).collect();
            let otherwise: TokenStream = otherwise.iter().map(|it| one(scope, aggregate, it, siblings)).collect();
            conditional(&condition, &then, &otherwise)
        }
        Effect::For { each, of, body, .. } => {
            // What the body changes may be what is walked over.
            let (name, of) = (scope.variable(&each.name), scope.owned(of));
            let of = quote!(&#of);
            let inner = scope.with_local(each, true);
            let body: TokenStream = body.iter().map(|it| one(&inner, aggregate, it, siblings)).collect();
            quote!(for #name in #of { #body })
        }
        Effect::Enter { state: entered } => {
            let Some(lifecycle) = &it.lifecycle else { return TokenStream::new() };
            let (member, value) =
                (field(&lifecycle.name), entered_value(scope, aggregate, lifecycle, *entered, siblings));
            quote!(#state.#member = #value;)
        }
    }
}

/// A field of one state is set as that state is entered; else where it is.
pub(super) fn assign_in_state<'m>(
    scope: &Scope<'_>,
    aggregate: Cursor<'m, Aggregate>,
    index: u32,
    of: u32,
    value: &Expr,
    siblings: &[Effect],
) -> TokenStream {
    let it = aggregate.get();
    if siblings.iter().any(|effect| matches!(effect, Effect::Enter { state } if *state == of)) {
        return TokenStream::new();
    }
    let Some(lifecycle) = &it.lifecycle else { return TokenStream::new() };
    let (all, variant) =
        (ident(&format!("{}Lifecycle", pascal(&it.name))), ident(&pascal(&lifecycle.states[of as usize].name)));
    let (state, member, name, value) =
        (&scope.state, field(&lifecycle.name), field(&it.fields[index as usize].name), scope.owned(value));
    quote! {
        let value = #value;
        if let #all::#variant { #name, .. } = &mut #state.#member {
            *#name = value;
        }
    }
}

/// `self.holds.insert(…)`; a collection with a rule is made anew, and its rule checked.
pub(super) fn changed(scope: &Scope<'_>, of: &Field, call: &TokenStream) -> TokenStream {
    let (state, name) = (&scope.state, field(&of.name));
    if !ty::is_wrapped(scope.plan, &of.ty) {
        return quote!(#state.#name.#call;);
    }
    scope.uses.bring("value", "Refined");
    let own = scope.ty(&of.ty);
    quote! {
        let mut changed = #state.#name.plain();
        changed.#call;
        #state.#name = #own::new(changed)?;
    }
}
