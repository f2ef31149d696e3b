//! Rows of views as SQL: tables, conditions, changes, keyset pages.
//!
//! The text is the same for SQLite and Postgres (numbered parameters, `IS DISTINCT FROM`, `NULLS FIRST`); what differs is
//! a [`Dialect`]. Names are quoted, values are parameters, always.
//!
//! Conditions have two values, as in the language: absent equals absent, and is never less or greater than anything.

use crate::view::{ColumnKind, Comparison, Filter, Select, Table, Value};

/// What differs between databases.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The column type of a kind.
    pub column_type: fn(ColumnKind) -> &'static str,
    /// What follows the columns of a table.
    pub table_suffix: fn(&Table) -> &'static str,
    /// What follows a column of an index, so that it serves the order of pages, in which absent values come first.
    pub index_order: &'static str,
}

/// A statement and its parameters, `$1` first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The parameters.
    pub parameters: Vec<Value>,
}

/// `CREATE TABLE` with its key, and an index for each indexed column: the statements to run.
pub fn create_table(dialect: &Dialect, table: &Table) -> Vec<String> {
    let columns = table.columns.iter().map(|column| {
        let kind = (dialect.column_type)(column.kind);
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("  {} {kind}{null}", quoted(&column.name))
    });
    let columns: Vec<_> = columns.collect();
    let name = quoted(&table.name);
    let key = names(key_columns(table));
    let suffix = (dialect.table_suffix)(table);
    let mut statements = vec![format!(
        "CREATE TABLE IF NOT EXISTS {name} (\n{},\n  PRIMARY KEY ({key})\n){suffix}",
        columns.join(",\n")
    )];
    for column in table.columns.iter().skip(1).filter(|column| column.indexed) {
        let index = quoted(&index_name(&table.name, &column.name));
        let column = quoted(&column.name);
        let order = dialect.index_order;
        statements.push(format!("CREATE INDEX IF NOT EXISTS {index} ON {name} ({column}{order}, {key})"));
    }
    statements
}

/// A name for the index of a column, short enough for all databases.
fn index_name(table: &str, column: &str) -> String {
    /// Postgres cuts longer ones off, and then two may be the same.
    const LONGEST: usize = 63;
    let name = format!("{table}_by_{column}");
    if name.len() <= LONGEST {
        return name;
    }
    format!("index_{}", crate::context::derived_id(&[table, column]).simple())
}

/// Adds rows, no two of which share a key; of those whose key is there, sets the columns at `replacing`.
pub fn add<R: AsRef<[Value]>>(table: &Table, rows: &[R], replacing: &[usize]) -> Sql {
    let mut sql = Sql::default();
    let columns = table.columns.iter().map(|column| column.name.as_str());
    sql.push(&format!("INSERT INTO {} ({}) ", quoted(&table.name), names(columns)));
    sql.rows(rows);
    sql.push(&on_conflict(table, replacing));
    sql
}

/// The same with the rows that `selected` gives (a `SELECT` of all columns, in order).
pub fn add_selected(table: &Table, selected: &str, replacing: &[usize]) -> String {
    let columns = table.columns.iter().map(|column| column.name.as_str());
    format!("INSERT INTO {} ({}) {selected}{}", quoted(&table.name), names(columns), on_conflict(table, replacing))
}

/// The columns of a table that are not of its key: who replaces them all replaces the row.
pub fn all_but_key(table: &Table) -> Vec<usize> {
    (table.key..table.columns.len()).collect()
}

fn on_conflict(table: &Table, replacing: &[usize]) -> String {
    let key = names(key_columns(table));
    if replacing.is_empty() {
        return format!(" ON CONFLICT ({key}) DO NOTHING");
    }
    let set = replacing.iter().map(|place| {
        let name = quoted(&table.columns[*place].name);
        format!("{name} = excluded.{name}")
    });
    format!(" ON CONFLICT ({key}) DO UPDATE SET {}", set.collect::<Vec<_>>().join(", "))
}

/// Sets `columns` of the rows with certain keys: of each the key, then the columns' values.
pub fn set<R: AsRef<[Value]>>(table: &Table, rows: &[R], columns: &[usize]) -> Sql {
    let mut sql = Sql::default();
    let names: Vec<_> = (1..=table.key + columns.len()).map(|number| format!("column{number}")).collect();
    let (head, tail) = set_parts(table, columns, &names);
    sql.push(&head);
    sql.push("(");
    sql.rows(rows);
    sql.push(") AS v");
    sql.push(&tail);
    sql
}

/// The same with keys and values from `from`, which names its columns `c0` and on.
pub fn set_selected(table: &Table, from: &str, columns: &[usize]) -> String {
    let names: Vec<_> = (0..table.key + columns.len()).map(|number| format!("c{number}")).collect();
    let (head, tail) = set_parts(table, columns, &names);
    format!("{head}{from} AS v ({}){tail}", names.join(", "))
}

