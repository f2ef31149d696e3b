//! What many emitted files declare: structs with named fields, plain enums, newtypes.
//!
//! ```text
//! /// The event `orders.Order.Placed`.
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(crate = "minos_runtime::serde", deny_unknown_fields)]
//! pub struct Placed {
//!     /// Who it is for.
//!     pub customer: CustomerId,
//! }
//! ```

use codegen::{Field, Struct};
use minos_dsl::model::{Docs, Ty};
use proc_macro2::TokenStream;
use quote::quote;

use crate::output::source_file::{SourceFile, Uses};
use crate::plan::Plan;
use crate::rust::name::{field, ident, pascal};
use crate::rust::ty;

/// A field of a struct to be emitted.
pub(crate) struct Member<'a> {
    /// Its name in the spec.
    pub(crate) name: &'a str,
    /// What it is: the spec's docs, or what the model knows of it.
    pub(crate) docs: String,
    /// Its type in Rust.
    pub(crate) ty: TokenStream,
    /// Whether it may be absent: then it is left out of the JSON.
    pub(crate) optional: bool,
}

impl<'a> Member<'a> {
    /// A field of that type.
    pub(crate) fn new(plan: &Plan<'_>, uses: &Uses, name: &'a str, docs: String, it: &Ty) -> Self {
        Self { name, docs, ty: ty::ty(plan, uses, it), optional: it.as_optional().is_some() }
    }
}

/// A field that is left out of the JSON where it is absent.
pub(crate) const OPTIONAL: &str = r#"#[serde(default, skip_serializing_if = "Option::is_none")]"#;

/// How a struct goes over the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Not at all.
    None,
    /// Out only.
    Out,
    /// Out and in.
    Both,
    /// Out and in, from whoever may send it: an unknown field is a mistake.
    Strict,
}

/// Declares a struct with public fields.
pub(crate) fn record(
    file: &mut SourceFile,
    name: &str,
    docs: &str,
    derives: &[&str],
    wire: Wire,
    members: &[Member<'_>],
) {
    let mut derives: Vec<String> = derives.iter().map(|it| (*it).to_owned()).collect();
    if wire != Wire::None {
        derives.push(file.uses().item("minos_runtime::serde", "Serialize").to_string());
    }
    if matches!(wire, Wire::Both | Wire::Strict) {
        derives.push(file.uses().item("minos_runtime::serde", "Deserialize").to_string());
    }
    let attribute = match wire {
        Wire::None => None,
        Wire::Strict => Some(r#"serde(crate = "minos_runtime::serde", deny_unknown_fields)"#),
        _ => Some(r#"serde(crate = "minos_runtime::serde")"#),
    };
    if members.is_empty() {
        // The builder makes `struct Name;`, which is no JSON object.
        let (name, derives): (_, Vec<_>) = (ident(name), derives.iter().map(|it| ident(it)).collect());
        let attribute: Option<TokenStream> =
            attribute.and_then(|it| it.parse().ok()).map(|it: TokenStream| quote!(#[#it]));
        let docs = docs.lines().map(|line| format!(" {line}"));
        file.push(quote!(#(#[doc = #docs])* #[derive(#(#derives),*)] #attribute pub struct #name {}));
        return;
    }
    let mut item = Struct::new(name);
    item.vis("pub").doc(docs);
    derives.iter().for_each(|it| {
        item.derive(it);
    });
    if let Some(attribute) = attribute {
        item.attr(attribute);
    }
    for member in members {
        let mut declared = Field::new(field(member.name).to_string(), member.ty.to_string());
        declared.vis("pub");
        declared.doc(&member.docs);
        if member.optional && matches!(wire, Wire::Both | Wire::Strict) {
            declared.annotation(OPTIONAL);
        }
        item.push_field(declared);
    }
    file.scope().push_struct(item);
}

/// Declares a struct around one private value.
pub(crate) fn newtype(file: &mut SourceFile, name: &str, docs: &str, inner: &TokenStream, copy: bool, ordered: bool) {
    let mut item = Struct::new(name);
    item.vis("pub").doc(docs).derive("Clone");
    if copy {
        item.derive("Copy");
    }
    item.derive("Debug").derive("PartialEq");
    if ordered {
        item.derive("Eq").derive("Hash").derive("PartialOrd").derive("Ord");
    }
    item.tuple_field(inner.to_string());
    file.scope().push_struct(item);
}

/// Declares an enum without data, and how its cases are called on the wire.
pub(crate) fn choice(file: &mut SourceFile, name: &str, docs: &str, cases: &[(&str, String)]) {
    let mut item = codegen::Enum::new(name);
    item.vis("pub").doc(docs);
    for derive in ["Clone", "Copy", "Debug", "PartialEq", "Eq", "Hash", "PartialOrd", "Ord"] {
        item.derive(derive);
    }
    for (case, docs) in cases {
        let variant = item.new_variant(pascal(case));
        variant.doc(docs);
    }
    file.scope().push_enum(item);
    let entries = cases.iter().map(|(case, _)| format!("{} = {case:?}", ident(&pascal(case))));
    file.table(&format!("choice!({name} "), '{', entries, "});");
}

/// The spec's docs, or a sentence instead.
pub(crate) fn docs_or(docs: &Docs, otherwise: impl FnOnce() -> String) -> String {
    docs.as_deref().map_or_else(otherwise, str::to_owned)
}
