//! `GET, PUT /api/appointments/doctor/{id}/availability/`: a doctor's weekly hours, usual ones and others for a while. Leave is
//! in `time_off`, holidays are in `holidays`; `plan` puts it all together.

pub mod input;
pub mod rows;

use actix_web::{get, put, web};
use auth::Permit;
use auth::permissions::{AvailabilityRead, AvailabilityWrite};
use chassis::etag::{Etagged, IfMatch};
use chassis::problem::Problem;
use chassis::strict_json::Strict;
use chrono::{NaiveDate, NaiveTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::people::StaffMember;
use crate::plan::{Period, Plan, cut_in};
use crate::slots::Hours;
use crate::waitlist::opening;

use self::input::{Wanted, Week, Weekday};
use self::rows::{Setting, head_of, plan_of, store_periods, store_usual};

/// Nobody has more periods.
const MOST_PERIODS: usize = 100;

/// A doctor's weekly hours.
#[derive(Debug, Serialize, ToSchema)]
pub struct Availability {
    /// Account id of the doctor.
    pub doctor: i64,
    /// Length of a slot, usually.
    pub slot_minutes: i64,
    /// Kept free before each appointment.
    pub buffer_before_minutes: i64,
    /// Kept free after each appointment.
    pub buffer_after_minutes: i64,
    /// Whether the doctor works on public holidays.
    pub works_on_holidays: bool,
    /// The usual intervals, in order.
    pub weekly: Vec<Interval>,
    /// Hours for a while, which take the place of the usual ones, in order.
    pub periods: Vec<PeriodView>,
}

/// Hours for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodView {
    /// The first day.
    pub effective_from: NaiveDate,
    /// The last day; null: for good.
    pub effective_until: Option<NaiveDate>,
    /// Length of a slot.
    pub slot_minutes: i64,
    /// Kept free before each appointment.
    pub buffer_before_minutes: i64,
    /// Kept free after each appointment.
    pub buffer_after_minutes: i64,
    /// Intervals, in order; none: the doctor cannot be booked.
    pub weekly: Vec<Interval>,
}

/// One interval of a working day.
#[derive(Debug, Serialize, ToSchema)]
pub struct Interval {
    /// Day of the week.
    #[schema(value_type = Weekday)]
    pub weekday: Weekday,
    /// When it opens, on the hospital's wall clock.
    #[schema(value_type = String, example = "09:00:00")]
    pub start: NaiveTime,
    /// When it closes, on the same day.
    #[schema(value_type = String, example = "13:00:00")]
    pub end: NaiveTime,
}

/// A doctor's weekly hours.
///
/// `ADMIN` and `RECEPTIONIST` of any doctor, a `DOCTOR` their own. 404 for a doctor who has none yet.
#[utoipa::path(
    tag = "availability",
    params(("id" = i64, Path, description = "account id of the doctor")),
    responses(
        (status = 200, description = "with `ETag`", body = Availability),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read hours, or not this doctor's"),
        (status = 404, description = "no such doctor, or no hours yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/availability/")]
