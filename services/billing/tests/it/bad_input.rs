//! What nobody should send: each gets the contract's error, none a 500, and nothing is stored.

use reqwest::Method;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, invoice, item, with};

fn with_item(more: Value) -> Value {
    json!({"patient": ASHA, "items": [with(&item("LAB", "1", "10.00"), more)]})
}

#[tokio::test]
async fn wrong_values_are_named_and_nothing_is_stored() {
    let clinic = Clinic::new().await;
    let long = "x".repeat(201);
    let cases: Vec<(Value, &str)> = vec![
        (with(&invoice(ASHA), json!({"patient": "7"})), "patient"),
        (with(&invoice(ASHA), json!({"patient": -7})), "patient"),
        (with(&invoice(ASHA), json!({"patient": 9_223_372_036_854_775_808_u64})), "patient"),
        (with(&invoice(ASHA), json!({"patient": 1.5})), "patient"),
        (with(&invoice(ASHA), json!({"patient": null})), "patient"),
        (with(&invoice(ASHA), json!({"appointment": 0})), "appointment"),
        (with(&invoice(ASHA), json!({"due_date": "2026-02-30"})), "due_date"),
        (with(&invoice(ASHA), json!({"due_date": "0001-01-01"})), "due_date"),
        (with(&invoice(ASHA), json!({"due_date": "9999-12-31"})), "due_date"),
        (with(&invoice(ASHA), json!({"due_date": "2020-01-01"})), "due_date"),
        (with(&invoice(ASHA), json!({"due_date": 20_260_101})), "due_date"),
        (with(&invoice(ASHA), json!({"delivery_state": "Goa"})), "delivery_state"),
        (with(&invoice(ASHA), json!({"draft": "yes"})), "draft"),
        (with(&invoice(ASHA), json!({"items": []})), "items"),
        (with(&invoice(ASHA), json!({"items": {}})), "items"),
        (with(&invoice(ASHA), json!({"items": vec![item("LAB", "1", "1.00"); 201]})), "items"),
        (with(&invoice(ASHA), json!({"total": "1.00"})), "total"),
        (with_item(json!({"service": 3})), "items.0.service"),
        (with_item(json!({"descripton": "x"})), "items.0.descripton"),
        (with_item(json!({"description": " "})), "items.0.description"),
        (with_item(json!({"description": long})), "items.0.description"),
        (with_item(json!({"description": "<script>alert(1)</script>"})), "items.0.description"),
        (with_item(json!({"description": "a\nb"})), "items.0.description"),
        (with_item(json!({"description": "a\u{0}b"})), "items.0.description"),
        (with_item(json!({"sac_hsn": "99931"})), "items.0.sac_hsn"),
        (with_item(json!({"sac_hsn": "'; DROP TABLE invoices; --"})), "items.0.sac_hsn"),
        (with_item(json!({"sac_hsn": "3004"})), "items.0.sac_hsn"),
        (with_item(json!({"kind": "PHARMACY"})), "items.0.sac_hsn"),
        (with_item(json!({"kind": "lab"})), "items.0.kind"),
        (with_item(json!({"quantity": "0"})), "items.0.quantity"),
        (with_item(json!({"quantity": 0})), "items.0.quantity"),
        (with_item(json!({"quantity": -1})), "items.0.quantity"),
        (with_item(json!({"quantity": "-1"})), "items.0.quantity"),
        (with_item(json!({"quantity": "1.0000000001"})), "items.0.quantity"),
        (with_item(json!({"quantity": "0.0000000001"})), "items.0.quantity"),
        (with_item(json!({"quantity": "1000000.001"})), "items.0.quantity"),
        (with_item(json!({"quantity": 1.5})), "items.0.quantity"),
        (with_item(json!({"unit_price": 10})), "items.0.unit_price"),
        (with_item(json!({"unit_price": "1e3"})), "items.0.unit_price"),
        (with_item(json!({"unit_price": "NaN"})), "items.0.unit_price"),
        (with_item(json!({"unit_price": "1.005"})), "items.0.unit_price"),
        (with_item(json!({"unit_price": "-1.00"})), "items.0.unit_price"),
        (with_item(json!({"unit_price": "1000000000000.01"})), "items.0.unit_price"),
        (with_item(json!({"unit_price": "1000000000000.00", "quantity": "2"})), "items.0.unit_price"),
        (with_item(json!({"discount": "10.01"})), "items.0.discount"),
        (with_item(json!({"discount": "-1.00"})), "items.0.discount"),
        (with_item(json!({"service": "3"})), "items.0.service"),
        (json!({"patient": ASHA, "items": [{"service": 3}]}), "items.0.quantity"),
        (json!({"patient": ASHA, "items": ["LAB"]}), "items.0"),
        (with_item(json!({"circumstance": "POOR"})), "items.0.circumstance"),
        (with_item(json!({"circumstance": "RECONSTRUCTIVE"})), "items.0.circumstance"),
        (with_item(json!({"discount": "1e1"})), "items.0.discount"),
        (with_item(json!({"discount": "1e3"})), "items.0.discount"),
        (with_item(json!({"discount": "NaN"})), "items.0.discount"),
        (with_item(json!({"discount": "1.005"})), "items.0.discount"),
        (with_item(json!({"discount": "9.00"})), "items.0.discount_reason"),
        (with(&invoice(ASHA), json!({"discount": "500.01", "discount_reason": "x"})), "discount"),
        (with(&invoice(ASHA), json!({"discount": "1.005"})), "discount"),
        (with(&invoice(ASHA), json!({"discount": "1e3"})), "discount"),
        (with(&invoice(ASHA), json!({"discount": "NaN"})), "discount"),
        (with(&invoice(ASHA), json!({"discount": "1.00"})), "discount_reason"),
        (with_item(json!({"gst_rate": "12", "gst_rate_reason": "it was so once"})), "items.0.gst_rate"),
        (with_item(json!({"gst_rate": "28", "gst_rate_reason": "it was so once"})), "items.0.gst_rate"),
        (with_item(json!({"gst_rate": "5.5", "gst_rate_reason": "there never was"})), "items.0.gst_rate"),
        (with_item(json!({"gst_rate": "101"})), "items.0.gst_rate"),
        (with_item(json!({"gst_rate": 5})), "items.0.gst_rate"),
        (json!({"patient": ASHA, "items": [item("LAB", "1", "1000000000000.00"), item("LAB", "1", "1.00")]}), "items"),
        // the tax takes it beyond, or the rounding
        (json!({"patient": ASHA, "items": [item("PHARMACY", "1", "1000000000000.00")]}), "items"),
        (json!({"patient": ASHA, "items": [item("LAB", "1", "1000000000000.00"), item("LAB", "1", "0.50")]}), "items"),
    ];
    for (body, field) in cases {
        let answer = clinic.bill(&body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert!(answer.faulty_fields().contains(&field), "{field}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let many = json!({"patient": 0, "items": [{"kind": "X", "quantity": "0", "unit_price": "x"}], "extra": 1});
    assert_eq!(clinic.bill(&many).await.expect(400).faulty_fields().len(), 7, "every fault at once");
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 0);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoice_counters").await, 0);
}

#[tokio::test]
async fn the_largest_total_is_ten_to_the_twelfth() {
    let clinic = Clinic::new().await;
    let most = json!({"patient": ASHA, "items": [item("LAB", "1", "999999999999.00"), item("LAB", "1", "1.49")]});
    let made = clinic.bill(&most).await.expect(201).body;
    assert_eq!(json!([made["total"], made["round_off"]]), json!(["1000000000000.00", "-0.49"]));
}

#[tokio::test]
async fn a_rate_that_has_gone_since_a_draft_was_made_is_not_billed() {
    let clinic = Clinic::new().await;
    let line = json!({"gst_rate": "18", "gst_rate_reason": "a food supplement", "kind": "PHARMACY", "sac_hsn": "2106"});
    let made = clinic.bill(&with(&with_item(line), json!({"draft": true}))).await.expect(201).body;
    // as if it had been drafted before 22 September 2025
    clinic
        .db
        .sql(
            "BEGIN; UPDATE invoice_items SET gst_rate = 1200, cgst = 60, sgst = 60; \
             UPDATE invoices SET cgst = 60, sgst = 60, total = 1100, round_off = -20, dated = '2025-09-21'; COMMIT",
        )
        .await;
    let path = format!("/api/billing/invoices/{}/", made["id"]);
    let refused = clinic.server.post(&format!("{path}issue/"), &clinic.admin(), &json!({})).await.expect(400);
    assert_eq!(
        json!([refused.body["errors"][0]["field"], refused.body["errors"][0]["code"]]),
        json!(["items.0.gst_rate", "no_such_rate"])
    );
    let line = json!({"gst_rate": "18", "gst_rate_reason": "a food supplement", "kind": "PHARMACY", "sac_hsn": "2106"});
    let changed = json!({"items": with_item(line)["items"]});
    clinic.server.patch(&path, &clinic.admin(), &changed).await.expect(200);
    clinic.server.post(&format!("{path}issue/"), &clinic.admin(), &json!({})).await.expect(200);
}

#[tokio::test]
async fn wrong_bodies_are_refused() {
    let clinic = Clinic::new().await;
    let send = |media: &'static str, body: Vec<u8>| {
        let call = clinic.server.call(Method::POST, "/api/billing/invoices/").token(&clinic.accountant());
        call.body(media, body).send()
    };
    send("application/json", Vec::new()).await.expect(400);
    send("application/json", b"[]".to_vec()).await.expect(400);
    send("application/json", b"{\"patient\": 7, \"items\": [".to_vec()).await.expect(400);
    send("application/json", b"{\"patient\": \"\xff\xfe\"}".to_vec()).await.expect(400);
    send("text/plain", invoice(ASHA).to_string().into_bytes()).await.expect(415);
    send("application/json", vec![b' '; 1_000_000]).await.expect(413);
    for path in [
        "/api/billing/invoices/x/",
        "/api/billing/invoices/-1/",
        "/api/billing/invoices/9223372036854775808/",
        "/api/billing/invoices/0/",
    ] {
        clinic.server.get(path, &clinic.admin()).await.expect(404);
    }
    let not_allowed = clinic.server.delete("/api/billing/invoices/1/", &clinic.admin()).await.expect(405);
    assert!(not_allowed.header("allow").contains("PATCH"));
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 0);
}

#[tokio::test]
async fn sql_in_a_text_is_text() {
    let clinic = Clinic::new().await;
    let words = "'; DROP TABLE invoices; -- 5 < 6";
    let made = clinic.bill(&with_item(json!({"description": words}))).await.expect(201);
    assert_eq!(made.body["items"][0]["description"], words);
}
