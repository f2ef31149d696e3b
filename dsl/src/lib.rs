//! The Minos language: from text to a checked, read-only model.
//!
//! ```text
//!            parse/          names.rs · types.rs · resolve/        check/
//!  Sources ─────────► ast ───────────────────────────────► Model ─────────► Model, Diagnostics
//! ```
//!
//! [`check`] is the whole way. Each pass reads what earlier ones found, collects what it has to say into one
//! [`Diagnostics`], and goes on: what could not be read or resolved is poisoned, so that it is reported once and nothing that uses it is.
//!
//! - [`source`], [`diagnostic`], [`render`]: texts, places, and what is said about them;
//! - [`ast`], [`parse`]: what was written;
//! - [`model`]: what is meant. Consumers read this alone.
//!
//! This crate reads no files and no clock, writes nothing, and never panics, whatever the text.

// What pest derives says `alloc`.
extern crate alloc;

pub mod ast;
mod check;
pub mod diagnostic;
mod draft;
pub mod model;
mod names;
pub mod parse;
mod pattern;
pub mod render;
mod resolve;
pub mod source;
mod suggest;
mod types;

use diagnostic::Diagnostics;
use draft::Draft;
use model::Model;
use source::{SourceId, Sources};

/// Reads and checks a whole spec. The model is there where nothing forbids to generate from it; the diagnostics are in the order of the passes
/// ([`Diagnostics::into_sorted`] gives them by place).
///
/// The order in which the texts were added never matters: declarations are in the order of the files' paths, then as written.
pub fn check(sources: &Sources) -> (Option<Model>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut order: Vec<SourceId> = sources.iter().map(|(id, _)| id).collect();
    order.sort_by(|a, b| sources.get(*a).path().cmp(sources.get(*b).path()));
    let files = parse::parse_all(sources, &order, &mut diagnostics);
    let mut draft = Draft::new();
    draft.declare(&files);
    draft.resolve(&files);
    draft.check();
    let (model, found) = draft.finish();
    diagnostics.extend(found);
    let model = (!diagnostics.has_errors()).then_some(model);
    (model, diagnostics)
}
