//! HTTP around the [`Book`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::book::{Answer, Book, BookError, Kind};

/// Serves until `stop` is done, then lets running requests end.
pub async fn serve(
    listener: tokio::net::TcpListener,
    book: Book,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(book)).with_graceful_shutdown(stop).await
}

fn router(book: Book) -> Router {
    let provider = Provider { book: Arc::new(Mutex::new(book)), mood: Arc::default() };
    Router::new()
        .route("/charges", post(charge).get(|provider| list(provider, Kind::Charge)))
        .route("/refunds", post(refund).get(|provider| list(provider, Kind::Refund)))
        .route("/mails", post(mail).get(|provider| list(provider, Kind::Mail)))
        .route("/control", post(control).get(mood))
        .route("/health", get(|| async { Json(json!({ "live": true, "ready": true })) }))
        .with_state(provider)
}

#[derive(Clone)]
struct Provider {
    book: Arc<Mutex<Book>>,
    mood: Arc<Mutex<Mood>>,
}

/// How it behaves. Not kept: a restarted server is well again.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Mood {
    decline: bool,
    delay_ms: u64,
    /// So many more calls are answered 503: nothing is done, nothing recorded.
    away: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoodChange {
    decline: Option<bool>,
    delay_ms: Option<u64>,
    away: Option<u32>,
}

#[derive(Deserialize)]
struct Charge {
    #[serde(rename = "order")]
    _order: String,
    amount: String,
}

#[derive(Deserialize)]
struct Refund {
    #[serde(rename = "order")]
    _order: String,
    payment: String,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(rename = "to")]
    _to: String,
    #[serde(rename = "template")]
    _template: String,
}

async fn charge(State(provider): State<Provider>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let charge: Charge = match read(&body) {
        Ok(charge) => charge,
        Err(refusal) => return refusal,
    };
    let declines = provider.mood().decline || charge.amount.ends_with(".13");
    provider
        .take(Kind::Charge, &headers, body, move |reference| match declines {
            true => Answer { status: 402, body: json!({ "reason": "the card was declined" }) },
            false => Answer { status: 201, body: json!({ "reference": reference }) },
        })
        .await
}

async fn refund(State(provider): State<Provider>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let refund: Refund = match read(&body) {
        Ok(refund) => refund,
        Err(refusal) => return refusal,
    };
    if !provider.was_charged(&refund.payment) {
        return problem(StatusCode::NOT_FOUND, &format!("there is no payment `{}`", refund.payment));
    }
    provider.take(Kind::Refund, &headers, body, done).await
}

async fn mail(State(provider): State<Provider>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    match read::<Mail>(&body) {
        Ok(_) => provider.take(Kind::Mail, &headers, body, done).await,
        Err(refusal) => refusal,
    }
}

fn done(reference: String) -> Answer {
    Answer { status: 201, body: json!({ "reference": reference }) }
}

async fn list(State(provider): State<Provider>, kind: Kind) -> Response {
    let book = provider.book.lock().unwrap_or_else(PoisonError::into_inner);
    Json(book.entries(kind).collect::<Vec<_>>()).into_response()
}

async fn mood(State(provider): State<Provider>) -> Json<Mood> {
    Json(provider.mood())
}

async fn control(State(provider): State<Provider>, Json(change): Json<MoodChange>) -> Json<Mood> {
    let mut mood = provider.mood.lock().unwrap_or_else(PoisonError::into_inner);
    mood.decline = change.decline.unwrap_or(mood.decline);
    mood.delay_ms = change.delay_ms.unwrap_or(mood.delay_ms);
    mood.away = change.away.unwrap_or(mood.away);
    Json(*mood)
}

impl Provider {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this call finds nobody at work.
    fn is_away(&self) -> bool {
        let mut mood = self.mood.lock().unwrap_or_else(PoisonError::into_inner);
        let away = mood.away > 0;
        mood.away = mood.away.saturating_sub(1);
        away
    }

    fn was_charged(&self, reference: &str) -> bool {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.entries(Kind::Charge).any(|entry| entry.answer.body["reference"] == reference)
    }

    /// Records the call, then answers. The delay comes between: who gives up waiting does not know that it was done.
    async fn take(
        &self,
        kind: Kind,
        headers: &HeaderMap,
        body: Value,
        decide: impl FnOnce(String) -> Answer + Send + 'static,
    ) -> Response {
        let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned) else {
            return problem(StatusCode::BAD_REQUEST, "the header `Idempotency-Key` is missing");
        };
        if self.is_away() {
            return problem(StatusCode::SERVICE_UNAVAILABLE, "the provider is away");
        }
        let book = self.book.clone();
        let taken = tokio::task::spawn_blocking(move || {
            book.lock().unwrap_or_else(PoisonError::into_inner).take(kind, &key, &body, decide)
        })
        .await;
        tokio::time::sleep(Duration::from_millis(self.mood().delay_ms)).await;
        match taken {
            Ok(Ok(answer)) => {
                let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, Json(answer.body)).into_response()
            }
            Ok(Err(error @ BookError::KeyReused(_))) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
            Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}

#[expect(clippy::result_large_err, reason = "the error is the response itself, made once a request")]
fn read<T: serde::de::DeserializeOwned>(body: &Value) -> Result<T, Response> {
    T::deserialize(body).map_err(|error| problem(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "status": status.as_u16(), "detail": detail }))).into_response()
}
