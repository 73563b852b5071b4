//! A time that is taken: what is in the way, what is free instead, and who tries again.

use chassis::prepared::{Prepare as _, any_of, unseen};
use chrono::{DateTime, Days, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::app::Calendar;
use crate::appointment::{busy_doctor, busy_others, earliest_start, holds_time, latest_start};
use crate::availability::rows::plan_of;
use crate::error::{Conflict, Error, FreeSlot, Taken};
use crate::merged;
use crate::plan::Search;
use crate::schema::appointments;
use crate::slots::{Busy, Span};
use crate::waitlist::offer;

/// Attempts at one transaction that PostgreSQL makes lose.
const ATTEMPTS: u32 = 4;
/// Days in which the next free slots are looked for.
const HORIZON_DAYS: u64 = 31;
/// Free slots named.
const OFFERED: usize = 3;
/// Appointments in the way that are named.
const NAMED: i64 = 20;

/// A span wanted of two people, and of a room.
#[derive(Clone, Debug)]
pub struct Clash {
    /// With whom.
    pub doctor: i64,
    /// For whom.
    pub patient: i64,
    /// Where.
    pub room: Option<String>,
    /// When.
    pub wanted: Span,
    /// The same with what the doctor keeps free around it.
    pub held: Span,
    /// Whether the doctor's other appointments are no hindrance: overbooking, on purpose.
    pub overbooks: bool,
    /// Whether the time was held for this: what was overbooked over it meanwhile is no hindrance.
    pub promised: bool,
    /// The appointment that is being moved: it is not in its own way.
    pub except: Option<i64>,
    /// What was found in the way.
    pub found: Vec<(&'static str, Span)>,
}

/// Whether an appointment lies over another one of the doctor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It has its time to itself.
    Alone,
    /// It was overbooked.
    Over,
}

impl Clash {
    /// Goes on when nothing is in the way, or only what overbooking passes over.
    pub async fn refuse(&self, conn: &mut AsyncPgConnection) -> Result<Placed, Error> {
        if let Some(room) = &self.room {
            lock_room(conn, room).await?;
        }
        let found = self.look(conn).await?;
        let passed = |with: &str| self.overbooks && matches!(with, "doctor" | "waitlist");
        match found.as_slice() {
            [] => Ok(Placed::Alone),
            all if all.iter().all(|(with, _)| passed(with)) => Ok(Placed::Over),
            _ => Err(Error::Clash(Box::new(Self { found, ..self.clone() }))),
        }
    }

    /// The database's own guard refusing is a clash too.
    pub fn or(&self, cause: DieselError) -> Error {
        let error = Error::Database(cause);
        if error.is_exclusion() { Error::Clash(Box::new(self.clone())) } else { error }
    }

    async fn look(&self, conn: &mut AsyncPgConnection) -> QueryResult<Vec<(&'static str, Span)>> {
        type Times = (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);
        type Row = (i64, i64, Option<String>, Option<i32>, bool, Times);
        let (wanted, held) = (self.wanted, self.held);
        let same = merged::one_patient(conn, self.patient).await?;
        let of_doctor = appointments::doctor_id
            .eq(self.doctor)
            .and(appointments::queue_number.is_null())
            .and(appointments::held_from.lt(held.end))
            .and(appointments::held_until.gt(held.start));
        let of_others = appointments::starts_at.lt(wanted.end).and(appointments::ends_at.gt(wanted.start));
        let theirs = of_doctor.or(appointments::patient_id.eq(any_of(&same)).and(of_others));
        type Condition<'a> = Box<dyn BoxableExpression<appointments::table, Pg, SqlType = Nullable<Bool>> + 'a>;
        let any: Condition<'_> = match self.room.as_deref() {
            Some(room) => Box::new(theirs.or(appointments::room.eq(room).and(of_others))),
            None => Box::new(theirs.nullable()),
        };
        let (from, to) = (unseen::<Timestamptz, _>(earliest_start(held)), unseen::<Timestamptz, _>(latest_start(held)));
        let rows: Vec<Row> = appointments::table
            .filter(any)
            .filter(holds_time())
            .filter(appointments::starts_at.lt(to).and(appointments::starts_at.gt(from)))
            .filter(appointments::id.ne(self.except.unwrap_or(0)))
            .order((appointments::starts_at, appointments::id))
            .limit(NAMED)
            .select((
                appointments::doctor_id,
                appointments::patient_id,
                appointments::room,
                appointments::queue_number,
                appointments::overbooking_reason.is_not_null(),
                (appointments::starts_at, appointments::ends_at, appointments::held_from, appointments::held_until),
            ))
            .prepared()
            .load(conn)
            .await?;
        let mut found = Vec::new();
        for (doctor, patient, room, queue_number, overbooked, times) in rows {
            let (start, end, held_from, held_until) = times;
            let span = Span { start, end };
            let theirs = Span { start: held_from, end: held_until };
            let overlaps = span.overlaps(&wanted);
            let passes = queue_number.is_some() || (overbooked && self.promised);
            let holds_doctor = doctor == self.doctor && !passes && theirs.overlaps(&held);
            found.extend(holds_doctor.then_some(("doctor", span)));
            found.extend((same.contains(&patient) && overlaps).then_some(("patient", span)));
            found.extend((room.is_some() && room == self.room && overlaps).then_some(("room", span)));
        }
        let waits = offer::held(conn, &[self.doctor], held).await?;
        found.extend(waits.into_iter().map(|offered| ("waitlist", offered.span)));
        Ok(found)
    }

    /// Says what is in the way and which times of the doctor are free for all instead.
    pub async fn explain(mut self, conn: &mut AsyncPgConnection, calendar: &Calendar) -> Result<Taken, Error> {
        if self.found.is_empty() {
            self.found = self.look(conn).await?;
        }
        let conflicts = self.found.iter().map(|(with, span)| {
            let (date, time_slot, end_time) = calendar.wall_clock(span);
            Conflict { with, date, time_slot, end_time }
        });
        let free = self.free_instead(conn, calendar).await?;
        let next_available = free.iter().map(|span| FreeSlot::at(calendar, span));
        Ok(Taken { conflicts: conflicts.collect(), next_available: next_available.collect() })
    }

    async fn free_instead(&self, conn: &mut AsyncPgConnection, calendar: &Calendar) -> Result<Vec<Span>, Error> {
        let first = calendar.date(self.wanted.start);
        let last = first.checked_add_days(Days::new(HORIZON_DAYS)).unwrap_or(first);
        let plan = plan_of(conn, calendar, self.doctor, first, last).await?;
        let Some(window) = calendar.days(first, last) else { return Ok(Vec::new()) };
        let except = self.except.unwrap_or(0);
        let busy = busy_doctor(conn, self.doctor, window).await?;
        let stays = |taken: &&Busy| taken.appointment != Some(except);
        let held: Vec<Span> = busy.iter().filter(stays).map(|taken| taken.held).collect();
        let same = merged::one_patient(conn, self.patient).await?;
        let others = busy_others(conn, &same, self.room.as_deref(), window, except).await?;
        let search = Search {
            minutes: Some(self.wanted.minutes()),
            held: &held,
            others: &others,
            from: self.wanted.start.max(Utc::now()),
            days: HORIZON_DAYS,
            count: OFFERED,
        };
        Ok(plan.free(calendar.zone, &search))
    }
}

/// Two bookings of one room never run side by side. Lock people before rooms, always; it is held until the transaction ends.
async fn lock_room(conn: &mut AsyncPgConnection, room: &str) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('room ' || $1, 5))")
        .bind::<diesel::sql_types::Text, _>(room)
        .prepared()
        .execute(conn)
        .await
        .map(drop)
}

/// Runs a transaction again while PostgreSQL makes it lose (deadlock, serialisation), a bounded number of times, and
/// explains a time that is taken.
///
/// # Errors
/// Whatever the last attempt met.
pub async fn settle<T>(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
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
        Err(Error::Clash(clash)) => Err(Error::Taken(Box::new(clash.explain(conn, calendar).await?))),
        other => other,
    }
}
