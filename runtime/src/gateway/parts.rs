//! The parts of a composition, asked for in one caller's name.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::PartError;
use super::compose::PartSource;
use super::forward::{Forwarder, ServiceRequest};
use crate::caller::Caller;
use crate::http::Problem;

/// Parts in one caller's name.
pub(super) struct CallerParts<'a> {
    pub(super) forwarder: &'a Forwarder,
    pub(super) caller: &'a Caller,
    pub(super) trace_id: &'a str,
}

#[async_trait::async_trait]
impl PartSource for CallerParts<'_> {
    async fn get(
        &self,
        part: &'static str,
        subdomain: &'static str,
        path_and_query: String,
    ) -> Result<Value, PartError> {
        let request = ServiceRequest {
            service: subdomain,
            method: Method::GET,
            path_and_query,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            trace_id: self.trace_id,
        };
        let unavailable = |problem: Problem| PartError::Unavailable { part, why: problem.detail };
        let answer = self.forwarder.send(self.caller, request).await.map_err(unavailable)?;
        let unreadable = |error: serde_json::Error| PartError::Unreadable { part, why: error.to_string() };
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(unreadable);
        }
        let problem: Problem = serde_json::from_slice(&answer.body).map_err(unreadable)?;
        Err(if answer.status.is_server_error() { unavailable(problem) } else { problem.into_refusal().into() })
    }
}

/// What a composition answers where a part has no answer.
pub(super) fn part_problem(error: PartError) -> Problem {
    match error {
        PartError::Refused(refusal) => refusal.into(),
        PartError::Unavailable { part, why } => {
            tracing::warn!(part, why, "a part cannot be had");
            Problem::unavailable(format!("the part `{part}` cannot be had now"))
        }
        PartError::Unreadable { part, why } => {
            tracing::error!(part, why, "a part cannot be read: gateway and service do not fit together");
            Problem::new(StatusCode::BAD_GATEWAY, "BadGateway", format!("the part `{part}` cannot be read"))
        }
    }
}
