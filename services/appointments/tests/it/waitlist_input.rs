//! What makes no sense on the waitlist.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::hospital::{
    CASHIER, DESK, GONE, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, LEFT, NURSE, OTHER, RAO, SEN, day, slot,
};
use crate::waitlist::{WAITLIST, joined, waits};

#[tokio::test]
async fn every_fault_is_named() {
    let hospital = Hospital::new().await;
    let change = |change: &Value| {
        let mut body = waits(LAKSHMI, RAO);
        for (member, value) in change.as_object().unwrap() {
            body[member] = value.clone();
        }
        body
    };
    for (wrong, field, code) in [
        (json!({"start_date": day(5), "end_date": day(4)}), "end_date", "before_start"),
        (json!({"end_date": day(92)}), "end_date", "range_too_long"),
        (json!({"start_date": "2020-01-01", "end_date": "2020-01-31"}), "end_date", "in_the_past"),
        (json!({"start_date": day(400), "end_date": day(401)}), "start_date", "too_far_ahead"),
        (json!({"start_date": "2026-02-30"}), "start_date", "invalid_date"),
        (json!({"doctor": null}), "doctor", "required"),
        (json!({"doctor": null, "specialization": " "}), "doctor", "required"),
        (json!({"specialization": "Cardiology"}), "specialization", "not_alone"),
        (json!({"doctor": null, "specialization": "Astrology"}), "specialization", "unknown"),
        (json!({"doctor": LEFT}), "doctor", "inactive"),
        (json!({"doctor": NURSE}), "doctor", "unknown"),
        (json!({"patient": 0}), "patient", "invalid_id"),
        (json!({"patient": GONE}), "patient", "inactive"),
        (json!({"earliest_time": "24:00:00"}), "earliest_time", "invalid_time"),
        (json!({"earliest_time": "12:00", "latest_time": "12:00"}), "latest_time", "before_start"),
        (
            json!({"earliest_time": "12:00", "latest_time": "12:30", "duration_minutes": 31}),
            "duration_minutes",
            "too_long",
        ),
        (json!({"duration_minutes": 4}), "duration_minutes", "out_of_range"),
        (json!({"weekdays": ["MON", 0]}), "weekdays", "repeated"),
        (json!({"weekdays": ["MONTAG"]}), "weekdays.0", "unknown_value"),
        (json!({"urgency": "VERY"}), "urgency", "unknown_value"),
        (json!({"appointment_type": "LETTER"}), "appointment_type", "unknown_value"),
        (json!({"reason": "x".repeat(1001)}), "reason", "too_long"),
        (json!({"status": "BOOKED"}), "status", "unknown_field"),
    ] {
        let refused = hospital.post(DESK, WAITLIST, &change(&wrong)).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{wrong}: {}", refused.text);
        assert_eq!(refused.body["errors"][0]["code"], code, "{wrong}");
    }
    // Yesterday has begun already, and is none of the days that are left.
    let yesterday = (day(0) - chrono::Days::new(1)).to_string();
    let refused = hospital.post(DESK, WAITLIST, &change(&json!({"start_date": yesterday}))).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "in_the_past");
    // A day of the week that the window does not have.
    let tomorrow = chrono::Datelike::weekday(&day(1)).num_days_from_monday();
    let never = json!({"start_date": day(1), "end_date": day(1), "weekdays": [(tomorrow + 1) % 7]});
    let refused = hospital.post(DESK, WAITLIST, &change(&never)).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "never");
    let many = json!({"start_date": day(5), "end_date": day(4), "doctor": null, "earliest_time": "12:00", "latest_time": "11:00"});
    let refused = hospital.post(DESK, WAITLIST, &change(&many)).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["doctor", "end_date", "latest_time"], "all at once");
    assert_eq!(hospital.db.number("SELECT count(*) FROM waitlist_entries").await, 0);
}

#[tokio::test]
async fn whose_list_it_is_decides_who_writes_it() {
    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(1), "10:00:00")).await;
    for user in [NURSE, CASHIER] {
        hospital.post(user, WAITLIST, &waits(LAKSHMI, RAO)).await.expect(403);
        hospital.get(user, WAITLIST).await.expect(403);
    }
    let foreign = hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &waits(OTHER, RAO)).await.expect(400);
    assert_eq!(foreign.faulty_fields(), ["patient"]);
    hospital.post(RAO, WAITLIST, &waits(LAKSHMI, SEN)).await.expect(403);
    let mut field = waits(LAKSHMI, RAO);
    (field["doctor"], field["specialization"]) = (json!(null), json!("Cardiology"));
    hospital.post(RAO, WAITLIST, &field).await.expect(403);
    let mut urgent = waits(LAKSHMI, RAO);
    urgent["urgency"] = json!("URGENT");
    hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &urgent).await.expect(403);
    hospital.post(RAO, WAITLIST, &urgent).await.expect(201);
    hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &field).await.expect(201);
}

