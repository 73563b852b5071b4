use appointments::people::{Patient, StaffMember};
use appointments::worker;
use diesel_async::AsyncConnection;
use events::envelope::to_wire;
use events::v1::{AppointmentSnapshot, DoctorDetails, Envelope, PatientSnapshot, UserSnapshot};
use events::{Handler, Payload};
use prost::Message;
use serde_json::json;
use testkit::{Queues, eventually};
use tokio_util::sync::CancellationToken;

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, RAO, SEN, day, pace, slot, subscriber};

fn user(id: i64, role: &str, department: &str, version: i64) -> UserSnapshot {
    UserSnapshot {
        id,
        role: role.to_owned(),
        first_name: "Meera".to_owned(),
        last_name: format!("v{version}"),
        is_active: true,
        department: department.to_owned(),
        doctor: (role == "DOCTOR").then(|| DoctorDetails {
            specialization: "Paediatrics".to_owned(),
            registration_number: "KMC1".to_owned(),
        }),
        version,
    }
}

fn patient(id: i64, last_name: &str, is_active: bool, version: i64) -> PatientSnapshot {
    PatientSnapshot {
        id,
        patient_id: format!("P{id:08}"),
        first_name: "Ravi".to_owned(),
        last_name: last_name.to_owned(),
        phone: "+919876543210".to_owned(),
        is_active,
        user_id: Some(7000),
        primary_doctor: Some(RAO),
        version,
        ..PatientSnapshot::default()
    }
}

#[tokio::test]
async fn every_change_is_told_to_those_who_listen() {
    let hospital = Hospital::new().await;
    let queues = Queues::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker::run(hospital.db.pool().await, queues.sqs(), pace(), stop.clone()));
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    hospital.all_begin().await;
    for status in ["CHECKED_IN", "IN_PROGRESS", "COMPLETED"] {
        hospital.patch(1, &id, &json!({"status": status})).await.expect(200);
    }
    let mut told = Vec::new();
    while told.len() < 4 {
        told.extend(queues.take("billing").await);
    }
    let types: Vec<&str> = told.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(types, ["AppointmentBooked", "AppointmentUpdated", "AppointmentUpdated", "AppointmentCompleted"]);
    let actor = told[0].actor.clone().unwrap();
    assert_eq!((actor.user_id, actor.role.as_str()), (DESK, "RECEPTIONIST"));
    let Some(Payload::AppointmentCompleted(done)) = &told[3].payload else { panic!("{:?}", told[3].r#type) };
    assert_eq!((done.patient_id, done.doctor_id, done.status.as_str(), done.version), (LAKSHMI, RAO, "COMPLETED", 4));
    assert_eq!((done.doctor_name.as_str(), done.appointment_type.as_str()), ("Asha Rao", "IN_PERSON"));
    assert!(done.starts_at.is_some() && done.ends_at.is_some());
    eventually(async || hospital.db.number("SELECT count(*) FROM outbox").await == 0).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_booking_tells_nobody() {
    let hospital = Hospital::new().await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    hospital.booked(&body).await;
    hospital.book(DESK, &body).await.expect(409);
    let subscribers = 2;
    assert_eq!(hospital.db.number("SELECT count(*) FROM outbox").await, subscribers);
}

#[tokio::test]
async fn what_others_tell_is_kept_once() {
    let hospital = Hospital::new().await;
    let queues = Queues::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker::run(hospital.db.pool().await, queues.sqs(), pace(), stop.clone()));
    let events = [
        Envelope::new(None, ("user", 70), None, Payload::UserRegistered(user(70, "DOCTOR", "PAEDIATRICS", 1))),
        Envelope::new(None, ("user", 71), None, Payload::UserRegistered(user(71, "PATIENT", "", 1))),
        Envelope::new(None, ("patient", 700), None, Payload::PatientRegistered(patient(700, "Kumar", true, 1))),
        Envelope::new(None, ("patient", 700), None, Payload::PatientUpdated(patient(700, "Kumar", false, 2))),
    ];
    for event in events.iter().chain(&events) {
        queues.put("appointments", &event.message_group(), &to_wire(&event.encode_to_vec())).await;
    }
    let kept = "SELECT count(*) FROM staff s, patients p WHERE s.id = 70 AND s.department = 'PAEDIATRICS' AND p.id = 700 AND p.version = 2 AND NOT p.is_active";
    eventually(async || hospital.db.number(kept).await == 1).await;
    eventually(async || hospital.db.number("SELECT count(*) FROM inbox").await == 4).await;
    assert_eq!(hospital.db.number("SELECT count(*) FROM staff WHERE id = 71").await, 0);
    let inactive = hospital.book(DESK, &slot(700, RAO, day(2), "10:00:00")).await.expect(400);
    assert_eq!(inactive.faulty_fields(), ["patient"]);
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_older_version_never_overwrites_a_newer_one() {
    let hospital = Hospital::new().await;
    let mut conn = hospital.db.connect().await;
    conn.begin_test_transaction().await.unwrap();
    for version in [3, 1, 2] {
        let event =
            Envelope::new(None, ("user", RAO), None, Payload::UserUpdated(user(RAO, "DOCTOR", "CARDIOLOGY", version)));
        subscriber().apply(&mut conn, &event).await.unwrap();
    }
    let kept = appointments::people::StaffMember::find(&mut conn, RAO).await.unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.version), ("Meera v3", 3));
    let demoted = Envelope::new(None, ("user", RAO), None, Payload::UserUpdated(user(RAO, "PATIENT", "", 4)));
    subscriber().apply(&mut conn, &demoted).await.unwrap();
    assert!(!appointments::people::StaffMember::find(&mut conn, RAO).await.unwrap().unwrap().is_doctor());
}

