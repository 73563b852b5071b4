//! Time that is offered is nobody else's, whichever way they come.

use diesel_async::{AsyncConnection, RunQueryDsl};
use events::envelope::timestamp;
use events::v1::{Envelope, ExternalAppointment, ExternalPractitioner};
use events::{Handler, Payload};
use serde_json::{Value, json};

use crate::hospital::{ADMIN, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER, RAO, SEN, day, slot, subscriber};
use crate::waitlist::{answer, entry, frees, joined, round, waits};

/// Lakshmi is offered ten o'clock in two days; gives her entry.
async fn held() -> (Hospital, Value) {
    let hospital = Hospital::new().await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    (hospital, id)
}

#[tokio::test]
async fn bookings_of_every_kind_meet_it() {
    let (hospital, id) = held().await;
    for (time, minutes) in [("10:00:00", 30), ("09:45:00", 30), ("10:15:00", 30), ("09:30:00", 120)] {
        let mut body = slot(OTHER, RAO, day(2), time);
        body["duration_minutes"] = json!(minutes);
        let refused = hospital.book(DESK, &body).await.expect(409);
        assert_eq!(refused.body["type"], "urn:ehs:problem:double-booking");
        let conflict = json!({"with": "waitlist", "date": day(2), "time_slot": "10:00:00", "end_time": "10:30:00"});
        assert_eq!(refused.body["conflicts"], json!([conflict]));
        let next: Vec<&Value> =
            refused.body["next_available"].as_array().unwrap().iter().map(|slot| &slot["time_slot"]).collect();
        assert!(!next.contains(&&json!("10:00:00")), "{next:?}");
    }
    // Not for the patient past the offer, either: it is answered.
    hospital.book(LAKSHMI_ACCOUNT, &slot(LAKSHMI, RAO, day(2), "10:00:00")).await.expect(409);
    let moved = hospital.booked(&slot(OTHER, RAO, day(2), "11:00:00")).await["id"].clone();
    let refused = hospital.patch(DESK, &moved, &json!({"time_slot": "10:00:00"})).await.expect(409);
    assert_eq!(refused.body["conflicts"][0]["with"], "waitlist");
    let mut series = slot(201, RAO, day(1), "10:00:00");
    series["rrule"] = json!("FREQ=DAILY;COUNT=3");
    let refused = hospital.post(DESK, "/api/appointments/series/", &series).await.expect(409);
    let clashing = &refused.body["occurrences"];
    assert_eq!((&clashing[0]["date"], &clashing[0]["conflicts"][0]["with"]), (&json!(day(2)), &json!("waitlist")));
    told_from_outside(&hospital).await;
    answer(&hospital, LAKSHMI_ACCOUNT, &id, "accept").await.expect(201);
}

/// Another system's message is refused, and says why.
async fn told_from_outside(hospital: &Hospital) {
    let at = format!("{}T10:00:00+05:30", day(2)).parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let message = ExternalAppointment {
        message_id: 1,
        change: "BOOKED".to_owned(),
        filler_id: "F-1".to_owned(),
        patient_id: OTHER,
        practitioners: vec![ExternalPractitioner { name: "Dr. Asha Rao".to_owned(), ..Default::default() }],
        starts_at: Some(timestamp(at)),
        duration_minutes: 30,
        ..ExternalAppointment::default()
    };
    let event = Envelope::new(None, ("patient", OTHER), None, Payload::ExternalAppointmentReceived(message));
    let mut conn = hospital.db.connect().await;
    conn.transaction(async |conn| subscriber().apply(conn, &event).await).await.unwrap();
    let told = hospital.get(DESK, "/api/appointments/external/").await.expect(200).body["results"][0].clone();
    assert_eq!((&told["outcome"], &told["code"]), (&json!("REFUSED"), &json!("double_booking")));
}

