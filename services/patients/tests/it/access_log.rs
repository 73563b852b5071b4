//! A patient sees who opened their record.

use std::slice::from_ref;

use audit::query::rows;
use auth::Role;
use chassis::page::{PageRequest, Position};
use diesel_async::RunQueryDsl;
use events::v1::{Envelope, UserSnapshot};
use events::{Handler, Payload};
use patients::access_log::opened;
use patients::events::Heard;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use crate::hospital::{AUDITOR, DOCTOR, Hospital, NURSE, OTHER_DOCTOR, PATIENT, RECEPTIONIST, id, lakshmi};

const REASON: &str = "Unconscious in casualty";

async fn told(hospital: &Hospital, user: i64, role: Role, first_name: &str, last_name: &str) {
    let user = UserSnapshot {
        id: user,
        role: role.as_str().into(),
        first_name: first_name.into(),
        last_name: last_name.into(),
        is_active: true,
        version: 2,
        ..UserSnapshot::default()
    };
    let event = Envelope::new(None, ("user", user.id), None, Payload::UserUpdated(user));
    Heard.apply(&mut hospital.db.connect().await, &event).await.unwrap();
}

async fn log(hospital: &Hospital, patient: i64, token: &str) -> Answer {
    hospital.server.get(&format!("/api/patients/{patient}/access-log/"), token).await
}

