//! Appointments in another system's schedule.

use chrono::NaiveDate;
use diesel_async::AsyncConnection;
use events::envelope::timestamp;
use events::v1::{Envelope, ExternalAppointment, ExternalPractitioner};
use events::{Handler, Payload};
use serde_json::{Value, json};

use crate::hospital::{CASHIER, DESK, Hospital, LAKSHMI, OTHER, RAO, day, slot, subscriber};
use crate::merged::merge;

fn at(date: NaiveDate, time: &str) -> Option<prost_types::Timestamp> {
    let instant = format!("{date}T{time}+05:30").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    Some(timestamp(instant))
}

fn message(id: i64, change: &str, time: Option<&str>) -> ExternalAppointment {
    ExternalAppointment {
        message_id: id,
        change: change.to_owned(),
        sending_application: "MEDHIS".to_owned(),
        sending_facility: "NORTH".to_owned(),
        placer_id: "P-1".to_owned(),
        filler_id: "F-1".to_owned(),
        patient_id: LAKSHMI,
        practitioners: vec![ExternalPractitioner { name: "Dr. Asha Rao".to_owned(), ..Default::default() }],
        starts_at: time.and_then(|time| at(day(2), time)),
        duration_minutes: 30,
        status: "booked".to_owned(),
        reason: "CHECKUP".to_owned(),
        ..ExternalAppointment::default()
    }
}

async fn hear(hospital: &Hospital, message: &ExternalAppointment) {
    let payload = Payload::ExternalAppointmentReceived(message.clone());
    let event = Envelope::new(None, ("patient", message.patient_id), None, payload);
    let mut conn = hospital.db.connect().await;
    conn.transaction(async |conn| subscriber().apply(conn, &event).await).await.unwrap();
}

/// Outcome and code of the newest message.
async fn came_of_it(hospital: &Hospital) -> (String, String) {
    let newest =
        hospital.get(DESK, "/api/appointments/external/?page_size=1").await.expect(200).body["results"][0].clone();
    let text = |name: &str| newest[name].as_str().unwrap().to_owned();
    (text("outcome"), text("code"))
}

async fn only(hospital: &Hospital) -> Value {
    let all = hospital.get(DESK, "/api/appointments/").await.expect(200).body;
    assert_eq!(all["count"], 1);
    all["results"][0].clone()
}

#[tokio::test]
async fn booked_moved_and_cancelled_elsewhere_is_so_here() {
    let hospital = Hospital::new().await;
    hear(&hospital, &message(1, "BOOKED", Some("10:00:00"))).await;
    let booked = only(&hospital).await;
    assert_eq!(
        (&booked["time_slot"], &booked["doctor"], &booked["patient"]),
        (&json!("10:00:00"), &json!(RAO), &json!(LAKSHMI))
    );
    assert_eq!((&booked["status"], &booked["reason"]), (&json!("SCHEDULED"), &json!("CHECKUP")));
    // The same message again, and its booking under another message id, make no second one.
    hear(&hospital, &message(1, "BOOKED", Some("10:00:00"))).await;
    hear(&hospital, &message(2, "BOOKED", Some("10:00:00"))).await;
    assert_eq!(only(&hospital).await["updated_at"], booked["updated_at"]);
    let moved = ExternalAppointment {
        change_reason: "the doctor is late".to_owned(),
        ..message(3, "RESCHEDULED", Some("11:00:00"))
    };
    hear(&hospital, &moved).await;
    assert_eq!(only(&hospital).await["time_slot"], "11:00:00");
    // By the placer's number alone it is known too.
    let cancelled = ExternalAppointment { filler_id: String::new(), ..message(4, "CANCELLED", None) };
    hear(&hospital, &cancelled).await;
    let cancelled = only(&hospital).await;
    assert_eq!((&cancelled["id"], &cancelled["status"]), (&booked["id"], &json!("CANCELLED")));
    assert_eq!(cancelled["cancellation_reason"], "told by another system");
    let history = hospital.get(DESK, &format!("/api/appointments/{}/history/", booked["id"])).await.expect(200).body;
    assert_eq!(
        (&history["results"][1]["why"], &history["results"][1]["changed_as"]),
        (&json!("the doctor is late"), &json!("HL7"))
    );
    let list = hospital.get(DESK, "/api/appointments/external/").await.expect(200).body;
    assert_eq!((&list["count"], &list["results"][0]["sender"]), (&json!(4), &json!("MEDHIS|NORTH")));
    assert!(list["results"].as_array().unwrap().iter().all(|message| message["outcome"] == "APPLIED"));
    hospital.get(CASHIER, "/api/appointments/external/").await.expect(403);
    assert_eq!(hospital.db.number("SELECT count(*) FROM outbox WHERE subscriber = 'patients'").await, 3);
}