#[tokio::test]
async fn schedules_and_free_slots_do_not_show_it_as_free() {
    let (hospital, id) = held().await;
    let at_ten = async || hospital.slots(RAO, day(2)).await[2].clone();
    assert_eq!(at_ten().await, ("10:00:00".to_owned(), "BLOCKED".to_owned()));
    let offers = async |path: String| {
        let body = hospital.get(DESK, &path).await.expect(200).body;
        let slots = if body["slots"].is_array() { &body["slots"] } else { &body["results"][0]["slots"] };
        slots.as_array().unwrap().iter().any(|slot| slot["time_slot"] == "10:00:00")
    };
    let next = format!("/api/appointments/doctor/{RAO}/next-available/?start_date={}&count=4", day(2));
    let across = format!("/api/appointments/availability/?date={}&doctor={RAO}", day(2));
    assert!(!offers(next.clone()).await && !offers(across.clone()).await);
    let path = format!("/api/appointments/doctor/{RAO}/schedule/?date={}", day(2));
    let seen = hospital.get(LAKSHMI_ACCOUNT, &path).await.expect(200).body["days"][0]["slots"].clone();
    assert!(
        seen.as_array().unwrap().iter().all(|slot| slot["time_slot"] != "10:00:00"),
        "a patient sees free ones only"
    );
    answer(&hospital, DESK, &id, "decline").await.expect(200);
    assert_eq!(at_ten().await.1, "FREE");
    assert!(offers(next).await && offers(across).await);
}

#[tokio::test]
async fn what_the_doctor_keeps_free_is_held_with_it() {
    let hospital = Hospital::new().await;
    hospital.db.sql("UPDATE availability SET buffer_before = 10, buffer_after = 10").await;
    let id = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    hospital.book(DESK, &slot(OTHER, RAO, day(2), "10:45:00")).await.expect(409);
    hospital.booked(&slot(OTHER, RAO, day(2), "10:50:00")).await;
    answer(&hospital, DESK, &id, "accept").await.expect(201);
}

#[tokio::test]
async fn who_walks_in_or_is_overbooked_passes_over_it_as_over_a_booking() {
    let (hospital, id) = held().await;
    let mut over = slot(OTHER, RAO, day(2), "10:00:00");
    over["overbooking_reason"] = json!("chest pain");
    hospital.book(DESK, &over).await.expect(403);
    let booked = hospital.book(ADMIN, &over).await.expect(201).body;
    assert_eq!(booked["overbooked"], true);
    // What was promised stands.
    answer(&hospital, LAKSHMI_ACCOUNT, &id, "accept").await.expect(201);
    // Who waits for their number holds no time of the doctor's.
    hospital.db.sql("UPDATE availability_hours SET start_time = '00:00', end_time = '23:59:59'; UPDATE availability SET slot_minutes = 480").await;
    let here = json!({"patient": 201, "doctor": RAO});
    hospital.post(DESK, "/api/appointments/walk-in/", &here).await.expect(201);
}

