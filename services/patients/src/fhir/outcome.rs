//! Errors in FHIR's words, for clients that ask for FHIR.

use std::sync::Arc;

use actix_web::HttpRequest;
use chassis::problem::{Dialect, Problem, accepts};
use fhir::OperationOutcome;
use fhir::outcome::{Details, Issue, IssueType, Severity};

struct OfFhir;

/// What makes a server answer FHIR clients so: those of the door `/fhir/`, and whoever accepts FHIR's media type elsewhere.
pub fn for_fhir_clients() -> Arc<dyn Dialect> {
    Arc::new(OfFhir)
}

impl Dialect for OfFhir {
    fn say(&self, request: &HttpRequest, problem: &Problem) -> Option<(&'static str, Vec<u8>)> {
        let outcome = asks_for_fhir(request).then(|| outcome(problem))?;
        Some((fhir::MEDIA_TYPE, serde_json::to_vec(&outcome).ok()?))
    }
}

fn asks_for_fhir(request: &HttpRequest) -> bool {
    request.path().starts_with("/fhir/") || accepts(request, fhir::MEDIA_TYPE)
}

/// One issue for each fault of the input, or one for the whole.
fn outcome(problem: &Problem) -> OperationOutcome {
    if problem.faults().is_empty() {
        return OperationOutcome::of_status(problem.status().as_u16(), problem.detail());
    }
    let issues = problem.faults().iter().map(|fault| Issue {
        severity: Severity::Error,
        code: match fault.code {
            "required" | "too_short" => IssueType::Required,
            "too_long" | "too_many" => IssueType::TooLong,
            "unknown_parameter" | "unknown_modifier" | "unknown_prefix" | "not_supported" => IssueType::NotSupported,
            _ => IssueType::Invalid,
        },
        details: Details { text: format!("{} {}", fault.field, fault.message).trim().to_owned() },
        expression: Vec::new(),
    });
    OperationOutcome::of(issues.collect())
}
