//! `Composition`: what a document says first, and which of a record's entries belong to a document of each type.

use serde::Serialize;

use crate::codes::SNOMED_CT;
use crate::datatypes::{CodeableConcept, Coding, Meta, Reference};

/// The record types of the Indian guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentType {
    /// An outpatient consultation.
    OpConsult,
    /// Medicines that are to be taken.
    Prescription,
    /// What a hospital says at the end of a stay.
    DischargeSummary,
    /// Vaccinations.
    Immunization,
    /// Documents as they are.
    HealthDocument,
    /// Laboratory results.
    DiagnosticReport,
    /// The body's state and measures.
    Wellness,
}

impl DocumentType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OpConsult,
        Self::Prescription,
        Self::DischargeSummary,
        Self::Immunization,
        Self::HealthDocument,
        Self::DiagnosticReport,
        Self::Wellness,
    ];

    /// The name of the type's profile, which is how it is asked for.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpConsult => "OPConsultRecord",
            Self::Prescription => "PrescriptionRecord",
            Self::DischargeSummary => "DischargeSummaryRecord",
            Self::Immunization => "ImmunizationRecord",
            Self::HealthDocument => "HealthDocumentRecord",
            Self::DiagnosticReport => "DiagnosticReportRecord",
            Self::Wellness => "WellnessRecord",
        }
    }

    /// The type of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The profile.
    pub fn profile(self) -> String {
        format!("https://nrces.in/ndhm/fhir/r4/StructureDefinition/{}", self.as_str())
    }

    /// `Composition.type`; a wellness record has words only.
    pub(crate) fn concept(self) -> CodeableConcept {
        match self.code() {
            Some(code) => CodeableConcept { text: code.display.clone().map(Into::into), coding: vec![code] },
            None => CodeableConcept::said(self.title()),
        }
    }

    /// The document's code.
    pub(crate) const fn code(self) -> Option<Coding> {
        match self {
            Self::OpConsult => Some(Coding::fixed(SNOMED_CT, "371530004", "Clinical consultation report")),
            Self::Prescription => Some(Coding::fixed(SNOMED_CT, "440545006", "Prescription record")),
            Self::DischargeSummary => Some(Coding::fixed(SNOMED_CT, "373942005", "Discharge summary")),
            Self::Immunization => Some(Coding::fixed(SNOMED_CT, "41000179103", "Immunization record")),
            Self::HealthDocument => Some(Coding::fixed(SNOMED_CT, "419891008", "Record artifact")),
            Self::DiagnosticReport => Some(Coding::fixed(SNOMED_CT, "721981007", "Diagnostic studies report")),
            Self::Wellness => None,
        }
    }

    /// What a document of the type is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::OpConsult => "Consultation Report",
            Self::Prescription => "Prescription record",
            Self::DischargeSummary => "Discharge Summary",
            Self::Immunization => "Immunization record",
            Self::HealthDocument => "Health Document",
            Self::DiagnosticReport => "Diagnostic Report",
            Self::Wellness => "Wellness Record",
        }
    }

    /// Whether the profile asks for the visit that the document is of.
    pub const fn is_of_a_visit(self) -> bool {
        matches!(self, Self::OpConsult | Self::DischargeSummary)
    }
}

/// The resource. It has no `attester` and no `relatesTo`: nobody attests what a program puts together.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Composition {
    /// `Composition`
    pub resource_type: &'static str,
    /// The document's own.
    pub id: String,
    /// Version, time, profile.
    pub meta: Meta,
    /// `final`
    pub status: &'static str,
    /// What type of document it is.
    pub r#type: CodeableConcept,
    /// Who it is about.
    pub subject: Reference,
    /// The visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encounter: Option<Reference>,
    /// When it was put together.
    pub date: String,
    /// The doctor of the visit, or the hospital.
    pub author: Vec<Reference>,
    /// What it is called.
    pub title: &'static str,
    /// Who keeps it.
    pub custodian: Reference,
    /// What is in it.
    pub section: Vec<Section>,
}

/// `Composition.section`
#[derive(Clone, Serialize)]
pub struct Section {
    /// What it is called.
    pub title: &'static str,
    /// What it is; a wellness record's have words only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeableConcept>,
    /// Its resources; at least one.
    pub entry: Vec<Reference>,
}
