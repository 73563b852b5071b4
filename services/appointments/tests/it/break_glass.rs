//! Beyond one's care, with a reason. Patients grants it and is the outside of this service, so the test plays it; the journey
//! asks the real one.

use actix_web::{HttpRequest, HttpResponse, web};
use appointments::worker;
use auth::Role;
use chrono::{DateTime, TimeDelta, Utc};
use events::envelope::{timestamp, to_wire};
use events::v1::{BreakGlassUse, Envelope, UserSnapshot};
use events::{Handler, Payload};
use prost::Message;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Queues, Server, eventually};
use tokio_util::sync::CancellationToken;

use crate::hospital::{
    AUDITOR, CASHIER, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, OTHER_ACCOUNT, RAO, SEN, STRAY_NURSE,
    day, pace, slot, subscriber,
};

const REASON: &str = "Unconscious, बेहोश";

/// Shows Lakshmi to who gives the reason, and nobody to anybody else.
async fn patients(request: HttpRequest, id: web::Path<i64>) -> HttpResponse {
    let reason = request.headers().get("x-break-glass").map(|value| value.as_bytes().to_vec());
    if *id != LAKSHMI || reason.as_deref() != Some(REASON.as_bytes()) {
        return HttpResponse::NotFound().finish();
    }
    HttpResponse::Ok().insert_header(("etag", "\"1\"")).json(json!({
        "id": LAKSHMI, "patient_id": "P00000100", "first_name": "Lakshmi", "last_name": "R", "user": LAKSHMI_ACCOUNT,
        "primary_doctor": null, "is_active": true,
    }))
}

/// A hospital where Lakshmi sees Sen, and Mohan too.
async fn hospital() -> (Hospital, Server, Value) {
    let owner = Server::start("patients", |config| {
        config.map(|config| config.route("/api/patients/{id}/", web::get().to(patients)));
    })
    .await;
    let hospital = Hospital::with_owners(&owner.url, &owner.url).await;
    let hers = hospital.booked(&slot(LAKSHMI, SEN, day(2), "10:00:00")).await["id"].clone();
    hospital.booked(&slot(OTHER, SEN, day(2), "11:00:00")).await;
    (hospital, owner, hers)
}

async fn with_reason(hospital: &Hospital, user: i64, path: &str, reason: &str) -> Answer {
    hospital.server.call(Method::GET, path).token(&hospital.token(user)).header("X-Break-Glass", reason).send().await
}

fn used(id: i64, user_id: i64, patients: &[i64], expires_at: Option<DateTime<Utc>>) -> Envelope {
    let used = BreakGlassUse {
        id,
        user_id,
        role: "DOCTOR".into(),
        reason: REASON.into(),
        patients: patients.to_vec(),
        granted_at: Some(timestamp(Utc::now())),
        expires_at: expires_at.map(timestamp),
    };
    Envelope::new(Some((user_id, "DOCTOR")), ("break_glass", id), None, Payload::BreakGlassUsed(used))
}

fn in_an_hour() -> Option<DateTime<Utc>> {
    Some(Utc::now() + TimeDelta::hours(1))
}

#[tokio::test]
async fn a_reason_opens_the_appointments_of_one_patient() {
    let (hospital, _owner, hers) = hospital().await;
    let (one, list) = (format!("/api/appointments/{hers}/"), format!("/api/appointments/?patient={LAKSHMI}"));
    for user in [RAO, NURSE, STRAY_NURSE] {
        hospital.get(user, &one).await.expect(404);
        assert_eq!(hospital.get(user, &list).await.expect(200).body["count"], 0);
        let short = with_reason(&hospital, user, &one, "emergency").await.expect(400);
        assert_eq!(short.faulty_fields(), ["X-Break-Glass"]);
        assert_eq!(with_reason(&hospital, user, &one, REASON).await.expect(200).body["patient"], LAKSHMI);
        assert_eq!(with_reason(&hospital, user, &list, REASON).await.expect(200).body["count"], 1);
        // of nobody else, and of nobody in particular
        let other = format!("/api/appointments/?patient={OTHER}");
        assert_eq!(with_reason(&hospital, user, &other, REASON).await.expect(200).body["count"], 0);
        let everybody = with_reason(&hospital, user, "/api/appointments/", REASON).await.expect(400);
        assert_eq!(everybody.faulty_fields(), ["patient"]);
    }
    let audited = format!(
        "SELECT count(*) FROM audit_log WHERE reason = '{REASON}' AND outcome = 'SUCCESS' AND patients = '{{{LAKSHMI}}}'"
    );
    assert_eq!(hospital.db.number(&audited).await, 6);
}

