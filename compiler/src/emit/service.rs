//! `service.rs`: the service, as it is given to the runtime.
//!
//! ```text
//! pub fn service(payments: impl Payments) -> Service {
//!     Service::new("orders")
//!         .aggregate::<Order>()
//!         .command::<order::Place>()
//!         .view::<OrderList>()
//!         .query::<order_list::OfCustomer>()
//!         .saga::<Fulfilment>()
//!         .policy::<policies::Thank>()
//!         .port(payments::dispatch(payments))
//! }
//! ```

use minos_dsl::model::{Cursor, Subdomain, ViewSource};
use proc_macro2::TokenStream;
use quote::quote;

use super::view::asked;
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::{field, ident, module_of, type_name};

pub(super) fn emit<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> SourceFile {
    let own = ["service".to_owned()];
    let docs = format!("The service `{}`.", subdomain.name);
    let mut file = SourceFile::new("service.rs", "crate::service", &super::origin(plan, subdomain.span), &docs, &own);
    let uses = file.uses();
    let mut parts: Vec<TokenStream> = Vec::new();
    for aggregate in subdomain.aggregates() {
        let module_path = plan.aggregate_module(aggregate);
        let state = uses.item(&module_path, &type_name(&aggregate.name, "Aggregate"));
        parts.push(quote!(.aggregate::<#state>()));
        let module = uses.item("crate", plan.module_name(aggregate));
        parts.extend(aggregate.commands().map(|it| {
            let name = ident(&plan.command_name(it));
            quote!(.command::<#module::#name>())
        }));
    }
    for view in subdomain.views() {
        let (module_path, name) = (plan.view_module(view), type_name(&view.name, "View"));
        let view_ty = uses.item(&module_path, &name);
        parts.push(match view.get().source {
            ViewSource::Aggregate { .. } => quote!(.kept_view::<#view_ty>()),
            ViewSource::Events { .. } => quote!(.view::<#view_ty>()),
        });
        parts.extend(asked(view).map(|it| {
            let (module, name) = (uses.item("crate::views", &module_of(&view.name)), ident(&Plan::query_name(it)));
            quote!(.query::<#module::#name>())
        }));
    }
    parts.extend(subdomain.sagas().map(|it| {
        let saga = uses.item(&format!("crate::sagas::{}", module_of(&it.name)), &type_name(&it.name, "Saga"));
        quote!(.saga::<#saga>())
    }));
    parts.extend(subdomain.policies().map(|it| {
        let (policies, name) = (uses.item("crate", "policies"), ident(&type_name(&it.name, "Policy")));
        quote!(.policy::<#policies::#name>())
    }));
    let mut parameters = Vec::new();
    for port in subdomain.ports() {
        let (module, name) = (format!("crate::ports::{}", module_of(&port.name)), type_name(&port.name, "Port"));
        let (port_trait, ports, own, parameter) =
            (uses.item(&module, &name), uses.item("crate", "ports"), ident(&module_of(&port.name)), field(&port.name));
        parameters.push(quote!(#parameter: impl #port_trait));
        parts.push(quote!(.port(#ports::#own::dispatch(#parameter))));
    }
    let (service, name) = (uses.runtime("service", "Service"), subdomain.name.to_string());
    let docs = match parameters.len() {
        0 => format!(" The service `{name}`."),
        _ => format!(" The service `{name}`, over implementations of its ports."),
    };
    let item = quote! {
        #[doc = #docs]
        #[must_use]
        pub fn service(#(#parameters),*) -> #service {
            #service::new(#name) #(#parts)*
        }
    };
    file.push(item);
    file
}
