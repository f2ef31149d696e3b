//! Path, query and body of a request as the service knows them.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::Value;

use super::Route;
use crate::http::{Problem, parameters, path};

/// The path with its query string.
pub(super) fn with_query(mut path: String, query: Option<&str>) -> String {
    if let Some(query) = query.filter(|it| !it.is_empty()) {
        path.push('?');
        path.push_str(query);
    }
    path
}

/// Path, query and body as the service knows them.
pub(super) fn rewrite(
    route: &Route,
    segments: &[String],
    values: BTreeMap<&'static str, String>,
    query: Option<&str>,
    body: Bytes,
) -> Result<(String, Bytes), Problem> {
    let Some(target) = route.target else {
        return Ok((with_query(path::write(segments), query), body));
    };
    let (inside, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        values.into_iter().partition(|(name, _)| target.contains(&format!("{{{name}}}")));
    let inside: Value = inside.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    let path = parameters::path_and_query(target, None, &inside);
    if rest.is_empty() {
        return Ok((with_query(path, query), body));
    }
    let rest: serde_json::Map<_, _> =
        rest.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    if route.method == "GET" {
        let added = parameters::path_and_query("", None, &Value::Object(rest));
        let added = added.trim_start_matches('?');
        let query =
            query.filter(|it| !it.is_empty()).map_or_else(|| added.to_owned(), |query| format!("{query}&{added}"));
        return Ok((with_query(path, Some(&query)), body));
    }
    let mut fields: serde_json::Map<String, Value> = crate::parse::json(&String::from_utf8_lossy(&body))?;
    fields.extend(rest);
    Ok((with_query(path, query), Value::Object(fields).to_string().into()))
}
