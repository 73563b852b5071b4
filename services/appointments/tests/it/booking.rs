use futures_util::future::join_all;
use serde_json::json;

use crate::hospital::{DESK, GONE, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, LEFT, NEW, OTHER, RAO, SEN, day, slot};

const FIELDS: [&str; 23] = [
    "appointment_type",
    "cancellation_reason",
    "created_at",
    "date",
    "doctor",
    "doctor_name",
    "duration_minutes",
    "end_time",
    "id",
    "needs_rescheduling",
    "notes",
    "overbooked",
    "overbooking_reason",
    "patient",
    "patient_name",
    "queue_number",
    "reason",
    "rescheduling_cause",
    "room",
    "series",
    "status",
    "time_slot",
    "updated_at",
];

#[tokio::test]
async fn a_booking_is_as_the_contract_shows_it() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(3), "10:30:00");
    body["reason"] = json!("chest pain since <2 days");
    body["appointment_type"] = json!("TELECONSULT");
    let booked = hospital.book(1, &body).await.expect(201);
    assert_eq!(booked.header("location"), format!("/api/appointments/{}/", booked.body["id"]));
    assert_eq!(booked.header("etag"), "\"1\"");
    let mut fields: Vec<&String> = booked.body.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, FIELDS);
    let shown = &booked.body;
    assert_eq!(shown["patient"], LAKSHMI);
    assert_eq!(shown["doctor"], RAO);
    assert_eq!(shown["date"], json!(day(3)));
    assert_eq!(shown["time_slot"], "10:30:00");
    assert_eq!(shown["end_time"], "11:00:00");
    assert_eq!(shown["duration_minutes"], 30);
    assert_eq!(shown["status"], "SCHEDULED");
    assert_eq!(shown["appointment_type"], "TELECONSULT");
    assert_eq!(shown["patient_name"], "Lakshmi R");
    assert_eq!(shown["doctor_name"], "Asha Rao");
    assert_eq!(shown["reason"], "chest pain since <2 days");
    assert_eq!(shown["notes"], "");
    assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
    let again = hospital.get(1, &format!("/api/appointments/{}/", shown["id"])).await.expect(200);
    assert_eq!(again.body, booked.body);
    let history = "SELECT count(*) FROM appointment_history WHERE old_status IS NULL AND new_status = 'SCHEDULED' AND changed_by = 1";
    assert_eq!(hospital.db.number(history).await, 1);
}

#[tokio::test]
async fn of_fifty_who_want_one_slot_one_gets_it_and_the_rest_are_told_why() {
    let hospital = Hospital::new().await;
    let bodies: Vec<_> = (0..50).map(|i| slot(200 + i, RAO, day(2), "10:00:00")).collect();
    let answers = join_all(bodies.iter().map(|body| hospital.book(DESK, body))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(201), count(409)), (1, 49));
    assert_eq!(hospital.rows().await, 1);
    for lost in answers.iter().filter(|answer| answer.status.as_u16() == 409) {
        assert_eq!(lost.header("content-type"), "application/problem+json");
        assert_eq!(
            lost.body["conflicts"],
            json!([{"with": "doctor", "date": day(2), "time_slot": "10:00:00", "end_time": "10:30:00"}])
        );
        let next: Vec<_> =
            lost.body["next_available"].as_array().unwrap().iter().map(|slot| slot["time_slot"].clone()).collect();
        assert_eq!(next, ["10:30:00", "11:00:00", "11:30:00"]);
    }
}

#[tokio::test]
async fn of_fifty_doctors_who_want_one_patient_at_once_one_gets_them() {
    let hospital = Hospital::new().await;
    hospital
        .db
        .sql(
            "INSERT INTO staff SELECT id, 'DOCTOR', 'D ' || id, '', '', true, 1 FROM generate_series(500, 549) id; \
             INSERT INTO availability (doctor_id, slot_minutes, updated_by) SELECT generate_series(500, 549), 30, 1; \
             INSERT INTO availability_hours SELECT doctor, weekday, '09:00', '17:00' FROM generate_series(500, 549) doctor, generate_series(0, 6) weekday;",
        )
        .await;
    let bodies: Vec<_> = (0..50).map(|i| slot(LAKSHMI, 500 + i, day(2), "10:00:00")).collect();
    let answers = join_all(bodies.iter().map(|body| hospital.book(DESK, body))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(201), count(409)), (1, 49));
    assert_eq!(hospital.rows().await, 1);
}

#[tokio::test]
async fn an_overlap_of_any_length_is_refused_and_touching_is_none() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    for (time, minutes, status) in [
        ("09:45", 30, 409),
        ("10:15", 30, 409),
        ("09:30", 120, 409),
        ("10:10", 5, 409),
        ("09:30", 30, 201),
        ("10:30", 30, 201),
    ] {
        let mut body = slot(OTHER, RAO, day(2), time);
        body["duration_minutes"] = json!(minutes);
        hospital.book(DESK, &body).await.expect(status);
    }
}

