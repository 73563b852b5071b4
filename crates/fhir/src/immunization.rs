//! `Immunization`

use serde::Serialize;

use crate::codes;
use crate::datatypes::{Annotation, CodeableConcept, Meta, Quantity, Reference, instant};
use crate::frame::{Frame, dated, measured, notes};
use crate::health::EntryRecord;
use crate::naming::Type;
use crate::nrces;

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Immunization {
    /// `Immunization`
    pub resource_type: &'static str,
    /// The entry's key.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it was given.
    pub status: &'static str,
    /// The vaccine.
    pub vaccine_code: CodeableConcept,
    /// To whom.
    pub patient: Reference,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence_date_time: Option<String>,
    /// That it is not known when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence_string: Option<&'static str>,
    /// When it was entered.
    pub recorded: String,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dose_quantity: Option<Quantity>,
    /// Free text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Annotation>,
}

/// The resource that says what the entry says.
pub fn immunization(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> Immunization {
    let vaccine_code = codes::concept(entry).unwrap_or_else(|| CodeableConcept::said("Not recorded"));
    let occurrence = dated(entry);
    let whole = vaccine_code.coding.iter().all(|coding| coding.display.is_some());
    let fits = whole && occurrence.is_some();
    // A bound is no dose (sqty-1); a dose that is no number is told in words.
    let dose_quantity =
        entry.value.and_then(|value| codes::quantity(value, entry.unit)).filter(|dose| dose.comparator.is_none());
    let told =
        measured(entry).filter(|_| dose_quantity.is_none()).map(|text| Annotation { text: format!("Dose: {text}") });
    Immunization {
        resource_type: Type::Immunization.as_str(),
        id: frame.id(Type::Immunization, entry.id),
        meta: Meta::of(entry.version, Some(entry.last_updated), fits.then_some(nrces::IMMUNIZATION_PROFILE)),
        status: codes::status(entry.status, &["completed", "not-done", "entered-in-error"]),
        vaccine_code,
        patient: frame.subject(),
        occurrence_string: occurrence.is_none().then_some("Date not recorded"),
        occurrence_date_time: occurrence,
        recorded: instant(entry.recorded),
        dose_quantity,
        note: told.into_iter().chain(notes(entry)).collect(),
    }
}
