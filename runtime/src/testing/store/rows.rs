//! Tables of rows: changes, conditions, pages.

use super::Opener;
use super::commits::write;
use crate::commit::{Commit, CommitError, PositionMove};
use crate::context::Context;
use crate::log::{Position, SourceKey};
use crate::store::{Store, StoreError};
use crate::view::{ColumnDef, ColumnKind, Comparison, Filter, Row, RowChange, Select, Table, Value};

fn column(name: &str, kind: ColumnKind, nullable: bool, indexed: bool) -> ColumnDef {
    ColumnDef { name: name.to_owned(), kind, nullable, indexed }
}

/// Key `id`; `group` and `rank` may be absent.
fn table() -> Table {
    let columns = vec![
        column("id", ColumnKind::Text, false, false),
        column("group", ColumnKind::Text, true, true),
        column("rank", ColumnKind::Int, true, false),
        column("open", ColumnKind::Bool, false, false),
    ];
    Table { name: "odd \"name\"".to_owned(), columns, key: 1 }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn row(id: &str, group: Option<&str>, rank: Option<i64>) -> Row {
    vec![text(id), group.map_or(Value::Null, text), rank.map_or(Value::Null, Value::Int), Value::Bool(true)]
}

fn put(row: Row) -> RowChange {
    RowChange::Put { table: table().name, row }
}

fn compare(column: &str, comparison: Comparison, value: Value) -> Filter {
    Filter::Compare(column.to_owned(), comparison, value)
}

fn question(filter: Filter) -> Select {
    Select { table: table().name, filter, order: vec![], after: None, limit: 100 }
}

async fn change(store: &dyn Store, rows: Vec<RowChange>) -> Result<(), CommitError> {
    write(store, Commit { rows, ..Commit::default() }).await.map(drop)
}

async fn ids(store: &dyn Store, filter: Filter) -> String {
    let rows = store.select(&question(filter)).await.unwrap();
    rows.iter().map(|row| if let Value::Text(id) = &row[0] { id.as_str() } else { "?" }).collect()
}

async fn filled(opener: &Opener) -> std::sync::Arc<dyn Store> {
    let store = opener.store().await;
    store.create_table(&table()).await.unwrap();
    let rows = [
        row("a", Some("x"), Some(1)),
        row("b", Some("x"), Some(2)),
        row("c", Some("y"), Some(2)),
        row("d", None, Some(3)),
        row("e", Some("y"), None),
        row("f", None, None),
    ];
    change(&*store, rows.map(put).into()).await.unwrap();
    store
}

/// Changes apply in their order; a put replaces; a change of what is not there does nothing.
pub async fn rows_are_put_updated_and_deleted(opener: &Opener) {
    let store = filled(opener).await;
    let with_id = |id: &str| compare("id", Comparison::Eq, text(id));
    let changes = vec![
        put(row("a", Some("z"), Some(1))),
        put(row("a", Some("z"), Some(9))),
        RowChange::Update {
            table: table().name,
            filter: compare("group", Comparison::Eq, text("z")),
            set: vec![("open".to_owned(), Value::Bool(false)), ("group".to_owned(), Value::Null)],
        },
        put(row("g", None, None)),
        RowChange::Delete { table: table().name, filter: with_id("b") },
        RowChange::Delete { table: table().name, filter: with_id("nobody") },
        RowChange::Update { table: table().name, filter: with_id("b"), set: vec![("rank".to_owned(), Value::Int(1))] },
    ];
    change(&*store, changes).await.unwrap();
    let rows = store.select(&question(with_id("a"))).await.unwrap();
    assert_eq!(rows, [vec![text("a"), Value::Null, Value::Int(9), Value::Bool(false)]]);
    assert_eq!(ids(&*store, Filter::All(vec![])).await, "acdefg");
}

/// Many changes of one commit make what they make one by one, in every mixture of kinds, keys and columns.
pub async fn changes_together_are_what_they_are_one_by_one(opener: &Opener) {
    let store = filled(opener).await;
    let everything = || Filter::All(vec![]);
    let begin = store.select(&question(everything())).await.unwrap();
    let anew = async || {
        let mut rows = vec![RowChange::Delete { table: table().name, filter: everything() }];
        rows.extend(begin.iter().cloned().map(put));
        change(&*store, rows).await.unwrap();
    };
    for round in 0..20 {
        let changes: Vec<RowChange> = (0..12).map(|_| any_change(&opener.context)).collect();
        anew().await;
        for one in &changes {
            change(&*store, vec![one.clone()]).await.unwrap();
        }
        let one_by_one = store.select(&question(everything())).await.unwrap();
        anew().await;
        change(&*store, changes.clone()).await.unwrap();
        let together = store.select(&question(everything())).await.unwrap();
        assert_eq!(together, one_by_one, "round {round}: {changes:?}");
    }
}

/// Of a few keys, some of which are there.
fn any_change(context: &Context) -> RowChange {
    let mut bytes = [0; 5];
    context.fill(&mut bytes);
    let [kind, id, group, rank, open] = bytes;
    let id = ["a", "b", "c", "x", "y"][usize::from(id) % 5];
    let group = [Value::Null, text("x"), text("z")][usize::from(group) % 3].clone();
    let row = vec![text(id), group.clone(), Value::Int(i64::from(rank)), Value::Bool(open % 2 == 0)];
    let table = table().name;
    let named = |name: &str, value: Value| (name.to_owned(), value);
    let with_id = compare("id", Comparison::Eq, text(id));
    match kind % 8 {
        0 | 1 => RowChange::Put { table, row },
        2 => RowChange::Add { table, row },
        3 => RowChange::Update {
            table,
            filter: with_id,
            set: vec![named("group", group), named("rank", row[2].clone())],
        },
        4 | 5 => RowChange::Update { table, filter: with_id, set: vec![named("open", row[3].clone())] },
        6 => {
            let filter = compare("group", Comparison::Eq, group);
            RowChange::Update { table, filter, set: vec![named("rank", row[2].clone())] }
        }
        _ => RowChange::Delete { table, filter: with_id },
    }
}

/// Absent equals absent, differs from all else, and is never less or greater; `Not` turns exactly that round.
pub async fn conditions_have_two_values(opener: &Opener) {
    let store = filled(opener).await;
    let all = "abcdef";
    let cases = [
        (compare("group", Comparison::Eq, text("x")), "ab"),
        (compare("group", Comparison::Ne, text("x")), "cdef"),
        (compare("group", Comparison::Eq, Value::Null), "df"),
        (compare("group", Comparison::Ne, Value::Null), "abce"),
        (compare("rank", Comparison::Lt, Value::Int(2)), "a"),
        (compare("rank", Comparison::Le, Value::Int(2)), "abc"),
        (compare("rank", Comparison::Gt, Value::Int(2)), "d"),
        (compare("rank", Comparison::Ge, Value::Int(2)), "bcd"),
        (compare("rank", Comparison::Lt, Value::Null), ""),
        (compare("rank", Comparison::Gt, Value::Null), ""),
        (Filter::In("group".to_owned(), vec![text("x"), text("z")]), "ab"),
        (Filter::In("group".to_owned(), vec![text("y"), Value::Null]), "cdef"),
        (Filter::In("group".to_owned(), vec![]), ""),
        (Filter::CompareColumns("group".to_owned(), Comparison::Eq, "group".to_owned()), all),
        (Filter::CompareColumns("group".to_owned(), Comparison::Ne, "id".to_owned()), all),
        (Filter::CompareColumns("group".to_owned(), Comparison::Gt, "id".to_owned()), "abce"),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&*store, filter.clone()).await, expected, "{filter:?}");
        let rest: String = all.chars().filter(|id| !expected.contains(*id)).collect();
        let negated = Filter::Not(Box::new(filter));
        assert_eq!(ids(&*store, negated.clone()).await, rest, "{negated:?}");
    }
}

