//! A service's HTTP: commands and queries at their routes, health, the operator's API; and what it shares with the gateway.

use std::time::Duration;

mod bare;
pub(crate) mod body;
mod command;
mod metrics;
mod operator;
pub mod parameters;
pub mod path;
pub mod problem;
mod query;
pub mod routes;
pub mod server;
pub mod service;

pub use problem::Problem;
pub use server::serve;

/// The client for requests between the processes of a system: pooled, no proxy, no redirects followed.
///
/// # Errors
/// Where the platform gives no client.
pub fn client(at_most: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(1))
        .timeout(at_most)
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(32)
        .build()
}
