//! Parameters in paths and query strings, both ways.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::Refusal;

/// The parameters of a query string, decoded, each with all that was given for it, in order.
///
/// # Errors
/// Says what is wrong with the text.
pub fn decode(query: &str) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text: &str| {
            percent_decode(&text.replace('+', " ")).filter(|it| !it.contains('\0')).ok_or_else(|| {
                crate::parse::malformed([(
                    "query".to_owned(),
                    format!("`{text}` is not percent-encoded UTF-8 without NUL"),
                )])
            })
        };
        parameters.entry(decoded(name)?).or_default().push(decoded(value)?);
    }
    Ok(parameters)
}

/// Reads parameters as a `T`.
///
/// # Errors
/// As [`crate::parse::query`].
pub fn parse<T: DeserializeOwned>(parameters: &BTreeMap<String, Vec<String>>) -> Result<T, Refusal> {
    crate::parse::query(parameters)
}

/// The route with its placeholder filled in by the parameter that it stands for, and the other parameters as query string:
/// what [`decode`] and [`parse`] read back. Absent ones are left out.
pub fn path_and_query(route: &str, path_param: Option<&str>, parameters: &Value) -> String {
    let empty = serde_json::Map::new();
    let fields = parameters.as_object().unwrap_or(&empty);
    let mut used = Vec::new();
    let mut path = String::with_capacity(route.len() + 40);
    for segment in route.split('/').skip(1) {
        path.push('/');
        let Some(placeholder) = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}')) else {
            path.push_str(segment);
            continue;
        };
        let name = if fields.contains_key(placeholder) { placeholder } else { path_param.unwrap_or(placeholder) };
        used.push(name);
        percent_encode(&text_of(fields.get(name).unwrap_or(&Value::Null)), &mut path);
    }
    let mut separator = '?';
    for (name, value) in fields.iter().filter(|(name, _)| !used.contains(&name.as_str())) {
        for text in texts_of(value) {
            path.push(separator);
            percent_encode(name, &mut path);
            path.push('=');
            percent_encode(&text, &mut path);
            separator = '&';
        }
    }
    path
}

fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) if !items.is_empty() && items.iter().all(repeatable) => items.iter().map(text_of).collect(),
        other => vec![text_of(other)],
    }
}

/// Whether it can be told from a list in JSON when it stands alone.
fn repeatable(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.starts_with('['),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Adds `text`, percent-encoded but for unreserved characters (RFC 3986).
pub fn percent_encode(text: &str, to: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

/// The text that percent-encoding stands for; `None` where it is broken or no UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_into_a_path_is_read_back() {
        let parameters =
            json!({"id": "a/b ü", "status": null, "ids": ["x", "y&z"], "only": ["[1"], "none": [], "n": 5});
        let text = path_and_query("/orders/{id}/of", Some("id"), &parameters);
        let (path, query) = text.split_once('?').unwrap();
        assert_eq!(path, "/orders/a%2Fb%20%C3%BC/of");
        let read = decode(query).unwrap();
        assert_eq!(read["ids"], ["x", "y&z"]);
        assert_eq!(read["only"], [r#"["[1"]"#]);
        assert_eq!(read["none"], ["[]"]);
        assert_eq!(read["n"], ["5"]);
        assert!(!read.contains_key("status") && !read.contains_key("id"));
    }

    #[test]
    fn a_placeholder_takes_the_parameter_that_it_stands_for() {
        assert_eq!(path_and_query("/orders/{id}", Some("order"), &json!({"order": "7"})), "/orders/7");
    }

    #[test]
    fn broken_encoding_is_refused() {
        assert!(decode("a=%zz").is_err());
        assert!(decode("a=%ff").is_err());
    }
}