/// All of none holds, any of none does not; they nest.
pub async fn conditions_combine(opener: &Opener) {
    let store = filled(opener).await;
    let x = || compare("group", Comparison::Eq, text("x"));
    let second = || compare("rank", Comparison::Eq, Value::Int(2));
    let cases = [
        (Filter::All(vec![]), "abcdef"),
        (Filter::Any(vec![]), ""),
        (Filter::All(vec![x(), second()]), "b"),
        (Filter::Any(vec![x(), second()]), "abc"),
        (Filter::All(vec![Filter::Any(vec![x(), second()]), Filter::Not(Box::new(x()))]), "c"),
        (compare("open", Comparison::Eq, Value::Bool(true)), "abcdef"),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&*store, filter.clone()).await, expected, "{filter:?}");
    }
    let unknown = store.select(&question(compare("nothing", Comparison::Eq, text("x")))).await;
    assert!(matches!(unknown, Err(StoreError::Refused(_))), "{unknown:?}");
}

/// Walks a whole table in pages of two; gives the ids in the order met.
async fn walk(store: &dyn Store, order: &[(&str, bool)]) -> String {
    let order: Vec<_> = order.iter().map(|(column, descending)| ((*column).to_owned(), *descending)).collect();
    let (mut after, mut met) = (None, String::new());
    loop {
        let page = Select { order: order.clone(), after, limit: 2, ..question(Filter::All(vec![])) };
        let rows = store.select(&page).await.unwrap();
        let Some(last) = rows.last() else { return met };
        let place = |name: &str| table().columns.iter().position(|column| column.name == name).unwrap();
        let values = order.iter().map(|(name, _)| last[place(name)].clone());
        after = Some(values.chain([last[0].clone()]).collect());
        for row in &rows {
            let Value::Text(id) = &row[0] else { panic!("{row:?}") };
            met.push_str(id);
        }
        assert!(met.len() <= 12, "pages go round in circles: {met}");
    }
}

