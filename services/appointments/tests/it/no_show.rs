//! Patients who did not come.

use appointments::no_show::mark;
use chrono::{TimeDelta, Utc};
use events::Outbox;
use serde_json::json;
use testkit::eventually;

use crate::hospital::{DESK, Hospital, LAKSHMI, OTHER, RAO, SEN, day, slot};

const GRACE: TimeDelta = TimeDelta::minutes(60);

/// Begins so many minutes ago, and takes half an hour.
async fn begun(hospital: &Hospital, id: &serde_json::Value, minutes: i64) {
    let sql = format!(
        "UPDATE appointments SET starts_at = date_trunc('minute', now()) - interval '{minutes} minutes', ends_at = date_trunc('minute', now()) - interval '{minutes} minutes' \
         + interval '30 minutes' WHERE id = {id}"
    );
    hospital.db.sql(&sql).await;
}

#[tokio::test]
async fn who_does_not_come_within_the_grace_time_is_marked_once() {
    let hospital = Hospital::new().await;
    let missed = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let awaited = hospital.booked(&slot(OTHER, SEN, day(2), "11:00:00")).await["id"].clone();
    let here = hospital.booked(&slot(200, SEN, day(2), "10:00:00")).await["id"].clone();
    let unmoved = hospital.booked(&slot(201, SEN, day(2), "12:00:00")).await["id"].clone();
    let confirmed = hospital.booked(&slot(202, SEN, day(2), "14:00:00")).await["id"].clone();
    hospital.patch(DESK, &confirmed, &json!({"status": "CONFIRMED"})).await.expect(200);
    begun(&hospital, &missed, 61).await;
    begun(&hospital, &awaited, 50).await;
    begun(&hospital, &here, 90).await;
    begun(&hospital, &unmoved, 300).await;
    begun(&hospital, &confirmed, 600).await;
    hospital.patch(DESK, &here, &json!({"status": "CHECKED_IN"})).await.expect(200);
    hospital.db.sql(&format!("UPDATE appointments SET rescheduling_cause = 'LEAVE' WHERE id = {unmoved}")).await;
    let pool = hospital.db.pool().await;
    let outbox = Outbox::new();
    let (one, other) = tokio::join!(mark(&pool, &outbox, Utc::now(), GRACE), mark(&pool, &outbox, Utc::now(), GRACE));
    assert_eq!(one.unwrap() + other.unwrap(), 2);
    let status = async |id: &serde_json::Value| {
        hospital.get(DESK, &format!("/api/appointments/{id}/")).await.expect(200).body["status"].clone()
    };
    assert_eq!(status(&missed).await, "NO_SHOW");
    assert_eq!(status(&confirmed).await, "NO_SHOW");
    assert_eq!(status(&awaited).await, "SCHEDULED");
    assert_eq!(status(&here).await, "CHECKED_IN");
    assert_eq!(status(&unmoved).await, "SCHEDULED");
    let last = hospital.get(DESK, &format!("/api/appointments/{missed}/history/")).await.expect(200).body;
    let last = &last["results"][0];
    assert_eq!((&last["changed_by"], &last["changed_as"]), (&json!(null), &json!("SYSTEM")));
    assert_eq!((&last["changed"], &last["why"]), (&json!(["status"]), &json!("nobody came within the grace time")));
    assert_eq!(mark(&pool, &Outbox::new(), Utc::now(), GRACE).await.unwrap(), 0);
    // It is told, and written down.
    let told = "SELECT count(*) FROM outbox WHERE event_type = 'AppointmentUpdated' AND subscriber = 'billing'";
    assert_eq!(hospital.db.number(told).await, 4);
    let audited = format!(
        "SELECT count(*) FROM audit_log WHERE actor IS NULL AND outcome = 'SUCCESS' AND patients @> '{{{LAKSHMI}}}'"
    );
    assert_eq!(hospital.db.number(&audited).await, 1);
}

#[tokio::test]
async fn nobody_is_missed_while_the_appointment_lasts() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    body["duration_minutes"] = json!(240);
    hospital.booked(&body).await;
    hospital.db.sql("UPDATE appointments SET starts_at = now() - interval '200 minutes', ends_at = now() + interval '40 minutes'").await;
    let pool = hospital.db.pool().await;
    assert_eq!(mark(&pool, &Outbox::new(), Utc::now(), GRACE).await.unwrap(), 0);
    assert_eq!(mark(&pool, &Outbox::new(), Utc::now() + TimeDelta::minutes(41), GRACE).await.unwrap(), 1);
}

#[tokio::test]
async fn of_those_long_over_far_ahead_and_to_be_moved_nobody_is_looked_at() {
    let hospital = Hospital::new().await;
    for (status, cause, of) in [
        ("NO_SHOW", "NULL", "generate_series(-10000, -5000)"),
        ("SCHEDULED", "'LEAVE'", "generate_series(-4999, -10)"),
        ("SCHEDULED", "NULL", "generate_series(10, 10000)"),
    ] {
        let some = format!(
            "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason, \
             rescheduling_cause) SELECT {LAKSHMI}, {RAO}, now() + n * interval '30 minutes', \
             now() + n * interval '30 minutes' + interval '15 minutes', '{status}', 'IN_PERSON', '', '', '', {cause} FROM {of} AS n"
        );
        hospital.db.sql(&some).await;
    }
    hospital.db.sql("VACUUM ANALYZE appointments").await;
    let pool = hospital.db.pool().await;
    let read =
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'appointments'";
    let before = hospital.db.number(read).await;
    // Often enough that PostgreSQL keeps a plan for any values.
    for _ in 0..20 {
        assert_eq!(mark(&pool, &Outbox::new(), Utc::now(), GRACE).await.unwrap(), 0);
    }
    // Sessions tell what they did when they end.
    drop(pool);
    let used = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'appointments_awaited'";
    eventually(|| async { hospital.db.number(used).await >= 20 }).await;
    let looked_at = hospital.db.number(read).await - before;
    assert!(looked_at < 1_000, "{looked_at} rows of 20,000");
}
