//! One request to a service, at an instance that is ready.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::caller::Caller;
use crate::context::Context;
use crate::http::Problem;
use crate::registry::Directory;
use crate::token::internal::InternalSigner;

/// A longer answer of a service is not passed on, bytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// Sends requests to services.
#[derive(Clone)]
pub(super) struct Forwarder {
    pub(super) directory: Directory,
    pub(super) client: reqwest::Client,
    pub(super) signer: InternalSigner,
    pub(super) context: Context,
}

/// A request to a service.
#[derive(Clone)]
pub(super) struct ServiceRequest<'a> {
    pub(super) service: &'a str,
    pub(super) method: Method,
    pub(super) path_and_query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trace_id: &'a str,
}

/// What a service answered.
pub(super) struct ServiceAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Forwarder {
    /// Sends in the caller's name.
    ///
    /// # Errors
    /// 503 where no instance is ready or answers. The next instance is tried where the request certainly did not arrive, or may
    /// arrive twice (`GET`, or with an `Idempotency-Key`).
    pub(super) async fn send(
        &self,
        caller: &Caller,
        mut request: ServiceRequest<'_>,
    ) -> Result<ServiceAnswer, Problem> {
        let token = self.signer.token(request.service, caller).map_err(|error| {
            tracing::error!(%error, "no token can be signed for services");
            Problem::unavailable("the gateway cannot sign")
        })?;
        let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
        request.headers.insert("authorization", bearer.map_err(|_| Problem::unavailable("the gateway cannot sign"))?);
        self.send_as_it_is(request).await
    }

    /// Sends with the headers that the request has.
    pub(super) async fn send_as_it_is(&self, mut request: ServiceRequest<'_>) -> Result<ServiceAnswer, Problem> {
        let trace = crate::telemetry::traceparent(request.trace_id, &self.context);
        if let Ok(trace) = HeaderValue::from_str(&trace) {
            request.headers.insert("traceparent", trace);
        }
        let harmless = request.method == Method::GET || request.headers.contains_key("idempotency-key");
        let service = request.service;
        for address in self.directory.ready(service) {
            let url = format!("http://{address}{}", request.path_and_query);
            let attempt = self
                .client
                .request(request.method.clone(), url)
                .headers(request.headers.clone())
                .body(request.body.clone())
                .send()
                .await;
            let error = match attempt {
                Ok(answer) => return read(answer).await,
                Err(error) => error,
            };
            tracing::warn!(service, %address, %error, "an instance did not answer");
            self.directory.avoid(address);
            if !error.is_connect() && !harmless {
                let detail = format!(
                    "`{service}` did not answer; whether it was done is not known: send it again with an `Idempotency-Key`"
                );
                return Err(Problem::unavailable(detail));
            }
        }
        Err(Problem::unavailable(format!("`{service}` is away")))
    }
}

async fn read(mut answer: reqwest::Response) -> Result<ServiceAnswer, Problem> {
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(ServiceAnswer { status, headers, body: body.into() }),
            Ok(Some(_)) => return Err(Problem::new(StatusCode::BAD_GATEWAY, "BadGateway", "the answer is too long")),
            Err(error) => {
                tracing::warn!(%error, "an answer broke off");
                return Err(Problem::unavailable("the answer broke off"));
            }
        }
    }
}
