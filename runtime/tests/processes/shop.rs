//! A small shop by hand, in the shape that the compiler gives: customers with credit, products with stock, orders with a
//! saga, two policies and two ports.

use std::collections::BTreeSet;
use std::time::Duration;

use minos_runtime::aggregate::Aggregate;
use minos_runtime::command::{Command, Decision};
use minos_runtime::event::{DecodeError, Recorded};
use minos_runtime::log::HandlingError;
use minos_runtime::refusal::Refusal;
use minos_runtime::saga::{Action, Policy, Saga, SendableCommand, Step, bound, keep};
use minos_runtime::service::Service;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::world::{Mailer, Payments, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Uuid);
minos_runtime::id!(Id);

/// Something that holds things for orders: credit, stock.
macro_rules! holder {
    ($module:ident, $service:literal, $type:literal, $opened:literal, $held:literal, $released:literal,
     $open:literal, $hold:literal, $release:literal) => {
        pub mod $module {
            use super::*;

            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct Opened {
                pub room: usize,
            }
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct Held {
                pub order: Id,
            }
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct Released {
                pub order: Id,
            }
            #[derive(Clone, Debug, PartialEq)]
            pub enum Event {
                Opened(Opened),
                Held(Held),
                Released(Released),
            }
            minos_runtime::events!(Event { Opened = $opened, Held = $held, Released = $released });

            #[derive(Clone, Debug, PartialEq)]
            pub struct Holder {
                pub room: usize,
                pub holds: BTreeSet<Id>,
            }

            impl Aggregate for Holder {
                const TYPE: &'static str = $type;
                type Id = Id;
                type Event = Event;

                fn create(_: &Id, event: &Event) -> Result<Option<Self>, Refusal> {
                    let Event::Opened(opened) = event else { return Ok(None) };
                    Ok(Some(Self { room: opened.room, holds: BTreeSet::new() }))
                }

                fn apply(&mut self, _: &Id, event: &Event) -> Result<(), Refusal> {
                    match event {
                        Event::Opened(_) => {}
                        Event::Held(event) => {
                            self.holds.insert(event.order);
                        }
                        Event::Released(event) => {
                            self.holds.remove(&event.order);
                        }
                    }
                    Ok(())
                }
            }

            #[derive(Clone, Debug, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct Open {
                pub room: usize,
            }
            impl Command for Open {
                const NAME: &'static str = $open;
                type Aggregate = Holder;
                type Read = ();
                const CREATES: bool = true;
                const ROUTE: Option<(&'static str, &'static str)> = None;
                fn decide(&self, (): (), decision: &mut Decision<Holder>) -> Result<(), Refusal> {
                    decision.emit(Opened { room: self.room })
                }
            }

            #[derive(Clone, Debug, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct Hold {
                pub order: Id,
            }
            impl Command for Hold {
                const NAME: &'static str = $hold;
                type Aggregate = Holder;
                type Read = ();
                const ROUTE: Option<(&'static str, &'static str)> = None;
                fn decide(&self, (): (), decision: &mut Decision<Holder>) -> Result<(), Refusal> {
                    let state = decision.state()?;
                    if state.holds.contains(&self.order) {
                        return Ok(());
                    }
                    if state.holds.len() >= state.room {
                        return Err(Refusal::declared(concat!($type, ".Full"), "there is no room", &()));
                    }
                    decision.emit(Held { order: self.order })
                }
            }

            #[derive(Clone, Debug, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct Release {
                pub order: Id,
            }
            impl Command for Release {
                const NAME: &'static str = $release;
                type Aggregate = Holder;
                type Read = ();
                const ROUTE: Option<(&'static str, &'static str)> = None;
                fn decide(&self, (): (), decision: &mut Decision<Holder>) -> Result<(), Refusal> {
                    if !decision.state()?.holds.contains(&self.order) {
                        return Ok(());
                    }
                    decision.emit(Released { order: self.order })
                }
            }

            pub fn service() -> Service {
                Service::new($service).aggregate::<Holder>().command::<Open>().command::<Hold>().command::<Release>()
            }
        }
    };
}

