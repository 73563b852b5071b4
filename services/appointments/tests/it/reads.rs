//! How much is read to answer: what was asked for, and not the whole table.

use appointments::waitlist::round::Done;
use chrono::Utc;

use crate::hospital::{DESK, Hospital, LAKSHMI, NURSE, OTHER, RAO, day, slot};
use crate::waitlist::rounds;

/// So often that PostgreSQL keeps a plan for any values where it may.
const TIMES: i64 = 15;

/// The first of the other people.
const SOMEBODY: i64 = 10_000;

/// A hospital with 20,000 appointments of 5,000 people with so many doctors of orthopaedics, and two of Rao's: one with Lakshmi, in two
/// days, and one that was missed long ago. Rao's are the last that were booked.
async fn hospital(doctors: i64) -> Hospital {
    let hospital = Hospital::new().await;
    let people = format!(
        "INSERT INTO staff SELECT id, 'DOCTOR', 'Doctor ' || id, 'Orthopaedics', 'ORTHOPAEDICS', true, 1 \
         FROM generate_series(1000, 999 + {doctors}) AS id; \
         INSERT INTO patients SELECT id, 'P' || lpad(id::text, 8, '0'), 'Patient ' || id, NULL, NULL, true, 1 \
         FROM generate_series({SOMEBODY}, {SOMEBODY} + 4999) AS id"
    );
    hospital.db.sql(&people).await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let others = format!(
        "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, \
         cancellation_reason, created_at) SELECT {SOMEBODY} + abs(n) % 5000, 1000 + abs(n) % {doctors}, now() + n * interval '12 minutes', \
         now() + n * interval '12 minutes' + interval '10 minutes', 'COMPLETED', 'IN_PERSON', '', '', '', \
         now() + n * interval '1 minute' FROM generate_series(-9999, 10000) AS n"
    );
    hospital.db.sql(&others).await;
    let missed = format!(
        "INSERT INTO appointments (patient_id, doctor_id, starts_at, ends_at, status, appointment_type, reason, notes, \
         cancellation_reason) SELECT {OTHER}, {RAO}, at, at + interval '30 minutes', 'NO_SHOW', 'IN_PERSON', '', '', '' \
         FROM (SELECT now() - interval '300 days') AS missed (at)"
    );
    hospital.db.sql(&missed).await;
    hospital
        .db
        .sql(&format!("UPDATE appointments SET created_at = now() + interval '1 year' WHERE doctor_id = {RAO}"))
        .await;
    // Some of them were merged into others, and it is Lakshmi of whom there was another record too.
    let merged = format!(
        "INSERT INTO merged_patients SELECT {SOMEBODY} + n, {SOMEBODY} + 2000 + n % 500 FROM generate_series(0, 999) AS n; \
         INSERT INTO merged_patients VALUES (299, {LAKSHMI})"
    );
    hospital.db.sql(&merged).await;
    hospital.db.sql("VACUUM ANALYZE appointments").await;
    hospital.db.sql("ANALYZE").await;
    hospital
}

/// Asks for a list of so many, again and again.
async fn reads_little(hospital: Hospital, user: i64, query: &str, count: usize) {
    let before = hospital.db.looked_at("appointments").await;
    for _ in 0..TIMES {
        let page = hospital.get(user, &format!("/api/appointments/?{query}")).await.expect(200).body;
        assert_eq!((&page["count"], page["results"].as_array().unwrap().len()), (&count.into(), count), "{query}");
    }
    let each = (hospital.db.looked_at("appointments").await - before) / TIMES;
    assert!((1..500).contains(&each), "{each} rows of 20,000 for {query}");
}

#[tokio::test]
async fn one_appointment_for_a_nurse_whose_department_sees_many() {
    let hospital = hospital(1000).await;
    let nurse = 22;
    hospital.db.sql("INSERT INTO staff VALUES (22, 'NURSE', 'Omana Varghese', '', 'ORTHOPAEDICS', true, 1)").await;
    let of_who_is_seen = hospital.booked(&slot(SOMEBODY, RAO, day(3), "10:00:00")).await["id"].clone();
    let of_who_is_not = hospital.booked(&slot(LAKSHMI, RAO, day(3), "11:00:00")).await["id"].clone();
    let before = hospital.db.looked_at("appointments").await;
    for _ in 0..TIMES {
        hospital.get(nurse, &format!("/api/appointments/{of_who_is_seen}/")).await.expect(200);
        hospital.get(nurse, &format!("/api/appointments/{of_who_is_not}/")).await.expect(404);
    }
    let each = (hospital.db.looked_at("appointments").await - before) / TIMES;
    assert!((1..50).contains(&each), "{each} rows of 20,000");
}

#[tokio::test]
async fn little_in_a_doctors_care() {
    reads_little(hospital(1000).await, RAO, "", 2).await;
}

#[tokio::test]
async fn little_in_the_care_of_a_nurses_department() {
    reads_little(hospital(1000).await, NURSE, "ordering=date", 2).await;
}

#[tokio::test]
async fn a_rare_status() {
    reads_little(hospital(1000).await, DESK, "status=NO_SHOW", 1).await;
}

#[tokio::test]
async fn few_of_a_doctor_in_the_order_of_booking() {
    reads_little(hospital(1).await, DESK, &format!("doctor={RAO}&ordering=created_at"), 2).await;
}

#[tokio::test]
async fn those_who_waited_and_offers_that_were_closed() {
    let hospital = Hospital::new().await;
    let past = format!(
        "INSERT INTO waitlist_entries (patient_id, doctor_id, start_date, end_date, weekdays, appointment_type, urgency, reason, status, \
         leaving_reason, created_by) SELECT 200 + n % 100, {RAO}, current_date - 20, current_date - 10, '{{}}', 'IN_PERSON', 'ROUTINE', '', \
         'EXPIRED', '', 1 FROM generate_series(1, 20000) AS n; \
         INSERT INTO waitlist_entries (patient_id, specialization, start_date, end_date, weekdays, appointment_type, urgency, reason, \
         status, leaving_reason, created_by) SELECT 200 + n % 100, 'field ' || n, current_date, current_date + 10, '{{}}', 'IN_PERSON', \
         'ROUTINE', '', 'WAITING', '', 1 FROM generate_series(1, 2000) AS n; \
         INSERT INTO waitlist_offers (entry_id, doctor_id, starts_at, ends_at, held_from, held_until, status, offered_at, expires_at, closed_at) \
         SELECT id, {RAO}, at, at + interval '30 minutes', at, at + interval '30 minutes', 'LAPSED', at - interval '2 hours', \
         at - interval '1 hour', at FROM waitlist_entries, (SELECT now() - interval '15 days') AS offered (at) WHERE status = 'EXPIRED'"
    );
    hospital.db.sql(&past).await;
    hospital.db.sql("VACUUM ANALYZE waitlist_entries").await;
    hospital.db.sql("VACUUM ANALYZE waitlist_offers").await;
    let read =
        async || [hospital.db.looked_at("waitlist_entries").await, hospital.db.looked_at("waitlist_offers").await];
    let [entries, offers] = read().await;
    let rounds = rounds(&hospital).await;
    for _ in 0..TIMES {
        assert_eq!(rounds.round(Utc::now()).await.unwrap(), Done::default());
    }
    let [entries, offers] = [read().await[0] - entries, read().await[1] - offers];
    assert!(entries < 500 && offers < 500, "{entries} entries and {offers} offers of 20,000 in {TIMES} rounds");
}
