//! Commands: a decision on an aggregate's state that emits events or refuses.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::caller::Caller;
use crate::context::Context;
use crate::engine::Reader;
use crate::refusal::{Refusal, RefusalKind};

/// Method and path, `("POST", "/orders/{id}/cancel")`.
pub type Route = (&'static str, &'static str);

/// A command: generated, one struct of parameters a command. Parsing it checks every refinement.
pub trait Command: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The wire name: `orders.Order.Place`.
    const NAME: &'static str;
    /// The aggregate that decides.
    type Aggregate: Aggregate;
    /// What `with` reads before the decision; `()` where there is none.
    type Read: CommandRead<Self>;
    /// Makes a new aggregate (`create`): the stream must not exist.
    const CREATES: bool = false;
    /// Sent from outside through the gateway: method and path, `("POST", "/orders/{id}/cancel")`. `None`: only sagas, policies
    /// and timers may send it (no `allow`).
    const ROUTE: Option<Route>;

    /// Nobody without a token may send it: then that is said before anything else.
    const NEEDS_TOKEN: bool = true;

    /// May this caller send it from outside, whatever the aggregate's state?
    fn allow(&self, caller: &Caller) -> bool {
        let _ = caller;
        false
    }

    /// The same for a rule that reads the aggregate, which is there: one that is not is `NotFound` before.
    fn allow_on(&self, caller: &Caller, id: &<Self::Aggregate as Aggregate>::Id, state: &Self::Aggregate) -> bool {
        let _ = (id, state);
        self.allow(caller)
    }

    /// Decides: emits, or refuses, or does nothing (`done`). Pure but for what `decision` gives.
    fn decide(&self, read: Self::Read, decision: &mut Decision<Self::Aggregate>) -> Result<(), Refusal>;
}

/// What a command's `with` reads, before the decision and outside of its commit.
#[async_trait]
pub trait CommandRead<C>: Send + Sync + Sized + 'static {
    /// Reads it.
    ///
    /// # Errors
    /// The refusal that the spec names where nothing is found, or a store that is away.
    async fn read(command: &C, reader: &Reader<'_>) -> Result<Self, WithError>;
}

#[async_trait]
impl<C: Sync> CommandRead<C> for () {
    async fn read(_: &C, _: &Reader<'_>) -> Result<Self, WithError> {
        Ok(())
    }
}

/// Why a `with` gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum WithError {
    /// What the spec says instead.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not be read: try again.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// A decision being made: the state, who asks, when; and the events emitted so far, each applied at once.
pub struct Decision<A: Aggregate> {
    id: A::Id,
    state: Option<A>,
    caller: Caller,
    now: Timestamp,
    context: Context,
    events: Vec<A::Event>,
}

impl<A: Aggregate> Decision<A> {
    /// A decision on `state` (absent: the aggregate does not exist).
    pub fn new(id: A::Id, state: Option<A>, caller: Caller, now: Timestamp, context: Context) -> Self {
        Self { id, state, caller, now, context, events: Vec::new() }
    }

    /// The aggregate's id.
    pub fn id(&self) -> &A::Id {
        &self.id
    }

    /// The state after what was emitted so far; `NotFound` where there is none.
    pub fn state(&self) -> Result<&A, Refusal> {
        self.state.as_ref().ok_or_else(|| {
            Refusal::new(RefusalKind::NotFound, format!("there is no `{}` with id `{}`", A::TYPE, self.id))
        })
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// `now` of the spec: one moment for the whole decision.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        self.context.new_id()
    }

    /// Emits an event and applies it.
    ///
    /// # Errors
    /// What the event changes is out of range: the command is refused.
    pub fn emit(&mut self, event: impl Into<A::Event>) -> Result<(), Refusal> {
        let event = event.into();
        self.state = A::replay(self.state.take(), &self.id, &event)?;
        self.events.push(event);
        Ok(())
    }

    /// `when a, b`: refuses with `WrongState` unless the state is one of `states`.
    pub fn require_status(&self, states: &[impl Copy + Into<&'static str>]) -> Result<(), Refusal> {
        if self.has_status(states)? {
            return Ok(());
        }
        let status = self.state()?.status().unwrap_or_default();
        let states: Vec<&str> = states.iter().map(|&state| state.into()).collect();
        let message = format!("it is `{status}`; this needs it to be {}", states.join(" or "));
        Err(Refusal::new(RefusalKind::WrongState, message).with("status", status))
    }

    /// Whether the lifecycle is in one of `states`.
    ///
    /// # Errors
    /// `NotFound` where there is no state.
    pub fn has_status(&self, states: &[impl Copy + Into<&'static str>]) -> Result<bool, Refusal> {
        let status = self.state()?.status().unwrap_or_default();
        Ok(states.iter().any(|&state| state.into() == status))
    }

    /// The events emitted and the state after them.
    pub fn finish(self) -> (Vec<A::Event>, Option<A>) {
        (self.events, self.state)
    }
}
