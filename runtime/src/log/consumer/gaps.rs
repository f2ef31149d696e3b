//! A way out where messages are missing that will never come (a log lost what it had acknowledged): an operator passes over them.
//!
//! A consumer at a gap reads again and again, for as a rule what is missing comes. Only who looks after the system can know that it will
//! not, and what follows from that; so it is a decision, with a reason, and never a setting.

use serde::Serialize;

use super::ledger::Ledger;
use super::progress::State;
use super::set::{Consumers, OperatorError};
use crate::commit::{Commit, CommitError, PositionMove};
use crate::log::{Message, Position, SourceKey};

/// What is missing between two messages of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// The service that wrote the messages.
    pub source: String,
    /// The epoch of its database in which the later one stands.
    pub epoch: String,
    /// The last message that was applied; 0: none of this epoch.
    pub applied: u64,
    /// The last message that is missing.
    pub missing: u64,
    /// The first one that is there.
    pub next: u64,
}

/// A gap at which a consumer waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingGap {
    /// The consumer.
    pub consumer: String,
    /// What it waits for.
    #[serde(flatten)]
    pub gap: Gap,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { topic, source, applied, missing, next, .. } = self;
        write!(
            f,
            "`{topic}` of `{source}` goes from {applied} to {next} (which follows {missing}): what lies between has not come"
        )
    }
}

impl Gap {
    /// The gap before `message`, for a consumer that has applied `applied`.
    pub(super) fn before(message: &Message, applied: u64) -> Self {
        Self {
            topic: message.topic.clone(),
            partition: message.partition,
            source: message.source.clone(),
            epoch: message.epoch.clone(),
            applied,
            missing: message.previous,
            next: message.pos,
        }
    }
}

impl Consumers {
    /// The gaps at which consumers wait.
    pub fn gaps(&self) -> Vec<WaitingGap> {
        let waiting = self.states().into_iter().filter_map(|(consumer, state)| match state {
            State::Gap(gap) => Some(WaitingGap { consumer, gap }),
            _ => None,
        });
        waiting.collect()
    }

    /// Passes over what is missing where that consumer waits: it goes on with the first message that is there. Says what was passed over.
    ///
    /// # Errors
    /// It does not wait at a gap; or moved on meanwhile.
    pub async fn skip_gap(&self, consumer: &str) -> Result<Gap, OperatorError> {
        let member = self.member(consumer)?;
        // Nothing is handled while its position moves.
        let _handling = member.parking.lock().await;
        let State::Gap(gap) = member.state() else { return Err(OperatorError::NoGap(consumer.to_owned())) };
        let (parts, service) = (self.parts(), &self.parts().service);
        let ledger = Ledger::load(&*parts.store, consumer).await?;
        let source = SourceKey { topic: gap.topic.clone(), source: gap.source.clone(), partition: gap.partition };
        let expected = ledger.reached().get(&source).cloned();
        let offset = expected.as_ref().map_or(0, |position| position.offset);
        let to = Position { pos: gap.missing, epoch: gap.epoch.clone(), offset };
        let step = PositionMove { consumer: consumer.to_owned(), source, expected, to };
        tracing::warn!(service, consumer, %gap, "an operator passes over messages that are missing");
        for result in parts.store.write(vec![Commit { positions: vec![step], ..Commit::default() }]).await {
            result.map_err(|error| match error {
                CommitError::PositionMoved { .. } => OperatorError::NoGap(consumer.to_owned()),
                other => OperatorError::Store(crate::store::StoreError::Unavailable(other.to_string())),
            })?;
        }
        Ok(gap)
    }
}
