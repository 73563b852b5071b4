//! Two patients who were one.

use ::events::v1::{AppointmentSnapshot, Envelope, PatientMerge, PatientSnapshot};
use ::events::{Handler, Payload};
use billing::heard::Heard;
use billing::money::Paise;
use diesel_async::AsyncConnection;
use serde_json::json;

use crate::clinic::{ASHA, Clinic, invoice, supplier, with};

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
