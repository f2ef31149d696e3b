//! Conditions over collections that may themselves be refused.

use crate::refusal::Refusal;

/// The elements that stay; the first refusal where a condition cannot be computed. So everywhere below.
///
/// # Errors
/// What the condition is refused with.
pub fn filter<'a, T: Clone + 'a>(
    items: impl Iterator<Item = &'a T>,
    keep: impl Fn(&'a T) -> Result<bool, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let mut kept = Vec::new();
    for item in items {
        if keep(item)? {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

/// Whether the condition holds for one at least.
pub fn any<'a, T: 'a>(
    mut items: impl Iterator<Item = &'a T>,
    holds: impl Fn(&'a T) -> Result<bool, Refusal>,
) -> Result<bool, Refusal> {
    items.try_fold(false, |found, item| Ok(found || holds(item)?))
}

/// Whether the condition holds for all.
pub fn all<'a, T: 'a>(
    mut items: impl Iterator<Item = &'a T>,
    holds: impl Fn(&'a T) -> Result<bool, Refusal>,
) -> Result<bool, Refusal> {
    items.try_fold(true, |so_far, item| Ok(so_far && holds(item)?))
}
