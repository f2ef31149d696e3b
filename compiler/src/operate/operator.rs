//! `minos operator`: a service's `/_operator` from the command line. What it answers is printed as it is: JSON.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use minos_runtime::token::keys::Keys;
use minos_runtime::token::operator::AUDIENCE;
use reqwest::Url;
use serde_json::{Value, json};

use crate::cli::{FAILED, USAGE, complain};

/// How long the token holds that is made for a request, seconds.
const TTL: u64 = 60;

#[derive(Args)]
pub(crate) struct Request {
    /// The service: `orders`.
    service: String,
    /// What: `consumers`, `relay`, `views`, `parked`, `gaps`, `sagas`, `refused-commands`, `port-calls`, `decisions`.
    list: String,
    /// One of them.
    id: Option<String>,
    /// What to do with it: `replay`, `discard`, `retry`, `skip`, `force`.
    #[arg(requires = "reason")]
    action: Option<String>,
    /// Why: kept with the decision.
    #[arg(long)]
    reason: Option<String>,
    /// What a skipped step is to count as having answered, as JSON.
    #[arg(long, requires = "action")]
    result: Option<String>,
    /// Narrows a list: `status=stuck`.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    filters: Vec<String>,
    /// The gateway, on this machine.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    at: Url,
    /// The file of keys whose `operator` key signs (MINOS_KEYS); else MINOS_OPERATOR_TOKEN, else a development token is asked for.
    #[arg(long)]
    keys: Option<PathBuf>,
}

/// Asks, and prints the answer.
pub(crate) fn run(request: &Request) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, FAILED),
    };
    match runtime.block_on(send(request)) {
        Ok(answer) => {
            let _ = writeln!(std::io::stdout(), "{answer:#}");
            0
        }
        Err((status, why)) => complain(&why, status),
    }
}

/// The answer; or why there is none, with the exit status.
async fn send(request: &Request) -> Result<Value, (u8, String)> {
    let failed = |error: reqwest::Error| (FAILED, format!("{} does not answer: {}", request.at, root(&error)));
    let client = minos_runtime::http::client(Duration::from_secs(10)).map_err(failed)?;
    let token = token(request, &client).await?;
    let url = url(request)?;
    let mut asked = match &request.action {
        None => client.get(url),
        Some(_) => client.post(url).json(&body(request)?),
    };
    asked = asked.bearer_auth(token);
    let answer = asked.send().await.map_err(failed)?;
    let status = answer.status();
    let text = answer.text().await.map_err(failed)?;
    let value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    if status.is_success() { Ok(value) } else { Err((FAILED, format!("{status}: {value:#}"))) }
}

fn url(request: &Request) -> Result<Url, (u8, String)> {
    let mut url = request.at.clone();
    let parts = [Some(&request.list), request.id.as_ref(), request.action.as_ref()];
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().extend(["_operator", &request.service]).extend(parts.into_iter().flatten()),
        Err(()) => return Err((USAGE, format!("`{}` is not the address of a gateway", request.at))),
    };
    for filter in &request.filters {
        let Some((name, value)) = filter.split_once('=') else {
            return Err((USAGE, format!("`--where {filter}` must be such as `status=stuck`")));
        };
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(url)
}

fn body(request: &Request) -> Result<Value, (u8, String)> {
    let mut body = json!({"reason": request.reason});
    if let Some(result) = &request.result {
        let result: Value =
            serde_json::from_str(result).map_err(|error| (USAGE, format!("`--result` is not JSON: {error}")))?;
        body["result"] = result;
    }
    Ok(body)
}

/// A token for operators: signed here, given, or handed out in development mode.
async fn token(request: &Request, client: &reqwest::Client) -> Result<String, (u8, String)> {
    let who = std::env::var("USER").ok().filter(|it| !it.is_empty()).unwrap_or_else(|| "operator".to_owned());
    if let Some(path) = request.keys.clone().or_else(|| std::env::var_os("MINOS_KEYS").map(PathBuf::from)) {
        let keys = Keys::read(&path).map_err(|error| (FAILED, error.to_string()))?;
        let Some(key) = keys.operator.signing else {
            return Err((FAILED, format!("`{}` holds no `operator` key that signs", path.display())));
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let claims = json!({"sub": who, "aud": AUDIENCE, "iat": now, "exp": now + TTL});
        return key.token(&claims).map_err(|error| (FAILED, error.to_string()));
    }
    if let Ok(token) = std::env::var("MINOS_OPERATOR_TOKEN") {
        return Ok(token);
    }
    let why = "no key: give `--keys FILE`, or MINOS_OPERATOR_TOKEN; tokens are handed out in development mode only";
    let url = request.at.join("/dev/tokens").map_err(|error| (USAGE, error.to_string()))?;
    let asked = client.post(url).json(&json!({"sub": who, "operator": true})).send().await;
    let answer = asked.map_err(|error| (FAILED, format!("{} does not answer: {}", request.at, root(&error))))?;
    let answer: Value = answer.json().await.map_err(|_| (FAILED, why.to_owned()))?;
    answer["token"].as_str().map(str::to_owned).ok_or_else(|| (FAILED, why.to_owned()))
}

/// What an error of the client comes from: `connection refused` rather than the request all over again.
fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
