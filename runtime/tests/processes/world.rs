//! The world outside the shop by hand: a payment provider and a mailer, behind the ports, that can be told to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use minos_runtime::port::{PortCall, PortDispatch, PortError};
use minos_runtime::refusal::Refusal;
use serde_json::json;
use uuid::Uuid;

/// What the world outside does, and remembers, across restarts.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    charged: BTreeMap<Uuid, String>,
    calls: Vec<(String, Uuid)>,
    mails: BTreeSet<Uuid>,
    declines: bool,
    slow: u32,
    mail_away: u32,
    mail_broken: bool,
}

impl World {
    fn with<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Declines all charges from now on.
    pub fn decline(&self) {
        self.with(|memory| memory.declines = true);
    }

    /// Charges, but answers the next `times` calls only after their timeout.
    pub fn answer_late(&self, times: u32) {
        self.with(|memory| memory.slow = times);
    }

    /// The mail server is away for the next `times` calls.
    pub fn lose_mail(&self, times: u32) {
        self.with(|memory| memory.mail_away = times);
    }

    /// The mail adapter is (or is no longer) misconfigured.
    pub fn break_mail(&self, broken: bool) {
        self.with(|memory| memory.mail_broken = broken);
    }

    /// How many charges were made, by key.
    pub fn charges(&self) -> usize {
        self.with(|memory| memory.charged.len())
    }

    /// How many mails were sent, by key.
    pub fn mails(&self) -> usize {
        self.with(|memory| memory.mails.len())
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        self.with(|memory| memory.calls.iter().filter(|(called, _)| called == operation).count())
    }
}

pub struct Payments(pub World);

#[async_trait]
impl PortDispatch for Payments {
    fn port(&self) -> &'static str {
        "orders.Payments"
    }

    async fn call(&self, operation: &str, _: &str, call: PortCall) -> Result<String, PortError<Refusal>> {
        let (slow, answer) = self.0.with(|memory| {
            memory.calls.push((operation.to_owned(), call.key));
            if memory.declines {
                return (false, Err(Refusal::declared("orders.Payments.Declined", "the payment was declined", &())));
            }
            let payment = memory.charged.entry(call.key).or_insert_with(|| format!("payment {}", call.key)).clone();
            let slow = memory.slow > 0;
            memory.slow = memory.slow.saturating_sub(1);
            (slow, Ok(payment))
        });
        if slow {
            tokio::time::sleep(call.timeout * 3).await;
        }
        let payment = answer.map_err(PortError::Refused)?;
        Ok(json!(payment).to_string())
    }
}

pub struct Mailer(pub World);

#[async_trait]
impl PortDispatch for Mailer {
    fn port(&self) -> &'static str {
        "orders.Mailer"
    }

    async fn call(&self, operation: &str, _: &str, call: PortCall) -> Result<String, PortError<Refusal>> {
        self.0.with(|memory| {
            memory.calls.push((operation.to_owned(), call.key));
            if memory.mail_broken {
                return Err(PortError::Broken("no mail server is configured".to_owned()));
            }
            if memory.mail_away > 0 {
                memory.mail_away -= 1;
                return Err(PortError::Unavailable("connection refused".to_owned()));
            }
            memory.mails.insert(call.key);
            Ok("null".to_owned())
        })
    }
}
