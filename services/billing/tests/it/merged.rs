//! Two patients who were one.

use ::events::v1::{AppointmentSnapshot, Envelope, PatientMerge, PatientSnapshot};
use ::events::{Handler, Payload};
use auth::Role;
use billing::heard::Heard;
use billing::money::Paise;
use diesel_async::AsyncConnection;
use reqwest::Method;
use serde_json::json;

use crate::clinic::{ASHA, Clinic, RAVI, invoice, supplier, with};

const OTHER: i64 = 77;

async fn hear(clinic: &Clinic, payload: Payload) {
    let heard =
        Heard { consultation_fee: Paise::rupees(500), hospital: supplier().state, rates: crate::clinic::rates() };
    let event = Envelope::new(None, ("patient", OTHER), None, payload);
    let mut conn = clinic.db.connect().await;
    conn.transaction(async |conn| heard.apply(conn, &event).await).await.unwrap();
}

#[tokio::test]
async fn lists_of_either_show_both_and_what_is_billed_is_the_survivors() {
    let clinic = Clinic::new().await;
    let other =
        PatientSnapshot { id: OTHER, first_name: "Asha".into(), is_active: true, version: 1, ..Default::default() };
    hear(&clinic, Payload::PatientRegistered(other)).await;
    let draft = clinic.bill(&with(&invoice(OTHER), json!({"draft": true}))).await.expect(201).body;
    let issued = clinic.bill(&invoice(OTHER)).await.expect(201).body["id"].as_i64().unwrap();
    clinic.bill(&invoice(ASHA)).await.expect(201);
    clinic.cancel(issued).await.expect(200);
    let merge = PatientMerge { id: 1, source_id: OTHER, target_id: ASHA };
    hear(&clinic, Payload::PatientMerged(merge)).await;

    let token = clinic.accountant();
    for patient in [ASHA, OTHER] {
        let path = format!("/api/billing/invoices/?patient={patient}");
        assert_eq!(clinic.server.get(&path, &token).await.expect(200).body["count"], 3, "{patient}");
        let notes = format!("/api/billing/credit-notes/?patient={patient}");
        assert_eq!(clinic.server.get(&notes, &token).await.expect(200).body["count"], 1, "{patient}");
    }
    assert_eq!(clinic.bill(&invoice(OTHER)).await.expect(201).body["patient"], ASHA);
    let issue = format!("/api/billing/invoices/{}/issue/", draft["id"]);
    let issued = clinic.server.post(&issue, &token, &json!({})).await.expect(200).body;
    assert_eq!((&draft["patient"], &issued["patient"]), (&json!(OTHER), &json!(ASHA)));
    let visit = AppointmentSnapshot {
        id: 600,
        patient_id: OTHER,
        doctor_id: 40,
        status: "COMPLETED".into(),
        version: 1,
        ..Default::default()
    };
    hear(&clinic, Payload::AppointmentCompleted(visit)).await;
    assert_eq!(
        clinic
            .db
            .number(&format!("SELECT count(*) FROM invoices WHERE appointment_id = 600 AND patient_id = {ASHA}"))
            .await,
        1
    );

    hear(&clinic, Payload::PatientUnmerged(merge)).await;
    let path = format!("/api/billing/invoices/?patient={OTHER}");
    assert_eq!(clinic.server.get(&path, &token).await.expect(200).body["count"], 1, "what was issued under the old id");
    assert_eq!(clinic.bill(&invoice(OTHER)).await.expect(201).body["patient"], OTHER);
}

