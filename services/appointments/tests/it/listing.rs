use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::hospital::{
    CASHIER, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, NURSE, OTHER, RAO, SEN, STRAY_NURSE, day, slot,
};

async fn ids(hospital: &Hospital, user: i64, query: &str) -> Vec<Value> {
    let page = hospital.get(user, &format!("/api/appointments/?{query}")).await.expect(200).body;
    page["results"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
}

#[tokio::test]
async fn filters_narrow() {
    let hospital = Hospital::new().await;
    let a = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let b = hospital.booked(&slot(OTHER, RAO, day(3), "10:00:00")).await["id"].clone();
    let c = hospital.booked(&slot(LAKSHMI, SEN, day(3), "11:00:00")).await["id"].clone();
    hospital.patch(DESK, &c, &json!({"status": "CONFIRMED"})).await.expect(200);
    assert_eq!(ids(&hospital, DESK, "").await, [c.clone(), b.clone(), a.clone()]);
    assert_eq!(ids(&hospital, DESK, "ordering=date").await, [a.clone(), b.clone(), c.clone()]);
    assert_eq!(ids(&hospital, DESK, &format!("patient={LAKSHMI}")).await, [c.clone(), a.clone()]);
    assert_eq!(ids(&hospital, DESK, &format!("doctor={RAO}")).await, [b.clone(), a.clone()]);
    assert_eq!(ids(&hospital, DESK, &format!("date={}", day(3))).await, [c.clone(), b.clone()]);
    assert_eq!(
        ids(&hospital, DESK, &format!("date={}&status=CONFIRMED&doctor={SEN}", day(3))).await,
        std::slice::from_ref(&c)
    );
    assert!(ids(&hospital, DESK, "patient=999999").await.is_empty());
}

#[tokio::test]
async fn everyone_sees_what_is_theirs_to_see() {
    let hospital = Hospital::new().await;
    let a = hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await["id"].clone();
    let b = hospital.booked(&slot(OTHER, SEN, day(3), "10:00:00")).await["id"].clone();
    let c = hospital.booked(&slot(LAKSHMI, SEN, day(200), "11:00:00")).await["id"].clone();
    let d = hospital.booked(&slot(210, SEN, day(200), "12:00:00")).await["id"].clone();
    hospital.db.sql("UPDATE patients SET primary_doctor_id = 10 WHERE id = 210").await;
    let all = [d.clone(), c.clone(), b.clone(), a.clone()];
    assert_eq!(ids(&hospital, DESK, "").await, all);
    assert_eq!(ids(&hospital, CASHIER, "").await, all);
    // Lakshmi is in Rao's care by an appointment, patient 210 as primary doctor; the appointments are all of theirs.
    assert_eq!(ids(&hospital, RAO, "").await, [d.clone(), c.clone(), a.clone()]);
    // Sen sees Lakshmi in 200 days only: that is no care, but the appointment is his.
    assert_eq!(ids(&hospital, SEN, "").await, [d.clone(), c.clone(), b]);
    // A nurse's care is that of the doctors of her department.
    assert_eq!(ids(&hospital, NURSE, "").await, [d, c.clone(), a.clone()]);
    assert!(ids(&hospital, STRAY_NURSE, "").await.is_empty());
    assert!(ids(&hospital, 29, "").await.is_empty());
    assert_eq!(ids(&hospital, LAKSHMI_ACCOUNT, "").await, [c, a]);
    let cashiers = hospital.get(CASHIER, "/api/appointments/").await.expect(200).body;
    assert_eq!((&cashiers["results"][0]["reason"], &cashiers["results"][0]["notes"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn pages_walk_forward_and_back_without_gap_or_repeat() {
    let hospital = Hospital::new().await;
    for (patient, i) in (200..).zip(0..14) {
        for doctor in [RAO, SEN] {
            let time = format!("{:02}:{:02}:00", 9 + i / 2, 30 * (i % 2));
            hospital.booked(&slot(patient + 50 * (doctor - RAO), doctor, day(2), &time)).await;
        }
    }
    let of_rao = format!("&doctor={RAO}");
    let lists =
        [(DESK, "", 28), (DESK, of_rao.as_str(), 14), (RAO, "", 14), (NURSE, "", 14), (SEN, "&status=SCHEDULED", 14)];
    for ((user, filter, count), ordering) in
        lists.iter().flat_map(|list| ["date", "-date", "created_at", "-created_at"].map(|ordering| (*list, ordering)))
    {
        let what = format!("{ordering} {filter} of {user}");
        let first = format!("/api/appointments/?page_size=5&ordering={ordering}{filter}");
        let mut page = hospital.get(user, &first).await.expect(200).body;
        assert_eq!((&page["count"], &page["previous"]), (&json!(count), &Value::Null));
        let (mut seen, mut pages) = (Vec::new(), Vec::new());
        loop {
            seen.extend(page["results"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
            pages.push(page["results"].clone());
            let Some(next) = page["next"].as_str() else { break };
            let path = next.strip_prefix(&hospital.server.url).expect("our own address").to_owned();
            page = hospital.get(user, &path).await.expect(200).body;
        }
        assert_eq!(seen.len(), count, "{what}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count, "{what}");
        let in_order = ids(&hospital, user, &format!("page_size=100&ordering={ordering}{filter}")).await;
        assert_eq!(json!(seen), json!(in_order), "{what}");
        if ordering.ends_with("created_at") {
            assert_eq!(seen.is_sorted(), !ordering.starts_with('-'), "{what}");
        }
        assert_eq!(
            ids(&hospital, user, &format!("page=2&page_size=5&ordering={ordering}{filter}")).await,
            pages[1].as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
            "{what}"
        );
        for earlier in pages.iter().rev().skip(1) {
            let path = page["previous"].as_str().unwrap().strip_prefix(&hospital.server.url).unwrap().to_owned();
            page = hospital.get(user, &path).await.expect(200).body;
            assert_eq!(&page["results"], earlier, "{what}");
        }
    }
    let second = hospital.get(DESK, "/api/appointments/?page=2&page_size=20").await.expect(200).body;
    assert_eq!(second["results"].as_array().unwrap().len(), 8);
}