#[tokio::test]
async fn nobody_waits_twice_for_the_same() {
    let hospital = Hospital::new().await;
    let first = joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let twice = hospital.post(DESK, WAITLIST, &waits(LAKSHMI, RAO)).await.expect(409);
    assert_eq!((&twice.body["type"], &twice.body["entry"]), (&json!("urn:ehs:problem:already-waiting"), &first));
    let mut overlapping = waits(LAKSHMI, RAO);
    (overlapping["start_date"], overlapping["end_date"]) = (json!(day(10)), json!(day(20)));
    hospital.post(DESK, WAITLIST, &overlapping).await.expect(409);
    (overlapping["start_date"], overlapping["end_date"]) = (json!(day(11)), json!(day(20)));
    let later = joined(&hospital, &overlapping).await;
    let path = format!("{WAITLIST}{later}/");
    hospital.server.patch(&path, &hospital.token(DESK), &json!({"start_date": day(9)})).await.expect(409);
    joined(&hospital, &waits(LAKSHMI, SEN)).await;
    joined(&hospital, &waits(OTHER, RAO)).await;
    let field = |name: &str| {
        let mut body = waits(LAKSHMI, RAO);
        (body["doctor"], body["specialization"]) = (json!(null), json!(name));
        body
    };
    joined(&hospital, &field("Cardiology")).await;
    hospital.post(DESK, WAITLIST, &field("CARDIOLOGY")).await.expect(409);
    // At the same moment, too.
    let bodies = [waits(200, RAO), waits(200, RAO), waits(200, RAO), waits(200, RAO)];
    let answers = join_all(bodies.iter().map(|body| hospital.post(DESK, WAITLIST, body))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
}

#[tokio::test]
async fn the_database_itself_lets_nobody_wait_twice() {
    use diesel_async::RunQueryDsl;

    let hospital = Hospital::new().await;
    joined(&hospital, &waits(LAKSHMI, RAO)).await;
    let copy = "INSERT INTO waitlist_entries (patient_id, doctor_id, start_date, end_date, weekdays, appointment_type, urgency, reason, status, leaving_reason, created_by) \
        SELECT patient_id, doctor_id, start_date + 1, end_date, weekdays, appointment_type, urgency, reason, status, leaving_reason, created_by FROM waitlist_entries";
    let refused = diesel::sql_query(copy).execute(&mut hospital.db.connect().await).await.unwrap_err().to_string();
    assert!(refused.contains("waitlist_entries_once_for_a_doctor"), "{refused}");
    let altered = diesel::sql_query("UPDATE waitlist_history SET why = 'x'");
    let altered = altered.execute(&mut hospital.db.connect().await).await.unwrap_err().to_string();
    assert!(altered.contains("only ever added to"), "{altered}");
}

#[tokio::test]
async fn twenty_entries_are_enough() {
    let hospital = Hospital::new().await;
    for i in 0..20 {
        let body = json!({"patient": LAKSHMI, "doctor": RAO, "start_date": day(i), "end_date": day(i)});
        joined(&hospital, &body).await;
    }
    let refused = hospital.post(LAKSHMI_ACCOUNT, WAITLIST, &waits(LAKSHMI, SEN)).await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:waits-too-often");
}

#[tokio::test]
async fn a_key_sent_again_joins_once() {
    let hospital = Hospital::new().await;
    let send = |body: Value| {
        let call = hospital.server.call(Method::POST, WAITLIST).token(&hospital.token(DESK));
        call.header("idempotency-key", "wait-1").json(&body).send()
    };
    let (one, two) = tokio::join!(send(waits(LAKSHMI, RAO)), send(waits(LAKSHMI, RAO)));
    assert_eq!(one.expect(201).body, two.expect(201).body);
    send(waits(OTHER, RAO)).await.expect(409);
    assert_eq!(hospital.db.number("SELECT count(*) FROM waitlist_entries").await, 1);
}
