//! What a message says, by its type.

use serde::Serialize;

use crate::adt::{self, AdtEvent, AdtMessage, PatientFacts};
use crate::clinical::{self, Allergy, Appointment, Diagnosis, Encounter, Immunization, Observation, Report};
use crate::fault::{ParseFault, Reason};
use crate::message::Message;
use crate::reading::numbered;
use crate::warning::{Warning, Warnings};

/// A message of any type that is read here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// ADT: the patient, and the visit.
    Adt(Box<AdtMessage>),
    /// ORU^R01: results.
    Results(Box<Results>),
    /// SIU^S12 to S15: an appointment.
    Schedule(Box<Schedule>),
    /// VXU^V04: vaccinations.
    Vaccination(Box<Vaccination>),
}

impl Content {
    /// What is said of the patient.
    pub fn patient(&self) -> &PatientFacts {
        match self {
            Self::Adt(adt) => &adt.patient,
            Self::Results(results) => &results.patient,
            Self::Schedule(schedule) => &schedule.patient,
            Self::Vaccination(vaccination) => &vaccination.patient,
        }
    }

    /// What was passed over, or read with a doubt.
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Adt(adt) => &adt.warnings,
            Self::Results(results) => &results.warnings,
            Self::Schedule(schedule) => &schedule.warnings,
            Self::Vaccination(vaccination) => &vaccination.warnings,
        }
    }
}

/// ORU^R01, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Results {
    /// Whose results.
    pub patient: PatientFacts,
    /// PV1, PV2.
    pub encounter: Option<Encounter>,
    /// OBR with the OBX under each.
    pub reports: Vec<Report>,
    /// OBX that belong to no order.
    pub observations: Vec<Observation>,
    /// What was passed over, or read with a doubt.
    pub warnings: Vec<Warning>,
}

/// SIU, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// What happened to the appointment.
    pub event: ScheduleEvent,
    /// Whose appointment.
    pub patient: PatientFacts,
    /// PV1, PV2.
    pub encounter: Option<Encounter>,
    /// SCH and its resources.
    pub appointment: Appointment,
    /// OBX.
    pub observations: Vec<Observation>,
    /// DG1.
    pub diagnoses: Vec<Diagnosis>,
    /// What was passed over, or read with a doubt.
    pub warnings: Vec<Warning>,
}

/// The events of an appointment that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ScheduleEvent {
    /// Booked.
    S12,
    /// Moved to another time.
    S13,
    /// Changed otherwise.
    S14,
    /// Cancelled.
    S15,
}

/// VXU^V04, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vaccination {
    /// Who was vaccinated.
    pub patient: PatientFacts,
    /// PV1, PV2.
    pub encounter: Option<Encounter>,
    /// RXA.
    pub immunizations: Vec<Immunization>,
    /// OBX that belong to no vaccination.
    pub observations: Vec<Observation>,
    /// AL1.
    pub allergies: Vec<Allergy>,
    /// What was passed over, or read with a doubt.
    pub warnings: Vec<Warning>,
}

/// The most patients of a message that may speak of several.
pub const MAX_PATIENTS: usize = 100;

/// Reads a message of any type, for each of its patients: results (ORU) and merges (A40) may speak of several, at most
/// [`MAX_PATIENTS`].
///
/// # Errors
///
/// As [`read`], of any of them; and for more patients than a message of its kind may have.
pub fn read_each(message: &Message) -> Result<Vec<Content>, ParseFault> {
    let first = read(message)?;
    let most = match &first {
        Content::Adt(adt) if adt.event == AdtEvent::A40 => MAX_PATIENTS,
        Content::Results(_) => MAX_PATIENTS,
        Content::Adt(_) | Content::Schedule(_) | Content::Vaccination(_) => 1,
    };
    match message.segments().filter(|segment| segment.name() == "PID").count() {
        0 | 1 => Ok(vec![first]),
        patients if patients <= most => message.by_patient().iter().map(read).collect(),
        _ => Err(ParseFault::segment(Reason::TooManyPatients, "PID")),
    }
}

/// Reads a message of any type. Of one that speaks of several patients it is the first, with a warning; see [`read_each`].
///
/// # Errors
///
/// For another type or event, a missing PID (or SCH in a SIU), and a patient without an identifier. Anything less is a
/// warning, and the field in question is left out.
pub fn read(message: &Message) -> Result<Content, ParseFault> {
    let header = message.header()?;
    let unsupported_event = || ParseFault::field(Reason::UnsupportedEvent, "MSH", 9);
    match (header.message_code.as_str(), header.trigger_event.as_str()) {
        ("ADT", _) => Ok(Content::Adt(Box::new(adt::read(message)?))),
        ("ORU", "R01") => Ok(Content::Results(Box::new(results(message)?))),
        ("SIU", event) => {
            let event = ScheduleEvent::from_code(event).ok_or_else(unsupported_event)?;
            Ok(Content::Schedule(Box::new(schedule(message, event)?)))
        }
        ("VXU", "V04") => Ok(Content::Vaccination(Box::new(vaccination(message)?))),
        ("ORU" | "VXU", _) => Err(unsupported_event()),
        _ => Err(ParseFault::field(Reason::UnsupportedMessage, "MSH", 9)),
    }
}

fn results(message: &Message) -> Result<Results, ParseFault> {
    let mut warnings = Warnings::default();
    let patient = adt::patient(message, &mut warnings)?;
    let segments = numbered(message);
    let (reports, observations) = clinical::reports(&segments, &mut warnings);
    let encounter = clinical::encounter(&segments, &mut warnings);
    Ok(Results { patient, encounter, reports, observations, warnings: warnings.into_vec() })
}

fn schedule(message: &Message, event: ScheduleEvent) -> Result<Schedule, ParseFault> {
    let mut warnings = Warnings::default();
    let patient = adt::patient(message, &mut warnings)?;
    let segments = numbered(message);
    let appointment = clinical::appointment(&segments, event == ScheduleEvent::S15, &mut warnings)
        .ok_or_else(|| ParseFault::segment(Reason::MissingSegment, "SCH"))?;
    if appointment.placer.is_none() && appointment.filler.is_none() {
        return Err(ParseFault::field(Reason::MissingField, "SCH", 1));
    }
    Ok(Schedule {
        event,
        patient,
        encounter: clinical::encounter(&segments, &mut warnings),
        appointment,
        observations: clinical::observations(&segments, &mut warnings),
        diagnoses: clinical::diagnoses(&segments, &mut warnings),
        warnings: warnings.into_vec(),
    })
}

fn vaccination(message: &Message) -> Result<Vaccination, ParseFault> {
    let mut warnings = Warnings::default();
    let patient = adt::patient(message, &mut warnings)?;
    let segments = numbered(message);
    let (immunizations, observations) = clinical::immunizations(&segments, &mut warnings);
    Ok(Vaccination {
        patient,
        encounter: clinical::encounter(&segments, &mut warnings),
        immunizations,
        observations,
        allergies: clinical::allergies(&segments, &mut warnings),
        warnings: warnings.into_vec(),
    })
}

impl ScheduleEvent {
    /// The event by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "S12" => Some(Self::S12),
            "S13" => Some(Self::S13),
            "S14" => Some(Self::S14),
            "S15" => Some(Self::S15),
            _ => None,
        }
    }
}
