//! Stores and commits.

use std::sync::Arc;

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Append, Commit, CommitError, Committed, KeptAnswer};
use minos_runtime::context::{Context, Meta};
use minos_runtime::event::{NewEvent, StreamId};
use minos_runtime::store::Store;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use minos_runtime::value::Uuid;

/// An instance of service `test` on the database.
pub(crate) async fn instance(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(&PostgresSettings::new(url, "test"), &Context::system()).await.unwrap())
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new("test.Thing", id)
}

/// An event to be appended.
pub(crate) fn event(context: &Context) -> NewEvent {
    NewEvent {
        event_id: context.new_id(),
        event_type: "test.Thing.Happened".to_owned(),
        schema_version: 1,
        entered: None,
        private: false,
        data: "{}".to_owned(),
    }
}

/// One event on a stream.
pub(crate) fn append(context: &Context, id: &str, expected: u64) -> Append {
    let meta = Meta::new(context, Caller::anonymous());
    Append { stream: stream(id), expected, events: vec![event(context)], at: context.now(), meta }
}

/// A commit of one event on a stream.
pub(crate) fn commit(context: &Context, id: &str, expected: u64) -> Commit {
    Commit { appends: vec![append(context, id, expected)], ..Commit::default() }
}

pub(crate) fn answer(command_id: Uuid) -> KeptAnswer {
    let answer = Answer::Done { stream: "test.Thing/a".to_owned(), version: 1 };
    KeptAnswer { command_id, request_hash: "hash".to_owned(), saga: None, answer }
}

pub(crate) async fn write(store: &dyn Store, commit: Commit) -> Result<Committed, CommitError> {
    let mut results = store.write(vec![commit]).await;
    assert_eq!(results.len(), 1);
    results.remove(0)
}
