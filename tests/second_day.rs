//! The second day: the shop is stopped, built from a changed spec ([`second_day/spec`]), and started on yesterday's data.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use e2e::{Ended, Payments, Process, Reply, Shop, binary, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

/// The shop after its first day: an order approved, one rejected, its customer.
struct Yesterday {
    folder: tempfile::TempDir,
    payments: Payments,
    ada: String,
    pen: String,
    lamp: String,
    approved: String,
    rejected: String,
}

impl Yesterday {
    /// The first day, up to the evening; the shop still runs.
    async fn begin() -> (Self, Shop) {
        let folder = tempfile::tempdir().unwrap();
        let payments = Payments::start(folder.path());
        let shop = Shop::start(folder.path(), &payments).await;
        let (ada, token) = shop.register("ada", "1000.00").await;
        let (pen, lamp) = (shop.add("pen", "20.00", 10).await, shop.add("lamp", "30.13", 5).await);
        shop.knows(&[&pen, &lamp]).await;
        let approved = shop.place(&token, &[(&pen, 3)], None).await;
        let rejected = shop.place(&token, &[(&lamp, 1)], None).await;
        assert_eq!(shop.outcome(&token, &approved).await, "approved");
        assert_eq!(shop.outcome(&token, &rejected).await, "rejected");
        let yesterday = Self { folder, payments, ada, pen, lamp, approved, rejected };
        eventually("the customer is thanked", SOON, || async {
            (yesterday.mails("approved").await == 1).then_some(())
        })
        .await;
        (yesterday, shop)
    }

    /// The first day, over.
    async fn over() -> Self {
        let (yesterday, mut shop) = Self::begin().await;
        shop.process.terminate();
        let ended = shop.process.ends(SOON);
        assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
        yesterday
    }

    /// The second day begins.
    async fn second_day(&self, more: &[(&str, &str)]) -> Today {
        let shop = Shop::start_as("second-day", self.folder.path(), &self.payments, more).await;
        let token = shop.customer_token(&self.ada).await;
        Today { shop, token }
    }

    /// How many mails of that template were sent.
    async fn mails(&self, template: &str) -> usize {
        let mails = self.payments.list("mails").await;
        mails.iter().filter(|mail| mail["request"]["template"] == template).count()
    }

    /// Every file of the data, but for the locks.
    fn data(&self) -> BTreeMap<String, Vec<u8>> {
        let files = std::fs::read_dir(self.folder.path().join("data")).unwrap().map(Result::unwrap);
        let kept = files.filter(|file| file.path().extension().is_some_and(|it| it == "db" || it == "json"));
        kept.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
    }
}

/// The shop of the second day.
struct Today {
    shop: Shop,
    token: String,
}

impl Today {
    async fn get(&self, path: &str) -> Reply {
        self.shop.api.get(path, &self.token).await
    }

    async fn order(&self, id: &str) -> Value {
        self.get(&format!("/orders/{id}")).await.expect_status(200).body
    }

    async fn place(&self, product: &str, note: Option<&str>) -> String {
        let mut body = json!({ "items": [{ "product": product, "quantity": 1 }] });
        if let Some(note) = note {
            body["note"] = json!(note);
        }
        self.shop.api.post("/orders", &self.token, &body).await.expect_status(201).id()
    }

    /// Waits until a query answers with what it holds, and no longer with what it held.
    async fn rebuilt(&self, path: &str, token: &str) -> Reply {
        eventually("a view is rebuilt", SOON, || async {
            let reply = self.shop.api.get(path, token).await.expect_status(200);
            (!reply.rebuilding).then_some(reply)
        })
        .await
    }

    async fn operator(&self) -> String {
        self.shop.api.token(json!({ "sub": "olga", "operator": true })).await
    }

