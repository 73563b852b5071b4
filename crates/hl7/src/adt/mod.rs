//! ADT: what a message says of a patient.

mod facts;
mod identity;
mod next_of_kin;
mod pid;
mod telecom;

pub use facts::{
    Address, Change, Contact, Death, Gender, Identifier, IdentifierKind, Name, PatientFacts, Phone, PhoneUse,
};
use serde::Serialize;

use crate::clinical::{self, Allergy, Diagnosis, Encounter, Observation, Procedure};
use crate::fault::{ParseFault, Reason};
use crate::message::Message;
use crate::provenance::{Place, Sources};
use crate::reading::numbered;
use crate::text::{filled, one_line};
pub use crate::warning::Warning;
use crate::warning::Warnings;

/// The events that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AdtEvent {
    /// Admitted.
    A01,
    /// Discharged.
    A03,
    /// Registered as an outpatient.
    A04,
    /// To be admitted.
    A05,
    /// Patient and visit updated.
    A08,
    /// Person added.
    A28,
    /// Person updated.
    A31,
    /// Two patients are one; [`AdtMessage::merged_identifiers`] are those of the record that goes.
    A40,
}

impl AdtEvent {
    /// The event by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "A01" => Some(Self::A01),
            "A03" => Some(Self::A03),
            "A04" => Some(Self::A04),
            "A05" => Some(Self::A05),
            "A08" => Some(Self::A08),
            "A28" => Some(Self::A28),
            "A31" => Some(Self::A31),
            "A40" => Some(Self::A40),
            _ => None,
        }
    }

    /// Its code: `A01`.
    pub fn code(self) -> &'static str {
        match self {
            Self::A01 => "A01",
            Self::A03 => "A03",
            Self::A04 => "A04",
            Self::A05 => "A05",
            Self::A08 => "A08",
            Self::A28 => "A28",
            Self::A31 => "A31",
            Self::A40 => "A40",
        }
    }
}

/// An ADT message, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdtMessage {
    /// What happened.
    pub event: AdtEvent,
    /// What is said of the patient.
    pub patient: PatientFacts,
    /// PV1, PV2: the visit.
    pub encounter: Option<Encounter>,
    /// AL1.
    pub allergies: Vec<Allergy>,
    /// DG1.
    pub diagnoses: Vec<Diagnosis>,
    /// PR1.
    pub procedures: Vec<Procedure>,
    /// OBX.
    pub observations: Vec<Observation>,
    /// What was passed over, or read with a doubt. Never says what the message says.
    pub warnings: Vec<Warning>,
    /// For a merge: the identifiers of the record that goes (MRG-1, MRG-4).
    pub merged_identifiers: Vec<Identifier>,
}

/// Reads an ADT message.
///
/// # Errors
///
/// For another message or event, a missing PID, a patient without an identifier, or a merge without MRG.
/// Anything less is a warning, and the field in question is left as it is.
pub fn read(message: &Message) -> Result<AdtMessage, ParseFault> {
    let header = message.header()?;
    if header.message_code != "ADT" {
        return Err(ParseFault::field(Reason::UnsupportedMessage, "MSH", 9));
    }
    let event = AdtEvent::from_code(&header.trigger_event)
        .ok_or_else(|| ParseFault::field(Reason::UnsupportedEvent, "MSH", 9))?;
    let mut warnings = Warnings::default();
    let recorded = message.segment("EVN").map(|evn| evn.field(1).text()).unwrap_or_default();
    if !recorded.is_empty() && recorded != event.code() {
        warnings.add("EVN-1", "differs from the event in MSH-9, which was followed");
    }
    let patient = patient(message, &mut warnings)?;
    let merged_identifiers = match event {
        AdtEvent::A40 => merged(message)?,
        _ => Vec::new(),
    };
    let segments = numbered(message);
    if segments.iter().any(|of| of.segment.name() == "IN1") {
        warnings.add("IN1", "insurance is not read from messages");
    }
    Ok(AdtMessage {
        event,
        patient,
        encounter: clinical::encounter(&segments, &mut warnings),
        allergies: clinical::allergies(&segments, &mut warnings),
        diagnoses: clinical::diagnoses(&segments, &mut warnings),
        procedures: clinical::procedures(&segments, &mut warnings),
        observations: clinical::observations(&segments, &mut warnings),
        warnings: warnings.into_vec(),
        merged_identifiers,
    })
}

/// What PID and NK1 say of the first patient of a message.
pub(crate) fn patient(message: &Message, warnings: &mut Warnings) -> Result<PatientFacts, ParseFault> {
    let pid = message.segment("PID").ok_or_else(|| ParseFault::segment(Reason::MissingSegment, "PID"))?;
    if message.segments().filter(|segment| segment.name() == "PID").count() > 1 {
        warnings.add("PID", "only the first patient of the message was read");
    }
    let mut patient = pid::facts(&pid, warnings);
    next_of_kin::contacts(message, &mut patient, warnings);
    if patient.identifiers.is_empty() {
        return Err(ParseFault::field(Reason::MissingField, "PID", 3));
    }
    Ok(patient)
}

fn merged(message: &Message) -> Result<Vec<Identifier>, ParseFault> {
    let mrg = message.segment("MRG").ok_or_else(|| ParseFault::segment(Reason::MissingSegment, "MRG"))?;
    let mut identifiers = Vec::new();
    identity::collect(&mut identifiers, &mrg.field(1), Place::new("MRG", 1), &mut Sources::default());
    identity::collect(&mut identifiers, &mrg.field(4), Place::new("MRG", 4), &mut Sources::default());
    if identifiers.is_empty() {
        return Err(ParseFault::field(Reason::MissingField, "MRG", 1));
    }
    Ok(identifiers)
}
