//! What PostgreSQL keeps prepared, and what is planned once.

use chassis::db;
use chassis::prepared::{Prepare as _, any_of};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use testkit::TestDb;

diesel::table! {
    idempotency_keys (key) {
        actor -> BigInt,
        key -> Text,
        operation -> Text,
        digest -> Bytea,
    }
}

async fn kept(conn: &mut AsyncPgConnection, beginning: &str) -> i64 {
    let query = format!("(SELECT count(*) FROM pg_prepared_statements WHERE starts_with(statement, '{beginning}'))");
    diesel::select(sql::<BigInt>(&query)).get_result(conn).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_kept_prepared_where_it_says_so() {
    use idempotency_keys::dsl;
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let mut conn = db::get(&db.pool().await).await.unwrap();
    for operation in ["one", "two"] {
        let update = || diesel::update(idempotency_keys::table.find("k")).set(dsl::operation.eq(operation));
        update().execute(&mut conn).await.unwrap();
        assert_eq!(kept(&mut conn, "UPDATE").await, i64::from(operation == "two"), "diesel alone keeps none");
        update().prepared().execute(&mut conn).await.unwrap();
        assert_eq!(kept(&mut conn, "UPDATE").await, 1, "one text, one statement");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_of_many_rows_are_not_kept() {
    use idempotency_keys::dsl;
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let mut conn = db::get(&db.pool().await).await.unwrap();
    for (rows, statements) in [(8, 1), (9, 1), (2, 2)] {
        let values: Vec<_> = (0..rows)
            .map(|n| {
                (dsl::actor.eq(rows), dsl::key.eq(n.to_string()), dsl::operation.eq("x"), dsl::digest.eq(vec![0; 32]))
            })
            .collect();
        let insert = diesel::insert_into(idempotency_keys::table).values(&values).prepared_for(values.len());
        insert.execute(&mut conn).await.unwrap();
        assert_eq!(kept(&mut conn, "INSERT").await, statements, "after {rows} rows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_ids_are_found_and_planned_for_once() {
    use idempotency_keys::dsl;
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let mut conn = db::get(&db.pool().await).await.unwrap();
    for (ids, is_there) in [(vec![], false), (vec![7], true), (vec![1, 7, 9], true), (vec![8], false)] {
        let seven = 7_i64.into_sql::<BigInt>().eq(any_of(&ids));
        let found: bool = diesel::select(seven).prepared().get_result(&mut conn).await.unwrap();
        assert_eq!(found, is_there, "{ids:?}");
    }
    for _ in 0..12 {
        let of_actors = dsl::actor.eq(any_of(&[7, 8])).and(sql::<Bool>("true"));
        let query = idempotency_keys::table.filter(of_actors).select(dsl::key);
        let none: Vec<String> = query.prepared().load(&mut conn).await.unwrap();
        assert!(none.is_empty());
    }
    let anew = "(SELECT custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT \"idempotency_keys\".%')";
    let anew: i64 = diesel::select(sql::<BigInt>(anew)).get_result(&mut conn).await.unwrap();
    assert_eq!(anew, 5, "PostgreSQL tries five times whether the values make a better plan");
}
