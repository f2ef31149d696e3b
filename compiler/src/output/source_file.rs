//! One Rust file being emitted: its imports, its items, and the one way out to text.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use codegen::Scope;
use proc_macro2::{Ident, TokenStream};

use super::layout;
use crate::error::EmitError;
use crate::rust::name::{ident, pascal, snake};

/// The names that a file imports. Collected while its items are made.
#[derive(Debug)]
pub(crate) struct Uses {
    /// The paths of what the file declares itself: not imported.
    own: BTreeSet<String>,
    /// Local name to the whole path of what it names.
    names: RefCell<BTreeMap<String, String>>,
    /// Traits that are needed for their methods or constants alone.
    traits: RefCell<BTreeMap<String, String>>,
}

impl Uses {
    /// The uses of a file that declares the names `own`, which others find in `module`.
    pub(crate) fn new(module: &str, own: &[String]) -> Self {
        let names: BTreeMap<String, String> =
            own.iter().map(|name| (name.clone(), format!("{module}::{name}"))).collect();
        Self { own: names.values().cloned().collect(), names: RefCell::new(names), traits: RefCell::default() }
    }

    /// The local name of an item (or a module) of `module`: imports it, under a longer name where the short one is taken.
    pub(crate) fn item(&self, module: &str, name: &str) -> Ident {
        let path = format!("{module}::{name}");
        let mut names = self.names.borrow_mut();
        if names.get(name).is_none_or(|taken| *taken == path) {
            names.insert(name.to_owned(), path);
            return ident(name);
        }
        let parent = module.rsplit("::").next().unwrap_or_default();
        let is_type = name.starts_with(char::is_uppercase);
        let mut local = if is_type { format!("{}{name}", pascal(parent)) } else { format!("{}_{name}", snake(parent)) };
        while names.get(&local).is_some_and(|taken| *taken != path) {
            local.push('_');
        }
        names.insert(local.clone(), path);
        ident(&local)
    }

    /// An item of the runtime: `runtime("value", "Decimal")`; the crate's own root under `""`.
    pub(crate) fn runtime(&self, module: &str, name: &str) -> Ident {
        if module.is_empty() {
            self.item("minos_runtime", name)
        } else {
            self.item(&format!("minos_runtime::{module}"), name)
        }
    }

    /// Brings a trait of the runtime into scope for its methods and constants.
    pub(crate) fn bring(&self, module: &str, name: &str) {
        self.traits.borrow_mut().insert(name.to_owned(), format!("minos_runtime::{module}::{name}"));
    }

    /// The imports as statements, one a name.
    pub(crate) fn statements(&self) -> Vec<String> {
        self.imports().into_iter().map(|(path, name)| format!("use {path}::{name};")).collect()
    }

    /// Path of the parent module, and what is imported from it, sorted.
    fn imports(&self) -> Vec<(String, String)> {
        let names = self.names.borrow();
        let mut imports = Vec::new();
        for (local, path) in names.iter() {
            let (parent, name) = path.rsplit_once("::").unwrap_or(("", path));
            if self.own.contains(path) {
                continue;
            }
            imports
                .push((parent.to_owned(), if local == name { name.to_owned() } else { format!("{name} as {local}") }));
        }
        for (name, path) in self.traits.borrow().iter() {
            if names.values().all(|known| known != path) {
                let (parent, _) = path.rsplit_once("::").unwrap_or(("", path));
                imports.push((parent.to_owned(), format!("{name} as _")));
            }
        }
        imports.sort_by_cached_key(|(path, name)| format!("{path}::{name}"));
        imports
    }
}

/// A Rust file of a generated crate.
pub(crate) struct SourceFile {
    /// Its path below `src/`.
    pub(crate) path: String,
    /// The spec files that it comes from.
    origin: String,
    /// The docs of its module.
    docs: String,
    uses: Uses,
    scope: Scope,
    /// Macro calls that read as tables: an entry a line, as they are to be printed.
    tables: Vec<String>,
}

impl SourceFile {
    /// An empty file that declares the module `module`, and in it the names `own`.
    pub(crate) fn new(path: &str, module: &str, origin: &str, docs: &str, own: &[String]) -> Self {
        Self {
            path: path.to_owned(),
            origin: origin.to_owned(),
            docs: docs.to_owned(),
            uses: Uses::new(module, own),
            scope: Scope::new(),
            tables: Vec::new(),
        }
    }

    /// The same without docs: a file that is taken in by `include!` must not begin with `//!`.
    pub(crate) fn without_docs(self) -> Self {
        Self { docs: String::new(), ..self }
    }

    /// Its imports.
    pub(crate) fn uses(&self) -> &Uses {
        &self.uses
    }

    /// The builder of its nouns.
    pub(crate) fn scope(&mut self) -> &mut Scope {
        &mut self.scope
    }

    /// Adds behaviour: whole items.
    pub(crate) fn push(&mut self, items: TokenStream) {
        if !items.is_empty() {
            self.scope.raw(items.to_string());
        }
    }

    /// Adds a macro call that reads as a table, an entry a line: `minos_runtime::events!(OrderEvent { … });`.
    pub(crate) fn table(&mut self, head: &str, open: char, entries: impl Iterator<Item = String>, close: &str) {
        let entries: String = entries.map(|entry| format!("    {entry},\n")).collect();
        self.text(format!("minos_runtime::{head}{open}\n{entries}{close}\n"));
    }

    /// Adds a macro call as it is to be printed.
    pub(crate) fn text(&mut self, text: String) {
        self.scope.raw(format!("{}!({});", layout::TABLE, self.tables.len()));
        self.tables.push(text);
    }

    /// The text: formatted, with a blank line between items and the header in front.
    pub(crate) fn finish(self) -> Result<(String, String), EmitError> {
        let mut imports = Scope::new();
        for (path, name) in self.uses.imports() {
            imports.import(&path, &name);
        }
        let text = format!("{}\n{}", imports.to_string(), self.scope.to_string());
        let parsed = syn::parse_file(&text).map_err(|error| EmitError::new(&self.path, &error, &text))?;
        let body = layout::print(&parsed, &self.tables);
        Ok((self.path, layout::with_header(&self.origin, &self.docs, &body)))
    }
}
