//! What a commit is: whole or not at all, checked, answered once.

use std::time::Duration;

use super::Opener;
use super::make::*;
use crate::commit::{ClaimKind, Commit, CommitError, PositionMove, Timer, TimerChange};
use crate::event::Recorded;
use crate::log::{Position, SourceKey};
use crate::store::{LastPositions, Store};
use crate::view::{ColumnDef, ColumnKind, Filter, RowChange, Select, Table, Value};

/// Writes one commit.
pub(super) async fn write(store: &dyn Store, commit: Commit) -> Result<Vec<u64>, CommitError> {
    let mut results = store.write(vec![commit]).await;
    assert_eq!(results.len(), 1, "one result a commit");
    results.remove(0).map(|committed| committed.positions)
}

/// Events come back with all that they were written with, in their order.
pub async fn an_append_is_read_back_as_it_was(opener: &Opener) {
    let store = opener.store().await;
    let mut commit = append(&opener.context, "a", 0, 3);
    commit.appends[0].events[1].entered = Some("open".to_owned());
    commit.appends[0].events[2].private = true;
    commit.appends[0].meta.tenant = "blue".to_owned();
    let written = commit.appends[0].clone();
    assert_eq!(write(&*store, commit).await.unwrap(), [1, 2, 3]);
    let read = store.read_stream(&stream("a"), 0).await.unwrap();
    assert_eq!(read.len(), 3);
    for (place, (event, expected)) in read.iter().zip(&written.events).enumerate() {
        assert_eq!((event.pos, event.version), (place as u64 + 1, place as u64 + 1));
        assert_eq!((&event.stream, event.event_id), (&stream("a"), expected.event_id));
        assert_eq!((&event.event_type, event.schema_version), (&expected.event_type, expected.schema_version));
        assert_eq!((&event.entered, event.private, &event.data), (&expected.entered, expected.private, &expected.data));
        assert_eq!((&event.meta, event.at), (&written.meta, at()));
    }
    assert_eq!(store.stream_version(&stream("a")).await.unwrap(), 3);
}

/// An append needs the version that it was decided on; the first one needs that there is none.
pub async fn a_stream_at_another_version_is_a_conflict(opener: &Opener) {
    let store = opener.store().await;
    write(&*store, append(&opener.context, "a", 0, 2)).await.unwrap();
    for expected in [0, 1, 3] {
        let error = write(&*store, append(&opener.context, "a", expected, 1)).await.unwrap_err();
        assert_eq!(error, CommitError::Conflict { stream: "test.Thing/a".to_owned(), expected });
    }
    write(&*store, append(&opener.context, "a", 2, 1)).await.unwrap();
    assert_eq!(store.stream_version(&stream("a")).await.unwrap(), 3);
    let empty = append(&opener.context, "a", 3, 0);
    assert!(matches!(write(&*store, empty).await, Err(CommitError::Invalid(_))));
}

/// What was decided on events that were then not written fails with them, also where another's events brought the stream to the
/// version that was expected.
pub async fn what_was_decided_on_events_not_written_is_a_conflict(opener: &Opener) {
    let store = opener.store().await;
    write(&*store, append(&opener.context, "a", 0, 1)).await.unwrap(); // another's
    let first = append(&opener.context, "a", 0, 1);
    let seen = vec![(stream("a"), first.appends[0].events[0].event_id)];
    let second = Commit { after: seen.clone(), ..append(&opener.context, "a", 1, 1) };
    let checks = Commit { after: seen, checks: vec![(stream("a"), 1)], ..Commit::default() };
    for commits in [vec![first.clone(), second.clone()], vec![second], vec![checks.clone()], vec![first, checks]] {
        for result in store.write(commits).await {
            assert!(matches!(result, Err(CommitError::Conflict { .. })), "{result:?}");
        }
    }
    let third = append(&opener.context, "a", 1, 2);
    let seen = vec![(stream("a"), third.appends[0].events[1].event_id)];
    let fourth = Commit { after: seen.clone(), ..append(&opener.context, "a", 3, 1) };
    assert!(store.write(vec![third, fourth.clone()]).await.iter().all(Result::is_ok), "one after the other");
    let seen = vec![(stream("a"), fourth.appends[0].events[0].event_id)];
    write(&*store, Commit { after: seen, ..append(&opener.context, "a", 4, 1) }).await.unwrap();
    assert_eq!(store.stream_version(&stream("a")).await.unwrap(), 5);
}

