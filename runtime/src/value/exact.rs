//! Arithmetic that is exact and checked, written as it is read: `price * quantity`, `stock - reserved.values().exact_sum()`.
//!
//! Operators on types with a rule, and on what [`exact`] makes of plain numbers, give an [`Exact`]: the number, or the refusal of the
//! first operation that could not be done. Nothing wraps, nothing panics, and no refusal is lost: the number is reached through
//! [`Exact::value`] or [`Exact::refined`] alone, which give a `Result`. Beside a decimal a whole number counts as a decimal.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use rust_decimal::Decimal;

use super::Refined;
use crate::refusal::{Refusal, RefusalKind};

/// The result of exact arithmetic.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it may be a refusal"]
pub struct Exact<N>(Result<N, Refusal>);

impl<N> Exact<N> {
    /// The number.
    ///
    /// # Errors
    /// `OutOfRange` where it does not fit, or something was divided by zero.
    pub fn value(self) -> Result<N, Refusal> {
        self.0
    }

    /// The number as a type with a rule.
    ///
    /// # Errors
    /// As [`Exact::value`]; and `OutOfRange` where it breaks the rule.
    pub fn refined<T: Refined<Plain = N>>(self) -> Result<T, Refusal> {
        Ok(T::new(self.0?)?)
    }
}

/// A number as the first operand of exact arithmetic.
pub fn exact<T: Operand>(number: T) -> Exact<T::Number> {
    number.exact()
}

