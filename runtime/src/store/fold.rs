//! A table's changes folded, so that they take few statements: a batch of a view's events changes many rows in a few ways.
//!
//! Changes of one key become one: a row that is put and then changed is put as it then is. What is changed by any other condition than
//! the whole key is done in its turn, after all that was gathered before it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::sql::all_but_key;
use super::tables::check_value;
use crate::view::{Comparison, Filter, Row, RowChange, Table, Value};

/// A value of a key, in the databases' order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyPart<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'a str),
}

/// The key of a row, or what stands at the front of it.
pub(super) fn key_of<'a>(table: &Table, row: &'a Row) -> Vec<KeyPart<'a>> {
    row.iter().take(table.key).map(KeyPart::of).collect()
}

impl<'a> KeyPart<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Text(value) => Self::Text(value),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Text(value) => Value::Text((*value).to_owned()),
        }
    }
}

/// What is done to a table at once. No two rows of a step share a key; they come in the order of their keys.
#[derive(Debug, PartialEq)]
pub(super) enum Step<'a> {
    /// Adds rows; of one whose key is there, it sets those columns.
    Add { rows: Vec<Cow<'a, [Value]>>, replacing: Vec<usize> },
    /// Sets those columns where there is a row with the key: of each the key, then the columns' values.
    Set { rows: Vec<Row>, columns: Vec<usize> },
    /// Sets columns by another condition.
    Update { filter: &'a Filter, set: &'a [(String, Value)] },
    /// Removes rows.
    Delete { filter: &'a Filter },
}

/// What is to become of the row with a key.
enum Pending<'a> {
    /// It is added; where it is there, those columns are set.
    Added(Cow<'a, [Value]>, BTreeSet<usize>),
    /// Those columns are set, if it is there.
    Set(BTreeMap<usize, &'a Value>),
}

/// The changes of each table, in their order; tables in the order of their names.
pub(super) fn by_table<'a>(changes: &[&'a RowChange]) -> BTreeMap<&'a str, Vec<&'a RowChange>> {
    let mut by_table: BTreeMap<&str, Vec<&RowChange>> = BTreeMap::new();
    for change in changes {
        by_table.entry(table_of(change)).or_default().push(change);
    }
    by_table
}

/// The table that a change is for.
pub(super) fn table_of(change: &RowChange) -> &str {
    let (RowChange::Put { table, .. }
    | RowChange::Add { table, .. }
    | RowChange::Update { table, .. }
    | RowChange::Delete { table, .. }) = change;
    table
}

/// The changes of one table, which were checked, in as few steps.
pub(super) fn steps<'a>(table: &Table, changes: &[&'a RowChange]) -> Vec<Step<'a>> {
    let mut folding = Folding { table, pending: BTreeMap::new(), steps: Vec::new() };
    for change in changes {
        folding.take(change);
    }
    folding.settle();
    folding.steps
}

