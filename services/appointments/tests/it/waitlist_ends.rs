//! What frees time, and what ends waiting.

use appointments::waitlist::round::Done;
use chrono::{TimeDelta, Utc};
use diesel_async::AsyncConnection;
use events::v1::{DoctorDetails, Envelope, PatientMerge, PatientSnapshot, UserSnapshot};
use events::{Handler, Payload};
use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER, RAO, SEN, day, slot, subscriber};
use crate::waitlist::{WAITLIST, answer, entry, frees, joined, round, round_at, waits};

async fn hear(hospital: &Hospital, aggregate: (&str, i64), payload: Payload) {
    let event = Envelope::new(None, aggregate, None, payload);
    let mut conn = hospital.db.connect().await;
    conn.transaction(async |conn| subscriber().apply(conn, &event).await).await.unwrap();
}

fn rao(is_active: bool, version: i64) -> Payload {
    Payload::UserUpdated(UserSnapshot {
        id: RAO,
        role: "DOCTOR".to_owned(),
        first_name: "Asha".to_owned(),
        last_name: "Rao".to_owned(),
        is_active,
        department: "CARDIOLOGY".to_owned(),
        doctor: Some(DoctorDetails { specialization: "Cardiology".to_owned(), registration_number: String::new() }),
        version,
    })
}

fn patient(id: i64, account: i64, is_active: bool) -> Payload {
    Payload::PatientUpdated(PatientSnapshot {
        id,
        patient_id: "P00000100".to_owned(),
        first_name: "Lakshmi".to_owned(),
        last_name: "R".to_owned(),
        is_active,
        user_id: Some(account),
        version: 2,
        ..PatientSnapshot::default()
    })
}

async fn openings(hospital: &Hospital) -> i64 {
    hospital.db.number("SELECT count(*) FROM waitlist_openings").await
}

#[tokio::test]
async fn moves_away_shorter_visits_leave_taken_back_and_new_hours_free_time_too() {
    let hospital = Hospital::new().await;
    let path = format!("/api/appointments/doctor/{RAO}/time-off/");
    let leave = hospital.post(DESK, &path, &json!({"start_date": day(4), "end_date": day(5)})).await.expect(201).body;
    let moved = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await["id"].clone();
    let mut long = slot(200, RAO, day(2), "14:00:00");
    long["duration_minutes"] = json!(60);
    let long = hospital.booked(&long).await["id"].clone();
    assert_eq!(openings(&hospital).await, 0, "nobody waits");
    let mut waiting = Vec::new();
    for patient in 201..205 {
        waiting.push(joined(&hospital, &waits(patient, RAO)).await);
    }
    let offered = async |id: &Value| {
        let offer = entry(&hospital, id).await["offer"].clone();
        (offer["date"].clone(), offer["time_slot"].clone())
    };
    hospital.patch(DESK, &moved, &json!({"time_slot": "11:00:00"})).await.expect(200);
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(offered(&waiting[0]).await, (json!(day(2)), json!("10:00:00")));
    hospital.patch(DESK, &long, &json!({"duration_minutes": 30})).await.expect(200);
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(offered(&waiting[1]).await, (json!(day(2)), json!("14:30:00")));
    hospital.patch(DESK, &long, &json!({"reason": "cough"})).await.expect(200);
    assert_eq!(openings(&hospital).await, 0, "what changes no time frees none");
    hospital.server.delete(&format!("{path}{}/", leave["id"]), &hospital.token(DESK)).await.expect(204);
    assert_eq!(round(&hospital).await.offered, 2);
    assert_eq!(offered(&waiting[2]).await, (json!(day(4)), json!("09:00:00")));
    assert_eq!(offered(&waiting[3]).await, (json!(day(4)), json!("09:30:00")));
    let fifth = joined(&hospital, &waits(205, RAO)).await;
    let weekly: Vec<Value> = (0..7).map(|day| json!({"weekday": day, "start": "09:00", "end": "18:00"})).collect();
    let hours = json!({"slot_minutes": 30, "weekly": weekly});
    hospital
        .server
        .put(&format!("/api/appointments/doctor/{RAO}/availability/"), &hospital.token(DESK), &hours)
        .await
        .expect(200);
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(entry(&hospital, &fifth).await["status"], "OFFERED");
    for _ in 0..20 {
        round(&hospital).await;
    }
    assert_eq!(openings(&hospital).await, 0);
}

#[tokio::test]
async fn who_does_not_come_frees_nothing() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await["id"].clone();
    joined(&hospital, &waits(LAKSHMI, RAO)).await;
    hospital.all_begin().await;
    hospital.patch(DESK, &id, &json!({"status": "NO_SHOW"})).await.expect(200);
    assert_eq!(openings(&hospital).await, 0);
}

