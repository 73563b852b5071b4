//! Beyond one's care, with a reason.

use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use crate::hospital::{DOCTOR, Hospital, NURSE, OTHER_DOCTOR, id, lakshmi};

const REASON: &str = "Unconscious in casualty, बेहोश";

async fn ask(hospital: &Hospital, method: Method, path: &str, token: &str, reason: &str) -> Answer {
    hospital.server.call(method, path).token(token).header("X-Break-Glass", reason).send().await
}

async fn read(hospital: &Hospital, path: &str, token: &str, reason: &str) -> Answer {
    ask(hospital, Method::GET, path, token, reason).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_opens_for_an_hour_to_who_gave_the_reason() {
    let hospital = Hospital::open().await;
    let patient = hospital.register_named("Ravi", "Raman").await;
    let path = format!("/api/patients/{patient}/");
    hospital.server.get(&path, &hospital.doctor()).await.expect(404);
    let shown = read(&hospital, &path, &hospital.doctor(), REASON).await.expect(200).body;
    assert_eq!(shown["last_name"], "Raman");
    // open now: without the header too, to read and to write as the role may, and on the list
    hospital.server.get(&path, &hospital.doctor()).await.expect(200);
    hospital.server.get(&format!("{path}fhir/"), &hospital.doctor()).await.expect(200);
    hospital.server.patch(&path, &hospital.doctor(), &json!({"blood_group": "O-"})).await.expect(200);
    hospital.server.patch(&path, &hospital.doctor(), &json!({"user": 9})).await.expect(403);
    hospital.server.delete(&path, &hospital.doctor()).await.expect(403);
    assert_eq!(hospital.server.get("/api/patients/", &hospital.doctor()).await.expect(200).body["count"], 1);
    read(&hospital, &path, &hospital.doctor(), "another reason of the same hour").await.expect(200);
    assert_eq!(hospital.count("break_glass_grants").await, 1);
    // and to nobody else
    for token in [hospital.nurse(), hospital.tokens.mint(OTHER_DOCTOR, Role::Doctor)] {
        hospital.server.get(&path, &token).await.expect(404);
    }
    let told = "outbox WHERE event_type = 'BreakGlassUsed'";
    assert_eq!(hospital.count(told).await, 2, "users reviews it, appointments opens the patient's");
    let kept = "break_glass_grants WHERE actor = 2 AND role = 'DOCTOR' AND expires_at = granted_at + interval '1 hour'";
    assert_eq!(hospital.count(kept).await, 1);

    hospital.db.sql("ALTER TABLE break_glass_grants DISABLE TRIGGER ALL").await;
    hospital
        .db
        .sql("UPDATE break_glass_grants SET granted_at = granted_at - interval '1 hour', expires_at = expires_at - interval '1 hour'")
        .await;
    hospital.server.get(&path, &hospital.doctor()).await.expect(404);
    read(&hospital, &path, &hospital.doctor(), REASON).await.expect(200);
    assert_eq!(hospital.count("break_glass_grants").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_on_a_record_takes_it() {
    let hospital = Hospital::open().await;
    let body = json!({"first_name": "Ravi", "blood_group": "O-"});
    for (method, end) in [(Method::GET, ""), (Method::GET, "fhir/"), (Method::PATCH, ""), (Method::PUT, "")] {
        for token in [hospital.doctor(), hospital.nurse()] {
            let patient = hospital.register_named("Ravi", "").await;
            let path = format!("/api/patients/{patient}/{end}");
            let call = || {
                let call = hospital.server.call(method.clone(), &path).token(&token);
                if method == Method::GET { call } else { call.json(&body) }
            };
            call().send().await.expect(404);
            call().header("x-break-glass", REASON).send().await.expect(200);
        }
    }
    assert_eq!(hospital.count(&format!("break_glass_grants WHERE actor = {NURSE} AND role = 'NURSE'")).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_used_where_it_is_not_needed() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    let other = hospital.register_named("Ravi", "").await;
    let path = |id: i64| format!("/api/patients/{id}/");
    read(&hospital, &path(own), &hospital.doctor(), REASON).await.expect(200);
    read(&hospital, &path(own), &hospital.nurse(), REASON).await.expect(200);
    for token in [hospital.admin(), hospital.receptionist()] {
        read(&hospital, &path(other), &token, REASON).await.expect(200);
    }
    // nor does it open anything to those who have no care
    read(&hospital, &path(other), &hospital.patient(), REASON).await.expect(404);
    read(&hospital, &path(other), &hospital.tokens.mint(7, Role::Auditor), REASON).await.expect(403);
    read(&hospital, &path(other), "", REASON).await.expect(401);
    read(&hospital, &path(4242), &hospital.doctor(), REASON).await.expect(404);
    ask(&hospital, Method::DELETE, &path(other), &hospital.doctor(), REASON).await.expect(403);
    assert_eq!(hospital.count("break_glass_grants").await, 0);
    assert_eq!(hospital.count("outbox WHERE event_type = 'BreakGlassUsed'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_shows_demographics_and_opens_nothing() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    let ravi = hospital.register_named("Ravi", "Raman").await;
    hospital.register_named("Sita", "Devi").await;
    let list = "/api/patients/?search=raman";
    let ids = |body: &Value| {
        let mut ids: Vec<i64> = body["results"].as_array().unwrap().iter().map(id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&hospital.server.get(list, &hospital.doctor()).await.expect(200).body), [own]);
    let found = read(&hospital, list, &hospital.doctor(), REASON).await.expect(200).body;
    assert_eq!((ids(&found), &found["count"]), (vec![own, ravi], &json!(2)));
    let kept =
        format!("break_glass_grants WHERE patient IS NULL AND expires_at IS NULL AND shown = ARRAY[{ravi}::bigint]");
    assert_eq!(hospital.count(&kept).await, 1);
    assert_eq!(hospital.count(&format!("break_glass_grants WHERE actor = {DOCTOR}")).await, 1);
    hospital.server.get(&format!("/api/patients/{ravi}/"), &hospital.doctor()).await.expect(404);
    assert_eq!(ids(&hospital.server.get(list, &hospital.doctor()).await.expect(200).body), [own]);

    for everybody in ["/api/patients/", "/api/patients/?search=ra", "/api/patients/?gender=MALE"] {
        let refused = read(&hospital, everybody, &hospital.doctor(), REASON).await.expect(400);
        assert_eq!(refused.faulty_fields(), ["search"]);
        read(&hospital, everybody, &hospital.receptionist(), REASON).await.expect(200);
    }
    read(&hospital, "/api/patients/?search=nobody", &hospital.doctor(), REASON).await.expect(200);
    assert_eq!(hospital.count("break_glass_grants").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_a_line_of_ten_characters_or_more() {
    let hospital = Hospital::open().await;
    let patient = hospital.register_named("Ravi", "").await;
    let path = format!("/api/patients/{patient}/");
    let long = "x".repeat(501);
    for reason in ["", "emergency", "          ", " 123456789 ", long.as_str(), "<script>alert(1)</script>"] {
        let refused = read(&hospital, &path, &hospital.doctor(), reason).await.expect(400);
        assert_eq!(refused.faulty_fields(), ["X-Break-Glass"], "{reason:.20}");
    }
    let twice = hospital.server.call(Method::GET, &path).token(&hospital.doctor());
    twice.header("x-break-glass", REASON).header("x-break-glass", REASON).send().await.expect(400);
    assert_eq!(hospital.count("break_glass_grants").await, 0);
    read(&hospital, &path, &hospital.doctor(), "1234567890").await.expect(200);
}
