//! A request's path, taken apart once. What two readers could read differently is refused, not repaired.

use super::Problem;
use super::parameters::{percent_decode, percent_encode};
use axum::http::StatusCode;

/// Longer paths are refused, bytes.
const LONGEST: usize = 2048;

/// The segments of a path, decoded: `/orders/a%20b` is `orders`, `a b`. The root has none.
///
/// # Errors
/// 400 for empty segments (`//`, a slash at the end), `.` and `..` in any spelling, separators in disguise (`%2f`, `%5c`, `\`),
/// parameters (`;`), doubly encoded text (`%25`), control characters, and what is no UTF-8; 414 where it is too long.
pub fn segments(path: &str) -> Result<Vec<String>, Problem> {
    if path.len() > LONGEST {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "Malformed", "the path is too long"));
    }
    let rest = path.strip_prefix('/').ok_or_else(ambiguous)?;
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    rest.split('/').map(segment).collect()
}

fn segment(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode(text).ok_or_else(ambiguous)?;
    let refused = |it: char| matches!(it, '/' | '\\' | ';' | '%') || it.is_control();
    if decoded.is_empty() || decoded == "." || decoded == ".." || decoded.contains(refused) {
        return Err(ambiguous());
    }
    Ok(decoded)
}

fn ambiguous() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "Malformed", "the path is ambiguous")
}

/// The one spelling of a path with those segments.
pub fn write(segments: &[String]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        percent_encode(segment, &mut path);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_taken_apart_and_has_one_spelling() {
        let read = segments("/orders/%61b%20c/cancel").unwrap();
        assert_eq!(read, ["orders", "ab c", "cancel"]);
        assert_eq!(write(&read), "/orders/ab%20c/cancel");
        assert_eq!(write(&segments("/").unwrap()), "/");
    }

    #[test]
    fn ambiguous_forms_are_refused() {
        for path in [
            "",
            "orders",
            "*",
            "//orders",
            "/orders//1",
            "/orders/",
            "/./orders",
            "/orders/..",
            "/orders/../customers",
            "/orders/%2e%2e/customers",
            "/orders/.%2E",
            "/orders%2f1",
            "/orders%2F1",
            "/orders/1;role=clerk",
            "/orders/1%3bx",
            "/orders\\1",
            "/orders%5c1",
            "/orders/%252e",
            "/orders/%00",
            "/orders/%0a",
            "/orders/%zz",
            "/orders/%ff",
            "/orders/%",
        ] {
            assert!(segments(path).is_err(), "{path}");
        }
        assert_eq!(segments(&format!("/{}", "a".repeat(LONGEST))).unwrap_err().status, 414);
    }
}
