//! Sagas, policies, timers and port calls, end to end in one process: real SQLite stores, the embedded log, the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

mod faults;
mod node;
mod shop;
mod wire;
mod wire_faults;
mod world;

use std::path::Path;

use faults::Fuse;
use minos_runtime::process::operator::Decision;
use minos_runtime::process::port_caller::calls::CallStatus;
use minos_runtime::process::saga::progress::Status;
use node::{Shop, eventually};
use world::World;

async fn open(folder: &tempfile::TempDir, world: &World) -> Shop {
    let shop = Shop::start(folder.path(), world, &Fuse::none()).await;
    shop.stock(10, 10).await;
    shop
}

fn decision() -> Decision {
    Decision { by: "test".to_owned(), reason: "mended".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_approved_charged_once_and_thanked() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = open(&folder, &world).await;
    shop.place(1).await.unwrap();
    assert_eq!(shop.ended(1).await, ("approved", Status::Completed));
    assert_eq!(shop.holds().await, (1, vec![1, 1]));
    assert_eq!(world.charges(), 1);
    eventually("no mail was sent", || async { world.mails() == 1 }).await;
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_gives_everything_back_and_rejects() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = open(&folder, &world).await;
    world.decline();
    shop.place(1).await.unwrap();
    assert_eq!(shop.ended(1).await, ("rejected", Status::Compensated));
    assert_eq!(shop.holds().await.1, vec![0, 0]);
    assert_eq!(world.charges(), 0);
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_step_undoes_what_was_done_before_it() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = Shop::start(folder.path(), &world, &Fuse::none()).await;
    shop.stock(10, 1).await;
    shop.place(1).await.unwrap();
    shop.ended(1).await;
    shop.place(2).await.unwrap();
    assert_eq!(shop.ended(2).await, ("rejected", Status::Compensated));
    assert_eq!(shop.holds().await.1, vec![1, 1]);
    assert_eq!(world.charges(), 1);
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_payment_is_unknown_and_asked_for_again_under_the_same_key() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = open(&folder, &world).await;
    world.answer_late(2);
    shop.place(1).await.unwrap();
    assert_eq!(shop.ended(1).await, ("approved", Status::Completed));
    assert_eq!((world.calls("charge"), world.charges()), (3, 1));
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policys_refused_command_is_listed_and_can_be_sent_again_or_discarded() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = Shop::start(folder.path(), &world, &Fuse::none()).await;
    shop.stock(0, 10).await;
    shop.place(1).await.unwrap();
    assert_eq!(shop.ended(1).await, ("rejected", Status::Compensated), "no credit");
    let operator = shop.orders.operator();
    let listed = || async { operator.refused_commands(None, 10).await.unwrap() };
    eventually("the policy's refused command is not listed", || async { listed().await.len() == 1 }).await;
    let first = listed().await.remove(0);
    assert_eq!((first.policy.as_str(), first.refusal.error.as_str()), ("orders.Blame", "customers.Customer.Full"));

    operator.replay_command(first.id, &decision()).await.unwrap();
    eventually("the command sent again is not refused again", || async {
        listed().await.iter().any(|command| command.id != first.id)
    })
    .await;
    let second = listed().await.remove(0);
    operator.discard_command(second.id, &decision()).await.unwrap();
    assert!(listed().await.is_empty());
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_call_is_tried_until_the_port_is_back() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = open(&folder, &world).await;
    world.lose_mail(2);
    shop.place(1).await.unwrap();
    eventually("no mail was sent", || async { world.mails() == 1 }).await;
    assert_eq!(world.calls("send"), 3);
    let operator = shop.orders.operator();
    eventually("the call is still listed", || async { operator.port_calls(None, 10).await.unwrap().is_empty() }).await;
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_port_call_is_parked_and_made_when_an_operator_says_so() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = open(&folder, &world).await;
    world.break_mail(true);
    shop.place(1).await.unwrap();
    let operator = shop.orders.operator();
    let calls = || async { operator.port_calls(None, 10).await.unwrap() };
    eventually("the call is not parked", || async {
        calls().await.first().is_some_and(|call| call.status == CallStatus::Broken)
    })
    .await;
    world.break_mail(false);
    operator.replay_call(calls().await[0].pos, &decision()).await.unwrap();
    eventually("no mail was sent", || async { world.mails() == 1 && calls().await.is_empty() }).await;
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_share_what_there_is_and_every_one_ends() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = Shop::start(folder.path(), &world, &Fuse::none()).await;
    shop.stock(100, 12).await;
    for number in 0..20 {
        shop.place(number).await.unwrap();
    }
    let mut approved = 0;
    for number in 0..20 {
        approved += usize::from(shop.ended(number).await == ("approved", Status::Completed));
    }
    assert!((1..=12).contains(&approved), "{approved} approved");
    assert_eq!(world.charges(), approved);
    assert_eq!(shop.holds().await.1, vec![approved, approved]);
    shop.stop().await;
}

/// A shop that has been opened and stopped, to begin each run from.
async fn template() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    open(&folder, &World::default()).await.stop().await;
    folder
}

