//! A service's HTTP: commands and queries at their routes, health, the operator's API; and what it shares with the gateway.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::shutdown::Shutdown;

pub mod parameters;
pub mod problem;

pub use problem::Problem;

/// Serves `router` until shutdown is asked for; then finishes the requests under way.
pub fn serve(name: &'static str, listener: TcpListener, router: Router, shutdown: &Shutdown) {
    let stop = shutdown.clone();
    shutdown.spawn(name, async move {
        let make = router.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, make).with_graceful_shutdown(async move { stop.asked().await }).await;
        if let Err(error) = served {
            tracing::error!(%error, "the server ended");
        }
    });
}

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
