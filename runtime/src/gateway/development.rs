//! Development mode: tokens for whoever asks on this machine.

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;

use crate::context::Context;
use crate::http::Problem;
use crate::parse::malformed;
use crate::token::SigningKey;

/// How long a token holds where nothing is said, seconds.
const TTL: i64 = 3600;
/// The longest, seconds.
const LONGEST: i64 = 24 * 3600;

/// Hands out tokens.
pub(super) struct Development {
    pub(super) tokens: SigningKey,
    pub(super) operator: SigningKey,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) context: Context,
}

impl Development {
    /// A token with the claims of the body; `sub` (or `subject`), and optionally `ttl` in seconds, and `operator: true` for a token
    /// that opens `/_operator`.
    pub(super) fn issue(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<(StatusCode, Value), Problem> {
        if !peer.ip().to_canonical().is_loopback() || !asks_this_machine(headers) {
            return Err(Problem::no_route());
        }
        let mut claims: serde_json::Map<String, Value> = crate::parse::json(body)?;
        if let Some(subject) = claims.remove("subject") {
            claims.insert("sub".to_owned(), subject);
        }
        let ttl = match claims.remove("ttl") {
            None => TTL,
            Some(ttl) => ttl.as_i64().filter(|it| (1..=LONGEST).contains(it)).ok_or_else(|| {
                malformed([("ttl".to_owned(), format!("must be a whole number of seconds, 1 to {LONGEST}"))])
            })?,
        };
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.trim().is_empty() {
            return Err(malformed([("sub".to_owned(), "must be who the token is of, a text".to_owned())]).into());
        }
        let operator = claims.remove("operator") == Some(Value::Bool(true));
        let now = self.context.now().as_second();
        for name in ["iss", "aud", "exp", "nbf", "iat"] {
            if claims.contains_key(name) {
                return Err(malformed([(name.to_owned(), "is set by the gateway".to_owned())]).into());
            }
        }
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims
            .insert("aud".to_owned(), json!(if operator { crate::token::operator::AUDIENCE } else { &self.audience }));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now + ttl));
        let key = if operator { &self.operator } else { &self.tokens };
        let token = key.token(&claims)?;
        Ok((StatusCode::CREATED, json!({"token": token, "expires_in": ttl})))
    }
}

/// The `Host` is this machine: a page of the web that was led here by its own name's address gets nothing.
fn asks_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get("host").and_then(|it| it.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}
