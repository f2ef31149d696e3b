//! Coming to rest: when nothing is under way any more.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use crate::Api;
use crate::check::SERVICES;
use crate::insist::Insisting;

/// Waits until nothing is under way in any service; false where something still is when patience ends.
pub(super) async fn rest(insisting: &Insisting) -> bool {
    let operator = operator(insisting).await;
    let until = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 3 {
        quiet = if is_at_rest(&insisting.api(), &operator).await { quiet + 1 } else { 0 };
        if Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}

async fn operator(insisting: &Insisting) -> String {
    insisting.api().token(json!({ "sub": "olga", "operator": true })).await
}

async fn is_at_rest(api: &Api, operator: &str) -> bool {
    for service in SERVICES {
        let ask = async |what: &str| api.get(&format!("/_operator/{service}/{what}"), operator).await;
        let relay = ask("relay").await;
        if relay.status != 200 || relay.body["events"] != 0 || relay.body["outgoing"] != 0 {
            return false;
        }
        let none = |body: &Value, busy: &dyn Fn(&Value) -> bool| {
            body["items"].as_array().is_some_and(|it| !it.iter().any(busy))
        };
        if !none(&ask("consumers").await.body, &|consumer| consumer["lag"] != 0)
            || !none(&ask("views").await.body, &|view| view["rebuilding"] != false)
            || !none(&ask("port-calls").await.body, &|_| true)
            || !none(&ask("sagas").await.body, &|saga| saga["status"] != "stuck")
        {
            return false;
        }
    }
    true
}
