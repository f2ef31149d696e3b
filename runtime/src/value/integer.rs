//! Whole numbers with a rule.

use super::{Invalid, Refined};

/// A whole number from `MIN` to `MAX`, both included: `int(1..=999)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

/// A whole number of at least `MIN`: `int(0..)`.
pub type IntFrom<const MIN: i64> = Int<MIN, { i64::MAX }>;

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// The plain number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Refined for Int<MIN, MAX> {
    type Plain = i64;
    fn new(plain: i64) -> Result<Self, Invalid> {
        check(plain, MIN, MAX)?;
        Ok(Self(plain))
    }
    fn plain(&self) -> i64 {
        self.0
    }
}

crate::__refined_serde!([const MIN: i64, const MAX: i64] Int<MIN, MAX>);
crate::__refined_integer!([const MIN: i64, const MAX: i64] Int<MIN, MAX>);

/// Checks the range of a whole number.
///
/// # Errors
/// What is wrong with it.
pub fn check(number: i64, min: i64, max: i64) -> Result<(), Invalid> {
    if number < min {
        return Err(Invalid(format!("is {number}, and must be at least {min}")));
    }
    if number > max {
        return Err(Invalid(format!("is {number}, and must be at most {max}")));
    }
    Ok(())
}

/// Implements a named whole number over `struct Name(i64)`: `integer!(Quantity, 1, 999)`, both ends included.
#[macro_export]
macro_rules! integer {
    ($name:ident, $min:expr, $max:expr) => {
        impl $name {
            /// The plain number.
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl $crate::value::Refined for $name {
            type Plain = i64;
            fn new(plain: i64) -> Result<Self, $crate::value::Invalid> {
                $crate::value::integer::check(plain, $min, $max)?;
                Ok(Self(plain))
            }
            fn plain(&self) -> i64 {
                self.0
            }
        }

        $crate::__refined_serde!([] $name);
        $crate::__refined_integer!([] $name);
    };
}

/// What all refined whole numbers have beside serde.
#[doc(hidden)]
#[macro_export]
macro_rules! __refined_integer {
    ([$($generics:tt)*] $name:ty) => {
        $crate::__operators!([$($generics)*] $name, i64);

        impl<$($generics)*> std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<$($generics)*> std::str::FromStr for $name {
            type Err = $crate::value::Invalid;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let plain = text.parse().map_err(|_| $crate::value::Invalid(format!("is `{text}`, which is no whole number")))?;
                <Self as $crate::value::Refined>::new(plain)
            }
        }

        impl<$($generics)*> $crate::view::ColumnValue for $name {
            const KIND: $crate::view::ColumnKind = $crate::view::ColumnKind::Int;
            fn to_value(&self) -> $crate::view::Value {
                $crate::view::Value::Int(self.0)
            }
            fn from_value(value: &$crate::view::Value) -> Option<Self> {
                let $crate::view::Value::Int(number) = value else { return None };
                <Self as $crate::value::Refined>::new(*number).ok()
            }
        }
    };
}
