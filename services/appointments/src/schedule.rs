//! `GET /api/appointments/doctor/{id}/schedule/`: a doctor's slots, free, booked and blocked, of up to 62 days.

use std::collections::HashSet;

use actix_web::{HttpResponse, get, web};
use auth::permissions::ScheduleRead;
use auth::{Permit, Role};
use chassis::fields::Day;
use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, StrictQuery};
use chrono::{NaiveDate, NaiveTime, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::{App, Calendar};
use crate::appointment::{TakenTime, busy_doctors, few_visible_to};
use crate::availability::rows::plan_of;
use crate::error::Error;
use crate::plan::Plan;
use crate::schema::appointments;
use crate::slots::{Busy, Span, State};
use chassis::words;

/// Days of one answer at most.
const MOST_DAYS: i64 = 62;

words! {
    /// What a slot is.
    pub enum SlotStatus {
        /// Can be booked.
        Free = "FREE",
        /// Taken by an appointment.
        Booked = "BOOKED",
        /// Neither: it is over, the doctor is away or works here no more, or keeps it free around an appointment, or it is held for
        /// somebody who waits.
        Blocked = "BLOCKED",
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Parameters {
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
    #[deserr(default)]
    date: Option<Day>,
}

/// A doctor's slots.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedule {
    /// Account id of the doctor.
    pub doctor: i64,
    /// First day.
    pub start_date: NaiveDate,
    /// Last day.
    pub end_date: NaiveDate,
    /// The last day of which the public holidays are known, where the range goes on behind it: a later day may be one of a state's
    /// that is not announced yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays_known_until: Option<NaiveDate>,
    /// Each day, also those without slots.
    pub days: Vec<DaySchedule>,
}

/// A doctor's slots of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct DaySchedule {
    /// Day.
    pub date: NaiveDate,
    /// The public holiday that it is, if the doctor does not work on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holiday: Option<&'static str>,
    /// Slots, by time.
    pub slots: Vec<Slot>,
}

/// One slot.
#[derive(Debug, Serialize, ToSchema)]
pub struct Slot {
    /// When it begins.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// When it ends.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
    /// What it is.
    pub status: SlotStatus,
    /// The appointment in it, where the caller may know of it.
    pub appointment: Option<i64>,
}

/// A doctor's slots, day by day.
///
/// `FREE` slots can be booked; `BOOKED` ones show their appointment where the caller may read it; `BLOCKED` ones are over, in leave or
/// on a holiday, kept free around an appointment, held for somebody on the waitlist who was offered them, or of a doctor who is
/// deactivated.
/// A `PATIENT` sees free slots and their own bookings.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("date" = Option<String>, Query, description = "one day, in the hospital's time zone"),
        ("start_date" = Option<String>, Query, description = "first day, with `end_date`, instead of `date`"),
        ("end_date" = Option<String>, Query, description = "last day; at most 62 days in all"),
    ),
    responses(
        (status = 200, body = Schedule),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read schedules"),
        (status = 404, description = "no such doctor"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/schedule/")]
pub async fn schedule(
    permit: Permit<ScheduleRead>,
    id: web::Path<i64>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let doctor = id.into_inner();
    let (start_date, end_date) = parameters.range()?;
    let span = app.calendar.days(start_date, end_date).ok_or_else(outside_calendar)?;
    let known_doctor = app.owners.doctor(&app.db, &permit.actor, doctor).await?.ok_or(Error::NotFound("doctor"))?;
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let plan = plan_of(&mut conn, &app.calendar, doctor, start_date, end_date).await?;
    let taken = busy_doctors(&mut conn, &[doctor], span).await?;
    let known = known(&mut conn, &scope, &taken).await?;
    drop(conn);
    let is_shown = |taken: &&TakenTime| taken.busy.appointment.is_some_and(|id| known.contains(&id));
    permit.actor.trail.shows(taken.iter().filter(is_shown).filter_map(|taken| taken.patient));
    let busy = taken.iter().map(|taken| taken.busy).collect();
    let booked_by_others = permit.actor.role != Role::Patient;
    let can_be_booked = known_doctor.sees_patients();
    let shown = Shown { calendar: &app.calendar, plan, busy, known, booked_by_others, can_be_booked };
    let holidays_known_until = app.calendar.holidays.known_until().filter(|last| *last < end_date);
    let schedule = || {
        let days = start_date.iter_days().take_while(|date| *date <= end_date).map(|date| shown.day(date)).collect();
        Ok(HttpResponse::Ok().json(Schedule { doctor, start_date, end_date, holidays_known_until, days }))
    };
    app.audit.record_meanwhile(&permit.actor.trail, schedule).await
}

impl Parameters {
    fn range(&self) -> Result<(NaiveDate, NaiveDate), Error> {
        let (start, end) = match (self.date, self.start_date, self.end_date) {
            (Some(date), None, None) => (date.get(), date.get()),
            (None, Some(start), Some(end)) => (start.get(), end.get()),
            (Some(_), ..) => return Err(Error::invalid("date", "not_alone", "stands alone")),
            (None, Some(_), None) => return Err(Error::invalid("end_date", "required", "is required with start_date")),
            (None, None, _) => {
                return Err(Error::invalid("start_date", "required", "give date, or start_date and end_date"));
            }
        };
        if end < start {
            return Err(Error::invalid("start_date", "after_end", "must not be after end_date"));
        }
        if (end - start).num_days() >= MOST_DAYS {
            return Err(Error::invalid(
                "end_date",
                "range_too_long",
                format!("must be at most {MOST_DAYS} days from start_date"),
            ));
        }
        Ok((start, end))
    }
}

fn outside_calendar() -> Error {
    Error::invalid("end_date", "invalid_date", "is outside the calendar")
}

/// The appointments of these that the caller may know of.
async fn known(conn: &mut AsyncPgConnection, scope: &Scope, taken: &[TakenTime]) -> QueryResult<HashSet<i64>> {
    let ids: Vec<i64> = taken.iter().filter_map(|taken| taken.busy.appointment).collect();
    if *scope == Scope::All {
        return Ok(ids.into_iter().collect());
    }
    let visible = few_visible_to(scope).filter(appointments::id.eq_any(ids)).select(appointments::id);
    Ok(visible.prepared().load(conn).await?.into_iter().collect())
}

struct Shown<'a> {
    calendar: &'a Calendar,
    plan: Plan,
    busy: Vec<Busy>,
    known: HashSet<i64>,
    booked_by_others: bool,
    can_be_booked: bool,
}

impl Shown<'_> {
    fn day(&self, date: NaiveDate) -> DaySchedule {
        let busy: Vec<Busy> = match self.calendar.days(date, date) {
            Some(day) => self.busy.iter().filter(|taken| taken.held.overlaps(&day)).copied().collect(),
            None => Vec::new(),
        };
        let holiday = self.plan.holidays.contains(&date).then(|| self.calendar.holidays.on(date)).flatten();
        let slots = self.plan.day(self.calendar.zone, date, &busy, Utc::now());
        let slots = slots.into_iter().filter_map(|(span, state)| self.slot(span, state)).collect();
        DaySchedule { date, holiday, slots }
    }

    fn slot(&self, span: Span, state: State) -> Option<Slot> {
        let (status, appointment) = match state {
            State::Free if self.can_be_booked => (SlotStatus::Free, None),
            State::Free | State::Blocked => (SlotStatus::Blocked, None),
            State::Booked(id) => (SlotStatus::Booked, Some(id).filter(|id| self.known.contains(id))),
        };
        let is_shown = self.booked_by_others || status == SlotStatus::Free || appointment.is_some();
        let (_date, time_slot, end_time) = self.calendar.wall_clock(&span);
        is_shown.then_some(Slot { time_slot, end_time, status, appointment })
    }
}
