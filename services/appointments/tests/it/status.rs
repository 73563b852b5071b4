//! The table of steps, walked over HTTP: every status to every other one, by every role that changes appointments.

use appointments::status::{Refusal, Status, check};
use serde_json::{Value, json};

use crate::hospital::{ADMIN, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, RAO, day, role_of, slot};

#[tokio::test]
async fn every_step_is_as_the_table_says() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    for user in [ADMIN, RAO, NURSE, DESK, LAKSHMI_ACCOUNT] {
        for from in Status::ALL {
            for to in Status::ALL.iter().filter(|to| *to != from) {
                let reason = if *from == Status::Cancelled { "was off" } else { "" };
                let word = from.as_str();
                hospital
                    .db
                    .sql(&format!("UPDATE appointments SET status = '{word}', cancellation_reason = '{reason}'"))
                    .await;
                let expected = match check(role_of(user), *from, *to) {
                    Ok(()) => 200,
                    Err(Refusal::Role) => 403,
                    Err(Refusal::DoesNotFollow) => 409,
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
