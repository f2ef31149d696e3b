//! Where a saga stands: the fold of its log. Holds no definition and decides nothing; see [`super::machine`].

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::log::{Entry, Outcome, Part, Silence, Slot, Verdict};
use crate::event::Json;
use crate::refusal::{Refusal, RefusalKind};

/// Where a saga stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The hash of the definition that moves it.
    pub definition: String,
    /// Why everything is being undone, if it is.
    pub failure: Option<Refusal>,
    /// What it is stuck at, if it is.
    pub stuck: Option<Stuck>,
    /// How it ended, if it did.
    pub end: Option<End>,
    slots: BTreeMap<Slot, Asked>,
    by_command: BTreeMap<Uuid, Slot>,
    latest: Option<Slot>,
    undo_skipped: bool,
}

/// What a saga is stuck at.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// What was asked for; absent where the definition is gone.
    pub slot: Option<Slot>,
    /// Why.
    pub why: String,
}

/// Where a saga stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its steps are being done.
    Running,
    /// What was done is being undone.
    Compensating,
    /// It waits for an operator.
    Stuck,
    /// Ended: all is done.
    Completed,
    /// Ended: all is undone.
    Compensated,
    /// Ended: all is undone, but for an undo that an operator skipped.
    Settled,
}

impl Status {
    /// Those of sagas that have not ended.
    pub const UNDER_WAY: [Self; 3] = [Self::Running, Self::Compensating, Self::Stuck];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Stuck => "stuck",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Settled => "settled",
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        [Self::Running, Self::Compensating, Self::Stuck, Self::Completed, Self::Compensated, Self::Settled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// A word that is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no status of a saga: try `running`, `compensating`, `stuck`, `completed`, `compensated` or `settled`"
)]
pub struct UnknownStatus(pub String);

/// How a saga ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is done.
    Completed,
    /// Everything that was done is undone.
    Compensated,
    /// As compensated, but for an undo that an operator skipped.
    Settled,
}

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Under which id.
    pub command: Uuid,
    /// The operator's attempts before this one: part of the id.
    pub attempt: u32,
    /// How often under this id.
    pub tries: u32,
    /// When for the first time (anew after an operator's retry).
    pub since: Timestamp,
    /// Whether it may have happened, as far as tries that have ended tell.
    pub may_have_happened: bool,
    /// How it stands.
    pub state: State,
}

/// How something that was asked for stands.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// An answer is waited for, until then.
    Waiting(Timestamp),
    /// There was none; it may be asked for again from then on.
    Silent {
        /// What that means.
        silence: Silence,
        /// For people.
        why: String,
        /// From when on it may be asked for again.
        again_at: Timestamp,
    },
    /// It is done, with that result.
    Done(Option<Json>),
    /// It was refused.
    Refused(Refusal),
    /// An operator wants it asked for again.
    Again,
}

impl State {
    /// Whether nothing changes it any more but an operator.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Refused(_))
    }
}

