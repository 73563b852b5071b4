//! Who may do what: every role against every operation of the OpenAPI document, and how much of a patient each one sees.

use auth::{Action, Role};
use serde_json::{Value, json};

use crate::hospital::{AUDITOR, DOCTOR, Hospital, OTHER_DOCTOR, id, lakshmi};

/// The action of the table that each operation needs. A new operation has to be added here, or the test below fails.
const OPERATIONS: &[(&str, &str, Action)] = &[
    ("get", "/api/patients/", Action::PatientRead),
    ("post", "/api/patients/", Action::PatientRegister),
    ("get", "/api/patients/{id}/", Action::PatientRead),
    ("put", "/api/patients/{id}/", Action::PatientWrite),
    ("patch", "/api/patients/{id}/", Action::PatientWrite),
    ("delete", "/api/patients/{id}/", Action::PatientDeactivate),
    ("get", "/api/patients/{id}/duplicates/", Action::PatientDuplicates),
    ("post", "/api/patients/{id}/merge/", Action::PatientMerge),
    ("post", "/api/patients/{id}/unmerge/", Action::PatientMerge),
    ("get", "/api/patients/{id}/merges/", Action::PatientMerge),
    ("get", "/api/patients/{id}/fhir/", Action::FhirPatientRead),
    ("get", "/fhir/Patient/", Action::FhirPatientRead),
    ("post", "/fhir/Patient/_search/", Action::FhirPatientRead),
    ("get", "/fhir/Patient/{id}/", Action::FhirPatientRead),
    ("get", "/fhir/Patient/{id}/$everything/", Action::FhirRecordRead),
    ("get", "/api/patients/{id}/medical-history/", Action::HistoryRead),
    ("post", "/api/patients/{id}/medical-history/", Action::HistoryWrite),
    ("get", "/api/patients/{id}/medical-history/{entry}/", Action::HistoryRead),
    ("patch", "/api/patients/{id}/medical-history/{entry}/", Action::HistoryWrite),
    ("get", "/api/patients/{id}/medical-history/{entry}/versions/", Action::HistoryRead),
    ("get", "/api/patients/{id}/access-log/", Action::PatientAccessLog),
    ("get", "/api/patients/{id}/documents/", Action::DocumentRead),
    ("post", "/api/patients/{id}/documents/", Action::DocumentUpload),
    ("get", "/api/patients/{id}/documents/{document}/", Action::DocumentRead),
    ("get", "/api/patients/{id}/documents/{document}/content/", Action::DocumentRead),
    ("get", "/api/patients/{id}/documents/{document}/thumbnail/", Action::DocumentRead),
    ("post", "/api/patients/hl7/import/", Action::Hl7Import),
    ("get", "/api/patients/hl7/parked/", Action::Hl7Import),
    ("get", "/api/patients/hl7/parked/{id}/", Action::Hl7Import),
    ("post", "/api/patients/hl7/parked/{id}/replay/", Action::Hl7Import),
    ("post", "/api/patients/hl7/parked/{id}/discard/", Action::Hl7Import),
    ("get", "/api/patients/audit/", Action::AuditRead),
    ("get", "/api/patients/audit/verify/", Action::AuditRead),
];

