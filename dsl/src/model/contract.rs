//! What a subdomain (or the gateway) reads of others, exactly: a service holds its own copy of it.

use std::collections::{BTreeMap, BTreeSet};

use super::aggregate::{Aggregate, Event};
use super::arena::Id;
use super::command::Command;
use super::system::TypeRef;
use super::view::Query;
use crate::source::SourceId;

/// Everything that is read of other subdomains. Each list is sorted in declaration order, without doubles, and complete: the types of what is
/// listed are listed too.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Contracts {
    /// Aggregates whose ids are named.
    pub ids: Vec<Id<Aggregate>>,
    /// Aggregates whose lifecycle states are named (`e.entered`, `A.Status`).
    pub statuses: Vec<Id<Aggregate>>,
    /// Commands that are sent, with their parameters and errors.
    pub commands: Vec<Id<Command>>,
    /// Events that are handled, each with the fields of its payload that are read (by their index): of the others the reader knows
    /// nothing, neither personal data that it does not need nor types that may change without it.
    pub events: BTreeMap<Id<Event>, BTreeSet<u32>>,
    /// Queries that are asked, with their rows (the gateway only).
    pub queries: Vec<Id<Query>>,
    /// Values, enums and named types of other subdomains that the above name.
    pub types: Vec<TypeRef>,
    /// Types of `shared` that the subdomain, or the above, name.
    pub shared: Vec<TypeRef>,
    /// Files that declare any of the above (`shared`, `system` and `caller` too), in name order: with the subdomain's own files, all that its code depends on.
    pub files: Vec<SourceId>,
}
