//! What a process says of itself: live, ready, and how each thing that it needs is.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

/// The answer of `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Of which service: so that nobody takes another for it. Empty: the gateway.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// The process runs and answers.
    pub live: bool,
    /// It can take requests now: 200; else 503.
    pub ready: bool,
    /// Each thing that it needs, by name (`store`, `log`): `ok`, or what is wrong.
    pub dependencies: BTreeMap<String, String>,
}

/// What is said of a dependency that is well.
const WELL: &str = "ok";

impl Health {
    /// Ready if it takes requests at all and every dependency is well.
    pub fn new(taking: bool, dependencies: impl IntoIterator<Item = (String, Result<(), String>)>) -> Self {
        let dependencies: BTreeMap<_, _> = dependencies
            .into_iter()
            .map(|(name, state)| (name, state.err().unwrap_or_else(|| WELL.to_owned())))
            .collect();
        let ready = taking && dependencies.values().all(|state| state == WELL);
        Self { service: String::new(), live: true, ready, dependencies }
    }
}

/// The answer of `GET /health`: 200 where it is ready, else 503.
pub fn answer(health: &Health) -> Response {
    let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(health)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sick_dependency_is_not_ready_but_live() {
        let well = Health::new(true, [("store".to_owned(), Ok(()))]);
        assert!(well.live && well.ready);
        let sick = Health::new(true, [("store".to_owned(), Ok(())), ("log".to_owned(), Err("away".to_owned()))]);
        assert!(sick.live && !sick.ready);
        assert_eq!(sick.dependencies["log"], "away");
        assert!(!Health::new(false, []).ready);
    }
}
