//! Reading what came from outside into generated types: JSON bodies and query strings, with every bad field named.
//!
//! Serde stops at the first mistake. So a text that does not parse is read again, one field at a time: the type is given a
//! map of that field alone, and what is said inside of that field is kept.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::{Refusal, RefusalKind};

mod fields;
mod node;

use fields::Fields;
pub(crate) use node::{Mistake, Node};

/// Reads a JSON object as a `T`. Empty text counts as `{}`.
///
/// # Errors
/// [`RefusalKind::Malformed`], with a message for each field that is wrong, missing or unknown.
pub fn json<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let of_body = |why: String| malformed([("body".to_owned(), why)]);
    let error = match serde_json::from_str(text) {
        Ok(value) if text.contains("\\u0000") => return without_nul(text).map(|()| value),
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    match serde_json::from_str::<Value>(text) {
        // Only what stands there twice goes through the second time.
        Ok(value) => json_value::<T>(&value).and(Err(of_body(error.to_string()))),
        Err(error) => Err(of_body(format!("is not JSON: {error}"))),
    }
}

/// Refuses the character U+0000, which not every store can keep, and names the field that holds it.
fn without_nul(text: &str) -> Result<(), Refusal> {
    fn holds(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(holds),
            Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return Ok(()) };
    let wrong = fields.iter().filter(|(name, value)| name.contains('\0') || holds(value));
    let mistakes: Vec<_> = wrong.map(|(name, _)| (name.clone(), "holds the character U+0000".to_owned())).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(malformed(mistakes)) }
}

/// Reads a JSON object as a `T`.
///
/// # Errors
/// As [`json`].
pub fn json_value<T: DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    let Value::Object(object) = value else {
        return Err(malformed([("body".to_owned(), "must be a JSON object".to_owned())]));
    };
    object_of(&object.iter().map(|(name, value)| (name.as_str(), Node::Json(value))).collect())
}

/// Reads the parameters of a query string (or of a path) as a `T`: numbers and truth values from their text, lists from
/// repeated parameters or JSON, values from JSON.
///
/// # Errors
/// As [`json`].
pub fn query<T: DeserializeOwned>(parameters: &BTreeMap<String, Vec<String>>) -> Result<T, Refusal> {
    object_of(&parameters.iter().map(|(name, texts)| (name.as_str(), Node::Text(texts))).collect())
}

/// The refusal that names fields.
pub fn malformed(mistakes: impl IntoIterator<Item = (String, String)>) -> Refusal {
    let fields: serde_json::Map<_, _> = mistakes.into_iter().map(|(field, why)| (field, Value::String(why))).collect();
    let names = fields.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut refusal = Refusal::new(RefusalKind::Malformed, format!("the request is malformed: {names}"));
    refusal.fields = fields;
    refusal
}

fn object_of<T: DeserializeOwned>(input: &BTreeMap<&str, Node<'_>>) -> Result<T, Refusal> {
    let known = Cell::new(&[] as &'static [&'static str]);
    let whole = Fields { input, only: None, known: &known, mistake: &RefCell::new(None) };
    let error = match T::deserialize(whole) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut mistakes = BTreeMap::new();
    let names: BTreeSet<&str> = known.get().iter().copied().chain(input.keys().copied()).collect();
    for name in names {
        let mistake = RefCell::new(None);
        let one = Fields { input, only: Some(name), known: &known, mistake: &mistake };
        let _ = T::deserialize(one);
        if let Some(found) = mistake.into_inner() {
            mistakes.insert(format!("{name}{}", found.path), found.message);
        }
    }
    if mistakes.is_empty() {
        mistakes.insert(if error.path.is_empty() { "body".to_owned() } else { error.path }, error.message);
    }
    Err(malformed(mistakes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Place {
        name: String,
        count: i64,
        #[allow(dead_code)]
        note: Option<String>,
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Item {
        product: String,
        #[serde(deserialize_with = "positive")]
        quantity: i64,
    }

    fn positive<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let number = i64::deserialize(deserializer)?;
        if number > 0 { Ok(number) } else { Err(serde::de::Error::custom("must be at least 1")) }
    }

    #[test]
    fn every_bad_field_is_named_and_no_other() {
        let text = r#"{"count":"x","items":[{"product":"a","quantity":1},{"product":"b","quantity":0}],"extra":1}"#;
        let refusal = json::<Place>(text).unwrap_err();
        let names: Vec<_> = refusal.fields.keys().map(String::as_str).collect();
        assert_eq!(names, ["count", "extra", "items[1].quantity", "name"]);
        assert_eq!(refusal.fields["name"], "is required");
        assert_eq!(refusal.fields["items[1].quantity"], "must be at least 1");
        assert_eq!(refusal.kind, RefusalKind::Malformed);
    }

    #[test]
    fn what_is_no_json_or_no_object_says_so() {
        assert!(json::<Place>("{").unwrap_err().fields["body"].as_str().unwrap().starts_with("is not JSON"));
        assert_eq!(json::<Place>("[]").unwrap_err().fields["body"], "must be a JSON object");
    }

    #[test]
    fn a_query_string_gives_numbers_lists_and_values() {
        let parameters = BTreeMap::from([
            ("name".to_owned(), vec!["5".to_owned()]),
            ("count".to_owned(), vec!["5".to_owned()]),
            ("items".to_owned(), vec![r#"[{"product":"a","quantity":2}]"#.to_owned()]),
        ]);
        let place: Place = query(&parameters).unwrap();
        assert_eq!(place.count, 5);
        assert_eq!(place.name, "5");
        assert_eq!(place.items[0].quantity, 2);
    }

    #[test]
    fn a_field_that_stands_there_twice_is_refused() {
        let text = r#"{"name":"a","name":"b","count":1,"items":[]}"#;
        assert_eq!(json::<Place>(text).unwrap_err().fields["body"], "duplicate field `name` at line 1 column 18");
    }

    #[test]
    fn a_nul_is_refused_with_its_field() {
        let text = |name: &str| format!(r#"{{"name":"{name}","count":1,"items":[]}}"#);
        assert_eq!(json::<Place>(&text(r"a\u0000")).unwrap_err().fields["name"], "holds the character U+0000");
        assert!(json::<Place>(&text(r"a\\u0000")).is_ok(), "a backslash and digits are no NUL");
    }

    #[derive(Debug, Deserialize)]
    struct ByIds {
        ids: Vec<String>,
        limit: Option<u32>,
    }

    #[test]
    fn lists_come_as_repeated_parameters_and_a_bad_number_is_named() {
        let ids = vec!["a".to_owned(), "b".to_owned()];
        let parameters = BTreeMap::from([("ids".to_owned(), ids.clone())]);
        let read = query::<ByIds>(&parameters).unwrap();
        assert_eq!((read.ids, read.limit), (ids, None));
        let parameters = BTreeMap::from([("limit".to_owned(), vec!["ten".to_owned()])]);
        let refusal = query::<ByIds>(&parameters).unwrap_err();
        assert_eq!(refusal.fields["limit"], "must be a whole number");
        assert_eq!(refusal.fields["ids"], "is required");
    }

    #[derive(Debug, Deserialize)]
    struct Ship {}

    #[test]
    fn an_empty_body_is_an_empty_object() {
        assert!(json::<Ship>(" ").is_ok());
    }
}
