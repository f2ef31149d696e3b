//! Growing pauses between attempts.

use std::time::Duration;

use crate::context::Context;

/// Pauses that double from `first` to `longest`, each shortened by up to a half at random, so that those who failed
/// together do not come back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The pause before the next attempt.
    pub(crate) fn pause(&mut self, context: &Context) -> Duration {
        let pause = self.next.mul_f64(1.0 - context.fraction() / 2.0);
        self.next = (self.next * 2).min(self.longest);
        pause
    }

    /// It worked: the next pause is the first again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}