/// A version that was read is checked, and the stream stays as it is.
pub async fn a_checked_version_is_checked_and_not_moved(opener: &Opener) {
    let store = opener.store().await;
    write(&*store, append(&opener.context, "a", 0, 2)).await.unwrap();
    let check = |id, version| Commit { checks: vec![(stream(id), version)], ..Commit::default() };
    write(&*store, check("a", 2)).await.unwrap();
    write(&*store, check("absent", 0)).await.unwrap();
    assert!(matches!(write(&*store, check("a", 1)).await, Err(CommitError::Conflict { expected: 1, .. })));
    assert!(matches!(write(&*store, check("absent", 1)).await, Err(CommitError::Conflict { .. })));
    assert_eq!(store.stream_version(&stream("a")).await.unwrap(), 2);
    let mut both = append(&opener.context, "b", 0, 1);
    both.checks.push((stream("a"), 1));
    assert!(write(&*store, both).await.is_err());
    assert_eq!(store.stream_version(&stream("b")).await.unwrap(), 0);
}

fn table() -> Table {
    let column =
        |name: &str, nullable| ColumnDef { name: name.to_owned(), kind: ColumnKind::Text, nullable, indexed: false };
    Table { name: "things".to_owned(), columns: vec![column("id", false), column("note", true)], key: 1 }
}

/// A commit with every part in it.
fn whole(opener: &Opener) -> Commit {
    let mut commit = append(&opener.context, "a", 0, 1);
    commit.answers.push(answer(opener.context.new_id(), None));
    commit.claims.push(claim(ClaimKind::Claim, "\"a@x\"", "a"));
    commit.outgoing.push(message(&opener.context, "k"));
    let due = opener.context.now();
    commit.timers.push(TimerChange::Set(Timer { id: opener.context.new_id(), due, payload: "{}".to_owned() }));
    commit
        .rows
        .push(RowChange::Put { table: "things".to_owned(), row: vec![Value::Text("a".to_owned()), Value::Null] });
    commit.positions.push(PositionMove {
        consumer: "inbox".to_owned(),
        source: SourceKey::own("test"),
        expected: None,
        to: Position { pos: 7, epoch: "e".to_owned(), offset: 9 },
    });
    commit
}

async fn parts_written(store: &dyn Store, commit: &Commit) -> [bool; 8] {
    let select =
        Select { table: "things".to_owned(), filter: Filter::All(vec![]), order: vec![], after: None, limit: 9 };
    // Claims are seen by who is refused: this one could never be written for its check, which comes first.
    let mut claimant = Commit { claims: vec![claim(ClaimKind::Claim, "\"a@x\"", "claimant")], ..Commit::default() };
    let claimed = matches!(write(store, claimant.clone()).await, Err(CommitError::NotUnique { .. }));
    claimant.claims[0].kind = ClaimKind::Release;
    write(store, claimant).await.unwrap();
    [
        store.stream_version(&stream("a")).await.unwrap() > 0,
        store.answer(commit.answers[0].command_id).await.unwrap().is_some(),
        store.last_positions().await.unwrap() != LastPositions::default(),
        !store.read_outgoing(0, 9).await.unwrap().is_empty(),
        !store.due_timers(9).await.unwrap().due.is_empty(),
        !store.select(&select).await.unwrap().is_empty(),
        !store.positions("inbox").await.unwrap().is_empty(),
        claimed,
    ]
}

/// Whichever part fails, no other part is there afterwards; and all are once it holds.
pub async fn a_commit_that_fails_writes_no_part_of_itself(opener: &Opener) {
    let store = opener.store().await;
    store.create_table(&table()).await.unwrap();
    let holder = Commit { claims: vec![claim(ClaimKind::Claim, "\"taken\"", "holder")], ..Commit::default() };
    write(&*store, holder).await.unwrap();
    let known = answer(opener.context.new_id(), None);
    write(&*store, Commit { answers: vec![known.clone()], ..Commit::default() }).await.unwrap();

    let breaks: [fn(&mut Commit); 5] = [
        |commit| commit.checks.push((stream("other"), 5)),
        |commit| commit.appends[0].expected = 4,
        |commit| commit.claims.push(claim(ClaimKind::Claim, "\"taken\"", "a")),
        |commit| commit.positions[0].expected = Some(Position::default()),
        |commit| commit.rows.push(RowChange::Delete { table: "nowhere".to_owned(), filter: Filter::All(vec![]) }),
    ];
    for break_it in breaks {
        let mut commit = whole(opener);
        break_it(&mut commit);
        assert!(write(&*store, commit.clone()).await.is_err());
        assert_eq!(parts_written(&*store, &commit).await, [false; 8]);
    }
    let mut answered = whole(opener);
    answered.answers.push(known.clone());
    assert_eq!(write(&*store, answered.clone()).await, Err(CommitError::Answered(Box::new(known))));
    assert_eq!(parts_written(&*store, &answered).await, [false; 8]);

    let commit = whole(opener);
    write(&*store, commit.clone()).await.unwrap();
    assert_eq!(parts_written(&*store, &commit).await, [true; 8]);
}