async fn hear(hospital: &Hospital, payload: Payload) {
    let event = Envelope::new(None, ("user", 1), None, payload);
    let mut conn = hospital.db.connect().await;
    conn.transaction(async |conn| subscriber().apply(conn, &event).await).await.unwrap();
}

async fn cause(hospital: &Hospital, id: &serde_json::Value) -> serde_json::Value {
    hospital.get(DESK, &format!("/api/appointments/{id}/")).await.expect(200).body["rescheduling_cause"].clone()
}

#[tokio::test]
async fn an_account_that_is_taken_off_a_record_sees_it_no_more() {
    let hospital = Hospital::new().await;
    let theirs = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let path = format!("/api/appointments/{theirs}/");
    hospital.get(LAKSHMI_ACCOUNT, &path).await.expect(200);
    let unlinked = PatientSnapshot { user_id: None, primary_doctor: None, ..patient(LAKSHMI, "Iyer", true, 2) };
    hear(&hospital, Payload::PatientUpdated(unlinked)).await;
    hospital.get(LAKSHMI_ACCOUNT, &path).await.expect(404);
    let kept = "SELECT count(*) FROM patients WHERE version = 2 AND user_id IS NULL AND primary_doctor_id IS NULL";
    assert_eq!(hospital.db.number(kept).await, 1);
}

#[tokio::test]
async fn what_is_to_come_of_a_doctor_who_goes_waits_to_be_moved() {
    let hospital = Hospital::new().await;
    let theirs = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let in_leave = hospital.booked(&slot(200, RAO, day(4), "10:00:00")).await["id"].clone();
    let others = hospital.booked(&slot(201, SEN, day(2), "10:00:00")).await["id"].clone();
    hospital.patch(DESK, &theirs, &json!({"status": "CONFIRMED"})).await.expect(200);
    let off = json!({"start_date": day(4), "end_date": day(4)});
    hospital.post(DESK, &format!("/api/appointments/doctor/{RAO}/time-off/"), &off).await.expect(201);
    let rao = |is_active: bool, version: i64| UserSnapshot { is_active, ..user(RAO, "DOCTOR", "CARDIOLOGY", version) };
    hear(&hospital, Payload::UserUpdated(rao(true, 2))).await;
    assert_eq!(cause(&hospital, &theirs).await, json!(null));
    hear(&hospital, Payload::UserUpdated(rao(false, 3))).await;
    assert_eq!(cause(&hospital, &theirs).await, "DOCTOR_UNAVAILABLE");
    assert_eq!(cause(&hospital, &in_leave).await, "DOCTOR_UNAVAILABLE");
    assert_eq!(cause(&hospital, &others).await, json!(null));
    // The same again, and what is older, changes nothing.
    hear(&hospital, Payload::UserUpdated(rao(false, 3))).await;
    hear(&hospital, Payload::UserUpdated(rao(true, 2))).await;
    let lines = format!("SELECT count(*) FROM appointment_history WHERE appointment_id = {theirs}");
    assert_eq!(hospital.db.number(&lines).await, 3);
    // To somebody else it can be moved.
    let moved = hospital.patch(DESK, &theirs, &json!({"doctor": SEN, "time_slot": "12:00:00"})).await.expect(200).body;
    assert_eq!(moved["needs_rescheduling"], false);
    hear(&hospital, Payload::UserUpdated(rao(true, 4))).await;
    assert_eq!(cause(&hospital, &in_leave).await, "LEAVE");
    // Who gets another role sees nobody any more.
    let later = hospital.booked(&slot(202, RAO, day(3), "10:00:00")).await["id"].clone();
    hear(&hospital, Payload::UserUpdated(user(RAO, "ADMIN", "", 5))).await;
    assert_eq!(cause(&hospital, &later).await, "DOCTOR_UNAVAILABLE");
    let audited =
        "SELECT count(*) FROM audit_log WHERE object = 'EVENT a doctor is there no more' AND patients @> '{100}'";
    assert_eq!(hospital.db.number(audited).await, 1);
}

