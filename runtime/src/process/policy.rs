//! Policies: on an event, do. What is to be done leaves as messages in the commit of the consumer's position; a command
//! that is refused comes home and is listed, and holds nothing up.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use async_trait::async_trait;
use std::sync::Arc;
use uuid::Uuid;

use super::saga::mover::{aggregate_of, json};
use super::{ProcessError, source_of};
use crate::context::{Meta, derived_id};
use crate::event::Recorded;
use crate::log::consumer::{Delivery, Effects, Handled, Handler, Source, Start};
use crate::log::{Body, CommandBody, HandlingError, Outgoing, PortBody, ReplyTo};
use crate::saga::{Action, Policy};

/// What the receivers of replies to policies begin with.
pub(crate) const RECEIVER_PREFIX: &str = "policy:";

/// A policy of any type.
pub trait AnyPolicy: Send + Sync {
    /// Its wire name: `orders.Thank`.
    fn name(&self) -> &'static str;
    /// The event types that it follows.
    fn follows(&self) -> &'static [&'static str];
    /// What is to be done.
    fn react(&self, event: &Recorded) -> Result<Vec<Action>, HandlingError>;
}

/// The policy `P`.
pub struct TypedPolicy<P>(PhantomData<fn(P)>);

impl<P> Default for TypedPolicy<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P: Policy> AnyPolicy for TypedPolicy<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }
    fn follows(&self) -> &'static [&'static str] {
        P::FOLLOWS
    }
    fn react(&self, event: &Recorded) -> Result<Vec<Action>, HandlingError> {
        P::react(event)
    }
}

/// The consumer of one policy.
pub struct PolicyHandler {
    consumer: String,
    service: String,
    policy: Arc<dyn AnyPolicy>,
}

impl PolicyHandler {
    /// Runs `policy` of `service`.
    pub fn new(service: &str, policy: Arc<dyn AnyPolicy>) -> Self {
        Self { consumer: format!("{RECEIVER_PREFIX}{}", policy.name()), service: service.to_owned(), policy }
    }

    /// The message of one action. Its id follows from policy, event and the action's place, so that an event handled again
    /// does nothing twice.
    fn outgoing(&self, event: &Recorded, index: usize, action: Action) -> Result<Outgoing, ProcessError> {
        let id = derived_id(&["policy", self.policy.name(), &event.event_id.to_string(), &index.to_string()]);
        let meta = event.meta.caused_by(event.event_id);
        Ok(match action {
            Action::Send(call) => {
                let body = CommandBody {
                    command: call.command.to_owned(),
                    target: call.id,
                    arguments: json(call.arguments)?,
                    reply_to: ReplyTo { topic: format!("{}.inbox", self.service), receiver: self.consumer.clone() },
                    saga: None,
                    undoes: None,
                };
                command_message(id, body, meta)
            }
            Action::Call(call) => Outgoing {
                id,
                to: format!("port:{}", call.port),
                // Calls to one port about one aggregate keep their order; no port waits for another.
                key: format!("{}:{}", call.port, event.stream.as_str()),
                body: Body::Port(PortBody {
                    port: call.port.to_owned(),
                    operation: call.operation.to_owned(),
                    arguments: json(call.arguments)?,
                    asked_by: self.consumer.clone(),
                }),
                meta,
            },
        })
    }
}

/// A command on its way to the service that owns its aggregate; the key is the aggregate's stream.
pub(crate) fn command_message(id: Uuid, body: CommandBody, meta: Meta) -> Outgoing {
    let subdomain = body.command.split('.').next().unwrap_or_default();
    Outgoing {
        id,
        to: format!("{subdomain}.inbox"),
        key: format!("{}/{}", aggregate_of(&body.command), body.target),
        body: Body::Command(body),
        meta,
    }
}

#[async_trait]
impl Handler for PolicyHandler {
    fn consumer(&self) -> &str {
        &self.consumer
    }

    fn sources(&self) -> Vec<Source> {
        let sources: BTreeSet<Source> =
            self.policy.follows().iter().map(|event| source_of(&self.service, event)).collect();
        sources.into_iter().collect()
    }

    fn start(&self) -> Start {
        Start::Now
    }

    fn wants(&self, delivery: &Delivery) -> bool {
        delivery.event().is_some_and(|event| self.policy.follows().contains(&event.event_type.as_str()))
    }

    async fn handle(&self, delivery: &Delivery, effects: &mut Effects) -> Result<Handled, HandlingError> {
        if let Some(event) = delivery.event() {
            for (index, action) in self.policy.react(event)?.into_iter().enumerate() {
                effects.commit.outgoing.push(self.outgoing(event, index, action)?);
            }
        }
        Ok(Handled::InEffects)
    }
}
