//! Exact decimals with a rule: a fixed number of digits, stored as a scaled whole number, a string on the wire.

use rust_decimal::Decimal;
use serde::de::{Deserializer, Error, Visitor};

use super::Invalid;

/// A decimal's rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// At most so many digits in all (18 at most).
    pub precision: u32,
    /// So many of them after the point.
    pub scale: u32,
    /// The smallest value, as text, and whether it is itself allowed.
    pub min: Option<(&'static str, bool)>,
    /// The largest value, as text, and whether it is itself allowed.
    pub max: Option<(&'static str, bool)>,
}

/// Checks a decimal and gives it exactly the rule's digits after the point, so that it is always written in one way.
///
/// # Errors
/// What is wrong with it.
pub fn check(number: Decimal, rule: &Rule) -> Result<Decimal, Invalid> {
    let mut exact = number.normalize();
    if exact.scale() > rule.scale {
        return Err(Invalid(format!("is {number}, and may have at most {} digits after the point", rule.scale)));
    }
    exact.rescale(rule.scale);
    if exact.mantissa().unsigned_abs() >= 10_u128.pow(rule.precision.min(18)) {
        return Err(Invalid(format!("is {number}, and may have at most {} digits", rule.precision)));
    }
    let bound = |text: &str| text.parse::<Decimal>().unwrap_or_default();
    if let Some((min, inclusive)) = rule.min {
        let limit = bound(min);
        if exact < limit || (exact == limit && !inclusive) {
            let words = if inclusive { "at least" } else { "more than" };
            return Err(Invalid(format!("is {number}, and must be {words} {min}")));
        }
    }
    if let Some((max, inclusive)) = rule.max {
        let limit = bound(max);
        if exact > limit || (exact == limit && !inclusive) {
            let words = if inclusive { "at most" } else { "less than" };
            return Err(Invalid(format!("is {number}, and must be {words} {max}")));
        }
    }
    Ok(exact)
}

/// The decimal that a text writes, exactly: nothing is rounded, and nothing but digits, a sign and a point is taken.
pub fn parse(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// Reads a decimal from its text. A JSON number is refused: whoever wrote or read it may have rounded it.
///
/// # Errors
/// It is another thing, or no decimal.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Decimal;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a decimal number as text, such as `\"12.50\"`")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
            parse(text).ok_or_else(|| E::custom(format!("is `{text}`, which is no decimal number")))
        }
    }

    deserializer.deserialize_str(Text)
}

/// The scaled whole number of a checked decimal; at most 18 digits, so that it fits.
pub fn scaled(number: Decimal) -> i64 {
    i64::try_from(number.mantissa()).unwrap_or_default()
}

/// Implements a named decimal over `struct Name(Decimal)`: `decimal!(Share, 3, 2, > "0", <= "1")`; how many digits, how many of them after
/// the point, and the ends of its range, where it has them.
#[macro_export]
macro_rules! decimal {
    (
        $name:ident, $precision:literal, $scale:literal
        $(, >= $min:literal)? $(, > $above:literal)? $(, <= $max:literal)? $(, < $below:literal)?
    ) => {
        $crate::decimal!(@impl $name, $precision, $scale, [$($min, true)? $($above, false)?], [$($max, true)? $($below, false)?]);
    };
    (@end) => { None };
    (@end $end:literal, $inclusive:literal) => { Some(($end, $inclusive)) };
    (@impl $name:ident, $precision:literal, $scale:literal, [$($min:tt)*], [$($max:tt)*]) => {
        impl $name {
            /// What it keeps.
            pub const RULE: $crate::value::decimal::Rule = $crate::value::decimal::Rule {
                precision: $precision,
                scale: $scale,
                min: $crate::decimal!(@end $($min)*),
                max: $crate::decimal!(@end $($max)*),
            };

            /// The plain number.
            pub fn get(self) -> $crate::value::Decimal {
                self.0
            }
        }

        impl $crate::value::Refined for $name {
            type Plain = $crate::value::Decimal;
            fn new(plain: $crate::value::Decimal) -> Result<Self, $crate::value::Invalid> {
                $crate::value::decimal::check(plain, &Self::RULE).map(Self)
            }
            fn plain(&self) -> $crate::value::Decimal {
                self.0
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
                let wrong = || $crate::value::Invalid(format!("is `{text}`, which is no decimal number"));
                let plain = $crate::value::decimal::parse(text).ok_or_else(wrong)?;
                <Self as $crate::value::Refined>::new(plain)
            }
        }

        $crate::__refined_serde!([] $name, $crate::value::decimal::read);
        $crate::__operators!([] $name, $crate::value::Decimal);

        impl $crate::view::ColumnValue for $name {
            const KIND: $crate::view::ColumnKind = $crate::view::ColumnKind::Decimal($scale);
            fn to_value(&self) -> $crate::view::Value {
                $crate::view::Value::Int($crate::value::decimal::scaled(self.0))
            }
            fn from_value(value: &$crate::view::Value) -> Option<Self> {
                let $crate::view::Value::Int(number) = value else { return None };
                <Self as $crate::value::Refined>::new($crate::value::Decimal::new(*number, $scale)).ok()
            }
        }
    };
}