pub async fn read(
    permit: Permit<AvailabilityRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<Availability>, Problem> {
    let doctor = id.into_inner();
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    check_reach(&scope, doctor)?;
    let (version, body) = stored(&mut conn, &app, doctor).await?.ok_or(Error::NotFound("doctor with hours"))?;
    Ok(Etagged { version, body })
}

/// Sets a doctor's weekly hours.
///
/// Several intervals a day, none overlapping another, each long enough for one slot; an empty `weekly` means that the doctor
/// cannot be booked. With `effective_from` (and `effective_until`) they hold on those days only. What is booked already stays as it
/// is, with what was kept free around it. `ADMIN` and `RECEPTIONIST` for any doctor, a `DOCTOR` for themselves.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` that the change is based on"),
    ),
    request_body = Week,
    responses(
        (status = 200, description = "set; with `ETag`", body = Availability),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not set hours, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 412, description = "the hours have changed since"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[put("/api/appointments/doctor/{id}/availability/")]
pub async fn replace(
    permit: Permit<AvailabilityWrite>,
    id: web::Path<i64>,
    if_match: IfMatch,
    body: Strict<Week>,
    app: web::Data<App>,
) -> Result<Etagged<Availability>, Problem> {
    let doctor = id.into_inner();
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    check_reach(&scope, doctor)?;
    app.owners.doctor(&app.db, &permit.actor, doctor).await?.ok_or(Error::NotFound("doctor"))?;
    let wanted = body.value.understood()?;
    let mut conn = app.conn().await?;
    let (version, body) = conn
        .transaction(async |conn| {
            // As a booking does: hours do not change under one that is being decided.
            StaffMember::lock(conn, doctor).await?;
            let head = head_of(conn, doctor).await?;
            if_match.check(head.map_or(0, |(version, _)| version))?;
            store(conn, &app, doctor, head, wanted, permit.actor.user_id).await?;
            opening::hours_changed(conn, &app.calendar, doctor).await?;
            stored(conn, &app, doctor).await?.ok_or(Error::NotFound("doctor with hours"))
        })
        .await?;
    Ok(Etagged { version, body })
}

/// Another doctor's hours are none of a doctor's business.
pub fn check_reach(scope: &Scope, doctor: i64) -> Result<(), Error> {
    if scope.covers_doctor(doctor) { Ok(()) } else { Err(Error::Forbidden("These are another doctor's hours.")) }
}

/// What is stored of a doctor; `None` when nothing ever was.
async fn stored(conn: &mut AsyncPgConnection, app: &App, doctor: i64) -> Result<Option<(i64, Availability)>, Error> {
    let Some((version, works_on_holidays)) = head_of(conn, doctor).await? else { return Ok(None) };
    let Plan { usual, periods, .. } = all_of(conn, app, doctor).await?;
    let body = usual.map(|hours| Availability {
        doctor,
        slot_minutes: hours.slot_minutes,
        buffer_before_minutes: hours.before,
        buffer_after_minutes: hours.after,
        works_on_holidays,
        weekly: intervals(&hours),
        periods: periods.iter().map(show).collect(),
    });
    Ok(body.map(|body| (version, body)))
}

/// The plan with every period that is not over.
async fn all_of(conn: &mut AsyncPgConnection, app: &App, doctor: i64) -> Result<Plan, Error> {
    let today = app.calendar.date(Utc::now());
    let mut plan = plan_of(conn, &app.calendar, doctor, today, today).await?;
    plan.periods = rows::periods_from(conn, doctor, today).await?;
    Ok(plan)
}

async fn store(
    conn: &mut AsyncPgConnection,
    app: &App,
    doctor: i64,
    head: Option<(i64, bool)>,
    wanted: Wanted,
    by: i64,
) -> Result<(), Error> {
    let (version, worked_on_holidays) = head.unwrap_or((0, false));
    let works_on_holidays = wanted.works_on_holidays.unwrap_or(wanted.period.is_some() && worked_on_holidays);
    let setting = Setting { doctor, version: version + 1, by, works_on_holidays };
    let Plan { usual, .. } = all_of(conn, app, doctor).await?;
    let today = app.calendar.date(Utc::now());
    let first = wanted.period.map_or(today, |(from, _)| from.min(today));
    let periods = rows::periods_from(conn, doctor, first).await?;
    let Some((from, until)) = wanted.period else {
        store_usual(conn, setting, &wanted.hours).await?;
        let over: Vec<Period> = periods.iter().filter_map(|period| period.before(today)).collect();
        return Ok(store_periods(conn, doctor, first, &over).await?);
    };
    let periods = cut_in(periods, Period { from, until, hours: wanted.hours.clone() });
    if periods.len() > MOST_PERIODS {
        let message = format!("there would be more than {MOST_PERIODS} periods");
        return Err(Error::invalid("effective_from", "too_many", message));
    }
    let nothing_yet = Hours { openings: Vec::new(), ..wanted.hours };
    store_usual(conn, setting, &usual.unwrap_or(nothing_yet)).await?;
    Ok(store_periods(conn, doctor, first, &periods).await?)
}

fn show(period: &Period) -> PeriodView {
    PeriodView {
        effective_from: period.from,
        effective_until: period.until,
        slot_minutes: period.hours.slot_minutes,
        buffer_before_minutes: period.hours.before,
        buffer_after_minutes: period.hours.after,
        weekly: intervals(&period.hours),
    }
}

fn intervals(hours: &Hours) -> Vec<Interval> {
    let interval = |opening: &crate::slots::Opening| Interval {
        weekday: Weekday::from_days_after_monday(opening.weekday),
        start: opening.start,
        end: opening.end,
    };
    hours.openings.iter().map(interval).collect()
}
