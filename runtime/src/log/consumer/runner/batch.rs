//! What a consumer does with the messages that came in together.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tracing::Instrument as _;

use super::super::inlet::{Incoming, Inlet, Item};
use super::super::ledger::{Fence, Ledger};
use super::super::parking::{Parked, ParkedKind, Parking};
use super::super::{Delivery, Effects, Handled, Handler};
use super::{Failure, MANY, Paused, Runner, WriteError};
use crate::commit::Commit;
use crate::log::{HandlingError, Message, Position, Unreadable};

/// A message that is the consumer's to handle, and where it stands after it.
struct Due {
    delivery: Delivery,
    to: Position,
}

impl Runner {
    /// Handles what came in, in order, in as few commits as can be.
    pub(super) async fn process(
        &mut self,
        ledger: &mut Ledger,
        inlet: &Inlet,
        incoming: Vec<Incoming>,
    ) -> Result<(), Failure> {
        let member = self.member.clone();
        let mut parking = member.parking.lock().await;
        let mut effects = Effects::default();
        for incoming in incoming {
            let due = match self.check(ledger, inlet, incoming, &mut parking, &mut effects) {
                Ok(Some(due)) => due,
                Ok(None) => continue,
                Err(failure) => {
                    // What came before it is good.
                    self.flush(ledger, &mut effects).await?;
                    return Err(failure);
                }
            };
            self.handle(ledger, &due, &mut parking, &mut effects).await?;
            if self.singly > 0 {
                self.singly -= 1;
                self.flush_one(ledger, &due, &mut parking, &mut effects).await?;
            }
            if let Some(paused) = self.pauses(inlet) {
                effects.commit.rows.push(paused.put());
                self.flush(ledger, &mut effects).await?;
                return Err(Failure::Paused(Box::new(paused)));
            }
        }
        self.flush(ledger, &mut effects).await?;
        member.publish(ledger);
        Ok(())
    }

    /// Whether a partition is not to be read any more.
    fn pauses(&mut self, inlet: &Inlet) -> Option<Paused> {
        let (topic, partition) = inlet.place();
        let (poisons, reason) = self.poisons.get(&(topic.to_owned(), partition))?;
        let consumer = self.member.handler.consumer();
        (*poisons >= MANY).then(|| Paused::new(consumer, (topic, partition), reason, self.parts.context.now()))
    }

    /// One more message of its partition could not be handled.
    fn is_poison(&mut self, due: &Due, why: &str) {
        let source = &due.delivery.source;
        let poisons = self.poisons.entry((source.topic.clone(), source.partition)).or_default();
        *poisons = (poisons.0 + 1, why.to_owned());
    }

    /// Whether a message is to be handled now; what is not is noted and passed over.
    fn check(
        &mut self,
        ledger: &mut Ledger,
        inlet: &Inlet,
        incoming: Incoming,
        parking: &mut Parking,
        effects: &mut Effects,
    ) -> Result<Option<Due>, Failure> {
        let offset = incoming.next_offset;
        let due = match incoming.item {
            Item::Own(delivery) => {
                Due { to: Position { pos: delivery.pos, epoch: inlet.epoch().to_owned(), offset }, delivery }
            }
            Item::Unreadable(unreadable) => {
                self.refuse(ledger, inlet, offset, unreadable, parking, effects);
                return Ok(None);
            }
            Item::Message(message) => match self.check_message(ledger, inlet, message, offset, parking, effects)? {
                Some(due) => due,
                None => return Ok(None),
            },
        };
        let handler = &*self.member.handler;
        if !handler.wants(&due.delivery) {
            ledger.reach(&due.delivery.source, due.to);
            return Ok(None);
        }
        if parking.keys.contains(due.delivery.key()) {
            self.park(ledger, &due, ParkedKind::Behind, "an earlier message of its key is parked", parking, effects)?;
            return Ok(None);
        }
        Ok(Some(due))
    }

    /// Signature and fence.
    fn check_message(
        &mut self,
        ledger: &mut Ledger,
        inlet: &Inlet,
        message: Box<Message>,
        offset: u64,
        parking: &mut Parking,
        effects: &mut Effects,
    ) -> Result<Option<Due>, Failure> {
        let (topic, partition) = inlet.place();
        let verified = if (message.topic.as_str(), message.partition) == (topic, partition) {
            self.parts.verifier.verify(&message)
        } else {
            Err(format!("it says that it is of topic `{}`", message.topic))
        };
        if let Err(why) = verified {
            let raw = serde_json::to_string(&message).unwrap_or_default();
            self.refuse(ledger, inlet, offset, Unreadable { why, raw }, parking, effects);
            return Ok(None);
        }
        let to = Position { pos: message.pos, epoch: message.epoch.clone(), offset };
        let fence = ledger.fence(&Delivery::source_of(&message), &message);
        match fence {
            Fence::Gap(gap) => Err(Failure::Gap(gap)),
            Fence::Before => {
                ledger.pass(&Delivery::source_of(&message), offset);
                Ok(None)
            }
            Fence::Next => {
                let consumer = self.member.handler.consumer();
                effects.commit.rows.extend(parking.accept(consumer, topic, partition, offset));
                Ok(Some(Due { delivery: Delivery::from_message(message), to }))
            }
        }
    }