holder!(
    customer,
    "customers",
    "customers.Customer",
    "customers.Customer.Registered",
    "customers.Customer.CreditHeld",
    "customers.Customer.CreditReleased",
    "customers.Customer.Register",
    "customers.Customer.HoldCredit",
    "customers.Customer.ReleaseCredit"
);
holder!(
    product,
    "catalog",
    "catalog.Product",
    "catalog.Product.Added",
    "catalog.Product.Reserved",
    "catalog.Product.Released",
    "catalog.Product.Add",
    "catalog.Product.Reserve",
    "catalog.Product.Release"
);

pub mod order {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Placed {
        pub customer: Id,
        pub products: Vec<Id>,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Approved {
        pub payment: String,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Rejected {
        pub reason: String,
        pub customer: Id,
    }
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        Placed(Placed),
        Approved(Approved),
        Rejected(Rejected),
    }
    minos_runtime::events!(Event {
        Placed = "orders.Order.Placed" => "placed",
        Approved = "orders.Order.Approved" => "approved",
        Rejected = "orders.Order.Rejected" => "rejected",
    });

    #[derive(Clone, Debug, PartialEq)]
    pub struct Order {
        pub customer: Id,
        pub status: &'static str,
    }

    impl Aggregate for Order {
        const TYPE: &'static str = "orders.Order";
        type Id = Id;
        type Event = Event;

        fn create(_: &Id, event: &Event) -> Result<Option<Self>, Refusal> {
            let Event::Placed(placed) = event else { return Ok(None) };
            Ok(Some(Self { customer: placed.customer, status: "placed" }))
        }

        fn apply(&mut self, _: &Id, event: &Event) -> Result<(), Refusal> {
            self.status = match event {
                Event::Placed(_) => "placed",
                Event::Approved(_) => "approved",
                Event::Rejected(_) => "rejected",
            };
            Ok(())
        }

        fn status(&self) -> Option<&'static str> {
            Some(self.status)
        }
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Place {
        pub customer: Id,
        pub products: Vec<Id>,
    }
    impl Command for Place {
        const NAME: &'static str = "orders.Order.Place";
        type Aggregate = Order;
        type Read = ();
        const CREATES: bool = true;
        const ROUTE: Option<(&'static str, &'static str)> = Some(("POST", "/orders"));
        fn decide(&self, (): (), decision: &mut Decision<Order>) -> Result<(), Refusal> {
            decision.emit(Placed { customer: self.customer, products: self.products.clone() })
        }
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Approve {
        pub payment: String,
    }
    impl Command for Approve {
        const NAME: &'static str = "orders.Order.Approve";
        type Aggregate = Order;
        type Read = ();
        const ROUTE: Option<(&'static str, &'static str)> = None;
        fn decide(&self, (): (), decision: &mut Decision<Order>) -> Result<(), Refusal> {
            decision.require_status(&["placed"])?;
            decision.emit(Approved { payment: self.payment.clone() })
        }
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Reject {
        pub reason: String,
    }
    impl Command for Reject {
        const NAME: &'static str = "orders.Order.Reject";
        type Aggregate = Order;
        type Read = ();
        const ROUTE: Option<(&'static str, &'static str)> = None;
        fn decide(&self, (): (), decision: &mut Decision<Order>) -> Result<(), Refusal> {
            decision.require_status(&["placed"])?;
            let customer = decision.state()?.customer;
            decision.emit(Rejected { reason: self.reason.clone(), customer })
        }
    }
}

/// What orders knows of the others' commands.
#[derive(Serialize)]
struct HoldCredit {
    order: Id,
}
impl SendableCommand for HoldCredit {
    const COMMAND: &'static str = "customers.Customer.HoldCredit";
}
#[derive(Serialize)]
struct ReleaseCredit {
    order: Id,
}
impl SendableCommand for ReleaseCredit {
    const COMMAND: &'static str = "customers.Customer.ReleaseCredit";
}
#[derive(Serialize)]
struct Reserve {
    order: Id,
}
impl SendableCommand for Reserve {
    const COMMAND: &'static str = "catalog.Product.Reserve";
}
#[derive(Serialize)]
struct Release {
    order: Id,
}
impl SendableCommand for Release {
    const COMMAND: &'static str = "catalog.Product.Release";
}

/// Credit, stock for each product, charge, approve; else reject.
pub struct Fulfilment {
    order: Id,
    placed: order::Placed,
    payment: Option<String>,
}

const fn quick(step: Step<Fulfilment>) -> Step<Fulfilment> {
    step.timeout(Duration::from_secs(5)).retry(5, Duration::from_millis(20), Duration::from_millis(200))
}

impl Saga for Fulfilment {
    const NAME: &'static str = "orders.Fulfilment";
    const DEFINITION: &'static str = "fulfilment 1";
    const TRIGGER: &'static str = "orders.Order.Placed";
    const STEPS: &'static [Step<Self>] = &[
        quick(Step::compensatable("credit", Self::credit)).undo(Self::undo_credit),
        quick(Step::compensatable("stock", Self::stock))
            .branches(|saga| Ok(saga.placed.products.len()))
            .undo(Self::undo_stock),
        quick(Step::pivot("charge", Self::charge))
            .bind(|saga, answer| keep(&mut saga.payment, answer))
            .timeout(Duration::from_millis(400)),
        quick(Step::retriable("approve", Self::approve)),
    ];