#[tokio::test]
async fn the_rules_are_the_same_and_a_refusal_is_kept_for_the_desk() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(OTHER, RAO, day(2), "10:00:00")).await;
    let mut id = 0;
    let mut told = async |change: &str, time: Option<&str>, alter: &dyn Fn(&mut ExternalAppointment)| {
        id += 1;
        let mut message = message(id, change, time);
        alter(&mut message);
        hear(&hospital, &message).await;
        came_of_it(&hospital).await
    };
    let refused = |code: &str| ("REFUSED".to_owned(), code.to_owned());
    let nothing = |_: &mut ExternalAppointment| {};
    assert_eq!(told("BOOKED", Some("10:15:00"), &nothing).await, refused("double_booking"));
    assert_eq!(told("BOOKED", Some("20:00:00"), &nothing).await, refused("outside_hours"));
    assert_eq!(told("BOOKED", None, &nothing).await, refused("no_time"));
    assert_eq!(told("CANCELLED", None, &nothing).await, refused("unknown_appointment"));
    let stranger = |message: &mut ExternalAppointment| message.practitioners[0].name = "Dr. Who".to_owned();
    assert_eq!(told("BOOKED", Some("12:00:00"), &stranger).await, refused("unknown_doctor"));
    let long = |message: &mut ExternalAppointment| message.duration_minutes = 1000;
    assert_eq!(told("BOOKED", Some("12:00:00"), &long).await, refused("out_of_range"));
    let past = |message: &mut ExternalAppointment| {
        message.starts_at = at(NaiveDate::from_ymd_opt(2020, 1, 6).unwrap(), "10:00:00")
    };
    assert_eq!(told("BOOKED", None, &past).await, refused("in_the_past"));
    assert_eq!(told("BOOKED", Some("12:00:00"), &nothing).await, ("APPLIED".to_owned(), String::new()));
    let arrived = |message: &mut ExternalAppointment| message.status = "arrived".to_owned();
    assert_eq!(told("MODIFIED", Some("12:00:00"), &arrived).await, refused("too_early"));
    let fulfilled = |message: &mut ExternalAppointment| message.status = "fulfilled".to_owned();
    assert_eq!(told("MODIFIED", Some("12:00:00"), &fulfilled).await, refused("not_allowed"));
    let another = |message: &mut ExternalAppointment| message.patient_id = OTHER;
    assert_eq!(told("CANCELLED", None, &another).await, refused("another_patient"));
    assert_eq!(told("RESCHEDULED", Some("10:10:00"), &nothing).await, refused("double_booking"));
    assert_eq!(told("CANCELLED", None, &nothing).await, ("APPLIED".to_owned(), String::new()));
    assert_eq!(told("RESCHEDULED", Some("15:00:00"), &nothing).await, refused("not_movable"));
    let list = hospital.get(DESK, "/api/appointments/external/?outcome=REFUSED&page_size=100").await.expect(200).body;
    assert_eq!(list["count"], 12);
    assert_eq!(hospital.rows().await, 2);
    for (query, field) in [("outcome=MAYBE", "outcome"), ("cursor=x", "cursor"), ("sender=x", "sender")] {
        let refused = hospital.get(DESK, &format!("/api/appointments/external/?{query}")).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field]);
    }
}

#[tokio::test]
async fn two_senders_may_use_the_same_numbers() {
    let hospital = Hospital::new().await;
    hear(&hospital, &message(1, "BOOKED", Some("10:00:00"))).await;
    let other = ExternalAppointment {
        sending_facility: "SOUTH".to_owned(),
        patient_id: OTHER,
        ..message(2, "BOOKED", Some("11:00:00"))
    };
    hear(&hospital, &other).await;
    assert_eq!(hospital.rows().await, 2);
}

