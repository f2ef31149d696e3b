//! Which table answers for a view now, and reading it by the view's columns of today.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, Comparison, Filter, Row, Select, Table, Value, ViewKey, ViewRow};

/// Where each view's rows are now: the table changes when a rebuilt view takes over.
#[derive(Debug, Default)]
pub struct ViewTables {
    current: RwLock<BTreeMap<String, Serving>>,
}

/// The table that answers for a view.
#[derive(Clone, Debug)]
struct Serving {
    table: Arc<Table>,
    standing: Standing,
}

/// What a table that answers holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// All there is.
    Complete,
    /// What the view held under its former definition, as it stood; another one is being filled.
    Former,
    /// Some of what there is: it is the view's first one, and being filled.
    Partial,
}

/// Rows found.
#[derive(Clone, Debug)]
pub struct Found<R> {
    /// The rows, in order.
    pub rows: Vec<R>,
    /// The values of the last row's order columns and key, to go on after it.
    pub last: Option<Vec<Value>>,
    /// Whether the view is being rebuilt, so that the rows are those of some time ago, or not all.
    pub rebuilding: bool,
}

impl ViewTables {
    /// The table of a view (`orders.OrderList`), once it is known.
    pub fn table(&self, view: &str) -> Option<String> {
        self.serving(view).map(|serving| serving.table.name.clone())
    }

    /// Whether the view is being rebuilt: what it answers is not up to date.
    pub fn is_rebuilding(&self, view: &str) -> bool {
        self.serving(view).is_some_and(|serving| serving.standing != Standing::Complete)
    }

    /// Each view with its table, and whether it is being rebuilt.
    pub(super) fn all(&self) -> Vec<(String, String, bool)> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let of_view = |(view, serving): (&String, &Serving)| {
            (view.clone(), serving.table.name.clone(), serving.standing != Standing::Complete)
        };
        current.iter().map(of_view).collect()
    }

    /// Lets `table` answer for `view` from now on.
    pub(super) fn swap(&self, view: &str, table: Table, standing: Standing) {
        let serving = Serving { table: Arc::new(table), standing };
        self.current.write().unwrap_or_else(PoisonError::into_inner).insert(view.to_owned(), serving);
    }

    /// The rows with those keys, in the order of the keys, one a key.
    ///
    /// # Errors
    /// Also where the view is being filled for the first time: that a row is not there yet says nothing, and a command must
    /// not be refused for it.
    pub async fn rows<R: ViewRow>(&self, store: &dyn Store, keys: &[R::Key]) -> Result<Vec<Option<R>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if self.serving(R::VIEW).is_some_and(|serving| serving.standing == Standing::Partial) {
            return Err(StoreError::Unavailable(format!("view `{}` is being filled for the first time", R::VIEW)));
        }
        let columns = R::columns();
        let values: Vec<Vec<Value>> = keys.iter().map(ViewKey::to_values).collect();
        let filter = keys_filter(&columns[..R::KEY], &values);
        let found = self.select::<R>(store, filter, Vec::new(), None, keys.len()).await?;
        let of_key = |key: &Vec<Value>| found.rows.iter().find(|row| row.key().to_values() == *key).cloned();
        Ok(values.iter().map(of_key).collect())
    }

    /// Rows by a condition, in an order, after a place.
    ///
    /// # Errors
    /// Also where the view is being rebuilt and the old rows lack a column that cannot be absent.
    pub async fn select<R: ViewRow>(
        &self,
        store: &dyn Store,
        filter: Filter,
        order: Vec<(String, bool)>,
        after: Option<Vec<Value>>,
        limit: usize,
    ) -> Result<Found<R>, StoreError> {
        let unknown = || StoreError::Unavailable(format!("view `{}` is not there yet", R::VIEW));
        let serving = self.serving(R::VIEW).ok_or_else(unknown)?;
        let columns = R::columns();
        let shape = Shape::of(&columns, &serving.table.columns);
        let lost =
            |column: &str| StoreError::Unavailable(format!("view `{}` is being rebuilt to have `{column}`", R::VIEW));
        if let Some(column) = columns.iter().zip(&shape.places).find(|(column, at)| at.is_none() && !column.nullable) {
            return Err(lost(&column.0.name));
        }
        if let Some((column, _)) = order.iter().find(|(column, _)| shape.is_lost(column)) {
            return Err(lost(column));
        }
        let table = serving.table.name.clone();
        let select = Select { table, filter: shape.without_lost(filter), order, after, limit };
        let found = store.select(&select).await?;
        let rows: Vec<Row> = found.into_iter().map(|row| shape.fit(row)).collect();
        let last = rows.last().map(|row| place_of(row, &columns, R::KEY, &select.order));
        let read = |row: &Row| {
            R::from_row(row).ok_or_else(|| StoreError::Corrupt(format!("a row of view `{}` does not fit", R::VIEW)))
        };
        let rows = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Found { rows, last, rebuilding: serving.standing != Standing::Complete })
    }

    fn serving(&self, view: &str) -> Option<Serving> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).get(view).cloned()
    }
}

