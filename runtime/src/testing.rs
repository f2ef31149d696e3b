//! Conformance suites: what every backend of a trait must hold. A backend's own tests run them.

pub mod log;
pub mod saga;
