//! Whatever an auditor asks for, an index finds it: PostgreSQL itself counts the rows that it reads.

use std::time::Duration;

use audit::query::{Filters, rows};
use chassis::page::{PageRequest, Position};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::RunQueryDsl;
use serde_json::json;
use testkit::TestDb;
use tokio_util::sync::CancellationToken;

use crate::clinic::migrations;

const ROWS: i64 = 100_000;
/// Pages are counted exactly up to here, so a filter that finds much reads so many index entries.
const COUNTED: i64 = 10_000;

/// Fifty users and five thousand patients, every hundredth row is a list of two; one user, one action and one patient are
/// rare.
async fn filled() -> TestDb {
    let db = TestDb::new("patients", migrations()).await;
    db.sql(&format!(
        "INSERT INTO audit_log (at, actor, role, action, object, patients, outcome) \
         SELECT now() - i * interval '18 seconds', CASE WHEN i % 10000 = 7 THEN 999 ELSE i % 50 END, 'DOCTOR', \
           CASE WHEN i % 10000 = 7 THEN 'PatientDeactivate' ELSE 'PatientRead' END, 'GET /api/patients/1/', \
           CASE WHEN i % 10000 = 7 THEN '{{999999}}' WHEN i % 100 = 0 THEN ARRAY[i % 5000, i % 5000 + 1] \
           ELSE ARRAY[i % 5000] END, 'SUCCESS' FROM generate_series(1, {ROWS}) AS i; \
         ANALYZE audit_log"
    ))
    .await;
    db
}

/// How many rows and index entries PostgreSQL has read of the log until now.
async fn touched(db: &TestDb) -> i64 {
    db.number(
        "SELECT (SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables WHERE relname LIKE 'audit_log_%') \
         + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relname LIKE 'audit_log_%')",
    )
    .await
}

/// How many rows a page has, and how many were read for it.
async fn read(db: &TestDb, filters: Filters, position: Position) -> (usize, i64) {
    let before = touched(db).await;
    let mut conn = db.connect().await;
    let request = PageRequest { filters, size: 20, position };
    let (found, _count) = rows(&mut conn, &request).await.unwrap();
    diesel::sql_query("SELECT pg_stat_force_next_flush()").execute(&mut conn).await.unwrap();
    diesel::sql_query("SELECT 1").execute(&mut conn).await.unwrap();
    (found.len(), touched(db).await - before)
}

#[tokio::test]
async fn an_index_finds_what_is_asked_for() {
    let db = filled().await;
    let ago = |seconds: i64| -> DateTime<Utc> { Utc::now() - TimeDelta::seconds(seconds) };
    let none = Filters::default;
    for (what, filters, found) in [
        ("a rare user", Filters { actor: Some(999), ..none() }, 10..=10),
        ("a rare action", Filters { action: Some("PatientDeactivate".into()), ..none() }, 10..=10),
        ("a rare patient", Filters { patient: Some(999_999), ..none() }, 10..=10),
        ("a patient", Filters { patient: Some(77), ..none() }, 20..=20),
        ("a patient of lists", Filters { patient: Some(100), ..none() }, 20..=20),
        ("a patient of both", Filters { patient: Some(101), ..none() }, 21..=21),
        (
            "a patient into whom others were merged",
            Filters { patient: Some(999_999), merged: vec![77, 100], ..none() },
            21..=21,
        ),
        (
            "nobody, into whom a rare patient was merged",
            Filters { patient: Some(12_345), merged: vec![999_999], ..none() },
            10..=10,
        ),
        ("nobody", Filters { actor: Some(12_345), ..none() }, 0..=0),
        ("an hour", Filters { start: Some(ago(903_600)), end: Some(ago(900_000)), ..none() }, 21..=21),
        (
            "a user's hour",
            Filters { actor: Some(8), start: Some(ago(903_600)), end: Some(ago(900_000)), ..none() },
            3..=5,
        ),
    ] {
        let (rows, touched) = read(&db, filters, Position::First).await;
        assert!(found.contains(&rows) && touched <= 700, "{what}: {rows} rows of {touched} that were read");
    }
}

#[tokio::test]
async fn a_page_far_in_costs_what_the_first_one_costs() {
    let db = filled().await;
    let far = (Utc::now() - TimeDelta::seconds(18 * ROWS * 9 / 10)).timestamp_micros();
    for (filters, position) in [
        (Filters::default(), Position::First),
        (Filters::default(), Position::After(json!([far, 1]))),
        (Filters::default(), Position::Before(json!([far, 1]))),
        (Filters { action: Some("PatientRead".into()), ..Filters::default() }, Position::After(json!([far, 1]))),
    ] {
        let what = format!("{filters:?} {position:?}");
        let (rows, touched) = read(&db, filters, position).await;
        assert!(rows == 21 && touched <= COUNTED + 500, "{what}: {rows} rows of {touched} that were read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_many_is_filed_by_the_worker() {
    let db = TestDb::new("patients", migrations()).await;
    let lists = |count: i32| {
        format!(
            "INSERT INTO audit_log (at, actor, role, action, object, patients, outcome) \
             SELECT now(), 7, 'RECEPTIONIST', 'PatientRead', 'GET /api/patients/', ARRAY(SELECT generate_series(i, i + 300)), 'SUCCESS' \
             FROM generate_series(1, {count}) AS i"
        )
    };
    let file = "SELECT audit_file_patients()";
    // autovacuum files them too, when it comes by
    db.sql(
        "DO $$ DECLARE month regclass; BEGIN \
             FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_log'::regclass LOOP \
                 EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', month); \
             END LOOP; \
         END $$",
    )
    .await;
    db.sql(&lists(200)).await;
    assert!(db.number(file).await > 1, "they wait in the index's list");
    db.sql(&lists(200)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(audit::worker::run(db.pool().await, stop.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(db.number(file).await, 0, "the worker filed what it met");
    db.sql(&lists(200)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(db.number(file).await > 1, "few wait");
    db.sql(&lists(4_500)).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(db.number(file).await, 0, "1,350,000 places do not wait so long");
    stop.cancel();
    running.await.unwrap().unwrap();
}
