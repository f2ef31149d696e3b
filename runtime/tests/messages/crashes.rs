//! What a process that dies at any moment leaves behind. A runtime that is shut down in the background ends its tasks wherever
//! they wait: nothing is flushed, nothing is saved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use minos_runtime::context::Context;
use minos_runtime::instances::Instances;
use minos_runtime::log::consumer::ParkedKind;
use minos_runtime::log::embedded::EmbeddedLog;
use minos_runtime::shutdown::Shutdown;
use minos_runtime::store::sqlite::SqliteStore;

use crate::faults::{Fuse, Fused};
use crate::support::{Service, Tracer, assert_each_once_in_order, folder, number, until};

/// Runs `life` in a process of its own, as it were, and kills it after `lasts`.
fn killed_after<F: Future<Output = ()> + Send + 'static>(lasts: Duration, life: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.spawn(life);
    std::thread::sleep(lasts);
    runtime.shutdown_background();
    // SQLite's own threads finish what they were at.
    std::thread::sleep(Duration::from_millis(30));
}

/// As [`killed_after`], as soon as `dead` says so.
fn killed_once<F: Future<Output = ()> + Send + 'static>(dead: impl Fn() -> bool, life: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.spawn(life);
    let until = Instant::now() + Duration::from_secs(60);
    while !dead() {
        assert!(Instant::now() < until, "it was not killed within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
    runtime.shutdown_background();
    std::thread::sleep(Duration::from_millis(30));
}

async fn both(path: PathBuf) -> (Service, Service) {
    let (a, b) = (Service::start(&path, "a").await, Service::start(&path, "b").await);
    a.relay().await;
    (a, b)
}

#[test]
fn every_message_has_its_effect_once_although_both_services_are_killed_again_and_again() {
    let (_keep, path) = folder();
    let seed = |path: &Path| {
        let path = path.to_owned();
        async move {
            let a = Service::start(&path, "a").await;
            a.emit_many(0, 500).await;
            a.stop().await;
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(seed(&path));
    for round in 0..12 {
        let path = path.clone();
        killed_after(Duration::from_millis(30 + round * 17), async move {
            let (_a, b) = both(path).await;
            b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
            std::future::pending::<()>().await;
        });
    }
    runtime.block_on(async {
        let (a, b) = both(path).await;
        b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
        assert_each_once_in_order(&b.until_effects(500).await, "a", 500);
        b.stop().await;
        a.stop().await;
    });
}

/// A consuming service dies at each of its first commits in turn: what that commit was to write is written or not, and nothing after it.
/// The effects of 240 messages, once each of them has had its own.
fn dying_at_each_commit(splits: bool) -> Vec<String> {
    let (_keep, path) = folder();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for round in 0..24 {
        runtime.block_on(async {
            let a = Service::start(&path, "a").await;
            a.emit_many(round * 10, 10).await;
            a.stop().await;
        });
        let fuse = Fuse::at(1 + round / 2, round % 2 == 1);
        let (path, of_b) = (path.clone(), fuse.clone());
        killed_once(move || fuse.is_blown(), async move {
            let (log, context) = (EmbeddedLog::open(&path.join("log.db")).await.unwrap(), Context::system());
            let a = Service::start(&path, "a").await;
            a.relay().await;
            let store = Arc::new(SqliteStore::open(&path.join("b.db"), "b", &context).await.unwrap());
            let fused = Fused::new(store, of_b);
            let store = Arc::new(if splits { fused.splitting() } else { fused });
            let b = Service::with("b", store, Arc::new(log), Instances::alone(), Shutdown::new()).await;
            b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
            std::future::pending::<()>().await;
        });
    }
    runtime.block_on(async {
        let (a, b) = both(path).await;
        b.consumers.start(Arc::new(Tracer::of("t", "a.events"))).await.unwrap();
        until(async || b.effects().await.into_iter().collect::<BTreeSet<String>>().len() == 240).await;
        let effects = b.effects().await;
        b.stop().await;
        a.stop().await;
        effects
    })
}

#[test]
fn every_message_has_its_effect_once_whichever_commit_is_the_last() {
    assert_each_once_in_order(&dying_at_each_commit(false), "a", 240);
}

/// What the test above is there to find, found: it sees the effects that are had twice where the position is saved after them.
#[test]
fn a_position_saved_after_its_effects_is_found() {
    let effects = dying_at_each_commit(true);
    assert!(effects.len() > 240, "every effect was had once, although its position was saved later");
}

#[test]
fn a_message_that_kills_the_process_is_parked_after_a_few_attempts() {
    let (_keep, path) = folder();
    let attempts = Arc::new(AtomicU32::new(0));
    let deadly = |attempts: &Arc<AtomicU32>| {
        let attempts = Arc::clone(attempts);
        Arc::new(Tracer::of("t", "a.events").answering(move |delivery| {
            if number(delivery) == 15 {
                attempts.fetch_add(1, Ordering::SeqCst);
                // The process is killed while the handler runs.
                std::thread::sleep(Duration::from_secs(2));
            }
            Ok(())
        }))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let a = Service::start(&path, "a").await;
        a.emit_many(0, 30).await;
        a.stop().await;
    });
    for round in 0..6 {
        let (path, handler, begun) = (path.clone(), deadly(&attempts), Arc::clone(&attempts));
        killed_once(move || begun.load(Ordering::SeqCst) > round, async move {
            let (_a, b) = both(path).await;
            b.consumers.start(handler).await.unwrap();
            std::future::pending::<()>().await;
        });
    }
    runtime.block_on(async {
        let (a, b) = both(path).await;
        b.consumers.start(deadly(&attempts)).await.unwrap();
        b.until_effects(28).await;
        until(async || b.consumers.parked(None).await.unwrap().len() == 2).await;
        let parked = b.consumers.parked(None).await.unwrap();
        assert_eq!(parked[0].kind, ParkedKind::Poison);
        assert!(parked[0].reason.contains("the process ended"));
        assert_eq!(attempts.load(Ordering::SeqCst), 6, "one in a batch, five on its own");
        b.stop().await;
        a.stop().await;
    });
}
