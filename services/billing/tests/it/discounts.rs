//! Discounts: with a reason, and as far as the role may go.

use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, RAVI, item, with};

const INVOICES: &str = "/api/billing/invoices/";

fn draft(more: Value) -> Value {
    let lines = [item("LAB", "1", "600.00"), item("PHARMACY", "1", "400.00")];
    with(&json!({"patient": ASHA, "draft": true, "items": lines}), more)
}

#[tokio::test]
async fn a_discount_of_the_bill_lies_on_its_lines() {
    let clinic = Clinic::new().await;
    let body = draft(json!({"discount": "100.00", "discount_reason": "a nurse of ours"}));
    let made = clinic.bill(&body).await.expect(201).body;
    // 400 less 40, 5 % of it; 600 less 60, exempt
    let shown = ["subtotal", "discount", "bill_discount", "taxable_value", "tax", "total", "discount_reason"]
        .map(|field| &made[field]);
    assert_eq!(
        shown.map(|value| value.as_str().unwrap()),
        ["1000.00", "100.00", "100.00", "900.00", "18.00", "918.00", "a nurse of ours"]
    );
    let shares = [0, 1].map(|line: usize| made["items"][line]["bill_discount"].as_str().unwrap());
    assert_eq!(shares, ["60.00", "40.00"]);
    let path = format!("{INVOICES}{}/", made["id"]);
    let same = clinic.server.patch(&path, &clinic.receptionist(), &json!({"delivery_state": "27"})).await.expect(200);
    assert_eq!(same.body["total"], "918.00", "the discount is there once, not once more");
    let issued = clinic.server.post(&format!("{path}issue/"), &clinic.accountant(), &json!({})).await.expect(200);
    assert_eq!((&issued.body["total"], &issued.body["bill_discount"]), (&json!("918.00"), &json!("100.00")));
}

#[tokio::test]
async fn every_role_has_its_limit() {
    let clinic = Clinic::new().await;
    let desk = clinic.receptionist();
    let off = |amount: &str| draft(json!({"discount": amount, "discount_reason": "regular"}));
    let made = clinic.server.post(INVOICES, &desk, &off("100.00")).await.expect(201).body;
    let refused = clinic.server.post(INVOICES, &desk, &off("100.01")).await.expect(403);
    assert_eq!(refused.body["type"], "urn:ehs:problem:discount-above-limit");
    let path = format!("{INVOICES}{}/", made["id"]);
    clinic.server.patch(&path, &desk, &json!({"discount": "500.00"})).await.expect(403);
    // the accountant may, and what she has let stands
    clinic.server.patch(&path, &clinic.accountant(), &json!({"discount": "500.00"})).await.expect(200);
    clinic.server.patch(&path, &desk, &json!({"delivery_state": "27"})).await.expect(200);
    let lines =
        json!([with(&item("LAB", "1", "600.00"), json!({"discount": "1.00"})), item("PHARMACY", "1", "400.00")]);
    clinic.server.patch(&path, &desk, &json!({"items": lines})).await.expect(403);
    assert_eq!(clinic.read(made["id"].as_i64().unwrap()).await["discount"], "500.00");
}

#[tokio::test]
async fn what_somebody_let_is_not_let_once_more() {
    let clinic = Clinic::new().await;
    let (desk, accountant) = (clinic.receptionist(), clinic.accountant());
    let send = |draft: &Value, token: &str, body: Value| {
        let path = format!("{INVOICES}{}/", draft["id"]);
        let token = token.to_owned();
        let server = &clinic.server;
        async move { server.patch(&path, &token, &body).await }
    };
    let half = clinic.bill(&draft(json!({"discount": "500.00", "discount_reason": "charity"}))).await.expect(201).body;
    let one_line = json!({"items": [item("LAB", "1", "500.00")]});
    let refused = send(&half, &desk, one_line.clone()).await.expect(403);
    assert_eq!(refused.body["type"], "urn:ehs:problem:discount-above-limit");
    send(&half, &desk, with(&one_line, json!({"discount": "250.01"}))).await.expect(403);
    send(&half, &desk, json!({"patient": RAVI})).await.expect(403);
    let same_part = send(&half, &desk, with(&one_line, json!({"discount": "250.00"}))).await.expect(200).body;
    assert_eq!(same_part["total"], "250.00");
    send(&half, &accountant, with(&one_line, json!({"discount": "500.00"}))).await.expect(200);

    let free = with(&item("LAB", "1", "600.00"), json!({"discount": "600.00", "discount_reason": "charity"}));
    let given = clinic.bill(&draft(json!({"items": [free, item("LAB", "1", "400.00")]}))).await.expect(201).body;
    send(&given, &desk, json!({"items": vec![free.clone(); 50]})).await.expect(403);
    send(&given, &desk, json!({"items": [free, item("LAB", "2", "400.00")]})).await.expect(200);

    let reason = json!({"gst_rate": "0", "gst_rate_reason": "an advance ruling"});
    let untaxed = with(&item("PHARMACY", "1", "100.00"), reason);
    let ruled = clinic.bill(&draft(json!({"items": [untaxed]}))).await.expect(201).body;
    let twice = send(&ruled, &desk, json!({"items": [untaxed, untaxed]})).await.expect(400);
    assert_eq!(twice.faulty_fields(), ["items.1.gst_rate"]);
    send(&ruled, &desk, json!({"items": [item("LAB", "1", "1.00"), untaxed]})).await.expect(200);
}
