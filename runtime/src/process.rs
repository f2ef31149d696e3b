//! What moves by itself: sagas, policies, durable timers, port calls, and the inbox that commands and replies come to.

pub mod saga;
pub(crate) mod tables;
pub mod timer;

use crate::commit::CommitError;
use crate::event::DecodeError;
use crate::log::HandlingError;
use crate::store::StoreError;

/// Why something that moves by itself did not.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store did not take a commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// What is stored or was sent cannot be read by this build.
    #[error("{0}")]
    Corrupt(String),
    /// There is no such saga, message or call.
    #[error("{0}")]
    NotFound(String),
    /// An operator asked for what cannot be.
    #[error("{0}")]
    Refused(String),
    /// Others moved it at each attempt: try again.
    #[error("`{0}` was moved by others at each attempt")]
    Busy(String),
}

impl From<DecodeError> for ProcessError {
    fn from(error: DecodeError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<ProcessError> for HandlingError {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Corrupt(why) | ProcessError::NotFound(why) | ProcessError::Refused(why) => Self::Poison(why),
            ProcessError::Commit(CommitError::Invalid(why)) => Self::Poison(why),
            other => Self::Transient(other.to_string()),
        }
    }
}
