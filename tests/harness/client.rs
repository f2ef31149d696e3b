//! A client of one server.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;

/// A client of one server.
#[derive(Clone)]
pub struct Api {
    /// Where it is.
    pub url: String,
    client: Client,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
    /// The body, `null` where it is no JSON.
    pub body: Value,
    /// The `ETag`.
    pub etag: Option<String>,
    /// The `Content-Type`.
    pub content_type: String,
    /// Whether a view is being rebuilt, and what it shows is older (`Minos-Rebuilding`).
    pub rebuilding: bool,
    asked: String,
}

impl Api {
    /// A client of the server at `url`.
    pub fn new(url: &str) -> Self {
        Self::with_timeout(url, Duration::from_secs(30))
    }

    /// A client that waits so long for an answer.
    pub fn with_timeout(url: &str, timeout: Duration) -> Self {
        let client = Client::builder().timeout(timeout).build().expect("a client without TLS");
        Self { url: url.to_owned(), client }
    }

    /// The same client, of the server at `url`.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), client: self.client.clone() }
    }

    /// GET. An empty token is left out.
    pub async fn get(&self, path: &str, token: &str) -> Reply {
        self.send("GET", path, token, None, &[]).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        self.send("POST", path, token, Some(body), &[]).await
    }

    /// Any request. A connection refused or cut gives status 0.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let asked = format!("{method} {path} {}", body.map(Value::to_string).unwrap_or_default());
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let none = |error: reqwest::Error| Reply {
            status: 0,
            body: Value::String(error.to_string()),
            etag: None,
            content_type: String::new(),
            rebuilding: false,
            asked: asked.clone(),
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return none(error),
        };
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value: &_| value.to_str().ok()).map(str::to_owned);
        let (etag, content_type) = (header("etag"), header("content-type").unwrap_or_default());
        let rebuilding = header("minos-rebuilding").is_some_and(|value| value == "true");
        match response.bytes().await {
            Ok(bytes) => {
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                Reply { status, body, etag, content_type, rebuilding, asked }
            }
            Err(error) => none(error),
        }
    }

    /// A development token with these claims.
    pub async fn token(&self, claims: Value) -> String {
        let reply = self.post("/dev/tokens", "", &claims).await.expect_status(201);
        reply.body["token"].as_str().expect("a token is text").to_owned()
    }
}

impl Reply {
    /// Fails the test unless the status is that one.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}", self.asked, self.body);
        self
    }

    /// The `id` of the body.
    #[track_caller]
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("{}: no id in {}", self.asked, self.body)).to_owned()
    }
}
