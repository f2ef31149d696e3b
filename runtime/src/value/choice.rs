//! Plain enums: the cases of an `enum`, the states of a lifecycle.

/// Implements a plain enum: `choice!(Status { Placed = "placed", Approved = "approved" })`; each case with its name on the wire.
#[macro_export]
macro_rules! choice {
    ($name:ident { $($case:ident = $wire:literal),+ $(,)? }) => {
        impl $name {
            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $wire,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::value::Invalid;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($wire => Ok(Self::$case),)+
                    _ => Err($crate::value::choice::unknown(text, &[$($wire),+])),
                }
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text: String = $crate::serde::Deserialize::deserialize(deserializer)?;
                text.parse().map_err($crate::serde::de::Error::custom)
            }
        }

        impl From<$name> for &'static str {
            fn from(case: $name) -> Self {
                case.as_str()
            }
        }

        $crate::__text_column!($name);
    };
}

/// Implements the states of a lifecycle that hold data, over the enum of their names:
/// `lifecycle!(OrderLifecycle => OrderStatus { Placed, Approved })`.
#[macro_export]
macro_rules! lifecycle {
    ($lifecycle:ident => $name:ident { $($state:ident),+ $(,)? }) => {
        impl $lifecycle {
            /// The state's name, without what is there in it.
            pub const fn name(&self) -> $name {
                match self {
                    $(Self::$state { .. } => $name::$state,)+
                }
            }
        }
    };
}

/// What is wrong with a text that names no case.
pub fn unknown(text: &str, cases: &[&str]) -> super::Invalid {
    super::Invalid(format!("is `{}`, and must be one of {}", super::text::shortened(text), cases.join(", ")))
}
