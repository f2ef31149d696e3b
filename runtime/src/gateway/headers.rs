//! Which headers pass the gateway, each way. All others stay: no client says who it is by a header.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::http::Problem;

/// From callers to services.
const IN: [HeaderName; 4] = [
    axum::http::header::CONTENT_TYPE,
    axum::http::header::IF_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("minos-after"),
];

/// From services to callers.
const OUT: [HeaderName; 8] = [
    axum::http::header::CONTENT_TYPE,
    axum::http::header::ETAG,
    axum::http::header::LOCATION,
    axum::http::header::RETRY_AFTER,
    axum::http::header::CACHE_CONTROL,
    axum::http::header::WWW_AUTHENTICATE,
    HeaderName::from_static("minos-position"),
    HeaderName::from_static("minos-rebuilding"),
];

/// The headers of a request that a service sees.
///
/// # Errors
/// 400 where one of them came more than once: two readers could take different ones.
pub(super) fn inward(from: &HeaderMap) -> Result<HeaderMap, Problem> {
    let mut to = HeaderMap::new();
    for name in IN {
        let mut values = from.get_all(&name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            let why = format!("the header `{name}` came more than once");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Malformed", why));
        }
        to.insert(name, value.clone());
    }
    Ok(to)
}

/// The headers of a service's answer that a caller sees.
pub(super) fn outward(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::new();
    for name in OUT {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
    to.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    to
}

/// Refuses what asks for another protocol on this connection.
pub(super) fn refuse_upgrade(headers: &HeaderMap) -> Result<(), Problem> {
    let asks = |value: &HeaderValue| value.to_str().is_ok_and(|it| it.to_ascii_lowercase().contains("upgrade"));
    if headers.contains_key("upgrade") || headers.get_all("connection").iter().any(asks) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Malformed", "the protocol is not changed here"));
    }
    Ok(())
}

/// Refuses bodies in an encoding that nobody here would undo.
pub(super) fn refuse_codings(headers: &HeaderMap) -> Result<(), Problem> {
    let others = |name: HeaderName, taken: &str| {
        headers.get_all(name).iter().any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(taken.as_bytes()))
    };
    if others(axum::http::header::TRANSFER_ENCODING, "chunked") {
        let why = "the only `Transfer-Encoding` taken is `chunked`";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "Malformed", why));
    }
    if others(axum::http::header::CONTENT_ENCODING, "identity") {
        let why = "bodies are taken as they are, without `Content-Encoding`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Malformed", why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_passes() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-user-id",
            "x_user_id",
            "x-forwarded-for",
            "authorization",
            "cookie",
            "host",
            "te",
            "minos-trace",
            "idempotency-key",
        ] {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("1"));
        }
        let passed = inward(&headers).unwrap();
        assert_eq!(passed.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["idempotency-key"]);
    }

    #[test]
    fn a_doubled_header_that_would_pass_is_refused() {
        let mut headers = HeaderMap::new();
        headers.append("if-match", HeaderValue::from_static("\"1\""));
        headers.append("if-match", HeaderValue::from_static("\"2\""));
        assert_eq!(inward(&headers).unwrap_err().status, 400);
    }

    #[test]
    fn codings_that_nobody_undoes_are_refused() {
        for (name, value, status) in [
            ("transfer-encoding", "gzip, chunked", Some(501)),
            ("transfer-encoding", "Chunked", None),
            ("content-encoding", "gzip", Some(415)),
            ("content-encoding", "identity", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(refuse_codings(&headers).err().map(|problem| problem.status), status, "{name}: {value}");
        }
    }

    #[test]
    fn upgrades_are_refused() {
        for (name, value) in [("upgrade", "websocket"), ("connection", "keep-alive, Upgrade")] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert!(refuse_upgrade(&headers).is_err());
        }
    }
}
