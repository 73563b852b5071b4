//! What can go wrong, in this service's words, and what the client hears of it.

use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::documents::kind::{DocumentStatus, Reason};

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for the caller to know of.
    #[error("no such patient")]
    NoSuchPatient,
    /// The patient's history has no such entry.
    #[error("no such entry")]
    NoSuchEntry,
    /// The patient has no such document.
    #[error("no such document")]
    NoSuchDocument,
    /// The document was not inspected yet, or must not be read.
    #[error("a document that cannot be read")]
    NotReadable(DocumentStatus, Option<Reason>),
    /// The entry was entered in error, which is final.
    #[error("entered in error")]
    EnteredInError,
    /// No message with this id was ever parked.
    #[error("no such parked message")]
    NoSuchMessage,
    /// The parked message was replayed or discarded before.
    #[error("the parked message was dealt with")]
    MessageResolved,
    /// Another patient has this ABHA number.
    #[error("the ABHA number is another patient's")]
    AbhaTaken,
    /// The role may write, but not these fields.
    #[error("fields that the caller may not change")]
    NotTheirs(Vec<&'static str>),
    /// Fields that nobody writes were given another value.
    #[error("fields that nobody may change")]
    ReadOnly(Vec<&'static str>),
    /// A doctor or nurse registers somebody who would not be in their care.
    #[error("would not be in the caller's care")]
    OutOfCare,
    /// `primary_doctor` is not an active doctor.
    #[error("no such doctor")]
    NoSuchDoctor,
    /// `user` is not the account of an active patient.
    #[error("no such account")]
    NoSuchAccount,
    /// A patient is to be merged into themselves.
    #[error("a merge of a patient with themselves")]
    MergeWithItself,
    /// The patient who is to be merged is not there.
    #[error("no such source")]
    NoSuchSource,
    /// The two are merged already.
    #[error("merged already")]
    AlreadyMerged,
    /// One of the two is merged into somebody else.
    #[error("the {which} is merged into another")]
    IsMerged {
        /// `source` or `target`.
        which: &'static str,
    },
    /// Somebody is merged into the patient who is to be merged.
    #[error("others are merged into the source")]
    HasMerged,
    /// The surviving record would be one that is not in use.
    #[error("the target is deactivated")]
    MergeIntoDeactivated,
    /// The two are not merged.
    #[error("not merged")]
    NotMerged,
    /// A fault of the input that only the service can see.
    #[error("a fault of the input")]
    Input(Fault),
    /// An answer of its own already.
    #[error("{0}")]
    Problem(Problem),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchPatient => Self::not_found("There is no such patient."),
            Error::NoSuchEntry => Self::not_found("There is no such entry."),
            Error::NoSuchDocument => Self::not_found("There is no such document."),
            Error::NotReadable(status, reason) => Self::conflict("The document cannot be read; see status.")
                .with_type("document-not-readable")
                .with("document_status", status.as_str())
                .with("reason", reason.map(Reason::as_str)),
            Error::EnteredInError => {
                Self::conflict("The entry was entered in error, which is final; enter another one.")
                    .with_type("entered-in-error")
            }
            Error::NoSuchMessage => Self::not_found("There is no such parked message."),
            Error::MessageResolved => {
                Self::conflict("The message was replayed or discarded before.").with_type("hl7-message-resolved")
            }
            Error::AbhaTaken => {
                Self::conflict("This ABHA number is in use for another patient.").with_type("abha-number-taken")
            }
            Error::NotTheirs(fields) => Self::forbidden(format!("Your role may not change: {}.", fields.join(", "))),
            Error::ReadOnly(fields) => Self::bad_request(Faults(
                fields.iter().map(|field| Fault::new("read_only", "cannot be changed").at(*field)).collect(),
            )),
            Error::OutOfCare => Self::forbidden("The patient would not be in your care: set primary_doctor."),
            Error::NoSuchDoctor => Self::invalid("primary_doctor", "unknown_doctor", "is not an active doctor"),
            Error::NoSuchAccount => Self::invalid("user", "unknown_account", "is not the account of an active patient"),
            Error::MergeWithItself => Self::invalid("source", "same_patient", "must be another patient"),
            Error::NoSuchSource => Self::invalid("source", "unknown", "there is no such patient"),
            Error::AlreadyMerged => Self::conflict("The two are merged already.").with_type("already-merged"),
            Error::IsMerged { which } => Self::conflict(format!(
                "The {which} is merged into another patient: take the survivor, or undo that first."
            ))
            .with_type("already-merged"),
            Error::HasMerged => Self::conflict(
                "Other records are merged into the source: merge the other way round, or undo those merges first.",
            )
            .with_type("merge-of-merged"),
            Error::MergeIntoDeactivated => Self::conflict(
                "The surviving patient is deactivated: bring them back first, or merge the other way round.",
            )
            .with_type("target-deactivated"),
            Error::NotMerged => Self::conflict("The source is not merged into this patient.").with_type("not-merged"),
            Error::Input(fault) => Self::bad_request(Faults(vec![fault])),
            Error::Problem(problem) => problem,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<DieselError> for Error {
    fn from(fault: DieselError) -> Self {
        match &fault {
            DieselError::NotFound => Self::NoSuchPatient,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info)
                if info.constraint_name() == Some("patients_abha_number_key") =>
            {
                Self::AbhaTaken
            }
            _ => Self::Problem(fault.into()),
        }
    }
}
