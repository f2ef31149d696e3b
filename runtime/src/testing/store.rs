//! What every [`Store`] must hold: a test a property, run on each backend by [`store_conformance!`](crate::store_conformance).
//!
//! A backend gives a function that opens the database of a name: new at first, the same again after it was closed.

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests, in a library so that every backend can run them

mod commits;
mod concurrency;
mod make;
mod reading;
mod rows;
mod times;

pub use commits::*;
pub use concurrency::*;
pub use reading::*;
pub use rows::*;
pub use times::*;

use std::sync::Arc;

use crate::context::Context;
use crate::store::Store;
use crate::testing::ManualClock;

/// Opens databases by name for one test.
pub struct Opener {
    open: Box<dyn AsyncOpen>,
    /// The clock that the stores see.
    pub clock: Arc<ManualClock>,
    /// Clock and ids of the stores.
    pub context: Context,
}

/// Opens the database of a name.
#[async_trait::async_trait]
pub trait AsyncOpen: Send + Sync {
    /// New at first; the same again after it was closed.
    async fn open(&self, name: &str, context: &Context) -> Arc<dyn Store>;
}

impl Opener {
    /// Over a backend, with a clock that stands still.
    pub fn new(open: impl AsyncOpen + 'static) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { open: Box::new(open), clock: Arc::clone(&clock), context: Context::seeded(clock, 7) }
    }

    /// The database that a test is about.
    pub async fn store(&self) -> Arc<dyn Store> {
        self.open.open("conformance", &self.context).await
    }
}

/// Makes a `#[tokio::test]` of each property; `$opener` is an expression that makes an [`Opener`] (and what it must keep).
#[macro_export]
macro_rules! store_conformance {
    ($opener:expr) => {
        $crate::store_conformance!($opener;
            an_append_is_read_back_as_it_was,
            a_stream_at_another_version_is_a_conflict,
            what_was_decided_on_events_not_written_is_a_conflict,
            a_checked_version_is_checked_and_not_moved,
            a_commit_that_fails_writes_no_part_of_itself,
            one_bad_commit_takes_no_other_with_it,
            an_answer_is_kept_and_given_again,
            answers_of_a_saga_are_forgotten_together,
            a_unique_value_has_one_holder,
            a_unique_value_moves_within_one_commit,
            a_position_moves_by_compare_and_set,
            messages_keep_their_order_and_body,
            commits_of_one_call_see_each_other,
            conflicts_burn_no_position,
            a_reader_that_tails_misses_nothing,
            two_writers_on_one_stream_lose_nothing,
            a_wake_misses_no_commit,
            reading_goes_on_where_it_stopped,
            what_is_not_there_is_absent,
            what_was_answered_is_there_after_reopening,
            a_closed_store_refuses,
            timers_are_due_by_the_stores_clock,
            a_timer_is_set_anew_and_cleared,
            rows_are_put_updated_and_deleted,
            changes_together_are_what_they_are_one_by_one,
            conditions_have_two_values,
            conditions_combine,
            pages_follow_each_other_in_mixed_directions,
            pages_follow_each_other_over_absent_values,
            a_row_that_does_not_fit_is_refused_alone,
            a_table_is_made_once_and_dropped_with_its_position,
            text_of_any_kind_comes_back,
        );
    };
    ($opener:expr; $($property:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $property() {
                let opener = $opener;
                $crate::testing::store::$property(&opener).await;
            }
        )*
    };
}
