use chrono::{DateTime, Utc};
use events::envelope::time;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::hospital::{
    DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, OTHER_ACCOUNT, RAO, SEN, STRAY_NURSE, day, slot,
};

#[tokio::test]
async fn moving_is_checked_like_booking_and_keeps_the_identity() {
    let hospital = Hospital::new().await;
    let first = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    hospital.booked(&slot(OTHER, RAO, day(2), "11:00:00")).await;
    let moved = hospital.patch(DESK, &first["id"], &json!({"time_slot": "10:15:00"})).await.expect(200);
    assert_eq!(
        (&moved.body["id"], &moved.body["time_slot"], &moved.body["end_time"]),
        (&first["id"], &json!("10:15:00"), &json!("10:45:00"))
    );
    assert_eq!(moved.header("etag"), "\"2\"");
    let refused = hospital.patch(DESK, &first["id"], &json!({"time_slot": "10:45"})).await.expect(409);
    assert_eq!(refused.body["conflicts"][0]["time_slot"], "11:00:00");
    assert_eq!(refused.body["next_available"].as_array().unwrap().len(), 3);
    for (patch, field) in [
        (json!({"time_slot": "08:00:00"}), "time_slot"),
        (json!({"time_slot": "24:00:00"}), "time_slot"),
        (json!({"date": "2020-01-01"}), "date"),
        (json!({"date": null}), "date"),
        (json!({"duration_minutes": 1000}), "duration_minutes"),
        (json!({"patient": OTHER}), "patient"),
        (json!({"doctor": -3}), "doctor"),
        (json!({"id": 7}), "id"),
        (json!({"end_time": "11:00:00"}), "end_time"),
        (json!({"cancellation_reason": "x"}), "cancellation_reason"),
        (json!({"status": "CANCELLED"}), "cancellation_reason"),
        (json!({"status": "DONE"}), "status"),
    ] {
        let answer = hospital.patch(DESK, &first["id"], &patch).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field], "{patch}");
    }
    let other_doctor =
        hospital.patch(DESK, &first["id"], &json!({"doctor": SEN, "time_slot": "11:00:00"})).await.expect(200);
    assert_eq!(other_doctor.body["doctor_name"], "Vikram Sen");
}

#[tokio::test]
async fn of_many_who_move_to_one_slot_one_gets_there() {
    let hospital = Hospital::new().await;
    let times: Vec<String> = (0..14).map(|i| format!("{:02}:{:02}:00", 9 + i / 2, 30 * (i % 2))).collect();
    let mut ids = Vec::new();
    for (patient, time) in (200..).zip(&times) {
        ids.push(hospital.booked(&slot(patient, RAO, day(2), time)).await["id"].clone());
    }
    let target = json!({"date": day(3), "time_slot": "12:00:00"});
    let answers = join_all(ids.iter().map(|id| hospital.patch(DESK, id, &target))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    assert_eq!((count(200), count(409)), (1, ids.len() - 1));
}

#[tokio::test]
async fn two_who_swap_their_slots_at_once_end_without_a_deadlock() {
    let hospital = Hospital::new().await;
    let one = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let two = hospital.booked(&slot(OTHER, SEN, day(2), "10:00:00")).await;
    for _ in 0..5 {
        let (to_sen, to_rao) = (json!({"doctor": SEN}), json!({"doctor": RAO}));
        let answers =
            tokio::join!(hospital.patch(DESK, &one["id"], &to_sen), hospital.patch(DESK, &two["id"], &to_rao));
        assert_eq!((answers.0.status.as_u16(), answers.1.status.as_u16()), (409, 409));
    }
}

#[tokio::test]
async fn a_stale_writer_is_told() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let path = format!("/api/appointments/{id}/");
    let patch = |tag: &str, reason: &str| {
        let call = hospital.server.call(Method::PATCH, &path).token(&hospital.token(DESK)).header("if-match", tag);
        call.body("application/merge-patch+json", json!({"reason": reason}).to_string()).send()
    };
    patch("\"1\"", "first").await.expect(200);
    patch("\"1\"", "second").await.expect(412);
    patch("rubbish", "second").await.expect(412);
    let answers = join_all(["a", "b", "c", "d"].map(|reason| patch("\"2\"", reason))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 200).count(), 1);
    let unchanged = hospital
        .server
        .call(Method::GET, &path)
        .token(&hospital.token(DESK))
        .header("if-none-match", "\"3\"")
        .send()
        .await;
    assert_eq!(unchanged.status.as_u16(), 304);
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_none() {
    let hospital = Hospital::new().await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    let id = hospital.booked(&body).await["id"].clone();
    assert_eq!(hospital.put(DESK, &id, &body).await.expect(200).header("etag"), "\"1\"");
    assert_eq!(hospital.patch(DESK, &id, &json!({})).await.expect(200).header("etag"), "\"1\"");
    assert_eq!(hospital.db.number("SELECT count(*) FROM appointment_history").await, 1);
}