impl Progress {
    /// The fold of a log.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut progress = Self::default();
        for entry in entries {
            progress.apply(entry);
        }
        progress
    }

    /// Takes in one entry. Total: an entry that does not fit changes nothing.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Started { definition, .. } => self.definition.clone_from(definition),
            Entry::Sent { slot, command, attempt, at, deadline } => self.sent(slot, *command, *attempt, *at, *deadline),
            Entry::Answered { command, outcome } => self.answered(*command, outcome),
            Entry::Unanswered { command, silence, why, again_at } => {
                if let Some(asked) = self.open(*command) {
                    asked.may_have_happened |= *silence != Silence::Unavailable;
                    asked.state = State::Silent { silence: *silence, why: why.clone(), again_at: *again_at };
                }
            }
            Entry::Compensating { failure } => self.failure = Some(failure.clone()),
            Entry::Stuck { slot, why } => self.stuck = Some(Stuck { slot: slot.clone(), why: why.clone() }),
            Entry::Decided { verdict, reason, by, definition } => {
                self.decided(verdict, reason, by, definition.as_ref())
            }
            Entry::Completed => self.end = Some(End::Completed),
            Entry::Compensated => self.end = Some(End::Compensated),
            Entry::Settled => self.end = Some(End::Settled),
        }
    }

    fn sent(&mut self, slot: &Slot, command: Uuid, attempt: u32, at: Timestamp, deadline: Timestamp) {
        let before = self.slots.get(slot).filter(|asked| asked.command == command);
        let again = before.filter(|asked| asked.state != State::Again);
        let asked = Asked {
            command,
            attempt,
            tries: again.map_or(0, |asked| asked.tries) + 1,
            since: again.map_or(at, |asked| asked.since),
            // Asked for again without an answer in between: the process may have died after the call.
            may_have_happened: before
                .is_some_and(|asked| asked.may_have_happened || matches!(asked.state, State::Waiting(_))),
            state: State::Waiting(deadline),
        };
        self.latest = Some(slot.clone());
        self.by_command.insert(command, slot.clone());
        self.slots.insert(slot.clone(), asked);
    }

    fn answered(&mut self, command: Uuid, outcome: &Outcome) {
        let Some(asked) = self.open(command) else { return };
        asked.state = match outcome {
            Outcome::Done(result) => State::Done(result.clone()),
            Outcome::Refused(refusal) => State::Refused(refusal.clone()),
        };
        let slot = self.by_command.get(&command);
        if self.stuck.as_ref().is_some_and(|stuck| stuck.slot.is_some() && stuck.slot.as_ref() == slot) {
            self.stuck = None;
        }
    }

    fn decided(&mut self, verdict: &Verdict, reason: &str, by: &str, definition: Option<&String>) {
        let Some(stuck) = self.stuck.take() else { return };
        if let Some(definition) = definition {
            self.definition.clone_from(definition);
        }
        let Some(slot) = stuck.slot else { return };
        let Some(asked) = self.slots.get_mut(&slot) else { return };
        match verdict {
            Verdict::Retry => {
                asked.attempt += u32::from(matches!(asked.state, State::Refused(_)));
                asked.state = State::Again;
            }
            Verdict::Skip(result) => {
                self.undo_skipped |= slot.part == Part::Undo;
                asked.state = State::Done(result.clone());
            }
            Verdict::Force => {
                let message = format!("{by} decided that it counts as refused: {reason}");
                asked.may_have_happened = false;
                asked.state = State::Refused(Refusal::new(RefusalKind::Undone, message));
            }
        }
    }

    fn open(&mut self, command: Uuid) -> Option<&mut Asked> {
        let slot = self.by_command.get(&command)?;
        self.slots.get_mut(slot).filter(|asked| asked.command == command && !asked.state.is_final())
    }

    /// Where it stands, in a word.
    pub fn status(&self) -> Status {
        match (self.end, &self.stuck, &self.failure) {
            (Some(End::Completed), _, _) => Status::Completed,
            (Some(End::Compensated), _, _) => Status::Compensated,
            (Some(End::Settled), _, _) => Status::Settled,
            (None, Some(_), _) => Status::Stuck,
            (None, None, Some(_)) => Status::Compensating,
            (None, None, None) => Status::Running,
        }
    }

    /// How something that was asked for stands.
    pub fn asked(&self, slot: &Slot) -> Option<&Asked> {
        self.slots.get(slot)
    }

    /// Everything that was asked for.
    pub fn slots(&self) -> impl Iterator<Item = (&Slot, &Asked)> {
        self.slots.iter()
    }

    /// What was asked for under that id, unless it has its answer.
    pub fn unanswered(&self, command: Uuid) -> Option<&Slot> {
        let slot = self.by_command.get(&command)?;
        self.slots.get(slot).filter(|asked| asked.command == command && !asked.state.is_final())?;
        Some(slot)
    }

    /// Whether an answer to what was asked under that id is waited for right now.
    pub fn is_waiting(&self, command: Uuid) -> bool {
        self.unanswered(command)
            .and_then(|slot| self.slots.get(slot))
            .is_some_and(|asked| matches!(asked.state, State::Waiting(_)))
    }

    /// What was asked for under that id.
    pub fn slot_of(&self, command: Uuid) -> Option<&Slot> {
        self.by_command.get(&command)
    }

    /// What was asked for last.
    pub fn latest(&self) -> Option<&Slot> {
        self.latest.as_ref()
    }

    /// Whether an operator skipped an undo.
    pub fn undo_skipped(&self) -> bool {
        self.undo_skipped
    }
}