/// What anybody may ask, without a token.
const OPEN: [(&str, &str); 1] = [("get", "/fhir/metadata/")];

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_asks_the_table() {
    let document = serde_json::to_value(chassis::openapi::document(patients::TITLE, patients::routes)).unwrap();
    let mut offered: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        offered.extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    }
    let mut known: Vec<(String, String)> =
        OPERATIONS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    known.extend(OPEN.map(|(method, path)| (method.to_owned(), path.to_owned())));
    offered.sort();
    known.sort();
    assert_eq!(offered, known, "OPERATIONS lists every operation");

    let hospital = Hospital::open().await;
    let patient = id(&hospital.register(&lakshmi()).await);
    for &(method, path, action) in OPERATIONS {
        let path = path.replace("{id}", &patient.to_string()).replace("{entry}", "1");
        let call = |token: &str| {
            let call = hospital.server.call(method.to_uppercase().parse().unwrap(), &path).token(token);
            if method == "get" || method == "delete" { call } else { call.json(&json!({"unknown": 1})) }.send()
        };
        let nobody = call("").await.expect(401);
        assert!(nobody.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        for (what, token) in hospital.tokens.bad(1, Role::Admin) {
            assert_eq!(call(&token).await.status.as_u16(), 401, "{what}: {method} {path}");
        }
        for role in Role::ALL {
            // Somebody of whom nothing is known: neither care nor anything of their own.
            let status = call(&hospital.tokens.mint(4242, role)).await.status.as_u16();
            let allowed = auth::reach(role, action).is_some();
            assert_eq!(status == 403, !allowed, "{role}: {method} {path} gave {status}");
            assert!(status < 500, "{role}: {method} {path} gave {status}");
        }
        // An ADMIN deactivated the patient on the way; bring them back for the next operation.
        hospital
            .server
            .patch(&format!("/api/patients/{patient}/"), &hospital.admin(), &json!({"is_active": true}))
            .await
            .expect(200);
    }
}

async fn sees(hospital: &Hospital, token: &str, patient: i64) -> bool {
    let one = hospital.server.get(&format!("/api/patients/{patient}/"), token).await.status.as_u16();
    let list = hospital.server.get("/api/patients/?search=raman", token).await.expect(200).body;
    let listed = list["results"].as_array().unwrap().iter().any(|p| id(p) == patient);
    assert_eq!(list["count"].as_u64().unwrap(), u64::from(listed), "counted after scoping");
    assert_eq!(one == 200, listed);
    assert!(one == 200 || one == 404);
    listed
}

