//! Two patients who were one.

use std::time::Duration;

use diesel_async::AsyncConnection;
use events::v1::{Envelope, PatientMerge, PatientSnapshot};
use events::{Handler, Payload};
use serde_json::{Value, json};

use crate::hospital::{
    DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, RAO, SEN, STRAY_NURSE, day, slot, subscriber,
};

async fn hear(hospital: &Hospital, payload: Payload) {
    let event = Envelope::new(None, ("patient", OTHER), None, payload);
    let mut conn = hospital.db.connect().await;
    conn.transaction(async |conn| subscriber().apply(conn, &event).await).await.unwrap();
}

/// What patients tells when `OTHER` is merged into `LAKSHMI`: the survivor's details under the old id, then the merge.
pub async fn merge(hospital: &Hospital) {
    let details = PatientSnapshot {
        id: OTHER,
        patient_id: "P00000100".to_owned(),
        first_name: "Lakshmi".to_owned(),
        last_name: "R".to_owned(),
        is_active: true,
        user_id: Some(LAKSHMI_ACCOUNT),
        version: 2,
        ..PatientSnapshot::default()
    };
    hear(hospital, Payload::PatientUpdated(details)).await;
    hear(hospital, Payload::PatientMerged(PatientMerge { id: 1, source_id: OTHER, target_id: LAKSHMI })).await;
}

async fn unmerge(hospital: &Hospital) {
    hear(hospital, Payload::PatientUnmerged(PatientMerge { id: 1, source_id: OTHER, target_id: LAKSHMI })).await;
}

/// Why an appointment cannot stay.
async fn cause(hospital: &Hospital, id: &Value) -> Value {
    let shown = hospital.get(DESK, &format!("/api/appointments/{id}/")).await.expect(200).body;
    assert_eq!(shown["needs_rescheduling"], json!(!shown["rescheduling_cause"].is_null()));
    shown["rescheduling_cause"].clone()
}

