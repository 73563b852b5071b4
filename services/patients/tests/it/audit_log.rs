//! Every operation leaves its row.

use serde_json::json;
use testkit::{Audited, Good};

use image::ImageFormat;

use crate::documents::{FORM, Ward, file, form_of, form_text, pdf, picture};
use crate::hl7_import::ADMIT;
use crate::hospital::lakshmi;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_leaves_a_row() {
    let ward = Ward::open().await;
    let hospital = &ward.hospital;
    let document = serde_json::to_value(chassis::openapi::document(patients::TITLE, patients::routes)).unwrap();
    let audited = Audited { server: &hospital.server, db: &hospital.db, tokens: &hospital.tokens };
    audited.refusals(&document, "4242").await;

    let id = hospital.register_named("Sita", "Iyer").await;
    let mut replaced = lakshmi();
    replaced.as_object_mut().unwrap().remove("abha_number");
    let history = format!("/api/patients/{id}/medical-history/");
    let note = json!({"kind": "NOTE", "note": "Allergic to nothing known"});
    let entry = crate::hospital::id(&hospital.server.post(&history, &hospital.admin(), &note).await.expect(201).body);
    let twin = hospital.register_named("Sita", "Iyer").await;
    let shot = form_of(&file("wound.png", "image/png", &picture(ImageFormat::Png)));
    let scanned = ward.call(id, &hospital.admin()).body(FORM, shot).send().await.expect(201).body;
    let scanned = crate::hospital::id(&scanned);
    ward.inspect().await;
    let documents = format!("/api/patients/{id}/documents/");
    let mut parked = Vec::new();
    for control_id in ["LOST-1", "LOST-2"] {
        let lost = json!({"message": format!("MSH|^~\\&|HIS|LAB|EHS|EHS|||ADT^A28|{control_id}|P|2.5.1\rZZZ|1\r")});
        hospital.server.post("/api/patients/hl7/import/", &hospital.admin(), &lost).await.expect(400);
        parked.push(hospital.db.number("SELECT max(id) FROM hl7_messages WHERE status = 'PARKED'").await);
    }
    let good: &[Good] = &[
        ("POST", documents.clone(), json!(form_text(&pdf("X-ray")))),
        ("GET", documents.clone(), json!({})),
        ("GET", format!("{documents}{scanned}/"), json!({})),
        ("GET", format!("{documents}{scanned}/content/"), json!({})),
        ("GET", format!("{documents}{scanned}/thumbnail/"), json!({})),
        ("GET", history.clone(), json!({})),
        ("POST", history.clone(), note),
        ("GET", format!("{history}{entry}/"), json!({})),
        ("PATCH", format!("{history}{entry}/"), json!({"note": "None known"})),
        ("GET", format!("{history}{entry}/versions/"), json!({})),
        ("GET", format!("/api/patients/{id}/"), json!({})),
        ("GET", "/api/patients/?search=sita".into(), json!({})),
        ("GET", format!("/api/patients/{id}/fhir/"), json!({})),
        ("GET", format!("/api/patients/{id}/access-log/"), json!({})),
        ("GET", format!("/api/patients/{id}/duplicates/"), json!({})),
        ("POST", format!("/api/patients/{id}/merge/"), json!({"source": twin})),
        ("GET", format!("/api/patients/{id}/merges/"), json!({})),
        ("POST", format!("/api/patients/{id}/unmerge/"), json!({"source": twin})),
        ("PUT", format!("/api/patients/{id}/"), replaced),
        ("PATCH", format!("/api/patients/{id}/"), json!({"phone": "9876501234"})),
        ("DELETE", format!("/api/patients/{id}/"), json!({})),
        ("POST", "/api/patients/".into(), lakshmi()),
        ("POST", "/api/patients/hl7/import/".into(), json!({"message": ADMIT})),
        ("GET", "/api/patients/hl7/parked/".into(), json!({})),
        ("GET", format!("/api/patients/hl7/parked/{}/", parked[0]), json!({})),
        (
            "POST",
            format!("/api/patients/hl7/parked/{}/replay/", parked[0]),
            json!({"message": ADMIT.replace("|MSG-0001|", "|MENDED-1|")}),
        ),
        ("POST", format!("/api/patients/hl7/parked/{}/discard/", parked[1]), json!({"reason": "sent by mistake"})),
        ("GET", "/api/patients/audit/".into(), json!({})),
        ("GET", "/api/patients/audit/verify/".into(), json!({})),
    ];
    audited.successes(&document, good).await;
    let about = format!("SELECT count(*) FROM audit_log WHERE outcome = 'SUCCESS' AND patients @> '{{{id}}}'");
    assert!(hospital.db.number(&about).await >= 11, "each of them names the patient");
    let unnamed = "SELECT count(*) FROM audit_log WHERE outcome = 'SUCCESS' AND patients = '{}' AND actor = 1 AND action <> 'AuditRead' AND object NOT LIKE '%/hl7/parked/%'";
    assert_eq!(hospital.db.number(unnamed).await, 0);
}