#[tokio::test]
async fn a_patient_is_with_one_doctor_at_a_time() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let refused = hospital.book(DESK, &slot(LAKSHMI, SEN, day(2), "10:15:00")).await.expect(409);
    assert_eq!(
        refused.body["conflicts"],
        json!([{"with": "patient", "date": day(2), "time_slot": "10:00:00", "end_time": "10:30:00"}])
    );
    // Both must be free: the doctor's grid, without what the patient has.
    assert_eq!(refused.body["next_available"][0]["time_slot"], "10:30:00");
    hospital.book(DESK, &slot(OTHER, SEN, day(2), "10:15:00")).await.expect(201);
}

#[tokio::test]
async fn the_next_free_slots_may_lie_on_another_day() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "16:30:00");
    hospital.booked(&body).await;
    body["patient"] = json!(OTHER);
    let refused = hospital.book(DESK, &body).await.expect(409);
    let next = &refused.body["next_available"];
    assert_eq!(next[0], json!({"date": day(3), "time_slot": "09:00:00", "end_time": "09:30:00"}));
    assert_eq!(next.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_cancelled_appointment_holds_no_time() {
    let hospital = Hospital::new().await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    let first = hospital.booked(&body).await;
    hospital
        .patch(DESK, &first["id"], &json!({"status": "CANCELLED", "cancellation_reason": "travels"}))
        .await
        .expect(200);
    hospital.booked(&body).await;
}

#[tokio::test]
async fn a_key_sent_again_gives_the_first_answer_again() {
    let hospital = Hospital::new().await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    let send = |body: serde_json::Value| {
        let call = hospital.server.call(reqwest::Method::POST, "/api/appointments/").token(&hospital.token(DESK));
        call.header("idempotency-key", "desk-1").json(&body).send()
    };
    let answers = join_all((0..5).map(|_| send(body.clone()))).await;
    let first = answers.iter().find(|answer| answer.header("idempotent-replayed").is_empty()).unwrap();
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &first.body));
        assert_eq!(answer.header("location"), first.header("location"));
    }
    assert_eq!(hospital.rows().await, 1);
    assert_eq!(send(body.clone()).await.header("idempotent-replayed"), "true");
    send(slot(OTHER, RAO, day(2), "11:00:00")).await.expect(409);
    assert_eq!(hospital.rows().await, 1);
}

#[tokio::test]
async fn people_who_cannot_meet_are_named() {
    let hospital = Hospital::new().await;
    for (patient, doctor, field) in
        [(GONE, RAO, "patient"), (LAKSHMI, LEFT, "doctor"), (LAKSHMI, NEW, "doctor"), (LAKSHMI, 20, "doctor")]
    {
        let refused = hospital.book(DESK, &slot(patient, doctor, day(2), "10:00:00")).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{}", refused.text);
    }
    assert_eq!(hospital.rows().await, 0);
}

#[tokio::test]
async fn a_doctor_books_with_themselves_and_a_patient_for_themselves() {
    let hospital = Hospital::new().await;
    hospital.book(RAO, &slot(LAKSHMI, SEN, day(2), "10:00:00")).await.expect(403);
    hospital.booked(&slot(LAKSHMI, RAO, day(1), "10:00:00")).await;
    hospital.book(RAO, &slot(LAKSHMI, RAO, day(2), "10:00:00")).await.expect(201);
    let foreign = hospital.book(LAKSHMI_ACCOUNT, &slot(OTHER, RAO, day(2), "11:00:00")).await.expect(400);
    assert_eq!(foreign.faulty_fields(), ["patient"]);
    let own = hospital.book(LAKSHMI_ACCOUNT, &slot(LAKSHMI, RAO, day(2), "11:00:00")).await.expect(201);
    assert_eq!(own.body["notes"], json!(null));
}

#[tokio::test]
async fn the_database_itself_keeps_two_apart() {
    use diesel_async::RunQueryDsl;

    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let copy = |patient: &str, doctor: &str| {
        format!(
            "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) \
             SELECT {patient}, {doctor}, starts_at + interval '10 minutes', ends_at, 'SCHEDULED', 'IN_PERSON', '', '', '' FROM appointments"
        )
    };
    let mut conn = hospital.db.connect().await;
    for (patient, doctor, constraint) in
        [("101", "10", "appointments_doctor_overlap"), ("100", "11", "appointments_patient_overlap")]
    {
        let refused = diesel::sql_query(copy(patient, doctor)).execute(&mut conn).await.unwrap_err().to_string();
        assert!(refused.contains(constraint), "{refused}");
    }
    let altered = diesel::sql_query("UPDATE appointment_history SET why = ''").execute(&mut conn).await.unwrap_err();
    assert!(altered.to_string().contains("only ever added to"));
}