#[tokio::test]
async fn lists_of_either_show_both_and_what_is_booked_is_the_survivors() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "09:00:00")).await;
    let earlier = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await;
    merge(&hospital).await;
    for patient in [LAKSHMI, OTHER] {
        let list = hospital.get(DESK, &format!("/api/appointments/?patient={patient}")).await.expect(200).body;
        assert_eq!(list["count"], 2, "{patient}");
    }
    let own = hospital.get(LAKSHMI_ACCOUNT, "/api/appointments/").await.expect(200).body;
    assert_eq!(own["count"], 2, "the survivor's account sees both");
    assert_eq!(hospital.booked(&slot(OTHER, RAO, day(2), "11:00:00")).await["patient"], LAKSHMI);
    let mut series = slot(OTHER, RAO, day(6), "11:00:00");
    series["rrule"] = json!("FREQ=DAILY;COUNT=2");
    let series = hospital.post(DESK, "/api/appointments/series/", &series).await.expect(201).body;
    assert_eq!(series["appointments"][1]["patient"], LAKSHMI);
    // One person is not in two places, whichever id the one and the other is under.
    let clash = hospital.book(DESK, &slot(LAKSHMI, SEN, day(2), "10:00:00")).await.expect(409);
    assert_eq!(clash.body["conflicts"][0]["with"], "patient");
    hospital.patch(DESK, &earlier["id"], &json!({"time_slot": "11:00:00"})).await.expect(409);

    unmerge(&hospital).await;
    let list = hospital.get(DESK, &format!("/api/appointments/?patient={OTHER}")).await.expect(200).body;
    assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &earlier["id"]));
    assert_eq!(hospital.booked(&slot(OTHER, RAO, day(2), "12:00:00")).await["patient"], OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_under_the_old_id_takes_turns_with_what_is_booked_for_the_survivor() {
    let hospital = Hospital::new().await;
    let earlier = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await;
    merge(&hospital).await;
    // A booking for the survivor is under way, and not decided yet.
    let mut booking = hospital.db.connect().await;
    booking.begin_test_transaction().await.unwrap();
    appointments::people::Patient::lock(&mut booking, LAKSHMI).await.unwrap();
    let wanted = json!({"time_slot": "11:00:00"});
    let moving = hospital.patch(DESK, &earlier["id"], &wanted);
    let waited = tokio::time::timeout(Duration::from_millis(500), moving).await;
    assert!(waited.is_err(), "it was decided without the other: {}", waited.unwrap().text);
    drop(booking);
    hospital.patch(DESK, &earlier["id"], &wanted).await.expect(200);
    // Both at once, with two doctors: one person is in one place.
    for (hour, minute) in (9..12).flat_map(|hour| [(hour, 0), (hour, 30)]) {
        let time = format!("{hour:02}:{minute:02}:00");
        let change = json!({"time_slot": time});
        let theirs = slot(LAKSHMI, SEN, day(2), &time);
        let (moved, booked) = tokio::join!(hospital.patch(DESK, &earlier["id"], &change), hospital.book(DESK, &theirs));
        let statuses = [moved.status.as_u16(), booked.status.as_u16()];
        assert!(statuses.contains(&409) && statuses != [409, 409], "{time}: {statuses:?}");
    }
}

#[tokio::test]
async fn of_two_that_lie_over_each_other_both_stand_and_the_later_waits_to_be_moved() {
    let hospital = Hospital::new().await;
    let first = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let later = hospital.booked(&slot(OTHER, SEN, day(2), "10:15:00")).await["id"].clone();
    let after = hospital.booked(&slot(OTHER, SEN, day(2), "10:45:00")).await["id"].clone();
    let told = hospital.told().await.len();
    merge(&hospital).await;
    for (id, expected) in [(&first, json!(null)), (&later, json!("PATIENT_ELSEWHERE")), (&after, json!(null))] {
        assert_eq!(cause(&hospital, id).await, expected, "{id}");
    }
    let list = hospital.get(DESK, "/api/appointments/?needs_rescheduling=true").await.expect(200).body;
    assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &later));
    assert_eq!(list["results"][0]["status"], "SCHEDULED");
    let history = hospital.get(DESK, &format!("/api/appointments/{later}/history/")).await.expect(200).body;
    let newest = &history["results"][0];
    assert_eq!((&newest["changed_as"], &newest["changed"]), (&json!("SYSTEM"), &json!(["needs_rescheduling"])));
    assert!(newest["why"].as_str().unwrap().contains("merged"), "{newest}");
    let news = hospital.told().await.split_off(told);
    let [(kind, marked)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(
        (kind.as_str(), json!(marked.id), marked.needs_rescheduling),
        ("AppointmentUpdated", later.clone(), true)
    );
    let audited =
        "SELECT count(*) FROM audit_log WHERE object = 'EVENT two records are one patient''s' AND patients @> '{101}'";
    assert_eq!(hospital.db.number(audited).await, 1);
    // Told again, it is the same.
    merge(&hospital).await;
    assert_eq!(hospital.told().await.len(), told + 1);

    unmerge(&hospital).await;
    assert_eq!(cause(&hospital, &later).await, json!(null));
    let news = hospital.told().await.split_off(told + 1);
    let [(_, freed)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!((json!(freed.id), freed.needs_rescheduling), (later.clone(), false));
}

#[tokio::test]
async fn what_was_booked_first_may_be_under_either_id() {
    let hospital = Hospital::new().await;
    let first = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await["id"].clone();
    let later = hospital.booked(&slot(LAKSHMI, SEN, day(2), "09:45:00")).await["id"].clone();
    // Who is here stays, whenever that was booked.
    let walked_in = hospital.booked(&slot(OTHER, RAO, day(3), "10:00:00")).await["id"].clone();
    let here = hospital.booked(&slot(LAKSHMI, SEN, day(3), "10:00:00")).await["id"].clone();
    hospital.db.sql(&format!("UPDATE appointments SET status = 'CHECKED_IN' WHERE id = {here}")).await;
    // What is called off is in nobody's way.
    let off = hospital.booked(&slot(OTHER, RAO, day(4), "10:00:00")).await["id"].clone();
    let alone = hospital.booked(&slot(LAKSHMI, SEN, day(4), "10:00:00")).await["id"].clone();
    hospital.patch(DESK, &off, &json!({"status": "CANCELLED", "cancellation_reason": "no need"})).await.expect(200);
    merge(&hospital).await;
    let elsewhere = json!("PATIENT_ELSEWHERE");
    for (id, expected) in [(&later, &elsewhere), (&walked_in, &elsewhere)] {
        assert_eq!(cause(&hospital, id).await, *expected, "{id}");
    }
    for id in [&first, &here, &off, &alone] {
        assert_eq!(cause(&hospital, id).await, json!(null), "{id}");
    }
}

#[tokio::test]
async fn the_later_can_stay_once_the_first_has_left_and_is_moved_like_any_other() {
    let hospital = Hospital::new().await;
    let mut pairs = Vec::new();
    for days in 2..6 {
        let first = hospital.booked(&slot(LAKSHMI, RAO, day(days), "10:00:00")).await["id"].clone();
        let later = hospital.booked(&slot(OTHER, SEN, day(days), "10:00:00")).await["id"].clone();
        pairs.push((first, later));
    }
    merge(&hospital).await;
    let [called_off, moved, shortened, stays] = pairs.as_slice() else { panic!("{pairs:?}") };
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "booked twice"});
    hospital.patch(DESK, &called_off.0, &cancel).await.expect(200);
    hospital.patch(DESK, &moved.0, &json!({"time_slot": "12:00:00"})).await.expect(200);
    for (_, later) in [called_off, moved] {
        assert_eq!(cause(&hospital, later).await, json!(null), "{later}");
    }
    // A word about it changes nothing, and a time that still lies there is a clash as ever.
    hospital.patch(DESK, &shortened.0, &json!({"reason": "fever"})).await.expect(200);
    hospital.patch(DESK, &shortened.0, &json!({"duration_minutes": 20})).await.expect(409);
    assert_eq!(cause(&hospital, &shortened.1).await, "PATIENT_ELSEWHERE");
    let elsewhere = hospital.patch(DESK, &stays.1, &json!({"time_slot": "15:00:00"})).await.expect(200).body;
    assert_eq!((&elsewhere["needs_rescheduling"], &elsewhere["patient"]), (&json!(false), &json!(OTHER)));
    assert_eq!(cause(&hospital, &stays.0).await, json!(null));
}

