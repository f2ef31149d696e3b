//! Probing: `GET /health` of each instance, side by side; one that does not answer as itself is out of rotation at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Deserialize;

use super::{Instance, PROBE, Registry};
use crate::shutdown::Shutdown;

/// An instance that takes longer to answer is not healthy.
const AT_MOST: Duration = Duration::from_secs(1);

/// What is read of an answer.
#[derive(Deserialize)]
struct Answer {
    ready: bool,
    #[serde(default)]
    service: String,
}

pub(super) async fn run(registry: Registry, client: reqwest::Client, shutdown: Shutdown) {
    while !shutdown.is_asked() {
        for instance in registry.change(|leases| leases.expire(Instant::now())) {
            tracing::warn!(%instance, "a lease was not renewed");
        }
        let listing = registry.listing();
        let all =
            listing.services.iter().flat_map(|(service, instances)| instances.iter().map(move |it| (service, it)));
        join_all(all.map(|(service, instance)| probe(&registry, &client, service, instance))).await;
        tokio::select! {
            () = tokio::time::sleep(PROBE) => {}
            () = registry.0.probe_now.notified() => {}
            () = shutdown.asked() => {}
        }
    }
}

async fn probe(registry: &Registry, client: &reqwest::Client, service: &str, instance: &Instance) {
    let ready = ask(client, service, instance).await;
    if let Err(why) = &ready
        && instance.ready
    {
        tracing::warn!(service, address = %instance.address, why, "an instance is out of rotation");
    }
    registry.change(|leases| leases.probed(instance.instance, instance.address, ready.is_ok()));
}

async fn ask(client: &reqwest::Client, service: &str, instance: &Instance) -> Result<(), String> {
    let url = format!("http://{}/health", instance.address);
    let answer = client.get(url).timeout(AT_MOST).send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let answer: Answer = answer.json().await.map_err(|error| error.to_string())?;
    match (status.as_u16(), answer.ready) {
        _ if answer.service != service => Err(format!("it is `{}`", answer.service)),
        (200, true) => Ok(()),
        _ => Err(format!("it is not ready ({status})")),
    }
}
