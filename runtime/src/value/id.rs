//! Ids of aggregates.

/// Implements an aggregate's id over `struct Name(Uuid)`: text in streams, JSON and columns.
#[macro_export]
macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// The id as a UUID.
            pub fn uuid(self) -> $crate::value::Uuid {
                self.0
            }
        }

        impl $crate::aggregate::AggregateId for $name {
            fn from_uuid(id: $crate::value::Uuid) -> Self {
                Self(id)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::value::Invalid;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::value::id::parse(text).map(Self)
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text: String = $crate::serde::Deserialize::deserialize(deserializer)?;
                text.parse().map_err($crate::serde::de::Error::custom)
            }
        }

        $crate::__text_column!($name);
    };
}

/// A UUID in its usual form, nothing else, so that an id has one text.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<uuid::Uuid, super::Invalid> {
    let wrong = || super::Invalid(format!("is `{}`, which is no id (a UUID)", super::text::shortened(text)));
    let id = uuid::Uuid::try_parse(text).map_err(|_| wrong())?;
    if text.len() == 36 { Ok(id) } else { Err(wrong()) }
}
