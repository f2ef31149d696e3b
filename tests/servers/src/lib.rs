//! Real servers for tests: private, on loopback, on a free port, in a temporary folder, gone with the test process (also when
//! that is killed).
//!
//! Where a server cannot be had, the tests that need it are left out with a line that says so; with `CI=true` they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a harness fails its test by panicking, and says what it leaves out"
)]

mod child;
mod kafka;
mod postgres;

pub use child::{Account, Child, Start};
pub use kafka::Kafka;
pub use postgres::{Database, Postgres};

use std::net::TcpListener;

/// Why a server cannot be had on this machine.
#[derive(Clone, Debug)]
pub struct Missing(pub String);

/// Whether both servers can be started here; fetches the broker where it must.
///
/// # Errors
/// What is missing.
pub fn can_be_had() -> Result<(), Missing> {
    postgres::can_be_had()?;
    kafka::can_be_had()
}

/// A port of loopback that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// The server, or `None` after a line that says what is left out; fails where nothing may be left out (`CI=true`).
pub fn or_left_out<T>(server: Result<T, Missing>, what: &str) -> Option<T> {
    match server {
        Ok(server) => Some(server),
        Err(Missing(why)) => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{what} is required with CI=true: {why}");
            eprintln!("left out: this test needs {what}: {why}");
            None
        }
    }
}
