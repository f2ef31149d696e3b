//! A command over HTTP.
//!
//! `POST` at its route, the parameters as a JSON object. `201` with `Location` for a `create`, `200` for others; both with `ETag`
//! and `{"id", "version"}`. `If-Match` names the version that it must be at. With an `Idempotency-Key` the same caller gets the
//! same answer again. `Minos-Position` says where the service's events stand after it: give it as `Minos-After` to a query that
//! must see it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use uuid::Uuid;

use super::service::{Call, ServiceHttp};
use super::{Problem, parameters};
use crate::caller::Caller;
use crate::commit::{Answer, Commit};
use crate::context::derived_id;
use crate::engine::{AnyCommand, CommandRequest};
use crate::event::StreamId;
use crate::log::{partition_of, relay};
use crate::parse::malformed;
use crate::refusal::RefusalKind;

/// An answer does not wait longer for what is only good to know.
const AT_ONCE: Duration = Duration::from_millis(20);
/// The header that says where the service's events stand: `orders:17`, or `orders:17/3` on the third of several partitions.
pub(super) const POSITION: HeaderName = HeaderName::from_static("minos-position");
/// Longer keys are refused.
const LONGEST_KEY: usize = 200;

pub(super) async fn answer(
    http: &ServiceHttp,
    command: &dyn AnyCommand,
    call: Call,
    body: String,
) -> Result<Response, Problem> {
    if call.caller == Caller::anonymous() && command.needs_token() {
        return Err(needs_token(command));
    }
    if let Some(name) = call.query.keys().next() {
        return Err(malformed([(name.clone(), "belongs into the body".to_owned())]).into());
    }
    let request = CommandRequest {
        command: command.name().to_owned(),
        target: call.values.into_values().next(),
        arguments: if body.trim().is_empty() { "{}".to_owned() } else { body },
        command_id: command_id(http, &call.headers, &call.caller)?,
        if_match: if_match(&call.headers)?,
        meta: call.meta,
        internal: false,
        saga: None,
        undoes: None,
    };
    let executed = http.engine.execute(request, &|_| Commit::default()).await?;
    tracing::debug!(command = command.name(), replayed = executed.replayed, "decided");
    match &executed.answer {
        Answer::Done { stream, version } => {
            let stream = StreamId::from_stored(stream);
            let position = match executed.pos {
                Some(pos) => Some(position(http, &stream, pos).await),
                None => None,
            };
            Ok(done(command, &stream, *version, position))
        }
        Answer::Refused(refusal) if refusal.kind == RefusalKind::Forbidden && call.caller == Caller::anonymous() => {
            Err(needs_token(command))
        }
        Answer::Refused(refusal) => Err(refusal.clone().into()),
    }
}

fn needs_token(command: &dyn AnyCommand) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "Unauthenticated", format!("`{}` needs a token", command.name()))
}

/// Where the service's events stand, for a query of another service too: those see the events of one partition in order.
async fn position(http: &ServiceHttp, stream: &StreamId, pos: u64) -> String {
    let topic = relay::events_topic(http.service);
    // Known since the start, unless the log is away: then nobody else sees the event soon.
    let partitions = tokio::time::timeout(AT_ONCE, http.log.partitions(&topic)).await;
    match partitions {
        Ok(Ok(partitions)) if partitions > 1 => {
            format!("{}:{pos}/{}", http.service, partition_of(stream.as_str(), partitions))
        }
        _ => format!("{}:{pos}", http.service),
    }
}

fn done(command: &dyn AnyCommand, stream: &StreamId, version: u64, position: Option<String>) -> Response {
    let status = if command.creates() { StatusCode::CREATED } else { StatusCode::OK };
    let body = json!({"id": stream.id(), "version": version});
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, format!("\"{version}\""));
    if let Some(position) = position {
        set(POSITION, position);
    }
    if let (true, Some((_, route))) = (command.creates(), command.route()) {
        let mut location = format!("{route}/");
        parameters::percent_encode(stream.id(), &mut location);
        set(header::LOCATION, location);
    }
    set(header::CACHE_CONTROL, "no-store".to_owned());
    response
}

/// The command's id: derived from the caller and his key, so that the same comes to the same; else new.
fn command_id(http: &ServiceHttp, headers: &HeaderMap, caller: &Caller) -> Result<Uuid, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(http.context.new_id()) };
    let key = key.to_str().ok().filter(|key| !key.trim().is_empty() && key.len() <= LONGEST_KEY);
    let Some(key) = key else {
        let why = format!("must be 1 to {LONGEST_KEY} visible characters of ASCII");
        return Err(malformed([("Idempotency-Key".to_owned(), why)]).into());
    };
    // The length tells where the subject ends, whatever stands in it.
    let subject = format!("{}:{}", caller.subject.len(), caller.subject);
    Ok(derived_id(&["idempotency-key", &subject, key]))
}

/// The version that `If-Match` names; `*` names none.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).and_then(|it| it.parse().ok());
    match version {
        Some(version) => Ok(Some(version)),
        None => {
            Err(malformed([("If-Match".to_owned(), "must be a version as `ETag` gave it: `\"3\"`".to_owned())]).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn if_match_takes_one_version_as_it_was_given() {
        assert_eq!(if_match(&with("\"3\"")).unwrap(), Some(3));
        assert_eq!(if_match(&with("*")).unwrap(), None);
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for wrong in ["3", "W/\"3\"", "\"3\", \"4\"", "\"x\"", "", "\"-1\""] {
            assert_eq!(if_match(&with(wrong)).unwrap_err().status, 400, "{wrong}");
        }
    }
}
