//! Timers: many instances, one effect.

use std::time::Duration;

use minos_runtime::refusal::RefusalKind;

use crate::setup::{Bank, ask, version};
use minos_runtime::commit::{Answer, Timer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn due(bank: &Bank) -> Vec<Timer> {
    bank.store.due_timers(9).await.unwrap().due
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_fired_by_many_has_one_effect_and_is_gone() {
    let bank = Bank::new().await;
    let engines = [bank.engine(), bank.engine()];
    let id = bank.opened(&engines[0], "a@x").await;
    assert!(due(&bank).await.is_empty());
    bank.clock.advance(DAY);
    let timers = due(&bank).await;
    assert_eq!(timers.len(), 1);
    let fired = tokio::join!(engines[0].fire(&timers[0]), engines[1].fire(&timers[0]));
    let fired = [fired.0.unwrap().unwrap(), fired.1.unwrap().unwrap()];
    assert_eq!(fired.iter().map(version).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(fired.iter().filter(|executed| executed.replayed).count(), 1);
    assert_eq!(bank.card(&id).await.status, "closed");
    assert!(due(&bank).await.is_empty());
    assert_eq!(bank.store.last_positions().await.unwrap().events, 2);
}

#[tokio::test]
async fn leaving_the_state_clears_its_timer() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    bank.deposit(&engine, &id, 1).await;
    ask(&engine, bank.request("Close", Some(&id), "{}")).await.unwrap();
    bank.clock.advance(DAY);
    assert!(due(&bank).await.is_empty());
}

#[tokio::test]
async fn a_timer_of_a_state_that_was_left_is_refused_and_cleared() {
    let bank = Bank::new().await;
    let engine = bank.engine();
    let id = bank.opened(&engine, "a@x").await;
    bank.clock.advance(DAY);
    let timer = due(&bank).await.remove(0);
    ask(&engine, bank.request("Close", Some(&id), "{}")).await.unwrap();
    let fired = bank.engine().fire(&timer).await.unwrap().unwrap();
    assert!(matches!(&fired.answer, Answer::Refused(refusal) if refusal.kind == RefusalKind::WrongState), "{fired:?}");
    assert!(due(&bank).await.is_empty());
    assert_eq!(bank.card(&id).await.status, "closed");
}

#[tokio::test]
async fn another_ones_timer_is_left_alone() {
    let bank = Bank::new().await;
    let timer = Timer { id: bank.context.new_id(), due: bank.context.now(), payload: r#"{"saga":"x"}"#.to_owned() };
    assert_eq!(bank.engine().fire(&timer).await.unwrap(), None);
}
