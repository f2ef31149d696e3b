//! Views: their rows, and what was answered from them, are what the events say; rebuilt from the first event they are the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::database::{Record, execute, rows};
use super::evidence::{Evidence, Service, Stores, text};
use super::replay::Replay;
use super::{Findings, SERVICES};

pub(super) fn check(evidence: &Evidence, replay: &Replay, findings: &mut Findings) {
    for (view, wanted) in expected(replay) {
        let service = evidence.service(view.split('.').next().unwrap_or_default());
        let stored: BTreeMap<String, Record> = by_key(service.views.get(view).map_or(&[], Vec::as_slice));
        differ(&format!("view `{view}`"), &wanted, &stored, findings);
        if let Some(answers) = evidence.live.get(view) {
            let answers: Vec<Record> = answers.iter().map(|answer| answered(view, answer)).collect();
            differ(&format!("what was answered from `{view}`"), &wanted, &by_key(&answers), findings);
        }
    }
    for view in ["orders.OrderList", "catalog.ProductList", "customers.CustomerCard"] {
        if !evidence.live.contains_key(view) {
            findings.say(format!("the last answers from `{view}` are missing"));
        }
    }
}

/// The rows of each view, as the events say.
fn expected(replay: &Replay) -> BTreeMap<&'static str, BTreeMap<String, Record>> {
    let mut views: BTreeMap<&'static str, BTreeMap<String, Record>> = BTreeMap::new();
    let mut put = |view, id: &str, row: Value| {
        let Value::Object(row) = row else { return };
        views.entry(view).or_default().insert(id.to_owned(), row);
    };
    for (id, customer) in &replay.customers {
        let (name, limit) = (&customer.name, customer.limit);
        put("customers.CustomerCard", id, json!({ "id": id, "name": name, "limit": limit }));
        put("orders.Names", id, json!({ "customer": id, "name": name }));
    }
    for (id, product) in &replay.products {
        let (title, price, free) = (&product.title, product.price, product.free());
        put("catalog.ProductList", id, json!({ "id": id, "title": title, "price": price, "free": free }));
        put("orders.PriceList", id, json!({ "product": id, "title": title, "price": price }));
    }
    for (id, order) in &replay.orders {
        let row = json!({
            "order": id,
            "customer": order.customer,
            "customer_name": replay.customers.get(&order.customer).map_or("", |customer| &customer.name),
            "lines": order.lines_json,
            "total": order.total,
            "status": order.status.word(),
            "placed_at": order.placed_at,
        });
        put("orders.OrderList", id, row);
    }
    views
}

/// Rows by their first column, JSON in texts read.
fn by_key(rows: &[Record]) -> BTreeMap<String, Record> {
    let read = |(name, value): (&String, &Value)| {
        let json = value.as_str().filter(|text| text.starts_with('[')).and_then(|text| serde_json::from_str(text).ok());
        (name.clone(), json.unwrap_or_else(|| value.clone()))
    };
    let key = |row: &Record| {
        let key = ["id", "order", "product", "customer"].iter().find_map(|name| row.get(*name)?.as_str());
        key.unwrap_or_default().to_owned()
    };
    rows.iter().map(|row| (key(row), row.iter().map(read).collect())).collect()
}

/// An answer as a row of the table: money in cents, times left out.
fn answered(view: &str, answer: &Value) -> Record {
    let mut row: Record = answer.as_object().cloned().unwrap_or_default();
    for money in ["limit", "price", "total"] {
        if let Some(value) = row.get_mut(money) {
            *value = json!(super::replay::cents(value));
        }
    }
    if view == "orders.OrderList" {
        row.remove("placed_at");
    }
    row
}

/// Compares rows; a column that a row does not have at all is not compared.
fn differ(what: &str, wanted: &BTreeMap<String, Record>, found: &BTreeMap<String, Record>, findings: &mut Findings) {
    for (key, wanted) in wanted {
        let Some(row) = found.get(key) else {
            findings.say(format!("{what}: {key} is missing"));
            continue;
        };
        for (column, value) in row.iter().filter(|(column, value)| wanted.get(*column) != Some(value)) {
            let should: &Value = wanted.get(column).unwrap_or(&Value::Null);
            findings.say(format!("{what}: `{column}` of {key} is {value}; by the events it is {should}"));
        }
    }
    for key in found.keys().filter(|key| !wanted.contains_key(*key)) {
        findings.say(format!("{what}: {key} is there, and by no event"));
    }
}

/// How the views of one run differ from those of another, in words.
pub fn views_differ(live: &Service, rebuilt: &Service) -> Vec<String> {
    let mut findings = Findings::default();
    for (view, rows) in &live.views {
        match rebuilt.views.get(view) {
            Some(again) => {
                let found: BTreeMap<String, Map<String, Value>> = by_key(again);
                differ(&format!("view `{view}`, rebuilt from the first event"), &by_key(rows), &found, &mut findings);
            }
            None => findings.say(format!("view `{view}` was not rebuilt")),
        }
    }
    findings.0
}

/// Takes the tables of all views away, with all that is known of them: at the next start they are filled from the first event.
/// They are nobody's meanwhile.
pub async fn forget_views(stores: &Stores) {
    for service in SERVICES {
        let file = stores.of(service);
        for view in rows(&file, "SELECT table_name, coalesce(consumer, '') AS consumer FROM view_tables").await {
            let (table, consumer) = (text(&view, "table_name"), text(&view, "consumer"));
            let statement = format!(
                "BEGIN; DROP TABLE \"{table}\"; DELETE FROM row_tables WHERE name = '{table}'; \
                 DELETE FROM positions WHERE consumer = '{consumer}'; DELETE FROM view_tables WHERE table_name = '{table}'; COMMIT"
            );
            execute(&file, &statement).await;
        }
    }
}

/// Makes the tables that answer for the views those of other definitions: at the next start new ones are filled beside them,
/// and then take over. `data` is nobody's meanwhile.
pub async fn supersede_views(data: &Path, mark: &str) {
    for service in SERVICES {
        let file = data.join(format!("{service}.db"));
        let current =
            "SELECT table_name, coalesce(consumer, '') AS consumer FROM view_tables WHERE standing = 'current'";
        for view in rows(&file, current).await {
            let (table, consumer) = (text(&view, "table_name"), text(&view, "consumer"));
            let former = format!("{table}_{mark}");
            let indexes = format!(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = '{table}' AND sql NOT NULL"
            );
            let mut statement = String::from("BEGIN;");
            for index in rows(&file, &indexes).await {
                statement.push_str(&format!("DROP INDEX \"{}\";", text(&index, "name")));
            }
            statement.push_str(&format!(
                "ALTER TABLE \"{table}\" RENAME TO \"{former}\"; \
                 UPDATE row_tables SET name = '{former}', definition = replace(definition, '\"{table}\"', '\"{former}\"') \
                 WHERE name = '{table}'; \
                 UPDATE positions SET consumer = '{consumer}:{mark}' WHERE consumer = '{consumer}'; \
                 UPDATE view_tables SET table_name = '{former}', definition = replace(definition, '\"{table}\"', '\"{former}\"'), \
                 consumer = CASE WHEN consumer IS NULL THEN NULL ELSE '{consumer}:{mark}' END WHERE table_name = '{table}'; COMMIT"
            ));
            execute(&file, &statement).await;
        }
    }
}