#[tokio::test]
async fn a_message_about_a_patient_who_is_not_known_yet_waits() {
    let hospital = Hospital::new().await;
    let early = ExternalAppointment { patient_id: 999, ..message(1, "BOOKED", Some("10:00:00")) };
    let event = Envelope::new(None, ("patient", 999), None, Payload::ExternalAppointmentReceived(early));
    let mut conn = hospital.db.connect().await;
    conn.transaction(async |conn| subscriber().apply(conn, &event).await).await.unwrap_err();
    assert_eq!(hospital.db.number("SELECT count(*) FROM external_messages").await, 0);
}

#[tokio::test]
async fn what_is_told_of_a_merged_patient_is_the_survivors() {
    let hospital = Hospital::new().await;
    let of = |patient: i64, number: &str, message: ExternalAppointment| ExternalAppointment {
        patient_id: patient,
        filler_id: number.to_owned(),
        placer_id: String::new(),
        ..message
    };
    // One that was booked under the old id while it was a patient's own.
    hear(&hospital, &of(OTHER, "F-0", message(1, "BOOKED", Some("09:00:00")))).await;
    merge(&hospital).await;
    hear(&hospital, &of(OTHER, "F-1", message(2, "BOOKED", Some("10:00:00")))).await;
    hear(&hospital, &of(OTHER, "F-1", message(3, "RESCHEDULED", Some("11:00:00")))).await;
    hear(&hospital, &of(LAKSHMI, "F-0", message(4, "RESCHEDULED", Some("12:00:00")))).await;
    let all = hospital.get(DESK, "/api/appointments/?ordering=date").await.expect(200).body;
    let shown: Vec<_> =
        all["results"].as_array().unwrap().iter().map(|row| (&row["patient"], &row["time_slot"])).collect();
    let (survivor, old) = (json!(LAKSHMI), json!(OTHER));
    assert_eq!(shown, [(&survivor, &json!("11:00:00")), (&old, &json!("12:00:00"))]);
    // One person is in one place, whoever says otherwise.
    hear(&hospital, &of(OTHER, "F-2", message(5, "BOOKED", Some("11:15:00")))).await;
    assert_eq!(came_of_it(&hospital).await, ("REFUSED".to_owned(), "double_booking".to_owned()));
    let of_survivor = "SELECT count(*) FROM external_messages WHERE patient_id = 100";
    assert_eq!(hospital.db.number(of_survivor).await, 4);
}

#[tokio::test]
async fn what_is_called_off_need_not_say_again_with_whom_and_for_how_long() {
    let hospital = Hospital::new().await;
    hear(&hospital, &message(1, "BOOKED", Some("10:00:00"))).await;
    hospital.db.sql(&format!("UPDATE staff SET is_active = false WHERE id = {RAO}")).await;
    // Moved it cannot be: the doctor is ours no more.
    hear(&hospital, &message(2, "RESCHEDULED", Some("11:00:00"))).await;
    assert_eq!(came_of_it(&hospital).await, ("REFUSED".to_owned(), "unknown_doctor".to_owned()));
    let odd = ExternalAppointment { duration_minutes: 1000, ..message(3, "CANCELLED", Some("10:00:00")) };
    hear(&hospital, &odd).await;
    assert_eq!(came_of_it(&hospital).await, ("APPLIED".to_owned(), String::new()));
    let cancelled = only(&hospital).await;
    assert_eq!((&cancelled["status"], &cancelled["doctor"]), (&json!("CANCELLED"), &json!(RAO)));
    // Said again, it is the same.
    hear(&hospital, &ExternalAppointment { message_id: 4, ..odd }).await;
    assert_eq!(came_of_it(&hospital).await, ("APPLIED".to_owned(), String::new()));
    assert_eq!(only(&hospital).await, cancelled);
}

#[tokio::test]
async fn an_aadhaar_number_in_a_senders_words_is_crossed_out() {
    let hospital = Hospital::new().await;
    let booked =
        ExternalAppointment { reason: "card 2341 2341 2346".to_owned(), ..message(1, "BOOKED", Some("10:00:00")) };
    hear(&hospital, &booked).await;
    let booked = only(&hospital).await;
    assert_eq!(booked["reason"], "card XXXX XXXX 2346");
    let off = ExternalAppointment { change_reason: "no 234123412346".to_owned(), ..message(2, "CANCELLED", None) };
    hear(&hospital, &off).await;
    assert_eq!(only(&hospital).await["cancellation_reason"], "no XXXXXXXX2346");
    let history = hospital.get(DESK, &format!("/api/appointments/{}/history/", booked["id"])).await.expect(200).text;
    assert!(!history.contains("234123412346"), "{history}");
}
