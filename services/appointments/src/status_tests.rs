//! The table, held to what it is for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use auth::{Action, reach};
use chrono_tz::{America, Asia};

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// During the appointment.
fn during() -> Moment {
    Moment { starts_at: utc("2026-11-27T04:30:00Z"), now: utc("2026-11-27T04:40:00Z"), zone: Asia::Kolkata }
}

fn moment(starts_at: &str, now: &str, zone: Tz) -> Moment {
    Moment { starts_at: utc(starts_at), now: utc(now), zone }
}

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
            assert_eq!(check(ADMIN, *from, *to, &during()), expected, "{from:?} to {to:?}");
        }
    }
}

#[test]
fn a_role_that_never_makes_a_step_is_told_so_first() {
    assert_eq!(check(RECEPTIONIST, Status::Scheduled, Status::Completed, &during()), Err(Refusal::Role));
    assert_eq!(check(DOCTOR, Status::Scheduled, Status::Completed, &during()), Err(Refusal::DoesNotFollow));
    assert_eq!(check(PATIENT[0], Status::CheckedIn, Status::Cancelled, &during()), Err(Refusal::Role));
}

#[test]
fn a_patient_calls_off_until_the_start() {
    let at = |now: &str| {
        let moment = moment("2026-11-27T04:30:00Z", now, Asia::Kolkata);
        check(PATIENT[0], Status::Confirmed, Status::Cancelled, &moment)
    };
    assert_eq!(at("2026-11-27T04:29:59Z"), Ok(()));
    assert_eq!(at("2026-11-27T04:30:00Z"), Err(Refusal::TooLate));
}

#[test]
fn nobody_is_checked_in_before_the_day_on_the_hospitals_clock() {
    // 27 November, 00:10 in India, is still the 26th in UTC.
    let at = |now: &str, zone: Tz| {
        check(DESK[0], Status::Scheduled, Status::CheckedIn, &moment("2026-11-26T18:40:00Z", now, zone))
    };
    assert_eq!(at("2026-11-26T18:29:59Z", Asia::Kolkata), Err(Refusal::TooEarly(When::FromItsDay)));
    assert_eq!(at("2026-11-26T18:30:00Z", Asia::Kolkata), Ok(()));
    assert_eq!(at("2026-11-26T05:00:00Z", America::New_York), Ok(()));
    assert_eq!(at("2026-11-26T04:59:59Z", America::New_York), Err(Refusal::TooEarly(When::FromItsDay)));
}

#[test]
fn a_visit_is_over_and_a_patient_missed_only_after_the_start() {
    for (from, to) in [(Status::InProgress, Status::Completed), (Status::Scheduled, Status::NoShow)] {
        let at = |now: &str| check(ADMIN, from, to, &moment("2026-11-27T04:30:00Z", now, Asia::Kolkata));
        assert_eq!(at("2026-11-27T04:29:59Z"), Err(Refusal::TooEarly(When::FromStart)));
        assert_eq!(at("2026-11-27T04:30:00Z"), Ok(()));
    }
}

#[test]
fn the_worker_marks_those_who_did_not_come_and_nothing_else() {
    for from in Status::ALL {
        for to in Status::ALL {
            let missed = matches!(from, Status::Scheduled | Status::Confirmed) && *to == Status::NoShow;
            assert_eq!(check(Who::Worker, *from, *to, &during()).is_ok(), missed, "{from:?} to {to:?}");
        }
    }
}

#[test]
fn no_step_is_open_to_a_role_that_the_permission_table_keeps_out() {
    for step in STEPS {
        let action = if step.to == Status::Cancelled { Action::AppointmentCancel } else { Action::AppointmentStatus };
        for who in step.by {
            let Who::Role(role) = who else { continue };
            assert!(reach(*role, action).is_some(), "{role} {step:?}");
        }
    }
}
