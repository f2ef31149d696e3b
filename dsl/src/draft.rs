//! The model while it is being made: what all passes share.

use std::collections::HashMap;

use crate::ast;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{self, Docs, Id, Model, Name, TypeRef};
use crate::names::Names;
use crate::source::{SourceId, Span};

/// The syntax of each declaration, by its id.
#[derive(Default)]
pub(crate) struct Nodes<'a> {
    pub(crate) named_types: Vec<&'a ast::TypeDecl>,
    pub(crate) values: Vec<&'a ast::ValueDecl>,
    pub(crate) aggregates: Vec<&'a ast::Aggregate>,
    pub(crate) commands: Vec<&'a ast::Command>,
    pub(crate) events: Vec<&'a ast::Event>,
    pub(crate) errors: Vec<&'a ast::ErrorDecl>,
    pub(crate) views: Vec<&'a ast::View>,
    /// `None` for those that come with a view.
    pub(crate) queries: Vec<Option<&'a ast::Query>>,
    pub(crate) ports: Vec<&'a ast::Port>,
    pub(crate) operations: Vec<&'a ast::Operation>,
}

/// The model while it is being made. Each pass adds what it finds, and reads what earlier passes found.
pub(crate) struct Draft<'a> {
    pub(crate) model: Model,
    pub(crate) nodes: Nodes<'a>,
    pub(crate) names: Names<'a>,
    pub(crate) sagas: Vec<(Id<model::Subdomain>, &'a ast::Saga)>,
    pub(crate) policies: Vec<(Id<model::Subdomain>, &'a ast::Policy)>,
    /// By aggregate.
    pub(crate) types_of_aggregate: Vec<Vec<TypeRef>>,
    pub(crate) broken_subdomains: Vec<&'a str>,
    /// Aggregates of which something is unknown (broken members, names that were not found), so that absence proves nothing.
    pub(crate) incomplete: Vec<bool>,
    /// The same of views.
    pub(crate) incomplete_views: Vec<bool>,
    /// Something that names errors, events or commands from afar was broken.
    pub(crate) incomplete_system: bool,
    /// Named types that could not be made out.
    pub(crate) poisoned_types: Vec<Id<model::NamedType>>,
    /// Events whose payload or effects are not all known.
    pub(crate) incomplete_events: Vec<Id<model::Event>>,
    /// Views of which not all handlers are known.
    pub(crate) uncovered_views: Vec<Id<model::View>>,
    /// Errors that something refuses with.
    pub(crate) raised: Vec<Id<model::Error>>,
    /// Types of other subdomains that were named, and where.
    pub(crate) foreign_types: Vec<(Id<model::Subdomain>, TypeRef, Span)>,
    /// Where `expose` names a subdomain.
    pub(crate) exposed_at: Vec<(Id<model::Subdomain>, Span)>,
    /// Members that are computed of themselves.
    pub(crate) circular: Vec<Span>,
    /// The last two routes that collided.
    pub(crate) collided: Option<(Span, Span)>,
    pub(crate) caller_broken: bool,
    pub(crate) gateway_broken: bool,
    /// The gateway says how it authenticates, if only badly.
    pub(crate) authenticate_written: bool,
    interned: HashMap<&'a str, Name>,
    diagnostics: Diagnostics,
}

impl<'a> Draft<'a> {
    pub(crate) fn new() -> Self {
        let nowhere = Span::new(SourceId(0), 0, 0);
        let system =
            model::System { name: Name::from(""), docs: None, span: nowhere, role_claim: None, types: Vec::new() };
        Self {
            model: Model::empty(system),
            nodes: Nodes::default(),
            names: Names::default(),
            sagas: Vec::new(),
            policies: Vec::new(),
            types_of_aggregate: Vec::new(),
            broken_subdomains: Vec::new(),
            incomplete: Vec::new(),
            incomplete_views: Vec::new(),
            incomplete_system: false,
            poisoned_types: Vec::new(),
            incomplete_events: Vec::new(),
            uncovered_views: Vec::new(),
            raised: Vec::new(),
            foreign_types: Vec::new(),
            exposed_at: Vec::new(),
            circular: Vec::new(),
            collided: None,
            caller_broken: false,
            gateway_broken: false,
            authenticate_written: false,
            interned: HashMap::new(),
            diagnostics: Diagnostics::new(),
        }
    }

    /// The name, shared with all others of the same text.
    pub(crate) fn intern(&mut self, text: &'a str) -> Name {
        self.interned.entry(text).or_insert_with(|| Name::from(text)).clone()
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports, with a hint where there is one.
    pub(crate) fn report_hint(&mut self, diagnostic: Diagnostic, hint: Option<String>) {
        self.diagnostics.push(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    }

    /// The model and everything that was reported.
    pub(crate) fn finish(self) -> (Model, Diagnostics) {
        (self.model, self.diagnostics)
    }
}

/// Docs as the model keeps them.
pub(crate) fn docs(doc: &Option<ast::Doc>) -> Docs {
    doc.as_ref().map(|doc| doc.text.as_str().into())
}
