//! `order/state.rs`: what an aggregate is after its events, and how each changes it.
//!
//! ```text
//! /// The id of an `Order`.
//! pub struct OrderId(Uuid);
//!
//! pub enum OrderStatus { Placed, Approved }
//!
//! /// Where an `Order` is in its life, with what is there in that state only.
//! pub enum OrderLifecycle { Placed, Approved { payment: String } }
//!
//! pub struct Order {
//!     pub customer: CustomerId,
//!     pub status: OrderLifecycle,
//! }
//!
//! impl Order {
//!     /// `let held = …`.
//!     pub fn held(&self) -> Result<Decimal, Refusal> { … }
//! }
//!
//! impl Aggregate for Order {
//!     fn create(id: &OrderId, event: &OrderEvent) -> Result<Option<Self>, Refusal> { … }
//!     fn apply(&mut self, id: &OrderId, event: &OrderEvent) -> Result<(), Refusal> { … }
//! }
//! ```

use minos_dsl::model::{Aggregate, Cursor, Effect, Event, Expr, ExprKind, Field, Lifecycle, TimerWhen, Ty};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::nouns::{Member, Wire, choice, docs_or, newtype, record};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::code::{Code, conditional};
use crate::rust::expr::{Scope, initializer};
use crate::rust::name::{field, ident, pascal, type_name};
use crate::rust::ty;

/// The public names of the file.
pub(super) fn names(aggregate: Cursor<'_, Aggregate>) -> Vec<String> {
    let name = pascal(&aggregate.name);
    let mut names = vec![type_name(&aggregate.name, "Aggregate"), format!("{name}Id")];
    if let Some(lifecycle) = &aggregate.lifecycle {
        names.push(format!("{name}Status"));
        if has_data(lifecycle) {
            names.push(format!("{name}Lifecycle"));
        }
    }
    names
}

/// Whether a state has fields of its own.
fn has_data(lifecycle: &Lifecycle) -> bool {
    lifecycle.states.iter().any(|it| !it.fields.is_empty())
}

pub(super) fn emit<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> SourceFile {
    let module = plan.module_name(aggregate);
    let origin = super::origin(plan, aggregate.span);
    let docs = format!("The state of `{}`: the replay of its events.", aggregate.path());
    let mut file =
        SourceFile::new(&format!("{module}/state.rs"), &format!("crate::{module}"), &origin, &docs, &names(aggregate));
    id(&mut file, aggregate);
    if let Some(lifecycle) = &aggregate.get().lifecycle {
        status(&mut file, aggregate, lifecycle);
        if has_data(lifecycle) {
            lifecycle_enum(plan, &mut file, aggregate, lifecycle);
        }
    }
    state(plan, &mut file, aggregate);
    let members = members(plan, file.uses(), aggregate);
    file.push(members);
    let behaviour = behaviour(plan, file.uses(), aggregate);
    file.push(behaviour);
    file
}

