//! Reading: in pieces, what is absent, after reopening.

use super::Opener;
use super::commits::write;
use super::make::*;
use crate::commit::{Commit, CommitError};
use crate::store::LastPositions;

/// Pieces of any size, one after the other, make the whole.
pub async fn reading_goes_on_where_it_stopped(opener: &Opener) {
    let store = opener.store().await;
    for id in ["a", "b", "c"] {
        write(&*store, append(&opener.context, id, 0, 4)).await.unwrap();
    }
    let mut positions: Vec<u64> = Vec::new();
    loop {
        let read = store.read_events(positions.last().copied().unwrap_or(0), 5).await.unwrap();
        if read.is_empty() {
            break;
        }
        positions.extend(read.iter().map(|event| event.pos));
    }
    assert!(positions.into_iter().eq(1..=12));
    let rest = store.read_stream(&stream("b"), 2).await.unwrap();
    assert_eq!(rest.iter().map(|event| event.version).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(store.last_positions().await.unwrap(), LastPositions { events: 12, outgoing: 0 });
}

/// Nothing is an answer of its own, never an error.
pub async fn what_is_not_there_is_absent(opener: &Opener) {
    let store = opener.store().await;
    assert!(store.read_stream(&stream("absent"), 0).await.unwrap().is_empty());
    assert_eq!(store.stream_version(&stream("absent")).await.unwrap(), 0);
    assert!(store.read_events(0, 10).await.unwrap().is_empty());
    assert!(store.read_events(u64::MAX, 10).await.unwrap().is_empty());
    assert_eq!(store.answer(opener.context.new_id()).await.unwrap(), None);
    assert_eq!(store.last_positions().await.unwrap(), LastPositions::default());
    assert!(store.due_timers(10).await.unwrap().due.is_empty());
    assert!(store.tables().await.unwrap().is_empty());
    assert!(store.health().await.is_ok());
}

/// Closed and opened again, everything answered is there, and it is still the same database.
pub async fn what_was_answered_is_there_after_reopening(opener: &Opener) {
    let store = opener.store().await;
    let kept = answer(opener.context.new_id(), None);
    let mut commit = append(&opener.context, "a", 0, 2);
    commit.answers.push(kept.clone());
    commit.outgoing.push(message(&opener.context, "k"));
    write(&*store, commit).await.unwrap();
    let epoch = store.epoch().await.unwrap();
    assert!(!epoch.is_empty());
    store.close().await;
    drop(store);
    let store = opener.store().await;
    assert_eq!(store.epoch().await.unwrap(), epoch);
    assert_eq!(store.answer(kept.command_id).await.unwrap(), Some(kept));
    assert_eq!(store.read_outgoing(0, 9).await.unwrap().len(), 1);
    assert_eq!(write(&*store, append(&opener.context, "a", 2, 1)).await.unwrap(), [3]);
}

/// After close, writing is refused with an error that says so; nothing panics or hangs.
pub async fn a_closed_store_refuses(opener: &Opener) {
    let store = opener.store().await;
    store.close().await;
    let commit = Commit { answers: vec![answer(opener.context.new_id(), None)], ..Commit::default() };
    assert!(matches!(write(&*store, commit).await, Err(CommitError::Unavailable(_))));
    assert!(store.health().await.is_err());
    assert!(store.read_events(0, 1).await.is_err());
    store.close().await;
}
