//! `Appointment` and `Encounter`: a visit as it was planned, and as it takes or took place.

use serde::Serialize;
use serde_json::{Value, json};

use crate::codes::NOT_KNOWN;
use crate::datatypes::{CodeableConcept, Coding, Meta, Period, Reference, instant};
use crate::frame::Frame;
use crate::health::VisitRecord;
use crate::naming::Type;
use crate::nrces;

const ACT_CODES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// The planned visit.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Appointment {
    /// `Appointment`
    pub resource_type: &'static str,
    /// The appointment's key.
    pub id: String,
    /// Version, profile.
    pub meta: Meta,
    /// What has become of it.
    pub status: &'static str,
    /// By video, where it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_type: Vec<CodeableConcept>,
    /// When it begins.
    pub start: String,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// That its end is not known: an appointment that stands says when it ends (app-3).
    #[serde(rename = "_end", skip_serializing_if = "Option::is_none")]
    pub no_end: Option<Value>,
    /// Patient and doctor.
    pub participant: Vec<Participant>,
}

/// `Appointment.participant`
#[derive(Clone, Serialize)]
pub struct Participant {
    /// Who.
    pub actor: Reference,
    /// `accepted`, or `declined` of a visit that was cancelled.
    pub status: &'static str,
}

/// The visit.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Encounter {
    /// `Encounter`
    pub resource_type: &'static str,
    /// The appointment's key.
    pub id: String,
    /// Version, profile.
    pub meta: Meta,
    /// How far it has come.
    pub status: &'static str,
    /// Ambulatory, or virtual.
    pub class: Coding,
    /// Who came.
    pub subject: Reference,
    /// To whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub participant: Vec<Attendant>,
    /// What was planned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub appointment: Vec<Reference>,
    /// When, as it was planned.
    pub period: Period,
}

/// `Encounter.participant`
#[derive(Clone, Serialize)]
pub struct Attendant {
    /// Who.
    pub individual: Reference,
}

/// The planned visit that the appointment is.
pub fn appointment(frame: &Frame<'_>, visit: &VisitRecord<'_>) -> Appointment {
    let status = match visit.status {
        "CHECKED_IN" => "checked-in",
        "IN_PROGRESS" | "COMPLETED" => "fulfilled",
        "CANCELLED" => "cancelled",
        "NO_SHOW" => "noshow",
        _ => "booked",
    };
    let agreed = if status == "cancelled" { "declined" } else { "accepted" };
    let actors = [Some(frame.subject()), frame.practitioner(Some(visit.doctor))];
    let not_known = || json!({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": NOT_KNOWN.code}]});
    Appointment {
        resource_type: Type::Appointment.as_str(),
        id: frame.id(Type::Appointment, visit.id),
        meta: Meta::of(visit.version, None, Some(nrces::APPOINTMENT_PROFILE)),
        status,
        service_type: visit.is_remote.then(|| CodeableConcept::said("Teleconsultation")).into_iter().collect(),
        start: instant(visit.starts_at),
        end: visit.ends_at.map(instant),
        no_end: visit.ends_at.is_none().then(not_known),
        participant: actors.into_iter().flatten().map(|actor| Participant { actor, status: agreed }).collect(),
    }
}

/// Whether it has begun, as far as is known.
pub fn took_place(visit: &VisitRecord<'_>) -> bool {
    encounter_status(visit).is_some()
}

/// Whether it is over.
pub fn is_finished(visit: &VisitRecord<'_>) -> bool {
    encounter_status(visit) == Some("finished")
}

fn encounter_status(visit: &VisitRecord<'_>) -> Option<&'static str> {
    match visit.status {
        "CHECKED_IN" => Some("arrived"),
        "IN_PROGRESS" => Some("in-progress"),
        "COMPLETED" => Some("finished"),
        _ => None,
    }
}

/// The visit itself, where it has begun. `with_plan`: the appointment is in the bundle too.
pub fn encounter(frame: &Frame<'_>, visit: &VisitRecord<'_>, with_plan: bool) -> Option<Encounter> {
    let status = encounter_status(visit)?;
    let finished = status == "finished";
    Some(Encounter {
        resource_type: Type::Encounter.as_str(),
        id: frame.id(Type::Encounter, visit.id),
        meta: Meta::of(visit.version, None, Some(nrces::ENCOUNTER_PROFILE)),
        status,
        class: match visit.is_remote {
            true => Coding::fixed(ACT_CODES, "VR", "virtual"),
            false => Coding::fixed(ACT_CODES, "AMB", "ambulatory"),
        },
        subject: frame.subject(),
        participant: frame
            .practitioner(Some(visit.doctor))
            .map(|individual| Attendant { individual })
            .into_iter()
            .collect(),
        appointment: with_plan.then(|| frame.to(Type::Appointment, visit.id)).into_iter().collect(),
        period: Period { start: instant(visit.starts_at), end: visit.ends_at.filter(|_| finished).map(instant) },
    })
}
