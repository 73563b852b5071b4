//! The parts do what tests rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use auth::Role;
use testkit::{Queues, TestDb, Tokens};

#[tokio::test]
async fn good_tokens_are_good_and_bad_ones_bad() {
    let tokens = Tokens::new();
    let claims = tokens.verifier().verify(&tokens.mint(7, Role::Nurse)).await.unwrap();
    assert_eq!((claims.user_id(), claims.role), (Some(7), Role::Nurse));
    for (what, token) in tokens.bad(7, Role::Nurse) {
        assert!(tokens.verifier().verify(&token).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn databases_are_apart_and_gone_with_their_values() {
    let (a, b) =
        (TestDb::new("kit", vec![chassis::MIGRATIONS]).await, TestDb::new("kit", vec![chassis::MIGRATIONS]).await);
    a.sql("CREATE TABLE only_here ()").await;
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'";
    assert_eq!((a.number(tables).await, b.number(tables).await), (1, 0));
    drop(a);
    let others = "SELECT count(*) FROM pg_database WHERE datname LIKE 't_kit_%' AND datname <> current_database()";
    testkit::eventually(|| async { b.number(others).await == 0 }).await;
}

#[tokio::test]
async fn queues_are_apart_and_gone_with_their_values() {
    let (a, b) = (Queues::new().await, Queues::new().await);
    a.put("billing", "g", "x").await;
    assert_eq!((a.depth("billing").await, b.depth("billing").await), (1, 0));
    let config = a.config().clone();
    drop(a);
    assert!(Queues::connect(&config).url("billing").await.is_err());
}
