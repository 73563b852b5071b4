//! Many appointments by one rule.

use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, RAO, SEN, day, slot};

const PATH: &str = "/api/appointments/series/";

fn series(rrule: &str, change: Value) -> Value {
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    body["rrule"] = json!(rrule);
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_series_is_booked_whole_and_listed() {
    let hospital = Hospital::new().await;
    let booked =
        hospital.post(DESK, PATH, &series("FREQ=WEEKLY;COUNT=5", json!({"reason": "dialysis"}))).await.expect(201).body;
    let rows = booked["appointments"].as_array().unwrap();
    let dates: Vec<&Value> = rows.iter().map(|row| &row["date"]).collect();
    assert_eq!(dates, [2, 9, 16, 23, 30].map(|days| json!(day(days))).iter().collect::<Vec<_>>());
    assert_eq!(booked["skipped"], json!([]));
    assert!(rows.iter().all(|row| row["series"] == booked["series"] && row["reason"] == "dialysis"));
    let list = hospital.get(DESK, &format!("/api/appointments/?series={}", booked["series"])).await.expect(200).body;
    assert_eq!(list["count"], 5);
    // Each is an appointment like any other.
    hospital.patch(DESK, &rows[1]["id"], &json!({"time_slot": "15:00:00"})).await.expect(200);
    let told = "SELECT count(*) FROM outbox WHERE event_type = 'AppointmentBooked' AND subscriber = 'billing'";
    assert_eq!(hospital.db.number(told).await, 5);
}

#[tokio::test]
async fn one_that_clashes_refuses_all_or_is_left_out_and_named() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(OTHER, RAO, day(3), "10:15:00")).await;
    let off = json!({"start_date": day(5), "end_date": day(5)});
    hospital.post(DESK, &format!("/api/appointments/doctor/{RAO}/time-off/"), &off).await.expect(201);
    let refused = hospital.post(DESK, PATH, &series("FREQ=DAILY;COUNT=5", json!({}))).await.expect(409).body;
    assert_eq!(refused["type"], "urn:ehs:problem:series-clash");
    let occurrences = &refused["occurrences"];
    assert_eq!(occurrences.as_array().unwrap().len(), 2);
    assert_eq!((&occurrences[0]["date"], &occurrences[0]["code"]), (&json!(day(3)), &json!("double_booking")));
    let conflict = json!([{"with": "doctor", "date": day(3), "time_slot": "10:15:00", "end_time": "10:45:00"}]);
    assert_eq!(occurrences[0]["conflicts"], conflict);
    assert_eq!((&occurrences[1]["date"], &occurrences[1]["code"]), (&json!(day(5)), &json!("doctor_away")));
    assert_eq!(hospital.rows().await, 1);
    assert_eq!(hospital.db.number("SELECT count(*) FROM series").await, 0);

    let skipping = series("FREQ=DAILY;COUNT=5", json!({"on_clash": "SKIP"}));
    let booked = hospital.post(DESK, PATH, &skipping).await.expect(201).body;
    assert_eq!((booked["appointments"].as_array().unwrap().len(), booked["skipped"].as_array().unwrap().len()), (3, 2));
    assert_eq!(&booked["skipped"], occurrences);
    // Where nothing of it can be had, nothing is booked.
    let again = hospital.post(DESK, PATH, &skipping).await.expect(409).body;
    assert_eq!(again["occurrences"].as_array().unwrap().len(), 5);
    assert_eq!(hospital.rows().await, 4);
}

#[tokio::test]
async fn what_is_no_series_is_refused() {
    let hospital = Hospital::new().await;
    for (rrule, code) in [
        ("FREQ=WEEKLY", "without_end"),
        ("FREQ=DAILY;COUNT=53", "invalid_rrule"),
        ("FREQ=SECONDLY;COUNT=2", "invalid_rrule"),
        ("FREQ=DAILY;UNTIL=29991231", "too_many"),
        ("x", "invalid_rrule"),
        ("", "invalid_rrule"),
    ] {
        let refused = hospital.post(DESK, PATH, &series(rrule, json!({}))).await.expect(400);
        assert_eq!(
            (refused.faulty_fields(), &refused.body["errors"][0]["code"]),
            (vec!["rrule"], &json!(code)),
            "{rrule}"
        );
    }
    for (change, field) in [
        (json!({"on_clash": "MAYBE"}), "on_clash"),
        (json!({"time_slot": "24:00:00"}), "time_slot"),
        (json!({"overbooking_reason": "x"}), "overbooking_reason"),
        (json!({"patient": 999_999}), "patient"),
    ] {
        let answer = hospital.post(DESK, PATH, &series("FREQ=DAILY;COUNT=2", change.clone())).await;
        // A patient nobody here knows is asked of their owner, whom this test has not.
        let expected = if field == "patient" { 503 } else { 400 };
        let answer = answer.expect(expected);
        assert!(expected == 503 || answer.faulty_fields() == [field], "{change}: {}", answer.text);
    }
    for user in [NURSE, LAKSHMI_ACCOUNT] {
        hospital.post(user, PATH, &series("FREQ=DAILY;COUNT=2", json!({}))).await.expect(403);
    }
    hospital.post(SEN, PATH, &series("FREQ=DAILY;COUNT=2", json!({}))).await.expect(403);
    assert_eq!(hospital.rows().await, 0);
}

#[tokio::test]
async fn a_key_sent_again_books_one_series() {
    let hospital = Hospital::new().await;
    let send = || {
        let call = hospital.server.call(Method::POST, PATH).token(&hospital.token(DESK));
        call.header("idempotency-key", "series-1").json(&series("FREQ=DAILY;COUNT=3", json!({}))).send()
    };
    let (one, two) = tokio::join!(send(), send());
    assert_eq!(one.expect(201).body, two.expect(201).body);
    assert_eq!(hospital.rows().await, 3);
}