#[tokio::test(flavor = "multi_thread")]
async fn care_is_a_primary_doctor_or_an_appointment_within_90_days() {
    let hospital = Hospital::open().await;
    let (doctor, nurse) = (hospital.doctor(), hospital.nurse());
    let patient = hospital.register_named("Lakshmi", "Raman").await;
    assert!(!sees(&hospital, &doctor, patient).await);
    for (days, status) in [(-91, "COMPLETED"), (91, "SCHEDULED"), (1, "CANCELLED")] {
        hospital.visit(patient, DOCTOR, days, status).await;
        assert!(!sees(&hospital, &doctor, patient).await, "{days} {status}");
        assert!(!sees(&hospital, &nurse, patient).await, "{days} {status}");
    }
    hospital.visit(patient, OTHER_DOCTOR, 1, "SCHEDULED").await;
    assert!(!sees(&hospital, &doctor, patient).await && !sees(&hospital, &nurse, patient).await);
    for days in [-89, 89] {
        hospital.db.sql("TRUNCATE care_appointments").await;
        hospital.visit(patient, DOCTOR, days, "SCHEDULED").await;
        assert!(sees(&hospital, &doctor, patient).await, "{days}");
        assert!(sees(&hospital, &nurse, patient).await, "her department's doctor: {days}");
    }
    hospital.db.sql("TRUNCATE care_appointments").await;
    let path = format!("/api/patients/{patient}/");
    hospital.server.patch(&path, &hospital.receptionist(), &json!({"primary_doctor": DOCTOR})).await.expect(200);
    assert!(sees(&hospital, &doctor, patient).await && sees(&hospital, &nurse, patient).await);
    hospital.server.patch(&path, &nurse, &json!({"blood_group": "A+"})).await.expect(200);
    hospital.server.patch(&path, &doctor, &json!({"user": 99})).await.expect(403);
    hospital.db.sql("UPDATE staff SET is_active = false WHERE id = 4").await;
    assert!(!sees(&hospital, &nurse, patient).await, "nor a nurse who has left");
    for gone in ["is_active = false", "is_active = true, role = 'RECEPTIONIST'"] {
        hospital.db.sql(&format!("UPDATE staff SET {gone} WHERE id = {DOCTOR}")).await;
        assert!(!sees(&hospital, &doctor, patient).await, "nor who is no doctor any more: {gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_ones_care_is_404_for_every_operation() {
    let hospital = Hospital::open().await;
    let patient = hospital.register_named("Lakshmi", "Raman").await;
    let path = format!("/api/patients/{patient}/");
    for token in [hospital.doctor(), hospital.nurse(), hospital.patient()] {
        hospital.server.get(&path, &token).await.expect(404);
        hospital.server.get(&format!("{path}fhir/"), &token).await.expect(404);
        hospital.server.patch(&path, &token, &json!({"phone": "9876543210"})).await.expect(404);
        hospital.server.put(&path, &token, &json!({"first_name": "X"})).await.expect(404);
    }
    assert_eq!(hospital.count("patients WHERE version = 1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctors_and_nurses_register_into_their_own_care() {
    let hospital = Hospital::open().await;
    let nobodys = json!({"first_name": "Ravi"});
    let mine = hospital.server.post("/api/patients/", &hospital.doctor(), &nobodys).await.expect(201).body;
    assert_eq!(mine["primary_doctor"], DOCTOR);
    let others = json!({"first_name": "Ravi", "primary_doctor": OTHER_DOCTOR});
    hospital.server.post("/api/patients/", &hospital.doctor(), &others).await.expect(403);
    hospital.server.post("/api/patients/", &hospital.nurse(), &nobodys).await.expect(403);
    hospital.server.post("/api/patients/", &hospital.nurse(), &others).await.expect(403);
    let wards = json!({"first_name": "Ravi", "primary_doctor": DOCTOR});
    hospital.server.post("/api/patients/", &hospital.nurse(), &wards).await.expect(201);
    assert_eq!(hospital.count("patients").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accountant_sees_whom_to_bill_and_nothing_else() {
    let hospital = Hospital::open().await;
    let patient = id(&hospital.register(&lakshmi()).await);
    let token = hospital.accountant();
    let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let brief = ["address", "first_name", "id", "last_name", "patient_id", "phone"];
    let mut one = keys(&hospital.server.get(&format!("/api/patients/{patient}/"), &token).await.expect(200).body);
    one.sort();
    assert_eq!(one, brief);
    let list = hospital.server.get("/api/patients/?search=raman", &token).await.expect(200).body;
    let mut listed = keys(&list["results"][0]);
    listed.retain(|key| key != "match");
    listed.sort();
    assert_eq!(listed, brief);
    for query in ["gender=FEMALE", "date_of_birth=1980-04-12", "primary_doctor=2", "ordering=date_of_birth"] {
        hospital.server.get(&format!("/api/patients/?{query}"), &token).await.expect(403);
    }
    hospital.server.get("/api/patients/", &hospital.tokens.mint(AUDITOR, Role::Auditor)).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_reads_their_record_and_changes_their_contact_data() {
    let hospital = Hospital::open().await;
    let own = id(&hospital.register(&lakshmi()).await);
    hospital.register_named("Ravi", "Raman").await;
    let token = hospital.patient();
    let list = hospital.server.get("/api/patients/", &token).await.expect(200).body;
    assert_eq!((&list["count"], id(&list["results"][0])), (&json!(1), own));
    let path = format!("/api/patients/{own}/");
    let contact = json!({"phone": "9840012345", "email": "l@x.in", "address": {"city": "Madurai"}, "preferred_language": "en",
        "emergency_contact": {"name": "Sita"}});
    let changed = hospital.server.patch(&path, &token, &contact).await.expect(200).body;
    assert_eq!(changed["phone"], "+919840012345");
    for patch in [
        json!({"first_name": "X"}),
        json!({"date_of_birth": "1990-01-01"}),
        json!({"gender": "MALE"}),
        json!({"user": 1}),
        json!({"abha_number": null}),
        json!({"primary_doctor": null}),
        json!({"blood_group": "A+"}),
        json!({"is_active": false}),
        json!({"phone": null, "last_name": "X"}),
    ] {
        hospital.server.patch(&path, &token, &patch).await.expect(403);
    }
    assert_eq!(hospital.count("patients WHERE version = 2").await, 1);
}
