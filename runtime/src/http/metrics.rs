//! `GET /metrics`: a few figures in Prometheus' text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use crate::log::consumer::ConsumerStatus;
use crate::log::relay::RelayLag;

/// Requests answered, by the first digit of the status.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; 6]);

impl Counts {
    pub(super) fn answered(&self, status: StatusCode) {
        if let Some(count) = self.0.get(usize::from(status.as_u16() / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// All figures of a service.
pub(super) fn text(
    service: &str,
    counts: &Counts,
    consumers: &[ConsumerStatus],
    relay: Option<RelayLag>,
    fence: Duration,
) -> String {
    let mut text = String::from("# TYPE minos_requests_total counter\n");
    for (class, count) in counts.0.iter().enumerate().skip(1) {
        let count = count.load(Ordering::Relaxed);
        let _ = writeln!(text, "minos_requests_total{{service=\"{service}\",status=\"{class}xx\"}} {count}");
    }
    for (name, value) in [
        ("minos_consumer_lag", (|it: &ConsumerStatus| it.lag) as fn(&ConsumerStatus) -> u64),
        ("minos_consumer_parked", |it| it.parked as u64),
    ] {
        let _ = writeln!(text, "# TYPE {name} gauge");
        for it in consumers {
            let (consumer, topic, partition) = (&it.consumer, &it.topic, it.partition);
            let labels =
                format!("service=\"{service}\",consumer=\"{consumer}\",topic=\"{topic}\",partition=\"{partition}\"");
            let _ = writeln!(text, "{name}{{{labels}}} {}", value(it));
        }
    }
    if let Some(relay) = relay {
        text.push_str("# TYPE minos_relay_lag gauge\n");
        for (what, lag) in [("events", relay.events), ("outgoing", relay.outgoing)] {
            let _ = writeln!(text, "minos_relay_lag{{service=\"{service}\",of=\"{what}\"}} {lag}");
        }
    }
    text.push_str("# TYPE minos_store_fence_age_seconds gauge\n");
    let _ = writeln!(text, "minos_store_fence_age_seconds{{service=\"{service}\"}} {}", fence.as_secs_f64());
    text
}
