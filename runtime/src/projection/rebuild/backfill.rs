//! Filling the table of a new or changed kept view from the streams of its aggregate.
//!
//! The engine writes rows into the same table meanwhile, with each commit of an aggregate. A row is therefore written with
//! the version of its stream *checked*: where the stream has grown in between, it is made anew.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Fill;
use crate::commit::{Commit, CommitError};
use crate::event::StreamId;
use crate::fault::Point;
use crate::projection::AnyKeptView;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use crate::view::{RowChange, Table};

/// How many events are looked through at once.
const PAGE: usize = 500;

/// Until all streams have their rows, or shutdown; begun anew at the next start, rows written twice are the same.
pub(super) async fn run(
    view: Arc<dyn AnyKeptView>,
    table: Table,
    store: Arc<dyn Store>,
    fill: Fill,
    shutdown: Shutdown,
) {
    let name = view.view();
    let filled = async {
        while let Err(error) = fill_all(&*view, &table, &*store).await {
            tracing::warn!(view = name, %error, "a kept view is filled again from the beginning");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = shutdown.asked() => return,
        () = filled => {}
    }
    if let Err(error) = fill.take_over(&shutdown).await {
        tracing::error!(view = name, %error, "a rebuilt view could not take over; it will when the service starts again");
    }
}

async fn fill_all(view: &dyn AnyKeptView, table: &Table, store: &dyn Store) -> Result<(), StoreError> {
    let mut pos = 0;
    loop {
        let events = store.read_events(pos, PAGE).await?;
        let Some(last) = events.last() else { return Ok(()) };
        pos = last.pos;
        // A stream's row is made once, where it begins.
        let begun =
            events.into_iter().filter(|event| event.version == 1 && event.stream.aggregate() == view.aggregate());
        let mut streams: BTreeSet<StreamId> = begun.map(|event| event.stream).collect();
        while !streams.is_empty() {
            streams = fill_some(view, table, store, streams).await?;
        }
    }
}

/// Makes the rows of streams; returns those that have grown meanwhile.
async fn fill_some(
    view: &dyn AnyKeptView,
    table: &Table,
    store: &dyn Store,
    streams: BTreeSet<StreamId>,
) -> Result<BTreeSet<StreamId>, StoreError> {
    let mut commits = Vec::new();
    let mut filled = Vec::new();
    for stream in streams {
        let events = store.read_stream(&stream, 0).await?;
        let version = events.last().map_or(0, |event| event.version);
        match view.replay(&stream, &events) {
            Ok(Some(row)) => {
                let rows = vec![RowChange::Put { table: table.name.clone(), row }];
                commits.push(Commit { checks: vec![(stream.clone(), version)], rows, ..Commit::default() });
                filled.push(stream);
            }
            Ok(None) => {}
            // A view never refuses: the row is absent, and seen in the log.
            Err(why) => tracing::error!(view = view.view(), why, "a row of a kept view cannot be made"),
        }
    }
    Point::ViewRebuild.pass();
    let mut again = BTreeSet::new();
    for (result, stream) in store.write(commits).await.into_iter().zip(filled) {
        match result {
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) => _ = again.insert(stream),
            Err(error) => return Err(StoreError::Unavailable(error.to_string())),
        }
    }
    Ok(again)
}
