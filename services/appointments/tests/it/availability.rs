use chrono::Days;
use reqwest::Method;
use serde_json::json;

use crate::hospital::{DESK, Hospital, LAKSHMI, NEW, RAO, SEN, day, slot};

fn path(doctor: i64) -> String {
    format!("/api/appointments/doctor/{doctor}/availability/")
}

#[tokio::test]
async fn hours_are_set_and_then_booked() {
    let hospital = Hospital::new().await;
    hospital.get(DESK, &path(NEW)).await.expect(404);
    let everyday: Vec<_> = (0..7)
        .flat_map(|day| {
            [
                json!({"weekday": day, "start": "14:00", "end": "15:00:00"}),
                json!({"weekday": day, "start": "09:00", "end": "10:00"}),
            ]
        })
        .collect();
    let set = hospital
        .server
        .put(&path(NEW), &hospital.token(DESK), &json!({"slot_minutes": 20, "weekly": everyday}))
        .await
        .expect(200);
    assert_eq!((set.header("etag"), &set.body["slot_minutes"]), ("\"1\"", &json!(20)));
    assert_eq!(set.body["weekly"][0], json!({"weekday": "MON", "start": "09:00:00", "end": "10:00:00"}));
    assert_eq!(set.body["weekly"].as_array().unwrap().len(), 14);
    assert_eq!(hospital.get(NEW, &path(NEW)).await.expect(200).body, set.body);
    let booked = hospital.booked(&slot(LAKSHMI, NEW, day(1), "14:20:00")).await;
    assert_eq!(booked["duration_minutes"], 20);
    hospital.book(DESK, &slot(LAKSHMI, NEW, day(1), "12:00:00")).await.expect(400);
    // What is read can be sent back.
    let again = json!({"slot_minutes": set.body["slot_minutes"], "weekly": set.body["weekly"]});
    let again = hospital.server.put(&path(NEW), &hospital.token(NEW), &again).await.expect(200);
    assert_eq!((again.header("etag"), &again.body["weekly"]), ("\"2\"", &set.body["weekly"]));
    // Without hours nobody is booked; what is booked stays.
    hospital
        .server
        .put(&path(NEW), &hospital.token(DESK), &json!({"slot_minutes": 20, "weekly": []}))
        .await
        .expect(200);
    hospital.book(DESK, &slot(LAKSHMI, NEW, day(1), "14:40:00")).await.expect(400);
    assert_eq!(hospital.rows().await, 1);
}

#[tokio::test]
async fn hours_that_make_no_sense_are_refused_whole() {
    let hospital = Hospital::new().await;
    let interval = |start: &str, end: &str| json!({"weekday": "MON", "start": start, "end": end});
    for (body, field) in [
        (json!({"slot_minutes": 30, "weekly": [interval("09:00", "13:00"), interval("12:30", "14:00")]}), "weekly.1"),
        (json!({"slot_minutes": 30, "weekly": [interval("13:00", "09:00")]}), "weekly.0.end"),
        (json!({"slot_minutes": 30, "weekly": [interval("09:00", "09:20")]}), "weekly.0.end"),
        (json!({"slot_minutes": 30, "weekly": [interval("09:00", "24:00:00")]}), "weekly.0.end"),
        (json!({"slot_minutes": 0, "weekly": []}), "slot_minutes"),
        (json!({"slot_minutes": 30, "weekly": [{"weekday": 7, "start": "09:00", "end": "10:00"}]}), "weekly.0.weekday"),
        (json!({"slot_minutes": 30}), "weekly"),
        (json!({"slot_minutes": 30, "weekly": [], "weekend": []}), "weekend"),
        (json!({"slot_minutes": 30, "weekly": [], "effective_until": "2027-01-01"}), "effective_from"),
        (
            json!({"slot_minutes": 30, "weekly": [], "effective_from": "2027-01-02", "effective_until": "2027-01-01"}),
            "effective_until",
        ),
        (json!({"slot_minutes": 30, "weekly": [], "buffer_before_minutes": -1}), "buffer_before_minutes"),
    ] {
        let answer = hospital.server.put(&path(RAO), &hospital.token(DESK), &body).await.expect(400);
        assert_eq!(answer.faulty_fields(), [field], "{body}");
    }
    assert_eq!(hospital.get(DESK, &path(RAO)).await.expect(200).header("etag"), "\"1\"");
}

#[tokio::test]
async fn two_who_set_hours_do_not_overwrite_each_other() {
    let hospital = Hospital::new().await;
    let put = |tag: &str, minutes: i64| {
        let call = hospital.server.call(Method::PUT, &path(RAO)).token(&hospital.token(RAO)).header("if-match", tag);
        call.json(&json!({"slot_minutes": minutes, "weekly": []})).send()
    };
    let answers = tokio::join!(put("\"1\"", 10), put("\"1\"", 20), put("\"1\"", 40));
    let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16(), answers.2.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412]);
}

#[tokio::test]
async fn a_doctors_hours_are_theirs_and_the_desks() {
    let hospital = Hospital::new().await;
    let body = json!({"slot_minutes": 30, "weekly": []});
    hospital.server.put(&path(SEN), &hospital.token(RAO), &body).await.expect(403);
    hospital.get(RAO, &path(SEN)).await.expect(403);
    hospital.server.put(&path(RAO), &hospital.token(RAO), &body).await.expect(200);
    // A nurse is no doctor whose hours could be set.
    hospital.server.put(&path(20), &hospital.token(DESK), &body).await.expect(404);
}