/// The id's newtype.
pub(super) fn id(file: &mut SourceFile, aggregate: Cursor<'_, Aggregate>) {
    let name = format!("{}Id", pascal(&aggregate.name));
    let uuid = file.uses().runtime("value", "Uuid");
    newtype(file, &name, &format!("The id of `{}`.", aggregate.path()), &quote!(#uuid), true, true);
    let name = ident(&name);
    file.push(quote!(minos_runtime::id!(#name);));
}

/// The states' names.
pub(super) fn status(file: &mut SourceFile, aggregate: Cursor<'_, Aggregate>, lifecycle: &Lifecycle) {
    let name = format!("{}Status", pascal(&aggregate.name));
    let docs = docs_or(&lifecycle.docs, || format!("Where `{}` is in its life.", aggregate.path()));
    let cases: Vec<(&str, Option<&str>)> =
        lifecycle.states.iter().map(|it| (it.name.as_str(), it.docs.as_deref())).collect();
    choice(file, &name, &docs, &cases);
}

/// The states with what each holds.
fn lifecycle_enum<'m>(plan: &Plan<'m>, file: &mut SourceFile, aggregate: Cursor<'m, Aggregate>, lifecycle: &Lifecycle) {
    let name = format!("{}Lifecycle", pascal(&aggregate.name));
    let mut item = codegen::Enum::new(&name);
    item.vis("pub").doc(format!("Where `{}` is in its life, with what is there in that state only.", aggregate.path()));
    for derive in ["Clone", "Debug", "PartialEq"] {
        item.derive(derive);
    }
    for it in &lifecycle.states {
        let variant = item.new_variant(pascal(&it.name));
        if let Some(docs) = &it.docs {
            variant.doc(docs);
        }
        for index in &it.fields {
            let member = &aggregate.get().fields[*index as usize];
            let member_ty = ty::ty(plan, file.uses(), &member.ty);
            let declared = variant.new_named(field(&member.name).to_string(), member_ty.to_string());
            if let Some(docs) = &member.docs {
                declared.doc(docs);
            }
        }
    }
    file.scope().push_enum(item);
}

/// The struct.
fn state<'m>(plan: &Plan<'m>, file: &mut SourceFile, aggregate: Cursor<'m, Aggregate>) {
    let docs = docs_or(&aggregate.docs, || format!("The state of `{}`.", aggregate.path()));
    let it = aggregate.get();
    let mut members: Vec<Member<'_>> = aggregate
        .common_fields()
        .map(|(_, member)| Member::new(plan, file.uses(), &member.name, &member.docs, &member.ty))
        .collect();
    if let Some(lifecycle) = &it.lifecycle {
        let kind = if has_data(lifecycle) { "Lifecycle" } else { "Status" };
        let name = ident(&format!("{}{kind}", pascal(&it.name)));
        members.push(Member {
            name: &lifecycle.name,
            docs: lifecycle.docs.as_deref(),
            ty: quote!(#name),
            optional: false,
        });
    }
    record(file, &type_name(&it.name, "Aggregate"), &docs, &["Clone", "Debug", "PartialEq"], Wire::None, &members);
}

fn scope<'a>(plan: &'a Plan<'a>, uses: &'a Uses, aggregate: Cursor<'_, Aggregate>) -> Scope<'a> {
    Scope { aggregate: Some(aggregate.id()), ..Scope::new(plan, uses) }
}

/// Computed members, and accessors of what is there in one state only.
fn members<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>) -> TokenStream {
    let it = aggregate.get();
    let scope = scope(plan, uses, aggregate);
    let computed = (0..).zip(&it.computed).map(|(index, computed)| {
        let (name, result_ty) = (field(&computed.name), scope.ty(&computed.ty));
        let docs = docs_or(&computed.docs, || format!("`{}`, computed.", computed.name));
        let docs = docs.lines().map(|line| format!(" {line}"));
        if plan.computed_may_fail(aggregate.id(), index) {
            let (refusal, result) = (uses.runtime("refusal", "Refusal"), scope.as_result(&computed.value));
            quote!(#(#[doc = #docs])* pub fn #name(&self) -> Result<#result_ty, #refusal> { #result })
        } else {
            let value = scope.owned(&computed.value);
            quote!(#(#[doc = #docs])* pub fn #name(&self) -> #result_ty { #value })
        }
    });
    let accessors = it.lifecycle.iter().flat_map(|lifecycle| accessors(&scope, aggregate, lifecycle));
    let functions: Vec<TokenStream> = computed.chain(accessors).collect();
    let lifecycle = it.lifecycle.as_ref().filter(|it| has_data(it)).map(|it| lifecycle_impl(aggregate, it));
    if functions.is_empty() {
        return quote!(#lifecycle);
    }
    let name = ident(&type_name(&it.name, "Aggregate"));
    quote!(#lifecycle impl #name { #(#functions)* })
}

/// `status()` of the lifecycle with data.
fn lifecycle_impl(aggregate: Cursor<'_, Aggregate>, lifecycle: &Lifecycle) -> TokenStream {
    let name = pascal(&aggregate.name);
    let (all, status) = (ident(&format!("{name}Lifecycle")), ident(&format!("{name}Status")));
    let arms = lifecycle.states.iter().map(|it| {
        let state = ident(&pascal(&it.name));
        let rest = (!it.fields.is_empty()).then(|| quote!({ .. }));
        quote!(Self::#state #rest => #status::#state)
    });
    quote! {
        impl #all {
            /// The state's name alone.
            pub fn status(&self) -> #status {
                match self {
                    #(#arms,)*
                }
            }
        }
    }
}

/// `pub fn payment(&self) -> Result<&String, Refusal>`.
fn accessors<'s>(
    scope: &'s Scope<'_>,
    aggregate: Cursor<'s, Aggregate>,
    lifecycle: &'s Lifecycle,
) -> impl Iterator<Item = TokenStream> {
    let all = ident(&format!("{}Lifecycle", pascal(&aggregate.name)));
    let member = field(&lifecycle.name);
    lifecycle.states.iter().flat_map(move |state| {
        let (all, member) = (all.clone(), member.clone());
        state.fields.iter().map(move |index| {
            let it = &aggregate.get().fields[*index as usize];
            let (name, field_ty, variant) = (field(&it.name), scope.ty(&it.ty), ident(&pascal(&state.name)));
            let (refusal, missing) =
                (scope.uses.runtime("refusal", "Refusal"), scope.uses.runtime("aggregate", "not_in_state"));
            let (text, state_text) = (it.name.to_string(), state.name.to_string());
            let docs = docs_or(&it.docs, || format!("`{}`, there only while it is `{}`.", it.name, state.name));
            let docs = docs.lines().map(|line| format!(" {line}"));
            quote! {
                #(#[doc = #docs])*
                pub fn #name(&self) -> Result<&#field_ty, #refusal> {
                    match &self.#member {
                        #all::#variant { #name, .. } => Ok(#name),
                        _ => Err(#missing(#text, #state_text)),
                    }
                }
            }
        })
    })
}

/// `impl Aggregate`.
fn behaviour<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>) -> TokenStream {
    let it = aggregate.get();
    let name = pascal(&it.name);
    let (wire, state, id) = (aggregate.path(), ident(&type_name(&it.name, "Aggregate")), ident(&format!("{name}Id")));
    let module = plan.aggregate_module(aggregate);
    let event = uses.item(&module, &format!("{name}Event"));
    let (aggregate_trait, refusal) = (uses.runtime("aggregate", "Aggregate"), uses.runtime("refusal", "Refusal"));
    let create = create(plan, uses, aggregate, &event);
    let apply = apply(plan, uses, aggregate, &event);
    let reads_id = |event: Cursor<'_, Event>| effects_read_id(&event.effects);
    let create_id = if aggregate.events().any(|it| it.creates && reads_id(it)) { quote!(id) } else { quote!(_id) };
    let apply_id = if aggregate.events().any(|it| !it.creates && reads_id(it)) { quote!(id) } else { quote!(_id) };
    let status = it.lifecycle.as_ref().map(|lifecycle| {
        let member = field(&lifecycle.name);
        let status = if has_data(lifecycle) { quote!(self.#member.status()) } else { quote!(self.#member) };
        quote!(fn status(&self) -> Option<&'static str> { Some(#status.as_str()) })
    });
    let unique = unique_values(uses, aggregate);
    let timers = timers(plan, uses, aggregate);
    quote! {
        impl #aggregate_trait for #state {
            const TYPE: &'static str = #wire;
            type Id = #id;
            type Event = #event;

            fn create(#create_id: &#id, event: &#event) -> Result<Option<Self>, #refusal> {
                #create
            }

            fn apply(&mut self, #apply_id: &#id, event: &#event) -> Result<(), #refusal> {
                #apply
            }

            #status
            #unique
            #timers
        }
    }
}

fn effects_read_id(effects: &[Effect]) -> bool {
    let reads = |expr: &Expr| expr.any(|node| matches!(node.kind, ExprKind::SelfId | ExprKind::EventStream));
    effects.iter().any(|effect| match effect {
        Effect::Let { value, .. } | Effect::Assign { value, .. } => reads(value),
        Effect::Insert { key, value, .. } => reads(key) || reads(value),
        Effect::Remove { key, .. } => reads(key),
        Effect::Add { element, .. } => reads(element),
        Effect::If { condition, then, otherwise } => {
            reads(condition) || effects_read_id(then) || effects_read_id(otherwise)
        }
        Effect::For { of, body, .. } => reads(of) || effects_read_id(body),
        Effect::Enter { .. } => false,
    })
}

fn event_scope<'a>(plan: &'a Plan<'a>, uses: &'a Uses, event: Cursor<'_, Event>, state: TokenStream) -> Scope<'a> {
    let mut scope = Scope::new(plan, uses);
    scope.aggregate = Some(event.get().aggregate);
    scope.state = state;
    scope.envelope.id = Code::reference(quote!(id));
    scope.payload_names = event.payload.iter().map(|it| it.name.to_string()).collect();
    scope
}

/// The match of `create`.
fn create<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>, all: &Ident) -> TokenStream {
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

fn reads_payload(effects: &[Effect]) -> bool {
    let reads = |expr: &Expr| expr.any(|node| matches!(node.kind, ExprKind::Payload(_)));
    effects.iter().any(|effect| match effect {
        Effect::Let { value, .. } | Effect::Assign { value, .. } => reads(value),
        Effect::Insert { key, value, .. } => reads(key) || reads(value),
        Effect::Remove { key, .. } => reads(key),
        Effect::Add { element, .. } => reads(element),
        Effect::If { condition, then, otherwise } => {
            reads(condition) || reads_payload(then) || reads_payload(otherwise)
        }
        Effect::For { of, body, .. } => reads(of) || reads_payload(body),
        Effect::Enter { .. } => false,
    })
}

/// The struct literal of a new state, and what is done to it beyond.
fn initial<'m>(
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
fn default_of(scope: &Scope<'_>, it: &Ty) -> TokenStream {
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
fn entered_value(
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
fn apply<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>, all: &Ident) -> TokenStream {
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
fn one<'m>(scope: &Scope<'_>, aggregate: Cursor<'m, Aggregate>, effect: &Effect, siblings: &[Effect]) -> TokenStream {
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
fn assign_in_state<'m>(
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
fn changed(scope: &Scope<'_>, of: &Field, call: &TokenStream) -> TokenStream {
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

fn unique_values(uses: &Uses, aggregate: Cursor<'_, Aggregate>) -> Option<TokenStream> {
    let path = aggregate.path();
    let values: Vec<TokenStream> = aggregate
        .unique_fields()
        .map(|(_, it)| {
            let (unique, constraint, name) =
                (uses.runtime("aggregate", "unique_value"), format!("{path}.{}", it.name), field(&it.name));
            quote!(#unique(#constraint, &self.#name))
        })
        .collect();
    if values.is_empty() {
        return None;
    }
    Some(quote! {
        fn unique_values(&self) -> Vec<(&'static str, String)> {
            [#(#values),*].into_iter().flatten().collect()
        }
    })
}

/// `timers` and `on_timer`.
fn timers<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>) -> Option<TokenStream> {
    let it = aggregate.get();
    let lifecycle = it.lifecycle.as_ref().filter(|_| !it.timers.is_empty())?;
    let member = field(&lifecycle.name);
    let status = if has_data(lifecycle) { quote!(self.#member.status()) } else { quote!(self.#member) };
    let all = ident(&format!("{}Status", pascal(&it.name)));
    let scope = scope(plan, uses, aggregate);
    let mut reads_entered = false;
    let mut arms: Vec<TokenStream> = Vec::new();
    for (index, state) in (0..).zip(&lifecycle.states) {
        let due: Vec<TokenStream> = super::timers::names(aggregate)
            .into_iter()
            .filter(|(_, timer)| timer.state == index)
            .map(|(name, timer)| match &timer.when {
                TimerWhen::After(micros) => {
                    reads_entered = true;
                    let (due, duration) =
                        (uses.runtime("aggregate", "due_after"), super::timers::duration(uses, *micros));
                    quote!(#due(#name, entered_at, #duration))
                }
                TimerWhen::At(moment) => {
                    let (due, moment) = (uses.runtime("aggregate", "due_at"), scope.contained(moment));
                    quote!(#due(#name, #moment))
                }
            })
            .collect();
        if !due.is_empty() {
            let variant = ident(&pascal(&state.name));
            arms.push(quote!(#all::#variant => Vec::from([#(#due),*]),));
        }
    }
    let rest = (arms.len() < lifecycle.states.len()).then(|| quote!(_ => Vec::new(),));
    let entered = if reads_entered { quote!(entered_at) } else { quote!(_entered_at) };
    let (timestamp, decision, refusal) =
        (uses.runtime("value", "Timestamp"), uses.runtime("command", "Decision"), uses.runtime("refusal", "Refusal"));
    let module = plan.aggregate_module(aggregate);
    let timers_module = uses.item(&module, "timers");
    let fired = super::timers::names(aggregate).into_iter().map(|(name, _)| {
        let function = field(&name);
        quote!(#name => #timers_module::#function(decision),)
    });
    Some(quote! {
        fn timers(&self, #entered: #timestamp) -> Vec<(&'static str, #timestamp)> {
            match #status {
                #(#arms)*
                #rest
            }
        }

        fn on_timer(name: &str, decision: &mut #decision<Self>) -> Result<(), #refusal> {
            match name {
                #(#fired)*
                _ => Ok(()),
            }
        }
    })
}
