//! One service over HTTP. Each request carries a token that the gateway signed for this service; there is no other way in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::routes::{Found, Routes};
use super::{Problem, command, operator, parameters, path, query};
use crate::caller::Caller;
use crate::context::{Context, Meta};
use crate::engine::{AnyCommand, Engine};
use crate::health::Health;
use crate::log::Log;
use crate::log::consumer::Consumers;
use crate::projection::Projections;
use crate::query::AnyQuery;
use crate::service::Service;
use crate::store::Store;
use crate::token::bearer;
use crate::token::internal::InternalVerifier;
use crate::token::operator::OperatorTokens;

/// The most requests at once; one more is answered 503.
const AT_ONCE: usize = 512;

/// What answers a route.
#[derive(Clone)]
enum Endpoint {
    Command(Arc<dyn AnyCommand>),
    Query(Arc<dyn AnyQuery>),
}

/// What a service's HTTP is made of.
pub struct ServiceHttp {
    /// The service's name.
    pub service: &'static str,
    /// Which of its instances this is, for the registry and logs.
    pub instance: uuid::Uuid,
    /// Decides commands.
    pub engine: Arc<Engine>,
    /// Its data.
    pub store: Arc<dyn Store>,
    /// The log between services.
    pub log: Arc<dyn Log>,
    /// Its views.
    pub projections: Arc<Projections>,
    /// What reads messages.
    pub consumers: Arc<Consumers>,
    /// What an operator decides of sagas, policies and port calls.
    pub operator: crate::process::operator::Operator,
    /// Checks the gateway's tokens.
    pub tokens: InternalVerifier,
    /// Checks operators' tokens.
    pub operators: OperatorTokens,
    /// Clock, ids, randomness.
    pub context: Context,
    /// Says so of itself in `/health`; no more at shutdown, while it still answers those that do not know yet.
    pub ready: Arc<AtomicBool>,
    /// The longest body, bytes.
    pub body_limit: usize,
    /// How long a request may take.
    pub time: Duration,
}

/// As it serves.
struct Serving {
    http: ServiceHttp,
    routes: Routes<Endpoint>,
    places: Semaphore,
    counts: super::metrics::Counts,
}

/// A request as it reached the service.
pub(super) struct Call {
    pub(super) caller: Caller,
    pub(super) meta: Meta,
    pub(super) headers: HeaderMap,
    /// The values of the route's placeholders.
    pub(super) values: BTreeMap<&'static str, String>,
    /// The parameters of the query string.
    pub(super) query: BTreeMap<String, Vec<String>>,
}

impl ServiceHttp {
    /// Answers every request to the service.
    ///
    /// # Errors
    /// Routes that collide.
    pub fn router(self, service: &Service) -> Result<Router, String> {
        let mut routes = Routes::default();
        let commands = service.commands.iter().filter_map(|it| it.route().map(|(method, path)| (method, path, it)));
        let commands = commands.map(|(method, path, it)| (method, path, Endpoint::Command(Arc::clone(it))));
        let queries = service.queries.iter().map(|it| ("GET", it.route(), Endpoint::Query(Arc::clone(it))));
        for (method, path, endpoint) in commands.chain(queries) {
            if !routes.add(method, path, endpoint) {
                return Err(format!("`{method} {path}` is the route of two"));
            }
        }
        let (places, counts) = (Semaphore::new(AT_ONCE), super::metrics::Counts::default());
        Ok(Router::new().fallback(answer).with_state(Arc::new(Serving { http: self, routes, places, counts })))
    }

    async fn health(&self) -> Health {
        let store = self.store.health().await.map_err(|error| error.to_string());
        let log = self.log.health().await.map_err(|error| error.to_string());
        let ready = self.ready.load(Ordering::SeqCst);
        let health = Health::new(ready, [("store".to_owned(), store), ("log".to_owned(), log)]);
        Health { service: self.service.to_owned(), ..health }
    }
}

