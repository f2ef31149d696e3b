//! A changed spec on what an earlier one stored: what is read, what is refused, and that a refusal leaves the data as it was.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use minos_runtime::aggregate::Aggregate;
use minos_runtime::caller::Caller;
use minos_runtime::commit::{Append, ClaimChange, ClaimKind, Commit, CommitError};
use minos_runtime::context::{Context, Meta};
use minos_runtime::event::{Event, NewEvent, StreamId};
use minos_runtime::evolution::{self, AnyHistory, EvolutionError, TypedHistory};
use minos_runtime::refusal::Refusal;
use minos_runtime::store::Store;
use minos_runtime::store::sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThingId(Uuid);
minos_runtime::id!(ThingId);

/// The aggregate `a.Thing` as the spec of one day has it. Its state is what its events said last.
macro_rules! day {
    ($day:ident, unique [$($unique:literal),*], $($event:ident $wire:literal => $state:literal {
        $($(#[$optional:meta])? $field:ident $name:literal: $ty:ty = $shape:literal),*
    })+) => {
        mod $day {
            use super::*;

            $(
                #[derive(Clone, Debug, Serialize, Deserialize)]
                pub struct $event {
                    $($(#[$optional])? pub $field: $ty,)*
                }
            )+

            #[derive(Clone, Debug)]
            pub enum ThingEvent {
                $($event($event),)+
            }
            minos_runtime::events!(ThingEvent {
                $($event = $wire => $state { $($name: $shape),* },)+
            });

            #[derive(Clone, Debug)]
            pub struct Thing(BTreeMap<String, Value>);

            impl Aggregate for Thing {
                const TYPE: &'static str = "a.Thing";
                const UNIQUE: &'static [&'static str] = &[$(concat!("a.Thing.", $unique)),*];
                type Id = ThingId;
                type Event = ThingEvent;
                fn create(id: &ThingId, event: &ThingEvent) -> Result<Option<Self>, Refusal> {
                    let mut thing = Self(BTreeMap::new());
                    thing.apply(id, event)?;
                    Ok(Some(thing))
                }
                fn apply(&mut self, _: &ThingId, event: &ThingEvent) -> Result<(), Refusal> {
                    let said: Value = serde_json::from_str(&event.encode().unwrap()).unwrap();
                    self.0.extend(said.as_object().unwrap().clone());
                    Ok(())
                }
                fn unique_values(&self) -> Vec<(&'static str, String)> {
                    let names: &[&str] = &[$($unique),*];
                    Self::UNIQUE.iter().zip(names).filter_map(|(name, field)| Some((*name, self.0.get(*field)?.to_string()))).collect()
                }
            }

            pub fn aggregates() -> Vec<Arc<dyn AnyHistory>> {
                vec![Arc::new(TypedHistory::<Thing>::default())]
            }
        }
    };
}

day!(first, unique [], Made "a.Thing.Made" => "open" { name "name": String = "text", total "total": String = "decimal(12, 2)" }
    Named "a.Thing.Named" => "open" { name "name": String = "text" });
day!(more, unique [], Made "a.Thing.Made" => "open" {
        name "name": String = "text", total "total": String = "decimal(12, 2)", #[serde(default)] note "note": Option<String> = "text?"
    }
    Named "a.Thing.Named" => "open" { name "name": String = "text" }
    Closed "a.Thing.Closed" => "closed" {});
day!(retyped, unique [], Made "a.Thing.Made" => "open" { name "name": String = "text", total "total": i64 = "int" }
    Named "a.Thing.Named" => "open" { name "name": String = "text" });
day!(demanding, unique [], Made "a.Thing.Made" => "open" {
        name "name": String = "text", total "total": String = "decimal(12, 2)", note "note": String = "text"
    }
    Named "a.Thing.Named" => "open" { name "name": String = "text" });
day!(without_total, unique [], Made "a.Thing.Made" => "open" { name "name": String = "text" }
    Named "a.Thing.Named" => "open" { name "name": String = "text" });
day!(without_named, unique [], Made "a.Thing.Made" => "open" { name "name": String = "text", total "total": String = "decimal(12, 2)" });
day!(other_state, unique [], Made "a.Thing.Made" => "begun" { name "name": String = "text", total "total": String = "decimal(12, 2)" }
    Named "a.Thing.Named" => "begun" { name "name": String = "text" });
day!(unique_name, unique ["name"], Made "a.Thing.Made" => "open" { name "name": String = "text", total "total": String = "decimal(12, 2)" }
    Named "a.Thing.Named" => "open" { name "name": String = "text" });

async fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("a.db"), "a", &Context::system()).await.unwrap()
}

fn stream(thing: u128) -> StreamId {
    StreamId::new("a.Thing", &Uuid::from_u128(thing).to_string())
}

async fn append(
    store: &SqliteStore,
    thing: u128,
    event_type: &str,
    data: Value,
    claims: Vec<ClaimChange>,
) -> Result<(), CommitError> {
    let context = Context::system();
    let expected = store.stream_version(&stream(thing)).await.unwrap();
    let event = NewEvent {
        event_id: context.new_id(),
        event_type: format!("a.Thing.{event_type}"),
        schema_version: 1,
        entered: Some("open".to_owned()),
        private: false,
        data: data.to_string(),
    };
    let meta = Meta::new(&context, Caller::anonymous());
    let append = Append { stream: stream(thing), expected, events: vec![event], at: context.now(), meta };
    store.write(vec![Commit { appends: vec![append], claims, ..Commit::default() }]).await.remove(0).map(drop)
}

/// A first day: the definitions recorded, then two things, one of them named anew.
async fn yesterday(folder: &Path) {
    let store = open(folder).await;
    evolution::check(&first::aggregates(), &store).await.unwrap().record(&store).await.unwrap();
    for (thing, name) in [(1, "pen"), (2, "desk")] {
        append(&store, thing, "Made", json!({ "name": name, "total": "1.50" }), Vec::new()).await.unwrap();
    }
    append(&store, 2, "Named", json!({ "name": "table" }), Vec::new()).await.unwrap();
    store.close().await;
}

/// Starts on yesterday's data with a changed spec.
async fn start(folder: &Path, aggregates: &[Arc<dyn AnyHistory>]) -> Result<(), EvolutionError> {
    let store = open(folder).await;
    let started = match evolution::check(aggregates, &store).await {
        Ok(upgrade) => upgrade.record(&store).await,
        Err(error) => Err(error),
    };
    store.close().await;
    started
}

/// It is refused with a text that holds these parts, the data is the same to the last byte, and the spec of before starts on it.
async fn refused(aggregates: &[Arc<dyn AnyHistory>], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    yesterday(folder.path()).await;
    let before = std::fs::read(folder.path().join("a.db")).unwrap();
    let text = start(folder.path(), aggregates).await.unwrap_err().to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert_eq!(std::fs::read(folder.path().join("a.db")).unwrap(), before, "the data has changed");
    start(folder.path(), &first::aggregates()).await.unwrap();
}

#[tokio::test]
async fn an_optional_field_and_a_new_event_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    yesterday(folder.path()).await;
    start(folder.path(), &more::aggregates()).await.unwrap();
    let store = open(folder.path()).await;
    append(&store, 1, "Closed", json!({}), Vec::new()).await.unwrap();
    append(&store, 3, "Made", json!({ "name": "lamp", "total": "2.00", "note": "fragile" }), Vec::new()).await.unwrap();
    store.close().await;
    start(folder.path(), &more::aggregates()).await.unwrap();
    // And there is no way back behind what has been written since.
    let text = start(folder.path(), &first::aggregates()).await.unwrap_err().to_string();
    assert!(text.contains("it carries `note`") && text.contains("`a.Thing.Closed`"), "{text}");
}

