//! Every change of an appointment, readable.

use serde_json::json;

use crate::hospital::{CASHIER, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, OTHER_ACCOUNT, RAO, SEN, day, slot};

#[tokio::test]
async fn who_changed_what_when_and_why() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    body["reason"] = json!("cough");
    let id = hospital.booked(&body).await["id"].clone();
    let moved = json!({"time_slot": "11:00:00", "change_reason": "the patient's train is late"});
    hospital.patch(DESK, &id, &moved).await.expect(200);
    hospital.patch(RAO, &id, &json!({"notes": "murmur"})).await.expect(200);
    let cancel = json!({"status": "CANCELLED", "cancellation_reason": "travels"});
    hospital.patch(LAKSHMI_ACCOUNT, &id, &cancel).await.expect(200);

    let path = format!("/api/appointments/{id}/history/");
    let history = hospital.get(DESK, &path).await.expect(200).body;
    assert_eq!((&history["count"], &history["next"]), (&json!(4), &json!(null)));
    let [cancelled, noted, moved, booked] = [0, 1, 2, 3].map(|at| history["results"][at].clone());
    assert_eq!((&booked["before"], &booked["why"], &booked["changed"]), (&json!(null), &json!("cough"), &json!([])));
    assert_eq!((&moved["changed_by"], &moved["changed_as"]), (&json!(DESK), &json!("RECEPTIONIST")));
    assert_eq!((&moved["changed"], &moved["why"]), (&json!(["time_slot"]), &json!("the patient's train is late")));
    assert_eq!(moved["before"]["time_slot"], "10:00:00");
    let at_eleven =
        json!({"status": "SCHEDULED", "doctor": RAO, "date": day(2), "time_slot": "11:00:00", "end_time": "11:30:00"});
    assert_eq!(moved["after"], at_eleven);
    assert_eq!((&noted["changed"], &noted["changed_by_name"]), (&json!(["notes"]), &json!("Asha Rao")));
    assert_eq!((&cancelled["changed_by"], &cancelled["why"]), (&json!(LAKSHMI_ACCOUNT), &json!("travels")));
    assert_eq!((&cancelled["version"], &cancelled["after"]["status"]), (&json!(4), &json!("CANCELLED")));
    assert!(cancelled["changed_at"].as_str().unwrap().ends_with('Z'));

    // Who may read the appointment may read it; the reasons are not the cashier's.
    assert_eq!(hospital.get(CASHIER, &path).await.expect(200).body["results"][0]["why"], json!(null));
    hospital.get(LAKSHMI_ACCOUNT, &path).await.expect(200);
    hospital.get(OTHER_ACCOUNT, &path).await.expect(404);
    hospital.get(SEN, &path).await.expect(404);
    hospital.get(DESK, "/api/appointments/999999/history/").await.expect(404);
}

#[tokio::test]
async fn a_long_history_has_pages_in_both_directions() {
    let hospital = Hospital::new().await;
    let id = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    for i in 0..6 {
        hospital.patch(DESK, &id, &json!({"reason": format!("reason {i}")})).await.expect(200);
    }
    let versions = |page: &serde_json::Value| -> Vec<i64> {
        page["results"].as_array().unwrap().iter().map(|line| line["version"].as_i64().unwrap()).collect()
    };
    let relative = |page: &serde_json::Value, name: &str| {
        let url = page[name].as_str().unwrap();
        url[url.find("/api/").unwrap()..].to_owned()
    };
    let path = format!("/api/appointments/{id}/history/");
    let first = hospital.get(DESK, &format!("{path}?page_size=3")).await.expect(200).body;
    assert_eq!(versions(&first), [7, 6, 5]);
    let second = hospital.get(DESK, &relative(&first, "next")).await.expect(200).body;
    assert_eq!(versions(&second), [4, 3, 2]);
    let back = hospital.get(DESK, &relative(&second, "previous")).await.expect(200).body;
    assert_eq!(versions(&back), [7, 6, 5]);
    let third = hospital.get(DESK, &relative(&second, "next")).await.expect(200).body;
    assert_eq!((versions(&third), &third["next"]), (vec![1], &json!(null)));
    // A cursor walks the history that it is of.
    let other = hospital.booked(&slot(LAKSHMI, RAO, day(3), "10:00:00")).await["id"].clone();
    let query = relative(&first, "next");
    let query = query.split_once('?').unwrap().1;
    let refused = hospital.get(DESK, &format!("/api/appointments/{other}/history/?{query}")).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["cursor"]);
    for (query, field) in
        [("page=0", "page"), ("page_size=101", "page_size"), ("cursor=x", "cursor"), ("sort=1", "sort")]
    {
        assert_eq!(hospital.get(DESK, &format!("{path}?{query}")).await.expect(400).faulty_fields(), [field]);
    }
}
