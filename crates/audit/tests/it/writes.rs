//! Requests that wait together share a commit; work that is rolled back leaves no row.

use audit::row::Outcome;
use diesel::result::Error;
use diesel_async::AsyncConnection;
use futures_util::future::join_all;
use testkit::TestDb;

use crate::clinic::{migrations, recorder, trail};

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_together_shares_a_commit() {
    let db = TestDb::new("patients", migrations()).await;
    let recorder = recorder(&db.app_url);
    let all = (0..256).map(|one| {
        let recorder = recorder.clone();
        async move { recorder.record(&trail("GET /x/", [one]), Outcome::Success).await }
    });
    assert!(join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(db.number("SELECT count(*) FROM audit_log").await, 256);
    let commits = db.number("SELECT count(DISTINCT tx) FROM audit_log").await;
    assert!(commits <= 16, "{commits} commits for 256 rows that waited together");
}

#[tokio::test]
async fn a_row_is_kept_exactly_when_its_work_is() {
    let db = TestDb::new("patients", migrations()).await;
    let mut conn = db.connect().await;
    let undone = conn
        .transaction(async |conn| {
            audit::write(conn, &trail("POST /x/", []), [7]).await?;
            Err::<(), _>(Error::RollbackTransaction)
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(db.number("SELECT count(*) FROM audit_log").await, 0);
}