/// Keyset pages, ascending and descending columns mixed, meet every row once in the order asked for.
pub async fn pages_follow_each_other_in_mixed_directions(opener: &Opener) {
    let store = filled(opener).await;
    let whole = [row("d", Some("w"), Some(3)), row("e", Some("y"), Some(5)), row("f", Some("w"), Some(3))];
    change(&*store, whole.map(put).into()).await.unwrap();
    assert_eq!(walk(&*store, &[]).await, "abcdef");
    assert_eq!(walk(&*store, &[("id", true)]).await, "fedcba");
    assert_eq!(walk(&*store, &[("group", false), ("rank", true)]).await, "dfbaec");
    assert_eq!(walk(&*store, &[("group", true), ("rank", false)]).await, "ceabdf");
    assert_eq!(walk(&*store, &[("rank", true)]).await, "edfbca");
}

/// Absent values come first in ascending and last in descending order, and no page stumbles over them.
pub async fn pages_follow_each_other_over_absent_values(opener: &Opener) {
    let store = filled(opener).await;
    assert_eq!(walk(&*store, &[("group", false), ("rank", true)]).await, "dfbace");
    assert_eq!(walk(&*store, &[("group", true), ("rank", false)]).await, "ecabfd");
    assert_eq!(walk(&*store, &[("rank", false)]).await, "efabcd");
    assert_eq!(walk(&*store, &[("rank", true), ("group", false)]).await, "dbcafe");
}

/// A row of the wrong shape is the fault of its commit alone.
pub async fn a_row_that_does_not_fit_is_refused_alone(opener: &Opener) {
    let store = filled(opener).await;
    let no_such_column = vec![("no".to_owned(), Value::Null)];
    let bad = [
        put(vec![text("x")]),
        put(vec![text("x"), Value::Int(1), Value::Null, Value::Bool(true)]),
        put(vec![text("x"), Value::Null, Value::Null, Value::Null]),
        RowChange::Put { table: "nowhere".to_owned(), row: vec![] },
        RowChange::Update { table: table().name, filter: Filter::All(vec![]), set: no_such_column },
    ];
    for bad in bad {
        let commits = [put(row("g", None, None)), bad, put(row("h", None, None))];
        let commits = commits.map(|change| Commit { rows: vec![change], ..Commit::default() });
        let results = store.write(commits.into()).await;
        assert!(matches!(results[1], Err(CommitError::Invalid(_))), "{results:?}");
        assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    }
}

/// Made once, found after reopening, dropped with the position of who filled it.
pub async fn a_table_is_made_once_and_dropped_with_its_position(opener: &Opener) {
    let store = filled(opener).await;
    store.create_table(&table()).await.unwrap();
    let mut other = table();
    other.columns.pop();
    assert!(matches!(store.create_table(&other).await, Err(StoreError::Refused(_))));
    let keyless = Table { key: 0, name: "keyless".to_owned(), ..table() };
    assert!(matches!(store.create_table(&keyless).await, Err(StoreError::Refused(_))));
    let moved = PositionMove {
        consumer: "view:odd".to_owned(),
        source: SourceKey::own("test"),
        expected: None,
        to: Position { pos: 1, epoch: "e".to_owned(), offset: 1 },
    };
    write(&*store, Commit { positions: vec![moved], ..Commit::default() }).await.unwrap();
    store.close().await;
    let store = opener.store().await;
    assert_eq!(store.tables().await.unwrap(), [table().name]);
    assert_eq!(ids(&*store, Filter::All(vec![])).await, "abcdef");
    store.drop_table(&table().name, Some("view:odd")).await.unwrap();
    assert!(store.tables().await.unwrap().is_empty());
    assert!(store.positions("view:odd").await.unwrap().is_empty());
    assert!(matches!(change(&*store, vec![put(row("a", None, None))]).await, Err(CommitError::Invalid(_))));
    store.drop_table(&table().name, None).await.unwrap();
    store.create_table(&other).await.unwrap();
}

/// Quotes, line breaks, wide and combining characters, a NUL: all come back.
pub async fn text_of_any_kind_comes_back(opener: &Opener) {
    let store = filled(opener).await;
    for value in ["", "'\"`;--", "line\nbreak\ttab", "日本語 🦀 e\u{301}", "nul\0inside", "%_"] {
        change(&*store, vec![put(row("a", Some(value), None))]).await.unwrap();
        let found = store.select(&question(compare("group", Comparison::Eq, text(value)))).await.unwrap();
        assert_eq!(found.len(), 1, "{value:?}");
        assert_eq!(found[0][1], text(value));
    }
}
