//! A doctor's slots, day by day.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel_async::AsyncConnection;
use serde_json::{Value, json};

use crate::hospital::{
    CASHIER, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, LEFT, NEW, NURSE, OTHER, RAO, SEN, STRAY_NURSE, day, slot,
};

fn path(doctor: i64, query: &str) -> String {
    format!("/api/appointments/doctor/{doctor}/schedule/?{query}")
}

fn at(schedule: &Value, time: &str) -> Value {
    let slots = schedule["days"][0]["slots"].as_array().unwrap();
    slots.iter().find(|slot| slot["time_slot"] == time).cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_day_shows_what_is_free_and_what_is_booked() {
    let hospital = Hospital::new().await;
    let booked = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let mut long = slot(OTHER, RAO, day(2), "11:10:00");
    long["duration_minutes"] = json!(45);
    let long = hospital.booked(&long).await["id"].clone();
    let gone = hospital.booked(&slot(OTHER, RAO, day(2), "15:00:00")).await["id"].clone();
    hospital.patch(DESK, &gone, &json!({"status": "CANCELLED", "cancellation_reason": "no need"})).await.expect(200);
    let schedule = hospital.get(DESK, &path(RAO, &format!("date={}", day(2)))).await.expect(200).body;
    assert_eq!(
        (&schedule["doctor"], &schedule["start_date"], &schedule["end_date"]),
        (&json!(RAO), &json!(day(2)), &json!(day(2)))
    );
    assert_eq!(schedule["days"].as_array().unwrap().len(), 1);
    assert_eq!(schedule["days"][0]["slots"].as_array().unwrap().len(), 16);
    let free =
        |time: &str, end: &str| json!({"time_slot": time, "end_time": end, "status": "FREE", "appointment": null});
    let taken = |time: &str, end: &str, id: &Value| json!({"time_slot": time, "end_time": end, "status": "BOOKED", "appointment": id});
    assert_eq!(at(&schedule, "09:00:00"), free("09:00:00", "09:30:00"));
    assert_eq!(at(&schedule, "10:00:00"), taken("10:00:00", "10:30:00", &booked));
    assert_eq!(at(&schedule, "11:00:00"), taken("11:00:00", "11:30:00", &long));
    assert_eq!(at(&schedule, "11:30:00"), taken("11:30:00", "12:00:00", &long));
    assert_eq!(at(&schedule, "15:00:00"), free("15:00:00", "15:30:00"));
}

#[tokio::test]
async fn who_sees_whose_appointment() {
    let hospital = Hospital::new().await;
    let own = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    hospital.booked(&slot(OTHER, RAO, day(2), "11:00:00")).await;
    let query = path(RAO, &format!("date={}", day(2)));
    for user in [DESK, RAO, NURSE, CASHIER] {
        assert_eq!(at(&hospital.get(user, &query).await.expect(200).body, "10:00:00")["appointment"], own, "{user}");
    }
    for user in [SEN, STRAY_NURSE] {
        let seen = at(&hospital.get(user, &query).await.expect(200).body, "10:00:00");
        assert_eq!((&seen["status"], &seen["appointment"]), (&json!("BOOKED"), &Value::Null), "{user}");
    }
    let patients = hospital.get(LAKSHMI_ACCOUNT, &query).await.expect(200).body;
    assert_eq!(at(&patients, "10:00:00")["appointment"], own);
    assert_eq!(at(&patients, "11:00:00"), Value::Null);
    assert_eq!(at(&patients, "11:30:00")["status"], "FREE");
}

#[tokio::test]
async fn what_is_over_is_blocked() {
    let hospital = Hospital::new().await;
    hospital.db.sql("UPDATE availability_hours SET start_time = '00:00', end_time = '23:59'").await;
    let yesterday = (day(0).pred_opt().unwrap()).to_string();
    let schedule = hospital.get(DESK, &path(RAO, &format!("date={yesterday}"))).await.expect(200).body;
    assert!(schedule["days"][0]["slots"].as_array().unwrap().iter().all(|slot| slot["status"] == "BLOCKED"));
}

#[tokio::test]
async fn nothing_is_free_of_a_doctor_who_has_left() {
    let hospital = Hospital::new().await;
    let slots = hospital.slots(LEFT, day(2)).await;
    assert_eq!(slots.len(), 16);
    assert!(slots.iter().all(|(_, status)| status == "BLOCKED"), "{slots:?}");
    let patients = hospital.get(LAKSHMI_ACCOUNT, &path(LEFT, &format!("date={}", day(2)))).await.expect(200).body;
    assert_eq!(patients["days"][0]["slots"], json!([]));
}

#[tokio::test]
async fn up_to_sixty_two_days() {
    let hospital = Hospital::new().await;
    let range = |start, end| format!("start_date={}&end_date={}", day(start), day(end));
    let two_months = hospital.get(DESK, &path(RAO, &range(1, 62))).await.expect(200).body;
    assert_eq!(two_months["days"].as_array().unwrap().len(), 62);
    let without_hours = hospital.get(DESK, &path(NEW, &range(1, 2))).await.expect(200).body;
    assert_eq!(without_hours["days"], json!([{"date": day(1), "slots": []}, {"date": day(2), "slots": []}]));
    for (query, field) in [
        (range(1, 63), "end_date"),
        (range(2, 1), "start_date"),
        (String::new(), "start_date"),
        (format!("start_date={}", day(1)), "end_date"),
        (format!("end_date={}", day(1)), "start_date"),
        (format!("date={0}&start_date={0}", day(1)), "date"),
        ("date=9999-12-31".to_owned(), "date"),
        ("date=2026-02-29".to_owned(), "date"),
    ] {
        let refused = hospital.get(DESK, &path(RAO, &query)).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{query}");
    }
    hospital.get(DESK, &path(20, &range(1, 2))).await.expect(404);
}

/// Counts the statements of a connection, and of all others that share its number.
struct Counts(Arc<AtomicUsize>);

impl Instrumentation for Counts {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many statements the service has sent, from now on.
async fn statements(hospital: &Hospital) -> Arc<AtomicUsize> {
    let (pool, sent) = (hospital.db.pool().await, Arc::new(AtomicUsize::new(0)));
    let mut all = Vec::new();
    for _ in 0..hospital.db.config().pool_size {
        let mut conn = pool.get().await.unwrap();
        conn.set_instrumentation(Counts(Arc::clone(&sent)));
        all.push(conn);
    }
    sent
}

#[tokio::test]
async fn sixty_two_full_days_take_as_many_statements_as_an_empty_one() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(1), "10:00:00")).await;
    let sent = statements(&hospital).await;
    let one = path(RAO, &format!("date={}", day(70)));
    let all = path(RAO, &format!("start_date={}&end_date={}", day(1), day(62)));
    let count = async |user: i64, path: &str| {
        let before = sent.load(Ordering::Relaxed);
        let answer = hospital.get(user, path).await.expect(200).body;
        (sent.load(Ordering::Relaxed) - before, answer)
    };
    let users = [DESK, RAO, SEN, NURSE, LAKSHMI_ACCOUNT];
    let mut of_empty = Vec::new();
    for user in users {
        count(user, &one).await; // what is asked once only
        of_empty.push(count(user, &one).await.0);
    }
    assert!(of_empty.iter().all(|statements| (1..=8).contains(statements)), "{of_empty:?}");
    let full = format!(
        "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) \
         SELECT 200 + n % 100, {RAO}, start, start + interval '30 minutes', 'SCHEDULED', 'IN_PERSON', '', '', '' \
         FROM generate_series(0, 62 * 16 - 1) AS n, LATERAL (SELECT timestamptz '{}T09:00:00+05:30' + n / 16 * interval '1 day' \
         + n % 16 * interval '30 minutes' AS start) AS slots WHERE n <> 2",
        day(1)
    );
    hospital.db.sql(&full).await;
    for (user, expected) in users.into_iter().zip(of_empty) {
        let (statements, schedule) = count(user, &all).await;
        assert_eq!(statements, expected, "{user}");
        let days = schedule["days"].as_array().unwrap();
        assert_eq!(days.len(), 62);
        let slots = days.iter().flat_map(|day| day["slots"].as_array().unwrap());
        assert!(slots.clone().all(|slot| slot["status"] == "BOOKED"));
        assert_eq!(slots.count(), if user == LAKSHMI_ACCOUNT { 1 } else { 62 * 16 }, "{user}");
    }
}
