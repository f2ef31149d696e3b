//! Checked, exact arithmetic: a result that does not fit refuses the command; nothing wraps, nothing panics.

use rust_decimal::Decimal;

use super::{Duration, Timestamp};
use crate::refusal::{Refusal, RefusalKind};

fn out_of_range() -> Refusal {
    Refusal::new(RefusalKind::OutOfRange, "a result is too large")
}

fn division_by_zero() -> Refusal {
    Refusal::new(RefusalKind::OutOfRange, "a division by zero")
}

/// A number that is computed with: `i64` or [`Decimal`].
pub trait Number: Copy {
    /// Nothing.
    const ZERO: Self;
    /// `None`: it does not fit.
    fn checked_add(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit.
    fn checked_sub(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit.
    fn checked_mul(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit. `other` is not zero.
    fn checked_div(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit. `other` is not zero.
    fn checked_rem(self, other: Self) -> Option<Self>;
    /// Whether it is nothing.
    fn is_zero(self) -> bool;
}

macro_rules! number {
    ($ty:ty, $zero:expr) => {
        impl Number for $ty {
            const ZERO: Self = $zero;
            fn checked_add(self, other: Self) -> Option<Self> {
                <$ty>::checked_add(self, other)
            }
            fn checked_sub(self, other: Self) -> Option<Self> {
                <$ty>::checked_sub(self, other)
            }
            fn checked_mul(self, other: Self) -> Option<Self> {
                <$ty>::checked_mul(self, other)
            }
            fn checked_div(self, other: Self) -> Option<Self> {
                <$ty>::checked_div(self, other)
            }
            fn checked_rem(self, other: Self) -> Option<Self> {
                <$ty>::checked_rem(self, other)
            }
            fn is_zero(self) -> bool {
                self == Self::ZERO
            }
        }
    };
}

number!(i64, 0);
number!(Decimal, Decimal::ZERO);

/// `a + b`.
///
/// # Errors
/// `OutOfRange` where the result does not fit; so everywhere below.
pub fn add<T: Number>(a: T, b: T) -> Result<T, Refusal> {
    a.checked_add(b).ok_or_else(out_of_range)
}

/// `a - b`.
pub fn subtract<T: Number>(a: T, b: T) -> Result<T, Refusal> {
    a.checked_sub(b).ok_or_else(out_of_range)
}

/// `a * b`.
pub fn multiply<T: Number>(a: T, b: T) -> Result<T, Refusal> {
    a.checked_mul(b).ok_or_else(out_of_range)
}

/// `a / b`: decimals to 28 digits, whole numbers towards zero.
pub fn divide<T: Number>(a: T, b: T) -> Result<T, Refusal> {
    if b.is_zero() {
        return Err(division_by_zero());
    }
    a.checked_div(b).ok_or_else(out_of_range)
}

/// `a % b`.
pub fn remainder<T: Number>(a: T, b: T) -> Result<T, Refusal> {
    if b.is_zero() {
        return Err(division_by_zero());
    }
    a.checked_rem(b).ok_or_else(out_of_range)
}

/// `-a`.
pub fn negate<T: Number>(a: T) -> Result<T, Refusal> {
    subtract(T::ZERO, a)
}

/// The sum of all; zero of none.
pub fn sum<T: Number>(numbers: impl IntoIterator<Item = T>) -> Result<T, Refusal> {
    numbers.into_iter().try_fold(T::ZERO, add)
}

/// The sum of all that could be computed; the first refusal where one could not.
pub fn try_sum<T: Number>(numbers: impl IntoIterator<Item = Result<T, Refusal>>) -> Result<T, Refusal> {
    numbers.into_iter().try_fold(T::ZERO, |sum, number| add(sum, number?))
}

/// A moment so much later.
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
