//! What Postgres' errors mean: away for now, not to be read, the fault of one commit, or of nobody.

use sqlx::Error;

use crate::store::StoreError;

/// Why a group was not written, or may not have been.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// A value that the database refuses: the fault of one commit.
    Guilty(String),
    /// A commit of another instance came in between (a deadlock, a row made at the same moment): nothing is written, and the same again
    /// is decided on what stands then.
    Raced(String),
    /// The database cannot be used now: nothing is written.
    Away(String),
    /// The connection was lost while it committed.
    Unknown(String),
}

/// SQLSTATEs of a deadlock and of a serialisation failure.
const RACED: [&str; 2] = ["40P01", "40001"];
/// Classes of SQLSTATE that speak of values: data exceptions, constraints, what does not exist, limits of the program.
const GUILTY: [&str; 4] = ["22", "23", "42", "54"];
/// The class of SQLSTATE that speaks of damage.
const DAMAGED: &str = "XX";
/// The class of SQLSTATE that ends the connection: whether before or after the commit is not said.
const ENDED: &str = "57P";

/// Why a group was not written, when a statement before its COMMIT failed.
pub(super) fn not_written(error: &Error) -> Failure {
    let why = explained(error);
    match (error, code(error)) {
        (Error::Encode(_), _) => Failure::Guilty(why),
        (_, Some(code)) if RACED.contains(&&*code) => Failure::Raced(why),
        (_, Some(code)) if GUILTY.iter().any(|class| code.starts_with(class)) => Failure::Guilty(why),
        _ => Failure::Away(why),
    }
}

/// What became of a group when its COMMIT, or the statement that is its whole transaction, failed. An answer of the server says
/// that it is rolled back; the end of the connection says nothing.
pub(super) fn commit_failed(error: &Error) -> Failure {
    match code(error) {
        Some(code) if !code.starts_with(ENDED) => not_written(error),
        None if matches!(error, Error::Encode(_)) => not_written(error),
        _ => Failure::Unknown(explained(error)),
    }
}

/// Why the store could not be read.
pub(super) fn not_read(error: &Error) -> StoreError {
    let damaged = code(error).is_some_and(|code| code.starts_with(DAMAGED));
    match error {
        Error::ColumnDecode { .. } | Error::Decode(_) => StoreError::Corrupt(explained(error)),
        _ if damaged => StoreError::Corrupt(explained(error)),
        _ => StoreError::Unavailable(explained(error)),
    }
}

/// Why the store could not be opened: a wrong password or a database that is not ours is not mended by waiting.
pub(super) fn not_opened(error: &Error) -> StoreError {
    match code(error) {
        Some(code) if code.starts_with("28") || code.starts_with("3D") || code.starts_with("42501") => {
            StoreError::Refused(format!("the database refuses this service: {error}"))
        }
        _ => match error {
            Error::Configuration(why) => StoreError::Refused(why.to_string()),
            _ if is_of_tls(error) => StoreError::Refused(format!(
                "no TLS with the database ({error}): see that it speaks TLS, and which authority and name its certificate has (`sslmode` and `sslrootcert` of the URL)"
            )),
            _ => not_read(error),
        },
    }
}

/// A certificate that is not believed, or a server that speaks no TLS: not mended by waiting.
fn is_of_tls(error: &Error) -> bool {
    match error {
        Error::Tls(_) => true,
        // The handshake's own errors.
        Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// The error with what can be done about it, where that is known.
pub(super) fn explained(error: &Error) -> String {
    let hint = match code(error).as_deref() {
        Some("53100") => "the database's disk is full: free some space, writing goes on by itself",
        Some("53300") => "the database takes no more connections: raise `max_connections`, or give each instance fewer",
        Some("57014") => "a statement took too long, and was cancelled",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}

fn code(error: &Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
