//! AL1 to an allergy, by `AL1[AllergyIntolerance]` of the mapping.

use serde::Serialize;

use crate::datatype::Coded;
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::vocabulary;
use crate::warning::Warnings;

/// An allergy or intolerance.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Allergy {
    /// AL1-3: to what.
    pub code: Coded,
    /// AL1-2 as FHIR has it: `medication`, `food`, `environment`, `biologic`.
    pub category: Option<&'static str>,
    /// AL1-2 as it came, HL7 table 0127.
    pub kind: Option<Coded>,
    /// AL1-4 as FHIR has it: `high` or `low`.
    pub criticality: Option<&'static str>,
    /// AL1-4 as the severity of a reaction: `severe`, `moderate`, `mild`.
    pub severity: Option<&'static str>,
    /// AL1-5, in the sender's words.
    pub reactions: Vec<String>,
    /// AL1-6.
    pub onset: Option<Timestamp>,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Allergy);

pub(super) fn allergy(al1: Numbered<'_>, warnings: &mut Warnings) -> Option<Allergy> {
    let mut read = Reading::new(al1, warnings);
    let Some(code) = read.coded("code", 3) else {
        read.warn(3, "does not say to what; the allergy was left out");
        return None;
    };
    let kind = read.coded("category", 2);
    let severity = read.coded("criticality", 4).and_then(|severity| severity.code);
    if severity.as_deref().is_some_and(|code| !matches!(code, "SV" | "MO" | "MI" | "U")) {
        read.warn(4, "is not in HL7 table 0128; left out");
    }
    Some(Allergy {
        category: kind.as_ref().and_then(|kind| vocabulary::allergy_category(kind.code.as_deref()?)),
        criticality: severity.as_deref().and_then(vocabulary::allergy_criticality),
        severity: severity.as_deref().and_then(vocabulary::reaction_severity),
        reactions: read.texts("reactions", 5),
        onset: read.time("onset", 6),
        sources: read.sources,
        code,
        kind,
    })
}
