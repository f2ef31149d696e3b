//! Views: typed rows kept up from events, and the queries that read them.
//!
//! Generated code describes a view as data ([`Table`], [`Column`]) and implements [`View`]; the engine turns changes into
//! SQL, keeps rows and position in one commit, and rebuilds a view whose definition changed.

use std::marker::PhantomData;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::caller::Caller;
use crate::event::Recorded;
use crate::log::HandlingError;
use crate::projection::Rows;
use crate::refusal::Refusal;

/// A value in a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Absent.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number; a decimal scaled by its column's scale; a timestamp in microseconds since 1970 (UTC).
    Int(i64),
    /// Text; an id or enum as its text; a value, list or map as JSON.
    Text(String),
}

/// How a column's [`Value`] is to be understood and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// A decimal with that many digits after the point, scaled to a whole number of at most 18 digits.
    Decimal(u32),
    /// A moment in UTC, microseconds.
    Timestamp,
    /// Text.
    Text,
    /// JSON.
    Json,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnDef {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: ColumnKind,
    /// Whether absence is allowed.
    pub nullable: bool,
    /// Whether an index serves conditions on it.
    pub indexed: bool,
}

/// A table of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its name in the database.
    pub name: String,
    /// Its columns, in order. The first [`Table::key`] of them are the key.
    pub columns: Vec<ColumnDef>,
    /// How many of the first columns are the key; at least 1.
    pub key: usize,
}

/// A row: a value a column, in the table's order.
pub type Row = Vec<Value>;

/// A change of rows, applied in the order given. A change of a row that does not exist does nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    /// A row is added; one with its key already there is replaced (an event handled again makes the same row).
    Put {
        /// The table's name.
        table: String,
        /// The whole row.
        row: Row,
    },
    /// A row is added, unless there is one with its key.
    Add {
        /// The table's name.
        table: String,
        /// The whole row.
        row: Row,
    },
    /// Columns of rows are set.
    Update {
        /// The table's name.
        table: String,
        /// Of which rows.
        filter: Filter,
        /// Column and value.
        set: Vec<(String, Value)>,
    },
    /// Rows are removed.
    Delete {
        /// The table's name.
        table: String,
        /// Which ones.
        filter: Filter,
    },
}

/// A condition on rows. Becomes parameterised SQL; absent values equal only themselves.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every one.
    All(Vec<Filter>),
    /// At least one; none of none.
    Any(Vec<Filter>),
    /// Not so.
    Not(Box<Filter>),
    /// A column compared with a value. `Null` on either side is unequal to all but itself and never less or greater.
    Compare(String, Comparison, Value),
    /// A column compared with another of the same row.
    CompareColumns(String, Comparison, String),
    /// A column among values.
    In(String, Vec<Value>),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Unequal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

impl Comparison {
    /// The same with its sides exchanged.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Eq => Self::Eq,
            Self::Ne => Self::Ne,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }
}

/// A column to order by, and whether descending.
pub type ColumnOrder = (String, bool);

/// Rows by a condition, in an order, after a place, at most so many.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// The table's name.
    pub table: String,
    /// Which rows.
    pub filter: Filter,
    /// Columns to order by; the key follows, so that the order is total.
    pub order: Vec<ColumnOrder>,
    /// The values of the order's columns and of the key in the last row already seen (keyset paging).
    pub after: Option<Vec<Value>>,
    /// At most so many rows.
    pub limit: usize,
}

/// A column by its type: `STATUS.eq(&status)`, `STATUS.set(&status)`.
#[derive(Debug)]
pub struct Column<T> {
    /// Its name.
    pub name: &'static str,
    /// Whether an index serves conditions on it.
    pub indexed: bool,
    marker: PhantomData<fn(T)>,
}

impl<T: ColumnValue> Column<T> {
    /// The column of that name; of a field's, which may be a raw identifier (`r#type`).
    pub const fn new(field: &'static str) -> Self {
        let name = match field.as_bytes() {
            [b'r', b'#', ..] => field.split_at(2).1,
            _ => field,
        };
        Self { name, indexed: false, marker: PhantomData }
    }

    /// The same with an index.
    #[must_use]
    pub const fn indexed(self) -> Self {
        Self { name: self.name, indexed: true, marker: PhantomData }
    }

    /// As data.
    pub fn definition(&self) -> ColumnDef {
        ColumnDef { name: self.name.to_owned(), kind: T::KIND, nullable: T::NULLABLE, indexed: self.indexed }
    }

    /// Rows where it compares so with another column of the same row.
    pub fn is_as(&self, comparison: Comparison, other: &Column<T>) -> Filter {
        Filter::CompareColumns(self.name.to_owned(), comparison, other.name.to_owned())
    }

