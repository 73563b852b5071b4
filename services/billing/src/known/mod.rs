//! What billing knows of others' records: patients, doctors' names, appointments.
//!
//! Events keep these rows; each is replaced only by a later version of itself. Where a row is missing because its event has
//! not come yet, [`Owners`] asks the owner on the caller's behalf.

mod appointment;
mod doctor;
pub mod merged;
mod owners;
mod patient;

pub use appointment::Appointment;
pub use doctor::Doctor;
pub use owners::Owners;
pub use patient::Patient;

/// The version of a row that was asked for rather than heard of. The owner shows some callers less than it tells by event, so
/// that any event about the record is taken for later.
const ASKED: i64 = 0;
