//! Rooms, and what a doctor keeps free around appointments.

use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, LAKSHMI, LEFT, NEW, OTHER, RAO, SEN, day, slot};

fn in_room(patient: i64, doctor: i64, time: &str, room: &str) -> Value {
    let mut body = slot(patient, doctor, day(2), time);
    body["room"] = json!(room);
    body
}

#[tokio::test]
async fn a_room_holds_one_appointment_at_a_time() {
    let hospital = Hospital::new().await;
    let first = hospital.booked(&in_room(LAKSHMI, RAO, "10:00:00", "opd-3")).await;
    assert_eq!(first["room"], "OPD-3");
    let refused = hospital.book(DESK, &in_room(OTHER, SEN, "10:15:00", "OPD-3 ")).await.expect(409);
    assert_eq!(
        refused.body["conflicts"],
        json!([{"with": "room", "date": day(2), "time_slot": "10:00:00", "end_time": "10:30:00"}])
    );
    assert_eq!(refused.body["next_available"][0]["time_slot"], "10:30:00");
    hospital.book(DESK, &in_room(OTHER, SEN, "10:15:00", "OPD-4")).await.expect(201);
    let elsewhere = hospital.booked(&in_room(200, SEN, "11:00:00", "OPD-4")).await;
    hospital.patch(DESK, &elsewhere["id"], &json!({"time_slot": "15:00:00"})).await.expect(200);
    let moved = hospital.patch(DESK, &elsewhere["id"], &json!({"room": null})).await.expect(200).body;
    assert_eq!((&moved["room"], &moved["time_slot"]), (&json!(null), &json!("15:00:00")));
    let body = in_room(201, RAO, "15:00:00", "OPD-4");
    hospital.booked(&body).await;
    hospital.patch(DESK, &elsewhere["id"], &json!({"room": "OPD-4"})).await.expect(409);
    hospital.patch(DESK, &elsewhere["id"], &json!({"room": "OPD-5"})).await.expect(200);
    for bad in [json!(""), json!("<b>3</b>"), json!("x".repeat(41)), json!(3)] {
        let mut body = in_room(202, RAO, "16:00:00", "x");
        body["room"] = bad;
        assert_eq!(hospital.book(DESK, &body).await.expect(400).faulty_fields(), ["room"]);
    }
}

#[tokio::test]
async fn of_many_doctors_who_want_one_room_one_gets_it() {
    let hospital = Hospital::new().await;
    hospital
        .db
        .sql(
            "INSERT INTO staff SELECT id, 'DOCTOR', 'D ' || id, '', '', true, 1 FROM generate_series(500, 519) id; \
             INSERT INTO availability (doctor_id, slot_minutes, updated_by) SELECT generate_series(500, 519), 30, 1; \
             INSERT INTO availability_hours SELECT doctor, weekday, '09:00', '17:00' FROM generate_series(500, 519) doctor, generate_series(0, 6) weekday;",
        )
        .await;
    let bodies: Vec<_> = (0..20).map(|i| in_room(200 + i, 500 + i, "10:00:00", "Theatre 1")).collect();
    let answers = join_all(bodies.iter().map(|body| hospital.book(DESK, body))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(201), count(409)), (1, 19));
}

async fn keeps_free(hospital: &Hospital, before: i64, after: i64) {
    let weekly: Vec<_> = (0..7).map(|day| json!({"weekday": day, "start": "09:00", "end": "17:00"})).collect();
    let body =
        json!({"slot_minutes": 20, "buffer_before_minutes": before, "buffer_after_minutes": after, "weekly": weekly});
    let path = format!("/api/appointments/doctor/{RAO}/availability/");
    let set = hospital.server.put(&path, &hospital.token(DESK), &body).await.expect(200).body;
    assert_eq!((&set["buffer_before_minutes"], &set["buffer_after_minutes"]), (&json!(before), &json!(after)));
}

#[tokio::test]
async fn what_a_doctor_keeps_free_is_nobodys() {
    let hospital = Hospital::new().await;
    keeps_free(&hospital, 5, 10).await;
    let times: Vec<_> = hospital.slots(RAO, day(2)).await.into_iter().map(|(time, _)| time).take(3).collect();
    assert_eq!(times, ["09:00:00", "09:35:00", "10:10:00"]);
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    for (time, status) in
        [("10:20:00", 409), ("10:34:00", 409), ("09:35:00", 409), ("10:35:00", 201), ("09:25:00", 201)]
    {
        let patient = if status == 201 && time.starts_with("09") { 200 } else { OTHER };
        let answer = hospital.book(DESK, &slot(patient, RAO, day(2), time)).await.expect(status);
        if status == 409 {
            assert_eq!(answer.body["conflicts"][0]["with"], "doctor");
        }
    }
    // The hours may change: what is booked keeps what was kept free around it, and the grid shows it.
    keeps_free(&hospital, 0, 0).await;
    let slots = hospital.slots(RAO, day(2)).await;
    let at = |time: &str| slots.iter().find(|slot| slot.0 == time).map(|slot| slot.1.clone()).unwrap();
    assert_eq!((at("10:00:00").as_str(), at("10:20:00").as_str()), ("BOOKED", "BOOKED"));
    assert_eq!(
        (at("09:40:00").as_str(), at("11:00:00").as_str(), at("11:20:00").as_str()),
        ("BOOKED", "BLOCKED", "FREE")
    );
    hospital.book(DESK, &slot(202, RAO, day(2), "11:00:00")).await.expect(409);
    let mut bad = json!({"slot_minutes": 20, "weekly": []});
    bad["buffer_after_minutes"] = json!(121);
    let path = format!("/api/appointments/doctor/{RAO}/availability/");
    let refused = hospital.server.put(&path, &hospital.token(DESK), &bad).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["buffer_after_minutes"]);
}

#[tokio::test]
async fn the_database_itself_lets_two_into_no_room() {
    let hospital = Hospital::new().await;
    hospital.booked(&in_room(LAKSHMI, RAO, "10:00:00", "OPD-3")).await;
    let put = |patient: i64, doctor: i64, status: &str, room: &str, from: &str| {
        format!(
            "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason, room) \
             VALUES ({patient}, {doctor}, '{0}T{from}+05:30', timestamptz '{0}T{from}+05:30' + interval '20 minutes', '{status}', 'IN_PERSON', '', '', 'x', '{room}')",
            day(2)
        )
    };
    let mut conn = hospital.db.connect().await;
    let mut run = async |statement: String| diesel::sql_query(statement).execute(&mut conn).await;
    for allowed in [
        put(200, SEN, "SCHEDULED", "OPD-4", "10:10:00"),
        put(201, SEN, "SCHEDULED", "OPD-3", "10:30:00"),
        put(202, NEW, "CANCELLED", "OPD-3", "10:10:00"),
    ] {
        assert_eq!(run(allowed).await, Ok(1));
    }
    for refused in [
        put(203, LEFT, "SCHEDULED", "OPD-3", "10:10:00"),
        "UPDATE appointments SET room = 'OPD-3' WHERE room = 'OPD-4'".to_owned(),
        "UPDATE appointments SET status = 'SCHEDULED' WHERE status = 'CANCELLED'".to_owned(),
    ] {
        let guard = run(refused).await.unwrap_err().to_string();
        assert!(guard.contains("appointments_room_overlap"), "{guard}");
    }
}
