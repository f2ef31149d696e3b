use super::Ident;
use crate::source::Span;

/// A declaration that could not be read, or that is not available yet. It was reported; whatever names it is not.
#[derive(Debug, Clone)]
pub struct Broken {
    /// What it was meant to be.
    pub noun: Noun,
    /// Its name, where that could be read.
    pub name: Option<Ident>,
    /// All of it.
    pub span: Span,
}

/// The kinds of declarations, as people call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is named as it is written")]
pub enum Noun {
    System,
    Shared,
    Caller,
    Subdomain,
    Gateway,
    Aggregate,
    Type,
    Value,
    Enum,
    Field,
    Let,
    Lifecycle,
    State,
    Create,
    Command,
    Timer,
    Event,
    Error,
    View,
    Key,
    Handler,
    Ignore,
    Query,
    Saga,
    Step,
    Failed,
    Policy,
    Port,
    Operation,
    Roles,
    Identity,
    Authenticate,
    Expose,
    Route,
    Compose,
    Part,
    /// Something whose first word is not known.
    Unknown,
}

impl Noun {
    /// As it is written in a message.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Noun::System => "system",
            Noun::Shared => "shared",
            Noun::Caller => "caller",
            Noun::Subdomain => "subdomain",
            Noun::Gateway => "gateway",
            Noun::Aggregate => "aggregate",
            Noun::Type => "type",
            Noun::Value => "value",
            Noun::Enum => "enum",
            Noun::Field => "field",
            Noun::Let => "let",
            Noun::Lifecycle => "lifecycle",
            Noun::State => "state",
            Noun::Create => "create",
            Noun::Command => "command",
            Noun::Timer => "timer",
            Noun::Event => "event",
            Noun::Error => "error",
            Noun::View => "view",
            Noun::Key => "key",
            Noun::Handler => "handler",
            Noun::Ignore => "ignore",
            Noun::Query => "query",
            Noun::Saga => "saga",
            Noun::Step => "step",
            Noun::Failed => "failed",
            Noun::Policy => "policy",
            Noun::Port => "port",
            Noun::Operation => "operation",
            Noun::Roles => "roles",
            Noun::Identity => "identity",
            Noun::Authenticate => "authenticate",
            Noun::Expose => "expose",
            Noun::Route => "route",
            Noun::Compose => "compose",
            Noun::Part => "part",
            Noun::Unknown => "declaration",
        }
    }
}
