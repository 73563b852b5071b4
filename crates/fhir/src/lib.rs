#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod patient;

pub mod allergy;
pub mod condition;
pub mod diagnostic_report;
pub mod document_reference;
pub mod family_history;
pub mod immunization;
pub mod medication;
pub mod observation;
pub mod procedure;
pub mod staff;
pub mod visit;

pub mod bundle;
pub mod composition;
pub mod document;
pub mod everything;

pub mod capability;
pub mod outcome;
pub mod search;

pub mod check;
pub mod codes;
pub mod datatypes;
pub mod frame;
pub mod naming;
pub mod nrces;

mod health;
mod record;

pub use bundle::Bundle;
pub use composition::DocumentType;
pub use health::{DocumentRecord, EntryKind, EntryRecord, HospitalRecord, StaffRecord, VisitRecord, WholeRecord};
pub use naming::Naming;
pub use outcome::OperationOutcome;
pub use patient::Patient;
pub use record::{AddressRecord, ContactRecord, Date, Deceased, Gender, PatientRecord};

/// The media type of everything this crate makes.
pub const MEDIA_TYPE: &str = "application/fhir+json";
