//! A small aggregate, written by hand as generated code would be: everything that the engine does is in it.
//! Shared by the tests of the engine and of Postgres.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "several tests share it")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use minos_runtime::aggregate::{Aggregate, SnapshotForm, StateTimer};
use minos_runtime::caller::Caller;
use minos_runtime::command::{Command, Decision};
use minos_runtime::refusal::{Refusal, RefusalKind};
use minos_runtime::service::Service;
use minos_runtime::value::Uuid;
use minos_runtime::view::KeptView;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AccountId(Uuid);
minos_runtime::id!(AccountId);

/// An account: money goes in and out, some of it is held for orders; open for a day, unless it is closed before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) balance: i64,
    pub(crate) holds: BTreeMap<String, i64>,
    #[serde(deserialize_with = "status")]
    pub(crate) status: Status,
}

/// Under a name, since serde would borrow what it sees to be a reference.
type Status = &'static str;

fn status<'de, D: Deserializer<'de>>(from: D) -> Result<Status, D::Error> {
    let known = ["open", "closed"];
    let text = String::deserialize(from)?;
    known.into_iter().find(|it| *it == text).ok_or_else(|| D::Error::unknown_variant(&text, &["open", "closed"]))
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EmailChanged {
    pub(crate) email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deposited {
    pub(crate) amount: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) order: String,
    pub(crate) amount: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Released {
    pub(crate) order: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Closed {}

#[derive(Clone, Debug)]
pub(crate) enum AccountEvent {
    Opened(Opened),
    EmailChanged(EmailChanged),
    Deposited(Deposited),
    Held(Held),
    Released(Released),
    Closed(Closed),
}
minos_runtime::events!(AccountEvent {
    Opened = "bank.Account.Opened" => "open",
    EmailChanged = "bank.Account.EmailChanged",
    Deposited = "bank.Account.Deposited",
    Held = "bank.Account.Held",
    Released = "bank.Account.Released",
    Closed = "bank.Account.Closed" => "closed",
});

impl Aggregate for Account {
    const TYPE: &'static str = "bank.Account";
    const SNAPSHOT: Option<SnapshotForm<Self>> = Some(SnapshotForm::json("account 1"));
    type Id = AccountId;
    type Event = AccountEvent;

    fn create(_: &AccountId, event: &AccountEvent) -> Result<Option<Self>, Refusal> {
        let AccountEvent::Opened(Opened { email }) = event else { return Ok(None) };
        Ok(Some(Self { email: email.clone(), balance: 0, holds: BTreeMap::new(), status: "open" }))
    }

    fn apply(&mut self, _: &AccountId, event: &AccountEvent) -> Result<(), Refusal> {
        match event {
            AccountEvent::Opened(_) => {}
            AccountEvent::EmailChanged(event) => self.email = event.email.clone(),
            AccountEvent::Deposited(event) => {
                let too_much = || Refusal::new(RefusalKind::OutOfRange, "the balance is out of range");
                self.balance = self.balance.checked_add(event.amount).ok_or_else(too_much)?;
            }
            AccountEvent::Held(event) => {
                self.holds.insert(event.order.clone(), event.amount);
            }
            AccountEvent::Released(event) => {
                self.holds.remove(&event.order);
            }
            AccountEvent::Closed(_) => self.status = "closed",
        }
        Ok(())
    }

    fn status(&self) -> Option<&'static str> {
        Some(self.status)
    }

    fn unique_values(&self) -> Vec<(&'static str, String)> {
        vec![("bank.Account.email", format!("{:?}", self.email))]
    }

    fn timers(&self, entered_at: Timestamp) -> Vec<StateTimer<Self>> {
        match self.status {
            "open" => {
                let close = |decision: &mut Decision<Self>| decision.emit(AccountEvent::Closed(Closed {}));
                vec![StateTimer::after("open", entered_at, SignedDuration::from_hours(24), close)]
            }
            _ => Vec::new(),
        }
    }
}

macro_rules! command {
    ($name:ident $wire:literal $route:expr, $creates:literal, $this:ident, $caller:ident, $allow:expr, $decision:ident, $body:block) => {
        impl Command for $name {
            const NAME: &'static str = $wire;
            type Aggregate = Account;
            type Read = ();
            const CREATES: bool = $creates;
            const ROUTE: Option<(&'static str, &'static str)> = $route;

            fn allow(&self, $caller: &Caller) -> bool {
                $allow
            }

            fn decide(&$this, (): (), $decision: &mut Decision<Account>) -> Result<(), Refusal> $body
        }
    };
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    pub(crate) email: String,
}
command!(Open "bank.Account.Open" Some(("POST", "/accounts")), true, self, caller, caller.has_role("clerk"), decision, {
    decision.emit(Opened { email: self.email.clone() })
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEmail {
    pub(crate) email: String,
}
command!(ChangeEmail "bank.Account.ChangeEmail" Some(("POST", "/accounts/{id}/change-email")), false, self, caller, caller.has_role("clerk"), decision, {
    decision.emit(EmailChanged { email: self.email.clone() })
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deposit {
    pub(crate) amount: i64,
    pub(crate) note: String,
}
command!(Deposit "bank.Account.Deposit" Some(("POST", "/accounts/{id}/deposit")), false, self, caller, caller.has_role("clerk"), decision, {
    decision.require_status(&["open"])?;
    decision.emit(Deposited { amount: self.amount })
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hold {
    pub(crate) order: String,
    pub(crate) amount: i64,
}
command!(Hold "bank.Account.Hold" None, false, self, _caller, false, decision, {
    let state = decision.state()?;
    if state.holds.contains_key(&self.order) {
        return Ok(());
    }
    let free = state.balance - state.holds.values().sum::<i64>();
    if self.amount > free {
        let fields = BTreeMap::from([("free", free)]);
        return Err(Refusal::declared("bank.Account.NotEnough", format!("only {free} left"), &fields));
    }
    decision.emit(Held { order: self.order.clone(), amount: self.amount })
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) order: String,
}
command!(Release "bank.Account.Release" None, false, self, _caller, false, decision, {
    if !decision.state()?.holds.contains_key(&self.order) {
        return Ok(());
    }
    decision.emit(Released { order: self.order.clone() })
});

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {}
command!(Close "bank.Account.Close" Some(("POST", "/accounts/{id}/close")), false, self, caller, caller.has_role("clerk"), decision, {
    decision.require_status(&["open"])?;
    decision.emit(Closed {})
});

minos_runtime::row! {
    /// A row an account, kept in its commits.
    pub(crate) struct CardRow of "bank.Card" {
        account: AccountId => ACCOUNT,
        email: String => EMAIL,
        balance: i64 => BALANCE,
        status: String => STATUS,
    }
}

pub(crate) struct Card;

impl KeptView for Card {
    type Aggregate = Account;
    type Row = CardRow;
    const DEFINITION: &'static str = "1";

    fn row(id: &AccountId, state: &Account) -> CardRow {
        let (email, status) = (state.email.clone(), state.status.to_owned());
        CardRow { account: *id, email, balance: state.balance, status }
    }
}

/// The service that has all of it.
pub(crate) fn service() -> Service {
    Service::new("bank")
        .aggregate::<Account>()
        .command::<Open>()
        .command::<ChangeEmail>()
        .command::<Deposit>()
        .command::<Hold>()
        .command::<Release>()
        .command::<Close>()
        .kept_view::<Card>()
}
