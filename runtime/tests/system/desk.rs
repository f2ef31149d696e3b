//! The second service: it follows the bank's events, lists people, and greets each new account with a deposit.

use async_trait::async_trait;
use minos_runtime::caller::Caller;
use minos_runtime::event::Recorded;
use minos_runtime::gateway::{Gateway, Identity, Jwt, Route, Setting};
use minos_runtime::log::HandlingError;
use minos_runtime::projection::Rows;
use minos_runtime::row;
use minos_runtime::saga::{Action, Policy};
use minos_runtime::service::Service;
use minos_runtime::view::{Column, ColumnOrder, Filter, Query, QueryResult, View};
use serde::Deserialize;

use crate::account::{self, AccountId, CardRow, Deposit, Opened};

row! {
    struct PersonRow of "desk.People" {
        account: AccountId => ACCOUNT,
        email: String => EMAIL,
    }
}

struct People;

#[async_trait]
impl View for People {
    type Row = PersonRow;
    const HANDLES: &'static [&'static str] = &["bank.Account.Opened"];
    const DEFINITION: &'static str = "1";

    async fn handle(event: &Recorded, rows: &mut Rows<'_, PersonRow>) -> Result<(), HandlingError> {
        let Opened { email } = event.payload()?;
        rows.insert(PersonRow { account: id(event), email });
        Ok(())
    }
}

fn id(event: &Recorded) -> AccountId {
    event.stream.id().parse().unwrap()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllPeople {}

impl Query for AllPeople {
    const NAME: &'static str = "desk.People.all";
    type Row = PersonRow;
    const RESULT: QueryResult = QueryResult::Page;
    const ROUTE: &'static str = "/people/all";
    const NEEDS_TOKEN: bool = false;

    fn allow_call(&self, _: &Caller) -> bool {
        true
    }
    fn filter(&self) -> Filter {
        Filter::everything()
    }
    fn order() -> Vec<ColumnOrder> {
        vec![PersonRow::EMAIL.ascending()]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardById {
    account: AccountId,
}

const ACCOUNT: Column<AccountId> = Column::new("account");

impl Query for CardById {
    const NAME: &'static str = "bank.Card.by_id";
    type Row = CardRow;
    const RESULT: QueryResult = QueryResult::Row;
    const ROUTE: &'static str = "/accounts/{id}";
    const PATH_PARAM: Option<&'static str> = Some("account");

    fn allow_call(&self, caller: &Caller) -> bool {
        caller.has_role("clerk")
    }
    fn filter(&self) -> Filter {
        ACCOUNT.eq(&self.account)
    }
}

/// Greets a new account; and gives to a closed one, which takes nothing.
struct Greet;

impl Policy for Greet {
    const NAME: &'static str = "desk.Greet";
    const FOLLOWS: &'static [&'static str] = &["bank.Account.Opened", "bank.Account.Closed"];

    fn react(event: &Recorded) -> Result<Vec<Action>, HandlingError> {
        Ok(vec![Action::send(&id(event), &Deposit { amount: 5, note: "welcome".to_owned() })])
    }
}

pub(crate) fn bank() -> Service {
    account::service().query::<CardById>()
}

pub(crate) fn desk() -> Service {
    Service::new("desk").view::<People>().query::<AllPeople>().policy::<Greet>()
}

pub(crate) fn gateway() -> Gateway {
    Gateway::new("town")
        .roles("roles", &["clerk", "customer"])
        .identity(Identity::new("customer", "customer_id").if_role("customer"))
        .authenticate(Jwt { issuer: Setting::Env("ISSUER"), audience: Setting::Text("town") })
        .expose(Route::command("POST", "/accounts", "bank", "bank.Account.Open"))
        .expose(Route::command("POST", "/accounts/{id}/deposit", "bank", "bank.Account.Deposit"))
        .expose(Route::command("POST", "/accounts/{id}/close", "bank", "bank.Account.Close"))
        .expose(Route::query("/accounts/{id}", "bank", "bank.Card.by_id"))
        .expose(Route::query("/people/all", "desk", "desk.People.all"))
}
