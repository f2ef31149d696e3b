//! What an operator sees and decides: sagas, refused commands of policies, port calls that wait or are parked.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::ProcessError;
use super::port_caller::PortCaller;
use super::port_caller::calls::{self, Call, CallStatus};
use super::refused::{self, RefusedCommand};
use super::saga::index::{self, SagaRow};
use super::saga::log::{Entry, Verdict, saga_stream};
use super::saga::mover::{Mover, News};
use super::saga::progress::Status;
use crate::commit::Commit;
use crate::store::Store;

/// An operator's view of one service. Who decides records it first ([`super::decisions`]); a saga's log holds what was decided about it
/// too.
#[derive(Clone)]
pub struct Operator {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) mover: Arc<Mover>,
    pub(crate) ports: PortCaller,
}

/// Who decides, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A saga with its log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SagaDetail {
    /// As it is listed.
    #[serde(flatten)]
    pub row: SagaRow,
    /// Its log.
    pub log: Vec<LoggedEntry>,
}

/// An entry of a saga's log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoggedEntry {
    /// Its place in the log, from 1.
    pub version: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
}

impl Operator {
    /// Sagas of these statuses (of any, where none is given), after the one with that id, at most so many.
    pub async fn sagas(
        &self,
        statuses: &[Status],
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<SagaRow>, ProcessError> {
        Ok(index::sagas(&*self.store, statuses, after, limit).await?)
    }

    /// One saga with its log.
    pub async fn saga(&self, id: Uuid) -> Result<SagaDetail, ProcessError> {
        let row = self.saga_row(id).await?;
        let events = self.store.read_stream(&saga_stream(&row.saga, id), 0).await?;
        let log = events
            .iter()
            .map(|event| Ok(LoggedEntry { version: event.version, at: event.at, entry: Entry::from_event(event)? }))
            .collect::<Result<Vec<_>, ProcessError>>()?;
        Ok(SagaDetail { row, log })
    }

    /// Decides about what a saga is stuck at.
    ///
    /// # Errors
    /// [`ProcessError::NotFound`]; [`ProcessError::Refused`] where it is not stuck, or the verdict is not possible there.
    pub async fn decide(&self, id: Uuid, verdict: Verdict, decision: Decision) -> Result<SagaRow, ProcessError> {
        let row = self.saga_row(id).await?;
        tracing::info!(saga = %id, ?verdict, by = decision.by, reason = decision.reason, "an operator decided");
        let news = News::Verdict { verdict, reason: decision.reason, by: decision.by };
        self.mover.tell(&saga_stream(&row.saga, id), &news).await?;
        self.saga_row(id).await
    }

    async fn saga_row(&self, id: Uuid) -> Result<SagaRow, ProcessError> {
        let row = index::find(&*self.store, id).await?;
        row.ok_or_else(|| ProcessError::NotFound(format!("there is no saga with id `{id}`")))
    }

    /// Refused commands of policies, after the one with that id, at most so many.
    pub async fn refused_commands(
        &self,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<RefusedCommand>, ProcessError> {
        Ok(refused::refused(&*self.store, after, limit).await?)
    }

    /// Sends a refused command again, under a new id.
    pub async fn replay_command(&self, id: Uuid, decision: &Decision) -> Result<(), ProcessError> {
        let command = self.refused_command(id).await?;
        tracing::info!(command = %id, by = decision.by, reason = decision.reason, "a refused command is sent again");
        self.write(command.replay()).await
    }

    /// Lists a refused command no more.
    pub async fn discard_command(&self, id: Uuid, decision: &Decision) -> Result<(), ProcessError> {
        let command = self.refused_command(id).await?;
        tracing::info!(command = %id, by = decision.by, reason = decision.reason, "a refused command is discarded");
        self.write(command.discard()).await
    }

    async fn refused_command(&self, id: Uuid) -> Result<RefusedCommand, ProcessError> {
        let command = refused::find(&*self.store, id).await?;
        command.ok_or_else(|| ProcessError::NotFound(format!("there is no refused command with id `{id}`")))
    }

    /// Port calls that wait or are parked, after that place, at most so many.
    pub async fn port_calls(&self, after: Option<u64>, limit: usize) -> Result<Vec<Call>, ProcessError> {
        Ok(calls::calls(&*self.store, after, limit).await?)
    }

    /// Makes a parked port call again, under the same key.
    pub async fn replay_call(&self, pos: u64, decision: &Decision) -> Result<(), ProcessError> {
        let mut call = self.port_call(pos).await?;
        tracing::info!(call = %call.id, by = decision.by, reason = decision.reason, "a parked port call is made again");
        call.status = CallStatus::Waiting;
        self.write(call.save()?).await?;
        self.ports.call_key(call.key);
        Ok(())
    }

    /// Gives up a port call: it will not be made, and those of its key that it held are.
    pub async fn discard_call(&self, pos: u64, decision: &Decision) -> Result<(), ProcessError> {
        let call = self.port_call(pos).await?;
        tracing::info!(call = %call.id, by = decision.by, reason = decision.reason, "a port call is discarded");
        self.write(call.remove()).await?;
        self.ports.call_key(call.key);
        Ok(())
    }

    async fn port_call(&self, pos: u64) -> Result<Call, ProcessError> {
        let call = calls::find(&*self.store, pos).await?;
        call.ok_or_else(|| ProcessError::NotFound(format!("there is no waiting port call {pos}")))
    }

    async fn write(&self, commit: Commit) -> Result<(), ProcessError> {
        match self.store.write(vec![commit]).await.pop() {
            Some(Err(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