#[tokio::test]
async fn the_database_itself_keeps_bookings_off_it_and_it_off_bookings() {
    let (hospital, _id) = held().await;
    let mut conn = hospital.db.connect().await;
    let insert = |status: &str, columns: &str, values: &str| {
        format!(
            "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason{columns}) \
             SELECT 101, doctor_id, starts_at + interval '10 minutes', ends_at, '{status}', 'IN_PERSON', '', '', 'x'{values} FROM waitlist_offers"
        )
    };
    let refused = diesel::sql_query(insert("SCHEDULED", "", "")).execute(&mut conn).await.unwrap_err().to_string();
    assert!(refused.contains("held for somebody"), "{refused}");
    for (status, columns, values) in [
        ("CANCELLED", "", ""),
        ("SCHEDULED", ", overbooking_reason", ", 'an emergency'"),
        ("CHECKED_IN", ", queue_date, queue_number", ", current_date, 1"),
    ] {
        diesel::sql_query(insert(status, columns, values)).execute(&mut conn).await.unwrap();
        diesel::sql_query("UPDATE appointments SET status = 'CANCELLED', cancellation_reason = 'x'")
            .execute(&mut conn)
            .await
            .unwrap();
    }
    for back in [
        "status = 'SCHEDULED' WHERE patient_id = 299",
        "status = 'SCHEDULED', overbooking_reason = NULL WHERE overbooking_reason IS NOT NULL",
        "status = 'SCHEDULED', queue_number = NULL, queue_date = NULL WHERE queue_number IS NOT NULL",
    ] {
        let sql = format!("UPDATE appointments SET {back}");
        let refused = diesel::sql_query(sql).execute(&mut conn).await.unwrap_err().to_string();
        assert!(refused.contains("held for somebody"), "{back}: {refused}");
    }
    let elsewhere = hospital.booked(&slot(OTHER, RAO, day(2), "15:00:00")).await["id"].clone();
    let sql = format!(
        "UPDATE appointments SET (starts_at, ends_at) = (SELECT starts_at, ends_at FROM waitlist_offers) WHERE id = {elsewhere}"
    );
    let refused = diesel::sql_query(sql).execute(&mut conn).await.unwrap_err().to_string();
    assert!(refused.contains("held for somebody"), "{refused}");
    // And the other way round.
    let second = joined(&hospital, &waits(OTHER, RAO)).await;
    let offer = |starts: &str| {
        format!(
            "INSERT INTO waitlist_offers (entry_id, doctor_id, starts_at, ends_at, held_from, held_until, status, offered_at, expires_at) \
             SELECT {second}, {RAO}, {starts}, {starts} + interval '30 minutes', {starts}, {starts} + interval '30 minutes', 'OPEN', now(), now() + interval '15 minutes'"
        )
    };
    let booked = format!("(SELECT starts_at FROM appointments WHERE id = {elsewhere})");
    let refused = diesel::sql_query(offer(&booked)).execute(&mut conn).await.unwrap_err().to_string();
    assert!(refused.contains("the time is booked"), "{refused}");
    let twice = "(SELECT starts_at + interval '10 minutes' FROM waitlist_offers)";
    let refused = diesel::sql_query(offer(twice)).execute(&mut conn).await.unwrap_err().to_string();
    assert!(refused.contains("waitlist_offers_hold"), "{refused}");
}

#[tokio::test]
async fn a_patient_who_is_elsewhere_is_not_asked_and_cannot_accept() {
    let hospital = Hospital::new().await;
    let busy = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let free = joined(&hospital, &waits(OTHER, RAO)).await;
    hospital.booked(&slot(LAKSHMI, SEN, day(2), "10:15:00")).await;
    frees(&hospital, RAO, day(2), "10:00:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    assert_eq!(entry(&hospital, &busy).await["status"], "WAITING");
    assert_eq!(entry(&hospital, &free).await["status"], "OFFERED");
    hospital.booked(&slot(OTHER, SEN, day(2), "09:45:00")).await;
    let refused = answer(&hospital, DESK, &free, "accept").await.expect(409);
    assert_eq!(refused.body["conflicts"][0]["with"], "patient");
    assert_eq!(entry(&hospital, &free).await["status"], "OFFERED", "nothing of it was done");
}

#[tokio::test]
async fn leave_takes_an_offer_back_and_other_hours_make_it_void() {
    let (hospital, id) = held().await;
    let off = json!({"start_date": day(2), "end_date": day(2)});
    hospital.post(DESK, &format!("/api/appointments/doctor/{RAO}/time-off/"), &off).await.expect(201);
    let back = entry(&hospital, &id).await;
    assert_eq!((&back["status"], &back["offer"]), (&json!("WAITING"), &json!(null)));
    assert_eq!(back["history"][0]["why"], "the doctor is away");
    assert_eq!(round(&hospital).await.offered, 0);
    frees(&hospital, RAO, day(3), "16:30:00").await;
    assert_eq!(round(&hospital).await.offered, 1);
    hospital.db.sql("UPDATE availability_hours SET end_time = '16:00'").await;
    let refused = answer(&hospital, DESK, &id, "accept").await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:offer-void");
    assert_eq!(refused.body["errors"][0]["code"], "outside_hours");
}
