//! Connections that are cut between COMMIT and its answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Commit, CommitError};
use minos_runtime::context::{Context, Meta};
use minos_runtime::engine::{CommandRequest, Engine};
use minos_runtime::projection::{KeptViews, ViewTables};
use minos_runtime::store::Store;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use servers::{Database, Postgres};

use super::account;
use super::proxy::{Cut, Proxy};
use super::support::{answer, commit, instance, stream, write};

async fn through(server: &Postgres, database: &Database) -> (Proxy, String) {
    let proxy = Proxy::before(server.port()).await;
    let url = database.url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port));
    (proxy, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_its_id_tells() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.provision("test");
    let (proxy, url) = through(server, &database).await;
    let (store, context) = (instance(&url).await, Context::system());
    for (version, cut, written) in [(0, Cut::After, true), (1, Cut::Before, false), (1, Cut::After, true)] {
        let id = context.new_id();
        let commit = Commit { answers: vec![answer(id)], ..commit(&context, "a", version) };
        proxy.cut(cut, id.as_bytes());
        let error = write(&*store, commit).await.unwrap_err();
        assert!(matches!(error, CommitError::Unknown(_)), "{error:?}");
        assert!(proxy.has_cut());
        assert_eq!(store.answer(id).await.unwrap().is_some(), written, "{cut:?}");
        assert_eq!(store.stream_version(&stream("a")).await.unwrap(), version + u64::from(written));
    }
    write(&*store, commit(&context, "a", 2)).await.unwrap();
}

fn request(context: &Context, command: &str, target: Option<&str>, arguments: &str) -> CommandRequest {
    let caller = Caller { roles: BTreeSet::from(["clerk".to_owned()]), ..Caller::default() };
    CommandRequest {
        command: format!("bank.Account.{command}"),
        target: target.map(str::to_owned),
        arguments: arguments.to_owned(),
        command_id: context.new_id(),
        meta: Meta::new(context, caller),
        if_match: None,
        internal: false,
        saga: None,
        undoes: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_commit_is_cut_is_answered_once_it_is_known_and_takes_effect_once() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.provision("bank");
    let (proxy, url) = through(server, &database).await;
    let context = Context::system();
    let store = PostgresStore::open(&PostgresSettings::new(url, "bank"), &context).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let (tables, kept) = (Arc::new(ViewTables::default()), Arc::new(KeptViews::default()));
    let engine = Engine::new(&account::service(), Arc::clone(&store), context.clone(), tables, kept);

    // With a unique value and a timer: by plan, which cuts at its COMMIT too. Then by the one statement.
    let mut id: Option<String> = None;
    for (number, cut) in [(1_u64, Cut::After), (2, Cut::Before), (3, Cut::After), (4, Cut::Before), (5, Cut::After)] {
        let request = match &id {
            None => request(&context, "Open", None, r#"{"email":"a@x"}"#),
            Some(id) => request(&context, "Deposit", Some(id), r#"{"amount":1,"note":""}"#),
        };
        proxy.cut(cut, if number == 1 { b"COMMIT\0" } else { request.command_id.as_bytes() });
        let executed = engine.execute(request, &|_| Commit::default()).await.unwrap();
        assert!(proxy.has_cut());
        let Answer::Done { stream, version } = executed.answer else { panic!("{executed:?}") };
        assert_eq!(version, number, "{cut:?}");
        assert_eq!(executed.replayed, cut == Cut::After, "{number} {cut:?}");
        id = stream.rsplit('/').next().map(str::to_owned);
        let events = server.administer(&database.name, "SELECT count(*) FROM events");
        assert_eq!(events, number.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back_is_written_on() {
    let Ok(mut server) = Postgres::start() else { return };
    let database = server.provision("test");
    let (store, context) = (instance(&database.url).await, Context::system());
    write(&*store, commit(&context, "a", 0)).await.unwrap();
    server.kill();
    assert!(write(&*store, commit(&context, "a", 1)).await.is_err());
    assert!(store.health().await.is_err());
    server.start_again();
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while let Err(error) = write(&*store, commit(&context, "a", 1)).await {
        let passing = matches!(error, CommitError::Unavailable(_) | CommitError::Unknown(_));
        assert!(passing && std::time::Instant::now() < until, "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A server that crashed skips positions: what is before the gap is given first.
    let (mut last, mut read) = (0, 0);
    while read < 2 {
        let more = store.read_events(last, 9).await.unwrap();
        last = more.last().map_or(last, |event| event.pos);
        read += more.len();
        assert!(std::time::Instant::now() < until);
    }
    store.health().await.unwrap();
}
