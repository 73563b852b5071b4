//! `DiagnosticReport`: the results of one day, as a laboratory's report.

use serde::Serialize;

use crate::codes::{self, LOINC, SNOMED_CT};
use crate::datatypes::{CodeableConcept, Coding, Meta, Reference, instant};
use crate::frame::{Frame, dated};
use crate::health::{EntryKind, EntryRecord};
use crate::naming::Type;
use crate::nrces;
use crate::observation::is_of_the_body;

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticReport {
    /// `DiagnosticReport`
    pub resource_type: &'static str,
    /// `results-` and the key of the first of them.
    pub id: String,
    /// Time of change, profile.
    pub meta: Meta,
    /// `final`, or `preliminary` as long as one of them is.
    pub status: &'static str,
    /// Laboratory.
    pub category: Vec<CodeableConcept>,
    /// A laboratory's report.
    pub code: CodeableConcept,
    /// Whose results.
    pub subject: Reference,
    /// Of which day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date_time: Option<String>,
    /// When the last of them was entered.
    pub issued: String,
    /// Who entered them, or else the hospital.
    pub results_interpreter: Vec<Reference>,
    /// The results.
    pub result: Vec<Reference>,
    /// How many are flagged as what: no judgement that nobody made.
    pub conclusion: String,
}

/// The flags (HL7 table 0078) that say of a result itself that it is not normal. `NEG`, `NR`, `S` and the like say what was
/// found, which may be just what one hopes for.
const NOT_NORMAL: [&str; 11] = ["L", "H", "LL", "HH", "LU", "HU", "<", ">", "A", "AA", "EX"];

/// The newest day's laboratory results of some entries, which stand newest first: observations by LOINC that are not of the
/// body's state.
pub fn newest_results<'e, 'a>(entries: &'e [EntryRecord<'a>]) -> Vec<&'e EntryRecord<'a>> {
    let results = || {
        entries.iter().filter(|entry| {
            let standing = ["FINAL", "AMENDED", "CORRECTED", "PRELIMINARY"].contains(&entry.status);
            entry.kind == EntryKind::Observation
                && entry.code_system == Some(LOINC)
                && standing
                && entry.value.is_some()
                && !is_of_the_body(entry)
        })
    };
    let Some(first) = results().next() else { return Vec::new() };
    results().filter(|entry| entry.effective_date == first.effective_date).collect()
}

/// The report on these results; nothing where there are none. `otherwise` stands for it where nobody of the staff does.
pub fn report(frame: &Frame<'_>, results: &[&EntryRecord<'_>], otherwise: Reference) -> Option<DiagnosticReport> {
    let first = results.first()?;
    let last_entered = results.iter().map(|entry| entry.recorded).max()?;
    let flags = results.iter().filter_map(|entry| entry.interpretation);
    let flagged = flags.filter(|flag| NOT_NORMAL.contains(flag)).count();
    let preliminary = results.iter().any(|entry| entry.status == "PRELIMINARY");
    let interpreter = results.iter().find_map(|entry| frame.practitioner(entry.author)).unwrap_or(otherwise);
    Some(DiagnosticReport {
        resource_type: Type::DiagnosticReport.as_str(),
        id: frame.id(Type::DiagnosticReport, key(first)),
        meta: Meta {
            last_updated: results.iter().map(|entry| entry.last_updated).max().map(instant),
            profile: vec![nrces::DIAGNOSTIC_REPORT_LAB_PROFILE.to_owned()],
            ..Meta::default()
        },
        status: if preliminary { "preliminary" } else { "final" },
        category: vec![CodeableConcept::of([Coding::fixed(SNOMED_CT, "108252007", "Laboratory procedure")])],
        code: CodeableConcept::of([Coding::fixed(LOINC, "11502-2", "Laboratory report")]),
        subject: frame.subject(),
        effective_date_time: dated(first),
        issued: instant(last_entered),
        results_interpreter: vec![interpreter],
        result: results.iter().map(|entry| named(frame, entry)).collect(),
        conclusion: format!("Results: {}, of which flagged as not normal: {flagged}", results.len()),
    })
}

/// The report's key.
pub fn key(first: &EntryRecord<'_>) -> String {
    format!("results-{}", first.id)
}

fn named(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> Reference {
    let display = codes::concept(entry).and_then(|concept| concept.text);
    Reference { display, ..frame.to(Type::Observation, entry.id) }
}