    /// Has the handler handle a message, or parks it.
    async fn handle(
        &mut self,
        ledger: &mut Ledger,
        due: &Due,
        parking: &mut Parking,
        effects: &mut Effects,
    ) -> Result<(), Failure> {
        if self.singly > 0 && !self.attempt(&due.delivery).await? {
            let why = "the process ended each time while handling it";
            return self.park(ledger, due, ParkedKind::Poison, why, parking, effects);
        }
        let handler = self.member.handler.clone();
        loop {
            let positions = ledger.moves_with(&due.delivery.source, &due.to);
            let mark = effects.begin(Commit { positions, ..Commit::default() });
            let handled = call(&*handler, &due.delivery, effects).await;
            if let Some(attempts) = &mut self.attempts {
                attempts.returned();
            }
            let error = match handled {
                Ok(handled) => {
                    effects.keep();
                    if !self.poisons.is_empty() {
                        let source = &due.delivery.source;
                        self.poisons.remove(&(source.topic.clone(), source.partition));
                    }
                    ledger.reach(&due.delivery.source, due.to.clone());
                    if handled == Handled::Committed {
                        *effects = Effects::default();
                        self.written(ledger);
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            effects.roll_back(&mark);
            match error {
                HandlingError::CommitFirst if !effects.is_fresh() => self.flush(ledger, effects).await?,
                HandlingError::CommitFirst => {
                    let why = "the handler waits for a commit although nothing is pending";
                    return self.park(ledger, due, ParkedKind::Poison, why, parking, effects);
                }
                HandlingError::Poison(why) => {
                    self.is_poison(due, &why);
                    return self.park(ledger, due, ParkedKind::Poison, &why, parking, effects);
                }
                HandlingError::Transient(why) => {
                    self.flush(ledger, effects).await?;
                    return Err(Failure::Away(why));
                }
            }
        }
    }

    async fn attempt(&mut self, delivery: &Delivery) -> Result<bool, Failure> {
        match &mut self.attempts {
            Some(attempts) => attempts.attempt(&*self.parts.store, delivery).await,
            None => Ok(true),
        }
    }

    /// Writes what the batch changes so far; positions that moved without effect are left for later.
    async fn flush(&mut self, ledger: &mut Ledger, effects: &mut Effects) -> Result<(), Failure> {
        let mut effects = std::mem::take(effects);
        effects.carry_out().await.map_err(|error| match error {
            HandlingError::Transient(why) => Failure::Away(why),
            HandlingError::Poison(why) => Failure::OneByOne(why),
            HandlingError::CommitFirst => Failure::OneByOne(error.to_string()),
        })?;
        if !effects.commit.is_empty() {
            self.write(ledger, effects.commit).await?;
        }
        Ok(())
    }

    /// Writes what one message changes; where the store will never take it, the message is parked instead.
    async fn flush_one(
        &mut self,
        ledger: &mut Ledger,
        due: &Due,
        parking: &mut Parking,
        effects: &mut Effects,
    ) -> Result<(), Failure> {
        let mut taken = std::mem::take(effects);
        let written = match taken.carry_out().await {
            Err(HandlingError::Transient(why)) => return Err(Failure::Away(why)),
            Err(error) => Err(WriteError::Never(error.to_string())),
            Ok(()) if taken.commit.is_empty() => Ok(()),
            Ok(()) => self.write(ledger, taken.commit).await,
        };
        match written {
            Err(WriteError::Never(why)) => {
                self.is_poison(due, &why);
                self.park(ledger, due, ParkedKind::Poison, &why, parking, effects)?;
                self.flush(ledger, effects).await
            }
            written => Ok(written?),
        }
    }

    /// Parks a message: the later ones of its key will be too.
    fn park(
        &mut self,
        ledger: &mut Ledger,
        due: &Due,
        kind: ParkedKind,
        reason: &str,
        parking: &mut Parking,
        effects: &mut Effects,
    ) -> Result<(), Failure> {
        let (service, consumer) = (&self.parts.service, self.member.handler.consumer());
        let key = due.delivery.key();
        if kind == ParkedKind::Poison {
            let trace = &due.delivery.meta().trace_id;
            tracing::error!(service, consumer, key, pos = due.delivery.pos, trace, reason, "a message is parked");
        }
        let parked = Parked::new(consumer, &due.delivery, &due.to, kind, reason, self.parts.context.now())
            .map_err(|error| Failure::Away(format!("a message could not be parked: {error}")))?;
        effects.commit.rows.push(parked.put());
        self.parks = true;
        parking.keys.insert(key.to_owned());
        ledger.reach(&due.delivery.source, due.to.clone());
        Ok(())
    }

    /// Parks what cannot be read or not be believed. It moves no position, or it could hide the true message.
    fn refuse(
        &mut self,
        ledger: &mut Ledger,
        inlet: &Inlet,
        offset: u64,
        refused: Unreadable,
        parking: &mut Parking,
        effects: &mut Effects,
    ) {
        let (topic, partition) = inlet.place();
        let (service, consumer) = (&self.parts.service, self.member.handler.consumer());
        tracing::error!(service, consumer, topic, offset, why = refused.why, "a message is refused");
        let parked = Parked::refused(consumer, topic, partition, offset, refused, self.parts.context.now());
        effects.commit.rows.push(parked.put());
        parking.refuse(&parked);
        ledger.pass_refused(topic, partition, offset);
    }
}

/// Calls the handler; one that panics has met what it cannot handle.
pub(in crate::log::consumer) async fn call(
    handler: &dyn Handler,
    delivery: &Delivery,
    effects: &mut Effects,
) -> Result<Handled, HandlingError> {
    let trace_id = delivery.meta().trace_id.as_str();
    let span = tracing::info_span!("handling", trace_id, consumer = handler.consumer());
    let called = AssertUnwindSafe(handler.handle(delivery, effects)).catch_unwind().instrument(span.clone()).await;
    span.in_scope(|| tracing::debug!(key = delivery.key(), pos = delivery.pos, "handled"));
    called.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(HandlingError::Poison(format!("the handler panicked: {text}")))
    })
}
