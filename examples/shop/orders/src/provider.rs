//! HTTP to the payment provider, as both adapters use it: which answers mean what for a port.

use minos_runtime::config::Config;
use minos_runtime::port::{Never, PortCall, PortError};
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A provider at a URL.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    client: Client,
    base: Url,
}

impl Provider {
    /// The provider at `base`.
    pub(crate) fn new(base: Url) -> Self {
        Self { client: Client::new(), base }
    }

    /// Posts `body` to `path`, once, with the call's key, for an operation that may be declined: `Refused` carries the reason.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        call: &PortCall,
    ) -> Result<T, PortError<String>> {
        let response = self.post(path, body, call).await.map_err(|error| error.map_refused(|never| match never {}))?;
        if response.status() == StatusCode::PAYMENT_REQUIRED {
            let answer: Value = response.json().await.unwrap_or_default();
            return Err(PortError::Refused(text(&answer["reason"])));
        }
        // It was done; an answer cut off on its way can be asked for again, by the same key.
        let response = done(response).await.map_err(|error| error.map_refused(|never| match never {}))?;
        response.json().await.map_err(|error| PortError::Unknown(error.to_string()))
    }

    /// Posts `body` to `path`, once, with the call's key, for an operation that is never declined and answers nothing of interest.
    pub(crate) async fn tell(&self, path: &str, body: &Value, call: &PortCall) -> Result<(), PortError<Never>> {
        done(self.post(path, body, call).await?).await.map(drop)
    }

    async fn post(&self, path: &str, body: &Value, call: &PortCall) -> Result<Response, PortError<Never>> {
        let url = self.base.join(path).map_err(|error| PortError::Broken(format!("{path}: {error}")))?;
        let request = self.client.post(url).timeout(call.timeout);
        let request = request.header("idempotency-key", call.key.to_string()).header("traceparent", &call.traceparent);
        request.json(body).send().await.map_err(unsent)
    }
}

/// What an answer means that is no refusal.
async fn done(response: Response) -> Result<Response, PortError<Never>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let answer: Value = response.json().await.unwrap_or_default();
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => PortError::Unavailable(status.to_string()),
        status if status.is_server_error() => PortError::Unknown(status.to_string()),
        status => PortError::Broken(format!("{status}: {}", text(&answer["detail"]))),
    })
}

/// No answer: only a connection that never stood proves that nothing was done.
fn unsent(error: reqwest::Error) -> PortError<Never> {
    if error.is_connect() {
        PortError::Unavailable(error.to_string())
    } else if error.is_builder() {
        PortError::Broken(error.to_string())
    } else {
        PortError::Unknown(error.to_string())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("no reason given").to_owned()
}

/// The URL in that variable, if it is set.
///
/// # Errors
/// It is no URL of a server.
pub fn provider_url(config: &Config, variable: &str) -> Result<Option<Url>, String> {
    let Some(text) = config.environment.get(variable) else { return Ok(None) };
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.host().is_some() => Ok(Some(url)),
        _ => Err(format!("`{variable}` is `{text}`; it must be a URL such as `http://127.0.0.1:7080`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    /// The provider of the shop itself, on a free port.
    async fn provider() -> (Url, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let book = shop_payments::Book::open(&folder.path().join("book.jsonl")).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(shop_payments::serve(listener, book, std::future::pending()));
        (url, folder)
    }

    fn call(key: u32) -> PortCall {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        PortCall {
            key: minos_runtime::context::derived_id(&[&key.to_string()]),
            traceparent,
            timeout: Duration::from_millis(400),
        }
    }

    async fn charge(url: &Url, amount: &str) -> Result<Value, PortError<String>> {
        Provider::new(url.clone()).ask("charges", &json!({ "order": "o", "amount": amount }), &call(1)).await
    }

    #[tokio::test]
    async fn what_is_paid_is_answered_and_what_is_declined_refused_with_its_reason() {
        let (url, _folder) = provider().await;
        assert_eq!(charge(&url, "1.13").await, Err(PortError::Refused("the card was declined".to_owned())));
        let (url, _folder) = provider().await;
        assert_eq!(charge(&url, "1.00").await, Ok(json!({ "reference": "pay-1" })));
    }

    #[tokio::test]
    async fn without_a_server_it_is_unavailable() {
        let url = Url::parse("http://127.0.0.1:1").unwrap();
        assert!(matches!(charge(&url, "1.00").await, Err(PortError::Unavailable(_))));
    }

    #[tokio::test]
    async fn with_a_slow_server_the_outcome_is_unknown() {
        let (url, _folder) = provider().await;
        let slow = Client::new().post(url.join("control").unwrap()).json(&json!({ "delay_ms": 60_000 }));
        slow.send().await.unwrap();
        assert!(matches!(charge(&url, "1.00").await, Err(PortError::Unknown(_))));
    }

    #[tokio::test]
    async fn with_a_connection_cut_after_sending_the_outcome_is_unknown() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                drop(connection)
            }
        });
        assert!(matches!(charge(&url, "1.00").await, Err(PortError::Unknown(_))));
    }

    #[tokio::test]
    async fn what_the_server_cannot_take_is_broken() {
        let (url, _folder) = provider().await;
        let provider = Provider::new(url);
        let refund = provider.tell("refunds", &json!({ "order": "o", "payment": "pay-9" }), &call(1)).await;
        assert!(matches!(&refund, Err(PortError::Broken(why)) if why.contains("pay-9")), "{refund:?}");
    }
}
