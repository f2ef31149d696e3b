//! The types of the language: what breaks a rule cannot be built, and says why; arithmetic is exact.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use minos_runtime::aggregate::AggregateId as _;
use minos_runtime::refusal::RefusalKind;
use minos_runtime::value::{Decimal, IntFrom, Refined as _, Text, Uuid, number};
use minos_runtime::view::{ColumnValue as _, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(Uuid);
minos_runtime::id!(OrderId);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Money(Decimal);
minos_runtime::decimal!(Money, 12, 2, Some(("0", true)), None);

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
    assert_eq!(number::add(i64::MAX, 1).unwrap_err().kind, RefusalKind::OutOfRange);
    assert_eq!(number::divide(Decimal::ONE, Decimal::ZERO).unwrap_err().kind, RefusalKind::OutOfRange);
    assert_eq!(number::remainder(i64::MIN, -1).unwrap_err().kind, RefusalKind::OutOfRange);
    assert_eq!(number::sum([1_i64, 2, 3]), Ok(6));
    assert_eq!(number::multiply(Decimal::new(1, 1), Decimal::from(3)), Ok(Decimal::new(3, 1)));
}
