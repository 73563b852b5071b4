//! All that is known of a patient, or a page of it, as the entries of a bundle in which every reference resolves.

use crate::allergy::allergy;
use crate::bundle::{Entry, INCLUDE, MATCH, Resource, Search};
use crate::condition::condition;
use crate::document_reference::{document_key, note, note_key, stored};
use crate::family_history::family_history;
use crate::frame::Frame;
use crate::health::{DocumentRecord, EntryKind, EntryRecord, WholeRecord};
use crate::immunization::immunization;
use crate::medication::statement;
use crate::naming::{Naming, Type};
use crate::observation::{blood_group, blood_group_key, observation};
use crate::patient::patient;
use crate::procedure::procedure;
use crate::record::PatientRecord;
use crate::staff::practitioner;
use crate::visit::{appointment, encounter};

/// Which page of a record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The one that begins with the patient.
    First,
    /// A later one: the patient stands there because the others name them.
    Later,
}

/// The resources of a record, the patient first, whoever of the staff they name last.
pub fn everything(naming: &Naming, record: &WholeRecord<'_>, page: Page) -> Vec<Entry> {
    let frame = Frame::of(naming, record);
    let of_first = |page: Page| if page == Page::First { MATCH } else { INCLUDE };
    let mut entries = vec![entry(naming, Type::Patient, frame.patient, named(naming, &record.patient), of_first(page))];
    let group = record.blood_group.filter(|_| page == Page::First);
    entries.extend(group.map(|group| {
        entry(naming, Type::Observation, &blood_group_key(frame.patient), blood_group(&frame, group), MATCH)
    }));
    entries.extend(record.entries.iter().map(|known| of_entry(&frame, known)));
    entries.extend(record.documents.iter().map(|document| of_document(&frame, document)));
    for visit in &record.visits {
        let key = visit.id.to_string();
        entries.push(entry(naming, Type::Appointment, &key, appointment(&frame, visit), MATCH));
        let encounter = encounter(&frame, visit, true);
        entries.extend(encounter.map(|encounter| entry(naming, Type::Encounter, &key, encounter, MATCH)));
    }
    entries.extend(record.staff.iter().map(|member| {
        entry(naming, Type::Practitioner, &member.id.to_string(), practitioner(&frame, member), INCLUDE)
    }));
    entries
}

/// The patient under the name that the bundle gives them.
pub(crate) fn named(naming: &Naming, record: &PatientRecord<'_>) -> crate::Patient {
    let id = naming.id(Type::Patient, record.id);
    crate::Patient { id, ..patient(record) }
}

/// An entry of the history as the resource that its kind is.
pub(crate) fn of_entry(frame: &Frame<'_>, known: &EntryRecord<'_>) -> Entry {
    let resource: Resource = match known.kind {
        EntryKind::Condition => condition(frame, known).into(),
        EntryKind::Allergy => allergy(frame, known).into(),
        EntryKind::Medication => statement(frame, known).into(),
        EntryKind::Observation => observation(frame, known).into(),
        EntryKind::Procedure => procedure(frame, known).into(),
        EntryKind::Immunization => immunization(frame, known).into(),
        EntryKind::FamilyHistory => family_history(frame, known).into(),
        EntryKind::Note => note(frame, known).into(),
    };
    let (kind, key) = key_of(known);
    entry(frame.naming, kind, &key, resource, MATCH)
}

/// A document as its resource.
pub(crate) fn of_document(frame: &Frame<'_>, document: &DocumentRecord<'_>) -> Entry {
    let key = document_key(document);
    entry(frame.naming, Type::DocumentReference, &key, stored(frame, document), MATCH)
}

/// The type and key of the resource that an entry is.
fn key_of(known: &EntryRecord<'_>) -> (Type, String) {
    let kind = match known.kind {
        EntryKind::Condition => Type::Condition,
        EntryKind::Allergy => Type::AllergyIntolerance,
        EntryKind::Medication => Type::MedicationStatement,
        EntryKind::Observation => Type::Observation,
        EntryKind::Procedure => Type::Procedure,
        EntryKind::Immunization => Type::Immunization,
        EntryKind::FamilyHistory => Type::FamilyMemberHistory,
        EntryKind::Note => return (Type::DocumentReference, note_key(known)),
    };
    (kind, known.id.to_string())
}

pub(crate) fn entry(naming: &Naming, kind: Type, key: &str, resource: impl Into<Resource>, mode: Search) -> Entry {
    Entry { full_url: naming.full_url(kind, key), resource: resource.into(), search: Some(mode) }
}
