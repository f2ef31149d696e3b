//! Queries: rights, pages, mistakes named.

use std::collections::BTreeMap;

use minos_runtime::caller::Caller;
use minos_runtime::projection::Projections;
use minos_runtime::query::{AnyQuery, QueryAnswer, QueryError, TypedQuery};
use minos_runtime::refusal::{Refusal, RefusalKind};
use minos_runtime::view::{ColumnOrder, Filter, Query, QueryResult};
use serde::Deserialize;

use crate::support::{LONG, Service, folder};
use crate::views::{OrderListRow, place, start, views};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfCustomer {
    customer: String,
    at_least: Option<i64>,
}

impl Query for OfCustomer {
    const NAME: &'static str = "orders.OrderList.of_customer";
    type Row = OrderListRow;
    const RESULT: QueryResult = QueryResult::Page;
    const ROUTE: &'static str = "/orders/of_customer";
    fn allow_call(&self, caller: &Caller) -> bool {
        caller.has_role("clerk") || caller.identity::<String>("customer").as_deref() == Some(&self.customer)
    }
    fn filter(&self) -> Filter {
        let at_least = |total| OrderListRow::TOTAL.is(minos_runtime::view::Comparison::Ge, &total);
        OrderListRow::CUSTOMER.eq(&self.customer).and(Filter::if_given(self.at_least, at_least))
    }
    fn order() -> Vec<ColumnOrder> {
        vec![OrderListRow::TOTAL.descending()]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ById {
    order: String,
}

impl Query for ById {
    const NAME: &'static str = "orders.OrderList.by_id";
    type Row = OrderListRow;
    const RESULT: QueryResult = QueryResult::Row;
    const ROUTE: &'static str = "/orders/{id}";
    const PATH_PARAM: Option<&'static str> = Some("order");
    fn allow_call(&self, caller: &Caller) -> bool {
        caller.has_role("clerk") || caller.has_role("customer")
    }
    fn allow_row(&self, caller: &Caller, row: &OrderListRow) -> bool {
        caller.has_role("clerk") || caller.identity::<String>("customer").as_deref() == Some(&row.customer)
    }
    fn filter(&self) -> Filter {
        OrderListRow::ORDER.eq(&self.order)
    }
}

fn clerk() -> Caller {
    Caller { subject: "c".to_owned(), roles: ["clerk".to_owned()].into(), ..Caller::default() }
}

fn customer(id: &str) -> Caller {
    let identities = [("customer".to_owned(), id.to_owned())].into();
    Caller { subject: id.to_owned(), roles: ["customer".to_owned()].into(), identities, ..Caller::default() }
}

async fn run<Q: Query>(
    service: &Service,
    projections: &Projections,
    caller: &Caller,
    parameters: &[(&str, &str)],
) -> Result<QueryAnswer, Refusal> {
    let parameters: BTreeMap<String, Vec<String>> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    let query = TypedQuery::<Q>::default();
    match query.run(&parameters, caller, &*service.store, &projections.tables).await {
        Ok(answer) => Ok(answer),
        Err(QueryError::Refused(refusal)) => Err(refusal),
        Err(QueryError::Store(error)) => panic!("{error}"),
    }
}

async fn with_orders(service: &Service) -> Projections {
    let projections = start(service, &views::<1>()).await;
    let mut last = 0;
    for order in 0..25 {
        // Totals come in fives, so that the key has to decide.
        last = place(service, order, order % 2, order / 5).await;
    }
    assert!(projections.wait_applied("orders.OrderList", ("orders", 0), last, LONG).await);
    projections
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_row_once_in_order() {
    let (_keep, path) = folder();
    let service = Service::start(&path, "orders").await;
    let projections = with_orders(&service).await;
    let mut rows: Vec<(i64, String)> = Vec::new();
    let mut after: Option<String> = None;
    let mut pages = 0;
    loop {
        let mut parameters = vec![("customer", "00"), ("limit", "4")];
        parameters.extend(after.as_deref().map(|after| ("after", after)));
        let answer = run::<OfCustomer>(&service, &projections, &clerk(), &parameters).await.unwrap();
        let page: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let items = page["items"].as_array().unwrap();
        rows.extend(
            items.iter().map(|row| (row["total"].as_i64().unwrap(), row["order"].as_str().unwrap().to_owned())),
        );
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!((rows.len(), pages), (13, 4));
    let mut sorted = rows.clone();
    sorted.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    assert_eq!(rows, sorted);
    let few =
        run::<OfCustomer>(&service, &projections, &clerk(), &[("customer", "00"), ("at_least", "4")]).await.unwrap();
    let few: serde_json::Value = serde_json::from_str(&few.body).unwrap();
    assert_eq!(few["items"].as_array().unwrap().len(), 3);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_parameter_is_named() {
    let (_keep, path) = folder();
    let service = Service::start(&path, "orders").await;
    let projections = start(&service, &views::<1>()).await;
    let bad = [("limit", "0"), ("after", "zz"), ("at_least", "x"), ("extra", "1")];
    let refusal = run::<OfCustomer>(&service, &projections, &clerk(), &bad).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Malformed);
    let names: Vec<&str> = refusal.fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["after", "at_least", "customer", "extra", "limit"]);
    // A place of other columns: `[1]`, hexadecimal.
    let place = [("customer", "1"), ("after", "5b7b22496e74223a317d5d")];
    let refusal = run::<OfCustomer>(&service, &projections, &clerk(), &place).await.unwrap_err();
    assert_eq!(refusal.fields.keys().collect::<Vec<_>>(), ["after"]);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_allow_forbids_is_forbidden_and_a_row_that_it_hides_is_not_found() {
    let (_keep, path) = folder();
    let service = Service::start(&path, "orders").await;
    let projections = with_orders(&service).await;
    let kind = |result: Result<QueryAnswer, Refusal>| result.map(|answer| answer.body).map_err(|refusal| refusal.kind);
    let of = [("customer", "00")];
    assert!(run::<OfCustomer>(&service, &projections, &customer("00"), &of).await.is_ok());
    let other = run::<OfCustomer>(&service, &projections, &customer("01"), &of).await;
    assert_eq!(kind(other), Err(RefusalKind::Forbidden));
    let nobody = run::<OfCustomer>(&service, &projections, &Caller::anonymous(), &of).await;
    assert_eq!(kind(nobody), Err(RefusalKind::Unauthenticated));
    let by_id = [("order", "002")];
    let own = run::<ById>(&service, &projections, &customer("00"), &by_id).await;
    assert!(kind(own).unwrap().starts_with(r#"{"order":"002","customer":"00""#));
    let hidden = run::<ById>(&service, &projections, &customer("01"), &by_id).await;
    assert_eq!(kind(hidden), Err(RefusalKind::NotFound));
    let absent = run::<ById>(&service, &projections, &clerk(), &[("order", "999")]).await;
    assert_eq!(kind(absent), Err(RefusalKind::NotFound));
    service.stop().await;
}
