//! Text with a rule.

use super::{Invalid, Refined};

/// Text of `MIN` to `MAX` characters (Unicode scalar values): `text(1..=120)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> Refined for Text<MIN, MAX> {
    type Plain = String;
    fn new(plain: String) -> Result<Self, Invalid> {
        check(&plain, MIN, MAX, None)?;
        Ok(Self(plain))
    }
    fn plain(&self) -> String {
        self.0.clone()
    }
}

crate::__refined_serde!([const MIN: usize, const MAX: usize] Text<MIN, MAX>);
crate::__refined_text!([const MIN: usize, const MAX: usize] Text<MIN, MAX>);

/// Checks length and form of a text.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str, min: usize, max: usize, pattern: Option<(&Pattern, &str)>) -> Result<(), Invalid> {
    let length = text.chars().count();
    if length < min {
        return Err(Invalid(format!("has {length} characters, and needs at least {min}")));
    }
    if length > max {
        return Err(Invalid(format!("has {length} characters, and may have at most {max}")));
    }
    match pattern {
        Some((compiled, source)) if !compiled.matches(text, source) => {
            Err(Invalid(format!("is `{}`, which does not match `{source}`", shortened(text))))
        }
        _ => Ok(()),
    }
}

/// A regular expression that must match a whole text; compiled when it is first used.
#[derive(Debug, Default)]
pub struct Pattern(std::sync::OnceLock<Option<regex_lite::Regex>>);

impl Pattern {
    /// One that is not compiled yet.
    pub const fn new() -> Self {
        Self(std::sync::OnceLock::new())
    }

    /// Whether all of `text` matches. The compiler has checked that `source` is a regular expression; one that is none matches nothing.
    fn matches(&self, text: &str, source: &str) -> bool {
        let regex = self.0.get_or_init(|| regex_lite::Regex::new(&format!("^(?:{source})$")).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// At most 40 characters of a text, for a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Implements a named text over `struct Name(String)`: `text!(Email, 3, 254, r"[^@ ]+@[^@ ]+")`, least and most characters, and the
/// regular expression that must match all of it, if there is one.
#[macro_export]
macro_rules! text {
    ($name:ident, $min:expr, $max:expr) => {
        $crate::text!(@impl $name, $min, $max, None);
    };
    ($name:ident, $min:expr, $max:expr, $pattern:literal) => {
        const _: () = {
            static PATTERN: $crate::value::text::Pattern = $crate::value::text::Pattern::new();
            $crate::text!(@impl $name, $min, $max, Some((&PATTERN, $pattern)));
        };
    };
    (@impl $name:ident, $min:expr, $max:expr, $pattern:expr) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $crate::value::Refined for $name {
            type Plain = String;
            fn new(plain: String) -> Result<Self, $crate::value::Invalid> {
                $crate::value::text::check(&plain, $min, $max, $pattern)?;
                Ok(Self(plain))
            }
            fn plain(&self) -> String {
                self.0.clone()
            }
        }

        $crate::__refined_serde!([] $name);
        $crate::__refined_text!([] $name);
    };
}

/// What all refined texts have beside serde.
#[doc(hidden)]
#[macro_export]
macro_rules! __refined_text {
    ([$($generics:tt)*] $name:ty) => {
        impl<$($generics)*> std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<$($generics)*> std::str::FromStr for $name {
            type Err = $crate::value::Invalid;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::value::Refined>::new(text.to_owned())
            }
        }

        impl<$($generics)*> $crate::view::ColumnValue for $name {
            const KIND: $crate::view::ColumnKind = $crate::view::ColumnKind::Text;
            fn to_value(&self) -> $crate::view::Value {
                $crate::view::Value::Text(self.0.clone())
            }
            fn from_value(value: &$crate::view::Value) -> Option<Self> {
                let $crate::view::Value::Text(text) = value else { return None };
                text.parse().ok()
            }
        }
    };
}

/// A column of text, by `Display` and `FromStr`.
#[doc(hidden)]
#[macro_export]
macro_rules! __text_column {
    ($name:ty) => {
        impl $crate::view::ColumnValue for $name {
            const KIND: $crate::view::ColumnKind = $crate::view::ColumnKind::Text;
            fn to_value(&self) -> $crate::view::Value {
                $crate::view::Value::Text(self.to_string())
            }
            fn from_value(value: &$crate::view::Value) -> Option<Self> {
                let $crate::view::Value::Text(text) = value else { return None };
                text.parse().ok()
            }
        }
    };
}
