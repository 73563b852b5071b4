//! `FamilyMemberHistory`

use serde::Serialize;

use crate::codes::{self, SNOMED_CT};
use crate::datatypes::{Annotation, CodeableConcept, Meta, Reference, instant};
use crate::frame::{Frame, dated, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FamilyMemberHistory {
    /// `FamilyMemberHistory`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// How much is known.
    pub status: &'static str,
    /// Whose relative it is.
    pub patient: Reference,
    /// When it was told.
    pub date: String,
    /// Which relative.
    pub relationship: CodeableConcept,
    /// What they have or had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub condition: Vec<FamilyCondition>,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
}

/// `FamilyMemberHistory.condition`
#[derive(Clone, Serialize)]
pub struct FamilyCondition {
    /// What it is.
    pub code: CodeableConcept,
}

/// The resource that says what the entry says.
pub fn family_history(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> FamilyMemberHistory {
    let code = codes::concept(entry);
    let fits = code.as_ref().is_some_and(|code| codes::is_of(code, &[SNOMED_CT]));
    let relationship = entry.value.map(codes::relationship).filter(|relative| relative.text.is_some());
    FamilyMemberHistory {
        resource_type: Type::FamilyMemberHistory.as_str(),
        id: frame.id(Type::FamilyMemberHistory, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::FAMILY_HISTORY_PROFILE)),
        status: codes::status(entry.status, &["partial", "completed", "entered-in-error", "health-unknown"]),
        patient: frame.subject(),
        date: dated(entry).unwrap_or_else(|| instant(entry.recorded)),
        relationship: relationship.unwrap_or_else(|| CodeableConcept::said("Not recorded")),
        condition: code.map(|code| FamilyCondition { code }).into_iter().collect(),
        note: notes(entry),
    }
}
