//! Lists with a rule.

use std::collections::BTreeSet;

use super::Invalid;

/// Checks how many elements there are.
///
/// # Errors
/// What is wrong with them.
pub fn check_size(size: usize, min: usize, max: usize) -> Result<(), Invalid> {
    if size < min {
        return Err(Invalid(format!("has {size} elements, and needs at least {min}")));
    }
    if size > max {
        return Err(Invalid(format!("has {size} elements, and may have at most {max}")));
    }
    Ok(())
}

/// Checks that no two elements have the same key. `what` names it: `have the same product`.
///
/// # Errors
/// Which elements are the same.
pub fn check_distinct<T, K: Ord>(elements: &[T], key: impl Fn(&T) -> K, what: &str) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    match elements.iter().position(|element| !seen.insert(key(element))) {
        Some(index) => Err(Invalid(format!("holds two elements that {what} (the second is number {})", index + 1))),
        None => Ok(()),
    }
}

/// Implements a list with a rule over `struct Name(Vec<T>)`: `list!(Items, Item, 1, 50, product)`; least and most elements, and the field
/// (or `self`) in which no two are the same.
#[macro_export]
macro_rules! list {
    ($name:ident, $element:ty, $min:expr, $max:expr) => {
        $crate::list!(@impl $name, $element, $min, $max, |_: &Vec<$element>| Ok(()));
    };
    ($name:ident, $element:ty, $min:expr, $max:expr, self) => {
        $crate::list!(@impl $name, $element, $min, $max, |elements: &Vec<$element>| {
            $crate::value::list::check_distinct(elements, Clone::clone, "are the same")
        });
    };
    ($name:ident, $element:ty, $min:expr, $max:expr, $field:ident) => {
        $crate::list!(@impl $name, $element, $min, $max, |elements: &Vec<$element>| {
            $crate::value::list::check_distinct(elements, |it| it.$field.clone(), concat!("have the same ", stringify!($field)))
        });
    };
    (@impl $name:ident, $element:ty, $min:expr, $max:expr, $distinct:expr) => {
        impl $crate::value::Refined for $name {
            type Plain = Vec<$element>;
            // The least size may be 0, and a key may be `Copy`: one macro serves all.
            #[allow(clippy::clone_on_copy)]
            fn new(plain: Vec<$element>) -> Result<Self, $crate::value::Invalid> {
                $crate::value::list::check_size(plain.len(), $min, $max)?;
                let distinct: fn(&Vec<$element>) -> Result<(), $crate::value::Invalid> = $distinct;
                distinct(&plain)?;
                Ok(Self(plain))
            }
            fn plain(&self) -> Vec<$element> {
                self.0.clone()
            }
        }

        impl std::ops::Deref for $name {
            type Target = [$element];
            fn deref(&self) -> &[$element] {
                &self.0
            }
        }

        impl<'a> IntoIterator for &'a $name {
            type Item = &'a $element;
            type IntoIter = std::slice::Iter<'a, $element>;
            fn into_iter(self) -> Self::IntoIter {
                self.0.iter()
            }
        }

        $crate::__refined_serde!([] $name);
        $crate::record!($name);
    };
}

/// Implements a set with a rule over `struct Name(BTreeSet<T>)`: `set!(Tags, Tag, 0, 5)`; least and most elements.
#[macro_export]
macro_rules! set {
    ($name:ident, $element:ty, $min:expr, $max:expr) => {
        $crate::__sized!($name, std::collections::BTreeSet<$element>, $min, $max);

        impl<'a> IntoIterator for &'a $name {
            type Item = &'a $element;
            type IntoIter = std::collections::btree_set::Iter<'a, $element>;
            fn into_iter(self) -> Self::IntoIter {
                self.0.iter()
            }
        }
    };
}

/// Implements a map with a rule over `struct Name(BTreeMap<K, V>)`: `map!(Prices, Size, Money, 1, 3)`; least and most entries.
#[macro_export]
macro_rules! map {
    ($name:ident, $key:ty, $value:ty, $min:expr, $max:expr) => {
        $crate::__sized!($name, std::collections::BTreeMap<$key, $value>, $min, $max);
    };
}

/// A collection whose rule is its size.
#[doc(hidden)]
#[macro_export]
macro_rules! __sized {
    ($name:ident, $plain:ty, $min:expr, $max:expr) => {
        impl $crate::value::Refined for $name {
            type Plain = $plain;
            fn new(plain: $plain) -> Result<Self, $crate::value::Invalid> {
                $crate::value::list::check_size(plain.len(), $min, $max)?;
                Ok(Self(plain))
            }
            fn plain(&self) -> $plain {
                self.0.clone()
            }
        }

        impl std::ops::Deref for $name {
            type Target = $plain;
            fn deref(&self) -> &$plain {
                &self.0
            }
        }

        $crate::__refined_serde!([] $name);
        $crate::record!($name);
    };
}