/// Reads all events. What failed may have left gaps between positions, and who reads in order waits at a gap until nothing can come
/// there any more: until every transaction of the server that ran then has ended.
async fn read_at_last(store: &dyn Store, count: usize) -> Vec<Recorded> {
    let mut wake = store.wake();
    let until = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let read = store.read_events(0, 99).await.unwrap();
        if read.len() >= count || std::time::Instant::now() > until {
            return read;
        }
        wake.wait(Duration::from_millis(500)).await;
    }
}

/// Of commits written together, each that can be written is, whatever is wrong with the others.
pub async fn one_bad_commit_takes_no_other_with_it(opener: &Opener) {
    let store = opener.store().await;
    let twice = append(&opener.context, "twice", 0, 1);
    let mut same_event_id = append(&opener.context, "same", 0, 1);
    same_event_id.appends[0].events[0].event_id = twice.appends[0].events[0].event_id;
    let commits = vec![
        append(&opener.context, "a", 0, 1),
        append(&opener.context, "b", 3, 1),
        twice,
        same_event_id,
        append(&opener.context, "c", 0, 1),
    ];
    let results = store.write(commits).await;
    let good: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true, false, true]);
    assert!(matches!(results[3], Err(CommitError::Invalid(_))), "{:?}", results[3]);
    let read = read_at_last(&*store, 3).await;
    assert_eq!(read.iter().map(|event| event.stream.id()).collect::<Vec<_>>(), ["a", "twice", "c"]);
    assert!(read.is_sorted_by(|before, after| before.pos < after.pos));
}

/// The first answer to a command's id stays, and is given to who commits another.
pub async fn an_answer_is_kept_and_given_again(opener: &Opener) {
    let store = opener.store().await;
    let kept = answer(opener.context.new_id(), None);
    write(&*store, Commit { answers: vec![kept.clone()], ..Commit::default() }).await.unwrap();
    assert_eq!(store.answer(kept.command_id).await.unwrap(), Some(kept.clone()));
    let mut other = append(&opener.context, "a", 5, 1); // also a conflict: the answer comes first
    other.answers.push(answer(kept.command_id, None));
    assert_eq!(write(&*store, other).await, Err(CommitError::Answered(Box::new(kept.clone()))));
    let id = opener.context.new_id();
    let tombstone_and_own = vec![answer(id, None), answer(opener.context.new_id(), None)];
    write(&*store, Commit { answers: tombstone_and_own, ..Commit::default() }).await.unwrap();
    assert!(store.answer(id).await.unwrap().is_some());
}

/// What was kept for a saga goes when it has ended, and nothing else.
pub async fn answers_of_a_saga_are_forgotten_together(opener: &Opener) {
    let store = opener.store().await;
    let (saga, other) = (opener.context.new_id(), opener.context.new_id());
    let owners = [Some(saga), Some(saga), Some(other), None];
    let kept: Vec<_> = owners.map(|owner| answer(opener.context.new_id(), owner)).into();
    write(&*store, Commit { answers: kept.clone(), ..Commit::default() }).await.unwrap();
    assert_eq!(store.answer(kept[0].command_id).await.unwrap().as_ref(), Some(&kept[0]));
    assert_eq!(store.forget_answers(saga).await.unwrap(), 2);
    assert_eq!(store.forget_answers(saga).await.unwrap(), 0);
    let mut left = Vec::new();
    for kept in &kept {
        left.push(store.answer(kept.command_id).await.unwrap().is_some());
    }
    assert_eq!(left, [false, false, true, true]);

    let last = answer(opener.context.new_id(), Some(other));
    let forgets = Commit { answers: vec![last.clone()], forgets: vec![other], ..Commit::default() };
    write(&*store, forgets).await.unwrap();
    for (command, kept) in [(kept[2].command_id, false), (last.command_id, false), (kept[3].command_id, true)] {
        assert_eq!(
            store.answer(command).await.unwrap().is_some(),
            kept,
            "forgotten in a commit, those of the commit too"
        );
    }
}

/// A unique value belongs to one stream until it gives it back.
pub async fn a_unique_value_has_one_holder(opener: &Opener) {
    let store = opener.store().await;
    let change = |kind, value, id| Commit { claims: vec![claim(kind, value, id)], ..Commit::default() };
    write(&*store, change(ClaimKind::Claim, "\"x\"", "a")).await.unwrap();
    write(&*store, change(ClaimKind::Claim, "\"x\"", "a")).await.unwrap();
    let taken = Err(CommitError::NotUnique { constraint: "test.Thing.email".to_owned() });
    assert_eq!(write(&*store, change(ClaimKind::Claim, "\"x\"", "b")).await, taken);
    write(&*store, change(ClaimKind::Release, "\"x\"", "b")).await.unwrap();
    assert_eq!(write(&*store, change(ClaimKind::Claim, "\"x\"", "b")).await, taken);
    write(&*store, change(ClaimKind::Release, "\"x\"", "a")).await.unwrap();
    write(&*store, change(ClaimKind::Claim, "\"x\"", "b")).await.unwrap();
}

