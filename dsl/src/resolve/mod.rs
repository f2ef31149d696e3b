//! From names to meaning: headers first (fields, parameters, payloads, columns), then bodies, each read by the typed expressions of one [`body::Body`].

mod access;
mod aggregate;
mod arguments;
pub(crate) mod body;
mod caller;
mod command;
mod comparison;
pub(crate) mod contract;
pub(crate) mod convert;
mod decision;
pub(crate) mod derive;
mod duration;
mod effect;
mod event;
mod expr;
mod find;
mod gateway;
mod member;
mod methods;
mod operators;
mod port;
mod process;
mod query;
mod reaction;
mod route;
mod rows;
mod view;

use crate::ast;
use crate::draft::Draft;

impl<'a> Draft<'a> {
    /// All of it, in the order in which later parts read earlier ones.
    pub(crate) fn resolve(&mut self, files: &'a [ast::File]) {
        self.incomplete = vec![false; self.model.aggregates.len()];
        self.incomplete_views = vec![false; self.model.views.len()];
        self.resolve_roles(files);
        self.resolve_type_declarations();
        self.resolve_identities(files);
        self.resolve_states();
        self.resolve_computed();
        self.resolve_errors();
        self.resolve_events();
        self.resolve_command_headers();
        self.resolve_ports();
        self.resolve_columns();
        self.resolve_query_headers();
        self.resolve_effects();
        self.resolve_commands();
        self.resolve_timers();
        self.resolve_handlers();
        self.resolve_queries();
        self.resolve_processes();
        self.resolve_gateway(files);
        self.derive();
    }
}