#[tokio::test]
async fn a_patient_has_what_was_billed_under_a_record_that_was_merged_with_theirs() {
    let clinic = Clinic::new().await;
    let other =
        PatientSnapshot { id: OTHER, first_name: "Asha".into(), is_active: true, version: 1, ..Default::default() };
    hear(&clinic, Payload::PatientRegistered(other)).await;
    let issued = clinic.bill(&invoice(OTHER)).await.expect(201).body["id"].as_i64().unwrap();
    let cancelled = clinic.bill(&invoice(OTHER)).await.expect(201).body["id"].as_i64().unwrap();
    let note = clinic.cancel(cancelled).await.expect(200).body["credit_note"]["id"].clone();
    let deposit =
        json!({"patient": OTHER, "amount": "100.00", "method": "CASH", "kind": "OTHER", "description": "A deposit"});
    let call = clinic.server.call(Method::POST, "/api/billing/advances/").token(&clinic.receptionist());
    let advance = call.header("Idempotency-Key", "a").json(&deposit).send().await.expect(201).body["id"].clone();
    clinic.bill(&invoice(RAVI)).await.expect(201);

    let token = clinic.token(Role::Patient);
    let of_asha = async |path: &str| clinic.server.get(path, &token).await;
    let (list, notes) = ("/api/billing/invoices/", "/api/billing/credit-notes/");
    let one = format!("{list}{issued}/");
    of_asha(&one).await.expect(404);
    let merge = PatientMerge { id: 1, source_id: OTHER, target_id: ASHA };
    hear(&clinic, Payload::PatientMerged(merge)).await;
    for (path, count) in [(list, 2), (notes, 1), ("/api/billing/advances/", 1)] {
        assert_eq!(of_asha(path).await.expect(200).body["count"], count, "{path}");
    }
    for path in [
        one.clone(),
        format!("{list}{issued}/payments/"),
        format!("{notes}{note}/"),
        format!("/api/billing/advances/{advance}/"),
    ] {
        of_asha(&path).await.expect(200);
    }
    hear(&clinic, Payload::PatientUnmerged(merge)).await;
    assert_eq!(of_asha(list).await.expect(200).body["count"], 0);
    of_asha(&one).await.expect(404);
}

#[tokio::test]
async fn a_patients_own_are_found_without_the_others() {
    let clinic = Clinic::new().await;
    let many = "SET session_replication_role = replica; \
        INSERT INTO invoices (status, document_type, patient_id, dated, subtotal, discount, cgst, sgst, igst, round_off, total, \
                              invoice_number, supplier_gstin, series, financial_year, serial, particulars, issued_at) \
        SELECT 'ISSUED', 'BILL_OF_SUPPLY', 1000 + n % 3000, date '2020-04-01' + n / 100, 0, 0, 0, 0, 0, 0, 0, \
               'OLD/' || n, '27AAPFU0939F1ZV', 'OLD', 2020, n, '{}', now() \
        FROM generate_series(1, 30000) AS n";
    clinic.db.sql(many).await;
    clinic.issued().await;
    clinic.db.sql("VACUUM ANALYZE invoices").await;
    let before = clinic.db.looked_at("invoices").await;
    let list = clinic.server.get("/api/billing/invoices/", &clinic.token(Role::Patient)).await.expect(200).body;
    assert_eq!(list["count"], 1);
    let looked_at = clinic.db.looked_at("invoices").await - before;
    assert!(looked_at < 100, "{looked_at} rows for one of 30,000");
}

#[tokio::test]
async fn the_draft_of_a_visit_can_be_changed_after_its_patient_was_merged() {
    let clinic = Clinic::new().await;
    let other =
        PatientSnapshot { id: OTHER, first_name: "Asha".into(), is_active: true, version: 1, ..Default::default() };
    hear(&clinic, Payload::PatientRegistered(other)).await;
    let visit = |id| AppointmentSnapshot {
        id,
        patient_id: OTHER,
        doctor_id: 40,
        status: "COMPLETED".into(),
        version: 1,
        ..Default::default()
    };
    hear(&clinic, Payload::AppointmentCompleted(visit(600))).await;
    let draft = clinic.db.number("SELECT id FROM invoices WHERE appointment_id = 600").await;
    hear(&clinic, Payload::PatientMerged(PatientMerge { id: 1, source_id: OTHER, target_id: ASHA })).await;
    let path = format!("/api/billing/invoices/{draft}/");
    let changed =
        clinic.server.patch(&path, &clinic.receptionist(), &json!({"delivery_state": "27"})).await.expect(200);
    assert_eq!(json!([changed.body["patient"], changed.body["appointment"]]), json!([ASHA, 600]));
    let body = with(&invoice(ASHA), json!({"appointment": 600}));
    clinic.server.put(&path, &clinic.receptionist(), &body).await.expect(200);
    clinic.bill(&body).await.expect(201);
    let anothers = clinic.bill(&with(&invoice(RAVI), json!({"appointment": 600}))).await.expect(400);
    assert_eq!(anothers.faulty_fields(), ["appointment"]);
}
