//! `patients audit export`, `verify` and `detach`, as whoever runs the system types them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use audit::chain::hex;
use audit::link::{Head, link};
use serde_json::Value;
use testkit::{TestDb, eventually};

use crate::hospital::Hospital;

fn command(db: &TestDb, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patients"));
    command.arg("audit").args(arguments).env("DATABASE_URL", &db.app_url);
    command.env("EHS_MIGRATE_DATABASE_URL", &db.owner_url).env_remove("EHS_AUDIT_RETENTION_YEARS");
    command
}

fn run(db: &TestDb, arguments: &[&str]) -> Output {
    command(db, arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    printed(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The worker's part: all rows are linked. Gives the head as the log says it.
async fn linked(db: &TestDb) -> String {
    eventually(|| async {
        link(&mut db.connect().await).await.unwrap();
        let unlinked = "SELECT count(*) FROM audit_log WHERE tx >= (SELECT coalesce(max(end_tx), 0) FROM audit_link)";
        db.number(unlinked).await == 0
    })
    .await;
    let head = Head::find(&mut db.connect().await).await.unwrap();
    format!("{}:{}", head.seq, hex(&head.hash))
}

/// Somebody is registered, read, and refused.
async fn busy_hospital() -> (Hospital, i64) {
    let hospital = Hospital::open().await;
    let id = hospital.register_named("Sita", "Iyer").await;
    hospital.server.get(&format!("/api/patients/{id}/"), &hospital.receptionist()).await.expect(200);
    hospital.server.get(&format!("/api/patients/{id}/"), &hospital.accountant()).await.expect(200);
    hospital.server.get("/api/patients/999999/", &hospital.doctor()).await.expect(404);
    hospital.server.get("/api/patients/audit/", &hospital.doctor()).await.expect(403);
    (hospital, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_exported_as_json_and_as_fhir() {
    let (hospital, id) = busy_hospital().await;
    let rows = lines(&run(&hospital.db, &["export"]));
    let outcomes: Vec<&str> = rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["SUCCESS", "SUCCESS", "SUCCESS", "NOT_FOUND", "DENIED"]);
    let read = &rows[1];
    assert_eq!(read["object"], format!("GET /api/patients/{id}/"));
    assert_eq!((&read["patients"][0], &read["role"]), (&id.into(), &"RECEPTIONIST".into()));

    let events = lines(&run(&hospital.db, &["export", "--format", "fhir"]));
    assert_eq!(events.len(), rows.len());
    for (event, row) in events.iter().zip(&rows) {
        assert_eq!(event["resourceType"], "AuditEvent");
        assert_eq!(event["id"], format!("patients-{}", row["id"]));
        assert_eq!(event["outcomeDesc"], row["outcome"]);
        assert_eq!(event["agent"][0]["who"]["identifier"]["value"], row["actor"].to_string());
    }
    assert_eq!(events[1]["entity"][0]["what"]["reference"], format!("Patient/{id}"));

    let at = |row: &Value| row["at"].as_str().unwrap().to_owned();
    let part = lines(&run(&hospital.db, &["export", "--start", &at(&rows[1]), "--end", &at(&rows[3])]));
    assert_eq!(part.as_slice(), &rows[1..3]);
    let faulty = run(&hospital.db, &["export", "--start", "yesterday"]);
    assert!(!faulty.status.success() && faulty.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_fails_for_a_changed_row_and_for_an_end_cut_off() {
    let (hospital, id) = busy_hospital().await;
    let head = linked(&hospital.db).await;
    let whole: Value = serde_json::from_str(&printed(&run(&hospital.db, &["verify", "--head", &head]))).unwrap();
    assert_eq!((&whole["holds"], &whole["holds_head"], &whole["rows"]), (&true.into(), &true.into(), &5.into()));

    let other = head.replace(|digit: char| digit.is_ascii_hexdigit(), "1");
    let unknown = run(&hospital.db, &["verify", "--head", &other]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stdout).contains("\"holds_head\": false"));
    assert!(!run(&hospital.db, &["verify", "--head", "no head"]).status.success());

    let tampered = format!(
        "SET session_replication_role = replica; \
         UPDATE audit_log SET actor = 1 WHERE object = 'GET /api/patients/{id}/' AND role = 'ACCOUNTANT'"
    );
    hospital.db.sql(&tampered).await;
    let changed = run(&hospital.db, &["verify"]);
    let said = String::from_utf8_lossy(&changed.stdout);
    assert!(!changed.status.success() && said.contains("is not what was linked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_months_older_than_the_retention_are_detached_and_only_by_the_owner() {
    let (hospital, _) = busy_hospital().await;
    let db = &hospital.db;
    db.sql(
        "CREATE TABLE audit_log_2019_03 PARTITION OF audit_log FOR VALUES FROM ('2019-03-01 00:00Z') TO ('2019-04-01 00:00Z'); \
         ALTER TABLE audit_log_2019_03 OWNER TO patients_owner; \
         INSERT INTO audit_log (at, action, object, patients, outcome) VALUES ('2019-03-09', 'x', 'x', '{}', 'SUCCESS')",
    )
    .await;
    linked(db).await;
    let detach = |years: &str| command(db, &["detach"]).env("EHS_AUDIT_RETENTION_YEARS", years).output().unwrap();
    assert!(!detach("0").status.success(), "less than a year is refused");
    assert_eq!(printed(&detach("99")), "", "a younger month stays");
    let as_app = command(db, &["detach"]).env("EHS_MIGRATE_DATABASE_URL", &db.app_url).output().unwrap();
    assert!(!as_app.status.success(), "the app's role may not");
    assert_eq!(printed(&run(db, &["detach"])), "audit_log_2019_03 is a table of its own now\n");
    assert_eq!(db.number("SELECT count(*) FROM audit_log").await, 5);
    assert_eq!(db.number("SELECT count(*) FROM audit_log_2019_03").await, 1);
    printed(&run(db, &["verify"]));
}

/// What a process has held at most, in KiB, as Linux counts it.
fn most_held(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_a_few_rows_at_a_time() {
    const ROWS: usize = 60_000;
    let db = TestDb::new("patients", patients::migrations()).await;
    db.sql(&format!(
        "INSERT INTO audit_log (at, actor, role, action, object, patients, outcome) \
         SELECT now() - i * interval '1 second', i, 'DOCTOR', 'PatientRead', repeat('x', 400), '{{7}}', 'SUCCESS' \
         FROM generate_series(1, {ROWS}) AS i"
    ))
    .await;
    let mut export = command(&db, &["export"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(export.stdout.take().unwrap()).lines();
    assert_eq!(lines.by_ref().take(ROWS / 10).count(), ROWS / 10);
    let early = most_held(export.id());
    assert_eq!(lines.by_ref().take(ROWS * 8 / 10).count(), ROWS * 8 / 10);
    let late = most_held(export.id());
    assert_eq!(lines.count(), ROWS / 10);
    assert!(export.wait().unwrap().success());
    if let (Some(early), Some(late)) = (early, late) {
        assert!(late < early + 8 * 1024, "from {early} to {late} KiB over {ROWS} rows");
    }
}
