//! Who did what stays: every answer about patients has its row, and the chains hold.

use std::collections::{BTreeSet, HashMap};

use journeys::{Answer, Hospital};
use serde_json::{Value, json};

const SERVICES: [&str; 4] = ["users", "patients", "appointments", "billing"];

/// An answer, as an auditor has to find it.
pub struct Seen {
    service: &'static str,
    operation: String,
    actor: i64,
    status: u16,
    trace: String,
    patient: Option<i64>,
}

impl Seen {
    /// What an operation's answer to somebody says of itself.
    pub fn of(path: &str, actor: i64, answer: &Answer) -> Self {
        let under = |service: &&str| path.starts_with(&format!("/api/{service}/"));
        let service = if path.starts_with("/fhir/") { "patients" } else { SERVICES.into_iter().find(under).unwrap() };
        let trace = answer.header("traceparent").split('-').nth(1).unwrap_or_default().to_owned();
        let is_patient = answer.body["patient_id"].is_string();
        let patient = answer.body[if is_patient { "id" } else { "patient" }].as_i64();
        Self { service, operation: path.to_owned(), actor, status: answer.status, trace, patient }
    }

    /// Whether the row tells how it ended, and whose record it showed.
    fn is_told_by(&self, row: &Value) -> bool {
        let outcome = match self.status {
            200..400 => "SUCCESS",
            401 => "UNAUTHENTICATED",
            403 => "DENIED",
            404 => "NOT_FOUND",
            400..500 => "REFUSED",
            _ => "FAILED",
        };
        let named = |patient| row["patients"].as_array().unwrap().iter().any(|named| *named == patient);
        row["outcome"] == outcome && self.patient.is_none_or(named)
    }
}

/// Looks for the row of every answer, as an auditor: by actor, and then by trace.
pub async fn every_answer_has_its_row(hospital: &Hospital, seen: &[Seen]) {
    let auditor = hospital.token("AUDITOR").await;
    let mut missing = Vec::new();
    let whose: BTreeSet<_> = seen.iter().map(|answer| (answer.service, answer.actor)).collect();
    for (service, actor) in whose {
        let rows = rows_of(hospital, &auditor, service, actor).await;
        for answer in seen.iter().filter(|answer| (answer.service, answer.actor) == (service, actor)) {
            let row = rows.get(&answer.trace);
            if !row.is_some_and(|row| answer.is_told_by(row)) {
                let Seen { operation, status, trace, patient, .. } = answer;
                missing.push(format!("{operation} {status} of {patient:?} to user {actor} ({trace}): {row:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "{} of {} have no such row:\n{}", missing.len(), seen.len(), missing.join("\n"));
}

/// The rows of somebody, by trace.
async fn rows_of(hospital: &Hospital, auditor: &str, service: &str, actor: i64) -> HashMap<String, Value> {
    let mut rows = HashMap::new();
    let mut next = Some(format!("/api/{service}/audit/?actor={actor}&page_size=100"));
    while let Some(path) = next {
        let page = hospital.get(auditor, &path).await.expect(200).body;
        for row in page["results"].as_array().unwrap() {
            rows.insert(row["trace_id"].as_str().unwrap_or_default().to_owned(), row.clone());
        }
        next = page["next"].as_str().and_then(|url| url.find("/api/").map(|at| url[at..].to_owned()));
    }
    rows
}

/// Each service's log is as it was written.
pub async fn every_chain_holds(hospital: &Hospital) {
    let auditor = hospital.token("AUDITOR").await;
    for service in SERVICES {
        let verdict = hospital.get(&auditor, &format!("/api/{service}/audit/verify/")).await.expect(200).body;
        assert_eq!(verdict["holds"], true, "{service}: {verdict}");
        assert!(verdict["rows"].as_i64() > Some(0), "{service}: {verdict}");
    }
}

#[tokio::test]
async fn an_auditor_finds_who_saw_whom() {
    let hospital = Hospital::open();
    let (admin, auditor) = (hospital.token("ADMIN").await, hospital.token("AUDITOR").await);
    let desk = hospital.newcomer(&admin, "RECEPTIONIST", "").await;
    let body = json!({"first_name": "Gita", "last_name": "Audit"});
    let patient = hospital.post(&desk.access, "/api/patients/", &body).await.expect(201).body["id"].clone();
    let path = format!("/api/patients/{patient}/");
    hospital.get(&desk.access, &path).await.expect(200);
    hospital.patch(&desk.access, &path, &json!({"phone": "98765 43210"})).await.expect(200);
    hospital.get(&desk.access, &format!("{path}fhir/")).await.expect(200);
    hospital.get(&auditor, &path).await.expect(403);

    let path = format!("/api/patients/audit/?patient={patient}&actor={}", desk.id);
    let rows = hospital.get(&auditor, &path).await.expect(200).body;
    let told: Vec<_> =
        rows["results"].as_array().unwrap().iter().rev().map(|row| (&row["action"], &row["role"])).collect();
    let by_the_desk = |action: &'static str| (json!(action), json!("RECEPTIONIST"));
    let expected = ["PatientRegister", "PatientRead", "PatientWrite", "FhirPatientRead"].map(by_the_desk);
    assert_eq!(told, expected.iter().map(|(action, role)| (action, role)).collect::<Vec<_>>());
    for private in ["Gita", "98765"] {
        assert!(!rows.to_string().contains(private), "the log says who, not what: {rows}");
    }
    hospital.get(&desk.access, &path).await.expect(403);
}
