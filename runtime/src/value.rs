//! The types of the language, as generated code uses them.
//!
//! A value that breaks its type's rule cannot be built: every way in ([`Refined::new`], `FromStr`, serde) checks it and says in words
//! what is wrong. Arithmetic is exact and checked ([`exact`](mod@exact)): nothing wraps, nothing panics.
//!
//! | in the spec | here | in JSON | in a column |
//! |---|---|---|---|
//! | `text`, `text(1..=120)` | `String`, [`Text`] | string | text |
//! | `int`, `int(0..)` | `i64`, [`Int`] | number | whole number |
//! | `decimal`, `type Money = decimal(12, 2)` | [`Decimal`], [`decimal!`](crate::decimal) | string | scaled whole number |
//! | `A.Id` | [`id!`](crate::id) | string | text |
//! | `enum`, `A.Status` | [`choice!`](crate::choice) | string | text |
//! | `value` | a struct, [`record!`](crate::record) | object | JSON |
//! | `list<T>`, `list<T>(1..=50)` | `Vec`, [`list!`](crate::list) | array | JSON |
//! | `map<K, V>`, `set<T>` | `BTreeMap`, `BTreeSet` | object, array | JSON |
//! | `timestamp`, `date` | [`Timestamp`], [`Date`] | string | microseconds, text |

pub mod choice;
pub mod column;
pub mod decimal;
pub mod each;
pub mod exact;
pub mod id;
pub mod integer;
pub mod list;
pub mod number;
pub mod text;

pub use exact::{ExactSum, exact};
pub use integer::{Int, IntFrom};
pub use jiff::{SignedDuration as Duration, Timestamp, civil::Date};
pub use rust_decimal::Decimal;
pub use text::Text;
pub use uuid::Uuid;

use crate::refusal::{Refusal, RefusalKind};

/// A value that breaks the rule of the type that it was to become. Says what is wrong, in words that follow the field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::new(RefusalKind::OutOfRange, format!("a result {invalid}"))
    }
}

/// A computation that may be refused, where a refusal has another way to go than out of the function.
///
/// # Errors
/// As `compute`.
pub fn attempt<T>(compute: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    compute()
}

/// A type with a rule: `int(0..)`, `type Money = decimal(12, 2, 0..)`.
pub trait Refined: Sized {
    /// The plain type that it is made of.
    type Plain;

    /// Checks the rule.
    ///
    /// # Errors
    /// What is wrong with `plain`.
    fn new(plain: Self::Plain) -> Result<Self, Invalid>;

    /// The plain value.
    fn plain(&self) -> Self::Plain;
}

/// Implements serde for a refined type: as its plain type, checked on the way in.
#[doc(hidden)]
#[macro_export]
macro_rules! __refined_serde {
    ([$($generics:tt)*] $name:ty) => {
        $crate::__refined_serde!([$($generics)*] $name, $crate::serde::Deserialize::deserialize);
    };
    ([$($generics:tt)*] $name:ty, $read:path) => {
        impl<$($generics)*> $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de, $($generics)*> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let plain = $read(deserializer)?;
                <Self as $crate::value::Refined>::new(plain).map_err($crate::serde::de::Error::custom)
            }
        }
    };
}

/// Lets a struct that a `value` declares stand in a column, as JSON.
#[macro_export]
macro_rules! record {
    ($name:ident) => {
        impl $crate::view::ColumnValue for $name {
            const KIND: $crate::view::ColumnKind = $crate::view::ColumnKind::Json;
            fn to_value(&self) -> $crate::view::Value {
                $crate::value::column::to_json(self)
            }
            fn from_value(value: &$crate::view::Value) -> Option<Self> {
                $crate::value::column::from_json(value)
            }
        }
    };
}
