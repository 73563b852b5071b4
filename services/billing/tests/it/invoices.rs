//! Making invoices: amounts, documents, rates.

use serde_json::json;

use crate::clinic::{ASHA, Clinic, RAVI, VISIT, invoice, item, with};

#[tokio::test]
async fn a_usual_bill_is_worked_out_and_issued_at_once() {
    let clinic = Clinic::new().await;
    let due = (chrono::Utc::now() + chrono::Days::new(30)).format("%Y-%m-%d").to_string();
    let bill = json!({
        "patient": ASHA,
        "appointment": VISIT,
        "delivery_state": "KA",
        "due_date": due,
        "items": [
            item("CONSULTATION", "1", "500.00"),
            with(&item("ROOM", "2", "6000.00"), json!({"discount": "1000.00"})),
            item("ROOM", "1", "5000.00"),
            with(&item("PHARMACY", "10", "12.35"), json!({"sac_hsn": "30049099"})),
            item("COSMETIC", "1.5", "1000.01"),
        ],
    });
    let made = clinic.bill(&bill).await.expect(201);
    let id = made.body["id"].as_i64().unwrap();
    assert_eq!(made.header("location"), format!("/api/billing/invoices/{id}/"));
    let shown = clinic.read(id).await;
    assert_eq!(shown, made.body, "what was answered is what is kept");
    assert_eq!(shown["status"], "ISSUED");
    assert_eq!(shown["document_type"], "INVOICE_CUM_BILL_OF_SUPPLY");
    assert_eq!(shown["patient_name"], "Asha Rao");
    assert_eq!(
        shown["recipient"],
        json!({"name": "Asha Rao", "patient_id": "P00007", "address": "1 MG Road, Pune, Maharashtra", "state_code": null})
    );
    assert_eq!(shown["supplier"]["gstin"], "27AAPFU0939F1ZV");
    assert!(
        shown["invoice_number"].as_str().unwrap().starts_with("EHS/")
            && shown["invoice_number"].as_str().unwrap().len() <= 16
    );
    // room: 5 % of 11000 in halves; medicines: 5 % of 123.50 whole, delivered in Karnataka; cosmetic: 18 % of 1500.02
    let amounts = [
        "subtotal",
        "discount",
        "taxable_value",
        "cgst",
        "sgst",
        "igst",
        "tax",
        "round_off",
        "total",
        "amount_paid",
        "balance",
    ]
    .map(|field| shown[field].as_str().unwrap().to_owned());
    let expected = [
        "19123.52", "1000.00", "18123.52", "410.00", "410.00", "6.18", "826.18", "0.30", "18950.00", "0.00", "18950.00",
    ];
    assert_eq!(amounts, expected);
    let lines: Vec<_> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["gst_rate"].as_str().unwrap(), line["total"].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [("0.00", "500.00"), ("5.00", "11550.00"), ("0.00", "5000.00"), ("5.00", "129.68"), ("18.00", "1770.02")]
    );
}

#[tokio::test]
async fn the_document_and_the_status_follow_from_the_lines() {
    let clinic = Clinic::new().await;
    for (kind, price, document, status) in [
        ("LAB", "300.00", "BILL_OF_SUPPLY", "ISSUED"),
        ("PHARMACY", "300.00", "TAX_INVOICE", "ISSUED"),
        ("LAB", "0.00", "BILL_OF_SUPPLY", "PAID"),
    ] {
        let made = clinic.bill(&json!({"patient": RAVI, "items": [item(kind, "1", price)]})).await.expect(201);
        assert_eq!((made.body["document_type"].as_str(), made.body["status"].as_str()), (Some(document), Some(status)));
    }
}

#[tokio::test]
async fn another_rate_needs_a_reason_from_somebody_who_may() {
    let clinic = Clinic::new().await;
    let draft = |rate: serde_json::Value, more: serde_json::Value| {
        let line = with(&with(&item("PROCEDURE", "1", "1000.00"), json!({"gst_rate": rate})), more);
        json!({"patient": ASHA, "draft": true, "items": [line]})
    };
    let reason = json!({"gst_rate_reason": "cosmetic in part"});
    let refused = clinic.bill(&draft(json!("18"), json!({}))).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["items.0.gst_rate"]);
    let at_the_desk =
        clinic.server.post("/api/billing/invoices/", &clinic.receptionist(), &draft(json!("18"), reason.clone())).await;
    assert_eq!(at_the_desk.expect(400).body["errors"][0]["code"], "not_the_rate");
    assert_eq!(
        clinic.bill(&draft(json!("12"), reason.clone())).await.expect(400).body["errors"][0]["code"],
        "no_such_rate"
    );
    clinic.bill(&draft(json!(0), json!({}))).await.expect(201);

    let made = clinic.bill(&draft(json!(18), reason)).await.expect(201).body;
    assert_eq!((&made["items"][0]["gst_rate"], &made["total"]), (&json!("18.00"), &json!("1180.00")));
    let path = format!("/api/billing/invoices/{}/", made["id"]);
    let kept = clinic.server.patch(&path, &clinic.receptionist(), &json!({"delivery_state": "29"})).await.expect(200);
    assert_eq!(kept.body["total"], "1180.00", "the desk may touch a draft whose rate the accountant has set");
    let issued = clinic.server.post(&format!("{path}issue/"), &clinic.accountant(), &json!({})).await.expect(200);
    assert_eq!(issued.body["items"][0]["gst_rate_reason"], "cosmetic in part");
}

#[tokio::test]
async fn a_key_gives_the_first_answer_again() {
    let clinic = Clinic::new().await;
    let call = |body: serde_json::Value| {
        let call = clinic.server.call(reqwest::Method::POST, "/api/billing/invoices/").token(&clinic.accountant());
        call.header("Idempotency-Key", "one").json(&body).send()
    };
    let first = call(invoice(ASHA)).await.expect(201);
    let again = call(invoice(ASHA)).await.expect(201);
    assert_eq!((first.body, again.header("idempotent-replayed")), (again.body.clone(), "true"));
    call(invoice(RAVI)).await.expect(409);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 1);
    assert_eq!(clinic.db.number("SELECT last_serial FROM invoice_counters").await, 1);
}

#[tokio::test]
async fn the_appointment_must_be_the_patients() {
    let clinic = Clinic::new().await;
    let refused = clinic.bill(&with(&invoice(RAVI), json!({"appointment": VISIT}))).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["appointment"]);
}
