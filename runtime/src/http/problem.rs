//! Refusals over HTTP: `application/problem+json` (RFC 9457), for every one of them, without internals.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::ExecuteError;
use crate::refusal::{Refusal, RefusalKind};
use crate::store::StoreError;
use crate::token::TokenError;

/// The media type.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal as it is answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// The message for people.
    pub detail: String,
    /// The error's wire name: `customers.Customer.CreditExceeded`, or a built-in such as `NotFound`.
    pub error: String,
    /// The error's fields; of a malformed request, a message for each bad field.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Seconds after which to try again: the header `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

/// As it is written.
#[derive(Serialize)]
struct Body<'a> {
    /// The same for the same error, everywhere.
    r#type: String,
    /// The status in words.
    title: &'a str,
    status: u16,
    detail: &'a str,
    error: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: &'a Map<String, Value>,
}

impl Problem {
    /// A refusal that no spec declares.
    pub fn new(status: StatusCode, error: &str, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            detail: detail.into(),
            error: error.to_owned(),
            fields: Map::new(),
            retry_after: None,
        }
    }

    /// What is needed is away for now: 503.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", detail) }
    }

    /// There is no such path: 404.
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "there is nothing at this path")
    }

    /// The path is there for other methods: 405.
    pub fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "this path does not take this method")
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// The refusal that a service's answer holds.
    pub fn into_refusal(self) -> Refusal {
        let kind = match (self.status, self.error.as_str()) {
            (401, _) => RefusalKind::Unauthenticated,
            (404, _) => RefusalKind::NotFound,
            (403, _) => RefusalKind::Forbidden,
            (412, _) => RefusalKind::Stale,
            (409, "WrongState") => RefusalKind::WrongState,
            (409, "NotUnique") => RefusalKind::NotUnique,
            (409, _) => RefusalKind::Conflict,
            (422, "KeyReused") => RefusalKind::KeyReused,
            (422, "OutOfRange") => RefusalKind::OutOfRange,
            (422, _) => RefusalKind::Declared,
            (429, _) => RefusalKind::Limited,
            _ => RefusalKind::Malformed,
        };
        Refusal { kind, error: self.error, message: self.detail, fields: self.fields }
    }
}

/// The status of a refusal.
pub fn status(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        RefusalKind::Malformed => StatusCode::BAD_REQUEST,
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        RefusalKind::Stale => StatusCode::PRECONDITION_FAILED,
        RefusalKind::WrongState | RefusalKind::NotUnique | RefusalKind::Conflict | RefusalKind::Undone => {
            StatusCode::CONFLICT
        }
        RefusalKind::Declared | RefusalKind::OutOfRange | RefusalKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalKind::Limited => StatusCode::TOO_MANY_REQUESTS,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(status(refusal.kind), &refusal.error, refusal.message);
        problem.fields = refusal.fields;
        problem.retry_after = (refusal.kind == RefusalKind::Limited).then_some(1);
        problem
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthenticated", error.to_string())
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Overloaded => Self::unavailable("too many commands wait"),
            ExecuteError::UnknownCommand(_) | ExecuteError::Broken(_) => {
                tracing::error!(%error, "a command cannot be decided");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Broken", "the service cannot decide this")
            }
            other => {
                tracing::warn!(error = %other, "a command got no answer");
                Self::unavailable("the service cannot decide now")
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store could not be read");
        Self::unavailable("the service cannot read its data now")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let Self { detail, error, fields, retry_after, .. } = &self;
        let title = status.canonical_reason().unwrap_or("Refused");
        let r#type = format!("urn:minos:problem:{error}");
        let body = Body { r#type, title, status: self.status, detail, error, fields };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = *retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
