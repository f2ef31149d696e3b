//! A counter, written by hand as generated code would be.

use minos_runtime::aggregate::{Aggregate, SnapshotForm};
use minos_runtime::caller::Caller;
use minos_runtime::command::{Command, Decision, Route};
use minos_runtime::refusal::{Refusal, RefusalKind};
use minos_runtime::service::Service;
use minos_runtime::value::Uuid;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CounterId(Uuid);
minos_runtime::id!(CounterId);

/// How far it has counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counter {
    count: i64,
}

/// With its note some 150 bytes of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Counted {
    count: i64,
    note: String,
}

#[derive(Clone, Debug)]
pub(crate) enum CounterEvent {
    Counted(Counted),
}

impl minos_runtime::event::EventPayload for Counted {
    const TYPE: &'static str = "bench.Counter.Counted";
}

impl From<Counted> for CounterEvent {
    fn from(event: Counted) -> Self {
        Self::Counted(event)
    }
}

impl minos_runtime::event::Event for CounterEvent {
    fn event_type(&self) -> &'static str {
        "bench.Counter.Counted"
    }

    fn encode(&self) -> Result<String, serde_json::Error> {
        let Self::Counted(event) = self;
        serde_json::to_string(event)
    }

    fn decode(event_type: &str, version: u32, data: &str) -> Result<Self, minos_runtime::event::DecodeError> {
        minos_runtime::event::decode_payload(event_type, version, data).map(Self::Counted)
    }
}

impl Aggregate for Counter {
    const TYPE: &'static str = "bench.Counter";
    const SNAPSHOT: Option<SnapshotForm<Self>> = Some(SnapshotForm::json("counter 1"));
    type Id = CounterId;
    type Event = CounterEvent;

    fn create(_: &CounterId, event: &CounterEvent) -> Result<Option<Self>, Refusal> {
        let CounterEvent::Counted(event) = event;
        Ok(Some(Self { count: event.count }))
    }

    fn apply(&mut self, _: &CounterId, event: &CounterEvent) -> Result<(), Refusal> {
        let CounterEvent::Counted(event) = event;
        self.count = event.count;
        Ok(())
    }
}

/// A fresh counter, at 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    note: String,
}

/// One more.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    note: String,
}

impl Command for Begin {
    const NAME: &'static str = "bench.Counter.Begin";
    type Aggregate = Counter;
    type Read = ();
    const CREATES: bool = true;
    const ROUTE: Option<Route> = Some(("POST", "/counters"));

    fn allow(&self, caller: &Caller) -> bool {
        caller.has_role("clerk")
    }

    fn decide(&self, (): (), decision: &mut Decision<Counter>) -> Result<(), Refusal> {
        decision.emit(Counted { count: 1, note: self.note.clone() })
    }
}

impl Command for Count {
    const NAME: &'static str = "bench.Counter.Count";
    type Aggregate = Counter;
    type Read = ();
    const ROUTE: Option<Route> = Some(("POST", "/counters/{id}/count"));

    fn allow(&self, caller: &Caller) -> bool {
        caller.has_role("clerk")
    }

    fn decide(&self, (): (), decision: &mut Decision<Counter>) -> Result<(), Refusal> {
        let too_far = || Refusal::new(RefusalKind::OutOfRange, "it cannot count further");
        let count = decision.state()?.count.checked_add(1).ok_or_else(too_far)?;
        decision.emit(Counted { count, note: self.note.clone() })
    }
}

/// The service that has it.
pub(crate) fn service() -> Service {
    Service::new("bench").aggregate::<Counter>().command::<Begin>().command::<Count>()
}
