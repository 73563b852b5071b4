//! Over another appointment, on purpose.

use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{ADMIN, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, RAO, SEN, day, slot};

fn over(patient: i64, doctor: i64, time: &str) -> Value {
    let mut body = slot(patient, doctor, day(2), time);
    body["overbooking_reason"] = json!("chest pain, cannot wait");
    body
}

#[tokio::test]
async fn an_administrator_and_the_doctor_may_and_nobody_else() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    hospital.booked(&slot(OTHER, RAO, day(3), "10:00:00")).await;
    for user in [DESK, LAKSHMI_ACCOUNT] {
        hospital.book(user, &over(LAKSHMI, RAO, "15:00:00")).await.expect(403);
    }
    hospital.book(NURSE, &over(OTHER, RAO, "10:10:00")).await.expect(403);
    hospital.book(SEN, &over(OTHER, RAO, "10:10:00")).await.expect(403);
    let booked = hospital.book(RAO, &over(OTHER, RAO, "10:10:00")).await.expect(201).body;
    assert_eq!(
        (&booked["overbooked"], &booked["overbooking_reason"]),
        (&json!(true), &json!("chest pain, cannot wait"))
    );
    let seen = hospital.get(40, &format!("/api/appointments/{}/", booked["id"])).await.expect(200).body;
    assert_eq!((&seen["overbooked"], &seen["overbooking_reason"]), (&json!(true), &json!(null)));
    hospital.book(ADMIN, &over(200, RAO, "10:15:00")).await.expect(201);
    let audited = "SELECT count(*) FROM audit_log WHERE action = 'AppointmentOverbook' AND outcome = 'SUCCESS'";
    assert_eq!(hospital.db.number(audited).await, 2);
    let denied = "SELECT count(*) FROM audit_log WHERE action = 'AppointmentBook' AND outcome = 'DENIED'";
    assert_eq!(hospital.db.number(denied).await, 4);
}

#[tokio::test]
async fn it_is_none_where_the_time_is_free_and_no_cover_for_anything_else() {
    let hospital = Hospital::new().await;
    let free = hospital.book(ADMIN, &over(LAKSHMI, RAO, "10:00:00")).await.expect(201).body;
    assert_eq!((&free["overbooked"], &free["overbooking_reason"]), (&json!(false), &json!(null)));
    // Not over the patient's own time, not outside the hours, and not without saying why.
    let refused = hospital.book(ADMIN, &over(LAKSHMI, SEN, "10:15:00")).await.expect(409);
    assert_eq!(refused.body["conflicts"][0]["with"], "patient");
    hospital.book(ADMIN, &over(OTHER, RAO, "20:00:00")).await.expect(400);
    let mut silent = over(OTHER, RAO, "10:00:00");
    silent["overbooking_reason"] = json!("  ");
    assert_eq!(hospital.book(ADMIN, &silent).await.expect(400).faulty_fields(), ["overbooking_reason"]);
    // Whoever books without it still meets both.
    hospital.book(ADMIN, &over(OTHER, RAO, "10:15:00")).await.expect(201);
    let refused = hospital.book(DESK, &slot(200, RAO, day(2), "10:30:00")).await.expect(409);
    assert_eq!(refused.body["conflicts"].as_array().unwrap().len(), 1);
    assert_eq!(refused.body["next_available"][0]["time_slot"], "11:00:00");
}

#[tokio::test]
async fn a_move_over_another_needs_its_own_reason_and_a_move_away_ends_it() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let id = hospital.booked(&slot(OTHER, RAO, day(2), "11:00:00")).await["id"].clone();
    hospital.patch(ADMIN, &id, &json!({"time_slot": "10:00:00"})).await.expect(409);
    let with_reason = json!({"time_slot": "10:00:00", "overbooking_reason": "the doctor asks for it"});
    hospital.patch(DESK, &id, &with_reason).await.expect(403);
    let moved = hospital.patch(ADMIN, &id, &with_reason).await.expect(200).body;
    assert_eq!(moved["overbooked"], true);
    // What does not move it leaves it as it is.
    assert_eq!(hospital.patch(DESK, &id, &json!({"reason": "cough"})).await.expect(200).body["overbooked"], true);
    let unmoved = json!({"overbooking_reason": "again"});
    assert_eq!(hospital.patch(ADMIN, &id, &unmoved).await.expect(400).faulty_fields(), ["overbooking_reason"]);
    let away = hospital.patch(DESK, &id, &json!({"time_slot": "12:00:00"})).await.expect(200).body;
    assert_eq!((&away["overbooked"], &away["overbooking_reason"]), (&json!(false), &json!(null)));
}

#[tokio::test]
async fn the_database_lets_nothing_else_lie_over_another() {
    use diesel_async::RunQueryDsl;

    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let copy = |columns: &str, values: &str| {
        format!(
            "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason{columns}) \
             SELECT 101, 10, starts_at + interval '10 minutes', ends_at, 'SCHEDULED', 'IN_PERSON', '', '', ''{values} FROM appointments LIMIT 1"
        )
    };
    let mut conn = hospital.db.connect().await;
    for (columns, values) in
        [("", ""), (", room", ", 'OPD-1'"), (", buffer_before, held_from, held_until", ", 0, 'infinity', 'infinity'")]
    {
        let refused = diesel::sql_query(copy(columns, values)).execute(&mut conn).await.unwrap_err().to_string();
        assert!(refused.contains("appointments_doctor_overlap"), "{refused}");
    }
    for (columns, values) in [(", overbooking_reason", ", ''"), (", queue_number", ", 1")] {
        diesel::sql_query(copy(columns, values)).execute(&mut conn).await.unwrap_err();
    }
    diesel::sql_query(copy(", overbooking_reason", ", 'an emergency'")).execute(&mut conn).await.unwrap();
}

#[tokio::test]
async fn a_key_sent_again_overbooks_once() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    for _ in 0..2 {
        let call = hospital.server.call(Method::POST, "/api/appointments/").token(&hospital.token(ADMIN));
        let call = call.header("idempotency-key", "over-1").json(&over(OTHER, RAO, "10:00:00"));
        call.send().await.expect(201);
    }
    assert_eq!(hospital.rows().await, 2);
}
