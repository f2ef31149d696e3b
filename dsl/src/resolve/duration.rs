//! Lengths of time as written.

use crate::ast::TimeUnit;

/// Microseconds of `amount` units.
pub(crate) fn micros(amount: &str, unit: TimeUnit) -> Result<i64, &'static str> {
    let one: i64 = match unit {
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Second => 1_000_000,
        TimeUnit::Minute => 60_000_000,
        TimeUnit::Hour => 3_600_000_000,
        TimeUnit::Day => 86_400_000_000,
        TimeUnit::Week => 7 * 86_400_000_000,
        TimeUnit::Month | TimeUnit::Year => {
            return Err("months and years, whose lengths differ, are not available yet");
        }
    };
    let amount: i64 = amount.parse().map_err(|_| "this length of time is too great")?;
    amount.checked_mul(one).ok_or("this length of time is too great")
}
