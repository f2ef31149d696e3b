use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::commit::Commit;
use crate::context::Context;
use crate::row;
use crate::store::sqlite::SqliteStore;

row! {
    struct TestRow of "test.Row" {
        id: i64 => ID,
        a: i64 => A,
        b: Option<String> => B,
    }
}

/// Does something at random to the rows.
fn change(random: &mut StdRng, rows: &mut Rows<'_, TestRow>) {
    let text = |random: &mut StdRng| random.random_bool(0.7).then(|| format!("t{}", random.random_range(0..3)));
    let (id, a, b) = (random.random_range(0..6), random.random_range(0..4), text(random));
    let filter = match random.random_range(0..5) {
        0 => TestRow::A.eq(&a),
        1 => TestRow::A.is(Comparison::Lt, &a).and(TestRow::B.eq(&b)),
        2 => TestRow::B.is(Comparison::Ge, &b).negated(),
        3 => TestRow::B.among([&b, &None]).or(TestRow::ID.is_as(Comparison::Le, &TestRow::A)),
        _ => TestRow::B.is(Comparison::Ne, &b),
    };
    match random.random_range(0..7) {
        0 | 1 => rows.insert(TestRow { id, a, b }),
        2 => rows.update(&id, vec![TestRow::A.set(&a)]),
        3 => rows.upsert(TestRow { id, a, b: None }, &[TestRow::A.name]),
        4 => rows.update_where(filter, vec![TestRow::B.set(&b), TestRow::A.set(&a)]),
        5 => rows.delete(&id),
        _ => rows.delete_where(filter),
    }
}

#[tokio::test]
async fn a_handler_sees_what_the_store_will_show_once_its_changes_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("s.db"), "test", &Context::system()).await.unwrap();
    let table = Table { name: "rows".to_owned(), columns: TestRow::columns(), key: 1 };
    store.create_table(&table).await.unwrap();
    let tables = BTreeMap::from([("test.Row", table)]);
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut changes = Vec::new();
        for _ in 0..random.random_range(1..12) {
            change(&mut random, &mut GroupRows::new(&store, &tables, &mut changes).of());
        }
        let mut seen = Vec::new();
        for id in 0..6 {
            seen.push(GroupRows::new(&store, &tables, &mut changes).get::<TestRow>(&id).await.unwrap());
        }
        store.write(vec![Commit { rows: changes.clone(), ..Commit::default() }]).await.remove(0).unwrap();
        for id in 0..6 {
            let shown = GroupRows::new(&store, &tables, &mut Vec::new()).get::<TestRow>(&id).await.unwrap();
            assert_eq!(seen[usize::try_from(id).unwrap()], shown, "seed {seed}, row {id}: {changes:#?}");
        }
    }
}
