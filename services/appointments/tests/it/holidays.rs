//! Public holidays.

use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use crate::hospital::{DESK, Hospital, LAKSHMI, OTHER, RAO, SEN, day, slot};

/// The next of the national holidays that is tomorrow or later.
fn next_national() -> NaiveDate {
    let is_national = |date: &NaiveDate| matches!((date.month(), date.day()), (1, 26) | (8, 15) | (10, 2));
    day(1).iter_days().find(is_national).unwrap()
}

fn schedule(doctor: i64, date: NaiveDate) -> String {
    format!("/api/appointments/doctor/{doctor}/schedule/?date={date}")
}

#[tokio::test]
async fn nobody_is_booked_on_a_holiday_but_with_those_who_work() {
    let hospital = Hospital::with_holidays("IN").await;
    let date = next_national();
    let refused = hospital.book(DESK, &slot(LAKSHMI, RAO, date, "10:00:00")).await.expect(400);
    assert_eq!((refused.faulty_fields(), &refused.body["errors"][0]["code"]), (vec!["date"], &json!("holiday")));
    let shown = hospital.get(DESK, &schedule(RAO, date)).await.expect(200).body;
    let of_day = &shown["days"][0];
    assert!(of_day["holiday"].as_str().unwrap().len() > 5);
    let slots = of_day["slots"].as_array().unwrap();
    assert!(slots.len() == 16 && slots.iter().all(|slot| slot["status"] == "BLOCKED"));
    let next = format!("/api/appointments/doctor/{RAO}/next-available/?start_date={date}&count=1");
    let next = hospital.get(DESK, &next).await.expect(200).body;
    assert_eq!(next["slots"][0]["date"], json!(date.succ_opt().unwrap()));

    let weekly: Vec<Value> =
        (0..7).map(|weekday| json!({"weekday": weekday, "start": "09:00", "end": "17:00"})).collect();
    let body = json!({"slot_minutes": 30, "weekly": weekly, "works_on_holidays": true});
    let path = format!("/api/appointments/doctor/{SEN}/availability/");
    let set = hospital.server.put(&path, &hospital.token(DESK), &body).await.expect(200).body;
    assert_eq!(set["works_on_holidays"], true);
    hospital.book(DESK, &slot(OTHER, SEN, date, "10:00:00")).await.expect(201);
    let shown = hospital.get(DESK, &schedule(SEN, date)).await.expect(200).body;
    assert_eq!(shown["days"][0]["holiday"], json!(null));
    // Hours for a while leave that as it is.
    let body = json!({"slot_minutes": 30, "weekly": [], "effective_from": day(1), "effective_until": day(1)});
    let set = hospital.server.put(&path, &hospital.token(DESK), &body).await.expect(200).body;
    assert_eq!(set["works_on_holidays"], true);
}

#[tokio::test]
async fn a_states_holidays_come_on_top() {
    let date = NaiveDate::from_ymd_opt(2027, 4, 14).unwrap(); // Ambedkar Jayanti, in Karnataka
    if date <= day(0) {
        return;
    }
    let (national, karnataka) = (Hospital::with_holidays("IN").await, Hospital::with_holidays("IN-KA").await);
    national.book(DESK, &slot(LAKSHMI, RAO, date, "10:00:00")).await.expect(201);
    karnataka.book(DESK, &slot(LAKSHMI, RAO, date, "10:00:00")).await.expect(400);
}

#[tokio::test]
async fn a_schedule_says_until_when_holidays_are_known_where_it_goes_on_behind_that() {
    let karnataka = Hospital::with_holidays("IN-KA").await;
    let range =
        |start: &str, end: &str| format!("/api/appointments/doctor/{RAO}/schedule/?start_date={start}&end_date={end}");
    let known = karnataka.get(DESK, &range("2028-12-01", "2028-12-31")).await.expect(200).body;
    assert_eq!(known.get("holidays_known_until"), None);
    for (start, end) in [("2028-12-31", "2029-01-01"), ("2029-03-01", "2029-03-31")] {
        let beyond = karnataka.get(DESK, &range(start, end)).await.expect(200).body;
        assert_eq!(beyond["holidays_known_until"], "2028-12-31", "{start}");
    }
    // What is the same every year is known for good.
    let national = Hospital::with_holidays("IN").await;
    let beyond = national.get(DESK, &range("2029-01-01", "2029-01-31")).await.expect(200).body;
    assert_eq!((beyond.get("holidays_known_until"), &beyond["days"][25]["holiday"]), (None, &json!("Republic Day")));
}
