//! Several writers at once on one aggregate: nothing is lost, nothing oversold, nothing done twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use e2e::{Payments, Shop};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_with_the_same_version_one_wins_and_the_other_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let shop = Shop::start(folder.path(), &payments).await;
    let (id, token) = shop.register("ada", "10.00").await;
    for round in 0..10 {
        let seen = shop.api.get(&format!("/customers/{id}"), &token).await.expect_status(200).etag.expect("an ETag");
        let rename = |name: String| {
            let (shop, seen, token, path) = (&shop, &seen, &token, format!("/customers/{id}/rename"));
            async move {
                let body = json!({ "name": name });
                shop.api.send("POST", &path, token, Some(&body), &[("If-Match", seen)]).await.status
            }
        };
        let (a, b) = tokio::join!(rename(format!("a{round}")), rename(format!("b{round}")));
        let mut statuses = [a, b];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_register_one_email_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let shop = Shop::start(folder.path(), &payments).await;
    let body = json!({ "name": "ada", "email": "ada@example.com", "limit": "1.00" });
    let replies = join_all((0..16).map(|_| shop.api.post("/customers", &shop.clerk, &body))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 409 && reply.body["error"] == "NotUnique").count(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_at_once_take_no_more_than_the_stock() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let shop = Shop::start(folder.path(), &payments).await;
    let (_, token) = shop.register("ada", "100000.00").await;
    let pen = shop.add("pen", "1.00", 10).await;
    shop.knows(&[&pen]).await;
    let orders = join_all((0..20).map(|_| async { shop.place(&token, &[(&pen, 1)], None).await })).await;
    let outcomes = join_all(orders.iter().map(|order| shop.outcome(&token, order))).await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "approved").count(), 10, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "rejected").count(), 10, "{outcomes:?}");
    shop.becomes_free(&pen, 0).await;
    for (order, outcome) in orders.iter().zip(&outcomes) {
        assert_eq!(payments.charges_of(order).await, usize::from(outcome == "approved"), "{order} is {outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_with_one_idempotency_key_place_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let payments = Payments::start(folder.path());
    let shop = Shop::start(folder.path(), &payments).await;
    let (id, token) = shop.register("ada", "100.00").await;
    let pen = shop.add("pen", "1.00", 10).await;
    shop.knows(&[&pen]).await;
    let orders = join_all((0..16).map(|_| async { shop.place(&token, &[(&pen, 2)], Some("one")).await })).await;
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
    assert_eq!(shop.outcome(&token, &orders[0]).await, "approved");
    let list = shop.api.get(&format!("/orders/of_customer?customer={id}"), &token).await.expect_status(200);
    assert_eq!(list.body["items"].as_array().map(Vec::len), Some(1));
    shop.becomes_free(&pen, 8).await;
    assert_eq!(payments.charges_of(&orders[0]).await, 1);
}