    /// To order by it, the smallest first.
    pub fn ascending(&self) -> ColumnOrder {
        (self.name.to_owned(), false)
    }

    /// To order by it, the largest first.
    pub fn descending(&self) -> ColumnOrder {
        (self.name.to_owned(), true)
    }

    /// A new value of it.
    pub fn set(&self, value: &T) -> (String, Value) {
        (self.name.to_owned(), value.to_value())
    }

    /// Rows where it compares so.
    pub fn is(&self, comparison: Comparison, value: &T) -> Filter {
        Filter::Compare(self.name.to_owned(), comparison, value.to_value())
    }

    /// Rows where it equals `value`.
    pub fn eq(&self, value: &T) -> Filter {
        self.is(Comparison::Eq, value)
    }

    /// Rows where it is one of `values`.
    pub fn among<'a>(&self, values: impl IntoIterator<Item = &'a T>) -> Filter
    where
        T: 'a,
    {
        Filter::In(self.name.to_owned(), values.into_iter().map(ColumnValue::to_value).collect())
    }
}

/// A type that stands in a column. Implemented by the types of [`crate::value`] and by generated ones.
pub trait ColumnValue: Sized {
    /// The kind of its column.
    const KIND: ColumnKind;
    /// Whether absence is one of its values.
    const NULLABLE: bool = false;
    /// As a column's value.
    fn to_value(&self) -> Value;
    /// Back from a column's value; `None` where it is not one of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

/// A row's type: generated, one struct a view.
pub trait ViewRow: Sized + Clone + Send + Sync + Serialize + 'static {
    /// The key: one column's type, or a tuple.
    type Key: ViewKey;
    /// The view's name: `orders.OrderList`.
    const VIEW: &'static str;
    /// The columns, in order, key first, as data.
    fn columns() -> Vec<ColumnDef>;
    /// How many of the columns are the key.
    const KEY: usize = 1;
    /// The row's key.
    fn key(&self) -> Self::Key;
    /// The values, in the order of the columns.
    fn to_row(&self) -> Row;
    /// Back from the values.
    fn from_row(row: &[Value]) -> Option<Self>;
}

/// The key of a row.
pub trait ViewKey: Clone + Send + Sync {
    /// Its values, in the order of the key's columns.
    fn to_values(&self) -> Vec<Value>;
}

impl<T: ColumnValue + Clone + Send + Sync> ViewKey for T {
    fn to_values(&self) -> Vec<Value> {
        vec![self.to_value()]
    }
}

/// A view kept up from events of this service or of others.
#[async_trait]
pub trait View: Send + Sync + 'static {
    /// Its rows.
    type Row: ViewRow;
    /// The event types that it handles (wire names), own and foreign; others of these aggregates it ignores on purpose.
    const HANDLES: &'static [&'static str];
    /// The views (`orders.Names`) that its handlers look up: they move together with it.
    const LOOKS_UP: &'static [&'static str] = &[];
    /// A hash of what the view means: its columns and its handlers. It names the table: under another one the view is rebuilt, beside the
    /// old, which answers until the new one has caught up.
    const DEFINITION: &'static str;

    /// Applies one event. Called for handled types only, in the order of each stream.
    async fn handle(event: &Recorded, rows: &mut Rows<'_, Self::Row>) -> Result<(), HandlingError>;
}

/// A row kept from an aggregate's own state, in the aggregate's commit.
pub trait KeptView: Send + Sync + 'static {
    /// The aggregate.
    type Aggregate: Aggregate;
    /// Its rows; the key is the aggregate's id.
    type Row: ViewRow;
    /// As [`View::DEFINITION`].
    const DEFINITION: &'static str;
    /// The row of that state. A column that cannot be computed is absent.
    fn row(id: &<Self::Aggregate as Aggregate>::Id, state: &Self::Aggregate) -> Self::Row;
}

/// A query: parameters in, rows out. Generated, one struct of parameters a query.
pub trait Query: serde::de::DeserializeOwned + Send + Sync + 'static {
    /// The wire name: `orders.OrderList.of_customer`.
    const NAME: &'static str;
    /// The rows it reads.
    type Row: ViewRow;
    /// One row, the rows found of a list of keys, or pages.
    const RESULT: QueryResult;
    /// Path below the service: `/orders/of_customer`; `{id}` takes the parameter `KEY_PARAM`.
    const ROUTE: &'static str;
    /// The parameter that `{id}` in the route stands for.
    const PATH_PARAM: Option<&'static str> = None;
    /// Nobody without a token may call it: then that is said before anything else.
    const NEEDS_TOKEN: bool = true;
    /// May this caller call it with these parameters? Where `allow` reads the row: whether any row could be allowed.
    fn allow_call(&self, caller: &Caller) -> bool;
    /// May this caller see this row? Hidden rows are not found.
    fn allow_row(&self, caller: &Caller, row: &Self::Row) -> bool {
        let _ = row;
        self.allow_call(caller)
    }
    /// Which rows.
    fn filter(&self) -> Filter;
    /// In which order.
    fn order() -> Vec<ColumnOrder> {
        Vec::new()
    }
}

