//! Durable timers.

use serde::{Deserialize, Serialize};

use crate::event::StreamId;

/// The payload of a saga's timer.
#[derive(Debug, Serialize, Deserialize)]
struct SagaTimer {
    saga: String,
}

/// The payload of the timer of a saga's log.
pub(crate) fn saga_timer(stream: &StreamId) -> String {
    serde_json::json!({ "saga": stream.as_str() }).to_string()
}

/// The saga's log whose timer has that payload; absent where it is another's.
pub(crate) fn saga_of(payload: &str) -> Option<StreamId> {
    serde_json::from_str::<SagaTimer>(payload).ok().map(|timer| StreamId::from_stored(&timer.saga))
}