/// What comes before the keys and values, and after them.
fn set_parts(table: &Table, columns: &[usize], names: &[String]) -> (String, String) {
    let name = quoted(&table.name);
    let (keys, values) = names.split_at(table.key);
    let set =
        columns.iter().zip(values).map(|(place, value)| format!("{} = v.{value}", quoted(&table.columns[*place].name)));
    let same = key_columns(table).zip(keys).map(|(column, key)| format!("{name}.{} = v.{key}", quoted(column)));
    let (set, same) = (set.collect::<Vec<_>>().join(", "), same.collect::<Vec<_>>().join(" AND "));
    (format!("UPDATE {name} SET {set} FROM "), format!(" WHERE {same}"))
}

/// Sets columns of the rows that `filter` holds for.
pub fn update(table: &str, filter: &Filter, set: &[(String, Value)]) -> Sql {
    let mut sql = Sql::default();
    sql.push(&format!("UPDATE {} SET ", quoted(table)));
    for (place, (column, value)) in set.iter().enumerate() {
        sql.push(if place == 0 { "" } else { ", " });
        sql.push(&quoted(column));
        sql.push(" = ");
        sql.value(value);
    }
    sql.push(" WHERE ");
    sql.filter(filter);
    sql
}

/// Removes the rows that `filter` holds for.
pub fn delete(table: &str, filter: &Filter) -> Sql {
    let mut sql = Sql::default();
    sql.push(&format!("DELETE FROM {} WHERE ", quoted(table)));
    sql.filter(filter);
    sql
}

/// A page of rows, whole, in the table's order of columns.
pub fn select(table: &Table, select: &Select) -> Sql {
    let mut sql = Sql::default();
    let columns = table.columns.iter().map(|column| column.name.as_str());
    sql.push(&format!("SELECT {} FROM {} WHERE ", names(columns), quoted(&table.name)));
    sql.filter(&select.filter);
    let key = key_columns(table).map(|column| (column.to_owned(), false));
    let order: Vec<(String, bool)> = select.order.iter().cloned().chain(key).collect();
    if let Some(after) = &select.after {
        sql.push(" AND ");
        sql.after(&order, after);
    }
    sql.push(" ORDER BY ");
    for (place, (column, descending)) in order.iter().enumerate() {
        sql.push(if place == 0 { "" } else { ", " });
        sql.push(&quoted(column));
        sql.push(if *descending { " DESC NULLS LAST" } else { " ASC NULLS FIRST" });
    }
    // A sum: at a bare parameter SQLite looks into its value, and prepares the statement again whenever it is bound.
    sql.push(" LIMIT 0 + ");
    sql.value(&Value::Int(i64::try_from(select.limit).unwrap_or(i64::MAX)));
    sql
}

