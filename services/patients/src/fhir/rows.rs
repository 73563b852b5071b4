//! Rows as the mapping wants them: borrowed, in its own words.

use std::collections::BTreeMap;

use chassis::phi::Phi;
use chrono::Datelike;
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use fhir::{
    AddressRecord, ContactRecord, Date, DocumentRecord, EntryKind, EntryRecord, Gender, HospitalRecord, PatientRecord,
    StaffRecord, VisitRecord, WholeRecord,
};

use crate::app::App;
use crate::care::Visit;
use crate::documents::document::Document;
use crate::history::entry::Entry;
use crate::history::kind::{Kind, Source};
use crate::merge::survivor;
use crate::patient::{Address, EmergencyContact, Facts, Patient};
use crate::staff;

/// What was loaded of a patient's record.
pub struct Loaded {
    /// Who it is about.
    pub patient: Patient,
    former_ids: Vec<String>,
    key: String,
    entries: Vec<Entry>,
    documents: Vec<Document>,
    visits: Vec<Visit>,
    staff: BTreeMap<i64, String>,
}

impl Loaded {
    /// These rows, the names of the staff in them, and the patient's former numbers.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn with(
        conn: &mut AsyncPgConnection,
        patient: Patient,
        entries: Vec<Entry>,
        documents: Vec<Document>,
        visits: Vec<Visit>,
    ) -> QueryResult<Self> {
        let authors = entries.iter().filter_map(author_of).chain(documents.iter().map(|document| document.uploaded_by));
        let known = staff::names(conn, authors.chain(visits.iter().map(|visit| visit.doctor))).await?;
        let mut staff: BTreeMap<i64, String> = known.into_iter().collect();
        // A doctor of whom no event told is known by the appointment.
        for visit in &visits {
            staff.entry(visit.doctor).or_insert_with(|| visit.doctor_name.clone());
        }
        let former_ids = survivor::former_ids(conn, &[patient.id]).await?.remove(&patient.id).unwrap_or_default();
        Ok(Self { key: patient.id.to_string(), former_ids, patient, entries, documents, visits, staff })
    }

    /// The record. `origin` is where the client reaches this system.
    pub fn record<'a>(&'a self, app: &'a App, origin: &str) -> WholeRecord<'a> {
        WholeRecord {
            patient: patient(&self.patient, &self.former_ids, &self.key, &app.patient_id_system),
            blood_group: self.patient.facts.blood_group.as_ref().map(shown),
            entries: self.entries.iter().map(entry).collect(),
            documents: self.documents.iter().map(|kept| document(kept, origin)).collect(),
            visits: self.visits.iter().map(visit).collect(),
            staff: self.staff.iter().map(|(id, name)| StaffRecord { id: *id, name }).collect(),
            hospital: HospitalRecord {
                name: &app.hospital.name,
                patient_id_system: &app.patient_id_system,
                facility_id: app.hospital.facility_id.as_deref(),
            },
        }
    }
}

/// A patient, `key` being their id as text, `former_ids` the numbers of who was merged into them.
pub fn patient<'a>(
    found: &'a Patient,
    former_ids: &'a [String],
    key: &'a str,
    patient_id_system: &'a str,
) -> PatientRecord<'a> {
    let facts = &found.facts;
    PatientRecord {
        id: key,
        version: found.version,
        last_updated: found.updated_at,
        active: facts.is_active,
        patient_id: &found.patient_id,
        former_ids,
        patient_id_system,
        abha_number: facts.abha_number.as_ref().map(shown),
        abha_address: facts.abha_address.as_ref().map(shown),
        first_name: shown(&facts.first_name),
        last_name: shown(&facts.last_name),
        birth_date: birth_date(facts),
        gender: gender(&facts.gender),
        phone: facts.phone.as_ref().map(shown),
        email: facts.email.as_ref().map(shown),
        address: (facts.address != Address::default()).then(|| address(&facts.address)),
        emergency_contact: facts.emergency_contact.as_ref().map(contact),
        preferred_language: facts.preferred_language.as_ref().map(shown),
        deceased: None,
    }
}

fn entry(row: &Entry) -> EntryRecord<'_> {
    let content = &row.content;
    EntryRecord {
        id: row.id,
        kind: match content.kind {
            Kind::Condition => EntryKind::Condition,
            Kind::Allergy => EntryKind::Allergy,
            Kind::Medication => EntryKind::Medication,
            Kind::Observation => EntryKind::Observation,
            Kind::Procedure => EntryKind::Procedure,
            Kind::Immunization => EntryKind::Immunization,
            Kind::FamilyHistory => EntryKind::FamilyHistory,
            Kind::Note => EntryKind::Note,
        },
        version: row.version,
        recorded: row.created_at,
        last_updated: row.updated_at,
        code_system: content.code_system.as_deref(),
        code: content.code.as_ref().map(shown),
        display: content.display.as_ref().map(shown),
        status: &content.status,
        effective_date: content.effective_date.as_deref(),
        value: content.value.as_ref().map(shown),
        unit: content.unit.as_deref(),
        severity: content.severity.as_deref(),
        interpretation: content.interpretation.as_deref(),
        reference_range: content.reference_range.as_ref().map(shown),
        note: content.note.as_ref().map(shown),
        author: author_of(row),
    }
}

/// Who wrote it; who brought a message wrote nothing.
fn author_of(row: &Entry) -> Option<i64> {
    row.provenance.author.filter(|_| row.provenance.source == Source::Api)
}

fn document<'a>(row: &'a Document, origin: &str) -> DocumentRecord<'a> {
    DocumentRecord {
        id: row.id,
        version: row.version,
        recorded: row.created_at,
        last_updated: row.updated_at,
        title: shown(&row.title),
        kind: row.document_type.as_str(),
        description: shown(&row.description),
        content_type: &row.content_type,
        size: row.size,
        url: format!("{origin}/api/patients/{}/documents/{}/content/", row.patient, row.id),
        author: Some(row.uploaded_by),
    }
}

fn visit(row: &Visit) -> VisitRecord<'_> {
    VisitRecord {
        id: row.id,
        version: row.version,
        doctor: row.doctor,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        status: &row.status,
        is_remote: row.appointment_type == "TELECONSULT",
    }
}

/// An estimated date is good for its year at most.
fn birth_date(facts: &Facts) -> Option<Date> {
    let date = facts.date_of_birth?;
    Some(if facts.date_of_birth_estimated { Date::Year(date.year()) } else { Date::Day(date) })
}

fn gender(word: &str) -> Gender {
    match word {
        "MALE" => Gender::Male,
        "FEMALE" => Gender::Female,
        "OTHER" => Gender::Other,
        _ => Gender::Unknown,
    }
}

fn address(address: &Address) -> AddressRecord<'_> {
    AddressRecord {
        line1: or_empty(address.line1.as_ref()),
        line2: or_empty(address.line2.as_ref()),
        city: or_empty(address.city.as_ref()),
        district: or_empty(address.district.as_ref()),
        state: or_empty(address.state.as_ref()),
        pin_code: or_empty(address.pin_code.as_ref()),
        country: or_empty(address.country.as_ref()),
    }
}

fn contact(contact: &EmergencyContact) -> ContactRecord<'_> {
    ContactRecord {
        name: shown(&contact.name),
        relationship: or_empty(contact.relationship.as_ref()),
        phone: or_empty(contact.phone.as_ref()),
    }
}

fn shown(text: &Phi<String>) -> &str {
    text.expose()
}

fn or_empty(text: Option<&Phi<String>>) -> &str {
    text.map_or("", shown)
}
