//! Starts a saga for each of its trigger events: the first entries of its log, and the first messages, in one commit with
//! the consumer's position.

use std::sync::Arc;

use async_trait::async_trait;

use super::AnySaga;
use super::mover::Mover;
use crate::log::HandlingError;
use crate::log::consumer::{Delivery, Effects, Handled, Handler, Source, Start};
use crate::process::source_of;

/// The consumer that starts one saga.
pub struct Starter {
    consumer: String,
    service: String,
    mover: Arc<Mover>,
    saga: Arc<dyn AnySaga>,
}

impl Starter {
    /// Starts `saga` of `service`.
    pub fn new(service: &str, mover: Arc<Mover>, saga: Arc<dyn AnySaga>) -> Self {
        Self { consumer: format!("saga:{}", saga.name()), service: service.to_owned(), mover, saga }
    }
}

#[async_trait]
impl Handler for Starter {
    fn consumer(&self) -> &str {
        &self.consumer
    }

    fn sources(&self) -> Vec<Source> {
        vec![source_of(&self.service, self.saga.trigger())]
    }

    fn start(&self) -> Start {
        Start::Now
    }

    fn wants(&self, delivery: &Delivery) -> bool {
        delivery.event().is_some_and(|event| event.event_type == self.saga.trigger())
    }

    async fn handle(&self, delivery: &Delivery, effects: &mut Effects) -> Result<Handled, HandlingError> {
        if let Some(event) = delivery.event() {
            effects.commit.merge(self.mover.start(&*self.saga, event).await?);
        }
        Ok(Handled::InEffects)
    }
}
