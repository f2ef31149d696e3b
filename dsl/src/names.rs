//! First pass: every declaration gets its id and its place in a scope.
//!
//! Nothing is resolved here. What could not be read keeps its name as [`Symbol::Broken`], so that its users are not reported too;
//! the second declaration of a name is reported and left out.

mod declare;

use std::collections::HashMap;

use crate::ast;
use crate::diagnostic::{Diagnostic, names as codes};
use crate::draft::{Draft, docs};
use crate::model::{self, Id, Owner, TypeRef};
use crate::source::Span;
use crate::suggest::did_you_mean;

/// What a name in a subdomain or in `shared` stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Symbol {
    Type(TypeRef),
    Aggregate(Id<model::Aggregate>),
    View(Id<model::View>),
    Saga,
    Policy,
    Port(Id<model::Port>),
    Error(Id<model::Error>),
    /// Reported already.
    Broken,
}

impl Symbol {
    /// As it is called in a message.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Symbol::Type(TypeRef::Named(_)) => "a type",
            Symbol::Type(TypeRef::Value(_)) => "a value",
            Symbol::Type(TypeRef::Enum(_)) => "an enum",
            Symbol::Aggregate(_) => "an aggregate",
            Symbol::View(_) => "a view",
            Symbol::Saga => "a saga",
            Symbol::Policy => "a policy",
            Symbol::Port(_) => "a port",
            Symbol::Error(_) => "an error",
            Symbol::Broken => "broken",
        }
    }
}

/// Names with what they stand for, in the order of their declaration.
#[derive(Default, Debug)]
pub(crate) struct Scope<'a> {
    symbols: HashMap<&'a str, (Symbol, Span)>,
    order: Vec<&'a str>,
}

impl<'a> Scope<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).map(|(symbol, _)| *symbol)
    }

    /// Names of what `wanted` accepts, in order.
    pub(crate) fn names_of(&self, wanted: impl Fn(Symbol) -> bool) -> impl Iterator<Item = &'a str> {
        self.order.iter().copied().filter(move |name| self.get(name).is_some_and(&wanted))
    }

    fn add(&mut self, name: &'a str, symbol: Symbol, span: Span) {
        self.symbols.insert(name, (symbol, span));
        self.order.push(name);
    }

    fn span(&self, name: &str) -> Option<Span> {
        self.symbols.get(name).map(|(_, span)| *span)
    }
}

/// Scopes that outlive the first pass.
#[derive(Default, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) shared: Scope<'a>,
    pub(crate) subdomains: HashMap<&'a str, Id<model::Subdomain>>,
    /// By subdomain.
    pub(crate) members: Vec<Scope<'a>>,
    /// A declaration without a readable name: whatever is not found may have been meant by it.
    pub(crate) anything_broken: bool,
}

/// Whether something that could not be read may have declared `name`: it has that name, or none that could be read, or holds several.
pub(crate) fn hides(broken: &[ast::Broken], name: &str) -> bool {
    broken.iter().any(|item| {
        let several = matches!(item.noun, ast::Noun::State | ast::Noun::Unknown);
        several || item.name.as_ref().is_none_or(|it| it.as_str() == name)
    })
}

/// Reports the second of two declarations.
fn duplicate(draft: &mut Draft<'_>, noun: &str, name: &str, first: Span, second: Span) {
    let message = format!("{noun} `{name}` is declared twice");
    draft.report(
        Diagnostic::new(&codes::DUPLICATE, second, message)
            .at("declared again here")
            .label(first, "first declared here")
            .hint("give one of them another name, or remove it"),
    );
}

/// Refuses the second of each name in a list; the first ones stay, in order.
pub(crate) fn distinct<'a, T>(
    draft: &mut Draft<'_>,
    noun: &str,
    items: &'a [T],
    name: impl Fn(&'a T) -> &'a ast::Ident,
) -> Vec<&'a T> {
    let mut kept: Vec<&'a T> = Vec::with_capacity(items.len());
    for item in items {
        let ident = name(item);
        match kept.iter().find(|other| name(other).text == ident.text) {
            Some(first) => duplicate(draft, noun, ident.as_str(), name(first).span, ident.span),
            None => kept.push(item),
        }
    }
    kept
}

