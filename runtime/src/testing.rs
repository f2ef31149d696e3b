//! For tests of services and of backends: a clock that is set by hand, and the conformance suites: what every backend of a
//! trait must hold. A backend's own tests run them.

pub mod clock;
pub mod log;
pub mod saga;
pub mod store;

pub use clock::ManualClock;
