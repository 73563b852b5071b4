//! Every operation leaves its row.

use serde_json::json;
use testkit::{Audited, Good};

use crate::busy_times::{calendar_of, event};
use crate::hospital::{Hospital, LAKSHMI, OTHER, RAO, day, slot};
use crate::waitlist::{WAITLIST, frees, joined, round, waits};

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_leaves_a_row() {
    let hospital = Hospital::awake().await;
    let mut document =
        serde_json::to_value(chassis::openapi::document("appointments", appointments::operations)).unwrap();
    // Of whoever knows the address, not of somebody who is signed in: `feed` tests its rows.
    assert!(
        document["paths"].as_object_mut().unwrap().remove("/api/appointments/feeds/{secret}/calendar.ics").is_some()
    );
    let audited = Audited { server: &hospital.server, db: &hospital.db, tokens: &hospital.tokens };
    audited.refusals(&document, &RAO.to_string()).await;

    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let (from, to) = (day(1), day(9));
    let moved = json!({"doctor": RAO, "date": day(3), "time_slot": "11:00:00", "patient": LAKSHMI});
    let week = json!({"slot_minutes": 20, "weekly": [{"weekday": "MON", "start": "09:00:00", "end": "13:00:00"}]});
    let off = json!({"start_date": day(3), "end_date": day(3), "reason": "a conference"});
    let mut series = slot(LAKSHMI, RAO, day(10), "12:00:00");
    series["rrule"] = json!("FREQ=DAILY;COUNT=2");
    let all_day: Vec<_> =
        (0..7).map(|weekday| json!({"weekday": weekday, "start": "00:00:00", "end": "23:59:00"})).collect();
    let always = json!({"slot_minutes": 5, "weekly": all_day});
    let calendar = calendar_of(&event("audited", day(5), "0900", "1000"));
    let accepting = joined(&hospital, &waits(200, RAO)).await;
    let declining = joined(&hospital, &waits(201, RAO)).await;
    frees(&hospital, RAO, day(5), "10:00:00").await;
    frees(&hospital, RAO, day(5), "11:00:00").await;
    assert_eq!(round(&hospital).await.offered, 2);
    let good: [Good; 36] = [
        ("POST", WAITLIST.into(), waits(202, RAO)),
        ("GET", WAITLIST.into(), json!({})),
        ("GET", format!("{WAITLIST}{accepting}/"), json!({})),
        ("POST", format!("{WAITLIST}{accepting}/accept/"), json!({})),
        ("POST", format!("{WAITLIST}{declining}/decline/"), json!({})),
        ("PATCH", format!("{WAITLIST}{declining}/"), json!({"status": "LEFT", "leaving_reason": "travels"})),
        ("GET", "/api/appointments/".into(), json!({})),
        ("GET", format!("/api/appointments/{id}/"), json!({})),
        ("GET", format!("/api/appointments/doctor/{RAO}/schedule/?start_date={from}&end_date={to}"), json!({})),
        ("GET", format!("/api/appointments/doctor/{RAO}/availability/"), json!({})),
        ("GET", format!("/api/appointments/{id}/history/"), json!({})),
        ("GET", format!("/api/appointments/doctor/{RAO}/next-available/"), json!({})),
        ("GET", format!("/api/appointments/availability/?date={from}"), json!({})),
        ("GET", "/api/appointments/external/".into(), json!({})),
        ("GET", format!("/api/appointments/{id}/calendar.ics"), json!({})),
        ("GET", format!("/api/appointments/doctor/{RAO}/calendar.ics"), json!({})),
        ("POST", format!("/api/appointments/doctor/{RAO}/feed/"), json!({"replace": true})),
        ("GET", format!("/api/appointments/doctor/{RAO}/feed/"), json!({})),
        ("DELETE", format!("/api/appointments/doctor/{RAO}/feed/"), json!({})),
        ("POST", "/api/appointments/series/".into(), series),
        ("PUT", format!("/api/appointments/{id}/"), moved),
        ("POST", format!("/api/appointments/doctor/{RAO}/time-off/"), off),
        ("GET", format!("/api/appointments/doctor/{RAO}/time-off/"), json!({})),
        ("GET", format!("/api/appointments/doctor/{RAO}/time-off/1/"), json!({})),
        ("DELETE", format!("/api/appointments/doctor/{RAO}/time-off/1/"), json!({})),
        ("POST", format!("/api/appointments/doctor/{RAO}/busy-times/?source=Clinic"), json!(calendar)),
        ("GET", format!("/api/appointments/doctor/{RAO}/busy-times/"), json!({})),
        ("DELETE", format!("/api/appointments/doctor/{RAO}/busy-times/?source=Clinic"), json!({})),
        ("PATCH", format!("/api/appointments/{id}/"), json!({"reason": "a cough"})),
        ("POST", "/api/appointments/".into(), slot(LAKSHMI, RAO, day(4), "10:00:00")),
        ("GET", format!("/api/appointments/date-range/?start_date={from}&end_date={to}"), json!({})),
        ("PUT", format!("/api/appointments/doctor/{RAO}/availability/"), week),
        ("PUT", format!("/api/appointments/doctor/{RAO}/availability/"), always),
        ("POST", "/api/appointments/walk-in/".into(), json!({"patient": OTHER, "doctor": RAO})),
        ("GET", "/api/appointments/audit/".into(), json!({})),
        ("GET", "/api/appointments/audit/verify/".into(), json!({})),
    ];
    audited.successes(&document, &good).await;
    let about = format!(
        "SELECT count(DISTINCT object) FROM audit_log WHERE outcome = 'SUCCESS' AND patients @> '{{{LAKSHMI}}}'"
    );
    assert_eq!(hospital.db.number(&about).await, 13, "each that shows or changes an appointment names the patient");
}