#[tokio::test]
async fn other_hours_for_a_while() {
    let hospital = Hospital::new().await;
    let weekly = |start: &str, end: &str| -> Vec<_> {
        (0..7).map(|weekday| json!({"weekday": weekday, "start": start, "end": end})).collect()
    };
    let set = async |body: serde_json::Value| {
        hospital.server.put(&path(RAO), &hospital.token(DESK), &body).await.expect(200).body
    };
    let evenings = json!({"slot_minutes": 15, "weekly": weekly("18:00", "20:00"), "effective_from": day(10), "effective_until": day(12)});
    let shown = set(evenings.clone()).await;
    assert_eq!(shown["weekly"][0]["start"], "09:00:00");
    assert_eq!(shown["periods"][0]["effective_from"], json!(day(10)));
    assert_eq!((&shown["periods"][0]["slot_minutes"], shown["periods"].as_array().unwrap().len()), (&json!(15), 1));
    // The same again is the same.
    assert_eq!(set(evenings).await["periods"], shown["periods"]);
    let first = async |days: u64| hospital.slots(RAO, day(days)).await.first().map(|slot| slot.0.clone());
    assert_eq!(first(9).await.as_deref(), Some("09:00:00"));
    assert_eq!(first(10).await.as_deref(), Some("18:00:00"));
    assert_eq!(first(12).await.as_deref(), Some("18:00:00"));
    assert_eq!(first(13).await.as_deref(), Some("09:00:00"));
    let booked = hospital.booked(&slot(LAKSHMI, RAO, day(11), "18:15:00")).await;
    assert_eq!(booked["duration_minutes"], 15);
    hospital.book(DESK, &slot(LAKSHMI, RAO, day(11), "10:00:00")).await.expect(400);
    // A day of it is cut out: nobody is there.
    let closed = json!({"slot_minutes": 30, "weekly": [], "effective_from": day(11), "effective_until": day(11)});
    assert_eq!(set(closed).await["periods"].as_array().unwrap().len(), 3);
    assert_eq!(first(10).await.as_deref(), Some("18:00:00"));
    assert_eq!(hospital.slots(RAO, day(11)).await, [("18:15:00".to_owned(), "BOOKED".to_owned())]);
    assert_eq!(first(12).await.as_deref(), Some("18:00:00"));
    // From a day on, for good; and the usual ones again, for all days.
    set(json!({"slot_minutes": 30, "weekly": weekly("07:00", "08:00"), "effective_from": day(12)})).await;
    assert_eq!(first(100).await.as_deref(), Some("07:00:00"));
    let usual = set(json!({"slot_minutes": 30, "weekly": weekly("10:00", "11:00")})).await;
    assert_eq!(usual["periods"], json!([]));
    assert_eq!(first(100).await.as_deref(), Some("10:00:00"));
}

#[tokio::test]
async fn a_doctor_may_have_hours_for_a_while_only() {
    let hospital = Hospital::new().await;
    let weekly: Vec<_> = (0..7).map(|weekday| json!({"weekday": weekday, "start": "09:00", "end": "10:00"})).collect();
    let visiting = json!({"slot_minutes": 30, "weekly": weekly, "effective_from": day(3), "effective_until": day(3)});
    let set = hospital.server.put(&path(NEW), &hospital.token(DESK), &visiting).await.expect(200);
    assert_eq!((set.header("etag"), &set.body["weekly"]), ("\"1\"", &json!([])));
    hospital.book(DESK, &slot(LAKSHMI, NEW, day(2), "09:00:00")).await.expect(400);
    hospital.book(DESK, &slot(LAKSHMI, NEW, day(3), "09:00:00")).await.expect(201);
}

#[tokio::test]
async fn what_is_over_shows_the_hours_that_were() {
    let hospital = Hospital::new().await;
    let ago = |days: u64| day(0) - Days::new(days);
    let periods = format!(
        "INSERT INTO hours_periods (doctor_id, effective_from, effective_until, slot_minutes, buffer_before, buffer_after) \
         VALUES ({RAO}, '{}', '{}', 30, 0, 0), ({RAO}, '{}', '{}', 30, 0, 0); \
         INSERT INTO period_hours SELECT id, weekday, '18:00', '20:00' FROM hours_periods, generate_series(0, 6) AS weekday",
        ago(30),
        ago(20),
        ago(10),
        day(10)
    );
    hospital.db.sql(&periods).await;
    let first = async |date| hospital.slots(RAO, date).await.first().map(|slot| slot.0.clone()).unwrap();
    let weekly = |start: &str, end: &str| -> Vec<_> {
        (0..7).map(|weekday| json!({"weekday": weekday, "start": start, "end": end})).collect()
    };
    let set = async |body: serde_json::Value| {
        hospital.server.put(&path(RAO), &hospital.token(DESK), &body).await.expect(200).body
    };
    let usual = set(json!({"slot_minutes": 30, "weekly": weekly("10:00", "11:00")})).await;
    assert_eq!(usual["periods"], json!([]));
    for (date, expected) in
        [(ago(25), "18:00:00"), (ago(15), "10:00:00"), (ago(5), "18:00:00"), (day(0), "10:00:00"), (day(5), "10:00:00")]
    {
        assert_eq!(first(date).await, expected, "{date}");
    }
    // Other hours from a day that is over are what was meant then.
    let since = json!({"slot_minutes": 30, "weekly": weekly("07:00", "08:00"), "effective_from": ago(8), "effective_until": day(8)});
    assert_eq!(set(since).await["periods"].as_array().unwrap().len(), 1);
    for (date, expected) in
        [(ago(25), "18:00:00"), (ago(9), "18:00:00"), (ago(8), "07:00:00"), (day(8), "07:00:00"), (day(9), "10:00:00")]
    {
        assert_eq!(first(date).await, expected, "{date}");
    }
}
