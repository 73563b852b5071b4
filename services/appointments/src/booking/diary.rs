//! The two people of a booking, held still while it is decided.

use chassis::strict_json::Faults;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::OptionalExtension;
use diesel_async::AsyncPgConnection;

use crate::availability;
use crate::error::Error;
use crate::people::{Patient, StaffMember};
use crate::slots::{self, Hours, Misplaced, Span};

/// Nobody is booked further ahead than this.
const HORIZON: TimeDelta = TimeDelta::days(3 * 366);
/// Length of an appointment with a doctor who has no hours; it is refused anyway, with all its other faults.
const FALLBACK_MINUTES: i64 = 30;

/// A doctor and a patient, locked until the transaction ends, and the doctor's hours.
#[derive(Debug)]
pub struct Diary {
    /// The doctor.
    pub doctor: StaffMember,
    /// The patient.
    pub patient: Patient,
    /// The doctor's hours, if any were ever set.
    pub hours: Option<Hours>,
}

impl Diary {
    /// Locks both, doctor first: everybody locks in that order, so that nobody waits in a circle.
    pub async fn lock(conn: &mut AsyncPgConnection, doctor: i64, patient: i64) -> Result<Self, Error> {
        let doctor = StaffMember::lock(conn, doctor).await.optional()?.filter(StaffMember::is_doctor);
        let doctor = doctor.ok_or_else(|| Error::invalid("doctor", "unknown", "there is no such doctor"))?;
        let patient = Patient::lock(conn, patient).await.optional()?;
        let patient = patient.ok_or_else(|| Error::invalid("patient", "unknown", "there is no such patient"))?;
        let hours = availability::hours_of(conn, doctor.id).await?.map(|(_version, hours)| hours);
        Ok(Self { doctor, patient, hours })
    }

    /// Length of the doctor's slots.
    pub fn slot_minutes(&self) -> i64 {
        self.hours.as_ref().map_or(FALLBACK_MINUTES, |hours| hours.slot_minutes)
    }

    /// The span of an appointment at that time, if the two can meet then at all.
    pub fn place(
        &self,
        zone: Tz,
        date: NaiveDate,
        time: NaiveTime,
        minutes: i64,
        now: DateTime<Utc>,
    ) -> Result<Span, Error> {
        let mut faults = self.inactive();
        let span = match slots::place(zone, date, time, minutes) {
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
            self.check_time(zone, date, span, now, &mut faults);
        }
        match span {
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

    fn check_time(&self, zone: Tz, date: NaiveDate, span: &Span, now: DateTime<Utc>, faults: &mut Faults) {
        if span.start < now {
            let field = if date < now.with_timezone(&zone).date_naive() { "date" } else { "time_slot" };
            faults.push(field, "in_the_past", "is in the past");
        } else if span.start > now + HORIZON {
            faults.push("date", "too_far_ahead", "is more than three years ahead");
        }
        match &self.hours {
            None => faults.push("doctor", "no_hours", "has no working hours yet"),
            Some(hours) if !slots::working(hours, zone, date).iter().any(|open| open.holds(span)) => {
                faults.push("time_slot", "outside_hours", "is outside the doctor's working hours");
            }
            Some(_) => {}
        }
    }
}
