//! `OperationOutcome`: what a FHIR client gets instead of a resource.

use serde::Serialize;

/// The resource. Its words are for the client: no causes, no patient data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationOutcome {
    /// `OperationOutcome`
    pub resource_type: &'static str,
    /// What happened; at least one.
    pub issue: Vec<Issue>,
}

/// `OperationOutcome.issue`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// `error` or `fatal`.
    pub severity: Severity,
    /// What kind of trouble it is.
    pub code: IssueType,
    /// What it is, in words.
    pub details: Details,
    /// Where in the resource, as FHIRPath.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expression: Vec<String>,
}

/// The words of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Details {
    /// The words.
    pub text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The system failed.
    Fatal,
    /// The request could not be done.
    Error,
    /// It was done, with a doubt.
    Warning,
    /// It was done.
    Information,
}

/// The codes of `issue-type` that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueType {
    /// Not well formed, or against a rule.
    Invalid,
    /// A required element is missing.
    Required,
    /// Not signed in.
    Login,
    /// Not allowed.
    Forbidden,
    /// Not there.
    NotFound,
    /// Something else is in the way.
    Conflict,
    /// The request is larger than is taken.
    TooLong,
    /// The operation or format is not offered.
    NotSupported,
    /// Too many requests.
    Throttled,
    /// Try again later.
    Transient,
    /// The system failed.
    Exception,
}

impl OperationOutcome {
    /// An outcome of one issue for an HTTP status.
    pub fn of_status(status: u16, words: impl Into<String>) -> Self {
        let code = match status {
            401 => IssueType::Login,
            403 => IssueType::Forbidden,
            404 | 410 => IssueType::NotFound,
            405 | 406 | 415 | 501 => IssueType::NotSupported,
            409 | 412 => IssueType::Conflict,
            413 => IssueType::TooLong,
            429 => IssueType::Throttled,
            502..=504 => IssueType::Transient,
            500..=599 => IssueType::Exception,
            _ => IssueType::Invalid,
        };
        let severity = if status == 500 { Severity::Fatal } else { Severity::Error };
        Self::of(vec![Issue { severity, code, details: Details { text: words.into() }, expression: Vec::new() }])
    }

    /// An outcome of these issues.
    pub fn of(issue: Vec<Issue>) -> Self {
        Self { resource_type: "OperationOutcome", issue }
    }
}

impl Issue {
    /// An error at a place in the request.
    pub fn error(code: IssueType, words: impl Into<String>, expression: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            details: Details { text: words.into() },
            expression: vec![expression.into()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_outcome() {
        insta::assert_json_snapshot!(OperationOutcome::of_status(404, "there is no such patient"), @r#"
        {
          "resourceType": "OperationOutcome",
          "issue": [
            {
              "severity": "error",
              "code": "not-found",
              "details": {
                "text": "there is no such patient"
              }
            }
          ]
        }
        "#);
        let code = |status| OperationOutcome::of_status(status, "x").issue.remove(0).code;
        assert_eq!(
            [400, 401, 412, 429, 500, 503].map(code),
            [
                IssueType::Invalid,
                IssueType::Login,
                IssueType::Conflict,
                IssueType::Throttled,
                IssueType::Exception,
                IssueType::Transient
            ]
        );
    }

    #[test]
    fn an_issue_can_name_its_place() {
        let outcome = OperationOutcome::of(vec![Issue::error(IssueType::Required, "is missing", "Patient.gender")]);
        insta::assert_json_snapshot!(outcome.issue, @r#"
        [
          {
            "severity": "error",
            "code": "required",
            "details": {
              "text": "is missing"
            },
            "expression": [
              "Patient.gender"
            ]
          }
        ]
        "#);
    }
}