/// What is computed with: `i64`, [`Decimal`].
pub trait Number: Copy + PartialEq {
    /// Nothing.
    const ZERO: Self;
    /// `None`: it does not fit.
    fn checked_add(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit.
    fn checked_sub(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit.
    fn checked_mul(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit. Decimals to 28 digits, whole numbers towards zero. `other` is not zero.
    fn checked_div(self, other: Self) -> Option<Self>;
    /// `None`: it does not fit. `other` is not zero.
    fn checked_rem(self, other: Self) -> Option<Self>;
}

macro_rules! number {
    ($number:ty, $zero:expr) => {
        impl Number for $number {
            const ZERO: Self = $zero;
            fn checked_add(self, other: Self) -> Option<Self> {
                <$number>::checked_add(self, other)
            }
            fn checked_sub(self, other: Self) -> Option<Self> {
                <$number>::checked_sub(self, other)
            }
            fn checked_mul(self, other: Self) -> Option<Self> {
                <$number>::checked_mul(self, other)
            }
            fn checked_div(self, other: Self) -> Option<Self> {
                <$number>::checked_div(self, other)
            }
            fn checked_rem(self, other: Self) -> Option<Self> {
                <$number>::checked_rem(self, other)
            }
        }

        impl Operand for $number {
            type Number = Self;
            fn exact(self) -> Exact<Self> {
                Exact(Ok(self))
            }
        }
    };
}

number!(i64, 0);
number!(Decimal, Decimal::ZERO);

/// Two numbers in one computation.
pub trait Meets<N: Number>: Number {
    /// What both are there.
    type Both: Number + From<Self> + From<N>;
}

impl Meets<i64> for i64 {
    type Both = i64;
}
impl Meets<Decimal> for i64 {
    type Both = Decimal;
}
impl Meets<i64> for Decimal {
    type Both = Decimal;
}
impl Meets<Decimal> for Decimal {
    type Both = Decimal;
}

/// What stands beside an operator: a number, a type with a rule around one, a result before, and what may have been refused.
pub trait Operand {
    /// The plain number.
    type Number: Number;
    /// As a result.
    fn exact(self) -> Exact<Self::Number>;
}

impl<N: Number> Operand for Exact<N> {
    type Number = N;
    fn exact(self) -> Self {
        self
    }
}

impl<T: Operand> Operand for Result<T, Refusal> {
    type Number = T::Number;
    fn exact(self) -> Exact<T::Number> {
        Exact(self.and_then(|number| number.exact().0))
    }
}

impl<T: Operand + Copy> Operand for &T {
    type Number = T::Number;
    fn exact(self) -> Exact<T::Number> {
        (*self).exact()
    }
}

/// What the numbers of two operands are together.
pub type Both<A, B> = <<A as Operand>::Number as Meets<<B as Operand>::Number>>::Both;

/// What is done to two numbers, or what is wrong with the result.
type Operation<N> = fn(N, N) -> Result<N, &'static str>;

/// Computes with the numbers of both, unless one was refused: then so is the result, with the first refusal.
fn compute<A: Operand, B: Operand>(a: A, b: B, operation: Operation<Both<A, B>>) -> Exact<Both<A, B>>
where
    A::Number: Meets<B::Number>,
{
    Exact(match (a.exact().0, b.exact().0) {
        (Ok(a), Ok(b)) => operation(a.into(), b.into()).map_err(out_of_range),
        (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
    })
}

const TOO_LARGE: &str = "a result is too large";
const BY_ZERO: &str = "a division by zero";

fn out_of_range(message: &str) -> Refusal {
    Refusal::new(RefusalKind::OutOfRange, message)
}

macro_rules! function {
    ($(#[$docs:meta])* $name:ident, $operation:expr) => {
        $(#[$docs])*
        pub fn $name<A: Operand, B: Operand>(a: A, b: B) -> Exact<Both<A, B>>
        where
            A::Number: Meets<B::Number>,
        {
            compute(a, b, $operation)
        }
    };
}

function!(
    /// `a + b`.
    add,
    |a, b| a.checked_add(b).ok_or(TOO_LARGE)
);
function!(
    /// `a - b`.
    sub,
    |a, b| a.checked_sub(b).ok_or(TOO_LARGE)
);
function!(
    /// `a * b`.
    mul,
    |a, b| a.checked_mul(b).ok_or(TOO_LARGE)
);
function!(
    /// `a / b`.
    div,
    |a, b| if b == Number::ZERO { Err(BY_ZERO) } else { a.checked_div(b).ok_or(TOO_LARGE) }
);
function!(
    /// `a % b`.
    rem,
    |a, b| if b == Number::ZERO { Err(BY_ZERO) } else { a.checked_rem(b).ok_or(TOO_LARGE) }
);

macro_rules! operator {
    ($operator:ident, $function:ident) => {
        impl<N: Meets<R::Number>, R: Operand> $operator<R> for Exact<N> {
            type Output = Exact<N::Both>;
            fn $function(self, other: R) -> Self::Output {
                $function(self, other)
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);
operator!(Rem, rem);

impl<N: Meets<N, Both = N>> Neg for Exact<N> {
    type Output = Self;
    fn neg(self) -> Self {
        sub(Exact(Ok(N::ZERO)), self)
    }
}

/// Sums, with the first refusal where one of the numbers, or the sum, was refused; zero of none.
pub trait ExactSum: Iterator {
    /// The sum of all.
    fn exact_sum(self) -> Exact<<Self::Item as Operand>::Number>
    where
        Self: Sized,
        Self::Item: Operand,
    {
        let mut sum = <Self::Item as Operand>::Number::ZERO;
        for number in self {
            match number.exact().0.map(|number| sum.checked_add(number)) {
                Ok(Some(next)) => sum = next,
                Ok(None) => return Exact(Err(out_of_range(TOO_LARGE))),
                Err(refusal) => return Exact(Err(refusal)),
            }
        }
        Exact(Ok(sum))
    }
}

impl<I: Iterator> ExactSum for I {}

/// The operators of a type around a number (`.0`).
#[doc(hidden)]
#[macro_export]
macro_rules! __operators {
    ([$($generics:tt)*] $name:ty, $number:ty) => {
        impl<$($generics)*> $crate::value::exact::Operand for $name {
            type Number = $number;
            fn exact(self) -> $crate::value::exact::Exact<$number> {
                $crate::value::exact::Operand::exact(self.0)
            }
        }

        $crate::__operators!(@ [$($generics)*] $name, $number, Add, add);
        $crate::__operators!(@ [$($generics)*] $name, $number, Sub, sub);
        $crate::__operators!(@ [$($generics)*] $name, $number, Mul, mul);
        $crate::__operators!(@ [$($generics)*] $name, $number, Div, div);
        $crate::__operators!(@ [$($generics)*] $name, $number, Rem, rem);
    };
    (@ [$($generics:tt)*] $name:ty, $number:ty, $operator:ident, $function:ident) => {
        impl<R: $crate::value::exact::Operand, $($generics)*> std::ops::$operator<R> for $name
        where
            $number: $crate::value::exact::Meets<R::Number>,
        {
            type Output = $crate::value::exact::Exact<$crate::value::exact::Both<Self, R>>;
            fn $function(self, other: R) -> Self::Output {
                $crate::value::exact::$function(self, other)
            }
        }
    };
}
