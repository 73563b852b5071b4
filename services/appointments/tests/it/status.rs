//! The table of steps, walked over HTTP: every status to every other one, by every role that changes appointments.

use appointments::status::{Moment, Refusal, Status, Who, check};
use chrono::{DurationRound, TimeDelta, Utc};
use chrono_tz::Asia::Kolkata;
use serde_json::{Value, json};

use crate::hospital::{ADMIN, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, RAO, day, role_of, slot};

/// Walks the table with an appointment that begins so long from now.
async fn walk(begins_in: TimeDelta) {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let starts_at = Utc::now().duration_trunc(TimeDelta::minutes(1)).unwrap() + begins_in;
    for user in [ADMIN, RAO, NURSE, DESK, LAKSHMI_ACCOUNT] {
        for from in Status::ALL {
            for to in Status::ALL.iter().filter(|to| *to != from) {
                let reason = if *from == Status::Cancelled { "was off" } else { "" };
                let word = from.as_str();
                let start = starts_at.to_rfc3339();
                hospital
                    .db
                    .sql(&format!(
                        "UPDATE appointments SET status = '{word}', cancellation_reason = '{reason}', \
                         starts_at = '{start}', ends_at = timestamptz '{start}' + interval '30 minutes'"
                    ))
                    .await;
                let moment = Moment { starts_at, now: Utc::now(), zone: Kolkata };
                let expected = match check(Who::Role(role_of(user)), *from, *to, &moment) {
                    Ok(()) => 200,
                    Err(Refusal::Role) => 403,
                    Err(Refusal::DoesNotFollow | Refusal::TooEarly(_) | Refusal::TooLate) => 409,
                };
                let answer = hospital.patch(user, &id, &step(*to)).await;
                // What the permission table keeps a role from altogether comes first.
                let kept_out = user == LAKSHMI_ACCOUNT && *to != Status::Cancelled;
                let expected = if kept_out { 403 } else { expected };
                let seen = (answer.status.as_u16(), answer.text.as_str());
                assert_eq!(seen.0, expected, "{} from {word} to {}: {}", role_of(user), to.as_str(), seen.1);
            }
        }
    }
}

#[tokio::test]
async fn every_step_is_as_the_table_says_once_the_appointment_has_begun() {
    walk(TimeDelta::minutes(-5)).await;
}

#[tokio::test]
async fn every_step_is_as_the_table_says_before_its_day() {
    walk(TimeDelta::days(2)).await;
}

fn step(to: Status) -> Value {
    match to {
        Status::Cancelled => json!({"status": to, "cancellation_reason": "no more"}),
        _ => json!({"status": to}),
    }
}

#[tokio::test]
async fn what_is_done_keeps_its_time_and_takes_notes() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    hospital.all_begin().await;
    for status in ["CONFIRMED", "CHECKED_IN"] {
        hospital.patch(DESK, &id, &json!({"status": status})).await.expect(200);
    }
    for status in ["IN_PROGRESS", "COMPLETED"] {
        hospital.patch(RAO, &id, &json!({"status": status})).await.expect(200);
    }
    hospital.patch(DESK, &id, &json!({"time_slot": "12:00:00"})).await.expect(409);
    hospital.patch(DESK, &id, &json!({"doctor": 11})).await.expect(409);
    hospital.patch(RAO, &id, &json!({"notes": "seen, well"})).await.expect(200);
    assert_eq!(hospital.db.number("SELECT count(*) FROM appointment_history").await, 6);
    assert_eq!(hospital.db.number("SELECT max(version) FROM appointments").await, 6);
}

#[tokio::test]
async fn nobody_is_checked_in_tomorrow() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(1), "10:00:00")).await["id"].clone();
    for (status, user) in [("CHECKED_IN", DESK), ("IN_PROGRESS", RAO), ("NO_SHOW", DESK)] {
        let refused = hospital.patch(user, &id, &json!({"status": status})).await.expect(409);
        assert_eq!(refused.body["type"], "urn:ehs:problem:too-early", "{status}");
    }
    hospital.patch(DESK, &id, &json!({"status": "CONFIRMED"})).await.expect(200);
}
