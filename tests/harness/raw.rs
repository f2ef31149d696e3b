//! Requests as bytes, for what no HTTP client would send.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request, as it is to stand on the wire.
#[derive(Clone, Debug)]
pub struct Ask {
    line: String,
    headers: String,
    body: Vec<u8>,
}

/// What was answered.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Ask {
    /// A request without token and body.
    pub fn new(method: &str, path: &str) -> Self {
        let headers = "Host: localhost\r\nConnection: close\r\n".to_owned();
        Self { line: format!("{method} {path} HTTP/1.1\r\n"), headers, body: Vec::new() }
    }

    /// With a bearer token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With one more header; the same name again gives two.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// With a body of JSON (or what pretends to be).
    #[must_use]
    pub fn json(self, body: impl AsRef<[u8]>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// With a body and its length.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len().to_string();
        Self { body: body.as_ref().to_vec(), ..self.header("Content-Length", &length) }
    }

    /// With a body that no length was said of.
    #[must_use]
    pub fn unframed(self, body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), ..self }
    }

    /// Sends it to `url`.
    pub async fn send(&self, url: &str) -> Raw {
        let mut bytes = format!("{}{}\r\n", self.line, self.headers).into_bytes();
        bytes.extend_from_slice(&self.body);
        raw(url, bytes).await
    }
}

/// Sends those bytes to the server at `url`, and reads what it answers.
pub async fn raw(url: &str, bytes: Vec<u8>) -> Raw {
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let Ok(stream) = TcpStream::connect(&address).await else { return Raw::default() };
    let (mut from, mut to) = stream.into_split();
    // Refused before it was read to the end: that the rest cannot be written is no failure.
    let writing = tokio::spawn(async move {
        let _ = to.write_all(&bytes).await;
        to
    });
    let mut answer = Vec::new();
    let mut buffer = [0_u8; 8192];
    loop {
        match tokio::time::timeout(Duration::from_secs(15), from.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => answer.extend_from_slice(&buffer[..count]),
            _ => break,
        }
        if is_whole(&answer) {
            break;
        }
    }
    writing.abort();
    parse(&answer)
}

fn is_whole(answer: &[u8]) -> bool {
    let read = parse(answer);
    let length = read.header("content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| read.body.len() >= length)
}

fn parse(answer: &[u8]) -> Raw {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Raw::default() };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Raw { status, head: head.to_lowercase(), body: body.to_owned() }
}

impl Raw {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Whether it is a problem (RFC 9457) of that status, without internals, in which all of `words` stand.
    pub fn is_problem(&self, status: u16, words: &[&str]) -> bool {
        const INTERNALS: [&str; 6] = ["panicked", ".rs:", "sqlx", "SELECT", "stack backtrace", "/src/"];
        let body = self.json();
        let members = ["type", "title", "detail", "error"].iter().all(|member| body[*member].is_string());
        self.status == status
            && self.header("content-type") == Some("application/problem+json")
            && members
            && body["status"] == status
            && words.iter().all(|word| self.body.contains(word))
            && !INTERNALS.iter().any(|word| self.body.contains(word))
    }

    /// In a few words, for people.
    pub fn told(&self) -> String {
        let body = self.json();
        let detail = body["detail"].as_str().unwrap_or(&self.body);
        let fields = body["fields"].as_object().filter(|fields| body["error"] == "Malformed" && !fields.is_empty());
        let fields = fields.map(|fields| format!(" {}", Value::from(fields.clone()))).unwrap_or_default();
        format!("{} {detail}{fields}", self.status)
    }
}
