//! A service's HTTP: commands and queries at their routes, health, the operator's API; and what it shares with the gateway.

pub mod parameters;