#[tokio::test]
async fn what_is_booked_for_a_patient_who_is_deactivated_waits_too() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    hear(&hospital, Payload::PatientUpdated(patient(LAKSHMI, "R", false, 2))).await;
    assert_eq!(cause(&hospital, &id).await, "PATIENT_INACTIVE");
    hospital.patch(DESK, &id, &json!({"time_slot": "11:00:00"})).await.expect(400);
    hear(&hospital, Payload::PatientUpdated(patient(LAKSHMI, "R", true, 3))).await;
    assert_eq!(cause(&hospital, &id).await, json!(null));
    hear(&hospital, Payload::PatientUpdated(patient(LAKSHMI, "R", false, 4))).await;
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "moved away"});
    let cancelled = hospital.patch(DESK, &id, &cancel).await.expect(200).body;
    assert_eq!(cancelled["needs_rescheduling"], false);
}

#[tokio::test]
async fn what_keeps_one_from_staying_is_told_as_long_as_it_does() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(4), "10:00:00")).await["id"].clone();
    let rao = |is_active: bool, version: i64| UserSnapshot { is_active, ..user(RAO, "DOCTOR", "CARDIOLOGY", version) };
    let lakshmi = |is_active: bool, version: i64| Payload::PatientUpdated(patient(LAKSHMI, "R", is_active, version));
    // Deactivated, then leave over it, which is taken back: still deactivated.
    hear(&hospital, lakshmi(false, 2)).await;
    let leave = format!("/api/appointments/doctor/{RAO}/time-off/");
    let off = json!({"start_date": day(4), "end_date": day(4)});
    let taken = hospital.post(DESK, &leave, &off).await.expect(201).body;
    assert_eq!(cause(&hospital, &id).await, "PATIENT_INACTIVE", "what is graver goes on being told");
    let server = &hospital.server;
    server.delete(&format!("{leave}{}/", taken["id"]), &hospital.token(DESK)).await.expect(204);
    assert_eq!(cause(&hospital, &id).await, "PATIENT_INACTIVE");
    // The doctor goes and comes back: still deactivated; and the other way round.
    hear(&hospital, Payload::UserUpdated(rao(false, 2))).await;
    assert_eq!(cause(&hospital, &id).await, "PATIENT_INACTIVE");
    hear(&hospital, Payload::UserUpdated(rao(true, 3))).await;
    assert_eq!(cause(&hospital, &id).await, "PATIENT_INACTIVE");
    hear(&hospital, Payload::UserUpdated(rao(false, 4))).await;
    hear(&hospital, lakshmi(true, 3)).await;
    assert_eq!(cause(&hospital, &id).await, "DOCTOR_UNAVAILABLE");
    hear(&hospital, lakshmi(false, 4)).await;
    hear(&hospital, lakshmi(true, 5)).await;
    assert_eq!(cause(&hospital, &id).await, "DOCTOR_UNAVAILABLE");
    hear(&hospital, Payload::UserUpdated(rao(true, 5))).await;
    assert_eq!(cause(&hospital, &id).await, json!(null));
}