    /// The saga of an order, as the operator sees it.
    async fn saga(&self, operator: &str, order: &str, status: &str) -> Option<Value> {
        let path = format!("/_operator/orders/sagas?status={status}");
        let found = self.shop.api.get(&path, operator).await.expect_status(200).body;
        let items = found["items"].as_array().unwrap();
        items.iter().find(|saga| saga["subject"] == format!("orders.Order/{order}")).cloned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_overnight_and_what_was_begun_is_ended_under_the_new_spec() {
    let yesterday = Yesterday::over().await;
    let today = yesterday.second_day(&[]).await;
    let list = format!("/orders/of_customer?customer={}", yesterday.ada);
    assert_eq!(today.rebuilt(&list, &today.token).await.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(today.order(&yesterday.approved).await["status"], "approved");
    assert_eq!(today.order(&yesterday.rejected).await["status"], "rejected");
    assert_eq!((today.shop.free(&yesterday.pen).await, today.shop.free(&yesterday.lamp).await), (7, 5));
    // An order of yesterday is cancelled today: credit and pens come back, the payment is refunded.
    let cancel = format!("/orders/{}/cancel", yesterday.approved);
    today.shop.api.post(&cancel, &today.token, &json!({})).await.expect_status(200);
    today.shop.becomes_free(&yesterday.pen, 10).await;
    eventually("it is refunded", SOON, || async {
        (yesterday.payments.list("refunds").await.len() == 1).then_some(())
    })
    .await;
    assert_eq!(yesterday.payments.charges_of(&yesterday.approved).await, 1);
    assert_eq!(yesterday.mails("approved").await, 1, "nobody is thanked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_field_of_an_event_is_absent_in_those_of_before_and_carried_by_new_ones() {
    let yesterday = Yesterday::over().await;
    let today = yesterday.second_day(&[]).await;
    let order = today.place(&yesterday.pen, Some("ring twice")).await;
    today.rebuilt(&format!("/orders/{}", yesterday.approved), &today.token).await;
    eventually("the new order is listed", SOON, || async {
        let reply = today.get(&format!("/orders/{order}")).await;
        (reply.status == 200).then(|| assert_eq!(reply.body["note"], "ring twice"))
    })
    .await;
    assert_eq!(today.order(&yesterday.approved).await["note"], Value::Null);
    assert_eq!(today.shop.outcome(&today.token, &order).await, "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_filled_beside_the_table_of_before_which_answers_as_it_stood_and_says_so() {
    let yesterday = Yesterday::over().await;
    let today = yesterday.second_day(&[("MINOS_FAULT", "view-rebuild:4s")]).await;
    let list = format!("/orders/of_customer?customer={}", yesterday.ada);
    let order = today.place(&yesterday.pen, Some("by the window")).await;
    let before = today.get(&list).await.expect_status(200);
    assert!(before.rebuilding, "it does not say that it is older: {}", before.body);
    let rows = before.body["items"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "as it stood: {}", before.body);
    assert!(rows.iter().all(|row| row["note"].is_null()), "the new column is absent: {}", before.body);
    today.get(&format!("/orders/{order}")).await.expect_status(404);
    let after = today.rebuilt(&list, &today.token).await;
    let rows = after.body["items"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{}", after.body);
    assert_eq!((&rows[0]["order"], &rows[0]["note"]), (&json!(order), &json!("by the window")), "newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_view_holds_what_happened_before_it_was_written() {
    let yesterday = Yesterday::over().await;
    let today = yesterday.second_day(&[]).await;
    let order = today.place(&yesterday.lamp, None).await;
    let clerk = &today.shop.clerk;
    eventually("both rejected orders are listed", SOON, || async {
        let reply = today.rebuilt("/orders/rejected", clerk).await;
        let rows = reply.body["items"].as_array().unwrap().clone();
        let listed = |order: &str| {
            let of_order =
                rows.iter().filter(|row| row["order"] == order && !row["reason"].as_str().unwrap().is_empty());
            of_order.count()
        };
        (listed(&yesterday.rejected) == 1 && listed(&order) == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_begins_now_and_not_with_all_of_history() {
    let yesterday = Yesterday::over().await;
    let today = yesterday.second_day(&[]).await;
    let order = today.place(&yesterday.pen, None).await;
    assert_eq!(today.shop.outcome(&today.token, &order).await, "approved");
    eventually("the new order is confirmed", SOON, || async { (yesterday.mails("placed").await > 0).then_some(()) })
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(yesterday.mails("placed").await, 1, "orders of yesterday are not confirmed today");
}

/// The first day ends in the middle of an order: it is charged, and the answer has not come. Gives the order.
async fn interrupted() -> (Yesterday, String) {
    let (yesterday, mut shop) = Yesterday::begin().await;
    yesterday.payments.control(json!({ "delay_ms": 60_000 })).await;
    let token = shop.customer_token(&yesterday.ada).await;
    let order = shop.place(&token, &[(&yesterday.pen, 1)], None).await;
    eventually("it is being charged", SOON, || async {
        (yesterday.payments.charges_of(&order).await == 1).then_some(())
    })
    .await;
    shop.process.kill();
    yesterday.payments.control(json!({ "delay_ms": 0 })).await;
    (yesterday, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_whose_definition_is_gone_is_stuck_with_that_reason_until_an_operator_gives_it_the_new_one() {
    let (yesterday, order) = interrupted().await;
    let today = yesterday.second_day(&[]).await;
    // New ones run by the new definition, with its new step.
    let new = today.place(&yesterday.pen, None).await;
    assert_eq!(today.shop.outcome(&today.token, &new).await, "approved");
    eventually("the new step is done", SOON, || async { (yesterday.mails("fulfilled").await == 1).then_some(()) })
        .await;

    let operator = today.operator().await;
    let stuck = today.saga(&operator, &order, "stuck").await.expect("the old saga is stuck");
    assert!(stuck["reason"].as_str().unwrap().contains("definition"), "{stuck}");
    assert_eq!(today.order(&order).await["status"], "placed");
    let force = format!("/_operator/orders/sagas/{}/force", stuck["id"].as_str().unwrap());
    today.shop.api.post(&force, &operator, &json!({ "reason": "the new step suits it" })).await.expect_status(200);
    assert_eq!(today.shop.outcome(&today.token, &order).await, "approved");
    eventually("the old saga ends", SOON, || async { today.saga(&operator, &order, "completed").await }).await;
    assert_eq!(yesterday.mails("fulfilled").await, 2, "it has done the new step too");
    assert_eq!(yesterday.payments.charges_of(&order).await, 1, "and is charged once");
    today.shop.becomes_free(&yesterday.pen, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_whose_definition_is_gone_goes_on_by_itself_when_the_spec_of_before_is_back() {
    let (yesterday, order) = interrupted().await;
    let mut today = yesterday.second_day(&[]).await;
    assert!(today.saga(&today.operator().await, &order, "stuck").await.is_some());
    today.shop.process.terminate();
    assert_eq!(today.shop.process.ends(SOON).status.code(), Some(0));
    let back = Shop::start(yesterday.folder.path(), &yesterday.payments).await;
    let token = back.customer_token(&yesterday.ada).await;
    assert_eq!(back.outcome(&token, &order).await, "approved");
    assert_eq!(yesterday.payments.charges_of(&order).await, 1);
    assert_eq!(yesterday.mails("fulfilled").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_becomes_unique_is_so_for_what_was_there_before() {
    let yesterday = Yesterday::over().await;
    let today = yesterday.second_day(&[]).await;
    let body = json!({ "name": "ada", "email": "another@example.com", "limit": "1.00" });
    let refused = today.shop.api.post("/customers", &today.shop.clerk, &body).await.expect_status(409);
    assert_eq!(refused.body["error"], "NotUnique", "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_be_read_is_refused_at_start_and_the_data_is_as_it_was() {
    let yesterday = Yesterday::over().await;
    let before = yesterday.data();
    assert!(before.len() >= 4, "{:?}", before.keys());
    let ended = refused(yesterday.folder.path(), &yesterday.payments);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.errors);
    for part in [
        "service `customers` cannot start",
        "`customers.Customer.Registered`",
        "field `limit` was `decimal(12, 2, 0..)`, is `int(0..)`",
        "try: keep the field as it was",
    ] {
        assert!(ended.errors.contains(part), "no `{part}` in: {}", ended.errors);
    }
    for (file, bytes) in yesterday.data() {
        assert!(before.get(&file) == Some(&bytes), "{file} has changed");
    }
    let again = Shop::start(yesterday.folder.path(), &yesterday.payments).await;
    let token = again.customer_token(&yesterday.ada).await;
    assert_eq!(again.outcome(&token, &yesterday.approved).await, "approved");
}

/// Starts the shop with the spec that cannot read what is stored.
fn refused(folder: &Path, payments: &Payments) -> Ended {
    let data = folder.join("data");
    let environment = [
        ("MINOS_LISTEN", "127.0.0.1:0"),
        ("MINOS_DATA", data.to_str().unwrap()),
        ("PAYMENTS_URL", &payments.url),
        ("SECOND_DAY", "refused"),
    ];
    Process::start(&binary("second-day"), &environment, folder).ends(SOON)
}
