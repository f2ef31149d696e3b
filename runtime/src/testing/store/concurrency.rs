//! What holds while many write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Opener;
use super::commits::write;
use super::make::*;
use crate::commit::CommitError;

/// Sixteen write; one reads on from where it stopped, while they do: it sees every event, once, in order.
pub async fn a_reader_that_tails_misses_nothing(opener: &Opener) {
    const WRITERS: usize = 16;
    const EACH: u64 = 40;
    let store = opener.store().await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        async move {
            let (mut last, mut seen) = (0, Vec::new());
            loop {
                let over = done.load(Ordering::SeqCst);
                let read = store.read_events(last, 50).await.unwrap();
                last = read.last().map_or(last, |event| event.pos);
                if read.is_empty() && over {
                    return seen;
                }
                seen.extend(read.into_iter().map(|event| (event.pos, event.stream.id().to_owned(), event.version)));
                tokio::task::yield_now().await;
            }
        }
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, context) = (Arc::clone(&store), opener.context.clone());
            tokio::spawn(async move {
                for version in 0..EACH {
                    write(&*store, append(&context, &format!("w{writer}"), version, 1)).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let seen = reader.await.unwrap();
    assert_eq!(seen.len() as u64, WRITERS as u64 * EACH);
    assert!(seen.is_sorted_by(|before, after| before.0 < after.0), "in order, each once");
    for writer in 0..WRITERS {
        let name = format!("w{writer}");
        let versions = seen.iter().filter(|event| event.1 == name).map(|event| event.2);
        assert!(versions.eq(1..=EACH), "each stream in its order");
    }
}

/// Two append to one stream at the version that they see; each success counts once.
pub async fn two_writers_on_one_stream_lose_nothing(opener: &Opener) {
    let store = opener.store().await;
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (store, context) = (Arc::clone(&store), opener.context.clone());
            tokio::spawn(async move {
                let mut written = BTreeSet::new();
                while written.len() < 50 {
                    let version = store.stream_version(&stream("hot")).await.unwrap();
                    match write(&*store, append(&context, "hot", version, 1)).await {
                        Ok(_) => assert!(written.insert(version + 1)),
                        Err(CommitError::Conflict { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
                written
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for writer in writers {
        for version in writer.await.unwrap() {
            assert!(all.insert(version), "version {version} was given twice");
        }
    }
    assert!(all.into_iter().eq(1..=100));
}

/// A wake says of commits since the last wait, also of those made before it is waited for.
pub async fn a_wake_misses_no_commit(opener: &Opener) {
    let store = opener.store().await;
    let long = Duration::from_secs(20);
    let mut wake = store.wake();
    write(&*store, append(&opener.context, "a", 0, 1)).await.unwrap();
    let waited = std::time::Instant::now();
    wake.wait(long).await;
    let writer = tokio::spawn({
        let (store, context) = (Arc::clone(&store), opener.context.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            write(&*store, append(&context, "a", 1, 1)).await.unwrap();
        }
    });
    wake.wait(long).await;
    assert!(waited.elapsed() < long);
    writer.await.unwrap();
    wake.wait(Duration::from_millis(1)).await; // nothing more: comes back when the time is over
}