impl Sql {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, value: &Value) {
        self.parameters.push(value.clone());
        let number = self.parameters.len();
        self.text.push_str(&format!("${number}"));
    }

    fn rows<R: AsRef<[Value]>>(&mut self, rows: &[R]) {
        self.push("VALUES ");
        for (place, row) in rows.iter().enumerate() {
            self.push(if place == 0 { "(" } else { ", (" });
            self.list(row.as_ref());
            self.push(")");
        }
    }

    fn list(&mut self, values: &[Value]) {
        for (place, value) in values.iter().enumerate() {
            self.push(if place == 0 { "" } else { ", " });
            self.value(value);
        }
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(parts) => self.joined(parts, " AND ", "TRUE"),
            Filter::Any(parts) => self.joined(parts, " OR ", "FALSE"),
            Filter::Not(part) => {
                self.push("((");
                self.filter(part);
                self.push(") IS NOT TRUE)");
            }
            Filter::Compare(column, comparison, value) => self.compare(column, *comparison, value),
            Filter::CompareColumns(left, comparison, right) => self.compare_columns(left, *comparison, right),
            Filter::In(column, values) => self.among(column, values),
        }
    }

    fn joined(&mut self, parts: &[Filter], operator: &str, empty: &str) {
        if parts.is_empty() {
            return self.push(empty);
        }
        self.push("(");
        for (place, part) in parts.iter().enumerate() {
            self.push(if place == 0 { "" } else { operator });
            self.filter(part);
        }
        self.push(")");
    }

    fn compare(&mut self, column: &str, comparison: Comparison, value: &Value) {
        let column = quoted(column);
        if *value == Value::Null {
            return self.push(&match comparison {
                Comparison::Eq | Comparison::Le | Comparison::Ge => format!("{column} IS NULL"),
                Comparison::Ne => format!("{column} IS NOT NULL"),
                Comparison::Lt | Comparison::Gt => "FALSE".to_owned(),
            });
        }
        self.push(&column);
        self.push(match comparison {
            // Where the column is absent this is neither true nor false; conditions are true, or not, so that it is as good
            // as false, also under `Not`. It lets an index serve, which `IS NOT DISTINCT FROM` does not everywhere.
            Comparison::Eq => " = ",
            Comparison::Ne => " IS DISTINCT FROM ",
            Comparison::Lt => " < ",
            Comparison::Le => " <= ",
            Comparison::Gt => " > ",
            Comparison::Ge => " >= ",
        });
        self.value(value);
    }

    fn compare_columns(&mut self, left: &str, comparison: Comparison, right: &str) {
        let (left, right) = (quoted(left), quoted(right));
        let or_both_absent = |operator| format!("({left} {operator} {right} OR ({left} IS NULL AND {right} IS NULL))");
        self.push(&match comparison {
            Comparison::Eq => format!("{left} IS NOT DISTINCT FROM {right}"),
            Comparison::Ne => format!("{left} IS DISTINCT FROM {right}"),
            Comparison::Lt => format!("{left} < {right}"),
            Comparison::Gt => format!("{left} > {right}"),
            Comparison::Le => or_both_absent("<="),
            Comparison::Ge => or_both_absent(">="),
        });
    }

    fn among(&mut self, column: &str, values: &[Value]) {
        let present: Vec<Value> = values.iter().filter(|value| **value != Value::Null).cloned().collect();
        let absent = present.len() < values.len();
        let column = quoted(column);
        if present.is_empty() {
            return self.push(&if absent { format!("{column} IS NULL") } else { "FALSE".to_owned() });
        }
        self.push(&format!("({column} IN ("));
        self.list(&padded(present));
        self.push(")");
        if absent {
            self.push(&format!(" OR {column} IS NULL"));
        }
        self.push(")");
    }

    /// The rows that come after `values` in `order`: for each column, equal in all before it and later in it.
    fn after(&mut self, order: &[(String, bool)], values: &[Value]) {
        self.push("(");
        self.bound(&order[0].0, order[0].1, &values[0]);
        self.push("(FALSE");
        for (last, (column, descending)) in order.iter().enumerate().take(values.len()) {
            self.push(" OR (");
            for (before, value) in order.iter().zip(values).take(last) {
                self.compare(&before.0, Comparison::Eq, value);
                self.push(" AND ");
            }
            self.later(column, *descending, &values[last]);
            self.push(")");
        }
        self.push("))");
    }

    /// What all rows of the page have in common: lets an index on the first column find the page's beginning.
    fn bound(&mut self, column: &str, descending: bool, value: &Value) {
        if *value == Value::Null || descending {
            return;
        }
        self.compare(column, Comparison::Ge, value);
        self.push(" AND ");
    }

    /// Later than `value` in that direction; absent comes before all else.
    fn later(&mut self, column: &str, descending: bool, value: &Value) {
        match (descending, value) {
            (false, Value::Null) => self.compare(column, Comparison::Ne, value),
            (false, _) => self.compare(column, Comparison::Gt, value),
            (true, Value::Null) => self.push("FALSE"),
            (true, _) => {
                self.push("(");
                self.compare(column, Comparison::Lt, value);
                self.push(&format!(" OR {} IS NULL)", quoted(column)));
            }
        }
    }
}

/// A name in double quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Values up to the next power of two, the last one repeated: few different statements, so that prepared ones are found.
pub fn padded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

fn key_columns(table: &Table) -> impl Iterator<Item = &str> {
    table.columns.iter().take(table.key).map(|column| column.name.as_str())
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quoted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(column: &str, comparison: Comparison, value: Value) -> Filter {
        Filter::Compare(column.to_owned(), comparison, value)
    }

    #[test]
    fn names_are_quoted_and_values_are_parameters() {
        let sql = delete("a\"b", &compare("c\"; DROP", Comparison::Eq, Value::Text("x'; --".to_owned())));
        assert_eq!(sql.text, r#"DELETE FROM "a""b" WHERE "c""; DROP" = $1"#);
        assert_eq!(sql.parameters, [Value::Text("x'; --".to_owned())]);
    }

    #[test]
    fn empty_conditions_hold_for_all_or_none() {
        assert_eq!(delete("t", &Filter::All(vec![])).text, r#"DELETE FROM "t" WHERE TRUE"#);
        assert_eq!(delete("t", &Filter::Any(vec![])).text, r#"DELETE FROM "t" WHERE FALSE"#);
        assert_eq!(delete("t", &Filter::In("c".to_owned(), vec![])).text, r#"DELETE FROM "t" WHERE FALSE"#);
    }

    #[test]
    fn lists_are_padded_so_that_statements_repeat() {
        let sql = delete("t", &Filter::In("c".to_owned(), vec![Value::Int(1), Value::Int(2), Value::Int(3)]));
        assert_eq!(sql.text, r#"DELETE FROM "t" WHERE ("c" IN ($1, $2, $3, $4))"#);
        assert_eq!(sql.parameters[3], Value::Int(3));
    }
}
