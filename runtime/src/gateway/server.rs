//! The gateway's HTTP: each request is checked, its caller known, and then forwarded or composed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::development::Development;
use super::forward::{Forwarder, ServiceRequest};
use super::parts::{CallerParts, part_problem};
use super::rewrite::{rewrite, with_query};
use super::{AnyComposition, Gateway, Route, headers, settings};
use crate::caller::Caller;
use crate::config::Config;
use crate::context::Context;
use crate::health::Health;
use crate::http::routes::{Found, Routes};
use crate::http::{Problem, parameters, path};
use crate::registry::Directory;
use crate::shutdown::Shutdown;
use crate::token::internal::InternalSigner;
use crate::token::keys::Keys;
use crate::token::outside::OutsideTokens;
use crate::token::{TokenError, bearer};

/// The most requests at once; one more is answered 503.
const AT_ONCE: usize = 1024;

/// Where a path of the gateway leads.
#[derive(Clone)]
pub(super) enum Target {
    Service(Route),
    Compose(Arc<dyn AnyComposition>),
}

/// A gateway that is ready to serve.
#[derive(Clone)]
pub struct GatewayServer(Arc<Inner>);

struct Inner {
    routes: Routes<Target>,
    services: Vec<&'static str>,
    tokens: Option<OutsideTokens>,
    development: Option<Development>,
    forwarder: Forwarder,
    context: Context,
    places: Semaphore,
    body_limit: usize,
    time: Duration,
    shutdown: Shutdown,
}

/// What a gateway needs of its process.
pub struct Surroundings<'a> {
    /// Limits, settings.
    pub config: &'a Config,
    /// Its keys.
    pub keys: &'a Keys,
    /// Where services are.
    pub directory: Directory,
    /// For requests to them.
    pub client: reqwest::Client,
    /// Clock, ids, randomness.
    pub context: Context,
    /// When to end.
    pub shutdown: Shutdown,
}

impl GatewayServer {
    /// A gateway, checked.
    ///
    /// # Errors
    /// Everything that is missing or wrong: settings, keys, routes that collide.
    pub fn new(gateway: &Gateway, around: Surroundings<'_>) -> Result<Self, Vec<String>> {
        let Surroundings { config, keys, directory, client, context, shutdown } = around;
        let mut mistakes = Vec::new();
        let tokens = settings::outside_tokens(gateway, config, keys, &mut mistakes);
        let routes = settings::routes(gateway, &mut mistakes);
        let Some(signing) = keys.internal.signing.clone() else {
            mistakes.push("no key of `internal` can sign: a gateway needs its secret or private part".to_owned());
            return Err(mistakes);
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let development = settings::development(config, keys, tokens.as_ref(), &context);
        let signer = InternalSigner::new(signing, context.clone());
        let mut services: Vec<_> = gateway.routes.iter().map(|route| route.subdomain).collect();
        services.sort_unstable();
        services.dedup();
        Ok(Self(Arc::new(Inner {
            routes,
            services,
            tokens,
            development,
            forwarder: Forwarder { directory, client, signer, context: context.clone() },
            context,
            places: Semaphore::new(AT_ONCE),
            body_limit: config.body_limit,
            time: config.request_time,
            shutdown,
        })))
    }

    /// The services that it forwards to, each once.
    pub fn services(&self) -> &[&'static str] {
        &self.0.services
    }

    /// Answers every request.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }
}

async fn answer(
    State(gateway): State<GatewayServer>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: axum::extract::Request,
) -> Response {
    let inner = gateway.0;
    let (head, body) = request.into_parts();
    let trace_id = incoming_trace(&head.headers).unwrap_or_else(|| crate::telemetry::new_trace_id(&inner.context));
    let span =
        tracing::info_span!("request", service = "gateway", trace_id, method = %head.method, path = head.uri.path());
    let limited = async {
        let Ok(_place) = inner.places.try_acquire() else {
            return Problem::unavailable("too many requests are under way").into_response();
        };
        let handled = tokio::time::timeout(inner.time, inner.handle(&head, body, peer, &trace_id)).await;
        let response = match handled {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => problem.into_response(),
            Err(_) => Problem::unavailable("the request took too long").into_response(),
        };
        tracing::info!(status = response.status().as_u16(), "answered");
        response
    };
    let mut response = limited.instrument(span).await;
    if let Ok(trace) = HeaderValue::from_str(&trace_id) {
        response.headers_mut().insert("minos-trace", trace);
    }
    response
}

fn incoming_trace(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("traceparent").iter();
    let first = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    crate::telemetry::trace_id(first).map(ToOwned::to_owned)
}

impl Inner {
    async fn handle(&self, head: &Head, body: Body, peer: SocketAddr, trace_id: &str) -> Result<Response, Problem> {
        if head.method == Method::CONNECT || head.uri.authority().is_some() {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Malformed", "this is no proxy"));
        }
        headers::refuse_upgrade(&head.headers)?;
        headers::refuse_codings(&head.headers)?;
        let segments = path::segments(head.uri.path())?;
        let query = parameters::decode(head.uri.query().unwrap_or_default())?;
        let names: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (head.method.as_str(), names.as_slice()) {
            ("GET", ["health"]) => return Ok(self.health()),
            ("POST", ["dev", "tokens"]) if self.development.is_some() => {
                let body = self.read(body).await?;
                return self.issue(peer, &head.headers, &body);
            }
            (_, ["_operator", service, ..]) if peer.ip().to_canonical().is_loopback() => {
                return self.operate(head, service, &segments, body, trace_id).await;
            }
            _ => {}
        }
        let caller = self.caller(&head.headers)?;
        let (target, values) = match self.routes.find(head.method.as_str(), &segments) {
            Found::Route(target, values) => (target, values),
            Found::Methods(methods) => return Ok(wrong_method(&methods)),
            Found::Nothing => return Err(Problem::no_route()),
        };
        match target {
            Target::Compose(composition) => self.compose(&**composition, &caller, query, values, trace_id).await,
            Target::Service(route) => {
                let body = self.read(body).await?;
                let (path_and_query, body) = rewrite(route, &segments, values, head.uri.query(), body)?;
                let request = ServiceRequest {
                    service: route.subdomain,
                    method: head.method.clone(),
                    path_and_query,
                    headers: headers::inward(&head.headers)?,
                    body,
                    trace_id,
                };
                self.forward(Some(&caller), request).await
            }
        }
    }

