//! What PostgreSQL refuses, and to whom.

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use testkit::TestDb;

use crate::clinic::{migrations, trail};

async fn refused(conn: &mut AsyncPgConnection, sql: &str) -> bool {
    diesel::sql_query(sql).execute(conn).await.is_err()
}

#[tokio::test]
async fn nobody_changes_removes_or_empties() {
    let db = TestDb::new("patients", migrations()).await;
    let mut app = db.connect().await;
    audit::write(&mut app, &trail("GET /x/", [7]), [7]).await.unwrap();
    let month = format!("audit_log_{}", chrono::Utc::now().format("%Y_%m"));
    let mut owner = AsyncPgConnection::establish(&db.owner_url).await.unwrap();
    let mut superuser = AsyncPgConnection::establish(&db.superuser_url).await.unwrap();
    diesel::sql_query("SET search_path = patients").execute(&mut superuser).await.unwrap();
    for conn in [&mut app, &mut owner, &mut superuser] {
        for sql in [
            "UPDATE audit_log SET actor = 2".to_owned(),
            "DELETE FROM audit_log".to_owned(),
            "TRUNCATE audit_log".to_owned(),
            format!("UPDATE {month} SET actor = 2"),
            format!("DELETE FROM {month}"),
            format!("TRUNCATE {month}"),
            "TRUNCATE audit_link".to_owned(),
        ] {
            assert!(refused(conn, &sql).await, "{sql}");
        }
    }
    for sql in [
        "INSERT INTO audit_log (tx, at, action, object, patients, outcome) VALUES (1, now(), 'x', 'x', '{}', 'SUCCESS')",
        "INSERT INTO audit_log (id, at, action, object, patients, outcome) VALUES (1, now(), 'x', 'x', '{}', 'SUCCESS')",
        "INSERT INTO audit_anchor (seq, end_tx, hash) VALUES (1, 1, '')",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TABLE audit_log",
        "SELECT audit_detach(1)",
    ] {
        assert!(refused(&mut app, sql).await, "{sql}");
    }
    assert_eq!(db.number("SELECT count(*) FROM audit_log WHERE actor IS NULL").await, 1);
}
