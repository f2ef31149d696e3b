//! Why a request, command or step was not carried out: a value that travels (kept answers, replies, problem+json).

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// A refusal: final for this request with this state; trying the same again unchanged is pointless.
///
/// What is transient (the store is away, a port timed out) is never a refusal: see [`crate::store::StoreError`] and
/// [`crate::port::PortError`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What sort of refusal; decides the HTTP status.
    pub kind: RefusalKind,
    /// The error's wire name: `customers.Customer.CreditExceeded`, or a built-in such as `NotFound`, `WrongState`.
    pub error: String,
    /// The message for people, with the error's fields filled in.
    pub message: String,
    /// The error's fields, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// The sorts of refusal, in the order in which they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No token, or one that does not verify: 401.
    Unauthenticated,
    /// The request is malformed; `fields` has a message a field: 400.
    Malformed,
    /// There is no such thing, or `allow` hides it: 404.
    NotFound,
    /// `allow` forbids the call: 403.
    Forbidden,
    /// `If-Match` names another version: 412.
    Stale,
    /// `when` does not list the state that the aggregate is in: 409.
    WrongState,
    /// A `unique` value is taken: 409.
    NotUnique,
    /// The stream changed at every attempt to decide: 409.
    Conflict,
    /// An error that the spec declares: 422.
    Declared,
    /// A result is out of range (overflow, division by zero, a refinement): 422.
    OutOfRange,
    /// An `Idempotency-Key` (or command id) used again with another body: 422.
    KeyReused,
    /// The `do` of a saga came after its `undo`: never done.
    Undone,
    /// A rate limit: 429.
    Limited,
}

impl Refusal {
    /// A built-in refusal, whose error name is the kind's own.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, error: format!("{kind:?}"), message: message.into(), fields: serde_json::Map::new() }
    }

    /// A refusal by an error that the spec declares. `error` is its wire name; `fields` its serialised fields.
    pub fn declared(error: &str, message: impl Into<String>, fields: &impl Serialize) -> Self {
        let fields = match serde_json::to_value(fields) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        Self { kind: RefusalKind::Declared, error: error.to_owned(), message: message.into(), fields }
    }

    /// What is stored names a part of the spec (a step, a timer) that this build does not have: it stops there, and is seen.
    pub fn undefined(what: &str, name: &str) -> Self {
        Self::new(RefusalKind::Conflict, format!("this build has no {what} `{name}`"))
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<serde_json::Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }
}

/// An error that a spec declares: generated. Its `Display` is the message for people; its fields go along.
pub trait DeclaredError: Serialize + Display {
    /// Its wire name: `customers.Customer.CreditExceeded`.
    const NAME: &'static str;
}

impl<E: DeclaredError> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::declared(E::NAME, error.to_string(), &error)
    }
}
