//! One key, one effect.

use actix_web::body::to_bytes;
use actix_web::test::TestRequest;
use actix_web::{FromRequest, Responder};
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey, keep_pruned, prune};
use chassis::problem::Problem;
use chassis::shutdown::CancellationToken;
use chassis::strict_json::digest;
use diesel_async::{AsyncConnection, RunQueryDsl};
use futures_util::future::join_all;
use testkit::{TestDb, eventually};

async fn key(path: &str, value: &str) -> IdempotencyKey {
    let request = TestRequest::post().uri(path).insert_header(("idempotency-key", value)).to_http_request();
    IdempotencyKey::extract(&request).await.unwrap()
}

/// A payment, as a service would take it: the work is one row.
async fn pay(pool: &db::Pool, key: &IdempotencyKey, actor: i64, body: &[u8]) -> Result<Answer, Problem> {
    let mut conn = db::get(pool).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor, &digest(body)).await? {
            return Ok(stored.into());
        }
        diesel::sql_query("INSERT INTO idempotency_keys (actor, key, operation, digest) VALUES (-1, gen_random_uuid()::text, 'work', decode(repeat('00', 32), 'hex'))")
            .execute(conn)
            .await?;
        let answer = Answer::created("/payments/1/".to_owned(), 1, &"paid")?;
        key.store(conn, actor, &answer).await?;
        Ok(answer)
    })
    .await
}

async fn shown(answer: Answer) -> (u16, bool, String) {
    let response = answer.respond_to(&TestRequest::default().to_http_request());
    let (status, replayed) = (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"));
    (status, replayed, String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap())
}

const WORK: &str = "SELECT count(*) FROM chassis.idempotency_keys WHERE operation = 'work'";

#[tokio::test(flavor = "multi_thread")]
async fn the_second_time_gives_the_first_answer_and_no_effect() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let (pool, key) = (db.pool().await, key("/payments/", "k1").await);
    assert_eq!(shown(pay(&pool, &key, 7, b"a").await.unwrap()).await, (201, false, "\"paid\"".to_owned()));
    assert_eq!(shown(pay(&pool, &key, 7, b"a").await.unwrap()).await, (201, true, "\"paid\"".to_owned()));
    assert_eq!(db.number(WORK).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_body_its_operation_and_its_owner() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db.pool().await;
    pay(&pool, &key("/payments/", "k1").await, 7, b"a").await.unwrap();
    assert_eq!(pay(&pool, &key("/payments/", "k1").await, 7, b"b").await.unwrap_err().status(), 409);
    assert_eq!(pay(&pool, &key("/refunds/", "k1").await, 7, b"a").await.unwrap_err().status(), 409);
    pay(&pool, &key("/payments/", "k1").await, 8, b"b").await.unwrap();
    assert_eq!(db.number(WORK).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_at_the_same_instant_have_one_effect() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let (pool, key) = (db.pool().await, key("/payments/", "k1").await);
    let answers = join_all((0..30).map(|_| pay(&pool, &key, 7, b"a"))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(db.number(WORK).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_answers_are_forgotten() {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let pool = db.pool().await;
    pay(&pool, &key("/payments/", "k1").await, 7, b"a").await.unwrap();
    db.sql("UPDATE chassis.idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'k1'").await;
    assert_eq!(prune(&mut db::get(&pool).await.unwrap()).await.unwrap(), 1);
}

/// So many answers of a day ago and more, and so many of today.
async fn answers_of(old: u32, young: u32) -> TestDb {
    let db = TestDb::new("chassis", vec![chassis::MIGRATIONS]).await;
    let some = format!(
        "INSERT INTO idempotency_keys (actor, key, operation, digest, created_at) \
         SELECT 1, n::text, 'work', decode(repeat('00', 32), 'hex'), now() - interval '25 hours' * (n <= {old})::int \
         FROM generate_series(1, {old} + {young}) AS n"
    );
    db.sql(&some).await;
    db.sql("VACUUM ANALYZE idempotency_keys").await;
    db
}

#[tokio::test(flavor = "multi_thread")]
async fn to_forget_what_is_old_the_rest_is_not_read() {
    let db = answers_of(2_500, 30_000).await;
    let mut conn = db.connect().await;
    for forgotten in [1_000, 1_000, 500, 0] {
        assert_eq!(prune(&mut conn).await.unwrap(), forgotten);
    }
    // A session tells what it did when it ends.
    drop(conn);
    let of_table = |what: &str| format!("SELECT {what} FROM pg_stat_user_tables WHERE relname = 'idempotency_keys'");
    eventually(|| async { db.number(&of_table("n_tup_del")).await == 2_500 }).await;
    let looked_at = db.number(&of_table("seq_tup_read + idx_tup_fetch")).await;
    assert!(looked_at < 10_000, "{looked_at} rows for 2,500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_forgets_all_that_is_old_at_once() {
    let db = answers_of(5_500, 10).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(keep_pruned(db.pool().await, stop.clone()));
    eventually(|| async { db.number(WORK).await == 10 }).await;
    stop.cancel();
    worker.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    for value in ["", " ", &"x".repeat(256)] {
        let request = TestRequest::post().insert_header(("idempotency-key", value)).to_http_request();
        assert_eq!(IdempotencyKey::extract(&request).await.unwrap_err().status(), 400, "{value:?}");
    }
    let request = TestRequest::post().to_http_request();
    assert_eq!(IdempotencyKey::extract(&request).await.unwrap().require().unwrap_err().status(), 400);
}
