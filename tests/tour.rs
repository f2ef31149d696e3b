//! The README's tour, as the script that people run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::process::Command;

use e2e::{Payments, Shop, repository};

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_is_as_the_readme_says_twice_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let shop = Shop::start(folder.path(), &payments).await;
    for run in ["first", "second"] {
        let tour = Command::new(repository().join("examples/shop/tour")).arg(&shop.api.url).output().unwrap();
        let (said, errors) = (String::from_utf8_lossy(&tour.stdout), String::from_utf8_lossy(&tour.stderr));
        assert!(tour.status.success(), "{run} run:\n{said}\n{errors}");
    }
}

#[test]
fn the_tour_says_plainly_that_nobody_listens() {
    let tour = Command::new(repository().join("examples/shop/tour")).arg("http://127.0.0.1:1").output().unwrap();
    assert_eq!(tour.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&tour.stderr).contains("is the shop running?"));
}

#[test]
fn the_readme_has_every_step_of_the_tour_in_its_order() {
    let script = std::fs::read_to_string(repository().join("examples/shop/tour")).unwrap();
    let readme = std::fs::read_to_string(repository().join("examples/shop/README.md")).unwrap();
    let steps: Vec<_> = script.lines().filter_map(|line| line.strip_prefix("step \"")?.strip_suffix('"')).collect();
    let told: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(steps.len() > 5, "the script has steps");
    assert_eq!(steps, told);
}