#[tokio::test]
async fn a_field_whose_type_changed_is_refused_and_the_data_untouched() {
    let parts = [
        "`a.Thing.Made` at position 1",
        "field `total` was `decimal(12, 2)`, is `int`",
        "try: keep the field as it was",
    ];
    refused(&retyped::aggregates(), &parts).await;
}

#[tokio::test]
async fn a_field_that_events_of_before_do_not_have_must_be_optional() {
    let parts = ["field `note: text` is new and not optional", "make the new field optional"];
    refused(&demanding::aggregates(), &parts).await;
}

#[tokio::test]
async fn a_field_that_stored_events_carry_is_not_lost_in_silence() {
    refused(&without_total::aggregates(), &["it carries `total`", "keep the field, optional"]).await;
}

#[tokio::test]
async fn an_event_that_is_stored_is_kept_in_the_spec() {
    let parts = ["`a.Thing.Named` at position 3", "the event is gone", "keep the event in the spec"];
    refused(&without_named::aggregates(), &parts).await;
}

#[tokio::test]
async fn a_lifecycle_state_that_was_entered_is_kept_in_the_spec() {
    refused(&other_state::aggregates(), &["it entered `open`, a state that is gone", "enters `begun`"]).await;
}

#[tokio::test]
async fn a_change_that_no_stored_event_contradicts_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    evolution::check(&first::aggregates(), &store).await.unwrap().record(&store).await.unwrap();
    append(&store, 1, "Made", json!({ "name": "pen", "total": "1.50" }), Vec::new()).await.unwrap();
    store.close().await;
    // `Named` was in the spec and never happened.
    start(folder.path(), &without_named::aggregates()).await.unwrap();
}