impl<'a> Draft<'a> {
    /// The pass.
    pub(crate) fn declare(&mut self, files: &'a [ast::File]) {
        self.declare_system(files);
        for file in files {
            for shared in &file.shared {
                self.declare_types(Owner::Shared, &shared.types, &shared.values, &shared.enums);
                self.declare_broken(None, &shared.broken);
            }
            self.names.anything_broken |= file.broken.iter().any(|broken| broken.name.is_none());
        }
        for file in files {
            for subdomain in &file.subdomains {
                self.declare_subdomain(file, subdomain);
            }
        }
        for file in files {
            for broken in &file.broken {
                if let (ast::Noun::Subdomain, Some(name)) = (broken.noun, &broken.name) {
                    self.broken_subdomains.push(name.as_str());
                }
            }
        }
    }

    fn declare_system(&mut self, files: &'a [ast::File]) {
        let mut systems = files.iter().flat_map(|file| &file.systems);
        let broken = files.iter().any(|file| file.broken.iter().any(|broken| broken.noun == ast::Noun::System));
        if let Some(system) = systems.next() {
            self.model.system.name = self.intern(system.name.as_str());
            self.model.system.docs = docs(&system.doc);
            self.model.system.span = system.name.span;
            for other in systems {
                let message = "a spec describes one system";
                self.report(
                    Diagnostic::new(&codes::SECOND, other.span, message)
                        .label(system.span, "the system was named here")
                        .hint("remove one of the two lines"),
                );
            }
        } else if !broken && !self.names.anything_broken {
            let span =
                files.first().map_or(Span::new(crate::source::SourceId(0), 0, 0), |file| Span::new(file.source, 0, 0));
            if !files.is_empty() {
                self.report(
                    Diagnostic::new(&codes::NO_SYSTEM, span, "no file names the system")
                        .hint("begin one file with `system name`"),
                );
            }
        }
    }

    fn declare_broken(&mut self, subdomain: Option<Id<model::Subdomain>>, broken: &'a [ast::Broken]) {
        for item in broken {
            match &item.name {
                Some(name) => {
                    let scope = self.scope_mut(subdomain);
                    if scope.get(name.as_str()).is_none() {
                        scope.add(name.as_str(), Symbol::Broken, name.span);
                    }
                }
                None => self.names.anything_broken = true,
            }
        }
    }

    fn scope_mut(&mut self, subdomain: Option<Id<model::Subdomain>>) -> &mut Scope<'a> {
        match subdomain {
            Some(id) => &mut self.names.members[id.index()],
            None => &mut self.names.shared,
        }
    }

    /// Whether `name` is free in the scope; else reports.
    fn free(&mut self, subdomain: Option<Id<model::Subdomain>>, name: &ast::Ident) -> bool {
        let scope = self.scope_mut(subdomain);
        let Some(first) = scope.span(name.as_str()) else { return true };
        if scope.get(name.as_str()) != Some(Symbol::Broken) {
            duplicate(self, "the name", name.as_str(), first, name.span);
        }
        false
    }

    /// The subdomain with this name; reports and answers `None` where there is none.
    pub(crate) fn find_subdomain(&mut self, name: &ast::Ident) -> Option<Id<model::Subdomain>> {
        if let Some(id) = self.names.subdomains.get(name.as_str()) {
            return Some(*id);
        }
        if !self.broken_subdomains.contains(&name.as_str()) && !self.names.anything_broken {
            let known: Vec<&str> = self.model.subdomains.iter().map(|it| it.name.as_str()).collect();
            let hint = did_you_mean(name.as_str(), known.iter().copied());
            self.report_hint(
                Diagnostic::new(
                    &codes::UNKNOWN_SUBDOMAIN,
                    name.span,
                    format!("there is no subdomain `{}`", name.as_str()),
                ),
                hint,
            );
        }
        None
    }
}
