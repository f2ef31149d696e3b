//! Proofs over the whole: what is declared is used, what is followed is handled, what is drawn is what happens.
//!
//! Each check reads the finished model. Where something was reported already, absence proves nothing, and nothing more is said.

mod access;
mod coverage;
mod filter;
mod isolation;
mod lifecycle;

use crate::draft::Draft;

impl Draft<'_> {
    pub(crate) fn check(&mut self) {
        self.check_isolation();
        self.check_coverage();
        self.check_creation();
        self.check_views();
        self.check_filters();
        self.check_lifecycles();
        self.check_access();
    }
}