#[tokio::test]
async fn put_replaces_and_keeps_what_the_caller_does_not_see() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    body["reason"] = json!("cough");
    let id = hospital.booked(&body).await["id"].clone();
    hospital.patch(RAO, &id, &json!({"notes": "murmur"})).await.expect(200);
    let replaced = hospital.put(DESK, &id, &slot(LAKSHMI, RAO, day(2), "12:00:00")).await.expect(200);
    assert_eq!((&replaced.body["reason"], &replaced.body["notes"]), (&json!(""), &json!(null)));
    let seen = hospital.get(RAO, &format!("/api/appointments/{id}/")).await.expect(200);
    assert_eq!(seen.body["notes"], "murmur");
    hospital.patch(DESK, &id, &json!({"notes": "mine"})).await.expect(403);
    assert_eq!(hospital.patch(RAO, &id, &json!({"notes": null})).await.expect(200).body["notes"], "");
}

#[tokio::test]
async fn who_may_change_what() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let (move_it, confirm) = (json!({"time_slot": "15:00:00"}), json!({"status": "CONFIRMED"}));
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "travels"});
    hospital.patch(NURSE, &id, &move_it).await.expect(403);
    hospital.patch(NURSE, &id, &confirm).await.expect(200);
    hospital.patch(STRAY_NURSE, &id, &confirm).await.expect(404);
    hospital.patch(SEN, &id, &cancel).await.expect(404);
    hospital.patch(RAO, &id, &json!({"doctor": SEN})).await.expect(403);
    // Another doctor's appointment with a patient in care: a nurse sees to it, a doctor sees it.
    let elsewhere = hospital.booked(&slot(LAKSHMI, SEN, day(3), "10:00:00")).await["id"].clone();
    hospital.patch(RAO, &elsewhere, &confirm).await.expect(403);
    hospital.patch(NURSE, &elsewhere, &confirm).await.expect(200);
    hospital.patch(LAKSHMI_ACCOUNT, &id, &move_it).await.expect(403);
    hospital.patch(LAKSHMI_ACCOUNT, &id, &json!({"reason": "other"})).await.expect(403);
    hospital.patch(LAKSHMI_ACCOUNT, &id, &json!({"notes": "x"})).await.expect(403);
    hospital.patch(OTHER_ACCOUNT, &id, &cancel).await.expect(404);
    let cancelled = hospital.patch(LAKSHMI_ACCOUNT, &id, &cancel).await.expect(200);
    assert_eq!(cancelled.body["cancellation_reason"], "travels");
    let line = "SELECT count(*) FROM appointment_history WHERE new_status = 'CANCELLED' AND changed_by = 1000 AND changed_as = 'PATIENT' AND why = 'travels'";
    assert_eq!(hospital.db.number(line).await, 1);
}

#[tokio::test]
async fn a_patient_does_not_call_off_what_has_begun() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    hospital.db.sql("UPDATE appointments SET starts_at = date_trunc('minute', now()) - interval '5 minutes', ends_at = date_trunc('minute', now()) + interval '25 minutes'").await;
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "late"});
    hospital.patch(LAKSHMI_ACCOUNT, &id, &cancel).await.expect(409);
    hospital.patch(DESK, &id, &cancel).await.expect(200);
}

#[tokio::test]
async fn a_doctor_in_whose_care_a_patient_is_reads_and_does_not_change() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    hospital.booked(&slot(LAKSHMI, SEN, day(4), "10:00:00")).await;
    hospital.get(SEN, &format!("/api/appointments/{id}/")).await.expect(200);
    hospital.patch(SEN, &id, &json!({"status": "CONFIRMED"})).await.expect(403);
}

#[tokio::test]
async fn who_moves_one_says_from_when_and_it_is_read_again_in_its_history() {
    let hospital = Hospital::new().await;
    let booked = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let id = booked["id"].clone();
    hospital.patch(DESK, &id, &json!({"status": "CONFIRMED"})).await.expect(200);
    let to = json!({"date": day(3), "time_slot": "11:30:00", "change_reason": "the doctor is late"});
    hospital.patch(DESK, &id, &to).await.expect(200);
    hospital.patch(DESK, &id, &json!({"duration_minutes": 45})).await.expect(200);
    let at = |date, time: &str| format!("{date}T{time}+05:30").parse::<DateTime<Utc>>().unwrap();
    let told = hospital.told().await;
    let moves: Vec<_> = told.iter().map(|(_, it)| it.moved_from.as_ref().and_then(time)).collect();
    // Not of the booking, a step or another length: only of what begins at another time.
    assert_eq!(moves, [None, None, Some(at(day(2), "10:00:00")), None]);
    assert_eq!(told[2].1.starts_at.as_ref().and_then(time), Some(at(day(3), "11:30:00")));
    let history = hospital.get(DESK, &format!("/api/appointments/{id}/history/")).await.expect(200).body;
    let moved = &history["results"][1];
    assert_eq!((&moved["changed"], &moved["why"]), (&json!(["time_slot"]), &json!("the doctor is late")));
    let stood = |date, from: &str, to: &str| json!({"status": "CONFIRMED", "doctor": RAO, "date": date, "time_slot": from, "end_time": to});
    assert_eq!(moved["before"], stood(day(2), "10:00:00", "10:30:00"));
    assert_eq!(moved["after"], stood(day(3), "11:30:00", "12:00:00"));
    assert_eq!(history["results"][0]["before"], moved["after"]);
}
