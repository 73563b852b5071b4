//! `GET invoices/`: filters, order, pages, and whose they are.

use auth::Role;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, RAVI, invoice, with};

fn ids(list: &Value) -> Vec<i64> {
    list["results"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

async fn list(clinic: &Clinic, query: &str) -> Value {
    clinic.server.get(&format!("/api/billing/invoices/{query}"), &clinic.accountant()).await.expect(200).body
}

#[tokio::test]
async fn filters_narrow_and_pages_walk_both_ways() {
    let clinic = Clinic::new().await;
    let mut made = Vec::new();
    for n in 0..7 {
        let patient = if n % 2 == 0 { ASHA } else { RAVI };
        let body = clinic.bill(&with(&invoice(patient), json!({"draft": n == 6}))).await.expect(201).body;
        made.push(body["id"].as_i64().unwrap());
    }
    made.reverse();
    let all = list(&clinic, "").await;
    assert_eq!(
        (ids(&all), &all["count"], &all["next"], &all["previous"]),
        (made.clone(), &json!(7), &Value::Null, &Value::Null)
    );
    assert_eq!(all["results"][0]["items"].as_array().unwrap().len(), 1);
    let day = all["results"][1]["invoice_date"].as_str().unwrap().to_owned();
    for (query, count) in [
        (format!("?patient={RAVI}"), 3),
        ("?status=DRAFT".to_owned(), 1),
        (format!("?status=ISSUED&patient={ASHA}"), 3),
        (format!("?start_date={day}&end_date={day}"), 7),
        ("?start_date=2199-01-01".to_owned(), 0),
        ("?end_date=2020-01-01".to_owned(), 0),
    ] {
        assert_eq!(list(&clinic, &query).await["count"], count, "{query}");
    }
    let mut walked = Vec::new();
    let mut page = list(&clinic, "?page_size=3&ordering=invoice_date").await;
    let first = page.clone();
    loop {
        walked.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        page = clinic
            .server
            .get(next.strip_prefix(&clinic.server.url).unwrap(), &clinic.accountant())
            .await
            .expect(200)
            .body;
    }
    made.reverse();
    assert_eq!(walked, made);
    for _ in 0..2 {
        let previous = page["previous"].as_str().unwrap().strip_prefix(&clinic.server.url).unwrap().to_owned();
        page = clinic.server.get(&previous, &clinic.accountant()).await.expect(200).body;
    }
    assert_eq!(ids(&page), ids(&first));
    assert_eq!(ids(&list(&clinic, "?page=2&page_size=3&ordering=invoice_date").await), made[3..6]);
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let clinic = Clinic::new().await;
    for (query, field) in [
        ("?page=0", "page"),
        ("?page_size=101", "page_size"),
        ("?page=x", "page"),
        ("?patient=-1", "patient"),
        ("?patient=9223372036854775808", "patient"),
        ("?status=draft", "status"),
        ("?start_date=2026-02-30", "start_date"),
        ("?start_date=0001-01-01", "start_date"),
        ("?end_date=9999-12-31", "end_date"),
        ("?start_date=2026-02-02&end_date=2026-02-01", "end_date"),
        ("?ordering=total", "ordering"),
        ("?search=x", "search"),
        ("?cursor=abc", "cursor"),
    ] {
        let refused = clinic.server.get(&format!("/api/billing/invoices/{query}"), &clinic.admin()).await.expect(400);
        assert_eq!(refused.faulty_fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn a_patient_sees_their_own_once_issued() {
    let clinic = Clinic::new().await;
    let (own, draft) = (clinic.issued().await, clinic.draft().await);
    let anothers = clinic.bill(&invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    let asha = clinic.token(Role::Patient);
    let seen = clinic.server.get("/api/billing/invoices/", &asha).await.expect(200).body;
    assert_eq!((ids(&seen), &seen["count"]), (vec![own], &json!(1)));
    for (id, status) in [(own, 200), (draft, 404), (anothers, 404), (999_999, 404)] {
        clinic.server.get(&format!("/api/billing/invoices/{id}/"), &asha).await.expect(status);
        clinic.server.get(&format!("/api/billing/invoices/{id}/payments/"), &asha).await.expect(status);
    }
    let filtered = clinic.server.get(&format!("/api/billing/invoices/?patient={RAVI}"), &asha).await.expect(200).body;
    assert_eq!(filtered["count"], 0);
    let stranger = clinic.tokens.mint(71, Role::Patient);
    assert_eq!(clinic.server.get("/api/billing/invoices/", &stranger).await.expect(200).body["count"], 0);
}
