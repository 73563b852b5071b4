//! Months come, and old ones go.

use std::time::Duration;

use audit::verify::{Verification, verify};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use testkit::TestDb;

use crate::clinic::{link_all, migrations, trail};

#[tokio::test]
async fn the_worker_makes_months_and_only_the_owner_detaches_them() {
    let db = TestDb::new("patients", migrations()).await;
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_log'::regclass";
    assert_eq!(db.number(months).await, 5, "last month, this one, three ahead");
    let mut app = db.connect().await;
    diesel::sql_query("SELECT audit_make_partitions(5)").execute(&mut app).await.unwrap();
    assert_eq!(db.number(months).await, 7);

    db.sql(
        "CREATE TABLE audit_log_2016_03 PARTITION OF audit_log FOR VALUES FROM ('2016-03-01 00:00Z') TO ('2016-04-01 00:00Z')",
    )
    .await;
    let insert = "INSERT INTO audit_log (at, action, object, patients, outcome) VALUES ('2016-03-09', 'x', 'x', '{}', 'SUCCESS')";
    for _old in 1..=2 {
        db.sql(insert).await;
        link_all(&db.app_url).await;
    }
    audit::write(&mut app, &trail("GET /x/", [7]), [7]).await.unwrap();
    link_all(&db.app_url).await;
    let mut under_way = Verification::new(None);
    let first = under_way.go_on(&mut app, Some(Duration::ZERO)).await.unwrap();
    assert_eq!((first.links, first.rows), (1, 1));

    let mut owner = AsyncPgConnection::establish(&db.owner_url).await.unwrap();
    db.sql("ALTER TABLE audit_log_2016_03 OWNER TO patients_owner").await;
    diesel::sql_query("SELECT audit_detach(6)").execute(&mut owner).await.unwrap();
    assert_eq!(db.number(months).await, 7);
    assert_eq!(db.number("SELECT count(*) FROM audit_log_2016_03").await, 2, "it is a table of its own");
    let verdict = verify(&mut app, None).await.unwrap();
    assert!(verdict.holds, "{verdict:?}");
    assert_eq!((verdict.links, verdict.rows), (1, 1), "verifying begins after what was detached");
    let rest = under_way.go_on(&mut app, None).await.unwrap();
    assert!(rest.holds && rest.links == 2, "and goes on there: {rest:?}");
}
