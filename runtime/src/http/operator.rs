//! What the people who run a service see and decide, under `/_operator`, with a token of their own. Each decision says why.
//!
//! | | |
//! |---|---|
//! | `GET consumers` | positions and lags |
//! | `GET relay` | what is committed and not published yet |
//! | `GET views` | each view's table, and whether it is being rebuilt |
//! | `GET parked?consumer=` | messages that could not be handled |
//! | `POST parked/{id}/replay`, `…/discard` | again, or never |
//! | `GET sagas?status=stuck&after=` | sagas (those under way, where no status is given) |
//! | `GET sagas/{id}` | one, with its log |
//! | `POST sagas/{id}/retry`, `…/skip`, `…/force` | ask again; count as done (with a `result`); undo everything. Of one whose definition is gone: look for it again; –; go on under the new one |
//! | `GET refused-commands`, `POST …/{id}/replay`, `…/discard` | what policies sent in vain |
//! | `GET port-calls`, `POST …/{pos}/replay`, `…/discard` | port calls that wait or are parked |
//!
//! A decision's body is `{"reason": "…"}`.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::Problem;
use super::service::ServiceHttp;
use crate::event::Json;
use crate::log::consumer::OperatorError;
use crate::log::relay;
use crate::parse::malformed;
use crate::process::ProcessError;
use crate::process::operator::Decision;
use crate::process::saga::log::Verdict;
use crate::process::saga::progress::Status;

/// The most entries of an answer.
const MOST: usize = 200;

/// What an operator asks for.
pub(super) struct Wish<'a> {
    /// Who.
    pub(super) operator: String,
    pub(super) method: &'a str,
    /// Below `/_operator`.
    pub(super) path: &'a [&'a str],
    pub(super) query: BTreeMap<String, Vec<String>>,
    pub(super) body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    reason: String,
    #[serde(default)]
    result: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    consumer: Option<String>,
    status: Option<Vec<Status>>,
    after: Option<Uuid>,
    after_pos: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn answer(http: &ServiceHttp, wish: Wish<'_>) -> Result<Response, Problem> {
    match wish.method {
        "GET" => see(http, &wish).await,
        "POST" => decide(http, &wish).await,
        _ => Err(Problem::wrong_method()),
    }
}

async fn see(http: &ServiceHttp, wish: &Wish<'_>) -> Result<Response, Problem> {
    let asked: Parameters = crate::parse::query(&wish.query)?;
    let limit = asked.limit.unwrap_or(MOST).clamp(1, MOST);
    let operator = &http.operator;
    match wish.path {
        ["consumers"] => Ok(items(http.consumers.status().await?)),
        ["views"] => Ok(items(http.projections.status())),
        ["relay"] => Ok(axum::Json(relay::lag(&*http.store, http.service).await?).into_response()),
        ["parked"] => Ok(items(http.consumers.parked(asked.consumer.as_deref()).await?)),
        ["sagas"] => {
            let statuses = asked.status.unwrap_or_else(|| Status::UNDER_WAY.to_vec());
            Ok(items(operator.sagas(&statuses, asked.after, limit).await?))
        }
        ["sagas", id] => Ok(axum::Json(operator.saga(uuid(id)?).await?).into_response()),
        ["refused-commands"] => Ok(items(operator.refused_commands(asked.after, limit).await?)),
        ["port-calls"] => Ok(items(operator.port_calls(asked.after_pos, limit).await?)),
        _ => Err(Problem::no_route()),
    }
}

async fn decide(http: &ServiceHttp, wish: &Wish<'_>) -> Result<Response, Problem> {
    let [room, id, verb] = *wish.path else { return Err(Problem::no_route()) };
    let body: Body = crate::parse::json(&wish.body)?;
    if body.reason.trim().is_empty() {
        return Err(malformed([("reason".to_owned(), "must say why".to_owned())]).into());
    }
    tracing::info!(operator = wish.operator, room, id, verb, reason = body.reason, "an operator decides");
    let decision = Decision { by: wish.operator.clone(), reason: body.reason };
    let operator = &http.operator;
    match (room, verb) {
        ("parked", "replay") => Ok(handled(http.consumers.replay(uuid(id)?).await?)),
        ("parked", "discard") => {
            let reason = format!("{} ({})", decision.reason, decision.by);
            Ok(handled(http.consumers.discard(uuid(id)?, &reason).await?))
        }
        ("sagas", verb) => {
            let verdict = match verb {
                "retry" => Verdict::Retry,
                "skip" => {
                    Verdict::Skip(body.result.map(|it| Json::new(it.to_string())).transpose().map_err(unreadable)?)
                }
                "force" => Verdict::Force,
                _ => return Err(Problem::no_route()),
            };
            Ok(axum::Json(operator.decide(uuid(id)?, verdict, decision).await?).into_response())
        }
        ("refused-commands", "replay") => nothing(operator.replay_command(uuid(id)?, &decision).await),
        ("refused-commands", "discard") => nothing(operator.discard_command(uuid(id)?, &decision).await),
        ("port-calls", "replay") => nothing(operator.replay_call(position(id)?, &decision).await),
        ("port-calls", "discard") => nothing(operator.discard_call(position(id)?, &decision).await),
        _ => Err(Problem::no_route()),
    }
}

fn items(items: impl Serialize) -> Response {
    axum::Json(json!({"items": serde_json::to_value(items).unwrap_or_default()})).into_response()
}

fn handled(count: usize) -> Response {
    axum::Json(json!({"handled": count})).into_response()
}

fn nothing(done: Result<(), ProcessError>) -> Result<Response, Problem> {
    done?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn uuid(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| malformed([("id".to_owned(), "must be a UUID".to_owned())]).into())
}

fn position(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| malformed([("pos".to_owned(), "must be a whole number".to_owned())]).into())
}

fn unreadable(error: serde_json::Error) -> Problem {
    malformed([("result".to_owned(), error.to_string())]).into()
}

impl From<OperatorError> for Problem {
    fn from(error: OperatorError) -> Self {
        let status = match &error {
            OperatorError::NotParked(_) | OperatorError::NoConsumer(_) => StatusCode::NOT_FOUND,
            OperatorError::StillFails(_) | OperatorError::Refused => StatusCode::CONFLICT,
            OperatorError::Store(_) | OperatorError::Log(_) => return Self::unavailable(error.to_string()),
        };
        Self::new(status, "Refused", error.to_string())
    }
}

impl From<ProcessError> for Problem {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::NotFound(why) => Self::new(StatusCode::NOT_FOUND, "NotFound", why),
            ProcessError::Refused(why) => Self::new(StatusCode::CONFLICT, "Refused", why),
            other => Self::unavailable(other.to_string()),
        }
    }
}
