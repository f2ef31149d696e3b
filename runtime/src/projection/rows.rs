//! What a handler of a view sees and does: rows as they stand after all changes before, those of the same batch too.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::tables::key_filter;
use crate::log::HandlingError;
use crate::store::Store;
use crate::view::{Comparison, Filter, Row, RowChange, Select, Table, Value, ViewKey, ViewRow};

/// The rows of a group of views, as they stand after all changes before.
pub struct GroupRows<'a> {
    store: &'a dyn Store,
    /// The tables of the group's views, by view.
    tables: &'a BTreeMap<&'static str, Table>,
    /// What the batch changes so far, in order.
    changes: &'a mut Vec<RowChange>,
}

/// What a handler of a view whose rows are `R` may do: change them, and read those of its group.
pub struct Rows<'a, R> {
    group: GroupRows<'a>,
    own: PhantomData<fn(R)>,
}

impl<'a> GroupRows<'a> {
    /// Rows of the group's `tables`, with `changes` not written yet.
    pub(super) fn new(
        store: &'a dyn Store,
        tables: &'a BTreeMap<&'static str, Table>,
        changes: &'a mut Vec<RowChange>,
    ) -> Self {
        Self { store, tables, changes }
    }

    /// Those of the view whose rows are `R`, to be changed.
    pub(super) fn of<R: ViewRow>(&mut self) -> Rows<'_, R> {
        let group = GroupRows { store: self.store, tables: self.tables, changes: self.changes };
        Rows { group, own: PhantomData }
    }

    async fn get<R: ViewRow>(&self, key: &R::Key) -> Result<Option<R>, HandlingError> {
        let table = self.table::<R>()?;
        let key = key.to_values();
        let mut since = 0;
        let mut row = None;
        for (place, change) in self.changes.iter().enumerate().rev() {
            if let RowChange::Put { table: name, row: put } = change
                && *name == table.name
                && put[..table.key] == key[..]
            {
                (row, since) = (Some(put.clone()), place + 1);
                break;
            }
        }
        if since == 0 {
            row = self.stored(table, &key).await?;
        }
        for change in &self.changes[since..] {
            change_row(&mut row, change, table, &key);
        }
        match row {
            None => Ok(None),
            Some(row) => R::from_row(&row)
                .map(Some)
                .ok_or_else(|| HandlingError::Poison(format!("a row of view `{}` does not fit its columns", R::VIEW))),
        }
    }

    async fn stored(&self, table: &Table, key: &[Value]) -> Result<Option<Row>, HandlingError> {
        let filter = key_filter(&table.columns[..table.key], key);
        let select = Select { table: table.name.clone(), filter, order: Vec::new(), after: None, limit: 1 };
        Ok(self.store.select(&select).await?.pop())
    }

    /// The view's table. That it is of this group is the compiler's doing: a handler looks up what `LOOKS_UP` names.
    fn table<R: ViewRow>(&self) -> Result<&'a Table, HandlingError> {
        self.tables
            .get(R::VIEW)
            .ok_or_else(|| HandlingError::Poison(format!("view `{}` is not one of the group's", R::VIEW)))
    }
}

