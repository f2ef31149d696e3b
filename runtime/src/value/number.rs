//! Moments and lengths of time, computed with; sizes; keys that may not be there. Numbers: [`mod@super::exact`].

use super::{Duration, Timestamp};
use crate::refusal::{Refusal, RefusalKind};

fn out_of_range() -> Refusal {
    Refusal::new(RefusalKind::OutOfRange, "a result is too large")
}

/// A moment so much later.
///
/// # Errors
/// `OutOfRange` where the result does not fit; so everywhere below.
pub fn later(moment: Timestamp, by: Duration) -> Result<Timestamp, Refusal> {
    moment.checked_add(by).map_err(|_| out_of_range())
}

/// A moment so much earlier.
pub fn earlier(moment: Timestamp, by: Duration) -> Result<Timestamp, Refusal> {
    moment.checked_sub(by).map_err(|_| out_of_range())
}

/// From `b` to `a`.
pub fn between(a: Timestamp, b: Timestamp) -> Duration {
    a.duration_since(b)
}

/// `a + b` of lengths of time.
pub fn longer(a: Duration, b: Duration) -> Result<Duration, Refusal> {
    a.checked_add(b).ok_or_else(out_of_range)
}

/// `a - b` of lengths of time.
pub fn shorter(a: Duration, b: Duration) -> Result<Duration, Refusal> {
    a.checked_sub(b).ok_or_else(out_of_range)
}

/// How many there are, as a number of the language.
pub fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `map[key]` where the key was not proven present.
pub fn present<T>(value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::new(RefusalKind::OutOfRange, "a key is not in its map"))
}
