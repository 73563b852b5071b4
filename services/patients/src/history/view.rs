//! An entry, and the whole history, as callers see them.

use std::collections::BTreeMap;

use chassis::phi::Phi;
use chrono::Timelike;
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::code::CodeView;
use super::entry::Entry;
use super::kind::{Kind, Source};
use crate::care::Visit;
use crate::documents::view::DocumentView;
use crate::patient::instant;

/// An entry.
#[derive(Clone, Serialize, ToSchema)]
pub struct EntryView {
    /// Id.
    pub id: i64,
    /// The patient's id.
    pub patient: i64,
    /// What it is about.
    pub kind: Kind,
    /// What exactly; null of a note without a subject.
    pub code: Option<CodeView>,
    /// One of the kind's, or `ENTERED_IN_ERROR`.
    pub status: String,
    /// `YYYY-MM-DD`, or as much of it as is known: `YYYY-MM`, `YYYY`.
    pub effective_date: Option<String>,
    /// The result, the dose, or which relative.
    #[schema(value_type = Option<String>)]
    pub value: Option<Phi<String>>,
    /// Of the value.
    pub unit: Option<String>,
    /// How severe.
    pub severity: Option<String>,
    /// HL7's flag of a result.
    pub interpretation: Option<String>,
    /// What is normal.
    #[schema(value_type = Option<String>)]
    pub reference_range: Option<Phi<String>>,
    /// Free text.
    #[schema(value_type = Option<String>)]
    pub note: Option<Phi<String>>,
    /// Who said so.
    pub source: SourceView,
    /// Rises by one with every amendment.
    pub version: i64,
    /// When it was entered.
    pub created_at: String,
    /// When this version was made.
    pub updated_at: String,
}

/// Who said so, of this version.
#[derive(Clone, Serialize, ToSchema)]
pub struct SourceView {
    /// By what way it came.
    pub via: Source,
    /// The user who wrote it, or who brought the message.
    pub user: Option<i64>,
    /// The HL7 message.
    pub message: Option<i64>,
    /// Which of the message's fields filled which of these: `{"value": ["OBX[3]-5"]}`.
    #[schema(value_type = Option<Object>)]
    pub places: Option<serde_json::Value>,
}

/// An appointment, as far as events have told of it.
#[derive(Clone, Serialize, ToSchema)]
pub struct AppointmentView {
    /// Id.
    pub id: i64,
    /// The doctor's user id.
    pub doctor: i64,
    /// The doctor's name when the appointment last changed.
    #[schema(value_type = Option<String>)]
    pub doctor_name: Option<Phi<String>>,
    /// `YYYY-MM-DD` in the hospital.
    pub date: String,
    /// `HH:MM:SS` in the hospital.
    pub time_slot: String,
    /// `HH:MM:SS` in the hospital.
    pub end_time: Option<String>,
    /// `SCHEDULED`, `COMPLETED` and so on.
    pub status: String,
    /// `IN_PERSON` or `TELECONSULT`.
    pub appointment_type: Option<String>,
}

/// The whole history, in each list the newest first.
#[derive(Default, Serialize, ToSchema)]
pub struct HistoryView {
    /// The patient's id.
    pub patient: i64,
    /// Of kind CONDITION.
    pub conditions: Vec<EntryView>,
    /// Of kind ALLERGY.
    pub allergies: Vec<EntryView>,
    /// Of kind MEDICATION.
    pub medications: Vec<EntryView>,
    /// Of kind OBSERVATION.
    pub observations: Vec<EntryView>,
    /// Of kind PROCEDURE.
    pub procedures: Vec<EntryView>,
    /// Of kind IMMUNIZATION.
    pub immunizations: Vec<EntryView>,
    /// Of kind FAMILY_HISTORY.
    pub family_history: Vec<EntryView>,
    /// Of kind NOTE.
    pub notes: Vec<EntryView>,
    /// Documents, whether they can be read or not.
    pub documents: Vec<DocumentView>,
    /// Appointments past and to come.
    pub appointments: Vec<AppointmentView>,
    /// Where lists go on that hold their newest 500 only: list → path. Empty nearly always.
    pub more: BTreeMap<&'static str, String>,
}

impl HistoryView {
    /// The list of a kind.
    pub fn list(&mut self, kind: Kind) -> &mut Vec<EntryView> {
        match kind {
            Kind::Condition => &mut self.conditions,
            Kind::Allergy => &mut self.allergies,
            Kind::Medication => &mut self.medications,
            Kind::Observation => &mut self.observations,
            Kind::Procedure => &mut self.procedures,
            Kind::Immunization => &mut self.immunizations,
            Kind::FamilyHistory => &mut self.family_history,
            Kind::Note => &mut self.notes,
        }
    }
}

impl From<Entry> for EntryView {
    fn from(Entry { id, patient, content, provenance, version, created_at, updated_at }: Entry) -> Self {
        let (system, code, display) = (content.code_system, content.code, content.display);
        let coded = code.is_some() || display.is_some();
        Self {
            id,
            patient,
            kind: content.kind,
            code: coded.then_some(CodeView { system, code, display }),
            status: content.status,
            effective_date: content.effective_date,
            value: content.value,
            unit: content.unit,
            severity: content.severity,
            interpretation: content.interpretation,
            reference_range: content.reference_range,
            note: content.note,
            source: SourceView {
                via: provenance.source,
                user: provenance.author,
                message: provenance.message,
                places: provenance.places,
            },
            version,
            created_at: instant(created_at),
            updated_at: instant(updated_at),
        }
    }
}

impl AppointmentView {
    /// In the hospital's time.
    pub fn of(visit: Visit, zone: Tz) -> Self {
        let starts_at = visit.starts_at.with_timezone(&zone);
        let time = |at: chrono::NaiveTime| at.with_nanosecond(0).unwrap_or(at).to_string();
        let told = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: visit.id,
            doctor: visit.doctor,
            doctor_name: told(visit.doctor_name).map(Phi::new),
            date: starts_at.date_naive().to_string(),
            time_slot: time(starts_at.time()),
            end_time: visit.ends_at.map(|ends_at| time(ends_at.with_timezone(&zone).time())),
            status: visit.status,
            appointment_type: told(visit.appointment_type),
        }
    }
}
