//! Two patients who were one.

use std::time::Duration;

use diesel_async::AsyncConnection;
use events::v1::{Envelope, PatientMerge, PatientSnapshot};
use events::{Handler, Payload};
use serde_json::json;

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER, RAO, SEN, day, slot, subscriber};

async fn hear(hospital: &Hospital, payload: Payload) {
    let event = Envelope::new(None, ("patient", OTHER), None, payload);
    subscriber().apply(&mut hospital.db.connect().await, &event).await.unwrap();
}

/// What patients tells when `OTHER` is merged into `LAKSHMI`: the survivor's details under the old id, then the merge.
async fn merge(hospital: &Hospital) {
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

    hear(&hospital, Payload::PatientUnmerged(PatientMerge { id: 1, source_id: OTHER, target_id: LAKSHMI })).await;
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
