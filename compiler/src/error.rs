//! A mistake of the compiler itself: the model was right, and what was made of it is no Rust.

use std::fmt;

/// Emitted text that does not parse: a mistake of the compiler, never of the spec.
#[derive(Debug)]
pub struct EmitError {
    path: String,
    error: String,
    source: String,
}

impl EmitError {
    /// What `syn` says of the text of `path`.
    pub(crate) fn new(path: &str, error: &syn::Error, text: &str) -> Self {
        Self { path: path.to_owned(), error: error.to_string(), source: text.to_owned() }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a mistake of minos itself: `{}` is no Rust: {}", self.path, self.error)?;
        for (number, line) in (1..).zip(self.source.lines()) {
            writeln!(f, "{number:5} | {line}")?;
        }
        write!(f, "please report it with the spec that leads to it")
    }
}

impl std::error::Error for EmitError {}
