//! Appointments for a calendar.

use reqwest::Method;
use serde_json::json;

use crate::hospital::{
    CASHIER, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, OTHER_ACCOUNT, RAO, SEN, day, slot,
};

#[tokio::test]
async fn an_appointment_keeps_its_identity_in_the_calendar() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    (body["reason"], body["room"]) = (json!("chest pain"), json!("OPD-3"));
    let id = hospital.booked(&body).await["id"].clone();
    let path = format!("/api/appointments/{id}/calendar.ics");
    let first = hospital.get(LAKSHMI_ACCOUNT, &path).await.expect(200);
    assert_eq!(first.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(first.header("etag"), "\"1\"");
    let start = format!("DTSTART;TZID=Asia/Kolkata:{}T100000\r\n", day(2).format("%Y%m%d"));
    let uid = format!("UID:appointment-{id}@ehs\r\n");
    for part in [
        start.as_str(),
        &uid,
        "SEQUENCE:0\r\n",
        "STATUS:TENTATIVE\r\n",
        "LOCATION:OPD-3\r\n",
        "SUMMARY:Appointment with Asha Rao\r\n",
    ] {
        assert!(first.text.contains(part), "{part} is not in\n{}", first.text);
    }
    assert!(!first.text.contains("chest") && !first.text.contains("Lakshmi"));
    hospital.patch(DESK, &id, &json!({"time_slot": "11:00:00", "status": "CONFIRMED"})).await.expect(200);
    let moved = hospital.get(DESK, &path).await.expect(200).text;
    assert!(moved.contains(&uid) && moved.contains("SEQUENCE:1\r\n") && moved.contains("STATUS:CONFIRMED\r\n"));
    assert!(moved.contains("T110000\r\n"));
    let unchanged =
        hospital.server.call(Method::GET, &path).token(&hospital.token(DESK)).header("if-none-match", "\"2\"");
    assert_eq!(unchanged.send().await.status.as_u16(), 304);
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "travels to a clinic"});
    hospital.patch(DESK, &id, &cancel).await.expect(200);
    let gone = hospital.get(DESK, &path).await.expect(200).text;
    assert!(gone.contains("STATUS:CANCELLED\r\n") && !gone.contains("clinic"));
    hospital.get(OTHER_ACCOUNT, &path).await.expect(404);
}

#[tokio::test]
async fn a_doctors_calendar_names_no_patient() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    hospital.booked(&slot(OTHER, RAO, day(3), "10:00:00")).await;
    hospital.booked(&slot(OTHER, SEN, day(4), "10:00:00")).await;
    let path = |doctor: i64| format!("/api/appointments/doctor/{doctor}/calendar.ics");
    for user in [RAO, DESK] {
        let seen = hospital.get(user, &path(RAO)).await.expect(200).text;
        assert_eq!(seen.matches("BEGIN:VEVENT").count(), 2);
        assert!(seen.contains("X-WR-CALNAME:Asha Rao") && !seen.contains("Lakshmi") && !seen.contains("Mohan"));
    }
    for user in [SEN, NURSE, CASHIER, LAKSHMI_ACCOUNT] {
        hospital.get(user, &path(RAO)).await.expect(403);
    }
    hospital.get(DESK, &path(NURSE)).await.expect(404);
}
