//! The engine under every Minos service.
//!
//! Generated code holds data and decisions; everything that is the same in every service lives here:
//!
//! * [`value`]: the types of the language (refined text, integers, decimals, ids, times) and checked arithmetic.
//! * [`event`], [`command`], [`aggregate`], [`view`], [`saga`], [`mod@port`]: the traits that generated code implements.
//! * [`commit`] and [`store`]: the store's one verb and its backends.
//! * [`log`]: messages between services, the relay that fills it and the consumers that empty it.
//! * [`engine`]: deciding commands; [`projection`]: keeping views; [`process`]: moving sagas, policies, timers, port calls.
//! * [`evolution`]: what an earlier spec wrote, and whether this one reads it.
//! * [`instances`]: several processes of one service, and which of them does what.
//! * [`service`] and [`system`]: one service wired; many in one process.
//! * [`gateway`], [`registry`], [`token`], [`health`], [`telemetry`], [`config`], [`shutdown`]: the edges; [`fault`]: where trials end the process.

// Macros name the crate as generated code does, also in its own tests.
#[cfg(test)]
extern crate self as minos_runtime;

pub mod aggregate;
pub mod caller;
pub mod command;
pub mod commit;
pub mod config;
pub mod context;
pub mod engine;
pub mod event;
pub mod evolution;
pub mod fault;
pub mod gateway;
pub mod health;
pub mod http;
pub mod instances;
pub mod log;
pub mod parse;
pub mod port;
pub mod process;
pub mod projection;
pub mod query;
pub mod refusal;
pub mod registry;
pub mod saga;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod system;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
pub mod value;
pub mod view;

pub use async_trait::async_trait;
pub use system::run;
pub use {serde, serde_json};
