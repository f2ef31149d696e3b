//! Several instances of a service on one database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use minos_runtime::commit::{ClaimChange, ClaimKind, Commit, CommitError, PositionMove};
use minos_runtime::context::Context;
use minos_runtime::log::{Position, SourceKey};
use minos_runtime::store::Store;
use minos_runtime::store::postgres::PostgresStore;
use minos_runtime::view::{ColumnDef, ColumnKind, Filter, RowChange, Select, Table, Value};
use servers::{Database, Postgres};

use super::support::{answer, append, commit, instance, stream, write};

async fn two(server: &Postgres) -> (Database, [Arc<PostgresStore>; 2]) {
    let database = server.provision("test");
    let instances = [instance(&database.url).await, instance(&database.url).await];
    (database, instances)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_taken_in_opposing_orders_make_no_deadlock() {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let Some(server) = Postgres::shared() else { return };
    let (database, instances) = two(server).await;
    let context = Context::system();
    let writers = (0..WRITERS).map(|writer| {
        let (store, context) = (Arc::clone(&instances[writer % 2]), context.clone());
        tokio::spawn(async move {
            let mut names = ["a", "b", "c", "d"];
            if writer % 4 >= 2 {
                names.reverse();
            }
            let mut written = 0;
            while written < EACH {
                let mut both = Commit::default();
                for name in names {
                    let version = store.stream_version(&stream(name)).await.unwrap();
                    both.appends.push(append(&context, name, version));
                }
                match write(&*store, both).await {
                    Ok(_) => written += 1,
                    Err(CommitError::Conflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    for name in ["a", "b", "c", "d"] {
        assert_eq!(instances[0].stream_version(&stream(name)).await.unwrap(), (WRITERS * EACH) as u64);
    }
    // The server counts them a little later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let deadlocks = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{}'", database.name);
    assert_eq!(server.administer("postgres", &deadlocks), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_stream_written_through_both_loses_nothing_and_gives_no_version_twice() {
    const EACH: usize = 60;
    let Some(server) = Postgres::shared() else { return };
    let (_, instances) = two(server).await;
    let writers = (0..4).map(|writer| {
        let store = Arc::clone(&instances[writer % 2]);
        tokio::spawn(async move {
            let context = Context::system();
            let mut versions = Vec::new();
            while versions.len() < EACH {
                let version = store.stream_version(&stream("hot")).await.unwrap();
                match write(&*store, commit(&context, "hot", version)).await {
                    Ok(_) => versions.push(version + 1),
                    Err(CommitError::Conflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            versions
        })
    });
    let mut all: Vec<u64> = join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(1..=4 * EACH as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_the_same_moment_one_holds() {
    let Some(server) = Postgres::shared() else { return };
    let (_, [one, other]) = two(server).await;
    let context = Context::system();
    let place = |pos| Position { pos, epoch: "e".to_owned(), offset: pos };
    for round in 0..20_u64 {
        let id = context.new_id();
        let answered = |name: &str| Commit { answers: vec![answer(id)], ..commit(&context, name, 0) };
        let claims = |holder: &str| {
            let claim = ClaimChange {
                constraint: "test.Thing.email".to_owned(),
                value: format!("\"{round}@x\""),
                stream: stream(holder),
                kind: ClaimKind::Claim,
            };
            Commit { claims: vec![claim], ..commit(&context, holder, 0) }
        };
        let moves = || PositionMove {
            consumer: format!("view:{round}"),
            source: SourceKey::own("test"),
            expected: None,
            to: place(1),
        };
        let moved = |name: &str| Commit { positions: vec![moves()], ..commit(&context, name, 0) };
        let name = |kind: &str, who: u8| format!("{kind}{round}-{who}");
        let (by_one, by_other) = tokio::join!(
            one.write(vec![answered(&name("a", 1)), claims(&name("c", 1)), moved(&name("m", 1))]),
            other.write(vec![answered(&name("a", 2)), claims(&name("c", 2)), moved(&name("m", 2))]),
        );
        for (one, other) in by_one.iter().zip(&by_other) {
            assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        }
        let lost = by_one.into_iter().zip(by_other).map(|(one, other)| one.and(other).unwrap_err());
        let lost: Vec<_> = lost.collect();
        assert!(
            matches!(
                &lost[..],
                [CommitError::Answered(_), CommitError::NotUnique { .. }, CommitError::PositionMoved { .. }]
            ),
            "{lost:?}"
        );
    }
}

/// Each makes one stream because the other is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_rest_on_each_others_absence_one_is_written() {
    let Some(server) = Postgres::shared() else { return };
    let (_, [one, other]) = two(server).await;
    let context = Context::system();
    for round in 0..25 {
        let (left, right) = (format!("left{round}"), format!("right{round}"));
        let makes =
            |name: &str, without: &str| Commit { checks: vec![(stream(without), 0)], ..commit(&context, name, 0) };
        let (by_one, by_other) = tokio::join!(write(&*one, makes(&left, &right)), write(&*other, makes(&right, &left)));
        let results = [by_one, by_other];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().any(|result| matches!(result, Err(CommitError::Conflict { .. }))), "{results:?}");
        let versions = (one.stream_version(&stream(&left)).await, one.stream_version(&stream(&right)).await);
        assert_eq!(versions.0.unwrap() + versions.1.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_tails_is_told_of_what_another_instance_commits() {
    let Some(server) = Postgres::shared() else { return };
    let (_, [one, other]) = two(server).await;
    let context = Context::system();
    let mut wake = one.wake();
    for version in 0..5 {
        wake.wait(Duration::from_millis(300)).await; // until it is quiet
        let writing = tokio::spawn({
            let (other, commit) = (Arc::clone(&other), commit(&context, "a", version));
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                write(&*other, commit).await.unwrap();
            }
        });
        let waited = Instant::now();
        wake.wait(Duration::from_secs(30)).await;
        assert!(waited.elapsed() < Duration::from_secs(10));
        writing.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_the_database_refuses_fails_its_own_command_alone() {
    let Some(server) = Postgres::shared() else { return };
    let (_, [store, _]) = two(server).await;
    let context = Context::system();
    let ids: Vec<_> = (0..5).map(|_| context.new_id()).collect();
    let commits = ids.iter().enumerate().map(|(number, id)| {
        let mut commit = Commit { answers: vec![answer(*id)], ..commit(&context, &number.to_string(), 0) };
        if number == 2 {
            commit.appends[0].events[0].data = "{\"name\":\"nul\0inside\"}".to_owned();
        }
        commit
    });
    let results = store.write(commits.collect()).await;
    let good: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true, true], "{results:?}");
    assert!(matches!(results[2], Err(CommitError::Invalid(_))), "{results:?}");
    for (id, good) in ids.iter().zip(good) {
        assert_eq!(store.answer(*id).await.unwrap().is_some(), good);
    }
}

fn cards() -> Table {
    let column = |name: &str, kind| ColumnDef { name: name.to_owned(), kind, nullable: false, indexed: true };
    let columns = vec![column("id", ColumnKind::Text), column(&"long_".repeat(12), ColumnKind::Int)];
    Table { name: "a_view_with_a_name_of_some_length_0123456789abcdef".to_owned(), columns, key: 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_one_makes_the_other_finds_and_rows_go_with_their_events() {
    let Some(server) = Postgres::shared() else { return };
    let (database, [one, other]) = two(server).await;
    let context = Context::system();
    let (first, second) = (cards(), cards());
    let (first, second) = tokio::join!(one.create_table(&first), other.create_table(&second));
    first.and(second).unwrap();
    assert_eq!(
        server.administer(&database.name, "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'a_view%'"),
        "2"
    );
    let late = instance(&database.url).await;
    let late_table = Table { name: "late".to_owned(), ..cards() };
    one.create_table(&late_table).await.unwrap();
    let put = |table: &str, id: &str, number| RowChange::Put {
        table: table.to_owned(),
        row: vec![Value::Text(id.to_owned()), Value::Int(number)],
    };
    let with_rows = |id: &str, expected, number| Commit {
        rows: vec![put(&cards().name, id, number), put("late", id, number)],
        ..commit(&context, id, expected)
    };
    // Two commands of one aggregate in one group: the last row stands. One that conflicts puts none.
    let commits = vec![with_rows("a", 0, 1), with_rows("a", 1, 2), with_rows("b", 7, 7), with_rows("c", 0, 3)];
    let results = late.write(commits).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true], "{results:?}");
    for table in [cards().name, "late".to_owned()] {
        let select = Select { table, filter: Filter::All(vec![]), order: vec![], after: None, limit: 9 };
        let expected = [("a", 2), ("c", 3)].map(|(id, number)| vec![Value::Text(id.to_owned()), Value::Int(number)]);
        assert_eq!(other.select(&select).await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_written_in_groups_each_with_its_own_positions() {
    const COMMITS: usize = 200;
    let Some(server) = Postgres::shared() else { return };
    let (database, [store, _]) = two(server).await;
    let context = Context::system();
    let writing = (0..COMMITS).map(|number| {
        let (store, context) = (Arc::clone(&store), context.clone());
        tokio::spawn(async move {
            let mut commit = commit(&context, &number.to_string(), 0);
            commit.appends[0].events.push(super::support::event(&context));
            let ids: Vec<_> = commit.appends[0].events.iter().map(|event| event.event_id).collect();
            (ids, write(&*store, commit).await.unwrap().positions)
        })
    });
    let written: Vec<_> = join_all(writing).await.into_iter().map(Result::unwrap).collect();
    let mut after = 0;
    let mut found = std::collections::BTreeMap::new();
    while found.len() < 2 * COMMITS {
        let read = store.read_events(after, 1_000).await.unwrap();
        after = read.last().map_or(after, |event| event.pos);
        found.extend(read.into_iter().map(|event| (event.event_id, event.pos)));
    }
    for (ids, positions) in written {
        assert_eq!(ids.iter().map(|id| found[id]).collect::<Vec<_>>(), positions);
    }
    let transactions = "SELECT count(DISTINCT xmin::text) FROM events";
    let groups: usize = server.administer(&database.name, transactions).parse().unwrap();
    assert!(groups < COMMITS / 2, "{groups} transactions for {COMMITS} commits");
    let positions: BTreeSet<_> = found.into_values().collect();
    assert_eq!(positions.len(), 2 * COMMITS);
}
