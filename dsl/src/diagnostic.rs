//! What the language has to say about a text: one [`Diagnostic`] for each independent fault.
//!
//! Every diagnostic has a [`Code`] from one registry (the files of this room: `syntax`, `names`, `types`, `checks`), which
//! also feeds the reference and `minos explain`. Passes collect into one [`Diagnostics`] and never return `Err`.

pub mod checks;
pub mod names;
pub mod syntax;
pub mod types;

use crate::source::Span;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Worth a look; generation goes on.
    Warning,
}

impl Severity {
    /// As it is written in the terminal and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One kind of fault: an entry of the registry. Codes are stable: never given a new meaning, never used again.
#[derive(Debug)]
pub struct Code {
    /// For example `E0203`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A noun phrase of a few words.
    pub title: &'static str,
    /// What is wrong and why the language refuses it, for people who see it the first time.
    pub explanation: &'static str,
    /// A small text that has this fault.
    pub example: &'static str,
    /// The same text, or the line of it, without the fault.
    pub fix: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}

/// Declares entries of the registry: `NAME = "E0100", Error, "title", explanation: "…", example: "…", fix: "…";`
macro_rules! codes {
    ($($name:ident = $id:literal, $severity:ident, $title:literal,
        explanation: $explanation:literal, example: $example:literal, fix: $fix:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $title, ". ", $explanation)]
            pub static $name: $crate::diagnostic::Code = $crate::diagnostic::Code {
                id: $id,
                severity: $crate::diagnostic::Severity::$severity,
                title: $title,
                explanation: $explanation,
                example: $example,
                fix: $fix,
            };
        )*
        /// Every code of this file, in its order.
        pub(crate) static ALL: &[&$crate::diagnostic::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

/// Every code there is, sorted by id.
#[must_use]
pub fn registry() -> Vec<&'static Code> {
    let mut codes: Vec<_> = [syntax::ALL, names::ALL, types::ALL, checks::ALL].concat();
    codes.sort_by_key(|code| code.id);
    codes
}

/// The code of an id like `E0203`.
#[must_use]
pub fn code(id: &str) -> Option<&'static Code> {
    registry().into_iter().find(|code| code.id == id)
}

/// A further place that explains a diagnostic; it may be in another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be seen there, in a few words. Empty on a primary place that needs none.
    pub message: String,
}

/// One fault at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of fault.
    pub code: &'static Code,
    /// What is wrong, in one sentence, in lower case, with names in backticks.
    pub message: String,
    /// The place of the fault.
    pub primary: Label,
    /// Other places that explain it.
    pub labels: Vec<Label>,
    /// What to try.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A fault at a place, with nothing more to say yet.
    #[must_use]
    pub fn new(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        let primary = Label { span, message: String::new() };
        Self { code, message: message.into(), primary, labels: Vec::new(), hint: None }
    }

    /// Says what is to be seen at the place of the fault.
    #[must_use]
    pub fn at(mut self, message: impl Into<String>) -> Self {
        self.primary.message = message.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Says what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The severity of its code.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity
    }
}

/// Collects diagnostics of all passes over all files.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing to report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    /// Adds what another collector holds.
    pub fn extend(&mut self, other: Diagnostics) {
        self.all.extend(other.all);
    }

    /// How many, before duplicates are dropped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True where nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// True where something was reported that forbids to generate.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }

    /// In the order they were reported.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter()
    }

    /// Sorted by place, then code and message; equal ones once.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.all.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.primary.span, d.code.id);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        self.all.dedup_by(|a, b| a.code == b.code && a.primary.span == b.primary.span && a.message == b.message);
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_declared_once_and_says_what_it_means() {
        let codes = registry();
        for pair in codes.windows(2) {
            assert_ne!(pair[0].id, pair[1].id);
        }
        for code in codes {
            assert!(code.id.len() == 5 && code.id.starts_with(['E', 'W']), "{}", code.id);
            assert_eq!(code.id.starts_with('W'), code.severity == Severity::Warning, "{}", code.id);
            for text in [code.title, code.explanation, code.example, code.fix] {
                assert!(!text.trim().is_empty(), "{} leaves something unsaid", code.id);
            }
        }
    }
}