/// A key, and what is set there.
type ByKey<'a> = (Vec<KeyPart<'a>>, Vec<(usize, &'a Value)>);

struct Folding<'a, 't> {
    table: &'t Table,
    pending: BTreeMap<Vec<KeyPart<'a>>, Pending<'a>>,
    steps: Vec<Step<'a>>,
}

impl<'a> Folding<'a, '_> {
    fn take(&mut self, change: &'a RowChange) {
        match change {
            RowChange::Put { row, .. } => {
                let all = all_but_key(self.table).into_iter().collect();
                self.pending.insert(key_of(self.table, row), Pending::Added(Cow::Borrowed(row.as_slice()), all));
            }
            RowChange::Add { row, .. } => {
                let key = key_of(self.table, row);
                match self.pending.get(&key) {
                    Some(Pending::Added(..)) => return,
                    // Whether it is there only the database knows.
                    Some(Pending::Set(_)) => self.settle(),
                    None => {}
                }
                self.pending.insert(key, Pending::Added(Cow::Borrowed(row.as_slice()), BTreeSet::new()));
            }
            RowChange::Update { filter, set, .. } => {
                let Some((key, set)) = self.by_key(filter, set) else {
                    return self.in_turn(Step::Update { filter, set });
                };
                match self.pending.entry(key).or_insert_with(|| Pending::Set(BTreeMap::new())) {
                    Pending::Set(columns) => columns.extend(set),
                    Pending::Added(row, replacing) => {
                        for (column, value) in set {
                            row.to_mut()[column] = value.clone();
                            replacing.insert(column);
                        }
                    }
                }
            }
            RowChange::Delete { filter, .. } => self.in_turn(Step::Delete { filter }),
        }
    }

    /// The key that a condition names, where it is nothing else, and the columns that are set, where none of them is of the key.
    fn by_key(&self, filter: &'a Filter, set: &'a [(String, Value)]) -> Option<ByKey<'a>> {
        let parts = match filter {
            Filter::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let columns = &self.table.columns[..self.table.key];
        if parts.len() != columns.len() {
            return None;
        }
        let part = |(part, column): (&'a Filter, &crate::view::ColumnDef)| match part {
            Filter::Compare(name, Comparison::Eq, value) if *name == column.name => {
                check_value(self.table, column, value).is_ok().then(|| KeyPart::of(value))
            }
            _ => None,
        };
        let key = parts.iter().zip(columns).map(part).collect::<Option<_>>()?;
        let place = |(name, value): &'a (String, Value)| {
            let place = self.table.columns.iter().position(|column| column.name == *name)?;
            (place >= self.table.key).then_some((place, value))
        };
        Some((key, set.iter().map(place).collect::<Option<_>>()?))
    }

    fn in_turn(&mut self, step: Step<'a>) {
        self.settle();
        self.steps.push(step);
    }

    /// What was gathered, in a step for each set of columns.
    fn settle(&mut self) {
        let mut added: BTreeMap<Vec<usize>, Vec<Cow<'a, [Value]>>> = BTreeMap::new();
        let mut set: BTreeMap<Vec<usize>, Vec<Row>> = BTreeMap::new();
        for (key, pending) in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Added(row, replacing) => added.entry(replacing.into_iter().collect()).or_default().push(row),
                Pending::Set(columns) => {
                    let row = key.iter().map(KeyPart::to_value).chain(columns.values().map(|value| (*value).clone()));
                    set.entry(columns.keys().copied().collect()).or_default().push(row.collect());
                }
            }
        }
        self.steps.extend(added.into_iter().map(|(replacing, rows)| Step::Add { rows, replacing }));
        self.steps.extend(set.into_iter().map(|(columns, rows)| Step::Set { rows, columns }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{ColumnDef, ColumnKind};

    fn table() -> Table {
        let column =
            |name: &str| ColumnDef { name: name.to_owned(), kind: ColumnKind::Int, nullable: false, indexed: false };
        Table { name: "t".to_owned(), columns: ["id", "a", "b"].map(column).to_vec(), key: 1 }
    }

    fn row(values: [i64; 3]) -> Row {
        values.map(Value::Int).to_vec()
    }

    fn update(id: i64, column: &str, value: i64) -> RowChange {
        let filter = Filter::Compare("id".to_owned(), Comparison::Eq, Value::Int(id));
        RowChange::Update { table: "t".to_owned(), filter, set: vec![(column.to_owned(), Value::Int(value))] }
    }

    fn folded(changes: &[RowChange]) -> Vec<Step<'_>> {
        steps(&table(), &changes.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_row_that_is_put_and_changed_is_put_as_it_then_is() {
        let put = RowChange::Put { table: "t".to_owned(), row: row([1, 1, 1]) };
        let changes = [put.clone(), update(1, "a", 2), update(2, "b", 3), update(2, "b", 4), update(1, "b", 5)];
        let added = Step::Add { rows: vec![Cow::Owned(row([1, 2, 5]))], replacing: vec![1, 2] };
        let set = Step::Set { rows: vec![vec![Value::Int(2), Value::Int(4)]], columns: vec![2] };
        assert_eq!(folded(&changes), [added, set]);
    }

    #[test]
    fn what_is_added_replaces_only_what_is_set_after() {
        let add = RowChange::Add { table: "t".to_owned(), row: row([1, 1, 1]) };
        let changes = [add.clone(), update(1, "a", 2), add.clone()];
        assert_eq!(folded(&changes), [Step::Add { rows: vec![Cow::Owned(row([1, 2, 1]))], replacing: vec![1] }]);
        let changes = [update(1, "a", 2), add];
        let set = Step::Set { rows: vec![vec![Value::Int(1), Value::Int(2)]], columns: vec![1] };
        let added = Step::Add { rows: vec![Cow::Owned(row([1, 1, 1]))], replacing: vec![] };
        assert_eq!(folded(&changes), [set, added]);
    }

    #[test]
    fn what_is_changed_by_another_condition_comes_in_its_turn() {
        let filter = Filter::Compare("a".to_owned(), Comparison::Eq, Value::Int(2));
        let delete = RowChange::Delete { table: "t".to_owned(), filter: filter.clone() };
        let changes = [update(1, "a", 2), delete, update(1, "a", 3)];
        let set = |value| Step::Set { rows: vec![vec![Value::Int(1), Value::Int(value)]], columns: vec![1] };
        assert_eq!(folded(&changes), [set(2), Step::Delete { filter: &filter }, set(3)]);
        let changes = [update(1, "id", 2), update(1, "a", 3)];
        let [Step::Update { .. }, one] = &folded(&changes)[..] else {
            panic!("a key that changes is no key to fold by")
        };
        assert_eq!(*one, set(3));
    }
}
