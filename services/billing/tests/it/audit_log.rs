//! Every operation leaves its row.

use serde_json::json;
use testkit::{Audited, Good};

use crate::clinic::{ASHA, Clinic, cash, invoice, with};

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_leaves_a_row() {
    let clinic = Clinic::new().await;
    let mut document = serde_json::to_value(chassis::openapi::document(billing::TITLE, billing::routes)).unwrap();
    // nobody signs in for it: see the tests of online payments
    assert!(document["paths"].as_object_mut().unwrap().remove("/api/billing/webhooks/razorpay/").is_some());
    let audited = Audited { server: &clinic.server, db: &clinic.db, tokens: &clinic.tokens };
    audited.refusals(&document, "4242").await;

    let (draft, issued) = (clinic.draft().await, clinic.issued().await);
    let cancelled = clinic.issued().await;
    let service = crate::catalogue::offered(&clinic, &crate::catalogue::x_ray("XRAY-1")).await;
    let paid = clinic.pay("a", &cash(issued, "20.00")).await.expect(201).body["id"].clone();
    let advance = crate::advances::held(&clinic, "30.00").await;
    let voucher =
        crate::advances::give_back(&clinic, "b", advance, "1.00").await.expect(201).body["id"].as_i64().unwrap();
    let today = billing::numbering::day_in_india(chrono::Utc::now());
    let close = json!({"cashier": 77, "date": today, "counted": "0.00"});
    let closed =
        clinic.server.post("/api/billing/day-close/", &clinic.admin(), &close).await.expect(201).body["id"].clone();
    let asked = json!({"report": "day-book", "parameters": {"date": today}});
    let good: [Good; 47] = [
        ("GET", "/api/billing/invoices/".into(), json!({})),
        ("GET", format!("/api/billing/invoices/{issued}/"), json!({})),
        ("GET", format!("/api/billing/invoices/{issued}/payments/"), json!({})),
        ("POST", "/api/billing/invoices/".into(), with(&invoice(ASHA), json!({"draft": true}))),
        ("PUT", format!("/api/billing/invoices/{draft}/"), with(&invoice(ASHA), json!({"draft": true}))),
        ("PATCH", format!("/api/billing/invoices/{draft}/"), json!({"due_date": null})),
        ("POST", format!("/api/billing/invoices/{draft}/issue/"), json!({})),
        ("POST", "/api/billing/payments/".into(), cash(issued, "10.00")),
        ("GET", "/api/billing/services/".into(), json!({})),
        ("GET", format!("/api/billing/services/{service}/"), json!({})),
        ("POST", "/api/billing/services/".into(), crate::catalogue::x_ray("XRAY-2")),
        ("PATCH", format!("/api/billing/services/{service}/"), json!({"price": "500.00"})),
        ("GET", format!("/api/billing/invoices/{issued}/upi-qr.png"), json!({})),
        ("PUT", format!("/api/billing/invoices/{issued}/insurance/"), crate::insurance::insurer()),
        ("PATCH", format!("/api/billing/invoices/{issued}/insurance/"), json!({"claim_status": "SUBMITTED"})),
        ("GET", format!("/api/billing/invoices/{issued}/insurance/"), json!({})),
        ("POST", format!("/api/billing/invoices/{cancelled}/cancel/"), json!({"reason": "billed twice"})),
        ("GET", "/api/billing/credit-notes/".into(), json!({})),
        ("GET", "/api/billing/credit-notes/1/".into(), json!({})),
        ("GET", "/api/billing/credit-notes/1/pdf/".into(), json!({})),
        ("GET", format!("/api/billing/invoices/{issued}/pdf/"), json!({})),
        ("GET", format!("/api/billing/payments/{paid}/"), json!({})),
        ("GET", format!("/api/billing/payments/{paid}/refunds/"), json!({})),
        ("POST", format!("/api/billing/payments/{paid}/refund/"), json!({"amount": "1.00", "reason": "Charged twice"})),
        ("GET", "/api/billing/advances/".into(), json!({})),
        ("POST", "/api/billing/advances/".into(), crate::advances::deposit(ASHA, "10.00")),
        ("GET", format!("/api/billing/advances/{advance}/"), json!({})),
        ("POST", format!("/api/billing/advances/{advance}/use/"), json!({"invoice": issued, "amount": "1.00"})),
        ("GET", format!("/api/billing/advances/{advance}/uses/"), json!({})),
        ("POST", format!("/api/billing/advances/{advance}/refund/"), json!({"amount": "1.00", "reason": "Went home"})),
        ("GET", format!("/api/billing/advances/{advance}/pdf/"), json!({})),
        ("GET", "/api/billing/refund-vouchers/".into(), json!({})),
        ("GET", format!("/api/billing/refund-vouchers/{voucher}/"), json!({})),
        ("GET", format!("/api/billing/refund-vouchers/{voucher}/pdf/"), json!({})),
        ("GET", "/api/billing/day-close/".into(), json!({})),
        ("GET", format!("/api/billing/day-close/{closed}/"), json!({})),
        ("POST", "/api/billing/day-close/".into(), with(&close, json!({"cashier": 78}))),
        ("GET", "/api/billing/reports/outstanding/".into(), json!({})),
        ("GET", format!("/api/billing/reports/revenue/?start_date={today}&end_date={today}"), json!({})),
        ("GET", format!("/api/billing/reports/doctor-share/?start_date={today}&end_date={today}"), json!({})),
        ("GET", format!("/api/billing/reports/gst/?start_date={today}&end_date={today}"), json!({})),
        ("GET", format!("/api/billing/reports/day-book/?date={today}"), json!({})),
        ("POST", "/api/billing/reports/".into(), asked),
        ("GET", "/api/billing/reports/".into(), json!({})),
        ("GET", "/api/billing/reports/1/".into(), json!({})),
        ("GET", "/api/billing/audit/".into(), json!({})),
        ("GET", "/api/billing/audit/verify/".into(), json!({})),
    ];
    audited.successes(&document, &good).await;
    let unnamed = "SELECT count(*) FROM audit_log WHERE outcome = 'SUCCESS' AND NOT patients @> '{7}' AND actor = 1 AND action NOT IN ('AuditRead', 'CatalogueRead', 'CatalogueWrite', 'DayClose', 'ReportRead', 'BooksRead')";
    assert_eq!(clinic.db.number(unnamed).await, 0, "each names the patient");
}
