//! Names: the spec's words in Rust's cases.

use proc_macro2::{Ident, Span};

/// `order_list` of `OrderList`, `of_customer` of `of_customer`.
pub(crate) fn snake(name: &str) -> String {
    let mut text = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (index, char) in chars.iter().enumerate() {
        if char.is_uppercase() {
            let after_lower = index > 0 && (chars[index - 1].is_lowercase() || chars[index - 1].is_numeric());
            let before_lower = index > 0
                && chars[index - 1].is_uppercase()
                && chars.get(index + 1).is_some_and(|next| next.is_lowercase());
            if after_lower || before_lower {
                text.push('_');
            }
            text.extend(char.to_lowercase());
        } else if *char == '-' {
            text.push('_');
        } else {
            text.push(*char);
        }
    }
    text
}

/// The name of a module and of its file: `order_list`; with `_` behind it where it is a keyword, for no module is called `r#box`.
pub(crate) fn module_of(name: &str) -> String {
    let module = snake(name);
    if KEYWORDS.contains(&module.as_str()) { format!("{module}_") } else { module }
}

/// `OfCustomer` of `of_customer`.
pub(crate) fn pascal(name: &str) -> String {
    let mut text = String::new();
    for word in name.split(['_', '-']) {
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            text.extend(first.to_uppercase());
            text.push_str(chars.as_str());
        }
    }
    text
}

/// `order-list` of `OrderList`.
pub(crate) fn kebab(name: &str) -> String {
    snake(name).replace('_', "-")
}

/// `OF_CUSTOMER` of `of_customer`.
pub(crate) fn screaming(name: &str) -> String {
    snake(name).to_uppercase()
}

/// Rust's keywords, those of all editions that a service may be compiled with.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The name as an identifier, with `r#` where it is a keyword, and a trailing `_` where Rust allows no `r#` either.
pub(crate) fn ident(name: &str) -> Ident {
    match name {
        "self" | "Self" | "super" | "crate" | "_" => Ident::new(&format!("{name}_"), Span::call_site()),
        _ if KEYWORDS.contains(&name) => Ident::new_raw(name, Span::call_site()),
        _ => Ident::new(name, Span::call_site()),
    }
}

/// Names that every Rust file has, or that macros of generated code count on.
const PRELUDE: &[&str] = &[
    "AsMut",
    "AsRef",
    "BTreeMap",
    "BTreeSet",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Hash",
    "Into",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// The name of a type: `Charge` of `charge`; with `suffix` behind it where Rust has the name already: `SendArguments`.
pub(crate) fn type_name(name: &str, suffix: &str) -> String {
    let name = pascal(name);
    if PRELUDE.contains(&name.as_str()) { format!("{name}{suffix}") } else { name }
}

/// The identifier of a field, parameter, variable or function of the spec.
pub(crate) fn field(name: &str) -> Ident {
    ident(&snake(name))
}

#[cfg(test)]
mod tests {
    use super::{ident, kebab, pascal, screaming, snake};

    #[test]
    fn cases_are_those_of_rust_and_of_paths() {
        assert_eq!(snake("OrderList"), "order_list");
        assert_eq!(snake("HTTPServer"), "http_server");
        assert_eq!(pascal("of_customer"), "OfCustomer");
        assert_eq!(kebab("HoldCredit"), "hold-credit");
        assert_eq!(screaming("placed_at"), "PLACED_AT");
    }

    #[test]
    fn keywords_are_escaped() {
        assert_eq!(ident("type").to_string(), "r#type");
        assert_eq!(ident("self").to_string(), "self_");
        assert_eq!(ident("order").to_string(), "order");
    }
}
