//! Columns of the plain types.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Serialize, de::DeserializeOwned};

use super::Duration;
use crate::view::{ColumnKind, ColumnValue, Value};

impl ColumnValue for bool {
    const KIND: ColumnKind = ColumnKind::Bool;
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(yes) => Some(*yes),
            // SQLite keeps truth values as numbers.
            Value::Int(number) => Some(*number != 0),
            _ => None,
        }
    }
}

impl ColumnValue for i64 {
    const KIND: ColumnKind = ColumnKind::Int;
    fn to_value(&self) -> Value {
        Value::Int(*self)
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(number) = value { Some(*number) } else { None }
    }
}

impl ColumnValue for String {
    const KIND: ColumnKind = ColumnKind::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

/// A decimal without a fixed scale is kept as text: equal numbers are equal texts, but their order is not that of the numbers.
impl ColumnValue for Decimal {
    const KIND: ColumnKind = ColumnKind::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.normalize().to_string())
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { text.parse().ok() } else { None }
    }
}

impl ColumnValue for Timestamp {
    const KIND: ColumnKind = ColumnKind::Timestamp;
    fn to_value(&self) -> Value {
        Value::Int(self.as_microsecond())
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(micros) = value { Timestamp::from_microsecond(*micros).ok() } else { None }
    }
}

/// Whole microseconds.
impl ColumnValue for Duration {
    const KIND: ColumnKind = ColumnKind::Int;
    fn to_value(&self) -> Value {
        Value::Int(i64::try_from(self.as_micros()).unwrap_or(i64::MAX))
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(micros) = value { Some(Duration::from_micros(*micros)) } else { None }
    }
}

impl ColumnValue for Date {
    const KIND: ColumnKind = ColumnKind::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { text.parse().ok() } else { None }
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const KIND: ColumnKind = T::KIND;
    const NULLABLE: bool = true;
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            present => T::from_value(present).map(Some),
        }
    }
}

macro_rules! json_columns {
    ($([$($generics:tt)*] $name:ty),* $(,)?) => {
        $(impl<$($generics)*> ColumnValue for $name {
            const KIND: ColumnKind = ColumnKind::Json;
            fn to_value(&self) -> Value {
                to_json(self)
            }
            fn from_value(value: &Value) -> Option<Self> {
                from_json(value)
            }
        })*
    };
}

json_columns! {
    [T: Serialize + DeserializeOwned] Vec<T>,
    [T: Serialize + DeserializeOwned + Ord] BTreeSet<T>,
    [K: Serialize + DeserializeOwned + Ord, V: Serialize + DeserializeOwned] BTreeMap<K, V>,
}

/// A value as JSON text. Generated types always have one; a value that has none is absent.
pub fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_string(value).map_or(Value::Null, Value::Text)
}

/// Back from JSON text.
pub fn from_json<T: DeserializeOwned>(value: &Value) -> Option<T> {
    if let Value::Text(text) = value { serde_json::from_str(text).ok() } else { None }
}
