//! `MedicationStatement`, what is or was taken, and `MedicationRequest`, the same as an order.

use serde::Serialize;

use crate::codes::{self, SNOMED_CT};
use crate::datatypes::{Annotation, CodeableConcept, Meta, Quantity, Reference, instant};
use crate::frame::{Frame, dated, measured, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;

/// The statement.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MedicationStatement {
    /// `MedicationStatement`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it is taken.
    pub status: &'static str,
    /// What.
    pub medication_codeable_concept: CodeableConcept,
    /// By whom.
    pub subject: Reference,
    /// When, or since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date_time: Option<String>,
    /// When it was entered.
    pub date_asserted: String,
    /// Who entered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub information_source: Option<Reference>,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
    /// How much.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dosage: Vec<Dosage>,
}

/// The order.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MedicationRequest {
    /// `MedicationRequest`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it stands.
    pub status: &'static str,
    /// `order`
    pub intent: &'static str,
    /// What.
    pub medication_codeable_concept: CodeableConcept,
    /// For whom.
    pub subject: Reference,
    /// When.
    pub authored_on: String,
    /// By whom.
    pub requester: Reference,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
    /// How much.
    pub dosage_instruction: Vec<Dosage>,
}

/// `Dosage`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dosage {
    /// In words.
    pub text: String,
    /// As a quantity, where it is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dose_and_rate: Vec<Dose>,
}

/// `Dosage.doseAndRate`
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dose {
    /// How much at a time.
    pub dose_quantity: Quantity,
}

/// The statement that says what the entry says.
pub fn statement(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> MedicationStatement {
    const WORDS: [&str; 8] =
        ["unknown", "active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "not-taken"];
    let (code, fits) = medicine(entry);
    MedicationStatement {
        resource_type: Type::MedicationStatement.as_str(),
        id: frame.id(Type::MedicationStatement, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::MEDICATION_STATEMENT_PROFILE)),
        status: codes::status(entry.status, &WORDS),
        medication_codeable_concept: code,
        subject: frame.subject(),
        effective_date_time: dated(entry),
        date_asserted: instant(entry.recorded),
        information_source: frame.practitioner(entry.author),
        note: notes(entry),
        dosage: dosage(entry).into_iter().collect(),
    }
}

/// Whether an entry can stand on a prescription: a medicine that is, or is to be, taken.
pub fn is_prescribable(entry: &EntryRecord<'_>) -> bool {
    ["ACTIVE", "INTENDED", "ON_HOLD"].contains(&entry.status)
}

/// The order that says what the entry says. `otherwise` asks for it where nobody of the staff does.
pub fn request(frame: &Frame<'_>, entry: &EntryRecord<'_>, otherwise: Reference) -> MedicationRequest {
    let (code, fits) = medicine(entry);
    let not_said = || Dosage { text: "Dose not recorded".into(), dose_and_rate: Vec::new() };
    MedicationRequest {
        resource_type: Type::MedicationRequest.as_str(),
        id: frame.id(Type::MedicationRequest, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::MEDICATION_REQUEST_PROFILE)),
        status: match entry.status {
            "INTENDED" => "active",
            status => {
                codes::status(status, &["unknown", "active", "completed", "entered-in-error", "stopped", "on-hold"])
            }
        },
        intent: "order",
        medication_codeable_concept: code,
        subject: frame.subject(),
        authored_on: dated(entry).unwrap_or_else(|| instant(entry.recorded)),
        requester: frame.practitioner(entry.author).unwrap_or(otherwise),
        note: notes(entry),
        dosage_instruction: vec![dosage(entry).unwrap_or_else(not_said)],
    }
}

fn medicine(entry: &EntryRecord<'_>) -> (CodeableConcept, bool) {
    let code = codes::concept(entry).unwrap_or_else(|| CodeableConcept::said("Not recorded"));
    let fits = codes::is_of(&code, &[SNOMED_CT]);
    (code, fits)
}

fn dosage(entry: &EntryRecord<'_>) -> Option<Dosage> {
    let quantity = entry.value.and_then(|value| codes::quantity(value, entry.unit));
    let dose_and_rate = quantity.map(|dose_quantity| Dose { dose_quantity }).into_iter().collect();
    Some(Dosage { text: measured(entry)?, dose_and_rate })
}
