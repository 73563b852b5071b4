//! What becomes of requests when PostgreSQL is away, slow, or throws them out.

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use chassis::db::{self, DbConfig};
use chassis::problem::Problem;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use testkit::TestDb;

fn config(db: &TestDb) -> DbConfig {
    DbConfig {
        url: db.app_url.clone().into(),
        pool_size: 2,
        wait: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(300),
    }
}

async fn run(pool: &db::Pool, sql: &str) -> Result<usize, Problem> {
    Ok(diesel::sql_query(sql).execute(&mut db::get(pool).await?).await?)
}

fn is_unavailable(outcome: Result<usize, Problem>) -> bool {
    let problem = outcome.unwrap_err();
    let headers = problem.response(None, None);
    problem.status() == StatusCode::SERVICE_UNAVAILABLE && headers.headers().contains_key("retry-after")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_503() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let away = DbConfig { url: format!("postgres://a:b@{nobody}/c").into(), ..config(&db) };
    assert!(is_unavailable(run(&db::pool(&away, "test").unwrap(), "SELECT 1").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_stays_busy_is_503_within_its_wait() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db::pool(&config(&db), "test").unwrap();
    let (_one, _two) = (db::get(&pool).await.unwrap(), db::get(&pool).await.unwrap());
    let begun = Instant::now();
    assert!(is_unavailable(run(&pool, "SELECT 1").await));
    assert!(begun.elapsed() < Duration::from_secs(3), "the wait has a bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_503() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db::pool(&config(&db), "test").unwrap();
    assert!(is_unavailable(run(&pool, "SELECT pg_sleep(5)").await));
    assert_eq!(run(&pool, "SELECT 1").await.unwrap(), 1, "the connection serves the next one");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_killed_are_replaced() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db::pool(&config(&db), "chassis-victim").unwrap();
    run(&pool, "SELECT 1").await.unwrap();
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chassis-victim'").await;
    testkit::eventually(|| async { run(&pool, "SELECT 1").await.is_ok() }).await;
}

/// Whoever asked has hung up: what the request had locked is free for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_given_up_holds_nothing() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db::pool(&config(&db), "test").unwrap();
    let given_up = async {
        let conn = &mut *db::get(&pool).await.unwrap();
        conn.transaction(async |conn: &mut AsyncPgConnection| {
            diesel::sql_query("SELECT pg_advisory_xact_lock(7)").execute(conn).await?;
            std::future::pending::<Result<(), diesel::result::Error>>().await
        })
        .await
    };
    assert!(tokio::time::timeout(Duration::from_millis(200), given_up).await.is_err());
    let held = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database() \
        WHERE locktype = 'advisory' AND objid = 7";
    testkit::eventually(|| async { db.number(held).await == 0 }).await;
    assert_eq!(run(&pool, "SELECT 1").await.unwrap(), 1, "another connection takes its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_older_than_the_binary_is_refused() {
    let old = TestDb::new("chassis", vec![]).await;
    let refused = db::require_migrated(&old.pool().await, vec![chassis::MIGRATIONS]).await.unwrap_err();
    assert!(format!("{refused:#}").contains("never migrated: run the `migrate` command"), "{refused:#}");
    db::migrate(&old.owner_url.clone().into(), vec![chassis::MIGRATIONS]).await.unwrap();
    db::require_migrated(&old.pool().await, vec![chassis::MIGRATIONS]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_not_taken_for_an_empty_one() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let mut busy = AsyncPgConnection::establish(&db.superuser_url).await.unwrap();
    let lock = "BEGIN; LOCK TABLE chassis.__diesel_schema_migrations IN ACCESS EXCLUSIVE MODE";
    busy.batch_execute(lock).await.unwrap();
    let pool = db::pool(&config(&db), "test").unwrap();
    let refused = format!("{:#}", db::require_migrated(&pool, vec![chassis::MIGRATIONS]).await.unwrap_err());
    assert!(refused.contains("statement timeout") && !refused.contains("migrate`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_serves_cannot_change_the_schema() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db.pool().await;
    for forbidden in ["DROP TABLE idempotency_keys", "CREATE TABLE x (i int)", "ALTER TABLE idempotency_keys ADD y int"]
    {
        assert_eq!(run(&pool, forbidden).await.unwrap_err().status(), StatusCode::INTERNAL_SERVER_ERROR, "{forbidden}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_has_its_settings() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db::pool(&config(&db), "test").unwrap();
    for (setting, value) in [("statement_timeout", "300ms"), ("jit", "off"), ("application_name", "test")] {
        let unless = format!("SELECT 1 WHERE current_setting('{setting}') = '{value}'");
        assert_eq!(run(&pool, &unless).await.unwrap(), 1, "{setting}");
    }
}
