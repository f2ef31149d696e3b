//! What is asked of the running shop at the end of a trial.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::Api;
use crate::insist::{Insisting, Person};

/// What is left of each customer's limit can be spent to the last cent, and not one cent more: the running services know.
pub(crate) async fn spend_what_is_left(insisting: &Insisting) {
    let clerk = &insisting.person("clara", &["clerk"], None).await;
    let customers = customers(insisting, clerk).await;
    let spending = customers.iter().enumerate().map(|(number, customer)| spend(insisting, clerk, number, customer));
    join_all(spending).await;
}

async fn spend(insisting: &Insisting, clerk: &Person, number: usize, customer: &Value) {
    let id = customer["id"].as_str().expect("a customer has an id");
    let person = insisting.person(&format!("customer{number}"), &["customer"], Some(id)).await;
    let orders = orders_of(insisting, id, clerk).await;
    let approved = orders.iter().filter(|order| order["status"] == "approved");
    let held: i64 = approved.map(|order| money(&order["total"])).sum();
    let left = money(&customer["limit"]) - held;
    let mut spend = vec![(1, "rejected")];
    if left > 0 && left % 100 != 13 {
        spend.insert(0, (left, "approved"));
    }
    for (cents, outcome) in spend {
        let name = format!("rest-{number}-{outcome}");
        // What may be declined for its price is not asked for.
        let order = order_one(insisting, clerk, &person, &name, cents).await;
        let path = format!("/orders/{order}");
        let ended = crate::eventually(&format!("order {order} ends"), PATIENCE, || async {
            let status = insisting.api().get(&path, &person.token).await.body["status"].as_str()?.to_owned();
            (status != "placed").then_some(status)
        })
        .await;
        if left > 0 && left % 100 == 13 {
            continue;
        }
        assert_eq!(ended, outcome, "customer {id} has {left} cents left, and ordered for {cents}");
    }
}

/// Adds a product of that price and orders one.
async fn order_one(insisting: &Insisting, clerk: &Person, person: &Person, name: &str, cents: i64) -> String {
    let price = format!("{}.{:02}", cents / 100, cents % 100);
    let product = json!({ "title": name, "price": price, "stock": 5 });
    let product = insisting.command(clerk, name, "/products", &product).await.expect_status(201).id();
    let body = json!({ "items": [{ "product": product, "quantity": 1 }] });
    for tries in 0..2_000 {
        let reply = insisting.command(person, &format!("{name}-order-{tries}"), "/orders", &body).await;
        if reply.status == 201 {
            return reply.id();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the orders service never heard of {name}")
}

/// What the views answer at the end.
pub(crate) async fn live(insisting: &Insisting) -> BTreeMap<&'static str, Vec<Value>> {
    let clerk = insisting.person("clara", &["clerk"], None).await;
    let customers = customers(insisting, &clerk).await;
    let mut orders = Vec::new();
    for customer in &customers {
        orders.extend(orders_of(insisting, customer["id"].as_str().unwrap_or_default(), &clerk).await);
    }
    let products = pages(&insisting.api(), "/products/all?", &clerk.token).await;
    BTreeMap::from([
        ("customers.CustomerCard", customers),
        ("catalog.ProductList", products),
        ("orders.OrderList", orders),
    ])
}

/// Every customer that the ledger knows.
async fn customers(insisting: &Insisting, clerk: &Person) -> Vec<Value> {
    let mut customers = Vec::new();
    for id in insisting.created("/customers") {
        let mut customer = insisting.api().get(&format!("/customers/{id}"), &clerk.token).await.expect_status(200).body;
        customer["id"] = json!(id);
        customers.push(customer);
    }
    customers
}

async fn orders_of(insisting: &Insisting, customer: &str, clerk: &Person) -> Vec<Value> {
    pages(&insisting.api(), &format!("/orders/of_customer?customer={customer}&"), &clerk.token).await
}

async fn pages(api: &Api, path: &str, token: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let page = api.get(&format!("{path}limit=100{after}"), token).await.expect_status(200).body;
        items.extend(page["items"].as_array().expect("a page").iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

fn money(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.replace('.', "").parse().ok()).expect("money is text")
}
