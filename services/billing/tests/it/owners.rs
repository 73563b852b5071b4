//! The synchronous exception: what no event has told yet is asked of its owner.

use serde_json::json;

use crate::clinic::{Clinic, invoice, with};

#[tokio::test]
async fn a_patient_and_an_appointment_of_a_moment_ago_are_asked_for_and_kept() {
    let clinic = Clinic::new().await;
    let made = clinic.bill(&invoice(12)).await.expect(201).body;
    assert_eq!(
        made["recipient"],
        json!({"name": "Meera Iyer", "patient_id": "P00012", "address": "4 Hill Road, Thane, Maharashtra, 400601, IN", "state_code": "27"})
    );
    assert_eq!(
        clinic.db.number("SELECT version FROM patients WHERE id = 12").await,
        0,
        "any event about them is later"
    );
    clinic.bill(&with(&invoice(7), json!({"appointment": 620}))).await.expect(201);
    assert_eq!(clinic.db.number("SELECT patient_id FROM appointments WHERE id = 620").await, 7);
}

#[tokio::test]
async fn whom_nobody_knows_is_a_fault_of_the_body() {
    let clinic = Clinic::new().await;
    assert_eq!(clinic.bill(&invoice(901)).await.expect(400).faulty_fields(), ["patient"]);
    assert_eq!(
        clinic.bill(&with(&invoice(7), json!({"appointment": 902}))).await.expect(400).faulty_fields(),
        ["appointment"]
    );
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 0);
}

#[tokio::test]
async fn an_owner_in_trouble_is_503() {
    let clinic = Clinic::new().await;
    let refused = clinic.bill(&invoice(666)).await.expect(503);
    assert!(!refused.header("retry-after").is_empty());
    let alone = Clinic::alone().await;
    alone.bill(&invoice(12)).await.expect(503);
    alone.bill(&invoice(7)).await.expect(201);
}
