//! The types of the language: what breaks a rule cannot be built, and says why; arithmetic is exact.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use minos_runtime::aggregate::AggregateId as _;
use minos_runtime::refusal::{Refusal, RefusalKind};
use minos_runtime::value::{Decimal, ExactSum as _, IntFrom, Refined as _, Text, Uuid, exact};
use minos_runtime::view::{ColumnValue as _, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(Uuid);
minos_runtime::id!(OrderId);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Money(Decimal);
minos_runtime::decimal!(Money, 12, 2, >= "0");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Share(Decimal);
minos_runtime::decimal!(Share, 3, 2, > "0", <= "1");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantity(i64);
minos_runtime::integer!(Quantity, 1, 999);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);
minos_runtime::text!(Email, 3, 254, r"[^@ ]+@[^@ ]+");

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbers(Vec<i64>);
minos_runtime::list!(Numbers, i64, 1, 3, self);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Placed,
    Shipped,
}
minos_runtime::choice!(Status { Placed = "placed", Shipped = "shipped" });

#[test]
fn money_has_two_digits_on_the_wire_and_is_a_scaled_number_in_a_column() {
    let money: Money = "10".parse().unwrap();
    assert_eq!(serde_json::to_string(&money).unwrap(), "\"10.00\"");
    assert_eq!(money.to_value(), Value::Int(1000));
    assert_eq!(Money::from_value(&Value::Int(1000)), Some(money));
}

#[test]
fn what_breaks_a_rule_cannot_be_built_and_says_why() {
    let message = |error: minos_runtime::value::Invalid| error.to_string();
    assert!("0".parse::<Share>().is_err() && "1".parse::<Share>().is_ok() && "1.01".parse::<Share>().is_err());
    assert_eq!("-1".parse::<Money>().map_err(message), Err("is -1, and must be at least 0".into()));
    assert_eq!(
        "1.005".parse::<Money>().map_err(message),
        Err("is 1.005, and may have at most 2 digits after the point".into())
    );
    assert_eq!(
        "99999999999".parse::<Money>().map_err(message),
        Err("is 99999999999, and may have at most 12 digits".into())
    );
    assert_eq!(Quantity::new(0).map_err(message), Err("is 0, and must be at least 1".into()));
    assert_eq!("a b".parse::<Email>().map_err(message), Err("is `a b`, which does not match `[^@ ]+@[^@ ]+`".into()));
    assert!(
        "ada@example.com\n".parse::<Email>().is_ok(),
        "the pattern allows a line break, and must match the whole text"
    );
    assert_eq!(
        Text::<1, 2>::new("äöü".into()).map_err(message),
        Err("has 3 characters, and may have at most 2".into())
    );
    assert!(IntFrom::<0>::new(-1).is_err());
    assert_eq!(
        Numbers::new(vec![1, 1]).map_err(message),
        Err("holds two elements that are the same (the second is number 2)".into())
    );
    assert!(serde_json::from_str::<Quantity>("1000").is_err());
    assert!("placed ".parse::<Status>().is_err());
}

#[test]
fn an_id_has_one_text() {
    let id = OrderId::from_uuid(Uuid::from_u128(7));
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!(id.uuid().simple().to_string().parse::<OrderId>().is_err());
}

#[test]
fn arithmetic_refuses_what_does_not_fit() {
    let out_of_range = |result: Result<i64, Refusal>| {
        let refusal = result.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::OutOfRange);
        refusal.message
    };
    assert_eq!(out_of_range((exact(i64::MAX) + 1_i64).value()), "a result is too large");
    assert_eq!(out_of_range((exact(i64::MIN) / -1_i64).value()), "a result is too large");
    assert_eq!(out_of_range((exact(1_i64) / 0_i64).value()), "a division by zero");
    assert_eq!(out_of_range((-exact(i64::MIN)).value()), "a result is too large");
    assert_eq!(out_of_range([i64::MAX, 1].into_iter().exact_sum().value()), "a result is too large");
    let first = (exact(1_i64) / 0_i64) + (exact(i64::MAX) + 1_i64);
    assert_eq!(out_of_range(first.value()), "a division by zero", "the first refusal is the result's");
}

#[test]
fn arithmetic_on_types_with_a_rule_reads_as_in_the_spec() {
    let (price, quantity) = ("2.50".parse::<Money>().unwrap(), Quantity::new(3).unwrap());
    assert_eq!((price * quantity).value(), Ok(Decimal::new(750, 2)));
    assert_eq!((quantity * price).refined::<Money>(), "7.50".parse::<Money>().map_err(Refusal::from));
    assert_eq!((quantity - 1_i64).value(), Ok(2));
    assert_eq!((quantity / 2_i64).value(), Ok(1), "whole numbers divide towards zero");
    assert_eq!((exact(Decimal::ONE) - price * quantity + 10_i64).value(), Ok(Decimal::new(350, 2)));
    let below = (price - quantity).refined::<Money>().unwrap_err();
    assert_eq!(
        (below.kind, below.message.as_str()),
        (RefusalKind::OutOfRange, "a result is -0.50, and must be at least 0")
    );
    let lines = [(price, quantity), (price, quantity)];
    assert_eq!(lines.iter().map(|(price, quantity)| *price * quantity).exact_sum().value(), Ok(Decimal::from(15)));
    assert_eq!([quantity, quantity].iter().exact_sum().value(), Ok(6));
    assert_eq!(Vec::<Quantity>::new().iter().exact_sum().value(), Ok(0));
    let refused: Result<i64, Refusal> = Err(Refusal::undefined("key", "k"));
    assert!((quantity + refused).value().is_err(), "what was refused before stays so");
}
