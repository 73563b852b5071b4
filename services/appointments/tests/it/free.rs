//! Where there is still room.

use serde_json::{Value, json};

use crate::hospital::{AUDITOR, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, LEFT, NEW, RAO, SEN, day, slot};

fn next(doctor: i64, query: &str) -> String {
    format!("/api/appointments/doctor/{doctor}/next-available/?{query}")
}

fn times(slots: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    slots.as_array().unwrap().iter().map(|slot| (text(&slot["date"]), text(&slot["time_slot"]))).collect()
}

#[tokio::test]
async fn the_next_free_slots_of_a_doctor() {
    let hospital = Hospital::new().await;
    for time in ["09:00:00", "10:00:00"] {
        hospital.booked(&slot(if time == "09:00:00" { LAKSHMI } else { 200 }, RAO, day(2), time)).await;
    }
    let from = |query: &str| next(RAO, &format!("start_date={}{query}", day(2)));
    let seen = hospital.get(LAKSHMI_ACCOUNT, &from("&count=3")).await.expect(200).body;
    let on = |time: &str| (day(2).to_string(), time.to_owned());
    assert_eq!(times(&seen["slots"]), [on("09:30:00"), on("10:30:00"), on("11:00:00")]);
    let long = hospital.get(DESK, &from("&count=1&duration_minutes=60")).await.expect(200).body;
    assert_eq!((times(&long["slots"]), &long["slots"][0]["end_time"]), (vec![on("10:30:00")], &json!("11:30:00")));
    let many = hospital.get(DESK, &from("&count=100")).await.expect(200).body;
    assert_eq!(many["slots"].as_array().unwrap().len(), 100);
    let today = hospital.get(DESK, &next(RAO, "")).await.expect(200).body;
    assert_eq!(today["slots"].as_array().unwrap().len(), 3);
    for doctor in [NEW, LEFT] {
        assert_eq!(hospital.get(DESK, &next(doctor, "count=5")).await.expect(200).body["slots"], json!([]));
    }
    hospital.get(DESK, &next(20, "")).await.expect(404);
    hospital.get(AUDITOR, &next(RAO, "")).await.expect(403);
    for (query, field) in [
        ("count=0", "count"),
        ("count=101", "count"),
        ("count=x", "count"),
        ("duration_minutes=4", "duration_minutes"),
        ("duration_minutes=481", "duration_minutes"),
        ("start_date=2026-02-30", "start_date"),
        ("days=3", "days"),
    ] {
        assert_eq!(hospital.get(DESK, &next(RAO, query)).await.expect(400).faulty_fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn the_free_slots_of_a_day_across_doctors() {
    let hospital = Hospital::new().await;
    for i in 0..16 {
        let time = format!("{:02}:{:02}", 9 + i / 2, 30 * (i % 2));
        hospital.booked(&slot(200 + i, SEN, day(2), &time)).await;
    }
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "09:00:00")).await;
    let path = |query: &str| format!("/api/appointments/availability/?{query}");
    let all = hospital.get(LAKSHMI_ACCOUNT, &path(&format!("date={}", day(2)))).await.expect(200).body;
    let names: Vec<&str> =
        all["results"].as_array().unwrap().iter().map(|doctor| doctor["doctor_name"].as_str().unwrap()).collect();
    assert_eq!((&all["count"], names), (&json!(3), vec!["Asha Rao", "Nisha New", "Vikram Sen"]));
    let [rao, new, sen] = [0, 1, 2].map(|at| &all["results"][at]);
    assert_eq!(rao["slots"].as_array().unwrap().len(), 15);
    assert_eq!(rao["slots"][0], json!({"time_slot": "09:30:00", "end_time": "10:00:00"}));
    assert_eq!((&rao["specialization"], &rao["doctor"]), (&json!("Cardiology"), &json!(RAO)));
    assert_eq!((&new["slots"], &sen["slots"]), (&json!([]), &json!([])));
    let hearts =
        hospital.get(DESK, &path(&format!("date={}&specialization=cardiology", day(2)))).await.expect(200).body;
    assert_eq!((&hearts["count"], &hearts["results"][0]["doctor"]), (&json!(1), &json!(RAO)));
    let over = hospital.get(DESK, &path("date=2020-01-06")).await.expect(200).body;
    assert!(over["results"].as_array().unwrap().iter().all(|doctor| doctor["slots"] == json!([])));
    // Page by page, forth and back.
    let relative = |page: &Value, name: &str| {
        let url = page[name].as_str().unwrap();
        url[url.find("/api/").unwrap()..].to_owned()
    };
    let first = hospital.get(DESK, &path(&format!("date={}&page_size=1", day(2)))).await.expect(200).body;
    let second = hospital.get(DESK, &relative(&first, "next")).await.expect(200).body;
    assert_eq!(second["results"][0]["doctor_name"], "Nisha New");
    let back = hospital.get(DESK, &relative(&second, "previous")).await.expect(200).body;
    assert_eq!(back["results"], first["results"]);
    for (query, field) in [("", "date"), ("date=x", "date"), ("date=2026-12-01&doctor=0", "doctor"), ("day=1", "day")] {
        assert_eq!(hospital.get(DESK, &path(query)).await.expect(400).faulty_fields(), [field], "{query}");
    }
}
