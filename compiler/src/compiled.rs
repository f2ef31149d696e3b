//! A spec, checked: what every way into the compiler begins with.

use minos_dsl::diagnostic::{Diagnostic, Severity};
use minos_dsl::model::Model;
use minos_dsl::source::Sources;

/// A spec, checked.
#[derive(Debug)]
pub struct Compiled {
    /// The texts that diagnostics point into.
    pub sources: Sources,
    /// Everything that there is to say of it, by place, each once.
    pub diagnostics: Vec<Diagnostic>,
    /// What it says, where there is no error.
    pub model: Option<Model>,
}

impl Compiled {
    /// Checks a spec.
    pub fn check(sources: Sources) -> Self {
        let (model, diagnostics) = minos_dsl::check(&sources);
        Self { diagnostics: diagnostics.into_sorted(), model, sources }
    }

    /// `3 errors, 1 warning`.
    pub fn summary(&self) -> String {
        let count = |severity| self.diagnostics.iter().filter(|one| one.severity() == severity).count();
        let say = |count, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            many => Some(format!("{many} {one}s")),
        };
        let said = [say(count(Severity::Error), "error"), say(count(Severity::Warning), "warning")];
        said.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
