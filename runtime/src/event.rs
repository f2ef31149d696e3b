//! Events: what generated payloads implement, and how an event stands in the store and in a message.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use uuid::Uuid;

use crate::context::Meta;

/// A stream's name: the aggregate's wire name, a slash, its id: `orders.Order/0192…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// The stream of the aggregate `aggregate` (wire name) with that id.
    pub fn new(aggregate: &str, id: &str) -> Self {
        Self(format!("{aggregate}/{id}").into())
    }

    /// Takes a whole name back, as stored.
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The aggregate's wire name.
    pub fn aggregate(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(aggregate, _)| aggregate)
    }

    /// The aggregate's id.
    pub fn id(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, id)| id)
    }
}

/// The payload of one event type. Generated; a service holds its own copy of those of others that it reads.
pub trait EventPayload: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The wire name: `orders.Order.Placed`.
    const TYPE: &'static str;
    /// The version of the payload's schema, from 1.
    const VERSION: u32 = 1;
}

/// The events of one aggregate: a generated enum of payloads.
pub trait Event: Sized + Send + Sync + Clone + 'static {
    /// The wire name of this event's type.
    fn event_type(&self) -> &'static str;
    /// The version of its schema.
    fn schema_version(&self) -> u32 {
        1
    }
    /// The lifecycle state that it enters.
    fn enters(&self) -> Option<&'static str> {
        None
    }
    /// The payload as JSON.
    fn encode(&self) -> Result<String, serde_json::Error>;
    /// The payload back from JSON.
    fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, DecodeError>;
    /// How each of them stands in the store. Empty where nobody says: then nothing is compared with what is stored.
    fn schemas() -> Vec<EventSchema> {
        Vec::new()
    }
}

/// How an event type stands in the store, as the spec has it: compared at start with what the spec of before said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct EventSchema {
    /// Its wire name.
    pub event_type: String,
    /// The lifecycle state that it enters, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enters: Option<String>,
    /// The fields of its payload, in order: name and type (`decimal(12, 2, 0..)`, `text?`).
    pub fields: Vec<(String, String)>,
}

impl EventSchema {
    /// Of fields as generated code writes them down.
    pub fn new(event_type: &str, enters: Option<&str>, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, shape)| ((*name).to_owned(), (*shape).to_owned()));
        Self { event_type: event_type.to_owned(), enters: enters.map(str::to_owned), fields: fields.collect() }
    }
}

/// Stored or sent data that this build cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A type that the reader does not know.
    #[error("unknown event type `{0}`")]
    UnknownType(String),
    /// A schema version that the reader does not know.
    #[error("event type `{event_type}` has schema version {found}; this build reads up to {known}")]
    UnknownVersion {
        /// The event's wire name.
        event_type: String,
        /// The version found.
        found: u32,
        /// The newest version that this build reads.
        known: u32,
    },
    /// A lifecycle state that the reader does not know.
    #[error("event type `{event_type}` entered `{state}`, a state that this build does not know")]
    UnknownState {
        /// The event's wire name.
        event_type: String,
        /// The state's name.
        state: String,
    },
    /// The payload is not what the schema says.
    #[error("payload of `{event_type}` does not fit its schema: {source}")]
    Payload {
        /// The event's wire name.
        event_type: String,
        /// What serde says.
        source: serde_json::Error,
    },
}

/// An event about to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, a UUID of version 7 (or derived).
    pub event_id: Uuid,
    /// Its wire name.
    pub event_type: String,
    /// The version of its schema.
    pub schema_version: u32,
    /// The lifecycle state that it enters, if any.
    pub entered: Option<String>,
    /// Off the topic: seen by the service's own readers only.
    pub private: bool,
    /// Its payload, JSON.
    pub data: String,
}

/// An event as it stands in a store, or came in a message.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its position in its service's store, from 1, growing; without meaning elsewhere.
    pub pos: u64,
    /// Its stream.
    pub stream: StreamId,
    /// Its version in the stream, from 1, without gaps.
    pub version: u64,
    /// Its id.
    pub event_id: Uuid,
    /// Its wire name.
    pub event_type: String,
    /// The version of its schema.
    pub schema_version: u32,
    /// The lifecycle state that it entered, if any.
    pub entered: Option<String>,
    /// Off the topic.
    pub private: bool,
    /// Its payload, JSON.
    pub data: String,
    /// What it carries with it.
    pub meta: Meta,
    /// When it was decided.
    pub at: Timestamp,
}

