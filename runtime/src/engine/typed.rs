//! Commands by name: from JSON to a typed decision.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::{Uuid, Version};

use super::cache::Loaded;
use super::decide::{Attempt, Outcome, Work, run, without_keeping};
use super::{AnyAggregate, Beside, CommandRequest, Engine, ExecuteError, Executed, Reader, TypedAggregate};
use crate::aggregate::{Aggregate, AggregateId};
use crate::command::{Command, CommandRead, Decision, WithError};
use crate::commit::Answer;
use crate::context::derived_id;
use crate::event::StreamId;
use crate::parse;
use crate::refusal::{Refusal, RefusalKind};

/// A command of any type.
#[async_trait]
pub trait AnyCommand: Send + Sync {
    /// Its wire name.
    fn name(&self) -> &'static str;
    /// Its aggregate's wire name.
    fn aggregate(&self) -> &'static str;
    /// Whether it is a `create`.
    fn creates(&self) -> bool;
    /// Method and path, if it may come from outside.
    fn route(&self) -> Option<(&'static str, &'static str)>;
    /// Whether nobody without a token may send it.
    fn needs_token(&self) -> bool;
    /// A new room for its aggregate, with nothing in it.
    fn room(&self) -> Arc<dyn AnyAggregate>;
    /// Decides it. See [`Engine::execute`].
    async fn execute(
        &self,
        engine: &Engine,
        request: &CommandRequest,
        beside: &Beside<'_>,
    ) -> Result<Executed, ExecuteError>;
}

/// The command `C`.
pub struct TypedCommand<C>(PhantomData<fn(C)>);

impl<C> Default for TypedCommand<C> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<C: Command> AnyCommand for TypedCommand<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn aggregate(&self) -> &'static str {
        C::Aggregate::TYPE
    }

    fn creates(&self) -> bool {
        C::CREATES
    }

    fn route(&self) -> Option<(&'static str, &'static str)> {
        C::ROUTE
    }

    fn needs_token(&self) -> bool {
        C::NEEDS_TOKEN
    }

    fn room(&self) -> Arc<dyn AnyAggregate> {
        Arc::new(TypedAggregate::<C::Aggregate>::default())
    }

    async fn execute(
        &self,
        engine: &Engine,
        request: &CommandRequest,
        beside: &Beside<'_>,
    ) -> Result<Executed, ExecuteError> {
        let room = engine.aggregates.get(C::Aggregate::TYPE).and_then(|room| room.as_any().downcast_ref());
        let Some(room) = room else {
            return Err(ExecuteError::Broken(format!("`{}` was registered as two types", C::Aggregate::TYPE)));
        };
        // What is malformed is so whatever the state: nothing is checked, and nothing kept.
        let (id, command) = match understood::<C>(request) {
            Ok(understood) => understood,
            Err(refusal) => return without_keeping(engine, Answer::Refused(refusal), beside, false).await,
        };
        let stream = StreamId::new(C::Aggregate::TYPE, &id.to_string());
        let meta = request.meta.caused_by(request.command_id);
        let work = Work {
            command_id: request.command_id,
            request_hash: request_hash(request, &command)?,
            saga: request.saga,
            undoes: request.undoes,
            meta: &meta,
            id: &id,
            stream: &stream,
            beside,
        };
        run(engine, room, &work, &Asked { command: &command, request }).await
    }
}

type IdOf<C> = <<C as Command>::Aggregate as Aggregate>::Id;

/// The aggregate's id and the command's parameters; or the refusal that names every field that is wrong.
fn understood<C: Command>(request: &CommandRequest) -> Result<(IdOf<C>, C), Refusal> {
    let command = parse::json::<C>(&request.arguments);
    let id = match &request.target {
        Some(text) => text.parse().map_err(|_| format!("is `{text}`, which is no id")),
        None if C::CREATES => Ok(IdOf::<C>::from_uuid(created_id(C::Aggregate::TYPE, request.command_id))),
        None => Err("is required".to_owned()),
    };
    match (id, command) {
        (Ok(id), command) => command.map(|command| (id, command)),
        (Err(why), Ok(_)) => Err(parse::malformed([("id".to_owned(), why)])),
        (Err(why), Err(refusal)) => Err(refusal.with("id", why)),
    }
}