/// A copy of it. SQLite may still be removing the file beside one that was closed: then from the start.
fn copied(template: &Path) -> tempfile::TempDir {
    loop {
        let folder = tempfile::tempdir().unwrap();
        let mut files = std::fs::read_dir(template).unwrap().map(Result::unwrap);
        match files.try_for_each(|file| std::fs::copy(file.path(), folder.path().join(file.file_name())).map(drop)) {
            Ok(()) => return folder,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
        }
    }
}

/// The process dies at a commit, before or after it is written; restarted, the order ends as if nothing had been. Gives the
/// number of commits that there were.
async fn survives(template: &Path, fuse: Fuse, declines: bool) -> u64 {
    let (folder, world) = (copied(template), World::default());
    if declines {
        world.decline();
    }
    let shop = Shop::start(folder.path(), &world, &fuse).await;
    shop.place(1).await;
    let done = || async {
        let order = shop.order(1).await.map(|order| order.status);
        fuse.is_blown() || order == Some("rejected") || (order == Some("approved") && world.mails() == 1)
    };
    eventually("neither dead nor done", done).await;
    shop.stop().await;

    let shop = Shop::start(folder.path(), &world, &Fuse::none()).await;
    shop.place(1).await.unwrap();
    let (status, saga) = shop.ended(1).await;
    if declines {
        assert_eq!((status, saga, shop.holds().await.1), ("rejected", Status::Compensated, vec![0, 0]));
        assert_eq!(world.charges(), 0);
    } else {
        assert_eq!((status, saga, shop.holds().await), ("approved", Status::Completed, (1, vec![1, 1])));
        assert_eq!(world.charges(), 1);
        eventually("no mail was sent", || async { world.mails() == 1 }).await;
    }
    shop.stop().await;
    fuse.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_commit_of_an_approved_order_loses_nothing_and_does_nothing_twice() {
    crash_everywhere(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_commit_of_a_declined_order_loses_nothing_and_undoes_everything() {
    crash_everywhere(true).await;
}

/// Commits are not numbered alike in each run, so that dying before or after them in turn meets all of them.
async fn crash_everywhere(declines: bool) {
    let template = template().await;
    let commits = survives(template.path(), Fuse::none(), declines).await;
    assert!(commits > 10, "only {commits} commits");
    for chunk in (1..=commits).collect::<Vec<_>>().chunks(8) {
        let runs = chunk.iter().map(|commit| survives(template.path(), Fuse::at(*commit, commit % 2 == 0), declines));
        futures_util::future::join_all(runs).await;
    }
}

/// `cargo test --release -p minos-runtime --test processes -- --ignored --nocapture throughput`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn throughput() {
    const ORDERS: usize = if cfg!(debug_assertions) { 60 } else { 300 };
    let (folder, world) = (tempfile::tempdir().unwrap(), World::default());
    let shop = Shop::start(folder.path(), &world, &Fuse::none()).await;
    shop.stock(ORDERS, ORDERS).await;
    let began = std::time::Instant::now();
    futures_util::future::join_all((0..ORDERS as u128).map(|number| shop.place(number))).await;
    let placed = began.elapsed();
    let operator = shop.orders.operator();
    while operator.sagas(&[Status::Completed], None, ORDERS).await.unwrap().len() < ORDERS {
        assert!(began.elapsed().as_secs() < 600, "not all orders end");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    println!("{ORDERS} orders placed in {placed:?}, all approved after {:?}", began.elapsed());
    shop.stop().await;
}