    fn new(trigger: &Recorded) -> Result<Self, DecodeError> {
        Ok(Self { order: trigger.id()?, placed: trigger.payload()?, payment: None })
    }

    fn failed(&self, failure: &Refusal) -> Result<Vec<Action>, Refusal> {
        Ok(vec![Action::send(&self.order, &order::Reject { reason: failure.message.clone() })])
    }
}

impl Fulfilment {
    fn credit(&self, _: usize) -> Result<Action, Refusal> {
        Ok(Action::send(&self.placed.customer, &HoldCredit { order: self.order }))
    }
    fn undo_credit(&self, _: usize) -> Result<Action, Refusal> {
        Ok(Action::send(&self.placed.customer, &ReleaseCredit { order: self.order }))
    }
    fn stock(&self, branch: usize) -> Result<Action, Refusal> {
        Ok(Action::send(&self.placed.products[branch], &Reserve { order: self.order }))
    }
    fn undo_stock(&self, branch: usize) -> Result<Action, Refusal> {
        Ok(Action::send(&self.placed.products[branch], &Release { order: self.order }))
    }
    fn charge(&self, _: usize) -> Result<Action, Refusal> {
        Ok(Action::call_named("orders.Payments", "charge", &json!({ "order": self.order })))
    }
    fn approve(&self, _: usize) -> Result<Action, Refusal> {
        Ok(Action::send(&self.order, &order::Approve { payment: bound("charge", &self.payment)?.clone() }))
    }
}

/// Thanks for an approved order, by mail.
pub struct Thank;
impl Policy for Thank {
    const NAME: &'static str = "orders.Thank";
    const FOLLOWS: &'static [&'static str] = &["orders.Order.Approved"];
    fn react(event: &Recorded) -> Result<Vec<Action>, HandlingError> {
        Ok(vec![Action::call_named("orders.Mailer", "send", &json!({ "order": event.stream.id() }))])
    }
}

/// Holds credit for a rejected order, so that it is refused where there is none: a policy's command that may be refused.
pub struct Blame;
impl Policy for Blame {
    const NAME: &'static str = "orders.Blame";
    const FOLLOWS: &'static [&'static str] = &["orders.Order.Rejected"];
    fn react(event: &Recorded) -> Result<Vec<Action>, HandlingError> {
        let rejected: order::Rejected = event.payload()?;
        let blamed = Id(Uuid::from_u128(u128::from(event.pos) + 1_000_000));
        Ok(vec![Action::send(&rejected.customer, &HoldCredit { order: blamed })])
    }
}

/// The service of orders.
pub fn orders(world: &World) -> Service {
    Service::new("orders")
        .aggregate::<order::Order>()
        .command::<order::Place>()
        .command::<order::Approve>()
        .command::<order::Reject>()
        .saga::<Fulfilment>()
        .policy::<Thank>()
        .policy::<Blame>()
        .port(Payments(world.clone()))
        .port(Mailer(world.clone()))
}