#[tokio::test]
async fn it_widens_nobody_elses_reach() {
    let (hospital, _owner, hers) = hospital().await;
    let one = format!("/api/appointments/{hers}/");
    with_reason(&hospital, OTHER_ACCOUNT, &one, REASON).await.expect(404);
    with_reason(&hospital, AUDITOR, &one, REASON).await.expect(403);
    with_reason(&hospital, RAO, "/api/appointments/4242/", REASON).await.expect(404);
    for user in [DESK, CASHIER, SEN] {
        with_reason(&hospital, user, &one, REASON).await.expect(200);
    }
    let audited = "SELECT count(*) FROM audit_log WHERE reason IS NOT NULL";
    assert_eq!(hospital.db.number(audited).await, 0);
}

#[tokio::test]
async fn without_patients_nothing_is_opened() {
    let hospital = Hospital::new().await;
    let hers = hospital.booked(&slot(LAKSHMI, SEN, day(2), "10:00:00")).await["id"].clone();
    let answer = with_reason(&hospital, RAO, &format!("/api/appointments/{hers}/"), REASON).await.expect(503);
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn the_event_opens_them_for_the_hour_once() {
    let (hospital, _owner, hers) = hospital().await;
    let queues = Queues::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker::run(hospital.db.pool().await, queues.sqs(), pace(), stop.clone()));
    let one = format!("/api/appointments/{hers}/");
    let search = used(1, RAO, &[LAKSHMI, OTHER], None);
    let grants = [used(2, RAO, &[LAKSHMI], in_an_hour()), used(3, STRAY_NURSE, &[LAKSHMI], in_an_hour())];
    for event in [&search, &grants[0], &grants[0], &grants[1]] {
        queues.put("appointments", &event.message_group(), &to_wire(&event.encode_to_vec())).await;
    }
    eventually(async || hospital.db.number("SELECT count(*) FROM inbox").await == 3).await;
    assert_eq!(hospital.db.number("SELECT count(*) FROM break_glass_grants").await, 2);
    for user in [RAO, STRAY_NURSE] {
        hospital.get(user, &one).await.expect(200);
        assert_eq!(hospital.get(user, "/api/appointments/").await.expect(200).body["count"], 1);
    }
    hospital.get(NURSE, &one).await.expect(404);
    // read and written as the role may
    hospital.patch(STRAY_NURSE, &hers, &json!({"status": "CONFIRMED"})).await.expect(200);
    hospital.patch(RAO, &hers, &json!({"reason": "mine now"})).await.expect(403);

    hospital.db.sql("UPDATE break_glass_grants SET expires_at = now() - interval '1 second'").await;
    for user in [RAO, STRAY_NURSE] {
        hospital.get(user, &one).await.expect(404);
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_event_that_comes_too_late_or_twice_opens_nothing_more() {
    let (hospital, _owner, hers) = hospital().await;
    let mut conn = hospital.db.connect().await;
    let over = used(1, RAO, &[LAKSHMI], Some(Utc::now() - TimeDelta::seconds(1)));
    subscriber().apply(&mut conn, &over).await.unwrap();
    hospital.get(RAO, &format!("/api/appointments/{hers}/")).await.expect(404);
    let event = used(2, RAO, &[LAKSHMI], in_an_hour());
    for _ in 0..2 {
        subscriber().apply(&mut conn, &event).await.unwrap();
    }
    assert_eq!(hospital.db.number("SELECT count(*) FROM break_glass_grants").await, 1, "and the old one is forgotten");
}

#[tokio::test]
async fn who_is_no_doctor_any_more_sees_nothing_from_the_event_on() {
    let (hospital, _owner, hers) = hospital().await;
    let one = format!("/api/appointments/{hers}/");
    let mut conn = hospital.db.connect().await;
    subscriber().apply(&mut conn, &used(1, SEN, &[LAKSHMI], in_an_hour())).await.unwrap();
    hospital.get(SEN, &one).await.expect(200);
    for (version, role, is_active) in [(2, Role::Doctor, false), (3, Role::Receptionist, true)] {
        let user = UserSnapshot { id: SEN, role: role.as_str().into(), is_active, version, ..UserSnapshot::default() };
        let event = Envelope::new(None, ("user", SEN), None, Payload::UserUpdated(user));
        subscriber().apply(&mut conn, &event).await.unwrap();
        // the token still says DOCTOR
        hospital.get(SEN, &one).await.expect(404);
        with_reason(&hospital, SEN, &one, REASON).await.expect(404);
        hospital.patch(SEN, &hers, &json!({"notes": "x"})).await.expect(404);
        assert_eq!(hospital.get(SEN, "/api/appointments/").await.expect(200).body["count"], 0);
        hospital.book(SEN, &slot(LAKSHMI, SEN, day(3), "10:00:00")).await.expect(403);
    }
}
