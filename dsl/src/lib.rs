//! The Minos language: from text to a checked, read-only model.

pub mod ast;
pub mod diagnostic;
pub mod model;
pub mod parse;
pub mod render;
pub mod source;