#[tokio::test]
async fn of_several_reasons_one_is_told_as_long_as_it_holds() {
    let hospital = Hospital::new().await;
    let first = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let later = hospital.booked(&slot(OTHER, SEN, day(3), "10:00:00")).await["id"].clone();
    let leave = format!("/api/appointments/doctor/{SEN}/time-off/");
    let off = json!({"start_date": day(3), "end_date": day(3)});
    let taken = async || hospital.post(DESK, &leave, &off).await.expect(201).body["id"].clone();
    let back = async |id: Value| {
        hospital.server.delete(&format!("{leave}{id}/"), &hospital.token(DESK)).await.expect(204);
    };
    // Leave before the merge, taken back after it; and leave during it, which outlives it.
    let id = taken().await;
    merge(&hospital).await;
    assert_eq!(cause(&hospital, &later).await, "LEAVE");
    back(id).await;
    assert_eq!(cause(&hospital, &later).await, "PATIENT_ELSEWHERE");
    let id = taken().await;
    assert_eq!(cause(&hospital, &later).await, "LEAVE");
    unmerge(&hospital).await;
    assert_eq!(cause(&hospital, &later).await, "LEAVE");
    back(id).await;
    assert_eq!(cause(&hospital, &later).await, json!(null));
    assert_eq!(cause(&hospital, &first).await, json!(null));
}

#[tokio::test]
async fn who_sees_a_patient_under_one_id_has_all_of_them_in_care() {
    let hospital = Hospital::new().await;
    let theirs = hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await["id"].clone();
    let hers = hospital.booked(&slot(LAKSHMI, SEN, day(3), "10:00:00")).await["id"].clone();
    // A third record of hers, which nobody in cardiology has seen.
    let third = hospital.booked(&slot(200, SEN, day(4), "10:00:00")).await["id"].clone();
    let others = hospital.booked(&slot(201, SEN, day(5), "10:00:00")).await["id"].clone();
    let path = |id: &Value| format!("/api/appointments/{id}/");
    let count = async |user: i64, query: &str| {
        hospital.get(user, &format!("/api/appointments/?{query}")).await.expect(200).body["count"].clone()
    };
    for user in [RAO, NURSE] {
        hospital.get(user, &path(&theirs)).await.expect(200);
        hospital.get(user, &path(&hers)).await.expect(404);
        assert_eq!(count(user, "").await, 1);
    }
    merge(&hospital).await;
    let more = PatientMerge { id: 2, source_id: 200, target_id: LAKSHMI };
    hear(&hospital, Payload::PatientMerged(more)).await;
    for user in [RAO, NURSE] {
        for id in [&theirs, &hers, &third] {
            hospital.get(user, &path(id)).await.expect(200);
        }
        hospital.get(user, &path(&others)).await.expect(404);
        assert_eq!([count(user, "").await, count(user, "ordering=created_at").await], [json!(3), json!(3)], "{user}");
        assert_eq!(count(user, &format!("patient={LAKSHMI}")).await, 3, "{user}");
        assert_eq!(count(user, &format!("doctor={SEN}")).await, 2, "{user}");
    }
    assert_eq!(count(SEN, "").await, 4);
    assert_eq!(count(STRAY_NURSE, "").await, 0);
    let day = hospital.get(RAO, &format!("/api/appointments/doctor/{SEN}/schedule/?date={}", day(3))).await.expect(200);
    assert!(day.body["days"][0]["slots"].as_array().unwrap().iter().any(|slot| slot["appointment"] == hers));
    // The survivor is in their care, so that no owner is asked.
    hospital.book(RAO, &slot(LAKSHMI, RAO, crate::hospital::day(6), "10:00:00")).await.expect(201);
    let off = format!(
        "UPDATE appointments SET status = 'CANCELLED', cancellation_reason = 'no need' WHERE patient_id = {LAKSHMI} AND doctor_id = {RAO}"
    );
    hospital.db.sql(&off).await;
    unmerge(&hospital).await;
    hospital.get(RAO, &path(&hers)).await.expect(404);
    assert_eq!(count(RAO, "").await, 2);
}
