//! What an appointment's status may become, and who may make each step. Pure; [`STEPS`] is the one table.

use auth::Role;

use chassis::words;

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

/// One permitted step.
#[derive(Debug)]
pub struct Step {
    /// Status before.
    pub from: Status,
    /// Status after.
    pub to: Status,
    /// Who may make it.
    pub roles: &'static [Role],
}

const DESK: &[Role] = &[Role::Admin, Role::Receptionist, Role::Doctor, Role::Nurse];
const ROOM: &[Role] = &[Role::Admin, Role::Doctor, Role::Nurse];
const DOCTOR: &[Role] = &[Role::Admin, Role::Doctor];
const EVERYONE: &[Role] = &[Role::Admin, Role::Receptionist, Role::Doctor, Role::Nurse, Role::Patient];

/// Every step there is; what is not here is a conflict. A doctor without a desk may start on a patient that nobody checked in.
pub const STEPS: &[Step] = &[
    step(Status::Scheduled, Status::Confirmed, DESK),
    step(Status::Scheduled, Status::CheckedIn, DESK),
    step(Status::Scheduled, Status::InProgress, DOCTOR),
    step(Status::Scheduled, Status::Cancelled, EVERYONE),
    step(Status::Scheduled, Status::NoShow, DESK),
    step(Status::Confirmed, Status::CheckedIn, DESK),
    step(Status::Confirmed, Status::InProgress, DOCTOR),
    step(Status::Confirmed, Status::Cancelled, EVERYONE),
    step(Status::Confirmed, Status::NoShow, DESK),
    step(Status::CheckedIn, Status::InProgress, ROOM),
    step(Status::CheckedIn, Status::Completed, DOCTOR),
    step(Status::CheckedIn, Status::Cancelled, DESK),
    step(Status::CheckedIn, Status::NoShow, DESK),
    step(Status::InProgress, Status::Completed, DOCTOR),
];

/// Why a step is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The role never makes that step.
    Role,
    /// It does not follow.
    DoesNotFollow,
}

/// Whether `role` may take an appointment from one status to another; staying is no step.
pub fn check(role: Role, from: Status, to: Status) -> Result<(), Refusal> {
    let mut ways = STEPS.iter().filter(|step| step.to == to).peekable();
    if ways.peek().is_some() && !ways.clone().any(|step| step.roles.contains(&role)) {
        return Err(Refusal::Role);
    }
    match ways.find(|step| step.from == from) {
        Some(step) if step.roles.contains(&role) => Ok(()),
        Some(_) => Err(Refusal::Role),
        None => Err(Refusal::DoesNotFollow),
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

const fn step(from: Status, to: Status, roles: &'static [Role]) -> Step {
    Step { from, to, roles }
}

#[cfg(test)]
mod tests {
    use auth::{Action, reach};

    use super::*;

    #[test]
    fn the_end_is_the_end() {
        let last: Vec<_> = Status::ALL.iter().filter(|status| status.is_final()).collect();
        assert_eq!(last, [&Status::Completed, &Status::Cancelled, &Status::NoShow]);
    }

    #[test]
    fn every_status_but_the_first_can_be_reached() {
        for status in Status::ALL.iter().filter(|status| **status != Status::Scheduled) {
            assert!(STEPS.iter().any(|step| step.to == *status), "{status:?}");
        }
    }

    #[test]
    fn an_administrator_may_make_every_step_there_is_and_no_other() {
        for from in Status::ALL {
            for to in Status::ALL {
                let listed = STEPS.iter().any(|step| step.from == *from && step.to == *to);
                let expected = if listed { Ok(()) } else { Err(Refusal::DoesNotFollow) };
                assert_eq!(check(Role::Admin, *from, *to), expected, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn a_role_that_never_makes_a_step_is_told_so_first() {
        assert_eq!(check(Role::Receptionist, Status::Scheduled, Status::Completed), Err(Refusal::Role));
        assert_eq!(check(Role::Doctor, Status::Scheduled, Status::Completed), Err(Refusal::DoesNotFollow));
        assert_eq!(check(Role::Patient, Status::CheckedIn, Status::Cancelled), Err(Refusal::Role));
        assert_eq!(check(Role::Patient, Status::Confirmed, Status::Cancelled), Ok(()));
    }

    #[test]
    fn no_step_is_open_to_a_role_that_the_permission_table_keeps_out() {
        for step in STEPS {
            let action =
                if step.to == Status::Cancelled { Action::AppointmentCancel } else { Action::AppointmentStatus };
            for role in step.roles {
                assert!(reach(*role, action).is_some(), "{role} {step:?}");
            }
        }
    }
}
