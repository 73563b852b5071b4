//! A document of one of the guide's record types: a composition, and whatever it is made of, in one bundle that stands by
//! itself.

use chrono::{DateTime, Utc};

use crate::bundle::{Bundle, BundleIdentifier, Entry, MATCH};
use crate::codes::{self, BODY_MEASURES, SNOMED_CT, VITAL_SIGNS};
use crate::composition::{Composition, DocumentType, Section};
use crate::datatypes::{CodeableConcept, Coding, Meta, Reference, instant};
use crate::diagnostic_report::{key as report_key, newest_results, report};
use crate::everything::{entry, named, of_document, of_entry};
use crate::frame::Frame;
use crate::health::{EntryKind, EntryRecord, StaffRecord, VisitRecord, WholeRecord};
use crate::medication::{is_prescribable, request};
use crate::naming::{Naming, Type};
use crate::nrces;
use crate::observation::is_of_the_body;
use crate::staff::{HOSPITAL, organization, practitioner};
use crate::visit::{appointment, encounter, is_finished, took_place};

/// What makes a document one of its own.
#[derive(Clone, Debug)]
pub struct DocumentRequest<'a> {
    /// Of which type.
    pub kind: DocumentType,
    /// Its identifier, a UUID.
    pub identifier: &'a str,
    /// When it is made.
    pub at: DateTime<Utc>,
}

/// What a record has not, and a document of the type must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A visit that took place.
    Visit,
    /// Anything that belongs into one.
    Content,
}

/// The document; what stands newest first in the record stands so in its sections.
///
/// # Errors
/// When the record has nothing to make one of.
pub fn document(request: &DocumentRequest<'_>, record: &WholeRecord<'_>) -> Result<Bundle, Missing> {
    let naming = Naming::Document { issuer: record.hospital.patient_id_system.to_owned() };
    let mut sheet = Sheet { frame: Frame::of(&naming, record), record, sections: Vec::new(), entries: Vec::new() };
    let visit = latest_visit(record);
    if request.kind.is_of_a_visit() && visit.is_none() {
        return Err(Missing::Visit);
    }
    let visit = visit.filter(|_| request.kind.is_of_a_visit());
    sheet.fill(request, visit);
    if sheet.sections.is_empty() {
        return Err(Missing::Content);
    }
    Ok(sheet.bound(request, visit))
}

/// The newest visit that is over, or else one that has begun.
fn latest_visit<'v>(record: &'v WholeRecord<'_>) -> Option<&'v VisitRecord<'v>> {
    let newest = |is: fn(&VisitRecord<'_>) -> bool| {
        record.visits.iter().filter(|visit| is(visit)).max_by_key(|visit| (visit.starts_at, visit.id))
    };
    newest(is_finished).or_else(|| newest(took_place))
}

struct Sheet<'f, 'a> {
    frame: Frame<'f>,
    record: &'f WholeRecord<'a>,
    sections: Vec<Section>,
    entries: Vec<Entry>,
}

