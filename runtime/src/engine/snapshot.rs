//! Snapshots of long streams, so that a cold load does not begin at the first event.
//!
//! One row a stream: how the aggregate stood at a version, and a hash of what it was made by. It is written after its events are,
//! beside the commands' path; losing one costs time only. It is never believed over the events: one of another definition, one
//! that cannot be read, one whose last event is not the one that stands in the stream at that version, is as good as none.

use std::fmt::Write as _;
use std::num::NonZeroU64;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::cache::{Entered, Loaded};
use crate::aggregate::Aggregate;
use crate::commit::Commit;
use crate::event::{Event as _, Recorded, StreamId};
use crate::process::tables::{column, int_of, optional_column, optional_int, text, text_of, timestamp_of, uuid_of};
use crate::store::{Store, StoreError};
use crate::view::{ColumnKind, Filter, Row, RowChange, Select, Table, Value};

/// After so many events of a stream another snapshot is made; and so many are read before one is looked for, so that a short
/// stream costs one question, as before.
pub const SNAPSHOT_EVERY: NonZeroU64 = NonZeroU64::new(100).unwrap();

const TABLE: &str = "snapshots";

pub(super) fn table() -> Table {
    let columns = vec![
        column("stream", ColumnKind::Text),
        column("definition", ColumnKind::Text),
        column("version", ColumnKind::Int),
        column("newest", ColumnKind::Text),
        optional_column("entered_version", ColumnKind::Int),
        optional_column("entered_at", ColumnKind::Timestamp),
        column("state", ColumnKind::Text),
    ];
    Table { name: TABLE.to_owned(), columns, key: 1 }
}

/// The aggregate at its snapshot, if there is one that is to be believed.
pub(super) async fn load<A: Aggregate>(store: &dyn Store, stream: &StreamId) -> Result<Option<Loaded<A>>, StoreError> {
    if A::SNAPSHOT.is_none() {
        return Ok(None);
    }
    let filter = Filter::In("stream".to_owned(), vec![text(stream.as_str())]);
    let select = Select { table: TABLE.to_owned(), filter, order: Vec::new(), after: None, limit: 1 };
    let Some(row) = store.select(&select).await?.pop() else { return Ok(None) };
    let loaded = match read::<A>(&row) {
        Ok(Some(loaded)) => loaded,
        // Of another definition: the next one takes its place.
        Ok(None) => return Ok(None),
        Err(why) => {
            tracing::warn!(
                stream = stream.as_str(),
                why,
                "a snapshot is passed over: the events are read from the first"
            );
            return Ok(None);
        }
    };
    let before = loaded.version.saturating_sub(1);
    let last: Vec<Recorded> = store.read_page(stream, before, 1).await?;
    if last.first().map(|event| event.event_id) == loaded.newest {
        return Ok(Some(loaded));
    }
    let why = "its last event is not the one that stands there";
    tracing::warn!(stream = stream.as_str(), why, "a snapshot is passed over: the events are read from the first");
    Ok(None)
}

/// Keeps how an aggregate stands. All of `loaded` must be written already.
pub(super) async fn save<A: Aggregate>(store: &dyn Store, stream: &StreamId, loaded: &Loaded<A>) {
    let Some(row) = row(stream, loaded) else { return };
    let put = RowChange::Put { table: TABLE.to_owned(), row };
    for result in store.write(vec![Commit { rows: vec![put], ..Commit::default() }]).await {
        if let Err(error) = result {
            tracing::debug!(stream = stream.as_str(), %error, "a snapshot was not kept");
        }
    }
}

fn row<A: Aggregate>(stream: &StreamId, loaded: &Loaded<A>) -> Option<Row> {
    let (form, state, newest) = (A::SNAPSHOT?, loaded.state.as_ref()?, loaded.newest?);
    let state = form.write(state).ok()?;
    let entered = loaded.entered;
    Some(vec![
        text(stream.as_str()),
        text(definition::<A>()),
        Value::Int(i64::try_from(loaded.version).ok()?),
        text(newest.to_string()),
        optional_int(entered.and_then(|entered| i64::try_from(entered.version).ok())),
        optional_int(entered.map(|entered| entered.at.as_microsecond())),
        text(state),
    ])
}

/// `None`: it was made by another definition.
fn read<A: Aggregate>(row: &Row) -> Result<Option<Loaded<A>>, String> {
    let [_, of, version, newest, entered_version, entered_at, state] = row.as_slice() else {
        return Err("its row does not fit".to_owned());
    };
    let Some(form) = A::SNAPSHOT.filter(|_| text_of(of) == Some(definition::<A>())) else { return Ok(None) };
    let number = |value: &Value| int_of(value).and_then(|int| u64::try_from(int).ok());
    let newest: Option<Uuid> = uuid_of(newest);
    let (Some(version), Some(newest), Some(state)) = (number(version), newest, text_of(state)) else {
        return Err("its row does not fit".to_owned());
    };
    let entered = number(entered_version).zip(timestamp_of(entered_at));
    let entered = entered.map(|(version, at)| Entered { version, at });
    let state = form.read(&state).map_err(|error| error.to_string())?;
    Ok(Some(Loaded { version, newest: Some(newest), state: Some(state), entered }))
}

/// What a snapshot is made by: the state with how events change it, and the events as the spec has them.
fn definition<A: Aggregate>() -> String {
    let mut hash = Sha256::new();
    hash.update(A::SNAPSHOT.map_or("", |form| form.definition()));
    for schema in A::Event::schemas() {
        hash.update(format!("\n{} {:?} {:?}", schema.event_type, schema.enters, schema.fields));
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