fn results(answer: &Answer) -> Vec<Value> {
    answer.body["results"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_who_when_in_what_role_and_why() {
    let hospital = Hospital::open().await;
    told(&hospital, DOCTOR, Role::Doctor, "Asha", "Rao").await;
    told(&hospital, RECEPTIONIST, Role::Receptionist, "Divya", "").await;
    told(&hospital, PATIENT, Role::Patient, "Lakshmi", "Raman").await;
    let patient = id(&hospital.register(&lakshmi()).await);
    let path = format!("/api/patients/{patient}/");
    hospital.server.get(&path, &hospital.doctor()).await.expect(200);
    let stranger = hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor);
    hospital.server.get(&path, &stranger).await.expect(404);
    let emergency = hospital.server.call(Method::GET, &path).token(&stranger).header("X-Break-Glass", REASON);
    emergency.send().await.expect(200);
    hospital.server.get(&path, &hospital.accountant()).await.expect(200);
    hospital.server.patch(&path, &hospital.patient(), &json!({"phone": "9876501234"})).await.expect(200);
    log(&hospital, patient, &hospital.tokens.mint(AUDITOR, Role::Auditor)).await.expect(200);

    let seen = results(&log(&hospital, patient, &hospital.patient()).await.expect(200));
    let lines: Vec<Value> = seen
        .iter()
        .map(|row| json!([row["role"], row["name"], row["own"], row["action"], row["purpose"], row["reason"]]))
        .collect();
    let expected = [
        json!(["AUDITOR", null, false, "PatientAccessLog", "AUDIT", null]),
        json!(["PATIENT", null, true, "PatientWrite", "OWN", null]),
        json!(["ACCOUNTANT", null, false, "PatientRead", "BILLING", null]),
        json!(["DOCTOR", null, false, "PatientRead", "EMERGENCY", REASON]),
        json!(["DOCTOR", "Asha Rao", false, "PatientRead", "TREATMENT", null]),
        json!(["RECEPTIONIST", "Divya", false, "PatientRegister", "ADMINISTRATION", null]),
    ];
    assert_eq!(lines, expected, "the refused one is not there, the latest first");
    assert!(seen.is_sorted_by(|a, b| a["at"].as_str() >= b["at"].as_str()));
    // looking at it is in it
    let again = results(&log(&hospital, patient, &hospital.patient()).await.expect(200));
    assert_eq!((&again[0]["action"], &again[0]["own"]), (&json!("PatientAccessLog"), &json!(true)));
    // of a deactivated record too
    hospital.server.delete(&path, &hospital.admin()).await.expect(204);
    let after = results(&log(&hospital, patient, &hospital.patient()).await.expect(200));
    assert_eq!((&after[0]["action"], &after[0]["purpose"]), (&json!("PatientDeactivate"), &json!("ADMINISTRATION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_patients_own() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    let other = hospital.register_named("Ravi", "Raman").await;
    let mint = |user, role| hospital.tokens.mint(user, role);
    for (user, role, status) in [
        (1, Role::Admin, 200),
        (AUDITOR, Role::Auditor, 200),
        (PATIENT, Role::Patient, 200),
        (DOCTOR, Role::Doctor, 403),
        (NURSE, Role::Nurse, 403),
        (RECEPTIONIST, Role::Receptionist, 403),
        (6, Role::Accountant, 403),
        (99, Role::Patient, 404),
    ] {
        log(&hospital, own, &mint(user, role)).await.expect(status);
    }
    log(&hospital, other, &hospital.patient()).await.expect(404);
    log(&hospital, 4242, &hospital.admin()).await.expect(404);
    // a doctor's reason opens no log
    let path = format!("/api/patients/{own}/access-log/");
    let doctor = hospital.server.call(Method::GET, &path).token(&hospital.doctor());
    doctor.header("X-Break-Glass", REASON).send().await.expect(403);
    let refused = hospital.server.get(&format!("{path}?page_size=0&patient={other}"), &hospital.patient()).await;
    refused.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_page_by_page_and_a_cursor_leads_into_no_other_record() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    let other = hospital.register_named("Ravi", "Raman").await;
    for _ in 0..6 {
        hospital.server.get(&format!("/api/patients/{own}/"), &hospital.doctor()).await.expect(200);
        hospital.server.get(&format!("/api/patients/{other}/"), &hospital.accountant()).await.expect(200);
    }
    let path = |id: i64| format!("/api/patients/{id}/access-log/");
    let first = hospital.server.get(&format!("{}?page_size=3", path(own)), &hospital.patient()).await.expect(200).body;
    assert_eq!((&first["count"], &first["previous"]), (&json!(7), &Value::Null));
    let next = first["next"].as_str().unwrap();
    let (_, query) = next.split_once('?').unwrap();
    let second = hospital.server.get(&format!("{}?{query}", path(own)), &hospital.patient()).await.expect(200).body;
    assert_eq!(second["results"].as_array().unwrap().len(), 3);
    assert!(second["results"][0]["at"].as_str() <= first["results"][2]["at"].as_str());
    let back = second["previous"].as_str().unwrap().split_once('?').unwrap().1;
    let back = hospital.server.get(&format!("{}?{back}", path(own)), &hospital.patient()).await.expect(200).body;
    assert_eq!(back["results"], first["results"]);
    // the administrator's cursor of another record shows the patient their own
    let theirs = hospital.server.get(&format!("{}?page_size=2", path(other)), &hospital.admin()).await.expect(200).body;
    let (_, query) = theirs["next"].as_str().unwrap().split_once('?').unwrap();
    let shown = hospital.server.get(&format!("{}?{query}", path(own)), &hospital.patient()).await.expect(200);
    assert!(results(&shown).iter().all(|row| row["role"] != "ACCOUNTANT"), "{}", shown.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_records_are_one_so_are_their_logs() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    hospital
        .db
        .sql("INSERT INTO staff (id, role, department, is_active, version) VALUES (88, 'PATIENT', '', true, 1)")
        .await;
    let gone = json!({"first_name": "Laxmi", "last_name": "Raman", "primary_doctor": OTHER_DOCTOR, "user": 88});
    let gone = id(&hospital.register(&gone).await);
    let other = hospital.register_named("Ravi", "Raman").await;
    let path = |id: i64| format!("/api/patients/{id}/");
    let other_doctor = hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor);
    let account = hospital.tokens.mint(88, Role::Patient);
    told(&hospital, OTHER_DOCTOR, Role::Doctor, "Vikram", "Seth").await;
    hospital.server.get(&path(own), &hospital.doctor()).await.expect(200);
    hospital.server.get(&path(gone), &other_doctor).await.expect(200);
    hospital.server.get(&path(gone), &account).await.expect(200);
    hospital.server.get(&path(other), &hospital.accountant()).await.expect(200);
    let lines = async |id: i64, query: &str| -> (i64, Vec<Value>) {
        let log = hospital.server.get(&format!("{}access-log/{query}", path(id)), &hospital.admin()).await.expect(200);
        let lines = results(&log).into_iter().filter(|row| row["action"] != "PatientAccessLog");
        let lines = lines.map(|row| json!([row["action"], row["role"], row["name"], row["own"], row["purpose"]]));
        (log.body["count"].as_i64().unwrap(), lines.collect())
    };
    let of_gone = [
        json!(["PatientRead", "PATIENT", null, true, "OWN"]),
        json!(["PatientRead", "DOCTOR", "Vikram Seth", false, "TREATMENT"]),
    ];
    let registered = json!(["PatientRegister", "RECEPTIONIST", null, false, "ADMINISTRATION"]);
    let read = json!(["PatientRead", "DOCTOR", null, false, "TREATMENT"]);
    let merged = json!(["PatientMerge", "RECEPTIONIST", null, false, "ADMINISTRATION"]);
    let before = lines(own, "").await.1;
    assert_eq!(before, [read.clone(), registered.clone()]);
    assert_eq!(lines(gone, "").await.1, [&of_gone[..], from_ref(&registered)].concat());

    let act = async |what: &str| {
        let body = json!({"source": gone});
        hospital.server.post(&format!("{}{what}/", path(own)), &hospital.receptionist(), &body).await.expect(200);
    };
    act("merge").await;
    let (count, all) = lines(own, "?page_size=100").await;
    let expected = [from_ref(&merged), &of_gone[..], &[read.clone(), registered.clone(), registered.clone()]].concat();
    assert_eq!(all, expected, "each row once, also of what was about both, the latest first");
    assert_eq!(lines(gone, "?page_size=100").await.1, expected, "the old id asks for the same log");
    assert_eq!(count, i64::try_from(expected.len()).unwrap() + 2, "and the times that this log was looked at");
    // page by page it is the same
    let (mut next, mut paged) = (Some("?page_size=2".to_owned()), Vec::new());
    while let Some(query) = next {
        let page =
            hospital.server.get(&format!("{}access-log/{query}", path(own)), &hospital.patient()).await.expect(200);
        paged.extend(results(&page).into_iter().filter(|row| row["action"] != "PatientAccessLog"));
        next = page.body["next"].as_str().map(|url| format!("?{}", url.split_once('?').unwrap().1));
    }
    assert_eq!(paged.len(), expected.len());
    hospital.server.get(&format!("{}access-log/", path(own)), &account).await.expect(404);

    act("unmerge").await;
    let apart = json!(["PatientUnmerge", "RECEPTIONIST", null, false, "ADMINISTRATION"]);
    let (mine, theirs) = (lines(own, "?page_size=100").await.1, lines(gone, "?page_size=100").await.1);
    let acts = |lines: &[Value]| lines.iter().filter(|line| **line == apart || line[0] == "PatientMerge").count();
    assert_eq!((acts(&mine), acts(&theirs)), (2, 2));
    assert!(!mine.iter().any(|line| of_gone.contains(line)), "{mine:?}");
    assert!(of_gone.iter().all(|line| theirs.contains(line)) && !theirs.contains(&read), "{theirs:?}");
    hospital.server.get(&format!("{}access-log/", path(gone)), &account).await.expect(200);
}

#[tokio::test]
async fn an_index_finds_it() {
    let hospital = Hospital::open().await;
    let rows_of_others = 20_000;
    hospital
        .db
        .sql(&format!(
            "INSERT INTO audit_log (at, actor, role, action, object, patients, outcome) \
             SELECT now() - i * interval '90 seconds', 2, 'DOCTOR', 'PatientRead', 'GET /api/patients/1/', \
               CASE WHEN i % 1000 = 7 THEN '{{999999}}' WHEN i % 1000 = 8 THEN '{{1,999999}}' ELSE ARRAY[i % 500] END, 'SUCCESS' \
             FROM generate_series(1, {rows_of_others}) AS i; ANALYZE audit_log"
        ))
        .await;
    let touched = async || {
        hospital
            .db
            .number(
                "SELECT (SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables WHERE relname LIKE 'audit_log_%') \
                 + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relname LIKE 'audit_log_%')",
            )
            .await
    };
    let before = touched().await;
    let mut conn = hospital.db.connect().await;
    let request = PageRequest { filters: opened(999_999, []), size: 100, position: Position::First };
    let (found, count) = rows(&mut conn, &request).await.unwrap();
    diesel::sql_query("SELECT pg_stat_force_next_flush()").execute(&mut conn).await.unwrap();
    diesel::sql_query("SELECT 1").execute(&mut conn).await.unwrap();
    let read = touched().await - before;
    assert_eq!((found.len(), count.rows), (40, 40));
    assert!(read <= 200, "{read} rows were read for 40");
    // of somebody who was merged into somebody, and into whom another one was
    let before = touched().await;
    let request = PageRequest { filters: opened(888_888, [999_999, 3]), size: 100, position: Position::First };
    let (found, count) = rows(&mut conn, &request).await.unwrap();
    diesel::sql_query("SELECT pg_stat_force_next_flush()").execute(&mut conn).await.unwrap();
    diesel::sql_query("SELECT 1").execute(&mut conn).await.unwrap();
    let read = touched().await - before;
    assert_eq!((found.len(), count.rows), (80, 80));
    assert!(read <= 400, "{read} rows were read for 80");
}
