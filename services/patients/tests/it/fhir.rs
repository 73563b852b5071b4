//! A patient as FHIR: the patient, everything, documents, and errors in FHIR's words.

use fhir::check;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use crate::hospital::{DOCTOR, Hospital, OTHER_DOCTOR, PATIENT, id, lakshmi};

const FHIR: &str = "application/fhir+json";

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_reads_as_the_profile_has_it() {
    let hospital = Hospital::open().await;
    let patient = id(&hospital.register(&lakshmi()).await);
    let path = format!("/api/patients/{patient}/fhir/");
    let answer = hospital.server.get(&path, &hospital.receptionist()).await.expect(200);
    assert!(answer.header("content-type").starts_with(FHIR));
    assert_eq!(answer.header("etag"), "\"1\"");
    let fhir = &answer.body;
    assert_eq!(
        (&fhir["resourceType"], &fhir["birthDate"], &fhir["gender"]),
        (&json!("Patient"), &json!("1980-04-12"), &json!("female"))
    );
    assert_eq!((&fhir["active"], &fhir["name"][0]["family"]), (&json!(true), &json!("Raman")));
    let values: Vec<&str> = fhir["identifier"].as_array().unwrap().iter().filter_map(|i| i["value"].as_str()).collect();
    assert!(values.contains(&"P00001") && values.contains(&"lakshmi.r@abdm"), "{values:?}");
    let abha = fhir["identifier"].as_array().unwrap().iter().find(|i| i["value"] == "91-1234-5678-9012").unwrap();
    let codes: Vec<&str> =
        abha["type"]["coding"].as_array().unwrap().iter().filter_map(|c| c["code"].as_str()).collect();
    assert_eq!(codes, ["HIN", "MR"], "the guide's code and that of its examples");
    keeps_the_rules(fhir);
    hospital.server.get(&format!("{path}?view=patient"), &hospital.receptionist()).await.expect(200);
    let again =
        hospital.server.call(Method::GET, &path).token(&hospital.receptionist()).header("if-none-match", "\"1\"");
    again.send().await.expect(304);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimated_birth_date_is_good_for_its_year() {
    let hospital = Hospital::open().await;
    let patient = json!({"first_name": "Ravi", "date_of_birth": "1950-01-01", "date_of_birth_estimated": true});
    let patient = id(&hospital.register(&patient).await);
    let answer =
        hospital.server.get(&format!("/api/patients/{patient}/fhir/"), &hospital.receptionist()).await.expect(200);
    assert_eq!(answer.body["birthDate"], "1950");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_one_whole_bundle() {
    let hospital = Hospital::open().await;
    let patient = a_full_record(&hospital).await;
    for path in [
        format!("/api/patients/{patient}/fhir/?view=everything"),
        format!("/fhir/Patient/{patient}/$everything"),
        format!("/fhir/Patient/{patient}/%24everything"),
    ] {
        let answer = hospital.server.get(&path, &hospital.doctor()).await.expect(200);
        assert!(answer.header("content-type").starts_with(FHIR));
        let bundle = &answer.body;
        keeps_the_rules(bundle);
        let mut types = types(bundle);
        assert_eq!((&bundle["type"], types[0]), (&json!("searchset"), "Patient"));
        types.sort_unstable();
        types.dedup();
        let expected = [
            "AllergyIntolerance",
            "Appointment",
            "Condition",
            "DocumentReference",
            "Encounter",
            "FamilyMemberHistory",
            "Immunization",
            "MedicationStatement",
            "Observation",
            "Patient",
            "Practitioner",
            "Procedure",
        ];
        assert_eq!(types, expected);
        assert_eq!(bundle["link"].as_array().unwrap().len(), 1, "all on one page: {}", bundle["link"]);
        assert!(!bundle.to_string().contains("by mistake"), "nothing that was entered in error");
        let documents: Vec<&Value> = resources(bundle, "DocumentReference");
        let urls: Vec<&str> =
            documents.iter().filter_map(|document| document["content"][0]["attachment"]["url"].as_str()).collect();
        assert_eq!(urls.len(), 1, "the one that can be read: {documents:?}");
        assert!(urls[0].starts_with("http://") && urls[0].contains(&format!("/api/patients/{patient}/documents/")));
        let names: Vec<&Value> = resources(bundle, "Practitioner").iter().map(|one| &one["name"][0]["text"]).collect();
        assert!(names.contains(&&json!("Anand Iyer")), "{names:?}");
    }
    let audited = format!("audit_log WHERE action = 'FhirRecordRead' AND patients = ARRAY[{patient}::bigint]");
    assert_eq!(hospital.count(&audited).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_everything_hold_each_resource_once_and_stand_by_themselves() {
    let hospital = Hospital::open().await;
    let patient = a_full_record(&hospital).await;
    let doctor = hospital.doctor();
    let whole = hospital.server.get(&format!("/fhir/Patient/{patient}/$everything"), &doctor).await.expect(200).body;
    for path in [
        format!("/fhir/Patient/{patient}/$everything?_count=1"),
        format!("/api/patients/{patient}/fhir/?view=everything&_count=2"),
    ] {
        let mut found: Vec<String> = Vec::new();
        let (mut next, mut pages) = (Some(path), 0);
        while let Some(path) = next {
            let bundle = hospital.server.get(&path, &doctor).await.expect(200).body;
            keeps_the_rules(&bundle);
            found.extend(matches(&bundle));
            next = link(&bundle, "next").map(|url| url[hospital.server.url.len()..].to_owned());
            let this = link(&bundle, "self").unwrap()[hospital.server.url.len()..].to_owned();
            let again = hospital.server.get(&this, &doctor).await.expect(200).body;
            assert_eq!(again["entry"], bundle["entry"], "self is the page itself");
            pages += 1;
            assert!(pages < 60, "it ends");
        }
        assert!(pages > 5, "{pages}");
        assert_eq!(found, matches(&whole));
    }
    let other = hospital.register_named("Ravi", "").await;
    let first =
        hospital.server.get(&format!("/fhir/Patient/{patient}/$everything?_count=1"), &doctor).await.expect(200);
    let cursor = link(&first.body, "next").unwrap().rsplit_once("_cursor=").unwrap().1.to_owned();
    for query in [
        format!("_cursor={cursor}"),
        "_cursor=x".to_owned(),
        "_count=0".to_owned(),
        "_count=x".to_owned(),
        "page=2".to_owned(),
    ] {
        let refused =
            hospital.server.get(&format!("/fhir/Patient/{other}/$everything?{query}"), &hospital.admin()).await;
        is_outcome(&refused, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_the_guide() {
    let hospital = Hospital::open().await;
    let patient = a_full_record(&hospital).await;
    let path = format!("/api/patients/{patient}/fhir/?view=document");
    for (kind, code) in [
        ("OPConsultRecord", Some("371530004")),
        ("PrescriptionRecord", Some("440545006")),
        ("DischargeSummaryRecord", Some("373942005")),
        ("ImmunizationRecord", Some("41000179103")),
        ("HealthDocumentRecord", Some("419891008")),
        ("DiagnosticReportRecord", Some("721981007")),
        ("WellnessRecord", None),
    ] {
        let bundle = hospital.server.get(&format!("{path}&type={kind}"), &hospital.doctor()).await.expect(200).body;
        keeps_the_rules(&bundle);
        let composition = &bundle["entry"][0]["resource"];
        assert_eq!(bundle["type"], "document", "{kind}");
        assert_eq!(composition["type"]["coding"][0]["code"].as_str(), code, "{kind}");
        let profile = format!("https://nrces.in/ndhm/fhir/r4/StructureDefinition/{kind}");
        assert_eq!(composition["meta"]["profile"], json!([profile]));
        assert!(composition.get("attester").is_none() && composition.get("relatesTo").is_none());
        let urls = bundle["entry"].as_array().unwrap().iter().map(|entry| entry["fullUrl"].as_str().unwrap());
        assert!(urls.into_iter().all(|url| url.starts_with("urn:uuid:")), "it stands by itself");
    }
    hospital.server.get(&format!("{path}&type=Prescription"), &hospital.doctor()).await.expect(200);
    let empty = hospital.register_named("Ravi", "").await;
    for kind in ["OPConsultRecord", "WellnessRecord"] {
        let path = format!("/api/patients/{empty}/fhir/?view=document&type={kind}");
        let told = hospital.server.get(&path, &hospital.admin()).await.expect(404).body;
        assert!(told["detail"].as_str().unwrap().contains(kind), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_no_document_of_the_medical_record() {
    let hospital = Hospital::open().await;
    let patient = a_full_record(&hospital).await;
    let path = format!("/api/patients/{patient}/fhir/?view=document&type=InvoiceRecord");
    let refused = hospital.server.get(&path, &hospital.admin()).await.expect(400);
    assert_eq!((refused.faulty_fields(), &refused.body["errors"][0]["code"]), (vec!["type"], &json!("not_supported")));
    let message = refused.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("/api/billing/invoices/"), "where bills are: {message}");
    let call = hospital.server.call(Method::GET, &path).token(&hospital.admin());
    is_outcome(&call.header("accept", "application/fhir+json").send().await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_patient_is_for_whoever_reads_the_history() {
    let hospital = Hospital::open().await;
    let patient = a_full_record(&hospital).await;
    let views = [
        format!("/api/patients/{patient}/fhir/?view=everything"),
        format!("/api/patients/{patient}/fhir/?view=document&type=WellnessRecord"),
        format!("/fhir/Patient/{patient}/$everything"),
    ];
    for path in &views {
        for (token, status) in [
            (hospital.admin(), 200),
            (hospital.doctor(), 200),
            (hospital.nurse(), 200),
            (hospital.patient(), 200),
            (hospital.receptionist(), 403),
            (hospital.accountant(), 403),
            (hospital.tokens.mint(7, auth::Role::Auditor), 403),
            (hospital.tokens.mint(OTHER_DOCTOR, auth::Role::Doctor), 404),
            (hospital.tokens.mint(4242, auth::Role::Patient), 404),
            (String::new(), 401),
        ] {
            let answer = hospital.server.get(path, &token).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
        }
    }
    let glass = |path: &str| {
        let call =
            hospital.server.call(Method::GET, path).token(&hospital.tokens.mint(OTHER_DOCTOR, auth::Role::Doctor));
        call.header("x-break-glass", "unconscious in casualty").send()
    };
    let bundle = glass(&views[2]).await.expect(200).body;
    keeps_the_rules(&bundle);
    assert_eq!(hospital.count(&format!("break_glass_grants WHERE patient = {patient}")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_do_not_go_together_are_refused_at_once() {
    let hospital = Hospital::open().await;
    let patient = hospital.register_named("Ravi", "").await;
    for (query, fields) in [
        ("view=whole", vec!["view"]),
        ("view=", vec!["view"]),
        ("view=document", vec!["type"]),
        ("view=document&type=Bill", vec!["type"]),
        ("view=patient&type=WellnessRecord&_count=2&_cursor=x", vec!["type", "_count", "_cursor"]),
        ("colour=red&view=x", vec!["colour", "view"]),
    ] {
        let path = format!("/api/patients/{patient}/fhir/?{query}");
        let answer = hospital.server.get(&path, &hospital.admin()).await.expect(400);
        let mut named: Vec<&str> =
            answer.body["errors"].as_array().unwrap().iter().filter_map(|e| e["field"].as_str()).collect();
        let mut expected = fields;
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected, "{query}");
    }
    hospital.server.get("/api/patients/4242/fhir/", &hospital.receptionist()).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_fhir_hears_of_errors_in_fhir() {
    let hospital = Hospital::open().await;
    let call = |method: Method, path: &str, token: &str| {
        hospital.server.call(method, path).token(token).header("accept", FHIR)
    };
    let api = "/api/patients/4242/fhir/";
    is_outcome(&call(Method::GET, api, &hospital.admin()).send().await, 404);
    is_outcome(&call(Method::GET, api, &hospital.accountant()).send().await, 403);
    let nobody = call(Method::GET, api, "").send().await;
    is_outcome(&nobody, 401);
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    let faulty = call(Method::GET, "/api/patients/4242/fhir/?view=x&colour=red", &hospital.admin()).send().await;
    is_outcome(&faulty, 400);
    assert_eq!(faulty.body["issue"].as_array().unwrap().len(), 2);
    let with_others = hospital
        .server
        .call(Method::GET, api)
        .token(&hospital.admin())
        .header("accept", "text/html, application/fhir+json;q=0.9");
    is_outcome(&with_others.send().await, 404);
    let plain = hospital.server.get(api, &hospital.admin()).await.expect(404);
    assert!(plain.header("content-type").starts_with("application/problem+json"));
    for (method, path, status) in [
        (Method::GET, "/fhir/Patient/4242", 404),
        (Method::GET, "/fhir/Patient/x", 404),
        (Method::GET, "/fhir/Observation", 404),
        (Method::DELETE, "/fhir/Patient/1", 405),
        (Method::GET, "/fhir/Patient/1?colour=red", 400),
        (Method::GET, "/fhir/Patient/1?_format=xml", 400),
    ] {
        is_outcome(&hospital.server.call(method, path).token(&hospital.admin()).send().await, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_says_what_it_can_be_asked_for() {
    let hospital = Hospital::open().await;
    let answer = hospital.server.get("/fhir/metadata", "").await.expect(200);
    assert!(answer.header("content-type").starts_with(FHIR));
    let statement = &answer.body;
    assert_eq!(
        (&statement["resourceType"], &statement["fhirVersion"]),
        (&json!("CapabilityStatement"), &json!("4.0.1"))
    );
    assert_eq!(statement["implementation"]["url"], format!("{}/fhir", hospital.server.url));
    let told: Vec<&str> = statement["rest"][0]["resource"][0]["searchParam"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["name"].as_str())
        .collect();
    // Each is taken.
    for name in told {
        let value = match name {
            "birthdate" | "_lastUpdated" => "ge1980",
            "gender" => "male",
            "phone" => "9876543210",
            _ => "1",
        };
        hospital.server.get(&format!("/fhir/Patient?{name}={value}"), &hospital.admin()).await.expect(200);
    }
    assert_eq!(hospital.count("audit_log WHERE object LIKE '%metadata%'").await, 0);
}

/// Somebody with something of every kind; in the care of [`DOCTOR`], and their own.
pub async fn a_full_record(hospital: &Hospital) -> i64 {
    let patient = id(&hospital.register(&lakshmi()).await);
    hospital.db.sql(&format!("UPDATE staff SET name = 'Anand Iyer' WHERE id = {DOCTOR}")).await;
    let path = format!("/api/patients/{patient}/medical-history/");
    for entry in history() {
        hospital.server.post(&path, &hospital.doctor(), &entry).await.expect(201);
    }
    let wrong = json!({"kind": "CONDITION", "code": {"display": "by mistake"}});
    let wrong = id(&hospital.server.post(&path, &hospital.doctor(), &wrong).await.expect(201).body);
    let in_error = json!({"status": "ENTERED_IN_ERROR"});
    hospital.server.patch(&format!("{path}{wrong}/"), &hospital.doctor(), &in_error).await.expect(200);
    for (days, status) in
        [(-3, "COMPLETED"), (-2, "CANCELLED"), (0, "IN_PROGRESS"), (7, "CONFIRMED"), (14, "SCHEDULED")]
    {
        hospital.visit(patient, DOCTOR, days, status).await;
    }
    hospital.db.sql("UPDATE care_appointments SET ends_at = starts_at + interval '15 minutes' WHERE id <> 5").await;
    let document = |title: &str, status: &str, reason: &str| {
        format!(
            "INSERT INTO documents (patient, title, document_type, words, object, content_type, size, sha256, uploaded_by, status, reason) \
             VALUES ({patient}, '{title}', 'LAB_REPORT', '', gen_random_uuid(), 'application/pdf', 1024, decode(repeat('00', 32), 'hex'), {PATIENT}, \
             '{status}', {reason});"
        )
    };
    hospital.db.sql(&document("Blood count", "READY", "NULL")).await;
    hospital.db.sql(&document("Waits", "PROCESSING", "NULL")).await;
    hospital.db.sql(&document("Harmful", "QUARANTINED", "'INFECTED'")).await;
    patient
}

fn history() -> Vec<Value> {
    let coded = |kind: &str, system: &str, code: &str, display: &str| json!({"kind": kind, "code": {"system": system, "code": code, "display": display}, "effective_date": "2026-05-17"});
    let with = |mut entry: Value, more: Value| {
        more.as_object().unwrap().iter().for_each(|(name, value)| entry[name] = value.clone());
        entry
    };
    vec![
        with(coded("CONDITION", "SNOMED CT", "195967001", "Asthma"), json!({"severity": "MILD", "note": "At night"})),
        with(coded("CONDITION", "ICD-10", "A90", "Dengue"), json!({"status": "RESOLVED", "effective_date": "2019"})),
        json!({"kind": "ALLERGY", "code": {"display": "Peanuts"}, "severity": "SEVERE"}),
        with(coded("MEDICATION", "SNOMED CT", "387517004", "Paracetamol"), json!({"value": 500, "unit": "mg"})),
        with(coded("OBSERVATION", "LOINC", "85354-9", "Blood pressure"), json!({"value": "120/80", "unit": "mm[Hg]"})),
        with(
            coded("OBSERVATION", "LOINC", "4548-4", "HbA1c"),
            json!({"value": "7.9", "unit": "%", "interpretation": "H", "reference_range": "4-5.6"}),
        ),
        with(coded("OBSERVATION", "LOINC", "718-7", "Hemoglobin"), json!({"value": "traces"})),
        coded("PROCEDURE", "SNOMED CT", "80146002", "Appendectomy"),
        with(coded("IMMUNIZATION", "CVX", "210", "COVID-19"), json!({"value": "0.5", "unit": "mL"})),
        json!({"kind": "FAMILY_HISTORY", "code": {"display": "Diabetes"}, "value": "Mother"}),
        json!({"kind": "NOTE", "note": "Lives alone\nSpeaks Tamil"}),
    ]
}

/// By the crate's rules: of R4, of the profiles, and that every reference resolves.
#[track_caller]
fn keeps_the_rules(resource: &Value) {
    let breaches: Vec<String> = check::breaches(resource).iter().map(|breach| format!("{breach:?}")).collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[track_caller]
pub fn is_outcome(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.header("content-type").starts_with(FHIR), "{}", answer.header("content-type"));
    assert_eq!(answer.body["resourceType"], "OperationOutcome");
    assert!(answer.body["issue"][0]["details"]["text"].is_string(), "{}", answer.body);
}

fn types(bundle: &Value) -> Vec<&str> {
    bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["resource"]["resourceType"].as_str().unwrap())
        .collect()
}

fn resources<'b>(bundle: &'b Value, kind: &str) -> Vec<&'b Value> {
    let all = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    all.filter(|resource| resource["resourceType"] == kind).collect()
}

fn matches(bundle: &Value) -> Vec<String> {
    let all = bundle["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "match");
    all.map(|entry| entry["fullUrl"].as_str().unwrap().to_owned()).collect()
}

pub fn link(bundle: &Value, relation: &str) -> Option<String> {
    let link = bundle["link"].as_array()?.iter().find(|link| link["relation"] == relation)?;
    link["url"].as_str().map(str::to_owned)
}
