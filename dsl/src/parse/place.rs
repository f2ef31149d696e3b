//! Where members stand, and the words that begin them there.

use crate::ast::Noun;

/// What holds the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Shared,
    Caller,
    Subdomain,
    Aggregate,
    View,
    Saga,
    Port,
    Gateway,
}

impl Place {
    /// As it is called in messages.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Place::File => "a file",
            Place::Shared => "`shared`",
            Place::Caller => "`caller`",
            Place::Subdomain => "a subdomain",
            Place::Aggregate => "an aggregate",
            Place::View => "a view",
            Place::Saga => "a saga",
            Place::Port => "a port",
            Place::Gateway => "the gateway",
        }
    }

    /// Every place, from the outside to the inside.
    pub(super) const ALL: [Place; 9] = [
        Place::File,
        Place::Shared,
        Place::Caller,
        Place::Subdomain,
        Place::Aggregate,
        Place::View,
        Place::Saga,
        Place::Port,
        Place::Gateway,
    ];

    /// The words that begin a member there.
    pub(super) fn words(self) -> &'static [(&'static str, Noun, Next)] {
        use Next::{Brace, Name, NameThenColon, NameThenEq, Text};
        match self {
            Place::File => &[
                ("system", Noun::System, Name),
                ("shared", Noun::Shared, Brace),
                ("caller", Noun::Caller, Brace),
                ("subdomain", Noun::Subdomain, Name),
                ("gateway", Noun::Gateway, Brace),
            ],
            Place::Shared => &[("type", Noun::Type, Name), ("value", Noun::Value, Name), ("enum", Noun::Enum, Name)],
            Place::Caller => &[("roles", Noun::Roles, Name)],
            Place::Subdomain => &[
                ("type", Noun::Type, Name),
                ("value", Noun::Value, Name),
                ("enum", Noun::Enum, Name),
                ("error", Noun::Error, Name),
                ("aggregate", Noun::Aggregate, Name),
                ("view", Noun::View, Name),
                ("saga", Noun::Saga, Name),
                ("policy", Noun::Policy, Name),
                ("port", Noun::Port, Name),
            ],
            Place::Aggregate => &[
                ("let", Noun::Let, NameThenEq),
                ("lifecycle", Noun::Lifecycle, Name),
                ("state", Noun::State, Name),
                ("create", Noun::Create, Name),
                ("command", Noun::Command, Name),
                ("timer", Noun::Timer, Name),
                ("event", Noun::Event, Name),
                ("error", Noun::Error, Name),
                ("value", Noun::Value, Name),
                ("enum", Noun::Enum, Name),
            ],
            Place::View => &[
                ("key", Noun::Key, NameThenColon),
                ("on", Noun::Handler, Name),
                ("ignore", Noun::Ignore, Name),
                ("query", Noun::Query, Name),
            ],
            Place::Saga => &[("step", Noun::Step, Name), ("pivot", Noun::Step, Name), ("failed", Noun::Failed, Brace)],
            Place::Port => &[
                ("value", Noun::Value, Name),
                ("enum", Noun::Enum, Name),
                ("error", Noun::Error, Name),
                ("type", Noun::Type, Name),
                ("reads", Noun::Operation, Name),
            ],
            Place::Gateway => &[
                ("authenticate", Noun::Authenticate, Name),
                ("expose", Noun::Expose, Name),
                ("compose", Noun::Compose, Name),
                ("GET", Noun::Route, Text),
                ("POST", Noun::Route, Text),
                ("PUT", Noun::Route, Text),
                ("PATCH", Noun::Route, Text),
                ("DELETE", Noun::Route, Text),
            ],
        }
    }

    /// What `name:` is there.
    pub(super) fn field(self) -> Option<Noun> {
        match self {
            Place::Caller => Some(Noun::Identity),
            Place::Aggregate | Place::View => Some(Noun::Field),
            _ => None,
        }
    }
}

/// What must follow a word for it to begin a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A name.
    Name,
    /// `name =`
    NameThenEq,
    /// `name:`
    NameThenColon,
    /// `{`
    Brace,
    /// `(`
    Paren,
    /// A text in quotes.
    Text,
    /// Anything but what makes the word itself a name: `:`, `=`, `.`, `,`, `)`.
    Any,
}

impl Next {
    /// As it is called in messages.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Next::Name => "a name",
            Next::NameThenEq => "a name and `=`",
            Next::NameThenColon => "a name and `:`",
            Next::Brace => "`{`",
            Next::Paren => "`(`",
            Next::Text => "a text in quotes",
            Next::Any => "more",
        }
    }
}

/// What the language knows, and this compiler cannot do yet: the word, what it would be, where, and what follows.
pub(super) const UNAVAILABLE: [(&str, Noun, &[Place], Next); 19] = [
    ("scenario", Noun::Unknown, &[Place::File], Next::Any),
    ("external", Noun::Subdomain, &[Place::File], Next::Name),
    ("fn", Noun::Unknown, &[Place::Shared, Place::Subdomain, Place::Aggregate], Next::Name),
    ("extern", Noun::Unknown, &[Place::Shared, Place::Subdomain, Place::Aggregate], Next::Name),
    ("rule", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Name),
    ("invariant", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Any),
    ("upsert", Noun::Command, &[Place::Aggregate], Next::Name),
    ("private", Noun::Event, &[Place::Aggregate], Next::Name),
    ("upcast", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Any),
    ("formerly", Noun::Unknown, &[Place::Subdomain, Place::Aggregate], Next::Any),
    ("entity", Noun::Value, &[Place::Aggregate], Next::Name),
    ("unique", Noun::Unknown, &[Place::Aggregate], Next::Paren),
    ("secret", Noun::Field, &[Place::Aggregate, Place::View], Next::NameThenColon),
    ("personal", Noun::Field, &[Place::Aggregate, Place::View], Next::NameThenColon),
    ("parallel", Noun::Step, &[Place::Saga], Next::Any),
    ("wait", Noun::Step, &[Place::Saga], Next::Any),
    ("stop", Noun::Step, &[Place::Saga], Next::Any),
    ("saga", Noun::Step, &[Place::Saga], Next::Name),
    ("limit", Noun::Unknown, &[Place::Gateway], Next::Any),
];

/// Words that, wherever the grammar stops at them, are not mistakes but features to come.
const LATER: [&str; 22] = [
    "scenario",
    "external",
    "fn",
    "extern",
    "rule",
    "invariant",
    "private",
    "upcast",
    "formerly",
    "entity",
    "secret",
    "personal",
    "parallel",
    "wait",
    "stop",
    "match",
    "requires",
    "refused",
    "reserved",
    "every",
    "is",
    "previous",
];

/// True for a word of a feature that is not available yet.
pub(super) fn is_later(word: &str) -> bool {
    LATER.contains(&word)
}

/// Words that begin statements.
pub(super) const STATEMENTS: [&str; 13] =
    ["let", "require", "if", "done", "emit", "do", "for", "add", "remove", "insert", "update", "upsert", "delete"];