/// The id of what a command makes: the same for the same command, and ordered by time where the command's own id is, since an index grows
/// at its end for less than anywhere.
fn created_id(aggregate: &str, command_id: Uuid) -> Uuid {
    /// Milliseconds, at the front of a UUID of version 7.
    const TIME: std::ops::Range<usize> = 0..6;
    let derived = derived_id(&["create", aggregate, &command_id.to_string()]);
    if command_id.get_version() != Some(Version::SortRand) {
        return derived;
    }
    let mut bytes = derived.into_bytes();
    bytes[TIME].copy_from_slice(&command_id.as_bytes()[TIME]);
    uuid::Builder::from_bytes(bytes).with_version(Version::SortRand).into_uuid()
}

/// A hash of command, target and arguments: of what they say, not of how they are spelled.
fn request_hash<C: Command>(request: &CommandRequest, command: &C) -> Result<String, ExecuteError> {
    let arguments = serde_json::to_vec(command).map_err(|error| ExecuteError::Broken(error.to_string()))?;
    let mut hash = Sha256::new();
    hash.update(C::NAME);
    hash.update([0]);
    hash.update(request.target.as_deref().unwrap_or_default());
    hash.update([0]);
    hash.update(arguments);
    let digest = hash.finalize();
    let mut first_half = [0; 16];
    first_half.copy_from_slice(&digest[..16]);
    Ok(Uuid::from_bytes(first_half).simple().encode_lower(&mut Uuid::encode_buffer()).to_owned())
}

/// A command that someone sent.
struct Asked<'a, C> {
    command: &'a C,
    request: &'a CommandRequest,
}

#[async_trait]
impl<C: Command> Attempt<C::Aggregate> for Asked<'_, C> {
    fn creates(&self) -> bool {
        C::CREATES
    }

    async fn decide(
        &self,
        engine: &Engine,
        id: &IdOf<C>,
        loaded: &Loaded<C::Aggregate>,
        now: Timestamp,
    ) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        if loaded.state.is_none() && !C::CREATES && self.request.undoes.is_some() {
            return Ok(Outcome::Decided { events: Vec::new(), state: None, now });
        }
        if let Err(refusal) = self.admitted(id, loaded) {
            return Ok(Outcome::Refused(refusal));
        }
        let read = match C::Read::read(self.command, &Reader::new(&*engine.store, &engine.tables)).await {
            Ok(read) => read,
            Err(WithError::Refused(refusal)) => return Ok(Outcome::Refused(refusal)),
            Err(WithError::Store(error)) => return Err(error.into()),
        };
        let caller = self.request.meta.principal.clone();
        let mut decision = Decision::new(id.clone(), loaded.state.clone(), caller, now, engine.context.clone());
        match self.command.decide(read, &mut decision) {
            Ok(()) => Ok(Outcome::decided(decision)),
            Err(refusal) => Ok(Outcome::Refused(refusal)),
        }
    }
}

impl<C: Command> Asked<'_, C> {
    /// What is checked before the decision, in the order of the statuses: 404, 403, 412.
    fn admitted(&self, id: &IdOf<C>, loaded: &Loaded<C::Aggregate>) -> Result<(), Refusal> {
        let aggregate = C::Aggregate::TYPE;
        if !C::CREATES && loaded.state.is_none() {
            let message = format!("there is no `{aggregate}` with id `{id}`");
            return Err(Refusal::new(RefusalKind::NotFound, message));
        }
        let caller = &self.request.meta.principal;
        let allowed = || match &loaded.state {
            Some(state) => self.command.allow_on(caller, id, state),
            None => self.command.allow(caller),
        };
        if !self.request.internal && !allowed() {
            return Err(Refusal::new(RefusalKind::Forbidden, format!("this caller may not send `{}`", C::NAME)));
        }
        if let Some(expected) = self.request.if_match
            && expected != loaded.version
        {
            let message = format!("it is at version {}, not at {expected}", loaded.version);
            return Err(Refusal::new(RefusalKind::Stale, message).with("version", loaded.version));
        }
        if C::CREATES && loaded.version > 0 {
            let message = format!("there is a `{aggregate}` with id `{id}` already");
            return Err(Refusal { error: "AlreadyExists".to_owned(), ..Refusal::new(RefusalKind::Conflict, message) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_makes_has_one_id_ordered_by_time_as_the_commands_is() {
        let commands = [1_000_u64, 1_001, 70_000]
            .map(|millis| uuid::Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid());
        let made = commands.map(|command| created_id("orders.Order", command));
        assert!(made.is_sorted(), "{made:?}");
        assert_eq!(made, commands.map(|command| created_id("orders.Order", command)));
        assert_ne!(created_id("orders.Order", commands[0]), created_id("orders.Other", commands[0]));
        let by_key = derived_id(&["key"]);
        assert_eq!(created_id("orders.Order", by_key).get_version(), Some(Version::Sha1));
    }
}
