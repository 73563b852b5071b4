//! A time that is taken: what is in the way, what is free instead, and who tries again.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::appointment::{FREED, earliest_start};
use crate::availability;
use crate::error::{Conflict, Error, FreeSlot, Taken};
use crate::merged;
use crate::schema::appointments;
use crate::slots::{self, Span};

/// Attempts at one transaction that PostgreSQL makes lose.
const ATTEMPTS: u32 = 4;
/// Days in which the next free slots are looked for.
const HORIZON_DAYS: i64 = 31;
/// Free slots named.
const OFFERED: usize = 3;
/// Things in the way that are named.
const NAMED: i64 = 20;

/// A span wanted of two people.
#[derive(Clone, Debug)]
pub struct Clash {
    /// With whom.
    pub doctor: i64,
    /// For whom.
    pub patient: i64,
    /// When.
    pub wanted: Span,
    /// The appointment that is being moved: it is not in its own way.
    pub except: Option<i64>,
    /// What was found in the way.
    pub found: Vec<(&'static str, Span)>,
}

impl Clash {
    /// Goes on when nothing is in the way.
    pub async fn refuse(&self, conn: &mut AsyncPgConnection) -> Result<(), Error> {
        let found = self.look(conn).await?;
        if found.is_empty() { Ok(()) } else { Err(Error::Clash(Box::new(Self { found, ..self.clone() }))) }
    }

    /// The database's own guard refusing is a clash too.
    pub fn or(&self, cause: DieselError) -> Error {
        let error = Error::Database(cause);
        if error.is_exclusion() { Error::Clash(Box::new(self.clone())) } else { error }
    }

    async fn look(&self, conn: &mut AsyncPgConnection) -> QueryResult<Vec<(&'static str, Span)>> {
        let same = merged::one_patient(conn, self.patient).await?;
        let rows: Vec<(i64, i64, DateTime<Utc>, DateTime<Utc>)> = appointments::table
            .filter(appointments::doctor_id.eq(self.doctor).or(appointments::patient_id.eq_any(&same)))
            .filter(appointments::status.ne_all(FREED))
            .filter(
                appointments::starts_at
                    .lt(self.wanted.end)
                    .and(appointments::starts_at.gt(earliest_start(self.wanted))),
            )
            .filter(appointments::ends_at.gt(self.wanted.start))
            .filter(appointments::id.ne(self.except.unwrap_or(0)))
            .order((appointments::starts_at, appointments::id))
            .limit(NAMED)
            .select((appointments::doctor_id, appointments::patient_id, appointments::starts_at, appointments::ends_at))
            .load(conn)
            .await?;
        let mut found = Vec::new();
        for (doctor, patient, start, end) in rows {
            let span = Span { start, end };
            found.extend((doctor == self.doctor).then_some(("doctor", span)));
            found.extend(same.contains(&patient).then_some(("patient", span)));
        }
        Ok(found)
    }

    /// Says what is in the way and which times of the doctor are free for both instead.
    pub async fn explain(mut self, conn: &mut AsyncPgConnection, zone: Tz) -> Result<Taken, Error> {
        if self.found.is_empty() {
            self.found = self.look(conn).await?;
        }
        let conflicts = self.found.iter().map(|(with, span)| {
            let start = span.start.with_timezone(&zone);
            let end_time = span.end.with_timezone(&zone).time();
            Conflict { with, date: start.date_naive(), time_slot: start.time(), end_time }
        });
        let next_available = self.free_instead(conn, zone).await?.into_iter().map(|span| {
            let start = span.start.with_timezone(&zone);
            let end_time = span.end.with_timezone(&zone).time();
            FreeSlot { date: start.date_naive(), time_slot: start.time(), end_time }
        });
        Ok(Taken { conflicts: conflicts.collect(), next_available: next_available.collect() })
    }

    async fn free_instead(&self, conn: &mut AsyncPgConnection, zone: Tz) -> Result<Vec<Span>, Error> {
        let Some((_version, hours)) = availability::hours_of(conn, self.doctor).await? else { return Ok(Vec::new()) };
        let window = Span { start: self.wanted.start, end: self.wanted.start + TimeDelta::days(HORIZON_DAYS) };
        let same = merged::one_patient(conn, self.patient).await?;
        let busy: Vec<(DateTime<Utc>, DateTime<Utc>)> = appointments::table
            .filter(appointments::doctor_id.eq(self.doctor).or(appointments::patient_id.eq_any(same)))
            .filter(appointments::status.ne_all(FREED))
            .filter(appointments::starts_at.lt(window.end).and(appointments::starts_at.gt(earliest_start(window))))
            .filter(appointments::id.ne(self.except.unwrap_or(0)))
            .select((appointments::starts_at, appointments::ends_at))
            .load(conn)
            .await?;
        let busy: Vec<Span> = busy.into_iter().map(|(start, end)| Span { start, end }).collect();
        let days = u64::try_from(HORIZON_DAYS).unwrap_or_default();
        Ok(slots::next_free(&hours, zone, self.wanted.minutes(), &busy, self.wanted.start, days, OFFERED))
    }
}

/// Runs a transaction again while PostgreSQL makes it lose (deadlock, serialisation), a bounded number of times, and
/// explains a time that is taken.
///
/// # Errors
/// Whatever the last attempt met.
pub async fn settle<T>(
    conn: &mut AsyncPgConnection,
    zone: Tz,
    attempt: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut outcome = attempt(conn).await;
    for _ in 1..ATTEMPTS {
        match &outcome {
            Err(error) if error.is_passing() => outcome = attempt(conn).await,
            _ => break,
        }
    }
    match outcome {
        Err(Error::Clash(clash)) => Err(Error::Taken(Box::new(clash.explain(conn, zone).await?))),
        other => other,
    }
}
