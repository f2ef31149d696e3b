//! `order/errors.rs`: the refusals that an aggregate declares.
//!
//! ```text
//! #[derive(Clone, Debug, PartialEq, Serialize)]
//! pub struct CreditExceeded {
//!     pub limit: Money,
//!     pub held: Money,
//! }
//!
//! impl DeclaredError for CreditExceeded {
//!     const NAME: &'static str = "customers.Customer.CreditExceeded";
//! }
//!
//! impl Display for CreditExceeded { … }
//! ```

use minos_dsl::model::{Aggregate, Cursor, Error, MessagePiece, Subdomain, Ty};
use quote::quote;

use super::docs::{self, fields};
use super::nouns::{Member, Wire, record};
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::{field, ident};

pub(super) fn emit<'m>(plan: &Plan<'m>, aggregate: Cursor<'m, Aggregate>) -> Option<SourceFile> {
    let errors: Vec<Cursor<'m, Error>> = aggregate.errors().collect();
    if errors.is_empty() {
        return None;
    }
    let module = plan.module_name(aggregate);
    let own: Vec<String> = errors.iter().map(|it| plan.error_name(*it)).collect();
    let origin = super::origin(plan, aggregate.span);
    let docs = format!("Why `{}` refuses a command.", aggregate.path());
    let mut file = SourceFile::new(&format!("{module}/errors.rs"), &format!("crate::{module}"), &origin, &docs, &own);
    errors.into_iter().for_each(|it| error(plan, &mut file, it));
    Some(file)
}

/// `errors.rs`: those that the subdomain declares for all of its aggregates.
pub(super) fn emit_shared<'m>(plan: &Plan<'m>, subdomain: Cursor<'m, Subdomain>) -> Option<SourceFile> {
    let errors: Vec<Cursor<'m, Error>> = subdomain.get().errors.iter().map(|id| plan.model.at(*id)).collect();
    let first = errors.first()?;
    let own: Vec<String> = errors.iter().map(|it| plan.error_name(*it)).collect();
    let origin = super::origin(plan, first.span);
    let docs = format!("Why aggregates of `{}` refuse a command.", subdomain.name);
    let mut file = SourceFile::new("errors.rs", "crate::errors", &origin, &docs, &own);
    errors.into_iter().for_each(|it| error(plan, &mut file, it));
    Some(file)
}

/// An error: its fields, its name on the wire, its message.
pub(super) fn error<'m>(plan: &Plan<'m>, file: &mut SourceFile, it: Cursor<'m, Error>) {
    let docs = docs::error(plan, it);
    let members: Vec<Member<'_>> = it
        .get()
        .fields
        .iter()
        .map(|it| Member::new(plan, file.uses(), &it.name, fields::part(plan, it), &it.ty))
        .collect();
    record(file, &plan.error_name(it), &docs, &["Clone", "Debug", "PartialEq"], Wire::Out, &members);
    let (mut format, mut arguments) = (String::new(), Vec::new());
    for piece in &it.get().message {
        match piece {
            MessagePiece::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
            MessagePiece::Field(index) => {
                let shown = &it.get().fields[*index as usize];
                let name = field(&shown.name);
                let displayed = matches!(
                    shown.ty,
                    Ty::Base(_)
                        | Ty::Refined(_)
                        | Ty::Named(_)
                        | Ty::Loose(_)
                        | Ty::Id(_)
                        | Ty::Enum(_)
                        | Ty::Status(_)
                );
                format.push_str(if displayed { "{}" } else { "{:?}" });
                arguments.push(quote!(self.#name));
            }
        }
    }
    let (name, wire) = (ident(&plan.error_name(it)), it.path());
    let (declared, display, fmt) = (
        file.uses().runtime("refusal", "DeclaredError"),
        file.uses().item("std::fmt", "Display"),
        file.uses().item("std", "fmt"),
    );
    let write = if arguments.is_empty() && !format.contains(['{', '}']) {
        quote!(f.write_str(#format))
    } else {
        quote!(write!(f, #format #(, #arguments)*))
    };
    file.push(quote! {
        impl #declared for #name {
            const NAME: &'static str = #wire;
        }

        impl #display for #name {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                #write
            }
        }
    });
}
