//! What those who sent commands know of them: a line before a command is sent for the first time, a line for each definite
//! answer. Each line is with the system before anything else is done, so that it outlives whoever wrote it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A command is going to be sent.
    Intent(Intent),
    /// There is a definite answer.
    Answer(Answer),
}

/// A command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its `Idempotency-Key`.
    pub key: String,
    /// The `sub` of the token that it is sent with: keys are each caller's own.
    pub subject: String,
    /// The path: `/orders`, `/orders/{id}/ship`.
    pub path: String,
    /// The body.
    pub body: Value,
}

/// A definite answer: done, or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Which command's.
    pub key: String,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// How often it was sent until there was an answer.
    pub tries: u32,
}

/// The ledger, open for writing. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<File>>);

impl Ledger {
    /// Opens the file, or makes it; what it holds stays.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(File::options().create(true).append(true).open(path)?))))
    }

    /// Writes a line.
    pub fn write(&self, line: &Line) -> std::io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }

    /// Reads a ledger.
    pub fn read(path: &Path) -> std::io::Result<Vec<Line>> {
        std::fs::read_to_string(path)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}