async fn answer(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let trace_id = head.headers.get("traceparent").and_then(|it| it.to_str().ok()).and_then(crate::telemetry::trace_id);
    let trace_id = trace_id.map_or_else(|| crate::telemetry::new_trace_id(&serving.http.context), ToOwned::to_owned);
    let (service, path) = (serving.http.service, head.uri.path().to_owned());
    let span = tracing::info_span!("request", service, trace_id, method = %head.method, path);
    let handled = async {
        let handled = tokio::time::timeout(serving.http.time, serving.handle(head, body, trace_id.clone())).await;
        let response = match handled {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => problem.into_response(),
            Err(_) => Problem::unavailable("the request took too long").into_response(),
        };
        tracing::debug!(status = response.status().as_u16(), "answered");
        serving.counts.answered(response.status());
        response
    };
    handled.instrument(span.clone()).await
}

impl Serving {
    async fn handle(
        &self,
        head: axum::http::request::Parts,
        body: Body,
        trace_id: String,
    ) -> Result<Response, Problem> {
        let segments = path::segments(head.uri.path())?;
        match (head.method.as_str(), segments.first().map(String::as_str)) {
            ("GET", Some("health")) if segments.len() == 1 => {
                return Ok(crate::health::answer(&self.http.health().await));
            }
            ("GET", Some("metrics")) if segments.len() == 1 => return Ok(self.metrics().await),
            (_, Some("_operator")) => return self.operate(&head, &segments[1..], body).await,
            _ => {}
        }
        let caller = self.http.tokens.verify(bearer(&head.headers)?)?;
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Problem::unavailable("too many requests are under way"));
        };
        let (endpoint, values) = match self.routes.find(head.method.as_str(), &segments) {
            Found::Route(endpoint, values) => (endpoint, values),
            Found::Methods(_) => return Err(Problem::wrong_method()),
            Found::Nothing => return Err(Problem::no_route()),
        };
        let query = parameters::decode(head.uri.query().unwrap_or_default())?;
        let meta = Meta { trace_id, ..Meta::new(&self.http.context, caller.clone()) };
        let call = Call { caller, meta, headers: head.headers, values, query };
        match endpoint {
            Endpoint::Command(command) => {
                let body = self.read(&call.headers, body).await?;
                command::answer(&self.http, &**command, call, body).await
            }
            Endpoint::Query(query) => query::answer(&self.http, &**query, call).await,
        }
    }

    /// The body, which is JSON or nothing.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<String, Problem> {
        let bytes = super::body::read(body, self.http.body_limit).await?;
        if bytes.is_empty() {
            return Ok(String::new());
        }
        let media = headers.get(header::CONTENT_TYPE).map(|it| it.to_str().unwrap_or_default());
        if media.is_some_and(|it| it.split(';').next().is_none_or(|it| !is_json(it.trim()))) {
            let detail = "the body must be `application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Malformed", detail));
        }
        String::from_utf8(bytes.into())
            .map_err(|_| crate::parse::malformed([("body".to_owned(), "is not UTF-8".to_owned())]).into())
    }

    async fn operate(
        &self,
        head: &axum::http::request::Parts,
        path: &[String],
        body: Body,
    ) -> Result<Response, Problem> {
        let operator = self.http.operators.verify(bearer(&head.headers)?)?;
        let body = if head.method == Method::GET { String::new() } else { self.read(&head.headers, body).await? };
        let query = parameters::decode(head.uri.query().unwrap_or_default())?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let wish = operator::Wish { operator, method: head.method.as_str(), path: &path, query, body };
        operator::answer(&self.http, wish).await
    }

    async fn metrics(&self) -> Response {
        let consumers = self.http.consumers.status().await.unwrap_or_default();
        let relay = crate::log::relay::lag(&*self.http.store, self.http.service).await.ok();
        let fence = self.http.store.fence_age();
        let text = super::metrics::text(self.http.service, &self.counts, &consumers, relay, fence);
        ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"))], text).into_response()
    }
}

fn is_json(media: &str) -> bool {
    media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
}
