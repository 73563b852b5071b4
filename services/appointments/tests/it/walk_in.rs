//! Patients without an appointment, and their numbers.

use appointments::booking::walk_in::{WalkIn, take_in};
use appointments::error::Error;
use appointments::history::record::SYSTEM;
use chassis::fields::Id;
use chrono::{DateTime, Utc};
use events::Outbox;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{
    DESK, GONE, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, LEFT, NEW, NURSE, OTHER, RAO, SEN, calendar, day, slot,
};
use crate::merged::merge;

const PATH: &str = "/api/appointments/walk-in/";

fn here(patient: i64, doctor: i64) -> Value {
    json!({"patient": patient, "doctor": doctor, "reason": "fever"})
}

/// Doctors who are there at whatever time the test runs.
async fn open() -> Hospital {
    let hospital = Hospital::awake().await;
    let all_day = "UPDATE availability_hours SET start_time = '00:00', end_time = '23:59:59'; UPDATE availability SET slot_minutes = 480";
    hospital.db.sql(all_day).await;
    hospital
}

#[tokio::test]
async fn everyone_gets_the_next_number_and_none_is_left_out() {
    let hospital = open().await;
    let bodies: Vec<_> = (0..12).map(|i| here(200 + i, RAO)).collect();
    let answers = join_all(bodies.iter().map(|body| hospital.post(DESK, PATH, body))).await;
    let mut numbers: Vec<i64> =
        answers.into_iter().map(|answer| answer.expect(201).body["queue_number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    // One that fails takes no number, and another doctor counts for themselves.
    hospital.post(DESK, PATH, &here(200, RAO)).await.expect(409);
    assert_eq!(hospital.post(DESK, PATH, &here(220, RAO)).await.expect(201).body["queue_number"], 13);
    assert_eq!(hospital.post(DESK, PATH, &here(221, SEN)).await.expect(201).body["queue_number"], 1);
}

#[tokio::test]
async fn who_walks_in_is_here_and_takes_nobodys_slot() {
    let hospital = open().await;
    let taken = hospital.post(DESK, PATH, &here(LAKSHMI, RAO)).await.expect(201);
    assert_eq!((&taken.body["status"], &taken.body["queue_number"]), (&json!("CHECKED_IN"), &json!(1)));
    assert_eq!((&taken.body["date"], &taken.body["overbooked"]), (&json!(day(0)), &json!(false)));
    assert_eq!(taken.header("location"), format!("/api/appointments/{}/", taken.body["id"]));
    let day = hospital.slots(RAO, day(0)).await;
    assert!(day.iter().all(|(_, status)| status != "BOOKED"));
    let id = &taken.body["id"];
    hospital.patch(RAO, id, &json!({"status": "IN_PROGRESS"})).await.expect(200);
    hospital.patch(RAO, id, &json!({"status": "COMPLETED"})).await.expect(200);
    let told = "SELECT count(*) FROM outbox WHERE event_type = 'AppointmentBooked'";
    assert_eq!(hospital.db.number(told).await, 2);
}

#[tokio::test]
async fn who_takes_in_whom() {
    let hospital = open().await;
    hospital.post(NURSE, PATH, &here(LAKSHMI, RAO)).await.expect(403);
    hospital.post(LAKSHMI_ACCOUNT, PATH, &here(LAKSHMI, RAO)).await.expect(403);
    hospital.post(RAO, PATH, &here(LAKSHMI, SEN)).await.expect(403);
    for (patient, doctor, field) in
        [(GONE, RAO, "patient"), (LAKSHMI, LEFT, "doctor"), (LAKSHMI, NEW, "doctor"), (LAKSHMI, 20, "doctor")]
    {
        let refused = hospital.post(DESK, PATH, &here(patient, doctor)).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{}", refused.text);
    }
    let mut body = here(LAKSHMI, RAO);
    body["time_slot"] = json!("10:00:00");
    assert_eq!(hospital.post(DESK, PATH, &body).await.expect(400).faulty_fields(), ["time_slot"]);
    // Once in their care, the doctor takes them in too.
    hospital.booked(&slot(LAKSHMI, RAO, day(5), "10:00:00")).await;
    hospital.post(RAO, PATH, &here(LAKSHMI, RAO)).await.expect(201);
}

#[tokio::test]
async fn nobody_is_taken_in_while_the_doctor_is_away() {
    let hospital = open().await;
    let off = json!({"start_date": day(0), "end_date": day(0)});
    hospital.post(DESK, &format!("/api/appointments/doctor/{RAO}/time-off/"), &off).await.expect(201);
    let refused = hospital.post(DESK, PATH, &here(LAKSHMI, RAO)).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "not_there_now");
}

#[tokio::test]
async fn a_key_sent_again_gives_the_same_number_again() {
    let hospital = open().await;
    let send = || {
        let call = hospital.server.call(Method::POST, PATH).token(&hospital.token(DESK));
        call.header("idempotency-key", "walk-1").json(&here(LAKSHMI, RAO)).send()
    };
    let (one, two) = tokio::join!(send(), send());
    assert_eq!(one.expect(201).body, two.expect(201).body);
    assert_eq!(hospital.rows().await, 1);
    assert_eq!(hospital.db.number("SELECT last FROM queues").await, 1);
}

#[tokio::test]
async fn nobody_is_taken_in_over_midnight() {
    let hospital = open().await;
    let mut conn = hospital.db.connect().await;
    let mut come = async |patient: i64, time: &str| {
        let now: DateTime<Utc> = format!("{}T{time}+05:30", day(1)).parse().unwrap();
        let wanted = WalkIn { patient: Id::new(patient), doctor: Id::new(RAO), reason: None };
        take_in(&mut conn, &calendar(), &Outbox::new(), SYSTEM, &wanted, now).await
    };
    let last = come(200, "23:54:59").await.unwrap().appointment;
    assert_eq!(last.ends_at, format!("{}T23:59:59+05:30", day(1)).parse::<DateTime<Utc>>().unwrap());
    for time in ["23:55:00", "23:59:30"] {
        let Err(Error::Faults(faults)) = come(201, time).await else { panic!("taken in at {time}") };
        assert_eq!((faults.0[0].field.as_str(), faults.0[0].code), ("doctor", "across_midnight"), "{time}");
    }
    // Who is refused takes no number, and there are new ones after midnight.
    let numbers = hospital.db.number("SELECT last FROM queues").await;
    assert_eq!((last.queue_number, numbers), (Some(1), 1));
    let next: DateTime<Utc> = format!("{}T00:00:00+05:30", day(2)).parse().unwrap();
    let wanted = WalkIn { patient: Id::new(201), doctor: Id::new(RAO), reason: None };
    let first = take_in(&mut conn, &calendar(), &Outbox::new(), SYSTEM, &wanted, next).await.unwrap().appointment;
    assert_eq!((first.starts_at, first.queue_number), (next, Some(1)));
}

#[tokio::test]
async fn who_walks_in_under_a_merged_id_is_the_survivor() {
    let hospital = open().await;
    merge(&hospital).await;
    let taken = hospital.post(DESK, PATH, &here(OTHER, RAO)).await.expect(201).body;
    assert_eq!((&taken["patient"], &taken["queue_number"]), (&json!(LAKSHMI), &json!(1)));
    // They are here already, under whichever id they are asked for.
    for patient in [LAKSHMI, OTHER] {
        let again = hospital.post(DESK, PATH, &here(patient, SEN)).await.expect(409).body;
        assert_eq!(again["conflicts"][0]["with"], "patient", "{patient}");
    }
    assert_eq!(hospital.rows().await, 1);
}
