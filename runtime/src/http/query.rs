//! A query over HTTP: `GET` at its route, parameters in the query string. `Minos-After: orders:17` waits until the view shows
//! what happened up to there; `Minos-Rebuilding: true` says that the view is being rebuilt, and what it shows is older. A row that is
//! kept from an aggregate's own state carries the aggregate's version as `ETag`, for `If-Match` of a command.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::Problem;
use super::service::{Call, ServiceHttp};
use crate::caller::Caller;
use crate::event::StreamId;
use crate::parse::malformed;
use crate::query::{AnyQuery, QueryError};

/// The header that says what a view must show.
const AFTER: &str = "minos-after";
/// How long that is waited for.
const WAIT: Duration = Duration::from_secs(5);
/// More positions are refused.
const MOST: usize = 16;

pub(super) async fn answer(http: &ServiceHttp, query: &dyn AnyQuery, call: Call) -> Result<Response, Problem> {
    if call.caller == Caller::anonymous() && query.needs_token() {
        let detail = format!("`{}` needs a token", query.name());
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "Unauthenticated", detail));
    }
    let mut parameters = call.query;
    for (placeholder, value) in call.values {
        let name = query.path_param().unwrap_or(placeholder);
        if parameters.insert(name.to_owned(), vec![value]).is_some() {
            return Err(malformed([(name.to_owned(), "is in the path already".to_owned())]).into());
        }
    }
    let until = tokio::time::Instant::now() + WAIT;
    for After { service, partition, pos } in after(&call.headers)? {
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        if !http.projections.wait_applied(query.view(), (&service, partition), pos, left).await {
            return Err(Problem::unavailable(format!("the view does not show `{service}:{pos}` yet")));
        }
    }
    let version = version(http, query, &parameters).await?;
    let tables = &http.projections.tables;
    let answer = query.run(&parameters, &call.caller, &*http.store, tables).await.map_err(|error| match error {
        QueryError::Refused(refusal) => Problem::from(refusal),
        QueryError::Store(error) => error.into(),
    })?;
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(version) = version {
        response.headers_mut().insert(header::ETAG, version);
    }
    if answer.rebuilding {
        response.headers_mut().insert(HeaderName::from_static("minos-rebuilding"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The version of the aggregate whose row is asked for. Read before the row: where the aggregate moves on in between, a command with this
/// version is refused, and nothing unseen is overwritten.
async fn version(
    http: &ServiceHttp,
    query: &dyn AnyQuery,
    parameters: &BTreeMap<String, Vec<String>>,
) -> Result<Option<HeaderValue>, Problem> {
    let Some(aggregate) = http.projections.kept.aggregate_of(query.view()) else { return Ok(None) };
    let id = query.path_param().and_then(|name| parameters.get(name)).map(Vec::as_slice);
    let Some([id]) = id else { return Ok(None) };
    let version = http.store.stream_version(&StreamId::new(aggregate, id)).await?;
    Ok(HeaderValue::from_str(&format!("\"{version}\"")).ok().filter(|_| version > 0))
}

/// The positions that the view must show.
/// A position that a view must show.
#[derive(Debug, PartialEq, Eq)]
struct After {
    service: String,
    partition: u32,
    pos: u64,
}

fn after(headers: &HeaderMap) -> Result<Vec<After>, Problem> {
    let Some(value) = headers.get(AFTER) else { return Ok(Vec::new()) };
    let position = |text: &str| {
        let (service, pos) = text.trim().rsplit_once(':').filter(|(service, _)| !service.is_empty())?;
        let (pos, partition) = pos.split_once('/').unwrap_or((pos, "0"));
        Some(After { service: service.to_owned(), partition: partition.parse().ok()?, pos: pos.parse().ok()? })
    };
    let positions: Option<Vec<_>> = value.to_str().ok().and_then(|text| text.split(',').map(position).collect());
    positions.filter(|it| it.len() <= MOST).ok_or_else(|| {
        malformed([(
            "Minos-After".to_owned(),
            "must be positions as `Minos-Position` gave them: `orders:17`".to_owned(),
        )])
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_were_given() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AFTER, HeaderValue::from_static(value));
            after(&headers)
        };
        let at = |service: &str, pos, partition| After { service: service.to_owned(), partition, pos };
        assert_eq!(read("orders:17, catalog:3/5").unwrap(), [at("orders", 17, 0), at("catalog", 3, 5)]);
        for wrong in ["", "17", "orders:1/", "orders:1/x", "orders:/1", "orders:", ":17", "orders:x", "orders:1,,"] {
            assert_eq!(read(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
