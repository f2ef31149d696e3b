//! What changed between two specs, event by event.

use std::collections::BTreeMap;
use std::fmt;

use crate::event::EventSchema;

/// A change of an event type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The event type is no more.
    Gone,
    /// It enters another lifecycle state.
    Enters {
        /// Before.
        was: Option<String>,
        /// Now.
        is: Option<String>,
    },
    /// A field that was not there.
    Added {
        /// Its name.
        field: String,
        /// Its type.
        is: String,
    },
    /// A field that is no more.
    Removed {
        /// Its name.
        field: String,
        /// Its type.
        was: String,
    },
    /// A field of another type.
    Retyped {
        /// Its name.
        field: String,
        /// Before.
        was: String,
        /// Now.
        is: String,
    },
}

impl Change {
    /// Whether every event of before can be read as it stands, whatever it says.
    pub(super) fn is_harmless(&self) -> bool {
        match self {
            Self::Added { is, .. } => is.ends_with('?'),
            // What was always there may be absent from now on.
            Self::Retyped { was, is, .. } => is.strip_suffix('?') == Some(was),
            Self::Gone | Self::Enters { .. } | Self::Removed { .. } => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |state: &Option<String>| state.as_ref().map_or("no state".to_owned(), |state| format!("`{state}`"));
        match self {
            Self::Gone => f.write_str("the event is gone"),
            Self::Enters { was, is } => write!(f, "it entered {}, enters {}", state(was), state(is)),
            Self::Added { field, is } if is.ends_with('?') => write!(f, "field `{field}: {is}` is new"),
            Self::Added { field, is } => write!(f, "field `{field}: {is}` is new and not optional"),
            Self::Removed { field, was } => write!(f, "field `{field}: {was}` is gone"),
            Self::Retyped { field, was, is } => write!(f, "field `{field}` was `{was}`, is `{is}`"),
        }
    }
}

/// What changed, by event type; event types that are new changed nothing.
pub(super) fn changes(was: &[EventSchema], is: &[EventSchema]) -> BTreeMap<String, Vec<Change>> {
    let of_event = |was: &EventSchema| {
        let changes = match is.iter().find(|is| is.event_type == was.event_type) {
            None => vec![Change::Gone],
            Some(is) => of_event(was, is),
        };
        (was.event_type.clone(), changes)
    };
    was.iter().map(of_event).filter(|(_, changes)| !changes.is_empty()).collect()
}

fn of_event(was: &EventSchema, is: &EventSchema) -> Vec<Change> {
    let mut changes = Vec::new();
    if was.enters != is.enters {
        changes.push(Change::Enters { was: was.enters.clone(), is: is.enters.clone() });
    }
    for (field, shape) in &was.fields {
        match is.fields.iter().find(|(name, _)| name == field) {
            None => changes.push(Change::Removed { field: field.clone(), was: shape.clone() }),
            Some((_, now)) if now != shape => {
                changes.push(Change::Retyped { field: field.clone(), was: shape.clone(), is: now.clone() });
            }
            Some(_) => {}
        }
    }
    let added = is.fields.iter().filter(|(field, _)| !was.fields.iter().any(|(name, _)| name == field));
    changes.extend(added.map(|(field, shape)| Change::Added { field: field.clone(), is: shape.clone() }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_and_only_what_is_surely_read_is_harmless() {
        let was = [
            EventSchema::new("a.A.Made", Some("open"), &[("x", "int"), ("y", "text"), ("z", "decimal(12, 2)")]),
            EventSchema::new("a.A.Gone", None, &[]),
        ];
        let is = [
            EventSchema::new("a.A.Made", Some("open"), &[("x", "int?"), ("z", "int"), ("n", "text?"), ("m", "text")]),
            EventSchema::new("a.A.New", None, &[("a", "int")]),
        ];
        let changes = changes(&was, &is);
        let told: Vec<(String, bool)> =
            changes["a.A.Made"].iter().map(|change| (change.to_string(), change.is_harmless())).collect();
        assert_eq!(
            told,
            [
                ("field `x` was `int`, is `int?`".to_owned(), true),
                ("field `y: text` is gone".to_owned(), false),
                ("field `z` was `decimal(12, 2)`, is `int`".to_owned(), false),
                ("field `n: text?` is new".to_owned(), true),
                ("field `m: text` is new and not optional".to_owned(), false),
            ]
        );
        assert_eq!(changes["a.A.Gone"], [Change::Gone]);
        assert!(!changes.contains_key("a.A.New"));
    }
}
