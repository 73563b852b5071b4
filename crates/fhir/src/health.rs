//! What the mapping needs to know of a patient's health and visits; the caller's rows, borrowed.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::record::PatientRecord;

/// What an entry of a medical history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// `Condition`
    Condition,
    /// `AllergyIntolerance`
    Allergy,
    /// `MedicationStatement`
    Medication,
    /// `Observation`
    Observation,
    /// `Procedure`
    Procedure,
    /// `Immunization`
    Immunization,
    /// `FamilyMemberHistory`
    FamilyHistory,
    /// `DocumentReference` with the text in it
    Note,
}

/// An entry of a medical history as the caller keeps it. Text that is blank counts as missing. `Debug` shows the id only.
#[derive(Clone)]
pub struct EntryRecord<'a> {
    /// The entry's key.
    pub id: i64,
    /// What it is about.
    pub kind: EntryKind,
    /// The entry's version.
    pub version: i64,
    /// When it was entered.
    pub recorded: DateTime<Utc>,
    /// When it last changed.
    pub last_updated: DateTime<Utc>,
    /// URI of the code's system; there together with `code`.
    pub code_system: Option<&'a str>,
    /// The code.
    pub code: Option<&'a str>,
    /// The same in words.
    pub display: Option<&'a str>,
    /// FHIR's status of the kind, in capitals with `_` for `-`.
    pub status: &'a str,
    /// `2019`, `2019-05` or `2019-05-17`.
    pub effective_date: Option<&'a str>,
    /// The result, the dose, the relative.
    pub value: Option<&'a str>,
    /// Of the value.
    pub unit: Option<&'a str>,
    /// `MILD`, `MODERATE`, `SEVERE`; of an allergy also `LOW`, `HIGH`, `UNABLE_TO_ASSESS`.
    pub severity: Option<&'a str>,
    /// HL7's flag of a result.
    pub interpretation: Option<&'a str>,
    /// What is normal, in words.
    pub reference_range: Option<&'a str>,
    /// Free text.
    pub note: Option<&'a str>,
    /// Who of the staff wrote it; nothing where it was nobody of them.
    pub author: Option<i64>,
}

impl fmt::Debug for EntryRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryRecord").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A document whose content lies elsewhere, as the caller keeps it. `Debug` shows the id only.
#[derive(Clone)]
pub struct DocumentRecord<'a> {
    /// The document's key.
    pub id: i64,
    /// Its version.
    pub version: i64,
    /// When it was kept.
    pub recorded: DateTime<Utc>,
    /// When it last changed.
    pub last_updated: DateTime<Utc>,
    /// What it is called.
    pub title: &'a str,
    /// `LAB_REPORT`, `PRESCRIPTION`, `DISCHARGE_SUMMARY`, `IMAGING`, `CONSENT` or another.
    pub kind: &'a str,
    /// What there is to say of it; may be empty.
    pub description: &'a str,
    /// The content's media type.
    pub content_type: &'a str,
    /// Bytes of the content.
    pub size: i64,
    /// Where the content is.
    pub url: String,
    /// Who of the staff brought it; nothing where it was nobody of them.
    pub author: Option<i64>,
}

impl fmt::Debug for DocumentRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An appointment as the caller knows it.
#[derive(Clone, Copy, Debug)]
pub struct VisitRecord<'a> {
    /// The appointment's key.
    pub id: i64,
    /// Its version.
    pub version: i64,
    /// The doctor's key.
    pub doctor: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends, where that is known.
    pub ends_at: Option<DateTime<Utc>>,
    /// `SCHEDULED`, `CONFIRMED`, `CHECKED_IN`, `IN_PROGRESS`, `COMPLETED`, `CANCELLED` or `NO_SHOW`.
    pub status: &'a str,
    /// By video.
    pub is_remote: bool,
}

/// Somebody of the staff, as the caller knows them.
#[derive(Clone)]
pub struct StaffRecord<'a> {
    /// Their key.
    pub id: i64,
    /// Their name; may be empty.
    pub name: &'a str,
}

/// The hospital.
#[derive(Clone, Copy, Debug)]
pub struct HospitalRecord<'a> {
    /// Its name.
    pub name: &'a str,
    /// The URI of its patient numbers: what it is known by where it has no number of its own.
    pub patient_id_system: &'a str,
    /// Its number in the national Health Facility Registry.
    pub facility_id: Option<&'a str>,
}

/// All that a bundle is made of.
#[derive(Clone)]
pub struct WholeRecord<'a> {
    /// Who it is about.
    pub patient: PatientRecord<'a>,
    /// Their blood group: `AB-`.
    pub blood_group: Option<&'a str>,
    /// Entries of the medical history.
    pub entries: Vec<EntryRecord<'a>>,
    /// Documents.
    pub documents: Vec<DocumentRecord<'a>>,
    /// Appointments.
    pub visits: Vec<VisitRecord<'a>>,
    /// Whoever of the staff is named in these.
    pub staff: Vec<StaffRecord<'a>>,
    /// Whose record it is.
    pub hospital: HospitalRecord<'a>,
}
