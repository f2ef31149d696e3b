//! The Rust side of the language: names, types, expressions.

pub(crate) mod code;
pub(crate) mod expr;
pub(crate) mod filter;
pub(crate) mod name;
pub(crate) mod statement;
pub(crate) mod ty;
