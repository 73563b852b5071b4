//! `AllergyIntolerance`

use serde::Serialize;

use crate::codes::{self, ENTERED_IN_ERROR, NOT_KNOWN, SNOMED_CT};
use crate::datatypes::{Annotation, CodeableConcept, Coding, Meta, Reference, instant};
use crate::frame::{Frame, dated, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllergyIntolerance {
    /// `AllergyIntolerance`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it is active; none of what was entered in error (ait-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clinical_status: Option<CodeableConcept>,
    /// Only that it was entered in error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_status: Option<CodeableConcept>,
    /// How bad a reaction could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub criticality: Option<&'static str>,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeableConcept>,
    /// Who has it.
    pub patient: Reference,
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
    /// How bad a reaction was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaction: Vec<Reaction>,
}

/// `AllergyIntolerance.reaction`
#[derive(Clone, Serialize)]
pub struct Reaction {
    /// How it showed, which FHIR requires and the record does not tell apart from its free text.
    pub manifestation: Vec<CodeableConcept>,
    /// How bad it was.
    pub severity: &'static str,
}

/// The resource that says what the entry says.
pub fn allergy(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> AllergyIntolerance {
    let code = codes::concept(entry);
    let fits = code.as_ref().is_some_and(|code| codes::is_of(code, &[SNOMED_CT]));
    let in_error = entry.status == ENTERED_IN_ERROR;
    let concept = |system: &'static str, code: &'static str| {
        CodeableConcept::of([Coding { system: system.into(), code: code.into(), display: None }])
    };
    let words = ["active", "inactive", "resolved"];
    let severity = match entry.severity {
        Some("MILD") => Some("mild"),
        Some("MODERATE") => Some("moderate"),
        Some("SEVERE") => Some("severe"),
        _ => None,
    };
    let manifestation = CodeableConcept { text: Some("Not recorded".into()), ..CodeableConcept::of([NOT_KNOWN]) };
    AllergyIntolerance {
        resource_type: Type::AllergyIntolerance.as_str(),
        id: frame.id(Type::AllergyIntolerance, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::ALLERGY_PROFILE)),
        clinical_status: (!in_error).then(|| concept(CLINICAL, codes::status(entry.status, &words))),
        verification_status: in_error.then(|| concept(VERIFICATION, "entered-in-error")),
        criticality: match entry.severity {
            Some("LOW") => Some("low"),
            Some("HIGH") => Some("high"),
            Some("UNABLE_TO_ASSESS") => Some("unable-to-assess"),
            _ => None,
        },
        code,
        patient: frame.subject(),
        onset_date_time: dated(entry),
        recorded_date: instant(entry.recorded),
        recorder: frame.practitioner(entry.author),
        note: notes(entry),
        reaction: severity
            .map(|severity| Reaction { manifestation: vec![manifestation], severity })
            .into_iter()
            .collect(),
    }
}
