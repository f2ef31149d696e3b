//! Coming to rest: when nothing is under way any more.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use crate::Api;
use crate::check::SERVICES;
use crate::insist::Insisting;

/// Waits until nothing is under way in any service; what still is when patience ends.
pub(crate) async fn rest(insisting: &Insisting) -> Result<(), String> {
    let operator = insisting.api().token(json!({ "sub": "olga", "operator": true })).await;
    let until = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 3 {
        match busy(&insisting.api(), &operator).await {
            None => quiet += 1,
            Some(what) if Instant::now() > until => return Err(what),
            Some(_) => quiet = 0,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Whether an item of a list says that something is under way.
type IsBusy = fn(&Value) -> bool;

/// Something that is under way.
async fn busy(api: &Api, operator: &str) -> Option<String> {
    let looks: [(&str, IsBusy); 4] = [
        ("consumers", |consumer| consumer["lag"] != 0),
        ("views", |view| view["rebuilding"] != false),
        ("port-calls", |_| true),
        ("sagas", |saga| saga["status"] != "stuck"),
    ];
    for service in SERVICES {
        let ask = async |what: &str| api.get(&format!("/_operator/{service}/{what}"), operator).await;
        let relay = ask("relay").await;
        if relay.status != 200 || relay.body["events"] != 0 || relay.body["outgoing"] != 0 {
            return Some(format!("the relay of {service}: {}", relay.body));
        }
        for (what, is_busy) in looks {
            let reply = ask(what).await;
            let Some(items) = reply.body["items"].as_array() else {
                return Some(format!("{what} of {service}: {}", reply.body));
            };
            if let Some(item) = items.iter().find(|item| is_busy(item)) {
                return Some(format!("{what} of {service}: {item}"));
            }
        }
    }
    None
}