impl<'a> Sheet<'_, 'a> {
    fn fill(&mut self, request: &DocumentRequest<'_>, visit: Option<&VisitRecord<'_>>) {
        match request.kind {
            DocumentType::OpConsult => self.consultation(request.at, visit),
            DocumentType::DischargeSummary => self.discharge(),
            DocumentType::Prescription => {
                let requests = self.requests();
                self.section("Prescription record", request.kind.code(), requests);
            }
            DocumentType::Immunization => {
                self.of_kind("Immunization record", request.kind.code(), EntryKind::Immunization, |_| true);
            }
            DocumentType::HealthDocument => self.documents("Health Document", request.kind.code()),
            DocumentType::DiagnosticReport => self.results(request.kind.code()),
            DocumentType::Wellness => {
                self.of_kind("Vital Signs", None, EntryKind::Observation, |entry| {
                    codes::is_loinc_of(entry, &VITAL_SIGNS)
                });
                self.of_kind("Body Measurement", None, EntryKind::Observation, |entry| {
                    codes::is_loinc_of(entry, &BODY_MEASURES)
                });
            }
        }
    }

    fn consultation(&mut self, now: DateTime<Utc>, visit: Option<&VisitRecord<'_>>) {
        let code = |code, display| Some(Coding::fixed(SNOMED_CT, code, display));
        self.of_kind(
            "Chief Complaints",
            code("422843007", "Chief complaint section"),
            EntryKind::Condition,
            is_present,
        );
        self.of_kind("Allergies", code("722446000", "Allergy record"), EntryKind::Allergy, |_| true);
        self.of_kind(
            "Medical History",
            code("371529009", "History and physical report"),
            EntryKind::Condition,
            |entry| !is_present(entry),
        );
        self.of_kind("Family History", code("422432008", "Family history section"), EntryKind::FamilyHistory, |_| true);
        self.of_kind(
            "Physical Examination",
            code("425044008", "Physical exam section"),
            EntryKind::Observation,
            is_of_the_body,
        );
        self.of_kind("Other Observations", code("404684003", "Clinical finding"), EntryKind::Observation, |entry| {
            !is_of_the_body(entry)
        });
        self.of_kind("Medications", code("721912009", "Medication summary document"), EntryKind::Medication, |_| true);
        self.of_kind("Procedures", code("371525003", "Clinical procedure report"), EntryKind::Procedure, |_| true);
        let to_come = |other: &&VisitRecord<'_>| {
            other.starts_at > now
                && ["SCHEDULED", "CONFIRMED"].contains(&other.status)
                && visit.is_some_and(|visit| visit.doctor == other.doctor)
        };
        let follow_ups: Vec<Entry> = (self.record.visits.iter().filter(to_come))
            .map(|visit| {
                let resource = appointment(&self.frame, visit);
                entry(self.frame.naming, Type::Appointment, &visit.id.to_string(), resource, MATCH)
            })
            .collect();
        self.section("Follow Up", code("390906007", "Follow-up encounter"), follow_ups);
        self.documents("Document Reference", DocumentType::OpConsult.code());
    }

    fn discharge(&mut self) {
        let code = |code, display| Some(Coding::fixed(SNOMED_CT, code, display));
        self.of_kind(
            "Chief Complaints",
            code("422843007", "Chief complaint section"),
            EntryKind::Condition,
            is_present,
        );
        self.of_kind(
            "Physical Examination",
            code("425044008", "Physical exam section"),
            EntryKind::Observation,
            is_of_the_body,
        );
        self.of_kind("Allergies", code("722446000", "Allergy record"), EntryKind::Allergy, |_| true);
        self.of_kind(
            "Medical History",
            code("1003642006", "Past medical history section"),
            EntryKind::Condition,
            |entry| !is_present(entry),
        );
        self.of_kind("Family History", code("422432008", "Family history section"), EntryKind::FamilyHistory, |_| true);
        self.results(code("721981007", "Diagnostic studies report"));
        let requests = self.requests();
        self.section("Medications", code("1003606003", "Medication history section"), requests);
        self.of_kind(
            "Procedures",
            code("1003640003", "History of past procedure section"),
            EntryKind::Procedure,
            |_| true,
        );
        self.documents("Document Reference", DocumentType::DischargeSummary.code());
    }

    /// Notes, and documents by their address.
    fn documents(&mut self, title: &'static str, code: Option<Coding>) {
        let notes = self.record.entries.iter().filter(|entry| entry.kind == EntryKind::Note);
        let notes = notes.map(|note| of_entry(&self.frame, note));
        let stored = self.record.documents.iter().map(|document| of_document(&self.frame, document));
        let entries: Vec<Entry> = notes.chain(stored).collect();
        self.section(title, code, entries);
    }

    fn results(&mut self, code: Option<Coding>) {
        let results = newest_results(&self.record.entries);
        let Some(resource) = report(&self.frame, &results, self.hospital()) else { return };
        let key = results.first().map(|first| report_key(first)).unwrap_or_default();
        let reported = entry(self.frame.naming, Type::DiagnosticReport, &key, resource, MATCH);
        let observations: Vec<Entry> = results.iter().map(|result| of_entry(&self.frame, result)).collect();
        self.section("Diagnostic Report", code, vec![reported]);
        self.keep(observations);
    }

    fn requests(&self) -> Vec<Entry> {
        let medicines = self.record.entries.iter().filter(|entry| entry.kind == EntryKind::Medication);
        let requests = medicines.filter(|medicine| is_prescribable(medicine)).map(|medicine| {
            let resource = request(&self.frame, medicine, self.hospital());
            entry(self.frame.naming, Type::MedicationRequest, &medicine.id.to_string(), resource, MATCH)
        });
        requests.collect()
    }

    fn of_kind(
        &mut self,
        title: &'static str,
        code: Option<Coding>,
        kind: EntryKind,
        is_meant: impl Fn(&EntryRecord<'a>) -> bool,
    ) {
        let meant = self.record.entries.iter().filter(|entry| entry.kind == kind && is_meant(entry));
        let entries: Vec<Entry> = meant.map(|known| of_entry(&self.frame, known)).collect();
        self.section(title, code, entries);
    }

    /// A section of these; none without any.
    fn section(&mut self, title: &'static str, code: Option<Coding>, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let named = entries.iter().map(|entry| Reference {
            reference: entry.full_url.clone(),
            r#type: entry.resource.type_name(),
            display: None,
        });
        self.sections.push(Section {
            title,
            code: code.map(|code| CodeableConcept::of([code])),
            entry: named.collect(),
        });
        self.keep(entries);
    }

    /// Once each, whichever sections name it.
    fn keep(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            if !self.entries.iter().any(|kept| kept.full_url == entry.full_url) {
                self.entries.push(entry);
            }
        }
    }

    fn hospital(&self) -> Reference {
        self.frame.to(Type::Organization, HOSPITAL)
    }

    /// Composition, patient, visit and hospital before the rest; whoever of the staff is named, last.
    fn bound(self, request: &DocumentRequest<'_>, visit: Option<&VisitRecord<'_>>) -> Bundle {
        let Sheet { frame, record, .. } = &self;
        let naming = frame.naming;
        let doctor = visit.and_then(|visit| frame.practitioner(Some(visit.doctor)));
        let stamped = |profile: String| Meta {
            version_id: Some("1".to_owned()),
            last_updated: Some(instant(request.at)),
            profile: vec![profile],
        };
        let composition = Composition {
            resource_type: Type::Composition.as_str(),
            id: naming.id(Type::Composition, request.identifier),
            meta: stamped(request.kind.profile()),
            status: "final",
            r#type: request.kind.concept(),
            subject: frame.subject(),
            encounter: visit.map(|visit| frame.to(Type::Encounter, visit.id)),
            date: instant(request.at),
            author: vec![doctor.unwrap_or_else(|| self.hospital())],
            title: request.kind.title(),
            custodian: self.hospital(),
            section: self.sections.clone(),
        };
        let mut entries = vec![
            entry(naming, Type::Composition, request.identifier, composition, MATCH),
            entry(naming, Type::Patient, frame.patient, named(naming, &record.patient), MATCH),
        ];
        if let Some((visit, encounter)) = visit.and_then(|visit| Some((visit, encounter(frame, visit, false)?))) {
            entries.push(entry(naming, Type::Encounter, &visit.id.to_string(), encounter, MATCH));
        }
        entries.push(entry(naming, Type::Organization, HOSPITAL, organization(frame, &record.hospital), MATCH));
        entries.extend(self.entries.iter().cloned());
        let written = serde_json::to_string(&entries).unwrap_or_default();
        let is_named = |member: &&StaffRecord<'_>| written.contains(&frame.to(Type::Practitioner, member.id).reference);
        entries.extend(record.staff.iter().filter(is_named).map(|member| {
            entry(naming, Type::Practitioner, &member.id.to_string(), practitioner(frame, member), MATCH)
        }));
        // A search mode is of searches only (bdl-2).
        entries.iter_mut().for_each(|entry| entry.search = None);
        Bundle {
            resource_type: "Bundle",
            id: Some(request.identifier.to_owned()),
            meta: Some(stamped(nrces::DOCUMENT_PROFILE.to_owned())),
            identifier: Some(BundleIdentifier {
                system: nrces::URI_SYSTEM.to_owned(),
                value: format!("urn:uuid:{}", request.identifier),
            }),
            r#type: "document",
            timestamp: Some(instant(request.at)),
            total: None,
            link: Vec::new(),
            entry: entries,
        }
    }
}

fn is_present(entry: &EntryRecord<'_>) -> bool {
    ["ACTIVE", "RECURRENCE", "RELAPSE"].contains(&entry.status)
}
