//! `order/commands.rs`: what an aggregate is told to do, and how it decides.
//!
//! ```text
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(crate = "minos_runtime::serde", deny_unknown_fields)]
//! pub struct Approve {
//!     pub payment: String,
//! }
//!
//! impl Command for Approve {
//!     const NAME: &'static str = "orders.Order.Approve";
//!     type Aggregate = Order;
//!     type Read = ();
//!     const ROUTE: Option<Route> = None;
//!
//!     fn decide(&self, _: (), decision: &mut Decision<Order>) -> Result<(), Refusal> {
//!         decision.require_status(&[OrderStatus::Placed])?;
//!         decision.emit(Approved { payment: self.payment.clone() })
//!     }
//! }
//! ```

use minos_dsl::model::{Aggregate, Allow, Command, Cursor, Expr, ExprKind, ReadKind, Ty};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};

use super::docs::{self, fields};
use super::nouns::{Member, Wire, record};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::code::Code;
use crate::rust::expr::{Scope, initializer};
use crate::rust::name::{field, ident, pascal, type_name};
use crate::rust::statement;

pub(super) fn emit<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> SourceFile {
    let module = plan.module_name(aggregate);
    let mut own = Vec::new();
    for command in aggregate.commands() {
        let name = plan.command_name(command);
        if !command.reads.is_empty() {
            own.push(format!("{name}Read"));
        }
        own.push(name);
    }
    let origin = super::origin(plan, aggregate.span);
    let docs = format!(
        "What `{}` can be told to do, and who may: nobody from outside, where the spec does not `allow` it.",
        aggregate.path()
    );
    let mut file = SourceFile::new(&format!("{module}/commands.rs"), &format!("crate::{module}"), &origin, &docs, &own);
    aggregate.commands().for_each(|it| command(plan, &mut file, it));
    file
}

/// The struct of a command's parameters.
pub(super) fn parameters<'m>(plan: &Plan<'m>, file: &mut SourceFile, it: Cursor<'m, Command>, wire: Wire) {
    let docs = docs::command(plan, it);
    let members: Vec<Member<'_>> = it
        .get()
        .params
        .iter()
        .map(|param| Member::new(plan, file.uses(), &param.name, fields::parameter(plan, it, param), &param.ty))
        .collect();
    record(file, &plan.command_name(it), &docs, &["Clone", "Debug", "PartialEq"], wire, &members);
}

fn command<'m>(plan: &Plan<'m>, file: &mut SourceFile, it: Cursor<'m, Command>) {
    parameters(plan, file, it, Wire::Strict);
    let behaviour = behaviour(plan, file.uses(), it);
    file.push(behaviour);
    if !it.reads.is_empty() {
        reads(plan, file, it);
    }
}