    /// Who is calling; nobody, where there is no token at all.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        match (bearer(headers), &self.tokens) {
            (Err(TokenError::Missing), _) => Ok(Caller::anonymous()),
            (Err(error), _) => Err(error.into()),
            (Ok(token), Some(tokens)) => tokens.verify(token, &self.context).map_err(|error| {
                tracing::info!(%error, "a token was refused");
                error.into()
            }),
            (Ok(_), None) => Err(TokenError::UnknownKey.into()),
        }
    }

    async fn read(&self, body: Body) -> Result<Bytes, Problem> {
        crate::http::body::read(body, self.body_limit).await
    }

    async fn forward(&self, caller: Option<&Caller>, request: ServiceRequest<'_>) -> Result<Response, Problem> {
        let answer = match caller {
            Some(caller) => self.forwarder.send(caller, request).await?,
            None => self.forwarder.send_as_it_is(request).await?,
        };
        Ok((answer.status, headers::outward(&answer.headers), answer.body).into_response())
    }

    async fn compose(
        &self,
        composition: &dyn AnyComposition,
        caller: &Caller,
        mut query: BTreeMap<String, Vec<String>>,
        values: BTreeMap<&'static str, String>,
        trace_id: &str,
    ) -> Result<Response, Problem> {
        for (name, value) in values {
            if query.insert(name.to_owned(), vec![value]).is_some() {
                let why = "is in the path already".to_owned();
                return Err(crate::parse::malformed([(name.to_owned(), why)]).into());
            }
        }
        let source = CallerParts { forwarder: &self.forwarder, caller, trace_id };
        let (text, absent) = composition.compose(&query, &source).await.map_err(part_problem)?;
        let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let (false, Ok(names)) = (absent.is_empty(), HeaderValue::from_str(&absent.join(", "))) {
            response.headers_mut().insert("minos-absent", names);
        }
        Ok(response)
    }

    /// The operator's API of a service, from this machine alone: the operator's own token goes on to the service.
    async fn operate(
        &self,
        head: &Head,
        service: &str,
        path: &[String],
        body: Body,
        trace_id: &str,
    ) -> Result<Response, Problem> {
        let body = self.read(body).await?;
        let mut headers = headers::inward(&head.headers)?;
        bearer(&head.headers)?;
        if let Some(token) = head.headers.get(header::AUTHORIZATION) {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let inner: Vec<String> = std::iter::once(path[0].clone()).chain(path[2..].iter().cloned()).collect();
        let path_and_query = with_query(path::write(&inner), head.uri.query());
        let method = head.method.clone();
        self.forward(None, ServiceRequest { service, method, path_and_query, headers, body, trace_id }).await
    }

    fn issue(&self, peer: SocketAddr, headers: &HeaderMap, body: &[u8]) -> Result<Response, Problem> {
        let development = self.development.as_ref().ok_or_else(Problem::no_route)?;
        let (status, token) = development.issue(peer, headers, &String::from_utf8_lossy(body))?;
        Ok((status, [(header::CACHE_CONTROL, "no-store")], axum::Json(token)).into_response())
    }

    /// A gateway takes requests as long as it runs: which services it reaches is told, and does not take it out of rotation.
    fn health(&self) -> Response {
        let taking = !self.shutdown.is_asked();
        let mut health = Health::new(taking, []);
        health.dependencies = self
            .services
            .iter()
            .map(|service| {
                let ready = !self.forwarder.directory.ready(service).is_empty();
                ((*service).to_owned(), if ready { "ok" } else { "no instance is ready" }.to_owned())
            })
            .collect();
        crate::health::answer(&health)
    }
}

fn wrong_method(methods: &[&'static str]) -> Response {
    let mut response = Problem::wrong_method().into_response();
    if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