impl<R: ViewRow> Rows<'_, R> {
    /// The row of a view of the group with that key, as it stands after all changes before.
    ///
    /// # Errors
    /// The store is away, or the view is not of this group.
    pub async fn get<Q: ViewRow>(&self, key: &Q::Key) -> Result<Option<Q>, HandlingError> {
        self.group.get(key).await
    }

    /// `insert[key](…)`: adds the row, or replaces the one with its key.
    pub fn insert(&mut self, row: R) {
        self.push(|table| RowChange::Put { table: table.name.clone(), row: row.to_row() });
    }

    /// `update[key](…)`: sets columns of the row with that key; does nothing where there is none.
    pub fn update(&mut self, key: &R::Key, set: Vec<(String, Value)>) {
        if let Some(filter) = self.key_filter(key) {
            self.update_where(filter, set);
        }
    }

    /// `upsert[key](…)`: adds the row; where there is one with its key, sets that one's `columns` to the values here, and leaves its others.
    pub fn upsert(&mut self, row: R, columns: &[&str]) {
        let Ok(table) = self.group.table::<R>() else { return };
        if table.columns[table.key..].iter().all(|column| columns.contains(&column.name.as_str())) {
            return self.insert(row);
        }
        let (key, values) = (row.key(), row.to_row());
        let named = table.columns.iter().zip(&values).filter(|(column, _)| columns.contains(&column.name.as_str()));
        let set = named.map(|(column, value)| (column.name.clone(), value.clone())).collect();
        self.push(|table| RowChange::Add { table: table.name.clone(), row: values });
        self.update(&key, set);
    }

    /// `update(…) where …`.
    pub fn update_where(&mut self, filter: Filter, set: Vec<(String, Value)>) {
        if !set.is_empty() {
            self.push(|table| RowChange::Update { table: table.name.clone(), filter, set });
        }
    }

    /// `delete[key]`.
    pub fn delete(&mut self, key: &R::Key) {
        if let Some(filter) = self.key_filter(key) {
            self.delete_where(filter);
        }
    }

    /// `delete where …`.
    pub fn delete_where(&mut self, filter: Filter) {
        self.push(|table| RowChange::Delete { table: table.name.clone(), filter });
    }

    fn key_filter(&self, key: &R::Key) -> Option<Filter> {
        let table = self.group.table::<R>().ok()?;
        Some(key_filter(&table.columns[..table.key], &key.to_values()))
    }

    /// A view's own table is always one of its group's.
    fn push(&mut self, change: impl FnOnce(&Table) -> RowChange) {
        if let Ok(table) = self.group.table::<R>() {
            self.group.changes.push(change(table));
        }
    }
}

/// Does to the row with `key` what `change` does to it.
fn change_row(row: &mut Option<Row>, change: &RowChange, table: &Table, key: &[Value]) {
    match change {
        RowChange::Put { table: name, row: put } => {
            if *name == table.name && put[..table.key] == *key {
                *row = Some(put.clone());
            }
        }
        RowChange::Add { table: name, row: added } => {
            if *name == table.name && added[..table.key] == *key && row.is_none() {
                *row = Some(added.clone());
            }
        }
        RowChange::Update { table: name, filter, set } => {
            if let Some(row) = row
                && *name == table.name
                && holds(filter, row, table)
            {
                for (column, value) in set {
                    if let Some(at) = place(table, column) {
                        row[at] = value.clone();
                    }
                }
            }
        }
        RowChange::Delete { table: name, filter } => {
            if *name == table.name && row.as_ref().is_some_and(|row| holds(filter, row, table)) {
                *row = None;
            }
        }
    }
}

/// Whether a condition holds for a row: what the database would say.
fn holds(filter: &Filter, row: &Row, table: &Table) -> bool {
    let value = |column: &str| place(table, column).and_then(|at| row.get(at)).unwrap_or(&Value::Null);
    match filter {
        Filter::All(parts) => parts.iter().all(|part| holds(part, row, table)),
        Filter::Any(parts) => parts.iter().any(|part| holds(part, row, table)),
        Filter::Not(part) => !holds(part, row, table),
        Filter::Compare(column, comparison, with) => compare(value(column), *comparison, with),
        Filter::CompareColumns(left, comparison, right) => compare(value(left), *comparison, value(right)),
        Filter::In(column, values) => values.contains(value(column)),
    }
}

/// Absent equals absent alone, and is never less or greater.
pub(super) fn compare(left: &Value, comparison: Comparison, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn place(table: &Table, column: &str) -> Option<usize> {
    table.columns.iter().position(|other| other.name == column)
}

#[cfg(all(test, feature = "embedded"))]
mod tests;
