//! What is written before an answer leaves.

use auth::Role;
use serde_json::json;

use crate::clinic::{Clinic, migrations, routes};
use testkit::{Server, TestDb, Tokens};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_row_and_says_how_it_ended() {
    let clinic = Clinic::open().await;
    let doctor = clinic.token(Role::Doctor);
    clinic.server.get("/api/patients/7/", &doctor).await.expect(200);
    clinic.server.get("/api/patients/404/", &doctor).await.expect(404);
    clinic.server.get("/api/patients/7/", &clinic.token(Role::Auditor)).await.expect(403);
    clinic.server.get("/api/patients/7/", "").await.expect(401);
    let call = clinic.server.call(reqwest::Method::GET, "/api/patients/8/").token(&doctor);
    let call = call.header("user-agent", "ward-tablet/3").header("x-forwarded-for", "10.0.0.1, 203.0.113.7");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    call.header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01")).send().await.expect(200);
    clinic.server.post("/api/patients/7/", &doctor, &json!({})).await.expect(204);
    clinic.server.post("/api/patients/409/", &doctor, &json!({})).await.expect(409);
    for (condition, expected) in [
        ("true", 7),
        ("patients = '{8}' AND user_agent = 'ward-tablet/3' AND address = '203.0.113.7'", 1),
        ("at > now() - interval '1 minute' AND at <= now() AND reason IS NULL", 7),
        (
            "object = 'GET /api/patients/7/' AND outcome = 'SUCCESS' AND patients = '{7}' AND actor = 1 AND role = 'DOCTOR'",
            1,
        ),
        ("action = 'PatientRead' AND session IS NOT NULL AND address = '127.0.0.1'", 3),
        ("outcome = 'NOT_FOUND' AND actor = 1", 1),
        ("outcome = 'DENIED' AND role = 'AUDITOR'", 1),
        ("outcome = 'UNAUTHENTICATED' AND actor IS NULL AND action = 'PatientRead'", 1),
        ("object = 'POST /api/patients/7/' AND outcome = 'SUCCESS' AND patients = '{7}'", 1),
        ("object = 'POST /api/patients/409/' AND outcome = 'SUCCESS'", 0),
        ("object = 'POST /api/patients/409/' AND outcome = 'REFUSED'", 1),
    ] {
        assert_eq!(clinic.rows(condition).await, expected, "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_forgets_whose_records_it_shows_answers_nothing() {
    let clinic = Clinic::open().await;
    let answer = clinic.server.get("/api/patients/7/forgetful/", &clinic.token(Role::Doctor)).await.expect(500);
    assert!(!answer.text.contains("nobody named"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_when_nothing_can_be_written() {
    let db = TestDb::new("patients", migrations()).await;
    let tokens = Tokens::new();
    let server = Server::start("clinic", routes(&db.app_url, &tokens)).await;
    db.sql("REVOKE INSERT ON audit_log FROM patients_app; REVOKE INSERT (at) ON audit_log FROM patients_app").await;
    let answer = server.get("/api/patients/7/", &tokens.mint(1, Role::Doctor)).await.expect(503);
    assert!(!answer.text.contains("a patient") && !answer.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_page_and_filter_and_nobody_else_reads() {
    let clinic = Clinic::open().await;
    let (doctor, auditor) = (clinic.token(Role::Doctor), clinic.token(Role::Auditor));
    for id in [7, 7, 8] {
        clinic.server.get(&format!("/api/patients/{id}/"), &doctor).await.expect(200);
    }
    clinic.server.get("/api/patients/audit/", &doctor).await.expect(403);
    let page = clinic.server.get("/api/patients/audit/?patient=7&page_size=1", &auditor).await.expect(200);
    assert_eq!((page.body["count"].as_i64(), page.body["results"].as_array().unwrap().len()), (Some(2), 1));
    let next = page.body["next"].as_str().unwrap().trim_start_matches(&clinic.server.url);
    let second = clinic.server.get(next, &auditor).await.expect(200);
    assert_eq!(second.body["results"].as_array().unwrap().len(), 1);
    assert_ne!(second.body["results"][0]["id"], page.body["results"][0]["id"]);
    assert_eq!(second.body["next"], json!(null));
    for (query, count) in [
        ("actor=1&action=PatientRead", 3),
        ("actor=2", 0),
        ("start=2020-01-01&end=2020-02-01", 0),
        ("start=2020-01-01T00:00:00Z&patient=8", 1),
    ] {
        let found = clinic.server.get(&format!("/api/patients/audit/?{query}"), &auditor).await.expect(200);
        assert_eq!(found.body["count"], json!(count), "{query}");
    }
    let faulty = clinic.server.get("/api/patients/audit/?patient=x&start=soon&who=1", &auditor).await.expect(400);
    assert_eq!(faulty.faulty_fields().len(), 3, "{}", faulty.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_verified_by_following_next() {
    let clinic = Clinic::open().await;
    let (doctor, auditor) = (clinic.token(Role::Doctor), clinic.token(Role::Auditor));
    for id in 1..=3 {
        clinic.server.get(&format!("/api/patients/{id}/"), &doctor).await.expect(200);
        clinic.link_all().await;
    }
    let mut verdict = clinic.server.get("/api/patients/audit/verify/", &auditor).await.expect(200).body;
    assert_eq!([&verdict["links"], &verdict["holds"]], [&json!(1), &json!(true)]);
    while let Some(next) = verdict["next"].as_str() {
        assert!(next.starts_with(&clinic.server.url), "{next}");
        let path = next.trim_start_matches(&clinic.server.url).to_owned();
        clinic.server.get(&format!("{path}&seq=1&hash=00"), &auditor).await.expect(400);
        clinic.server.get(&path, &doctor).await.expect(403);
        verdict = clinic.server.get(&path, &auditor).await.expect(200).body;
    }
    assert!(verdict["links"].as_i64() >= Some(3) && verdict["holds"] == true, "{verdict}");
    for query in ["cursor=bm8gY3Vyc29y", "seq=1", "hash=00"] {
        clinic.server.get(&format!("/api/patients/audit/verify/?{query}"), &auditor).await.expect(400);
    }
}
