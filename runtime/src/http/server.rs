//! The server below every router of ours: strict framing, limits on head and time, graceful end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service as _;

use super::bare::Explained;
use crate::shutdown::Shutdown;

/// How long a request's head may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The longest head, bytes.
const HEAD_SIZE: usize = 32 * 1024;
/// The most headers.
const HEADERS: usize = 64;
/// The most connections at once; more wait to be accepted.
const CONNECTIONS: usize = 4096;
/// The pause after a connection could not be accepted (no file handles left).
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until shutdown is asked for; then finishes the requests under way.
pub fn serve(name: &'static str, listener: TcpListener, router: Router, shutdown: &Shutdown) {
    let stop = shutdown.clone();
    shutdown.spawn(name, async move {
        let places = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.asked() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, router.clone(), stop.clone());
                    stop.spawn("http.connection", async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    });
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, shutdown: Shutdown) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(Explained::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.asked() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