#[tokio::test]
async fn what_begins_too_soon_is_offered_to_nobody() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    let ten = format!("{}T10:00:00+05:30", day(2)).parse::<chrono::DateTime<Utc>>().unwrap();
    assert_eq!(round_at(&hospital, ten - TimeDelta::minutes(14)).await, Done::default());
    assert_eq!(openings(&hospital).await, 0);
    assert_eq!(entry(&hospital, &id).await["status"], "WAITING");
}

#[tokio::test]
async fn a_window_that_is_past_ends_waiting() {
    let hospital = Hospital::new().await;
    let mut short = waits(LAKSHMI, RAO);
    short["end_date"] = json!(day(1));
    let short = joined(&hospital, &short).await;
    let long = joined(&hospital, &waits(OTHER, RAO)).await;
    assert_eq!(round(&hospital).await.expired, 0);
    assert_eq!(round_at(&hospital, Utc::now() + TimeDelta::days(2)).await, Done { expired: 1, ..Done::default() });
    let ended = entry(&hospital, &short).await;
    assert_eq!((&ended["status"], &ended["history"][0]["changed_as"]), (&json!("EXPIRED"), &json!("SYSTEM")));
    assert_eq!(entry(&hospital, &long).await["status"], "WAITING");
    let path = format!("{WAITLIST}{short}/");
    let leave = json!({"status": "LEFT", "leaving_reason": "late"});
    hospital.server.patch(&path, &hospital.token(DESK), &leave).await.expect(409);
}

#[tokio::test]
async fn who_waits_for_a_doctor_who_goes_waits_no_more() {
    let hospital = Hospital::new().await;
    let named = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let waiting = joined(&hospital, &waits(200, RAO)).await;
    let mut field = waits(OTHER, RAO);
    (field["doctor"], field["specialization"]) = (json!(null), json!("Cardiology"));
    let field = joined(&hospital, &field).await;
    let elsewhere = joined(&hospital, &waits(201, SEN)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    frees(&hospital, RAO, day(2), "11:00:00").await;
    frees(&hospital, RAO, day(2), "12:00:00").await;
    assert_eq!(round(&hospital).await.offered, 3);
    answer(&hospital, DESK, &waiting, "decline").await.expect(200);
    hear(&hospital, ("user", RAO), rao(false, 2)).await;
    let status = async |id: &Value| entry(&hospital, id).await["status"].clone();
    assert_eq!([status(&named).await, status(&waiting).await], [json!("WITHDRAWN"), json!("WITHDRAWN")]);
    assert_eq!([status(&field).await, status(&elsewhere).await], [json!("WAITING"), json!("WAITING")]);
    assert_eq!(hospital.db.number("SELECT count(*) FROM waitlist_offers WHERE status = 'WITHDRAWN'").await, 2);
    assert_eq!(round(&hospital).await.offered, 0);
    assert_eq!(openings(&hospital).await, 0);
    answer(&hospital, DESK, &named, "accept").await.expect(409);
    let refused = hospital.post(DESK, WAITLIST, &waits(202, RAO)).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["doctor"]);
    let audited =
        "SELECT count(*) FROM audit_log WHERE object = 'EVENT a doctor is there no more' AND patients @> '{100}'";
    assert_eq!(hospital.db.number(audited).await, 2, "the offer was taken back, and the entry");
}

#[tokio::test]
async fn a_patient_who_is_deactivated_waits_no_more_and_the_next_is_asked() {
    let hospital = Hospital::new().await;
    let first = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let also = joined(&hospital, &waits(LAKSHMI, SEN)).await;
    let next = joined(&hospital, &waits(OTHER, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    hear(&hospital, ("patient", LAKSHMI), patient(LAKSHMI, LAKSHMI_ACCOUNT, false)).await;
    for id in [&first, &also] {
        let ended = entry(&hospital, id).await;
        assert_eq!((&ended["status"], &ended["offer"]), (&json!("WITHDRAWN"), &json!(null)));
    }
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(entry(&hospital, &next).await["status"], "OFFERED");
}

#[tokio::test]
async fn a_patient_who_is_merged_waits_on_as_the_survivor() {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(OTHER, RAO)).await;
    hear(&hospital, ("patient", OTHER), patient(OTHER, LAKSHMI_ACCOUNT, true)).await;
    let merge = PatientMerge { id: 1, source_id: OTHER, target_id: LAKSHMI };
    hear(&hospital, ("patient", OTHER), Payload::PatientMerged(merge)).await;
    hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &waits(LAKSHMI, RAO)).await.expect(409);
    for patient in [LAKSHMI, OTHER] {
        let list = hospital.get(DESK, &format!("{WAITLIST}?patient={patient}")).await.expect(200).body;
        assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &id), "{patient}");
    }
    // Where the survivor is elsewhere, the one person is.
    hospital.booked(&slot(LAKSHMI, SEN, day(2), "10:00:00")).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    assert_eq!(round(&hospital).await.offered, 0);
    frees(&hospital, RAO, day(2), "12:00:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    let booked = answer(&hospital, LAKSHMI_ACCOUNT, &id, "accept").await.expect(201).body;
    assert_eq!(booked["patient"], LAKSHMI);
}
