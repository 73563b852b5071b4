//! Races that HTTP alone cannot stage: another writer in the middle of its transaction.

use std::sync::atomic::{AtomicU32, Ordering};

use appointments::booking::clash;
use appointments::error::Error;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use serde_json::json;
use testkit::eventually;

use crate::hospital::{DESK, Hospital, LAKSHMI, OTHER, RAO, SEN, calendar, day, slot};
use crate::merged::merge;

/// A writer that keeps to none of our locks, and has not committed yet.
async fn rival(hospital: &Hospital) -> AsyncPgConnection {
    let mut conn = hospital.db.connect().await;
    let insert = format!(
        "BEGIN; INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, cancellation_reason) \
         VALUES (101, 10, '{0}T10:10:00+05:30', '{0}T10:40:00+05:30', 'SCHEDULED', 'IN_PERSON', '', '', '')",
        day(2)
    );
    conn.batch_execute(&insert).await.unwrap();
    conn
}

async fn someone_waits(hospital: &Hospital) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(async || hospital.db.number(waiting).await > 0).await;
}

#[tokio::test]
async fn who_loses_to_a_writer_that_nobody_could_see_gets_409() {
    let hospital = Hospital::new().await;
    let mut rival = rival(&hospital).await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    let (lost, ()) = tokio::join!(hospital.book(DESK, &body), async {
        someone_waits(&hospital).await;
        rival.batch_execute("COMMIT").await.unwrap();
    });
    let lost = lost.expect(409);
    assert_eq!(lost.body["conflicts"][0]["time_slot"], "10:10:00");
    assert_eq!(lost.body["next_available"][0]["time_slot"], "11:00:00");
    assert_eq!(hospital.rows().await, 1);
}

#[tokio::test]
async fn a_deadlock_is_tried_again_and_never_shown() {
    let hospital = Hospital::new().await;
    let mut rival = rival(&hospital).await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    let (booked, rival_won) = tokio::join!(hospital.book(DESK, &body), async {
        someone_waits(&hospital).await;
        // It waits for what the booking has locked, and the booking for it.
        match rival.batch_execute("SELECT 1 FROM staff WHERE id = 10 FOR UPDATE").await {
            Ok(()) => rival.batch_execute("COMMIT").await.is_ok(),
            Err(_deadlock) => rival.batch_execute("ROLLBACK").await.is_err(),
        }
    });
    booked.expect(if rival_won { 409 } else { 201 });
    assert_eq!(hospital.rows().await, 1);
}

#[tokio::test]
async fn who_loses_again_and_again_is_not_tried_for_ever() {
    let hospital = Hospital::new().await;
    let mut conn = hospital.db.connect().await;
    let tries = AtomicU32::new(0);
    let outcome: Result<(), Error> = clash::settle(&mut conn, &calendar(), async |_conn| {
        tries.fetch_add(1, Ordering::Relaxed);
        let lost = DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new("lost".to_owned()));
        Err(lost.into())
    })
    .await;
    assert!(outcome.is_err_and(|error| error.is_passing()));
    assert_eq!(tries.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn what_is_called_off_while_two_records_are_merged_is_in_nobodys_way() {
    let hospital = Hospital::new().await;
    let first = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let later = hospital.booked(&slot(OTHER, SEN, day(2), "10:00:00")).await["id"].clone();
    let mut calling_off = hospital.db.connect().await;
    let cancel = format!(
        "BEGIN; UPDATE appointments SET status = 'CANCELLED', cancellation_reason = 'booked twice' WHERE id = {first}"
    );
    calling_off.batch_execute(&cancel).await.unwrap();
    tokio::join!(merge(&hospital), async {
        someone_waits(&hospital).await;
        calling_off.batch_execute("COMMIT").await.unwrap();
    });
    let shown = hospital.get(DESK, &format!("/api/appointments/{later}/")).await.expect(200).body;
    assert_eq!((&shown["rescheduling_cause"], &shown["status"]), (&json!(null), &json!("SCHEDULED")));
}
