//! Answers: the order in which refusals are checked, kept answers, undo before do.

use minos_runtime::caller::Caller;
use minos_runtime::commit::{Answer, Commit, PositionMove};
use minos_runtime::engine::{CommandRequest, ExecuteError};
use minos_runtime::log::{Position, SourceKey};
use minos_runtime::refusal::RefusalKind;

use crate::setup::{Bank, ask, refused, version};

#[tokio::test]
async fn every_bad_field_is_named() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let refusal = refused(&engine, bank.request("Deposit", Some("x"), r#"{"amount":"ten","extra":1}"#)).await;
    assert_eq!(refusal.kind, RefusalKind::Malformed);
    assert_eq!(refusal.fields.keys().collect::<Vec<_>>(), ["amount", "extra", "id", "note"]);
}

#[tokio::test]
async fn refusals_are_checked_in_the_order_of_the_statuses() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    ask(&engine, bank.request("Close", Some(&id), "{}")).await.unwrap();
    let nobody = bank.context.new_id().to_string();
    let anonymous = |mut request: CommandRequest| {
        request.meta.principal = Caller::anonymous();
        request
    };
    let stale = |request| CommandRequest { if_match: Some(1), ..request };
    let good = r#"{"amount":1,"note":""}"#;
    let deposit = |id: &str, arguments: &str| bank.request("Deposit", Some(id), arguments);
    let cases = [
        (anonymous(stale(deposit(&nobody, "{}"))), RefusalKind::Malformed),
        (anonymous(stale(deposit(&nobody, good))), RefusalKind::NotFound),
        (anonymous(stale(deposit(&id, good))), RefusalKind::Forbidden),
        (stale(deposit(&id, good)), RefusalKind::Stale),
        (deposit(&id, good), RefusalKind::WrongState),
        (anonymous(bank.request("Open", None, r#"{"email":"b@x"}"#)), RefusalKind::Forbidden),
        (bank.request("Hold", Some(&id), r#"{"order":"a","amount":1}"#), RefusalKind::Forbidden),
        (bank.internal("Open", &id, r#"{"email":"b@x"}"#), RefusalKind::Conflict),
    ];
    for (request, kind) in cases {
        assert_eq!(refused(&engine, request.clone()).await.kind, kind, "{request:?}");
    }
    assert_eq!(bank.store.last_positions().await.unwrap().events, 2, "none of them wrote an event");
    let unknown = CommandRequest { command: "bank.Account.Rob".to_owned(), ..deposit(&id, good) };
    assert!(matches!(ask(&engine, unknown).await, Err(ExecuteError::UnknownCommand(_))));
}

#[tokio::test]
async fn a_version_that_matches_lets_a_command_through() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    let deposit = bank.request("Deposit", Some(&id), r#"{"amount":1,"note":""}"#);
    let executed = ask(&engine, CommandRequest { if_match: Some(1), ..deposit }).await.unwrap();
    assert_eq!((version(&executed), executed.pos), (2, Some(2)));
}

#[tokio::test]
async fn the_same_id_gets_the_same_answer_and_no_second_effect() {
    let bank = Bank::new().await;
    let (one, two) = (bank.engine(), bank.engine());
    let id = bank.opened(&one, "a@x").await;
    let deposit = bank.request("Deposit", Some(&id), r#"{"amount":5,"note":""}"#);
    let first = ask(&one, deposit.clone()).await.unwrap();
    assert!(!first.replayed);
    let spelled_otherwise =
        CommandRequest { arguments: r#"{ "note": "", "amount": 5 }"#.to_owned(), ..deposit.clone() };
    for (engine, request) in [(&one, deposit.clone()), (&two, deposit.clone()), (&one, spelled_otherwise)] {
        let again = ask(engine, request).await.unwrap();
        assert_eq!((again.answer, again.pos, again.replayed), (first.answer.clone(), None, true));
    }
    let other = CommandRequest { arguments: r#"{"amount":6,"note":""}"#.to_owned(), ..deposit };
    assert_eq!(refused(&one, other).await.kind, RefusalKind::KeyReused);
    assert_eq!(bank.card(&id).await.balance, 5);
    assert_eq!(version(&bank.deposit(&one, &id, 1).await), 3);
}

#[tokio::test]
async fn a_create_with_the_same_id_creates_once() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let open = bank.request("Open", None, r#"{"email":"a@x"}"#);
    let first = ask(&engine, open.clone()).await.unwrap();
    let again = ask(&bank.engine(), open.clone()).await.unwrap();
    assert_eq!((first.answer, false, true), (again.answer, first.replayed, again.replayed));
    assert_eq!(bank.store.last_positions().await.unwrap().events, 1);
}

#[tokio::test]
async fn a_kept_refusal_stays_when_the_state_would_now_allow_it() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    let hold = bank.internal("Hold", &id, r#"{"order":"a","amount":10}"#);
    let refusal = refused(&engine, hold.clone()).await;
    bank.deposit(&engine, &id, 100).await;
    assert_eq!(refused(&engine, hold.clone()).await, refusal);
    assert_eq!(bank.store.forget_answers(hold.saga.unwrap()).await.unwrap(), 1);
    assert_eq!(version(&ask(&engine, hold).await.unwrap()), 3, "decided anew once the saga's answers are forgotten");
}

#[tokio::test]
async fn an_undo_that_comes_first_refuses_the_late_do() {
    let bank = Bank::new().await;
    let (one, two) = (bank.engine(), bank.engine());
    let id = bank.opened(&one, "a@x").await;
    bank.deposit(&one, &id, 10).await;
    let hold = bank.internal("Hold", &id, r#"{"order":"a","amount":10}"#);
    let undo = CommandRequest { undoes: Some(hold.command_id), ..bank.internal("Release", &id, r#"{"order":"a"}"#) };
    assert_eq!(version(&ask(&one, undo.clone()).await.unwrap()), 2, "nothing to release: done");
    for engine in [&two, &one] {
        assert_eq!(refused(engine, hold.clone()).await.kind, RefusalKind::Undone);
    }
    assert!(ask(&two, undo).await.unwrap().replayed);
    assert_eq!(bank.store.last_positions().await.unwrap().events, 2);
}

#[tokio::test]
async fn an_undo_that_comes_after_its_do_undoes_it_and_leaves_its_answer() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    bank.deposit(&engine, &id, 10).await;
    let hold = bank.internal("Hold", &id, r#"{"order":"a","amount":10}"#);
    ask(&engine, hold.clone()).await.unwrap();
    let release = bank.internal("Release", &id, r#"{"order":"a"}"#);
    let undo = CommandRequest { undoes: Some(hold.command_id), ..release };
    assert_eq!(version(&ask(&engine, undo).await.unwrap()), 4);
    assert_eq!(version(&ask(&engine, hold).await.unwrap()), 3, "the do keeps its own answer");
}

#[tokio::test]
async fn an_undo_to_what_does_not_exist_is_done() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let nobody = bank.context.new_id().to_string();
    let release = bank.internal("Release", &nobody, r#"{"order":"a"}"#);
    assert_eq!(refused(&engine, release.clone()).await.kind, RefusalKind::NotFound);
    let undo = CommandRequest { undoes: Some(bank.context.new_id()), command_id: bank.context.new_id(), ..release };
    assert_eq!(version(&ask(&engine, undo).await.unwrap()), 0);
}

#[tokio::test]
async fn what_goes_beside_an_answer_is_in_its_commit() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    let source = SourceKey { topic: "bank.inbox".to_owned(), source: "orders".to_owned(), partition: 0 };
    let place = |pos| Position { pos, epoch: "e".to_owned(), offset: pos };
    let moved = |expected: Option<u64>, to| {
        let source = source.clone();
        move |_: &Answer| Commit {
            positions: vec![PositionMove {
                consumer: "inbox".to_owned(),
                source: source.clone(),
                expected: expected.map(place),
                to: place(to),
            }],
            ..Commit::default()
        }
    };
    let deposit = bank.request("Deposit", Some(&id), r#"{"amount":5,"note":""}"#);
    let wrong = engine.execute(deposit.clone(), &moved(Some(9), 10)).await;
    assert!(matches!(wrong, Err(ExecuteError::PositionMoved)), "{wrong:?}");
    assert_eq!(bank.card(&id).await.balance, 0, "nothing of the command is written");
    assert_eq!(version(&engine.execute(deposit.clone(), &moved(None, 1)).await.unwrap()), 2);
    assert!(engine.execute(deposit, &moved(Some(1), 2)).await.unwrap().replayed, "a replay moves the position too");
    let malformed = bank.request("Deposit", Some(&id), "{}");
    engine.execute(malformed, &moved(Some(2), 3)).await.unwrap();
    assert_eq!(bank.store.positions("inbox").await.unwrap(), [(source, place(3))]);
    assert_eq!(bank.card(&id).await.balance, 5);
}