#[tokio::test]
async fn whoever_listens_hears_what_cannot_stay_and_what_can_again() {
    let hospital = Hospital::new().await;
    let hit = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let too = hospital.booked(&slot(200, RAO, day(3), "11:00:00")).await["id"].clone();
    hospital.booked(&slot(201, SEN, day(3), "10:00:00")).await;
    let mut heard = hospital.told().await.len();
    // What was told since the last time: of which appointment, and whether it cannot stay.
    let mut news = async || {
        let told = hospital.told().await.split_off(heard);
        heard += told.len();
        let updated = |(kind, it): &(String, AppointmentSnapshot)| kind == "AppointmentUpdated" && stays_as_it_is(it);
        assert!(told.iter().all(updated), "{told:?}");
        told.into_iter().map(|(_, it)| (json!(it.id), it.needs_rescheduling)).collect::<Vec<_>>()
    };
    let both = |needs: bool| vec![(hit.clone(), needs), (too.clone(), needs)];
    let leave = format!("/api/appointments/doctor/{RAO}/time-off/");
    let off = json!({"start_date": day(3), "end_date": day(3)});
    let taken = hospital.post(DESK, &leave, &off).await.expect(201).body;
    assert_eq!(news().await, both(true));
    hospital.server.delete(&format!("{leave}{}/", taken["id"]), &hospital.token(DESK)).await.expect(204);
    assert_eq!(news().await, both(false));
    let rao = |is_active: bool, version: i64| UserSnapshot { is_active, ..user(RAO, "DOCTOR", "CARDIOLOGY", version) };
    hear(&hospital, Payload::UserUpdated(rao(false, 2))).await;
    assert_eq!(news().await, both(true));
    hear(&hospital, Payload::UserUpdated(rao(true, 3))).await;
    assert_eq!(news().await, both(false));
    hear(&hospital, Payload::PatientUpdated(patient(LAKSHMI, "R", false, 2))).await;
    assert_eq!(news().await, [(hit.clone(), true)]);
    hear(&hospital, Payload::PatientUpdated(patient(LAKSHMI, "R", true, 3))).await;
    assert_eq!(news().await, [(hit.clone(), false)]);
    // The patients service, which keeps who treats whom, hears the same.
    let lines = |subscriber: &str| format!("SELECT count(*) FROM outbox WHERE subscriber = '{subscriber}'");
    assert_eq!(hospital.db.number(&lines("patients")).await, hospital.db.number(&lines("billing")).await);
}

/// Being marked leaves an appointment where it is.
fn stays_as_it_is(it: &AppointmentSnapshot) -> bool {
    it.status == "SCHEDULED" && it.moved_from.is_none()
}

#[tokio::test]
async fn what_was_looked_up_before_the_event_came_is_not_missed() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let mut conn = hospital.db.connect().await;
    let lakshmi = async |is_active: bool, version: i64| {
        let mut conn = hospital.db.connect().await;
        let known = Patient::find(&mut conn, LAKSHMI).await.unwrap().unwrap();
        Patient { is_active, version, ..known }.keep(&mut conn).await.unwrap();
        hear(&hospital, Payload::PatientUpdated(patient(LAKSHMI, "R", is_active, version))).await;
    };
    lakshmi(false, 5).await;
    assert_eq!(cause(&hospital, &id).await, "PATIENT_INACTIVE");
    lakshmi(true, 6).await;
    assert_eq!(cause(&hospital, &id).await, json!(null));
    // A doctor, of whom an answer does not tell the number in the register.
    let known = StaffMember::find(&mut conn, RAO).await.unwrap().unwrap();
    let looked_up = StaffMember { is_active: false, version: 5, registration_number: String::new(), ..known };
    looked_up.keep(&mut conn).await.unwrap();
    let gone = UserSnapshot { is_active: false, ..user(RAO, "DOCTOR", "CARDIOLOGY", 5) };
    hear(&hospital, Payload::UserUpdated(gone)).await;
    assert_eq!(cause(&hospital, &id).await, "DOCTOR_UNAVAILABLE");
    looked_up.keep(&mut conn).await.unwrap();
    let kept = StaffMember::find(&mut conn, RAO).await.unwrap().unwrap();
    assert_eq!(kept.registration_number, "KMC1", "an answer that comes late takes nothing back");
}

#[tokio::test]
async fn five_thousand_that_cannot_stay() {
    let hospital = Hospital::new().await;
    let many = format!(
        "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) \
         SELECT 200 + n % 100, {RAO}, at, at + interval '30 minutes', 'SCHEDULED', 'IN_PERSON', '', '', '' FROM (SELECT n, \
         timestamptz '{}T00:00:00+05:30' + n * interval '1 hour' AS at FROM generate_series(0, 4999) AS n) AS times",
        day(1)
    );
    hospital.db.sql(&many).await;
    let marked = async |cause: &str| {
        let query = format!("SELECT count(*) FROM appointments WHERE rescheduling_cause = '{cause}'");
        hospital.db.number(&query).await
    };
    let rao = |is_active: bool, version: i64| UserSnapshot { is_active, ..user(RAO, "DOCTOR", "CARDIOLOGY", version) };
    hear(&hospital, Payload::UserUpdated(rao(false, 2))).await;
    assert_eq!(marked("DOCTOR_UNAVAILABLE").await, 5000);
    hear(&hospital, Payload::UserUpdated(rao(true, 3))).await;
    assert_eq!(marked("DOCTOR_UNAVAILABLE").await, 0);
    assert_eq!(hospital.db.number("SELECT count(*) FROM appointment_history").await, 10_000);
}