/// Released and claimed in one commit: by the same stream, and by one after the other in one group.
pub async fn a_unique_value_moves_within_one_commit(opener: &Opener) {
    let store = opener.store().await;
    let first = Commit { claims: vec![claim(ClaimKind::Claim, "1", "a")], ..Commit::default() };
    write(&*store, first).await.unwrap();
    let swap = vec![claim(ClaimKind::Release, "1", "a"), claim(ClaimKind::Claim, "2", "a")];
    let takes_over = Commit { claims: vec![claim(ClaimKind::Claim, "1", "b")], ..Commit::default() };
    let results = store.write(vec![Commit { claims: swap, ..Commit::default() }, takes_over]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let again = vec![claim(ClaimKind::Release, "2", "a"), claim(ClaimKind::Claim, "2", "a")];
    write(&*store, Commit { claims: again, ..Commit::default() }).await.unwrap();
    let other = Commit { claims: vec![claim(ClaimKind::Claim, "2", "c")], ..Commit::default() };
    assert!(matches!(write(&*store, other).await, Err(CommitError::NotUnique { .. })));
}

/// A consumer's position moves from where it was read, or not at all.
pub async fn a_position_moves_by_compare_and_set(opener: &Opener) {
    let store = opener.store().await;
    let place = |pos| Position { pos, epoch: "e".to_owned(), offset: pos * 2 };
    let source = SourceKey { topic: "t.events".to_owned(), source: "t".to_owned(), partition: 3 };
    let moved = |expected, to| Commit {
        positions: vec![PositionMove { consumer: "view:X".to_owned(), source: source.clone(), expected, to }],
        ..Commit::default()
    };
    write(&*store, moved(None, place(1))).await.unwrap();
    let error = Err(CommitError::PositionMoved { consumer: "view:X".to_owned() });
    assert_eq!(write(&*store, moved(None, place(2))).await, error);
    assert_eq!(write(&*store, moved(Some(place(5)), place(6))).await, error);
    write(&*store, moved(Some(place(1)), place(2))).await.unwrap();
    assert_eq!(store.positions("view:X").await.unwrap(), [(source.clone(), place(2))]);
    let results = store.write(vec![moved(Some(place(2)), place(3)), moved(Some(place(2)), place(4))]).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert_eq!(store.positions("view:X").await.unwrap(), [(source, place(3))]);
    assert!(store.positions("view:Y").await.unwrap().is_empty());
}

/// Outgoing messages get positions in the order given, and come back as they were.
pub async fn messages_keep_their_order_and_body(opener: &Opener) {
    let store = opener.store().await;
    let messages: Vec<_> = ["b", "a", "c"].map(|key| message(&opener.context, key)).into();
    write(&*store, Commit { outgoing: messages.clone(), ..Commit::default() }).await.unwrap();
    let read = store.read_outgoing(0, 99).await.unwrap();
    assert_eq!(read.iter().map(|sent| sent.pos).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(read.iter().map(|sent| sent.message.clone()).collect::<Vec<_>>(), messages);
    assert!(read.iter().all(|sent| sent.at == opener.context.now()));
    assert_eq!(store.read_outgoing(1, 1).await.unwrap()[0].pos, 2);
    assert_eq!(store.last_positions().await.unwrap(), LastPositions { events: 0, outgoing: 3 });
}

/// Commits of one call are written in order, each on what the one before left.
pub async fn commits_of_one_call_see_each_other(opener: &Opener) {
    let store = opener.store().await;
    let commits = (0..5).map(|version| append(&opener.context, "a", version, 1)).collect();
    assert!(store.write(commits).await.iter().all(Result::is_ok));
    assert_eq!(store.stream_version(&stream("a")).await.unwrap(), 5);
    let commits = vec![append(&opener.context, "b", 0, 1), append(&opener.context, "b", 0, 1)];
    let results = store.write(commits).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert!(store.write(vec![]).await.is_empty());
}

/// A commit that fails leaves no gap between the positions of those that do not.
pub async fn conflicts_burn_no_position(opener: &Opener) {
    let store = opener.store().await;
    write(&*store, append(&opener.context, "a", 0, 2)).await.unwrap();
    assert!(write(&*store, append(&opener.context, "a", 0, 2)).await.is_err());
    assert_eq!(write(&*store, append(&opener.context, "b", 0, 2)).await.unwrap(), [3, 4]);
}