/// What a query gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryResult {
    /// One row, or 404.
    Row,
    /// The rows found, in no promised order, all at once (`by_ids`).
    Rows,
    /// Pages: `{"items": […], "next": "…"}`; `limit` (at most 200, 50 by default) and `after` are parameters of all.
    Page,
}

impl Filter {
    /// Every row.
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            first => Self::All(vec![first, other]),
        }
    }

    /// At least one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut any) => {
                any.push(other);
                Self::Any(any)
            }
            first => Self::Any(vec![first, other]),
        }
    }

    /// Not so.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// `condition if given`: the condition on a parameter, every row where it is absent.
    pub fn if_given<T>(parameter: Option<T>, condition: impl FnOnce(T) -> Self) -> Self {
        parameter.map_or_else(Self::everything, condition)
    }
}

/// Declares a view's row, key first: each field with its type and the name of its column's constant, and `indexed` where an index serves
/// conditions on it.
///
/// ```ignore
/// row! {
///     /// A row of `orders.Names`.
///     pub struct NamesRow of "orders.Names" {
///         customer: CustomerId => CUSTOMER,
///         name: String => NAME indexed,
///     }
/// }
/// ```
#[macro_export]
macro_rules! row {
    (
        $(#[$docs:meta])*
        $vis:vis struct $row:ident of $view:literal {
            $(#[$key_docs:meta])* $key:ident: $key_ty:ty => $key_column:ident
            $(, $(#[$field_docs:meta])* $field:ident: $ty:ty => $column:ident $($indexed:ident)?)*
            $(,)?
        }
    ) => {
        $(#[$docs])*
        #[derive(Clone, Debug, PartialEq, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "minos_runtime::serde")]
        $vis struct $row {
            $(#[$key_docs])*
            $vis $key: $key_ty,
            $($(#[$field_docs])* $vis $field: $ty,)*
        }

        // A service need not name each of its columns.
        #[allow(dead_code)]
        impl $row {
            #[doc = concat!("The column of [`", stringify!($row), "::", stringify!($key), "`]: the key.")]
            $vis const $key_column: $crate::view::Column<$key_ty> = $crate::view::Column::new(stringify!($key));
            $(
                #[doc = concat!("The column of [`", stringify!($row), "::", stringify!($field), "`].")]
                $vis const $column: $crate::view::Column<$ty> =
                    $crate::view::Column::new(stringify!($field))$(.$indexed())?;
            )*
        }

        impl $crate::view::ViewRow for $row {
            type Key = $key_ty;
            const VIEW: &'static str = $view;

            fn columns() -> Vec<$crate::view::ColumnDef> {
                vec![Self::$key_column.definition() $(, Self::$column.definition())*]
            }

            // A key may be `Copy` or not: one macro serves all.
            #[allow(clippy::clone_on_copy)]
            fn key(&self) -> $key_ty {
                self.$key.clone()
            }

            fn to_row(&self) -> $crate::view::Row {
                use $crate::view::ColumnValue as _;
                vec![self.$key.to_value() $(, self.$field.to_value())*]
            }

            fn from_row(row: &[$crate::view::Value]) -> Option<Self> {
                let [$key $(, $field)*] = row else { return None };
                Some(Self {
                    $key: $crate::view::ColumnValue::from_value($key)?,
                    $($field: $crate::view::ColumnValue::from_value($field)?,)*
                })
            }
        }
    };
}

/// A column that could not be computed is absent, and reported.
pub fn computed<T>(column: &'static str, result: Result<T, Refusal>) -> Option<T> {
    result.inspect_err(|refusal| tracing::warn!(column, %refusal, "a column cannot be computed")).ok()
}

/// Rows where a column compares so with a value that need not be of exactly its type.
pub fn compare<T: ColumnValue>(column: &Column<T>, comparison: Comparison, value: &impl ColumnValue) -> Filter {
    Filter::Compare(column.name.to_owned(), comparison, value.to_value())
}

/// Every row, or none.
pub fn whether(holds: bool) -> Filter {
    if holds { Filter::everything() } else { Filter::Any(Vec::new()) }
}
