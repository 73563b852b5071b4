//! What can be wrong, in the words of this service, and how each becomes an answer.

use chassis::problem::Problem;
use chassis::strict_json::Faults;
use chrono::{NaiveDate, NaiveTime};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::Calendar;
use crate::booking::clash::Clash;
use crate::series::Missed;
use crate::slots::Span;
use crate::status::{Status, When};
use crate::waitlist::refusal::Refusal;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for the caller to know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The caller may see it but not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Bad input, every fault of it.
    #[error("bad input")]
    Faults(Faults),
    /// The time is taken; not yet explained.
    #[error("the time is taken")]
    Clash(Box<Clash>),
    /// The time is taken, by whom and what is free instead.
    #[error("the time is taken")]
    Taken(Box<Taken>),
    /// The status does not follow.
    #[error("{to:?} does not follow {from:?}")]
    DoesNotFollow {
        /// Status as it is.
        from: Status,
        /// Status that was asked for.
        to: Status,
    },
    /// Begun or over: its time stands.
    #[error("an appointment that is {0:?} cannot be moved")]
    NotMovable(Status),
    /// A patient calls off what has begun.
    #[error("the appointment has begun")]
    Begun,
    /// The status follows, and not yet.
    #[error("too early")]
    TooEarly {
        /// Status that was asked for.
        to: Status,
        /// From when on it can be had.
        when: When,
    },
    /// Some of a series cannot be had.
    #[error("some of the series cannot be had")]
    Series(Vec<Missed>),
    /// The waitlist refuses.
    #[error(transparent)]
    Waitlist(#[from] Refusal),
    /// PostgreSQL.
    #[error(transparent)]
    Database(#[from] DieselError),
    /// A refusal that is an answer already.
    #[error("{0}")]
    Problem(Problem),
}

/// Why a time cannot be had, and three that can.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Taken {
    /// What is in the way.
    pub conflicts: Vec<Conflict>,
    /// The next free times with the doctor, three at most.
    pub next_available: Vec<FreeSlot>,
}

/// One thing in the way. It says when, never who or why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conflict {
    /// Whose time it takes: `doctor`, `patient` or `room`; `waitlist`: the doctor's, held for somebody who waits and was offered it.
    pub with: &'static str,
    /// Day.
    pub date: NaiveDate,
    /// When it begins.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// When it ends.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
}

/// A time that can be had.
#[derive(Debug, Serialize, ToSchema)]
pub struct FreeSlot {
    /// Day.
    pub date: NaiveDate,
    /// When it begins.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// When it ends.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
}

impl FreeSlot {
    /// A span, as people say it.
    pub fn at(calendar: &Calendar, span: &Span) -> Self {
        let (date, time_slot, end_time) = calendar.wall_clock(span);
        Self { date, time_slot, end_time }
    }
}

impl Error {
    /// One fault of the input.
    pub fn invalid(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        let mut faults = Faults::new();
        faults.push(field, code, message);
        Self::Faults(faults)
    }

    /// Whether doing it all again may go well: the transaction was chosen to lose, not the caller.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
            // Diesel has no kind for SQLSTATE 40P01; PostgreSQL's text for it is stable.
            Self::Database(DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)) => {
                info.message().contains("deadlock detected")
            }
            _ => false,
        }
    }

    /// Whether the database's own guard refused: somebody else has the time since we looked.
    pub fn is_exclusion(&self) -> bool {
        matches!(self, Self::Database(DieselError::DatabaseError(DatabaseErrorKind::ExclusionViolation, _)))
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Self::not_found(format!("There is no such {what}.")),
            Error::Forbidden(why) => Self::forbidden(why),
            Error::Faults(faults) => Self::bad_request(faults),
            Error::Clash(_) => taken(&Taken::default()),
            Error::Taken(why) => taken(&why),
            Error::DoesNotFollow { from, to } => {
                Self::conflict(format!("An appointment that is {} cannot become {}.", from.as_str(), to.as_str()))
                    .with_type("illegal-status-change")
            }
            Error::NotMovable(status) => {
                Self::conflict(format!("An appointment that is {} keeps its time, doctor and length.", status.as_str()))
                    .with_type("not-movable")
            }
            Error::Begun => Self::conflict("The appointment has begun; only the hospital can call it off now.")
                .with_type("too-late"),
            Error::TooEarly { to, when } => {
                let from = if when == When::FromItsDay { "before its day" } else { "before its start" };
                Self::conflict(format!("An appointment does not become {} {from}.", to.as_str())).with_type("too-early")
            }
            Error::Series(missed) => {
                Self::conflict("Some of the series cannot be had, so that nothing was booked; see occurrences.")
                    .with_type("series-clash")
                    .with("occurrences", json!(missed))
            }
            Error::Waitlist(refusal) => refusal.into(),
            Error::Database(cause) => cause.into(),
            Error::Problem(problem) => problem,
        }
    }
}

fn taken(why: &Taken) -> Problem {
    Problem::conflict("The time overlaps another appointment of the doctor, the patient or the room.")
        .with_type("double-booking")
        .with("conflicts", json!(why.conflicts))
        .with("next_available", json!(why.next_available))
}
