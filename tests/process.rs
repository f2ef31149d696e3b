//! The shop as a process: how it starts, refuses to start, ends, and how much memory it takes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::Path;
use std::time::Duration;

use e2e::{Ended, Payments, Process, Shop, binary};

/// Starts the shop with that environment; it must end by itself.
fn refused(folder: &Path, environment: &[(&str, &str)]) -> Ended {
    let mut process = Process::start(&binary("shop"), environment, folder);
    let ended = process.ends(Duration::from_secs(30));
    assert!(!ended.errors.contains("panicked"), "{}", ended.errors);
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_cleanly_and_the_data_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let mut shop = Shop::start(folder.path(), &payments).await;
    let (id, _) = shop.register("ada", "10.00").await;
    shop.process.terminate();
    let ended = shop.process.ends(Duration::from_secs(20));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let again = Shop::start(folder.path(), &payments).await;
    let ada = again.api.get(&format!("/customers/{id}"), &again.clerk).await.expect_status(200);
    assert_eq!(ada.body["name"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_in_use_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let _shop = Shop::start(folder.path(), &payments).await;
    let other = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let ended = refused(
        other.path(),
        &[("MINOS_LISTEN", "127.0.0.1:0"), ("MINOS_DATA", data.to_str().unwrap()), ("PAYMENTS_URL", &payments.url)],
    );
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(ended.errors.contains(data.to_str().unwrap()), "{}", ended.errors);
}

#[test]
fn a_port_that_is_taken_is_refused_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let ended = refused(folder.path(), &[("MINOS_LISTEN", &address), ("MINOS_DATA", data.to_str().unwrap())]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    assert!(ended.errors.contains(&address), "{}", ended.errors);
}

#[test]
fn a_bad_setting_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (name, value) in [("MINOS_LISTEN", "nowhere"), ("MINOS_FAULT", "nowhere:1"), ("PAYMENTS_URL", "not a url")] {
        let ended = refused(folder.path(), &[("MINOS_DATA", data.to_str().unwrap()), (name, value)]);
        assert_ne!(ended.status.code(), Some(0));
        assert!(ended.errors.contains(name) && ended.errors.contains(value), "{name}: {}", ended.errors);
    }
}

#[test]
fn off_loopback_keys_are_neither_made_up_nor_tokens_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let open = [("MINOS_LISTEN", "0.0.0.0:0"), ("MINOS_DATA", data.to_str().unwrap())];
    let without_keys = refused(folder.path(), &open);
    assert_ne!(without_keys.status.code(), Some(0));
    assert!(without_keys.errors.contains("MINOS_KEYS"), "{}", without_keys.errors);
    let insisting = refused(folder.path(), &[&open[..], &[("MINOS_DEVELOPMENT", "on")]].concat());
    assert_ne!(insisting.status.code(), Some(0));
    assert!(insisting.errors.contains("MINOS_DEVELOPMENT"), "{}", insisting.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_it_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let shop = Shop::start(folder.path(), &payments).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let resident = shop.process.resident_mb();
    eprintln!("idle: {resident} MB resident");
    assert!(resident < 60, "{resident} MB");
}
