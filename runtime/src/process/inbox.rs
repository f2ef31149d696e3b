//! The inbox: commands that sagas and policies of any service send to this one, and the replies to its own.
//!
//! A command's effect, its kept answer and the reply are one commit; the consumer's position moves after it. So a command may
//! come again: it then gets the answer that it got before.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::policy::RECEIVER_PREFIX;
use super::refused::RefusedCommand;
use super::saga::log::{Outcome, parse_stream};
use super::saga::mover::{Loaded, Mover, News};
use crate::commit::{Answer, Commit};
use crate::context::derived_id;
use crate::engine::{CommandRequest, ExecuteError};
use crate::event::StreamId;
use crate::fault::Point;
use crate::log::consumer::{Delivery, Effects, Handled, Handler, Source, Start};
use crate::log::{Body, CommandBody, HandlingError, Message, Outgoing, ReplyBody};
use crate::process::Decider;

/// The consumer of the inbox of one service.
pub struct Inbox {
    service: String,
    decider: Arc<dyn Decider>,
    mover: Arc<Mover>,
}

impl Inbox {
    /// The inbox of `service`.
    pub fn new(service: &str, decider: Arc<dyn Decider>, mover: Arc<Mover>) -> Self {
        Self { service: service.to_owned(), decider, mover }
    }

    /// Has the command decided, side by side with those for other aggregates, before the position moves.
    fn command(&self, message: &Message, body: &CommandBody, effects: &mut Effects) {
        let (decider, message, body) = (Arc::clone(&self.decider), message.clone(), body.clone());
        effects.later(&message.key.clone(), async move {
            // Also where it was answered before: the reply goes out again, for it may have been lost.
            let beside =
                |answer: &Answer| Commit { outgoing: vec![reply(&message, &body, answer)], ..Commit::default() };
            let is_undo = body.undoes.is_some();
            if is_undo {
                Point::UndoUnacknowledged.pass();
            }
            let executed = decider.execute(request(&message, &body), &beside).await;
            if is_undo {
                Point::UndoUnacknowledged.pass();
            }
            match executed {
                Ok(_) => Ok(()),
                Err(error @ (ExecuteError::UnknownCommand(_) | ExecuteError::Broken(_))) => {
                    Err(HandlingError::Poison(error.to_string()))
                }
                Err(error) => Err(HandlingError::Transient(error.to_string())),
            }
        });
    }

    async fn reply(
        &self,
        message: &Message,
        body: &ReplyBody,
        effects: &mut Effects,
    ) -> Result<Handled, HandlingError> {
        if parse_stream(&body.receiver).is_some() {
            self.saga_reply(body, effects).await?;
        } else if let Some(policy) = body.receiver.strip_prefix(RECEIVER_PREFIX) {
            if let Some(row) = RefusedCommand::of(policy, message, body) {
                effects.commit.rows.push(row.put()?);
            }
        } else {
            return Err(HandlingError::Poison(format!("a reply for `{}`, which is nobody here", body.receiver)));
        }
        Ok(Handled::InEffects)
    }

    async fn saga_reply(&self, body: &ReplyBody, effects: &mut Effects) -> Result<(), HandlingError> {
        let loaded = match effects.left::<Loaded>(&body.receiver) {
            Some(left) => Some(left.clone()),
            None => self.mover.load(&StreamId::from_stored(&body.receiver)).await?,
        };
        let Some(loaded) = loaded else {
            return Err(HandlingError::Poison(format!("a reply for `{}`, which does not exist", body.receiver)));
        };
        let outcome = match &body.answer {
            Answer::Done { .. } => Outcome::Done(None),
            Answer::Refused(refusal) => Outcome::Refused(refusal.clone()),
        };
        let (commit, loaded) = self.mover.take(loaded, News::Answer(body.command_id, outcome))?;
        effects.commit.merge(commit);
        effects.leave(&body.receiver, loaded);
        Ok(())
    }
}

/// The command as the engine takes it.
fn request(message: &Message, body: &CommandBody) -> CommandRequest {
    CommandRequest {
        command: body.command.clone(),
        target: Some(body.target.clone()),
        arguments: body.arguments.as_str().to_owned(),
        command_id: message.id,
        meta: message.meta.clone(),
        if_match: None,
        internal: true,
        saga: body.saga.map(|saga| kept_for(saga, message.partition)),
        undoes: body.undoes,
    }
}

/// Under what answers are kept for a saga: apart for each partition, as its end comes on each.
fn kept_for(saga: Uuid, partition: u32) -> Uuid {
    if partition == 0 { saga } else { derived_id(&["saga", &saga.to_string(), "partition", &partition.to_string()]) }
}

/// The reply to a command. A policy gets its refused command back with it, so that it can be listed and sent again.
fn reply(message: &Message, body: &CommandBody, answer: &Answer) -> Outgoing {
    let refused = matches!(answer, Answer::Refused(_)) && body.reply_to.receiver.starts_with(RECEIVER_PREFIX);
    Outgoing {
        id: derived_id(&["reply", &message.id.to_string()]),
        to: body.reply_to.topic.clone(),
        key: body.reply_to.receiver.clone(),
        body: Body::Reply(ReplyBody {
            command_id: message.id,
            receiver: body.reply_to.receiver.clone(),
            answer: answer.clone(),
            refused: refused.then(|| Box::new(body.clone())),
        }),
        meta: message.meta.caused_by(message.id),
    }
}

#[async_trait]
impl Handler for Inbox {
    fn consumer(&self) -> &str {
        "inbox"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic(format!("{}.inbox", self.service))]
    }

    fn start(&self) -> Start {
        Start::First
    }

    fn wants(&self, delivery: &Delivery) -> bool {
        delivery.message().is_some()
    }

    async fn handle(&self, delivery: &Delivery, effects: &mut Effects) -> Result<Handled, HandlingError> {
        let Some(message) = delivery.message() else { return Ok(Handled::InEffects) };
        match &message.body {
            Body::Command(body) => {
                self.command(message, body, effects);
                Ok(Handled::InEffects)
            }
            Body::Reply(body) => self.reply(message, body, effects).await,
            Body::Ended { saga } => {
                // All its commands of this partition stand before this one, and none of them can come again: the position
                // moves past them in the same commit. Those of other partitions may still be on their way.
                effects.commit.forgets.push(kept_for(*saga, message.partition));
                Ok(Handled::InEffects)
            }
            Body::Event(_) | Body::Port(_) => {
                Err(HandlingError::Poison("neither a command nor a reply: it does not belong here".to_owned()))
            }
        }
    }
}
