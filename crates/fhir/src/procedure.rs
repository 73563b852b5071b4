//! `Procedure`

use serde::Serialize;

use crate::codes::{self, SNOMED_CT};
use crate::datatypes::{Annotation, CodeableConcept, Meta, Reference};
use crate::frame::{Frame, dated, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Procedure {
    /// `Procedure`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it was done.
    pub status: &'static str,
    /// What.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeableConcept>,
    /// To whom.
    pub subject: Reference,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performed_date_time: Option<String>,
    /// Who entered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorder: Option<Reference>,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
}

/// The resource that says what the entry says.
pub fn procedure(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> Procedure {
    const WORDS: [&str; 8] =
        ["unknown", "completed", "preparation", "in-progress", "not-done", "on-hold", "stopped", "entered-in-error"];
    let code = codes::concept(entry);
    let fits = code.as_ref().is_some_and(|code| codes::is_of(code, &[SNOMED_CT]));
    Procedure {
        resource_type: Type::Procedure.as_str(),
        id: frame.id(Type::Procedure, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::PROCEDURE_PROFILE)),
        status: codes::status(entry.status, &WORDS),
        code,
        subject: frame.subject(),
        performed_date_time: dated(entry),
        recorder: frame.practitioner(entry.author),
        note: notes(entry),
    }
}