impl Recorded {
    /// Whether it is a `P`.
    pub fn is<P: EventPayload>(&self) -> bool {
        self.event_type == P::TYPE
    }

    /// The payload, if this build reads the version.
    pub fn payload<P: EventPayload>(&self) -> Result<P, DecodeError> {
        decode_payload(&self.event_type, self.schema_version, &self.data)
    }

    /// The payload as that of `P`, another type whose fields this one has too: for handlers of several events in the same words.
    pub fn payload_as<P: EventPayload>(&self) -> Result<P, DecodeError> {
        decode_payload(P::TYPE, self.schema_version, &self.data)
    }

    /// The id of the aggregate whose event it is.
    pub fn id<I: std::str::FromStr>(&self) -> Result<I, DecodeError> {
        self.stream.id().parse().map_err(|_| DecodeError::UnknownType(self.stream.as_str().to_owned()))
    }

    /// The lifecycle state that the aggregate entered by it.
    pub fn entered<S: std::str::FromStr>(&self) -> Result<S, DecodeError> {
        let entered = self.entered.as_deref().unwrap_or_default();
        entered
            .parse()
            .map_err(|_| DecodeError::UnknownState { event_type: self.event_type.clone(), state: entered.to_owned() })
    }
}

/// Reads a payload of `P`, checking type and version. Generated `Event::decode` uses it too.
pub fn decode_payload<P: EventPayload>(event_type: &str, version: u32, data: &str) -> Result<P, DecodeError> {
    if event_type != P::TYPE {
        return Err(DecodeError::UnknownType(event_type.to_owned()));
    }
    if version > P::VERSION || version == 0 {
        return Err(DecodeError::UnknownVersion {
            event_type: event_type.to_owned(),
            found: version,
            known: P::VERSION,
        });
    }
    serde_json::from_str(data).map_err(|source| DecodeError::Payload { event_type: event_type.to_owned(), source })
}

/// JSON text that is carried through as it stands, without being taken apart.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Json(Box<serde_json::value::RawValue>);

impl Json {
    /// Takes JSON text; fails where it is none.
    pub fn new(text: String) -> Result<Self, serde_json::Error> {
        serde_json::value::RawValue::from_string(text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Implements an aggregate's events over `enum Name { Placed(Placed), … }`: each with its wire name, the lifecycle state that it enters, and
/// the fields of its payload with their types in the spec:
/// `events!(OrderEvent { Placed = "orders.Order.Placed" => "placed" { "total": "decimal(12, 2)" } })`.
#[macro_export]
macro_rules! events {
    ($events:ident {
        $($event:ident = $wire:literal $(=> $state:literal)? $({ $($field:literal: $shape:literal),* $(,)? })?),+ $(,)?
    }) => {
        impl $crate::event::Event for $events {
            fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$event(_) => $wire,)+
                }
            }

            fn enters(&self) -> Option<&'static str> {
                match self {
                    $($(Self::$event(_) => Some($state),)?)+
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }

            fn encode(&self) -> Result<String, $crate::serde_json::Error> {
                match self {
                    $(Self::$event(event) => $crate::serde_json::to_string(event),)+
                }
            }

            fn decode(event_type: &str, version: u32, data: &str) -> Result<Self, $crate::event::DecodeError> {
                match event_type {
                    $($wire => $crate::event::decode_payload(event_type, version, data).map(Self::$event),)+
                    _ => Err($crate::event::DecodeError::UnknownType(event_type.to_owned())),
                }
            }

            fn schemas() -> Vec<$crate::event::EventSchema> {
                // An entry without its fields says nothing of them.
                let schemas: Vec<Option<$crate::event::EventSchema>> = Vec::from([
                    $($crate::events!(@schema $wire, [$($state)?] $({ $($field: $shape),* })?),)+
                ]);
                schemas.into_iter().collect::<Option<_>>().unwrap_or_default()
            }
        }

        $(
            impl $crate::event::EventPayload for $event {
                const TYPE: &'static str = $wire;
            }

            impl From<$event> for $events {
                fn from(event: $event) -> Self {
                    Self::$event(event)
                }
            }
        )+
    };
    (@schema $wire:literal, [$($state:literal)?]) => {
        None
    };
    (@schema $wire:literal, [] { $($field:literal: $shape:literal),* }) => {
        Some($crate::event::EventSchema::new($wire, None, &[$(($field, $shape)),*]))
    };
    (@schema $wire:literal, [$state:literal] { $($field:literal: $shape:literal),* }) => {
        Some($crate::event::EventSchema::new($wire, Some($state), &[$(($field, $shape)),*]))
    };
}
