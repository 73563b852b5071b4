//! What an appointment's status may become, and who may make each step, and when. Pure; [`STEPS`] is the one table.

use auth::Role;
use chassis::words;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

words! {
    /// How far an appointment has come.
    pub enum Status {
        /// Booked.
        Scheduled = "SCHEDULED",
        /// The patient said that they will come.
        Confirmed = "CONFIRMED",
        /// The patient is here.
        CheckedIn = "CHECKED_IN",
        /// The doctor sees the patient.
        InProgress = "IN_PROGRESS",
        /// Done; billing takes it from here.
        Completed = "COMPLETED",
        /// Called off; its time is free again.
        Cancelled = "CANCELLED",
        /// The patient did not come; its time is free again.
        NoShow = "NO_SHOW",
    }
}

words! {
    /// Where patient and doctor meet.
    pub enum AppointmentType {
        /// At the hospital.
        InPerson = "IN_PERSON",
        /// By telephone or video.
        Teleconsult = "TELECONSULT",
    }
}

words! {
    /// Why an appointment cannot stay where it is.
    pub enum Cause {
        /// The doctor is on leave, or their time is blocked.
        Leave = "LEAVE",
        /// The doctor does not see patients here any more.
        DoctorUnavailable = "DOCTOR_UNAVAILABLE",
        /// The patient's record is deactivated.
        PatientInactive = "PATIENT_INACTIVE",
        /// The patient has another appointment at this time, booked earlier under the other id of a merge.
        PatientElsewhere = "PATIENT_ELSEWHERE",
    }
}

/// When a step may be made, on the hospital's wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Anytime,
    /// From midnight of the appointment's day on.
    FromItsDay,
    /// From the appointment's start on.
    FromStart,
    /// Before the appointment's start.
    BeforeStart,
}

/// One permitted step.
#[derive(Debug)]
pub struct Step {
    /// Status before.
    pub from: Status,
    /// Status after.
    pub to: Status,
    /// Who may make it.
    pub by: &'static [Who],
    /// When.
    pub when: When,
}

/// Who makes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A caller in this role.
    Role(Role),
    /// The service's worker.
    Worker,
}

const ADMIN: Who = Who::Role(Role::Admin);
const DOCTOR: Who = Who::Role(Role::Doctor);
const NURSE: Who = Who::Role(Role::Nurse);
const RECEPTIONIST: Who = Who::Role(Role::Receptionist);

const DESK: &[Who] = &[ADMIN, RECEPTIONIST, DOCTOR, NURSE];
const ROOM: &[Who] = &[ADMIN, DOCTOR, NURSE];
const TREATS: &[Who] = &[ADMIN, DOCTOR];
const PATIENT: &[Who] = &[Who::Role(Role::Patient)];
const WAITS: &[Who] = &[ADMIN, RECEPTIONIST, DOCTOR, NURSE, Who::Worker];

/// Every step there is; what is not here is a conflict. A doctor without a desk may start on a patient that nobody checked in.
pub const STEPS: &[Step] = &[
    step(Status::Scheduled, Status::Confirmed, DESK, When::Anytime),
    step(Status::Scheduled, Status::CheckedIn, DESK, When::FromItsDay),
    step(Status::Scheduled, Status::InProgress, TREATS, When::FromItsDay),
    step(Status::Scheduled, Status::Cancelled, DESK, When::Anytime),
    step(Status::Scheduled, Status::Cancelled, PATIENT, When::BeforeStart),
    step(Status::Scheduled, Status::NoShow, WAITS, When::FromStart),
    step(Status::Confirmed, Status::CheckedIn, DESK, When::FromItsDay),
    step(Status::Confirmed, Status::InProgress, TREATS, When::FromItsDay),
    step(Status::Confirmed, Status::Cancelled, DESK, When::Anytime),
    step(Status::Confirmed, Status::Cancelled, PATIENT, When::BeforeStart),
    step(Status::Confirmed, Status::NoShow, WAITS, When::FromStart),
    step(Status::CheckedIn, Status::InProgress, ROOM, When::FromItsDay),
    step(Status::CheckedIn, Status::Completed, TREATS, When::FromStart),
    step(Status::CheckedIn, Status::Cancelled, DESK, When::Anytime),
    step(Status::CheckedIn, Status::NoShow, DESK, When::FromStart),
    step(Status::InProgress, Status::Completed, TREATS, When::FromStart),
];

/// Why a step is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The role never makes that step.
    Role,
    /// It does not follow.
    DoesNotFollow,
    /// It follows, and not yet.
    TooEarly(When),
    /// It followed, and the appointment has begun.
    TooLate,
}

/// An appointment's start, and now, on the hospital's wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When the appointment begins.
    pub starts_at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
    /// The hospital's zone.
    pub zone: Tz,
}

/// Whether somebody may take an appointment from one status to another at that moment; staying is no step.
pub fn check(who: Who, from: Status, to: Status, moment: &Moment) -> Result<(), Refusal> {
    let ways = || STEPS.iter().filter(|step| step.to == to);
    if ways().next().is_some() && !ways().any(|step| step.by.contains(&who)) {
        return Err(Refusal::Role);
    }
    let mut from_here = ways().filter(|step| step.from == from).peekable();
    if from_here.peek().is_none() {
        return Err(Refusal::DoesNotFollow);
    }
    let step = from_here.find(|step| step.by.contains(&who)).ok_or(Refusal::Role)?;
    step.when.check(moment)
}

impl When {
    fn check(self, moment: &Moment) -> Result<(), Refusal> {
        let day = |instant: DateTime<Utc>| instant.with_timezone(&moment.zone).date_naive();
        let has_come = match self {
            Self::Anytime => true,
            Self::FromItsDay => day(moment.now) >= day(moment.starts_at),
            Self::FromStart => moment.now >= moment.starts_at,
            Self::BeforeStart if moment.now < moment.starts_at => true,
            Self::BeforeStart => return Err(Refusal::TooLate),
        };
        if has_come { Ok(()) } else { Err(Refusal::TooEarly(self)) }
    }
}

impl Status {
    /// Whether the appointment's time and doctor can still be changed.
    pub fn is_movable(self) -> bool {
        matches!(self, Self::Scheduled | Self::Confirmed)
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        !STEPS.iter().any(|step| step.from == self)
    }
}

const fn step(from: Status, to: Status, by: &'static [Who], when: When) -> Step {
    Step { from, to, by, when }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
