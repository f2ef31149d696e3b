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

use minos_dsl::model::{Aggregate, Cursor, Event, Lifecycle, TimerWhen};
use proc_macro2::TokenStream;
use quote::quote;

use super::docs::{self, fields};
use super::nouns::{Member, Wire, choice, docs_or, newtype, record};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::expr::Scope;
use crate::rust::name::{field, ident, pascal, type_name};
use crate::rust::ty;

pub(in crate::emit) mod effects;

use effects::{apply, create, effects_read_id};

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
    newtype(file, &name, &format!("Names one `{}`.", aggregate.path()), &quote!(#uuid), true, true);
    let name = ident(&name);
    file.push(quote!(minos_runtime::id!(#name);));
}

/// The states' names.
pub(super) fn status(file: &mut SourceFile, aggregate: Cursor<'_, Aggregate>, lifecycle: &Lifecycle) {
    let name = format!("{}Status", pascal(&aggregate.name));
    let docs = docs_or(&lifecycle.docs, || {
        format!("The names of the states of `{}`: what requests, answers and columns say.", aggregate.path())
    });
    let cases: Vec<(&str, String)> =
        (0..).zip(&lifecycle.states).map(|(index, it)| (it.name.as_str(), docs::entered(aggregate, index))).collect();
    choice(file, &name, &docs, &cases);
}

/// The states with what each holds.
fn lifecycle_enum<'m>(plan: &Plan<'m>, file: &mut SourceFile, aggregate: Cursor<'m, Aggregate>, lifecycle: &Lifecycle) {
    let name = format!("{}Lifecycle", pascal(&aggregate.name));
    let mut item = codegen::Enum::new(&name);
    item.vis("pub").doc(format!(
        "The state of an [`{}`] in its lifecycle, with the fields that exist in that state only; without them it is an [`{}`].",
        type_name(&aggregate.name, "Aggregate"),
        format_args!("{}Status", pascal(&aggregate.name))
    ));
    for derive in ["Clone", "Debug", "PartialEq"] {
        item.derive(derive);
    }
    for derive in ["Serialize", "Deserialize"] {
        item.derive(file.uses().item("minos_runtime::serde", derive).to_string());
    }
    // An attribute: the builder prints these as they are.
    item.r#macro(r##"#[serde(crate = "minos_runtime::serde")]"##);
    for (state, it) in (0..).zip(&lifecycle.states) {
        let variant = item.new_variant(pascal(&it.name));
        variant.doc(docs::entered(aggregate, state));
        for index in &it.fields {
            let member = &aggregate.get().fields[*index as usize];
            let member_ty = ty::ty(plan, file.uses(), &member.ty);
            let declared = variant.new_named(field(&member.name).to_string(), member_ty.to_string());
            declared.doc(fields::state(plan, aggregate, *index, member));
        }
    }
    file.scope().push_enum(item);
    let (name, status) = (ident(&name), ident(&format!("{}Status", pascal(&aggregate.name))));
    let states = lifecycle.states.iter().map(|it| ident(&pascal(&it.name)));
    file.push(quote!(minos_runtime::lifecycle!(#name => #status { #(#states),* });));
}

/// The struct.
fn state<'m>(plan: &Plan<'m>, file: &mut SourceFile, aggregate: Cursor<'m, Aggregate>) {
    let docs = docs_or(&aggregate.docs, || format!("The state of `{}`.", aggregate.path()));
    let it = aggregate.get();
    let mut members: Vec<Member<'_>> = aggregate
        .common_fields()
        .map(|(index, it)| Member::new(plan, file.uses(), &it.name, fields::state(plan, aggregate, index, it), &it.ty))
        .collect();
    if let Some(lifecycle) = &it.lifecycle {
        let kind = if has_data(lifecycle) { "Lifecycle" } else { "Status" };
        let name = ident(&format!("{}{kind}", pascal(&it.name)));
        members.push(Member {
            name: &lifecycle.name,
            docs: docs_or(&lifecycle.docs, || fields::status(aggregate)),
            ty: quote!(#name),
            optional: false,
        });
    }
    record(file, &type_name(&it.name, "Aggregate"), &docs, &["Clone", "Debug", "PartialEq"], Wire::Both, &members);
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
        let docs = docs_or(&computed.docs, || format!("`let {}` of the spec.", computed.name));
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
    if functions.is_empty() {
        return TokenStream::new();
    }
    let name = ident(&type_name(&it.name, "Aggregate"));
    quote!(impl #name { #(#functions)* })
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
        let status = if has_data(lifecycle) { quote!(self.#member.name()) } else { quote!(self.#member) };
        quote!(fn status(&self) -> Option<&'static str> { Some(#status.as_str()) })
    });
    let snapshot =
        snapshot(uses, &[state_text(plan, aggregate), members(plan, uses, aggregate), quote!(#create #apply)]);
    let (unique_names, unique) = (unique_names(aggregate), unique_values(uses, aggregate));
    let timers = timers(plan, uses, aggregate);
    quote! {
        impl #aggregate_trait for #state {
            const TYPE: &'static str = #wire;
            #unique_names
            #snapshot
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

/// How it is kept in snapshots: by a hash of what it is made of and of how events change it.
fn snapshot(uses: &Uses, parts: &[TokenStream]) -> TokenStream {
    use sha2::{Digest, Sha256};
    let form = uses.runtime("aggregate", "SnapshotForm");
    let text = parts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let hash: String = Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    quote! {
        #[doc = " By a hash of the state and of how events change it: a snapshot under another one is passed over."]
        const SNAPSHOT: Option<#form<Self>> = Some(#form::json(#hash));
    }
}

/// Its fields with their types.
fn state_text(plan: &Plan<'_>, aggregate: Cursor<'_, Aggregate>) -> TokenStream {
    let uses = Uses::new("", &[]);
    let fields = aggregate.get().fields.iter().map(|it| {
        let (name, of) = (field(&it.name), ty::ty(plan, &uses, &it.ty));
        quote!(#name: #of,)
    });
    quote!(#(#fields)*)
}

/// The names of its unique constraints.
fn unique_names(aggregate: Cursor<'_, Aggregate>) -> Option<TokenStream> {
    let path = aggregate.path();
    let names: Vec<String> = aggregate.unique_fields().map(|(_, it)| format!("{path}.{}", it.name)).collect();
    (!names.is_empty()).then(|| quote!(const UNIQUE: &'static [&'static str] = &[#(#names),*];))
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

/// `timers`.
fn timers<'m>(plan: &Plan<'m>, uses: &Uses, aggregate: Cursor<'m, Aggregate>) -> Option<TokenStream> {
    let it = aggregate.get();
    let lifecycle = it.lifecycle.as_ref().filter(|_| !it.timers.is_empty())?;
    let member = field(&lifecycle.name);
    let status = if has_data(lifecycle) { quote!(self.#member.name()) } else { quote!(self.#member) };
    let all = ident(&format!("{}Status", pascal(&it.name)));
    let scope = scope(plan, uses, aggregate);
    let (timer, timers) =
        (uses.runtime("aggregate", "StateTimer"), uses.item(&plan.aggregate_module(aggregate), "timers"));
    let mut reads_entered = false;
    let mut arms: Vec<TokenStream> = Vec::new();
    for (index, state) in (0..).zip(&lifecycle.states) {
        let due: Vec<TokenStream> = super::timers::names(aggregate)
            .into_iter()
            .filter(|(_, timer)| timer.state == index)
            .map(|(name, it)| {
                let fire = field(&name);
                match &it.when {
                    TimerWhen::After(micros) => {
                        reads_entered = true;
                        let after = super::timers::duration(uses, *micros);
                        quote!(#timer::after(#name, entered_at, #after, #timers::#fire))
                    }
                    TimerWhen::At(moment) => {
                        let moment = scope.contained(moment);
                        quote!(#timer::at(#name, #moment, #timers::#fire))
                    }
                }
            })
            .collect();
        if !due.is_empty() {
            let variant = ident(&pascal(&state.name));
            arms.push(quote!(#all::#variant => vec![#(#due),*],));
        }
    }
    let rest = (arms.len() < lifecycle.states.len()).then(|| quote!(_ => Vec::new(),));
    let entered = if reads_entered { quote!(entered_at) } else { quote!(_entered_at) };
    let timestamp = uses.runtime("value", "Timestamp");
    Some(quote! {
        fn timers(&self, #entered: #timestamp) -> Vec<#timer<Self>> {
            match #status {
                #(#arms)*
                #rest
            }
        }
    })
}