/// The rows with one of those keys.
fn keys_filter(columns: &[ColumnDef], keys: &[Vec<Value>]) -> Filter {
    if let [column] = columns {
        return Filter::In(column.name.clone(), keys.iter().flatten().cloned().collect());
    }
    Filter::Any(keys.iter().map(|key| key_filter(columns, key)).collect())
}

/// The row with that key.
pub(super) fn key_filter(columns: &[ColumnDef], key: &[Value]) -> Filter {
    let compare =
        |(column, value): (&ColumnDef, &Value)| Filter::Compare(column.name.clone(), Comparison::Eq, value.clone());
    let mut parts: Vec<Filter> = columns.iter().zip(key).map(compare).collect();
    if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) }
}

/// The values of the order's columns and the key: the place of a row in the order.
fn place_of(row: &Row, columns: &[ColumnDef], key: usize, order: &[(String, bool)]) -> Vec<Value> {
    let of_order = order.iter().filter_map(|(name, _)| columns.iter().position(|column| column.name == *name));
    of_order.chain(0..key).map(|at| row[at].clone()).collect()
}

/// How the columns of today lie in the table that answers, which may be of an older definition.
struct Shape {
    /// Where each column of today is there.
    places: Vec<Option<usize>>,
    /// The columns of today that it does not have.
    lost: Vec<String>,
    /// Whether both have the same columns.
    same: bool,
}

impl Shape {
    fn of(today: &[ColumnDef], there: &[ColumnDef]) -> Self {
        let place =
            |column: &ColumnDef| there.iter().position(|other| other.name == column.name && other.kind == column.kind);
        let places: Vec<Option<usize>> = today.iter().map(place).collect();
        let lost = today.iter().zip(&places).filter(|(_, at)| at.is_none()).map(|(column, _)| column.name.clone());
        let same = today.len() == there.len() && places.iter().enumerate().all(|(at, place)| *place == Some(at));
        Self { lost: lost.collect(), places, same }
    }

    fn is_lost(&self, column: &str) -> bool {
        self.lost.iter().any(|lost| lost == column)
    }

    fn fit(&self, row: Row) -> Row {
        if self.same {
            return row;
        }
        self.places.iter().map(|place| place.and_then(|at| row.get(at).cloned()).unwrap_or(Value::Null)).collect()
    }

    /// The condition with the columns that are not there taken as absent.
    fn without_lost(&self, filter: Filter) -> Filter {
        if self.lost.is_empty() {
            return filter;
        }
        let holds = |yes| if yes { Filter::All(Vec::new()) } else { Filter::Any(Vec::new()) };
        let all = |parts: Vec<Filter>| parts.into_iter().map(|part| self.without_lost(part)).collect();
        match filter {
            Filter::All(parts) => Filter::All(all(parts)),
            Filter::Any(parts) => Filter::Any(all(parts)),
            Filter::Not(part) => Filter::Not(Box::new(self.without_lost(*part))),
            Filter::Compare(column, comparison, value) if self.is_lost(&column) => {
                holds(super::rows::compare(&Value::Null, comparison, &value))
            }
            Filter::In(column, values) if self.is_lost(&column) => holds(values.contains(&Value::Null)),
            Filter::CompareColumns(left, comparison, right) => match (self.is_lost(&left), self.is_lost(&right)) {
                (false, false) => Filter::CompareColumns(left, comparison, right),
                (true, true) => holds(super::rows::compare(&Value::Null, comparison, &Value::Null)),
                (true, false) => Filter::Compare(right, comparison.flipped(), Value::Null),
                (false, true) => Filter::Compare(left, comparison, Value::Null),
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ColumnKind;

    fn column(name: &str, nullable: bool) -> ColumnDef {
        ColumnDef { name: name.to_owned(), kind: ColumnKind::Int, nullable, indexed: false }
    }

    #[test]
    fn rows_of_an_older_table_fit_the_columns_of_today() {
        let today = [column("id", false), column("new", true), column("b", false)];
        let there = [column("id", false), column("gone", false), column("b", false)];
        let shape = Shape::of(&today, &there);
        let row = shape.fit(vec![Value::Int(1), Value::Int(2), Value::Int(3)]);
        assert_eq!(row, [Value::Int(1), Value::Null, Value::Int(3)]);
        let filter = Filter::Compare("new".to_owned(), Comparison::Eq, Value::Int(5));
        assert_eq!(shape.without_lost(filter), Filter::Any(Vec::new()));
        let filter = Filter::Compare("new".to_owned(), Comparison::Eq, Value::Null);
        assert_eq!(shape.without_lost(filter), Filter::everything());
    }

    #[test]
    fn a_place_is_the_order_then_the_key() {
        let columns = [column("id", false), column("a", false), column("b", false)];
        let row = vec![Value::Int(1), Value::Int(2), Value::Int(3)];
        let place = place_of(&row, &columns, 1, &[("b".to_owned(), true)]);
        assert_eq!(place, [Value::Int(3), Value::Int(1)]);
    }
}
