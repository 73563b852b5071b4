//! Errors in FHIR's words: an `OperationOutcome`, on routes whose clients speak FHIR, and for whoever accepts it elsewhere.

use std::sync::Arc;

use actix_web::HttpRequest;
use chassis::problem::{Dialect, Problem, accepts};
use serde_json::{Value, json};

/// FHIR's JSON.
pub const MEDIA_TYPE: &str = "application/fhir+json";

/// For a route all of whose clients speak FHIR.
pub fn for_fhir_clients() -> Arc<dyn Dialect> {
    Arc::new(Always)
}

/// For everywhere else.
pub fn for_whoever_accepts_it() -> Arc<dyn Dialect> {
    Arc::new(Accepted)
}

struct Always;

impl Dialect for Always {
    fn say(&self, _request: &HttpRequest, problem: &Problem) -> Option<(&'static str, Vec<u8>)> {
        Some((MEDIA_TYPE, outcome(problem).to_string().into_bytes()))
    }
}

struct Accepted;

impl Dialect for Accepted {
    fn say(&self, request: &HttpRequest, problem: &Problem) -> Option<(&'static str, Vec<u8>)> {
        accepts(request, MEDIA_TYPE).then(|| Always.say(request, problem))?
    }
}

/// One issue for each fault of the input, or one for the whole.
fn outcome(problem: &Problem) -> Value {
    let status = problem.status().as_u16();
    let severity = if status == 500 { "fatal" } else { "error" };
    let issue = |words: &str| json!({"severity": severity, "code": code(status), "details": {"text": words}});
    let issues: Vec<Value> = match problem.faults() {
        [] => vec![issue(problem.detail())],
        faults => faults.iter().map(|fault| issue(format!("{} {}", fault.field, fault.message).trim())).collect(),
    };
    json!({"resourceType": "OperationOutcome", "issue": issues})
}

/// The code of `issue-type` for a status.
fn code(status: u16) -> &'static str {
    match status {
        401 => "login",
        403 => "forbidden",
        404 | 410 => "not-found",
        405 | 406 | 415 | 501 => "not-supported",
        409 | 412 => "conflict",
        413 => "too-long",
        429 => "throttled",
        502..=504 => "transient",
        500..=599 => "exception",
        _ => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;

    use super::*;

    #[test]
    fn the_words_are_those_of_the_services() {
        for status in (400..600).filter_map(|status| StatusCode::from_u16(status).ok()) {
            let ours = outcome(&Problem::new(status, "Words."));
            let theirs = serde_json::to_value(fhir::OperationOutcome::of_status(status.as_u16(), "Words."));
            assert_eq!(Some(ours), theirs.ok(), "{status}");
        }
    }

    #[test]
    fn every_fault_is_an_issue() {
        let problem = Problem::invalid("", "ambiguous", "the path can be read in more than one way");
        let outcome = outcome(&problem);
        assert_eq!(outcome.pointer("/issue/0/code"), Some(&json!("invalid")));
        assert_eq!(outcome.pointer("/issue/0/details/text"), Some(&json!("the path can be read in more than one way")));
    }
}
