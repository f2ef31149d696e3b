//! [`Payments`] over HTTP.

use minos_runtime::async_trait;
use minos_runtime::port::{Never, PortCall, PortError};
use reqwest::Url;
use serde_json::json;

use crate::order::OrderId;
use crate::ports::payments::{Declined, Payments, Receipt};
use crate::provider::Provider;
use crate::types::Money;

/// The payment provider at a URL.
#[derive(Clone, Debug)]
pub struct HttpPayments(Provider);

impl HttpPayments {
    /// The provider at `url`.
    pub fn new(url: Url) -> Self {
        Self(Provider::new(url))
    }
}

#[async_trait]
impl Payments for HttpPayments {
    async fn charge(&self, order: OrderId, amount: Money, call: &PortCall) -> Result<Receipt, PortError<Declined>> {
        let charge = json!({ "order": order, "amount": amount });
        self.0.ask("charges", &charge, call).await.map_err(|error| error.map_refused(|reason| Declined { reason }))
    }

    async fn refund(&self, order: OrderId, payment: String, call: &PortCall) -> Result<(), PortError<Never>> {
        self.0.tell("refunds", &json!({ "order": order, "payment": payment }), call).await
    }
}
