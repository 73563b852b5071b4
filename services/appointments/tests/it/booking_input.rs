//! What is no booking: each gets the contract's answer, and nothing is stored.

use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NEW, RAO, day, slot};
use crate::waitlist::{WAITLIST, joined, waits};

async fn refused(hospital: &Hospital, change: impl Fn(&mut Value)) -> (u16, Vec<String>) {
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    change(&mut body);
    let answer = hospital.book(DESK, &body).await;
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text);
    let mut fields: Vec<String> = answer.faulty_fields().into_iter().map(str::to_owned).collect();
    fields.dedup();
    (answer.status.as_u16(), fields)
}

#[tokio::test]
async fn bad_fields_are_named() {
    let hospital = Hospital::new().await;
    let cases: Vec<(&str, Value)> = vec![
        ("patient", json!("100")),
        ("patient", json!(-1)),
        ("patient", json!(0)),
        ("patient", json!(9_223_372_036_854_775_808_u64)),
        ("doctor", json!(1.5)),
        ("doctor", json!(null)),
        ("date", json!("2026-02-30")),
        ("date", json!("0001-01-01")),
        ("date", json!("9999-12-31")),
        ("date", json!("2026-1-1")),
        ("date", json!(20_260_101)),
        ("date", json!("2020-02-29")),
        ("date", json!(day(3 * 366 + 9))),
        ("time_slot", json!("24:00:00")),
        ("time_slot", json!("25:61:00")),
        ("time_slot", json!("10:00:30")),
        ("time_slot", json!("10")),
        ("time_slot", json!("08:59:00")),
        ("time_slot", json!("16:45:00")),
        ("time_slot", json!("23:45:00")),
        ("duration_minutes", json!(0)),
        ("duration_minutes", json!(4)),
        ("duration_minutes", json!(481)),
        ("duration_minutes", json!("30")),
        ("appointment_type", json!("HOME")),
        ("reason", json!("a\u{0}b")),
        ("reason", json!("<script>alert(1)</script>")),
        ("reason", json!("x".repeat(1001))),
        ("reason", json!(["x"])),
        ("status", json!("COMPLETED")),
        ("notes", json!("x")),
        ("raeson", json!("x")),
    ];
    for (field, value) in cases {
        let (status, fields) = refused(&hospital, |body| body[field] = value.clone()).await;
        assert_eq!((status, fields), (400, vec![field.to_owned()]), "{field} = {value}");
    }
    assert_eq!(hospital.rows().await, 0);
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let hospital = Hospital::new().await;
    let (status, mut fields) =
        refused(&hospital, |body| *body = json!({"patient": "x", "time_slot": "24:00", "unknown": 1})).await;
    fields.sort();
    assert_eq!(
        (status, fields),
        (400, ["date", "doctor", "patient", "time_slot", "unknown"].map(str::to_owned).to_vec())
    );
}

#[tokio::test]
async fn a_slot_across_midnight_says_so() {
    let hospital = Hospital::new().await;
    hospital.db.sql("UPDATE availability_hours SET end_time = '23:59'").await;
    let mut body = slot(LAKSHMI, RAO, day(2), "23:45:00");
    let answer = hospital.book(DESK, &body).await.expect(400);
    assert_eq!(answer.body["errors"][0]["code"], "across_midnight");
    body["duration_minutes"] = json!(14);
    let booked = hospital.book(DESK, &body).await.expect(201);
    assert_eq!((&booked.body["date"], &booked.body["end_time"]), (&json!(day(2)), &json!("23:59:00")));
    // Moving it there, or making it longer, is no way over midnight either.
    for change in [json!({"time_slot": "23:50:00"}), json!({"duration_minutes": 15})] {
        let answer = hospital.patch(DESK, &booked.body["id"], &change).await.expect(400);
        assert_eq!(answer.body["errors"][0]["code"], "across_midnight", "{change}");
    }
}

#[tokio::test]
async fn a_doctor_without_hours_says_so() {
    let hospital = Hospital::new().await;
    let answer = hospital.book(DESK, &slot(LAKSHMI, NEW, day(2), "10:00:00")).await.expect(400);
    assert_eq!((answer.faulty_fields(), &answer.body["errors"][0]["code"]), (vec!["doctor"], &json!("no_hours")));
    let free = format!("/api/appointments/doctor/{NEW}/next-available/");
    assert_eq!(hospital.get(DESK, &free).await.expect(200).body["slots"], json!([]));
}

#[tokio::test]
async fn sql_in_a_text_is_a_text() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    body["reason"] = json!("'; DROP TABLE appointments; --");
    let booked = hospital.booked(&body).await;
    assert_eq!(booked["reason"], body["reason"]);
    assert_eq!(hospital.rows().await, 1);
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let hospital = Hospital::new().await;
    let token = hospital.token(DESK);
    let call = || hospital.server.call(reqwest::Method::POST, "/api/appointments/").token(&token);
    call().body("application/json", "").send().await.expect(400);
    call().body("application/json", "{").send().await.expect(400);
    call().body("application/json", "[]").send().await.expect(400);
    call().body("application/json", b"{\"reason\": \"\xff\"}".to_vec()).send().await.expect(400);
    call().body("application/json", vec![b' '; 10 * 1024 * 1024]).send().await.expect(413);
    call().body("text/plain", "{}").send().await.expect(415);
    assert_eq!(hospital.rows().await, 0);
}

