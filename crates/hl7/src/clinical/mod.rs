//! What messages say of a patient's care: one record for a segment or a group of segments.
//!
//! A record names its facts as FHIR's resource does where that is of use, and its `sources` say which field filled which.

mod allergy;
mod appointment;
mod diagnosis;
mod encounter;
mod immunization;
mod observation;
mod procedure;
mod range;
mod report;
mod value;

pub use allergy::Allergy;
pub use appointment::{Appointment, Resource};
pub use diagnosis::Diagnosis;
pub use encounter::{Class, Encounter};
pub use immunization::Immunization;
pub use observation::{Flag, Note, Observation};
pub use procedure::Procedure;
pub use range::ReferenceRange;
pub use report::Report;
pub use value::{Comparator, Value};

pub(crate) use observation::{note, observation};
pub(crate) use {appointment::appointment, encounter::encounter, immunization::immunizations, report::reports};

use crate::reading::Numbered;
use crate::warning::Warnings;

pub(crate) fn allergies(segments: &[Numbered<'_>], warnings: &mut Warnings) -> Vec<Allergy> {
    named(segments, "AL1").filter_map(|al1| allergy::allergy(al1, warnings)).collect()
}

pub(crate) fn diagnoses(segments: &[Numbered<'_>], warnings: &mut Warnings) -> Vec<Diagnosis> {
    named(segments, "DG1").filter_map(|dg1| diagnosis::diagnosis(dg1, warnings)).collect()
}

pub(crate) fn procedures(segments: &[Numbered<'_>], warnings: &mut Warnings) -> Vec<Procedure> {
    named(segments, "PR1").filter_map(|pr1| procedure::procedure(pr1, warnings)).collect()
}

/// The observations of a message without orders, each with the notes that follow it.
pub(crate) fn observations(segments: &[Numbered<'_>], warnings: &mut Warnings) -> Vec<Observation> {
    let mut found: Vec<Observation> = Vec::new();
    let mut open = false;
    for of in segments {
        match of.segment.name() {
            "OBX" => {
                let read = observation(*of, warnings);
                open = read.is_some();
                found.extend(read);
            }
            "NTE" if open => {
                if let Some(last) = found.last_mut() {
                    last.notes.extend(note(*of, warnings));
                }
            }
            "PRT" => {}
            _ => open = false,
        }
    }
    found
}

fn named<'a, 'm>(segments: &'a [Numbered<'m>], name: &'a str) -> impl Iterator<Item = Numbered<'m>> + 'a {
    segments.iter().copied().filter(move |of| of.segment.name() == name)
}
