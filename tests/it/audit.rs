//! Who did what stays: every answer about patients has its row, and the chains hold.

use std::collections::{BTreeSet, HashMap};

use journeys::{Answer, Hospital};
use serde_json::Value;

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
        let service = SERVICES.into_iter().find(|service| path.starts_with(&format!("/api/{service}/"))).unwrap();
        let trace = answer.header("traceparent").split('-').nth(1).unwrap_or_default().to_owned();
        let is_patient = answer.body["patient_id"].is_string();
        let patient = answer.body[if is_patient { "id" } else { "patient" }].as_i64();
        Self { service, operation: path.to_owned(), actor, status: answer.status, trace, patient }
    }

    /// Whether the row tells how it ended, and whose record it showed.
    fn is_told_by(&self, row: &Value) -> bool {
        let outcome = match self.status {
            200..300 => "SUCCESS",
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

#[tokio::test]
async fn every_chain_holds() {
    let hospital = Hospital::open();
    let auditor = hospital.token("AUDITOR").await;
    for service in SERVICES {
        let verdict = hospital.get(&auditor, &format!("/api/{service}/audit/verify/")).await.expect(200).body;
        assert_eq!(verdict["holds"], true, "{service}: {verdict}");
    }
}