#[tokio::test]
async fn data_of_before_definitions_were_written_down_is_read_once_and_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    append(&store, 1, "Made", json!({ "name": "pen", "total": "1.50" }), Vec::new()).await.unwrap();
    store.close().await;
    assert!(
        start(folder.path(), &retyped::aggregates())
            .await
            .unwrap_err()
            .to_string()
            .contains("`a.Thing.Made` at position 1")
    );
    start(folder.path(), &first::aggregates()).await.unwrap();
    assert!(
        start(folder.path(), &retyped::aggregates()).await.unwrap_err().to_string().contains("was `decimal(12, 2)`")
    );
}

fn claim(thing: u128, name: &str, kind: ClaimKind) -> ClaimChange {
    ClaimChange { constraint: "a.Thing.name".to_owned(), value: json!(name).to_string(), stream: stream(thing), kind }
}

#[tokio::test]
async fn what_becomes_unique_is_claimed_for_those_who_hold_it() {
    let folder = tempfile::tempdir().unwrap();
    yesterday(folder.path()).await;
    start(folder.path(), &unique_name::aggregates()).await.unwrap();
    let store = open(folder.path()).await;
    let make = async |thing: u128, name: &str| {
        let claims = vec![claim(thing, name, ClaimKind::Claim)];
        append(&store, thing, "Made", json!({ "name": name, "total": "1.00" }), claims).await
    };
    assert!(matches!(make(3, "pen").await, Err(CommitError::NotUnique { .. })));
    assert!(matches!(make(3, "table").await, Err(CommitError::NotUnique { .. })));
    make(3, "desk").await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_becomes_unique_and_is_held_twice_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    yesterday(folder.path()).await;
    let store = open(folder.path()).await;
    append(&store, 4, "Made", json!({ "name": "pen", "total": "1.00" }), Vec::new()).await.unwrap();
    store.close().await;
    let before = std::fs::read(folder.path().join("a.db")).unwrap();
    let text = start(folder.path(), &unique_name::aggregates()).await.unwrap_err().to_string();
    for part in
        ["`a.Thing.name` is unique now", stream(1).as_str(), stream(4).as_str(), "give one of them another value"]
    {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert_eq!(std::fs::read(folder.path().join("a.db")).unwrap(), before, "the data has changed");
}

#[tokio::test]
async fn a_field_that_is_unique_again_forgets_what_was_claimed_in_between() {
    let folder = tempfile::tempdir().unwrap();
    yesterday(folder.path()).await;
    start(folder.path(), &unique_name::aggregates()).await.unwrap();
    start(folder.path(), &first::aggregates()).await.unwrap();
    // While it is not unique: the pen becomes a pencil, and another thing a pen.
    let store = open(folder.path()).await;
    append(&store, 1, "Named", json!({ "name": "pencil" }), Vec::new()).await.unwrap();
    append(&store, 5, "Made", json!({ "name": "pen", "total": "1.00" }), Vec::new()).await.unwrap();
    store.close().await;
    start(folder.path(), &unique_name::aggregates()).await.unwrap();
    let store = open(folder.path()).await;
    let taken = append(&store, 6, "Made", json!({}), vec![claim(6, "pencil", ClaimKind::Claim)]).await;
    assert!(matches!(taken, Err(CommitError::NotUnique { .. })));
    store.close().await;
}
