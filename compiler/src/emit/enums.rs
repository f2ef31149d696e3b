//! `enums.rs`: the enums of the subdomain and of `shared`.
//!
//! ```text
//! pub enum Size {
//!     Small,
//!     Large,
//! }
//!
//! minos_runtime::choice!(Size { Small = "small", Large = "large" });
//! ```

use minos_dsl::model::{Case, Cursor, Enum, TypeRef};

use super::docs::fields;
use super::nouns::{choice, docs_or};
use crate::output::source_file::SourceFile;
use crate::plan::Plan;

pub(super) fn emit(plan: &Plan<'_>) -> Option<SourceFile> {
    let own = plan.subdomain().map(|it| it.get().types.clone()).unwrap_or_default();
    let enums: Vec<_> = plan
        .shared_types()
        .chain(own)
        .filter(|it| plan.type_module(*it) == "crate::enums")
        .filter_map(|it| if let TypeRef::Enum(id) = it { Some(plan.model.at(id)) } else { None })
        .collect();
    let first = enums.first()?;
    let names: Vec<String> = enums.iter().map(|it| plan.type_place(TypeRef::Enum(it.id())).name).collect();
    let mut file =
        SourceFile::new("enums.rs", "crate::enums", &super::origin(plan, first.span), "One of a few.", &names);
    enums.iter().for_each(|it| one(plan, &mut file, *it));
    Some(file)
}

/// An enum.
pub(super) fn one(plan: &Plan<'_>, file: &mut SourceFile, it: Cursor<'_, Enum>) {
    let name = plan.type_place(TypeRef::Enum(it.id())).name;
    let docs = fields::found(plan, &it.docs, TypeRef::Enum(it.id()), &it.name);
    let docs_of = |case: &Case| docs_or(&case.docs, || format!("`{}` on the wire.", case.name));
    let cases: Vec<(&str, String)> = it.cases.iter().map(|case| (case.name.as_str(), docs_of(case))).collect();
    choice(file, &name, &docs, &cases);
}