#[tokio::test]
async fn ids_and_parameters_that_cannot_be() {
    let hospital = Hospital::new().await;
    for path in ["-1", "0", "999999", "9223372036854775808", "x"] {
        hospital.get(DESK, &format!("/api/appointments/{path}/")).await.expect(404);
    }
    for (query, field) in [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=101", "page_size"),
        ("patient=-1", "patient"),
        ("doctor=9223372036854775808", "doctor"),
        ("status=DONE", "status"),
        ("date=0001-01-01", "date"),
        ("date=2026-02-30", "date"),
        ("ordering=name", "ordering"),
        ("docter=1", "docter"),
        ("cursor=rubbish", "cursor"),
    ] {
        let answer = hospital.get(DESK, &format!("/api/appointments/?{query}")).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field], "{query}: {}", answer.text);
    }
    let gone = hospital.server.delete("/api/appointments/1/", &hospital.token(1)).await.expect(405);
    assert_eq!(gone.header("allow"), "GET, PUT, PATCH");
}

#[tokio::test]
async fn an_aadhaar_number_is_refused_wherever_somebody_types() {
    let hospital = Hospital::new().await;
    let words = json!("card 2341 2341 2346");
    let with = |mut body: Value, field: &str| {
        body[field] = words.clone();
        body
    };
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let waiting = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let one = |id: &Value| format!("/api/appointments/{id}/");
    let new = || slot(LAKSHMI, RAO, day(3), "10:00:00");
    let mut series = new();
    series["rrule"] = json!("FREQ=DAILY;COUNT=2");
    let walk_in = json!({"patient": LAKSHMI, "doctor": RAO});
    let leave = json!({"start_date": day(8), "end_date": day(8)});
    let to_cancel = json!({"status": "CANCELLED"});
    let (post, patch) = (reqwest::Method::POST, reqwest::Method::PATCH);
    for (user, method, path, body, field) in [
        (DESK, &post, "/api/appointments/".to_owned(), new(), "reason"),
        (RAO, &post, "/api/appointments/".to_owned(), new(), "overbooking_reason"),
        (DESK, &post, "/api/appointments/series/".to_owned(), series, "reason"),
        (DESK, &post, "/api/appointments/walk-in/".to_owned(), walk_in, "reason"),
        (DESK, &post, format!("/api/appointments/doctor/{RAO}/time-off/"), leave, "reason"),
        (DESK, &post, WAITLIST.to_owned(), waits(LAKSHMI, RAO), "reason"),
        (DESK, &patch, format!("{WAITLIST}{waiting}/"), json!({"status": "LEFT"}), "leaving_reason"),
        (DESK, &patch, format!("{WAITLIST}{waiting}/"), json!({}), "reason"),
        (DESK, &patch, one(&id), json!({}), "reason"),
        (RAO, &patch, one(&id), json!({}), "notes"),
        (DESK, &patch, one(&id), json!({"time_slot": "11:00:00"}), "change_reason"),
        (DESK, &patch, one(&id), to_cancel, "cancellation_reason"),
    ] {
        let call = hospital.server.call(method.clone(), &path).token(&hospital.token(user));
        let refused = call.json(&with(body, field)).send().await.expect(400);
        let fault = &refused.body["errors"][0];
        assert_eq!((&fault["field"], &fault["code"]), (&json!(field), &json!("aadhaar")), "{method} {path}");
        assert!(!refused.text.contains("2346"), "{}", refused.text);
    }
    // What was written before anybody looked for it is in nobody's way who changes something else.
    hospital.db.sql("UPDATE appointments SET reason = 'card 234123412346', notes = 'card 234123412346'").await;
    hospital.db.sql("UPDATE waitlist_entries SET reason = 'card 234123412346'").await;
    let moved = hospital.patch(DESK, &id, &json!({"time_slot": "11:00:00"})).await.expect(200).body;
    assert_eq!(moved["reason"], "card 234123412346");
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "no need"});
    hospital.patch(LAKSHMI_ACCOUNT, &id, &cancel).await.expect(200);
    let left = json!({"status": "LEFT", "leaving_reason": "no need"});
    hospital.server.patch(&format!("{WAITLIST}{waiting}/"), &hospital.token(DESK), &left).await.expect(200);
}

#[tokio::test]
async fn who_books_for_themselves_takes_a_slot_and_no_room() {
    let hospital = Hospital::new().await;
    let with = |change: &Value| {
        let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
        for (member, value) in change.as_object().unwrap() {
            body[member] = value.clone();
        }
        body
    };
    for (change, fields) in [
        (json!({"duration_minutes": 420}), vec!["duration_minutes"]),
        (json!({"duration_minutes": 15}), vec!["duration_minutes"]),
        (json!({"room": "OPD-3"}), vec!["room"]),
        (json!({"room": "OPD-3", "duration_minutes": 60}), vec!["room", "duration_minutes"]),
    ] {
        let refused = hospital.book(LAKSHMI_ACCOUNT, &with(&change)).await.expect(400);
        assert_eq!(refused.faulty_fields(), fields, "{change}");
    }
    let mut long = waits(LAKSHMI, RAO);
    long["duration_minutes"] = json!(480);
    let refused = hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &long).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["duration_minutes"]);
    assert_eq!(hospital.rows().await, 0);
    hospital.book(LAKSHMI_ACCOUNT, &with(&json!({"duration_minutes": 30}))).await.expect(201);
    let at_the_desk = json!({"duration_minutes": 60, "room": "OPD-3", "time_slot": "12:00:00"});
    hospital.book(DESK, &with(&at_the_desk)).await.expect(201);
}
