//! What the people who run a service see and decide, under `/_operator`, with a token of their own. Each decision says why.
//!
//! | | |
//! |---|---|
//! | `GET consumers` | positions and lags |
//! | `GET relay` | what is committed and not published yet |
//! | `GET views` | each view's table, and whether it is being rebuilt |
//! | `GET parked?consumer=&after=` | messages that could not be handled; `discarded=true`: those that were given up |
//! | `POST parked/{id}/replay`, `…/discard` | again, or never |
//! | `GET gaps`, `POST gaps/{consumer}/skip` | messages that are missing, and the consumer that waits for them; go on without them |
//! | `GET paused`, `POST paused/{id}/resume` | partitions that are not read since message after message could not be handled; read them again |
//! | `GET sagas?status=stuck&after=` | sagas (those under way, where no status is given) |
//! | `GET sagas/{id}` | one, with its log |
//! | `POST sagas/{id}/retry`, `…/skip`, `…/force` | ask again; count as done (with a `result`); undo everything. Of one whose definition is gone: look for it again; –; go on under the new one |
//! | `GET refused-commands`, `POST …/{id}/replay`, `…/discard` | what policies sent in vain |
//! | `GET port-calls`, `POST …/{pos}/replay`, `…/discard` | port calls that wait or are parked |
//! | `GET decisions?subject=&after=` | what operators decided: who, when, why, and what came of it; `subject`: the id that it was about |
//!
//! A decision's body is `{"reason": "…"}`. What is answered says what came of it.

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
use crate::process::decisions::{self, Decided};
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
    discarded: Option<bool>,
    subject: Option<String>,
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
        ["parked"] => {
            let consumer = asked.consumer.as_deref();
            let parked = match asked.discarded {
                Some(true) => http.consumers.discarded(consumer).await?,
                _ => http.consumers.parked(consumer).await?,
            };
            let from = asked.after.map_or(Some(0), |id| parked.iter().position(|it| it.id == id).map(|at| at + 1));
            Ok(items(parked.into_iter().skip(from.unwrap_or(0)).take(limit).collect::<Vec<_>>()))
        }
        ["gaps"] => Ok(items(http.consumers.gaps())),
        ["decisions"] => {
            Ok(items(decisions::decisions(&*http.store, asked.subject.as_deref(), asked.after, limit).await?))
        }
        ["paused"] => Ok(items(http.consumers.paused().await?)),
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

/// What is to be done about one of them.
enum Deed {
    ReplayParked(Uuid),
    DiscardParked(Uuid),
    SkipGap,
    Resume(Uuid),
    Saga(Uuid, Verdict),
    ReplayCommand(Uuid),
    DiscardCommand(Uuid),
    ReplayCall(u64),
    DiscardCall(u64),
}

impl Deed {
    fn read(room: &str, id: &str, verb: &str, result: Option<serde_json::Value>) -> Result<Self, Problem> {
        Ok(match (room, verb) {
            ("parked", "replay") => Self::ReplayParked(uuid(id)?),
            ("parked", "discard") => Self::DiscardParked(uuid(id)?),
            ("gaps", "skip") => Self::SkipGap,
            ("paused", "resume") => Self::Resume(uuid(id)?),
            ("sagas", "retry") => Self::Saga(uuid(id)?, Verdict::Retry),
            ("sagas", "skip") => {
                let result = result.map(|it| Json::new(it.to_string())).transpose().map_err(unreadable)?;
                Self::Saga(uuid(id)?, Verdict::Skip(result))
            }
            ("sagas", "force") => Self::Saga(uuid(id)?, Verdict::Force),
            ("refused-commands", "replay") => Self::ReplayCommand(uuid(id)?),
            ("refused-commands", "discard") => Self::DiscardCommand(uuid(id)?),
            ("port-calls", "replay") => Self::ReplayCall(position(id)?),
            ("port-calls", "discard") => Self::DiscardCall(position(id)?),
            _ => return Err(Problem::no_route()),
        })
    }
}

/// Writes the decision down, carries it out, and writes down what came of it.
async fn decide(http: &ServiceHttp, wish: &Wish<'_>) -> Result<Response, Problem> {
    let [room, id, verb] = *wish.path else { return Err(Problem::no_route()) };
    let body: Body = crate::parse::json(&wish.body)?;
    let deed = Deed::read(room, id, verb, body.result)?;
    if body.reason.trim().is_empty() {
        return Err(malformed([("reason".to_owned(), "must say why".to_owned())]).into());
    }
    let decision = Decision { by: wish.operator.clone(), reason: body.reason };
    tracing::info!(operator = decision.by, room, id, verb, reason = decision.reason, "an operator decides");
    let mut decided = Decided::now(&http.context, room, id, verb, &decision);
    decided.write(&*http.store).await?;
    let done = carry_out(http, id, deed, decision).await;
    decided.outcome = Some(match &done {
        Ok(outcome) => outcome.to_string(),
        Err(problem) => format!("not done: {}", problem.detail),
    });
    if let Err(error) = decided.write(&*http.store).await {
        tracing::warn!(%error, decision = %decided.id, "the outcome of a decision could not be written down");
    }
    Ok(axum::Json(done?).into_response())
}

/// Does it; says what came of it.
async fn carry_out(http: &ServiceHttp, id: &str, deed: Deed, decision: Decision) -> Result<serde_json::Value, Problem> {
    let (operator, consumers) = (&http.operator, &http.consumers);
    let done = json!({"done": true});
    Ok(match deed {
        Deed::ReplayParked(id) => json!({"handled": consumers.replay(id).await?}),
        Deed::DiscardParked(id) => {
            let reason = format!("{} ({})", decision.reason, decision.by);
            json!({"handled": consumers.discard(id, &reason).await?})
        }
        Deed::Resume(id) => consumers.resume(id).await.map(|()| done)?,
        Deed::SkipGap => json!({"skipped": consumers.skip_gap(id).await?}),
        Deed::Saga(id, verdict) => {
            serde_json::to_value(operator.decide(id, verdict, decision).await?).unwrap_or_default()
        }
        Deed::ReplayCommand(id) => operator.replay_command(id, &decision).await.map(|()| done)?,
        Deed::DiscardCommand(id) => operator.discard_command(id, &decision).await.map(|()| done)?,
        Deed::ReplayCall(pos) => operator.replay_call(pos, &decision).await.map(|()| done)?,
        Deed::DiscardCall(pos) => operator.discard_call(pos, &decision).await.map(|()| done)?,
    })
}

fn items(items: impl Serialize) -> Response {
    axum::Json(json!({"items": serde_json::to_value(items).unwrap_or_default()})).into_response()
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
            OperatorError::NotParked(_) | OperatorError::NotPaused(_) | OperatorError::NoConsumer(_) => {
                StatusCode::NOT_FOUND
            }
            OperatorError::StillFails(_) | OperatorError::Refused | OperatorError::NoGap(_) => StatusCode::CONFLICT,
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