/// The scope of a decision: the aggregate's state is a variable named after it, parameters are fields of `self`.
pub(super) fn decision_scope<'a>(plan: &'a Plan<'a>, uses: &'a Uses, aggregate: Cursor<'_, Aggregate>) -> Scope<'a> {
    let mut scope = Scope::new(plan, uses);
    scope.aggregate = Some(aggregate.id());
    let state = field(&aggregate.name);
    scope.state = quote!(#state);
    scope.id = Code::reference(quote!(decision.id()));
    scope.caller = quote!(decision.caller());
    scope.now = quote!(decision.now());
    scope
}

fn scope<'a>(plan: &'a Plan<'a>, uses: &'a Uses, it: Cursor<'_, Command>) -> Scope<'a> {
    let mut scope = decision_scope(plan, uses, plan.model.at(it.aggregate));
    scope.param_names = it.params.iter().map(|param| param.name.to_string()).collect();
    scope
}

/// `impl Command`.
fn behaviour<'m>(plan: &Plan<'m>, uses: &Uses, it: Cursor<'m, Command>) -> TokenStream {
    let aggregate = it.aggregate();
    let (name, wire) = (ident(&plan.command_name(it)), it.path());
    let state = uses.item(&plan.aggregate_module(aggregate), &type_name(&aggregate.name, "Aggregate"));
    let (command, decision, refusal) =
        (uses.runtime("command", "Command"), uses.runtime("command", "Decision"), uses.runtime("refusal", "Refusal"));
    let creates = it.creates.then(|| {
        quote!(
            const CREATES: bool = true;
        )
    });
    let route = match plan.command_route(it) {
        Some((method, path)) => quote!(Some((#method, #path))),
        None => quote!(None),
    };
    let route_ty = uses.runtime("command", "Route");
    let needs_token = matches!(it.get().allow, Allow::Anyone).then(|| {
        quote!(
            const NEEDS_TOKEN: bool = false;
        )
    });
    let allow = allow(plan, uses, it);
    let (read, read_parameter) = if it.reads.is_empty() {
        (quote!(()), quote!(_: ()))
    } else {
        let read = ident(&format!("{}Read", plan.command_name(it)));
        let names = decision_scope(plan, uses, aggregate);
        let locals =
            it.reads.iter().map(|it| initializer(&it.local.name, &names.variable(&it.local.name).to_token_stream()));
        (quote!(#read), quote!(#read { #(#locals),* }: #read))
    };
    let guards = guards(plan, uses, it);
    let scope = scope(plan, uses, it);
    let body = statement::body(&scope, &field(&aggregate.name), &it.get().body);
    quote! {
        impl #command for #name {
            const NAME: &'static str = #wire;
            type Aggregate = #state;
            type Read = #read;
            #creates
            const ROUTE: Option<#route_ty> = #route;
            #needs_token

            #allow

            fn decide(&self, #read_parameter, decision: &mut #decision<#state>) -> Result<(), #refusal> {
                #guards
                #body
            }
        }
    }
}

/// `when` and `done when`.
fn guards<'m>(plan: &Plan<'m>, uses: &Uses, it: Cursor<'m, Command>) -> TokenStream {
    let aggregate = it.aggregate();
    let lifecycle = aggregate.get().lifecycle.as_ref();
    let names = |states: &[u32]| -> Vec<TokenStream> {
        let place = plan.status_place(aggregate);
        let state = |index: u32| Some(ident(&pascal(&lifecycle?.states[index as usize].name)));
        let states = states.iter().filter_map(|index| state(*index));
        states
            .map(|state| (uses.item(&place.module, &place.name), state))
            .map(|(status, it)| quote!(#status::#it))
            .collect()
    };
    let done = names(&it.done_when);
    let done = (!done.is_empty()).then(|| quote!(if decision.has_status(&[#(#done),*])? { return Ok(()); }));
    let when = it.when.as_ref().map(|states| {
        let states = names(states);
        quote!(decision.require_status(&[#(#states),*])?;)
    });
    quote!(#done #when)
}

/// `fn allow`; where the rule reads the aggregate, `fn allow_on`.
fn allow<'m>(plan: &Plan<'m>, uses: &Uses, it: Cursor<'m, Command>) -> Option<TokenStream> {
    let caller = uses.runtime("caller", "Caller");
    let rule = match &it.get().allow {
        Allow::Internal => return None,
        Allow::Anyone => return Some(quote!(fn allow(&self, _: &#caller) -> bool { true })),
        Allow::Rule(rule) => rule,
    };
    let aggregate = it.aggregate();
    let mut scope = scope(plan, uses, it);
    scope.id = Code::reference(quote!(id));
    scope.caller = quote!(caller);
    let condition = if scope.may_fail(rule) {
        let contained = scope.contained(rule);
        quote!(#contained.unwrap_or(false))
    } else {
        scope.code(rule).condition()
    };
    let used = |used: bool, name: TokenStream| if used { name } else { quote!(_) };
    let caller_name =
        used(rule.any(|node| matches!(node.kind, ExprKind::Caller(_) | ExprKind::HasRole(_))), quote!(caller));
    let (reads_state, reads_id) = (statement::reads_state(rule), reads_id(rule));
    if !reads_state && !reads_id {
        return Some(quote!(fn allow(&self, #caller_name: &#caller) -> bool { #condition }));
    }
    let (id, state) = (plan.id_place(aggregate), field(&aggregate.name));
    let (id, state_ty) = (
        uses.item(&id.module, &id.name),
        uses.item(&plan.aggregate_module(aggregate), &type_name(&aggregate.name, "Aggregate")),
    );
    let (id_name, state_name) = (used(reads_id, quote!(id)), used(reads_state, quote!(#state)));
    Some(quote! {
        fn allow_on(&self, #caller_name: &#caller, #id_name: &#id, #state_name: &#state_ty) -> bool {
            #condition
        }
    })
}

fn reads_id(rule: &Expr) -> bool {
    rule.any(|node| matches!(node.kind, ExprKind::SelfId))
}

/// What `with` reads.
fn reads<'m>(plan: &Plan<'m>, file: &mut SourceFile, it: Cursor<'m, Command>) {
    let name = plan.command_name(it);
    let read_name = format!("{name}Read");
    let command = it.get();
    let members: Vec<Member<'_>> = command
        .reads
        .iter()
        .map(|read| Member {
            name: &read.local.name,
            docs: fields::read(plan, read),
            ty: crate::rust::ty::ty(plan, file.uses(), &read.ty),
            optional: false,
        })
        .collect();
    record(
        file,
        &read_name,
        &format!("What [`{name}`] reads before it decides."),
        &["Clone", "Debug"],
        Wire::None,
        &members,
    );
    let uses = file.uses();
    let mut scope = scope(plan, uses, it);
    scope.params = Some(quote!(command));
    let statements = command.reads.iter().map(|read| read_one(&scope, read));
    let locals = command
        .reads
        .iter()
        .map(|read| initializer(&read.local.name, &scope.variable(&read.local.name).to_token_stream()));
    let (read_trait, reader, error) = (
        uses.runtime("command", "CommandRead"),
        uses.runtime("engine", "Reader"),
        uses.runtime("command", "WithError"),
    );
    let (async_trait, name, read_name) = (uses.runtime("", "async_trait"), ident(&name), ident(&read_name));
    let item = quote! {
        #[#async_trait]
        impl #read_trait<#name> for #read_name {
            async fn read(command: &#name, reader: &#reader<'_>) -> Result<Self, #error> {
                #(#statements)*
                Ok(Self { #(#locals),* })
            }
        }
    };
    file.push(item);
}

fn read_one(scope: &Scope<'_>, read: &minos_dsl::model::Read) -> TokenStream {
    let local = scope.variable(&read.local.name);
    match &read.kind {
        ReadKind::Row { view, key } => {
            let (row, key) = (scope.ty(&Ty::Row(*view)), scope.borrowed(key));
            let (error, refusal) = (statement::raise(scope, &read.otherwise), scope.uses.runtime("refusal", "Refusal"));
            quote! {
                let #local: #row = reader.row(#key).await?.ok_or_else(|| #refusal::from(#error))?;
            }
        }
        ReadKind::Join { list, element, view, key, .. } => {
            let inner = scope.with_local(element, true);
            let (row, list, each) =
                (scope.ty(&Ty::Row(*view)), scope.code(list).receiver(), scope.variable(&element.name));
            let (key, error, joined) =
                (inner.owned(key), statement::raise(&inner, &read.otherwise), scope.uses.runtime("engine", "Joined"));
            quote! {
                let #local: Vec<#joined<_, #row>> = reader.join(#list.iter(), |#each| #key, |#each| #error.into()).await?;
            }
        }
    }
}
