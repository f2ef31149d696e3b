//! [`Mailer`] over HTTP.

use minos_runtime::async_trait;
use minos_runtime::port::{Never, PortCall, PortError};
use reqwest::Url;
use serde_json::json;

use crate::contracts::customers::customer::CustomerId;
use crate::ports::mailer::Mailer;
use crate::provider::Provider;

/// The mail server at a URL.
#[derive(Clone, Debug)]
pub struct HttpMailer(Provider);

impl HttpMailer {
    /// The server at `url`.
    pub fn new(url: Url) -> Self {
        Self(Provider::new(url))
    }
}

#[async_trait]
impl Mailer for HttpMailer {
    async fn send(&self, to: CustomerId, template: String, call: &PortCall) -> Result<(), PortError<Never>> {
        self.0.tell("mails", &json!({ "to": to, "template": template }), call).await
    }
}
