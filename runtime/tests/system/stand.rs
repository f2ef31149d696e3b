//! The system under test, and requests to it.

use std::path::Path;
use std::time::{Duration, Instant};

use minos_runtime::config::Config;
use minos_runtime::http::client;
use minos_runtime::system::{Running, StartError, System};
use serde_json::{Value, json};

use crate::desk;

pub(crate) struct Stand {
    pub(crate) running: Running,
    pub(crate) client: reqwest::Client,
    pub(crate) clerk: String,
}

pub(crate) fn config(data: &Path) -> Config {
    Config { listen: "127.0.0.1:0".parse().unwrap(), data: data.to_owned(), ..Config::default() }
}

pub(crate) fn system() -> System {
    System::new("town").service(desk::bank()).service(desk::desk()).gateway(desk::gateway())
}

pub(crate) async fn start(data: &Path) -> Result<Running, StartError> {
    system().start(config(data)).await
}

impl Stand {
    pub(crate) async fn start(data: &Path) -> Self {
        let running = start(data).await.unwrap();
        let client = client(Duration::from_secs(10)).unwrap();
        let mut stand = Self { running, client, clerk: String::new() };
        stand.clerk = stand.token(json!({"sub": "clara", "roles": ["clerk"]})).await;
        stand
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address())
    }

    pub(crate) async fn token(&self, claims: Value) -> String {
        let answer = self.client.post(self.url("/dev/tokens")).json(&claims).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path)).bearer_auth(&self.clerk)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> reqwest::RequestBuilder {
        self.client.post(self.url(path)).bearer_auth(&self.clerk).json(&body)
    }

    /// Opens an account; its id, and where the bank's events stand after it.
    pub(crate) async fn open(&self, email: &str) -> (String, String) {
        let answer = self.post("/accounts", json!({"email": email})).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let position = answer.headers()["minos-position"].to_str().unwrap().to_owned();
        let body: Value = answer.json().await.unwrap();
        (body["id"].as_str().unwrap().to_owned(), position)
    }

    /// The JSON at `path`, once it is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.get(path).send().await.unwrap();
            let body: Value = answer.json().await.unwrap();
            if wanted(&body) {
                return body;
            }
            assert!(Instant::now() < end, "{path}: {body}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The problem that an answer is.
pub(crate) async fn problem(request: reqwest::RequestBuilder, status: u16) -> Value {
    let answer = request.send().await.unwrap();
    let (found, kind) = (answer.status().as_u16(), answer.headers()["content-type"].clone());
    let body: Value = answer.json().await.unwrap();
    assert_eq!((found, kind.to_str().unwrap()), (status, "application/problem+json"), "{body}");
    assert_eq!(body["status"], status);
    body
}
