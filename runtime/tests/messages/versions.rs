//! An event of a version that this build does not read holds its key, and nothing else, until a build comes that does.

use std::sync::Arc;

use minos_runtime::event::EventPayload;
use minos_runtime::log::consumer::ParkedKind;
use serde::{Deserialize, Serialize};

use crate::support::{Service, Tracer, folder, of_stream, until};

/// `a.Thing.Happened` as one build reads it.
macro_rules! happened {
    ($name:ident, $version:literal) => {
        #[derive(Serialize, Deserialize)]
        struct $name {
            n: u64,
        }

        impl EventPayload for $name {
            const TYPE: &'static str = "a.Thing.Happened";
            const VERSION: u32 = $version;
        }
    };
}

happened!(Today, 1);
happened!(Tomorrow, 2);

/// A consumer of a build that reads `P`.
fn reading<P: EventPayload>() -> Arc<Tracer> {
    let read = |delivery: &minos_runtime::log::consumer::Delivery| {
        let event = delivery.event().expect("events alone come here");
        event.payload::<P>().map(drop).map_err(Into::into)
    };
    Arc::new(Tracer::of("t", "a.events").answering(read))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_version_of_a_handled_event_holds_its_key_until_a_build_reads_it() {
    let (_keep, path) = folder();
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    b.consumers.start(reading::<Today>()).await.unwrap();
    a.emit_many(0, 20).await;
    a.emit_version("a.Thing/3", "a.Thing.Happened", r#"{"n":23,"by":"ada"}"#, 2).await;
    a.emit_many(30, 10).await;
    // An event that nobody here handles may be of any version.
    a.emit_version("a.Thing/4", "a.Thing.Moved", r#"{"to":"x"}"#, 9).await;
    a.emit_many(40, 10).await;
    let effects = b.until_effects(38).await;
    assert_eq!(of_stream(&effects, "a.Thing/3"), [3, 13], "what follows it waits");
    assert_eq!(of_stream(&effects, "a.Thing/4"), [4, 14, 34, 44], "others do not");
    until(async || b.consumers.parked(Some("t")).await.unwrap().len() == 3).await;
    let parked = b.consumers.parked(Some("t")).await.unwrap();
    assert_eq!(
        parked.iter().map(|one| one.kind).collect::<Vec<_>>(),
        [ParkedKind::Poison, ParkedKind::Behind, ParkedKind::Behind]
    );
    assert!(parked[0].reason.contains("schema version 2; this build reads up to 1"), "{}", parked[0].reason);
    assert!(b.consumers.replay(parked[0].id).await.is_err(), "this build still does not read it");
    b.stop().await;

    let b = Service::start(&path, "b").await;
    b.consumers.start(reading::<Tomorrow>()).await.unwrap();
    assert_eq!(b.consumers.replay(parked[0].id).await.unwrap(), 3);
    let effects = b.until_effects(41).await;
    assert_eq!(of_stream(&effects, "a.Thing/3"), [3, 13, 23, 33, 43]);
    b.stop().await;
    a.stop().await;
}
