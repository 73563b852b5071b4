//! The two people of a booking, held still while it is decided.

use chassis::strict_json::Faults;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use diesel::OptionalExtension;
use diesel_async::AsyncPgConnection;

use crate::app::Calendar;
use crate::appointment::Buffers;
use crate::availability::rows::plan_of;
use crate::error::Error;
use crate::merged;
use crate::people::{Patient, StaffMember};
use crate::plan::{Plan, Shut};
use crate::slots::{self, Misplaced, Span};

/// Nobody is booked further ahead than this.
const HORIZON: TimeDelta = TimeDelta::days(3 * 366);
/// Length of an appointment with a doctor who has no hours; it is refused anyway, with all its other faults.
const FALLBACK_MINUTES: i64 = 30;

/// A doctor and a patient, locked until the transaction ends, and when the doctor can be booked on a day.
#[derive(Debug)]
pub struct Diary {
    /// The doctor.
    pub doctor: StaffMember,
    /// The patient.
    pub patient: Patient,
    /// The doctor's plan of the day.
    pub plan: Plan,
    /// The day.
    pub date: NaiveDate,
}

impl Diary {
    /// Locks both, doctor first: everybody locks in that order, so that nobody waits in a circle. Of a patient who was merged into
    /// another, the other.
    pub async fn lock(
        conn: &mut AsyncPgConnection,
        calendar: &Calendar,
        doctor: i64,
        patient: i64,
        date: NaiveDate,
    ) -> Result<Self, Error> {
        let doctor = StaffMember::lock(conn, doctor).await.optional()?.filter(StaffMember::is_doctor);
        let doctor = doctor.ok_or_else(|| Error::invalid("doctor", "unknown", "there is no such doctor"))?;
        let patient = merged::lock(conn, patient).await.optional()?;
        let patient = patient.ok_or_else(|| Error::invalid("patient", "unknown", "there is no such patient"))?;
        let plan = plan_of(conn, calendar, doctor.id, date, date).await?;
        Ok(Self { doctor, patient, plan, date })
    }

    /// Length of the doctor's slots that day.
    pub fn slot_minutes(&self) -> i64 {
        self.plan.hours(self.date).map_or(FALLBACK_MINUTES, |hours| hours.slot_minutes)
    }

    /// The span with what the doctor keeps free around it.
    pub fn hold(&self, span: Span) -> Span {
        self.plan.hold(self.date, span)
    }

    /// The same in minutes.
    pub fn buffers(&self) -> Buffers {
        let minutes = |minutes: i64| i32::try_from(minutes).unwrap_or_default();
        self.plan.hours(self.date).map_or(Buffers { buffer_before: 0, buffer_after: 0 }, |hours| Buffers {
            buffer_before: minutes(hours.before),
            buffer_after: minutes(hours.after),
        })
    }

    /// The span of an appointment at that time of the day, if the two can meet then at all.
    pub fn place(&self, calendar: &Calendar, time: NaiveTime, minutes: i64, now: DateTime<Utc>) -> Result<Span, Error> {
        let mut faults = self.inactive();
        let span = match slots::place(calendar.zone, self.date, time, minutes) {
            Ok(span) => Some(span),
            Err(Misplaced::NoSuchTime) => {
                faults.push(
                    "time_slot",
                    "no_such_time",
                    "does not exist on that day: the clock is put forward over it",
                );
                None
            }
            Err(Misplaced::AcrossMidnight) => {
                faults.push("time_slot", "across_midnight", "must end on the day it begins");
                None
            }
        };
        if let Some(span) = &span {
            self.check_time(calendar, span, now, &mut faults);
        }
        match span {
            Some(span) if faults.0.is_empty() => Ok(span),
            _ => Err(Error::Faults(faults)),
        }
    }

    /// The slot that runs now, if the two can meet in it.
    pub fn running(&self, calendar: &Calendar, now: DateTime<Utc>) -> Result<Span, Error> {
        let mut faults = self.inactive();
        let running = self.plan.running(calendar.zone, now);
        if running.is_none() {
            faults.push("doctor", "not_there_now", "has no working hours at this moment");
        }
        match running {
            Some(span) if faults.0.is_empty() => Ok(span),
            _ => Err(Error::Faults(faults)),
        }
    }

    fn inactive(&self) -> Faults {
        let mut faults = Faults::new();
        if !self.doctor.is_active {
            faults.push("doctor", "inactive", "does not work here any more");
        }
        if !self.patient.is_active {
            faults.push("patient", "inactive", "is deactivated");
        }
        faults
    }

    fn check_time(&self, calendar: &Calendar, span: &Span, now: DateTime<Utc>, faults: &mut Faults) {
        if span.start < now {
            let field = if self.date < calendar.date(now) { "date" } else { "time_slot" };
            faults.push(field, "in_the_past", "is in the past");
        } else if span.start > now + HORIZON {
            faults.push("date", "too_far_ahead", "is more than three years ahead");
        }
        match self.plan.check(calendar.zone, self.date, span) {
            Err(Shut::NoHours) => faults.push("doctor", "no_hours", "has no working hours yet"),
            Err(Shut::OutsideHours) => {
                faults.push("time_slot", "outside_hours", "is outside the doctor's working hours");
            }
            Err(Shut::Holiday) => {
                faults.push("date", "holiday", "is a public holiday, on which the doctor does not work")
            }
            Err(Shut::Away) => faults.push("time_slot", "doctor_away", "is in the doctor's leave or blocked"),
            Ok(()) => {}
        }
    }
}
