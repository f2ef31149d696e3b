//! What a handler of a view sees and does: rows as they stand after all changes before, those of the same batch too.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::tables::key_filter;
use crate::log::HandlingError;
use crate::store::Store;
use crate::view::{Comparison, Filter, Row, RowChange, Select, Table, Value, ViewKey, ViewRow};

/// What a handler of a view may do: read rows of its group and change rows of its own.
pub struct Rows<'a> {
    store: &'a dyn Store,
    /// The tables of the group's views, by view.
    tables: &'a BTreeMap<&'static str, Table>,
    /// What the batch changes so far, in order.
    changes: &'a mut Vec<RowChange>,
}

impl<'a> Rows<'a> {
    /// Rows of the group's `tables`, with `changes` not written yet.
    pub(super) fn new(
        store: &'a dyn Store,
        tables: &'a BTreeMap<&'static str, Table>,
        changes: &'a mut Vec<RowChange>,
    ) -> Self {
        Self { store, tables, changes }
    }

    /// The row with that key, as it stands after all changes before.
    ///
    /// # Errors
    /// The store is away, or the view is not of this group.
    pub async fn get<R: ViewRow>(&mut self, key: &R::Key) -> Result<Option<R>, HandlingError> {
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

    /// `insert[key](…)`: adds the row, or replaces the one with its key.
    pub fn insert<R: ViewRow>(&mut self, row: R) {
        if let Ok(table) = self.table::<R>() {
            let table = table.name.clone();
            self.changes.push(RowChange::Put { table, row: row.to_row() });
        }
    }

    /// `update[key](…)`: sets columns of the row with that key; does nothing where there is none.
    pub fn update<R: ViewRow>(&mut self, key: &R::Key, set: Vec<(String, Value)>) {
        if let Ok(table) = self.table::<R>() {
            let filter = key_filter(&table.columns[..table.key], &key.to_values());
            self.update_where::<R>(filter, set);
        }
    }

    /// `upsert[key](…)`: as `update`, and where there is no row yet it adds one: `row` if the handler could give all columns.
    pub fn upsert<R: ViewRow>(&mut self, row: R, set: Vec<(String, Value)>) {
        let Ok(table) = self.table::<R>() else { return };
        let sets_all = table.columns[table.key..].iter().all(|column| set.iter().any(|(name, _)| *name == column.name));
        if sets_all {
            return self.insert(row);
        }
        let table = table.name.clone();
        self.changes.push(RowChange::Add { table, row: row.to_row() });
        self.update::<R>(&row.key(), set);
    }

    /// `update(…) where …`.
    pub fn update_where<R: ViewRow>(&mut self, filter: Filter, set: Vec<(String, Value)>) {
        if let Ok(table) = self.table::<R>()
            && !set.is_empty()
        {
            let table = table.name.clone();
            self.changes.push(RowChange::Update { table, filter, set });
        }
    }

    /// `delete[key]`.
    pub fn delete<R: ViewRow>(&mut self, key: &R::Key) {
        if let Ok(table) = self.table::<R>() {
            let filter = key_filter(&table.columns[..table.key], &key.to_values());
            self.delete_where::<R>(filter);
        }
    }

    /// `delete where …`.
    pub fn delete_where<R: ViewRow>(&mut self, filter: Filter) {
        if let Ok(table) = self.table::<R>() {
            let table = table.name.clone();
            self.changes.push(RowChange::Delete { table, filter });
        }
    }

    /// The view's table. That it is of this group is the compiler's doing: a handler changes its own view's rows, and looks up
    /// those that `LOOKS_UP` names.
    fn table<R: ViewRow>(&self) -> Result<&'a Table, HandlingError> {
        self.tables
            .get(R::VIEW)
            .ok_or_else(|| HandlingError::Poison(format!("view `{}` is not one of the group's", R::VIEW)))
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
