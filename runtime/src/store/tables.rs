//! The tables of rows that a store holds: known by definition, so that changes and conditions are checked before SQL sees
//! them, and values are read back by their kind.

use std::collections::BTreeMap;

use crate::view::{ColumnDef, ColumnKind, Filter, Row, RowChange, Select, Table, Value};

/// Tables by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables(BTreeMap<String, Table>);

impl Tables {
    /// Takes a table in.
    pub(crate) fn add(&mut self, table: Table) {
        self.0.insert(table.name.clone(), table);
    }

    /// Forgets a table.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The table of that name.
    pub(crate) fn get(&self, name: &str) -> Result<&Table, String> {
        self.0.get(name).ok_or_else(|| format!("there is no table `{name}`"))
    }

    /// Whether a change fits its table; else why not.
    pub(crate) fn check(&self, change: &RowChange) -> Result<(), String> {
        match change {
            RowChange::Put { table, row } | RowChange::Add { table, row } => check_row(self.get(table)?, row),
            RowChange::Update { table, filter, set } => {
                let table = self.get(table)?;
                for (column, value) in set {
                    check_value(table, column_of(table, column)?, value)?;
                }
                if set.is_empty() {
                    return Err(format!("an update of `{}` sets no column", table.name));
                }
                check_filter(table, filter)
            }
            RowChange::Delete { table, filter } => check_filter(self.get(table)?, filter),
        }
    }

    /// Whether a question fits its table; else why not.
    pub(crate) fn check_select(&self, select: &Select) -> Result<&Table, String> {
        let table = self.get(&select.table)?;
        check_filter(table, &select.filter)?;
        for (column, _) in &select.order {
            column_of(table, column)?;
        }
        let expected = select.order.len() + table.key;
        match &select.after {
            Some(after) if after.len() != expected => {
                Err(format!("a place in `{}` in this order has {expected} values, not {}", table.name, after.len()))
            }
            _ => Ok(table),
        }
    }
}

/// Whether a table can be made; else why not.
pub(crate) fn check_table(table: &Table) -> Result<(), String> {
    if table.key == 0 || table.key > table.columns.len() {
        return Err(format!("table `{}` has {} columns and a key of {}", table.name, table.columns.len(), table.key));
    }
    if let Some(column) = table.columns.iter().take(table.key).find(|column| column.nullable) {
        return Err(format!("column `{}` of the key of `{}` may be absent", column.name, table.name));
    }
    Ok(())
}

fn check_row(table: &Table, row: &Row) -> Result<(), String> {
    if row.len() != table.columns.len() {
        return Err(format!("a row of `{}` has {} values, not {}", table.name, table.columns.len(), row.len()));
    }
    table.columns.iter().zip(row).try_for_each(|(column, value)| check_value(table, column, value))
}

/// Whether a column can hold a value; else why not.
pub(crate) fn check_value(table: &Table, column: &ColumnDef, value: &Value) -> Result<(), String> {
    let fits = match (value, column.kind) {
        (Value::Null, _) => column.nullable,
        (Value::Bool(_), ColumnKind::Bool)
        | (Value::Int(_), ColumnKind::Int | ColumnKind::Decimal(_) | ColumnKind::Timestamp)
        | (Value::Text(_), ColumnKind::Text | ColumnKind::Json) => true,
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("column `{}` of `{}` cannot hold {value:?}", column.name, table.name)) }
}

fn check_filter(table: &Table, filter: &Filter) -> Result<(), String> {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().try_for_each(|part| check_filter(table, part)),
        Filter::Not(part) => check_filter(table, part),
        Filter::Compare(column, _, _) | Filter::In(column, _) => column_of(table, column).map(drop),
        Filter::CompareColumns(left, _, right) => column_of(table, left).and(column_of(table, right)).map(drop),
    }
}

fn column_of<'a>(table: &'a Table, name: &str) -> Result<&'a ColumnDef, String> {
    let found = table.columns.iter().find(|column| column.name == name);
    found.ok_or_else(|| format!("table `{}` has no column `{name}`", table.name))
}
