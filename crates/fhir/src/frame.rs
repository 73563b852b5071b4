//! What every resource of a record needs to know of the others.

use crate::datatypes::{Annotation, Reference};
use crate::health::{EntryRecord, StaffRecord, WholeRecord};
use crate::naming::{Naming, Type};
use crate::patient::filled;

/// The bundle that a resource is made for.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// How resources are called there.
    pub naming: &'a Naming,
    /// The patient's key.
    pub patient: &'a str,
    /// Whoever of the staff is in it.
    pub staff: &'a [StaffRecord<'a>],
}

impl<'a> Frame<'a> {
    /// The frame of a record's bundle.
    pub fn of(naming: &'a Naming, record: &'a WholeRecord<'a>) -> Self {
        Self { naming, patient: record.patient.id, staff: &record.staff }
    }

    /// The resource's `id`.
    pub fn id(&self, kind: Type, key: impl ToString) -> String {
        self.naming.id(kind, &key.to_string())
    }

    /// A reference to a resource of the bundle.
    pub fn to(&self, kind: Type, key: impl ToString) -> Reference {
        self.naming.reference(kind, &key.to_string())
    }

    /// The patient.
    pub fn subject(&self) -> Reference {
        self.to(Type::Patient, self.patient)
    }

    /// Somebody of the staff, if they are in the bundle.
    pub fn practitioner(&self, id: Option<i64>) -> Option<Reference> {
        let member = self.staff.iter().find(|member| Some(member.id) == id)?;
        Some(Reference { display: filled(member.name), ..self.to(Type::Practitioner, member.id) })
    }
}

/// An entry's free text.
pub(crate) fn notes(entry: &EntryRecord<'_>) -> Vec<Annotation> {
    let text = entry.note.map(str::trim).filter(|note| !note.is_empty());
    text.map(|text| Annotation { text: text.to_owned() }).into_iter().collect()
}

/// An entry's date, where it is known.
pub(crate) fn dated(entry: &EntryRecord<'_>) -> Option<String> {
    entry.effective_date.and_then(filled)
}

/// An entry's value and unit as one text.
pub(crate) fn measured(entry: &EntryRecord<'_>) -> Option<String> {
    filled(&format!("{} {}", entry.value?, entry.unit.unwrap_or_default()))
}
