//! What SQLite's errors mean: away for now, not to be read, or the fault of one commit.

use crate::commit::CommitError;
use crate::store::StoreError;

/// What an error means to the commits of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A value that the database refuses: the fault of one commit.
    Guilty,
    /// The database cannot be used now (disk full, locked, input/output, no connection).
    Away,
    /// The file is damaged, or is no database.
    Damaged,
}

/// The result codes of SQLite that mean the same for all commits.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const TOOBIG: i32 = 18;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const MISMATCH: i32 = 20;
    pub(super) const NOTADB: i32 = 26;
}

/// What an error means.
pub(super) fn meaning(error: &sqlx::Error) -> Meaning {
    match (error, primary_code(error)) {
        (_, Some(code::CONSTRAINT | code::TOOBIG | code::MISMATCH)) | (sqlx::Error::Encode(_), _) => Meaning::Guilty,
        (_, Some(code::CORRUPT | code::NOTADB)) | (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_), _) => {
            Meaning::Damaged
        }
        _ => Meaning::Away,
    }
}

/// Whether the file itself is at fault.
pub(crate) fn is_damaged(error: &sqlx::Error) -> bool {
    meaning(error) == Meaning::Damaged
}

/// Why a group was not written, when a statement before its COMMIT failed: nothing is written.
pub(super) fn not_written(error: &sqlx::Error) -> CommitError {
    match meaning(error) {
        Meaning::Guilty => CommitError::Invalid(explained(error)),
        Meaning::Away | Meaning::Damaged => CommitError::Unavailable(explained(error)),
    }
}

/// What became of a group whose COMMIT failed. Disk full and locked are answered before the commit's mark is in the log, so
/// nothing is written; after any other failure (the log could not be flushed) the mark may or may not be on the disk.
pub(super) fn commit_failed(error: &sqlx::Error) -> CommitError {
    match primary_code(error) {
        Some(code::FULL | code::BUSY) => CommitError::Unavailable(explained(error)),
        _ => CommitError::Unknown(explained(error)),
    }
}

/// Why the store could not be read.
pub(super) fn not_read(error: &sqlx::Error) -> StoreError {
    match meaning(error) {
        Meaning::Damaged => StoreError::Corrupt(explained(error)),
        Meaning::Guilty | Meaning::Away => StoreError::Unavailable(explained(error)),
    }
}

/// The error with what can be done about it, where that is known.
pub(crate) fn explained(error: &sqlx::Error) -> String {
    let hint = match primary_code(error) {
        Some(code::FULL) => "the disk is full: free some space, writing goes on by itself",
        Some(code::BUSY) => {
            "another process holds the database's lock: stop it, one data folder belongs to one process"
        }
        Some(code::CORRUPT) => "the file is damaged: restore it from a backup",
        Some(code::NOTADB) => "the file is not an SQLite database",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
