//! State: replayed, cached, written by several.

use std::sync::Arc;

use minos_runtime::aggregate::Aggregate;
use minos_runtime::commit::Answer;
use minos_runtime::event::{Event, StreamId};
use minos_runtime::refusal::RefusalKind;

use crate::account::{Account, AccountEvent, AccountId, CardRow};
use crate::setup::{Bank, ask, refused, version};

async fn replayed(bank: &Bank, id: &str) -> Account {
    let id: AccountId = id.parse().unwrap();
    let events = bank.store.read_stream(&StreamId::new(Account::TYPE, &id.to_string()), 0).await.unwrap();
    let state = events.iter().fold(None, |state, event| {
        let event = AccountEvent::decode(&event.event_type, event.schema_version, &event.data).unwrap();
        Account::replay(state, &id, &event).unwrap()
    });
    state.unwrap()
}

#[tokio::test]
async fn the_row_kept_in_the_commit_is_the_state_that_a_replay_gives() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    for (number, amount) in [5, -2, 30].into_iter().enumerate() {
        assert_eq!(version(&bank.deposit(&engine, &id, amount).await), number as u64 + 2);
    }
    let state = replayed(&bank, &id).await;
    let row = CardRow { account: id.parse().unwrap(), email: state.email, balance: 33, status: "open".to_owned() };
    assert_eq!(bank.card(&id).await, row);
    let other = bank.engine();
    assert_eq!(version(&bank.deposit(&other, &id, 1).await), 5, "an engine that has seen nothing yet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_write_one_aggregate_and_lose_nothing() {
    let bank = Arc::new(Bank::new().await);
    let engines = [bank.engine(), bank.engine()];
    let id = bank.opened(&engines[0], "a@x").await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (bank, engine, id) = (Arc::clone(&bank), Arc::clone(&engines[writer % 2]), id.clone());
            tokio::spawn(async move {
                let mut versions = Vec::new();
                for _ in 0..15 {
                    versions.push(version(&bank.deposit(&engine, &id, 1).await));
                }
                versions
            })
        })
        .collect();
    let mut versions = Vec::new();
    for writer in writers {
        versions.extend(writer.await.unwrap());
    }
    versions.sort_unstable();
    assert!(versions.into_iter().eq(2..=61), "each deposit made one version");
    assert_eq!(replayed(&bank, &id).await.balance, 60);
    assert_eq!(bank.card(&id).await.balance, 60);
}

#[tokio::test]
async fn a_refusal_is_never_given_from_an_outdated_cache() {
    let bank = Bank::new().await;
    let (one, two) = (bank.engine(), bank.engine());
    let id = bank.opened(&one, "a@x").await;
    let hold = |order: &str| bank.internal("Hold", &id, &format!("{{\"order\":\"{order}\",\"amount\":10}}"));
    let refusal = refused(&one, hold("a")).await;
    assert_eq!((refusal.kind, refusal.error.as_str()), (RefusalKind::Declared, "bank.Account.NotEnough"));
    assert_eq!(refusal.fields["free"], 0);
    bank.deposit(&two, &id, 10).await;
    assert_eq!(version(&ask(&one, hold("b")).await.unwrap()), 3, "engine one had cached a balance of 0");
}

#[tokio::test]
async fn done_is_never_given_from_an_outdated_cache() {
    let bank = Bank::new().await;
    let (one, two) = (bank.engine(), bank.engine());
    let id = bank.opened(&one, "a@x").await;
    bank.deposit(&one, &id, 10).await;
    let hold = || bank.internal("Hold", &id, r#"{"order":"a","amount":10}"#);
    assert_eq!(version(&ask(&one, hold()).await.unwrap()), 3);
    assert_eq!(version(&ask(&one, hold()).await.unwrap()), 3, "done already");
    ask(&two, bank.internal("Release", &id, r#"{"order":"a"}"#)).await.unwrap();
    assert_eq!(version(&ask(&one, hold()).await.unwrap()), 5, "held again: the release of engine two was seen");
}

#[tokio::test]
async fn what_a_decision_throws_away_is_not_in_the_state() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    bank.deposit(&engine, &id, i64::MAX).await;
    let overflow = bank.request("Deposit", Some(&id), r#"{"amount":1,"note":""}"#);
    assert_eq!(refused(&engine, overflow).await.kind, RefusalKind::OutOfRange);
    assert_eq!(version(&bank.deposit(&engine, &id, -1).await), 3);
    assert_eq!(bank.card(&id).await.balance, i64::MAX - 1);
}

#[tokio::test]
async fn a_unique_value_is_taken_until_it_is_given_up() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    let second = bank.request("Open", None, r#"{"email":"a@x"}"#);
    let refusal = refused(&engine, second.clone()).await;
    assert_eq!((refusal.kind, refusal.error.as_str()), (RefusalKind::NotUnique, "NotUnique"));
    assert_eq!(refusal.fields["field"], "email");
    ask(&engine, bank.request("ChangeEmail", Some(&id), r#"{"email":"b@x"}"#)).await.unwrap();
    assert_eq!(refused(&engine, second).await, refusal, "the refusal was kept under its id");
    let third = bank.opened(&engine, "a@x").await;
    let back = bank.request("ChangeEmail", Some(&id), r#"{"email":"a@x"}"#);
    assert_eq!(refused(&engine, back).await.kind, RefusalKind::NotUnique);
    assert_ne!(third, id);
    assert_eq!(bank.card(&id).await.email, "b@x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_a_command_that_then_failed_is_decided_again() {
    let bank = Arc::new(Bank::new().await);
    let engine = bank.engine();
    bank.opened(&engine, "taken@x").await;
    let id = bank.opened(&engine, "a@x").await;
    let commands: Vec<_> = (0..60)
        .map(|number| {
            let request = match number % 3 {
                0 => bank.request("ChangeEmail", Some(&id), r#"{"email":"taken@x"}"#),
                1 => bank.request("Deposit", Some(&id), r#"{"amount":1,"note":""}"#),
                _ => bank.request("ChangeEmail", Some(&id), &format!("{{\"email\":\"{number}@x\"}}")),
            };
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { (number, ask(&engine, request).await.unwrap()) })
        })
        .collect();
    let mut versions = Vec::new();
    for command in commands {
        match command.await.unwrap() {
            (number, executed) if number % 3 == 0 => {
                let Answer::Refused(refusal) = executed.answer else { panic!("{executed:?}") };
                assert_eq!(refusal.kind, RefusalKind::NotUnique);
            }
            (_, executed) => versions.push(version(&executed)),
        }
    }
    versions.sort_unstable();
    assert!(versions.into_iter().eq(2..=41));
    let state = replayed(&bank, &id).await;
    assert_eq!(state.balance, 20);
    let card = bank.card(&id).await;
    assert_eq!((card.email, card.balance), (state.email, state.balance));
}
