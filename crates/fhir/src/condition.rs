//! `Condition`

use serde::Serialize;

use crate::codes::{self, ENTERED_IN_ERROR, ICD_10, SNOMED_CT};
use crate::datatypes::{Annotation, CodeableConcept, Coding, Meta, Reference, instant};
use crate::frame::{Frame, dated, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Condition`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it is active; none of what was entered in error (con-5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clinical_status: Option<CodeableConcept>,
    /// Only that it was entered in error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_status: Option<CodeableConcept>,
    /// How severe it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<CodeableConcept>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeableConcept>,
    /// Who has it.
    pub subject: Reference,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onset_date_time: Option<String>,
    /// When it was entered.
    pub recorded_date: String,
    /// Who entered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorder: Option<Reference>,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
}

/// The resource that says what the entry says.
pub fn condition(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> Condition {
    let code = codes::concept(entry);
    let fits = code.as_ref().is_some_and(|code| codes::is_of(code, &[SNOMED_CT, ICD_10]));
    let in_error = entry.status == ENTERED_IN_ERROR;
    let clinical = || {
        let words = ["active", "recurrence", "relapse", "inactive", "remission", "resolved"];
        concept(CLINICAL, codes::status(entry.status, &words))
    };
    Condition {
        resource_type: Type::Condition.as_str(),
        id: frame.id(Type::Condition, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::CONDITION_PROFILE)),
        clinical_status: (!in_error).then(clinical),
        verification_status: in_error.then(|| concept(VERIFICATION, "entered-in-error")),
        severity: entry.severity.and_then(severity),
        code,
        subject: frame.subject(),
        onset_date_time: dated(entry),
        recorded_date: instant(entry.recorded),
        recorder: frame.practitioner(entry.author),
        note: notes(entry),
    }
}

fn concept(system: &'static str, code: &'static str) -> CodeableConcept {
    CodeableConcept::of([Coding { system: system.into(), code: code.into(), display: None }])
}

fn severity(word: &str) -> Option<CodeableConcept> {
    let (code, display) = match word {
        "MILD" => ("255604002", "Mild"),
        "MODERATE" => ("6736007", "Moderate"),
        "SEVERE" => ("24484000", "Severe"),
        _ => return None,
    };
    Some(CodeableConcept::of([Coding::fixed(SNOMED_CT, code, display)]))
}
