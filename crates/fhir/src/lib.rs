#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod datatypes;
pub mod nrces;
pub mod outcome;
pub mod patient;
mod record;

pub use outcome::OperationOutcome;
pub use patient::Patient;
pub use record::{AddressRecord, ContactRecord, Date, Deceased, Gender, PatientRecord};

/// The media type of everything this crate makes.
pub const MEDIA_TYPE: &str = "application/fhir+json";
