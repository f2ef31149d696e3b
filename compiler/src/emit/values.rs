//! `values.rs`: the values of the subdomain and of `shared`.
//!
//! ```text
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! pub struct Line {
//!     pub product: ProductId,
//!     pub quantity: Quantity,
//! }
//!
//! minos_runtime::record!(Line);
//! ```

use minos_dsl::model::{Cursor, TypeRef, Value};
use quote::quote;

use super::docs::fields;
use super::nouns::{Member, Wire, record};
use crate::output::source_file::SourceFile;
use crate::plan::Plan;
use crate::rust::name::ident;

pub(super) fn emit(plan: &Plan<'_>) -> Option<SourceFile> {
    let own = plan.subdomain().map(|it| it.get().types.clone()).unwrap_or_default();
    let values: Vec<_> = plan
        .shared_types()
        .chain(own)
        .filter(|it| plan.type_module(*it) == "crate::values")
        .filter_map(|it| if let TypeRef::Value(id) = it { Some(plan.model.at(id)) } else { None })
        .collect();
    let first = values.first()?;
    let names: Vec<String> = values.iter().map(|it| plan.type_place(TypeRef::Value(it.id())).name).collect();
    let origin = super::origin(plan, first.span);
    let mut file =
        SourceFile::new("values.rs", "crate::values", &origin, "Values: equal when all of their parts are.", &names);
    values.iter().for_each(|it| value(plan, &mut file, *it));
    Some(file)
}

/// A value's struct.
pub(super) fn value(plan: &Plan<'_>, file: &mut SourceFile, it: Cursor<'_, Value>) {
    let name = plan.type_place(TypeRef::Value(it.id())).name;
    let docs = fields::found(plan, &it.docs, TypeRef::Value(it.id()), &it.name);
    let value = plan.model.at(it.id()).get();
    let members: Vec<Member<'_>> = value
        .fields
        .iter()
        .map(|it| Member::new(plan, file.uses(), &it.name, fields::part(plan, it), &it.ty))
        .collect();
    record(file, &name, &docs, &["Clone", "Debug", "PartialEq"], Wire::Both, &members);
    let name = ident(&name);
    file.push(quote!(minos_runtime::record!(#name);));
}
