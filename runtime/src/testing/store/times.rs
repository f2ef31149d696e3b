//! Timers.

use std::time::Duration;

use super::Opener;
use super::commits::write;
use crate::commit::{Commit, Timer, TimerChange};

fn set(opener: &Opener, seconds: u64, payload: &str) -> Timer {
    let due = opener.context.now() + Duration::from_secs(seconds);
    Timer { id: opener.context.new_id(), due, payload: payload.to_owned() }
}

fn commit(timers: impl IntoIterator<Item = TimerChange>) -> Commit {
    Commit { timers: timers.into_iter().collect(), ..Commit::default() }
}

/// The earliest first, none before its time; and how long until the next.
pub async fn timers_are_due_by_the_stores_clock(opener: &Opener) {
    let store = opener.store().await;
    let timers = [set(opener, 30, "c"), set(opener, 10, "a"), set(opener, 20, "b")];
    write(&*store, commit(timers.clone().map(TimerChange::Set))).await.unwrap();
    let due = store.due_timers(9).await.unwrap();
    assert!(due.due.is_empty());
    assert_eq!(due.next_in, Some(Duration::from_secs(10)));
    opener.clock.advance(Duration::from_secs(25));
    assert_eq!(store.now().await.unwrap(), opener.context.now());
    let due = store.due_timers(9).await.unwrap();
    assert_eq!(due.due, [timers[1].clone(), timers[2].clone()]);
    assert_eq!(due.next_in, Some(Duration::from_secs(5)));
    assert_eq!(store.due_timers(1).await.unwrap().due.len(), 1);
}

/// Setting the same again replaces it; clearing takes it away, and is harmless where it is not there.
pub async fn a_timer_is_set_anew_and_cleared(opener: &Opener) {
    let store = opener.store().await;
    let mut timer = set(opener, 10, "first");
    write(&*store, commit([TimerChange::Set(timer.clone())])).await.unwrap();
    timer.payload = "second".to_owned();
    timer.due = opener.context.now();
    write(&*store, commit([TimerChange::Set(timer.clone())])).await.unwrap();
    let due = store.due_timers(9).await.unwrap();
    assert_eq!((due.due, due.next_in), (vec![timer.clone()], None));
    let twice = [TimerChange::Clear(timer.id), TimerChange::Clear(opener.context.new_id())];
    write(&*store, commit(twice)).await.unwrap();
    assert!(store.due_timers(9).await.unwrap().due.is_empty());
    let later = set(opener, 5, "x");
    write(&*store, commit([TimerChange::Set(later.clone()), TimerChange::Clear(later.id)])).await.unwrap();
    assert_eq!(store.due_timers(9).await.unwrap().next_in, None);
}
