//! HTTP to the payment provider, as both adapters use it: which answers mean what for a port.

use std::time::Duration;

use minos_runtime::port::{PortCall, PortError};
use reqwest::{Client, StatusCode, Url};
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

    /// Posts `body` to `path`, once, with the call's key. `Refused` carries the provider's reason (402).
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        call: &PortCall,
    ) -> Result<T, PortError<String>> {
        let url = self.base.join(path).map_err(|error| PortError::Broken(format!("{path}: {error}")))?;
        let request = self.client.post(url).timeout(call.timeout.max(Duration::from_millis(1)));
        let request = request.header("idempotency-key", call.key.to_string()).header("traceparent", &call.traceparent);
        let response = request.json(body).send().await.map_err(unsent)?;
        let status = response.status();
        if status.is_success() {
            // It was done; an answer cut off on its way can be asked for again, by the same key.
            return response.json().await.map_err(|error| PortError::Unknown(error.to_string()));
        }
        let answer: Value = response.json().await.unwrap_or_default();
        Err(match status {
            StatusCode::PAYMENT_REQUIRED => PortError::Refused(text(&answer["reason"])),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => PortError::Unavailable(status.to_string()),
            status if status.is_server_error() => PortError::Unknown(status.to_string()),
            status => PortError::Broken(format!("{status}: {}", text(&answer["detail"]))),
        })
    }
}

/// No answer: only a connection that never stood proves that nothing was done.
fn unsent(error: reqwest::Error) -> PortError<String> {
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
