//! `ports.rs`, `ports/payments.rs`: what is implemented by hand.
//!
//! ```text
//! #[async_trait]
//! pub trait Payments: Send + Sync + 'static {
//!     /// The operation `charge`.
//!     async fn charge(&self, order: OrderId, amount: Money, call: &PortCall) -> Result<Receipt, PortError<Declined>>;
//! }
//!
//! /// The arguments of [`Payments::charge`].
//! pub struct ChargeArguments { pub order: OrderId, pub amount: Money }
//!
//! minos_runtime::port!(Payments = "orders.Payments" {
//!     "charge" => charge(ChargeArguments { order, amount }),
//! });
//! ```

use minos_dsl::model::{Cursor, Operation, Port, Subdomain, TypeRef};
use proc_macro2::TokenStream;
use quote::quote;

use super::docs::{self, fields};
use super::nouns::{Member, Wire, record};
use super::{enums, errors, values};
use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::name::{field, ident, module_of, type_name};
use crate::rust::ty;

pub(super) fn emit_all<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> Vec<SourceFile> {
    let ports: Vec<Cursor<'m, Port>> = subdomain.ports().collect();
    let Some(first) = ports.first() else { return Vec::new() };
    let mut names: Vec<String> = ports.iter().map(|it| module_of(&it.name)).collect();
    names.sort();
    let docs = "What the service asks of the world outside: implemented by hand.";
    let mut files = vec![super::module_list("ports.rs", &super::origin(plan, first.span), docs, &names)];
    files.extend(ports.into_iter().map(|it| emit(plan, it)));
    files
}

fn emit<'m>(plan: &Plan<'m>, port: Cursor<'m, Port>) -> SourceFile {
    let (name, module) = (type_name(&port.name, "Port"), module_of(&port.name));
    let place = format!("crate::ports::{module}");
    let mut own = vec![name.clone()];
    own.extend(port.operations().map(Plan::arguments_name));
    own.extend(port.operations().filter(|it| it.errors.len() > 1).filter_map(|it| plan.operation_error(it)));
    own.extend(port.errors().map(|it| plan.error_name(it)));
    let types = port.get().types.iter().copied().filter(|it| plan.type_module(*it) == place);
    own.extend(types.clone().map(|it| plan.type_place(it).name));
    let module_docs = format!(
        "The port `{}`: implemented by hand, called by the engine through `dispatch`, which [`port!`](minos_runtime::port!) declares.",
        port.path()
    );
    let path = format!("ports/{module}.rs");
    let mut file = SourceFile::new(&path, &place, &super::origin(plan, port.span), &module_docs, &own);
    let item = port_trait(plan, file.uses(), port, &docs::port(plan, port));
    file.push(item);
    for operation in port.operations() {
        let members: Vec<Member<'_>> = operation
            .get()
            .params
            .iter()
            .map(|it| Member::new(plan, file.uses(), &it.name, fields::part(plan, it), &it.ty))
            .collect();
        let docs = format!("The arguments of [`{name}::{}`].", field(&operation.name));
        record(
            &mut file,
            &Plan::arguments_name(operation),
            &docs,
            &["Clone", "Debug", "PartialEq"],
            Wire::Both,
            &members,
        );
        if operation.errors.len() > 1 {
            several_errors(plan, &mut file, operation);
        }
    }
    for it in types {
        match it {
            TypeRef::Value(id) => values::value(plan, &mut file, plan.model.at(id)),
            TypeRef::Enum(id) => enums::one(plan, &mut file, plan.model.at(id)),
            TypeRef::Named(_) => {}
        }
    }
    port.errors().for_each(|it| errors::error(plan, &mut file, it));
    let operations = port.operations().map(|it| {
        let (wire, operation, arguments) = (it.name.to_string(), field(&it.name), Plan::arguments_name(it));
        let names: Vec<String> = it.get().params.iter().map(|param| field(&param.name).to_string()).collect();
        let names = if names.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", names.join(", ")) };
        format!("{wire:?} => {operation}({arguments} {names})")
    });
    file.table(&format!("port!({name} = {:?} ", port.path()), '{', operations, "});");
    file
}

/// What an operation may be refused with.
fn error_ty<'m>(plan: &Plan<'m>, uses: &Uses, operation: Cursor<'m, Operation>) -> TokenStream {
    let errors: Vec<_> = operation.errors().collect();
    match (errors.as_slice(), plan.operation_error(operation)) {
        ([one], _) => {
            let place = plan.error_place(*one);
            let name = uses.item(&place.module, &place.name);
            quote!(#name)
        }
        (_, Some(name)) => {
            let name = ident(&name);
            quote!(#name)
        }
        (_, None) => {
            let never = uses.runtime("port", "Never");
            quote!(#never)
        }
    }
}

/// What whoever implements a port must know.
const CONTRACT: &str = "\
Called at least once, and again with the same `call.key`: two calls with one key must have one effect and one answer ([`PortCall`]). What follows \
from each failure stands at [`PortError`].";

fn port_trait<'m>(plan: &Plan<'m>, uses: &Uses, port: Cursor<'m, Port>, docs: &str) -> TokenStream {
    let (async_trait, call, error) =
        (uses.runtime("", "async_trait"), uses.runtime("port", "PortCall"), uses.runtime("port", "PortError"));
    let name = ident(&type_name(&port.name, "Port"));
    let docs = format!("{docs}\n\n{CONTRACT}");
    let docs = docs.lines().map(|line| format!(" {line}"));
    let operations = port.operations().map(|it| {
        let docs = docs::operation(it);
        let docs = docs.lines().map(|line| format!(" {line}"));
        let (name, answer, refused) = (field(&it.name), answer(plan, uses, it), error_ty(plan, uses, it));
        let params = it.get().params.iter().map(|param| {
            let (name, ty) = (field(&param.name), ty::ty(plan, uses, &param.ty));
            quote!(#name: #ty,)
        });
        quote!(#(#[doc = #docs])* async fn #name(&self, #(#params)* call: &#call) -> Result<#answer, #error<#refused>>;)
    });
    quote! {
        #(#[doc = #docs])*
        #[#async_trait]
        pub trait #name: Send + Sync + 'static {
            #(#operations)*
        }
    }
}

fn answer<'m>(plan: &Plan<'m>, uses: &Uses, operation: Cursor<'m, Operation>) -> TokenStream {
    operation.answer.as_ref().map_or_else(|| quote!(()), |it| ty::ty(plan, uses, it))
}

/// An enum of the errors of an operation that declares more than one.
fn several_errors<'m>(plan: &Plan<'m>, file: &mut SourceFile, operation: Cursor<'m, Operation>) {
    let Some(name) = plan.operation_error(operation) else { return };
    let docs = format!(" What `{}` may be refused with.", operation.path());
    let errors: Vec<proc_macro2::Ident> = operation.errors().map(|it| ident(&plan.error_name(it))).collect();
    let cases = operation.errors().map(|it| format!(" `{}`.", it.path()));
    let uses = file.uses();
    let (refusal, port_refusal, name) =
        (uses.runtime("refusal", "Refusal"), uses.runtime("port", "PortRefusal"), ident(&name));
    let items = quote! {
        #[doc = #docs]
        #[derive(Clone, Debug, PartialEq)]
        pub enum #name {
            #(#[doc = #cases] #errors(#errors),)*
        }

        impl #port_refusal for #name {
            fn into_refusal(self) -> #refusal {
                match self {
                    #(Self::#errors(error) => error.into(),)*
                }
            }
        }
    };
    file.push(items);
}
