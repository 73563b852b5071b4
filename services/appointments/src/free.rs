//! Where there is still room: a doctor's next free slots, and the free slots of a day across doctors.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::ScheduleRead;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::app::{App, Calendar};
use crate::appointment::{busy_doctor, busy_doctors};
use crate::availability::rows::{plan_of, plans_of};
use crate::error::{Error, FreeSlot};
use crate::plan::{Plan, Search};
use crate::schema::staff;
use crate::slots::{MINUTES, Span};

/// Days in which the next free slots are looked for.
const HORIZON_DAYS: u64 = 92;
/// Free slots of one answer at most.
const MOST: u64 = 100;

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct NextParameters {
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    count: Option<u64>,
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    duration_minutes: Option<u64>,
}

/// A doctor's next free slots.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextAvailable {
    /// Account id of the doctor.
    pub doctor: i64,
    /// By time; fewer than asked for where there are no more within three months.
    pub slots: Vec<FreeSlot>,
}

/// A doctor's next free slots, within three months.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("count" = Option<u64>, Query, description = "how many, 1 to 100; 3 unless given"),
        ("start_date" = Option<String>, Query, description = "not before this day, in the hospital's time zone; today unless given"),
        ("duration_minutes" = Option<u64>, Query, description = "5 to 480; the doctor's slot length unless given"),
    ),
    responses(
        (status = 200, body = NextAvailable),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read schedules"),
        (status = 404, description = "no such doctor"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/next-available/")]
pub async fn next_available(
    permit: Permit<ScheduleRead>,
    id: web::Path<i64>,
    StrictQuery(parameters): StrictQuery<NextParameters>,
    app: web::Data<App>,
) -> Result<web::Json<NextAvailable>, Problem> {
    let doctor = id.into_inner();
    let (count, minutes) = parameters.checked()?;
    let known = app.owners.doctor(&app.db, &permit.actor, doctor).await?.ok_or(Error::NotFound("doctor"))?;
    permit.actor.trail.shows([]);
    if !known.is_active {
        return Ok(web::Json(NextAvailable { doctor, slots: Vec::new() }));
    }
    let from = parameters.from(&app.calendar)?;
    let first = app.calendar.date(from);
    let last = first.checked_add_days(Days::new(HORIZON_DAYS)).unwrap_or(first);
    let window = app.calendar.days(first, last).ok_or_else(outside_calendar)?;
    let mut conn = app.conn().await?;
    let plan = plan_of(&mut conn, &app.calendar, doctor, first, last).await?;
    let held: Vec<Span> = busy_doctor(&mut conn, doctor, window).await?.into_iter().map(|taken| taken.held).collect();
    let search = Search { minutes, held: &held, others: &[], from, days: HORIZON_DAYS, count };
    let free = plan.free(app.zone(), &search);
    let slots = free.iter().map(|span| FreeSlot::at(&app.calendar, span)).collect();
    Ok(web::Json(NextAvailable { doctor, slots }))
}

impl NextParameters {
    fn checked(&self) -> Result<(usize, Option<i64>), Error> {
        let mut faults = Faults::new();
        let count = self.count.unwrap_or(3);
        if !(1..=MOST).contains(&count) {
            faults.push("count", "out_of_range", format!("must be 1 to {MOST}"));
        }
        let minutes = self.duration_minutes.map(|minutes| i64::try_from(minutes).unwrap_or(i64::MAX));
        if minutes.is_some_and(|minutes| !MINUTES.contains(&minutes)) {
            faults.push(
                "duration_minutes",
                "out_of_range",
                format!("must be {} to {}", MINUTES.start(), MINUTES.end()),
            );
        }
        if !faults.0.is_empty() {
            return Err(Error::Faults(faults));
        }
        Ok((usize::try_from(count).unwrap_or_default(), minutes))
    }

    fn from(&self, calendar: &Calendar) -> Result<DateTime<Utc>, Error> {
        let now = Utc::now();
        let Some(date) = self.start_date else { return Ok(now) };
        let day = calendar.days(date.get(), date.get()).ok_or_else(outside_calendar)?;
        Ok(day.start.max(now))
    }
}

fn outside_calendar() -> Error {
    Error::invalid("start_date", "invalid_date", "is outside the calendar")
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct DayParameters {
    #[deserr(default)]
    specialization: Option<String>,
    #[deserr(default)]
    date: Option<Day>,
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    doctor: Option<Id>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    specialization: Option<String>,
    date: Option<NaiveDate>,
    doctor: Option<i64>,
}

/// A doctor and what is free on the day.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoctorDay {
    /// Account id of the doctor.
    pub doctor: i64,
    /// Name.
    pub doctor_name: String,
    /// Field of medicine.
    pub specialization: String,
    /// Department; empty when there is none.
    pub department: String,
    /// Day, in the hospital's time zone.
    pub date: NaiveDate,
    /// Free slots, by time; none: booked out, or not there.
    pub slots: Vec<Free>,
}

/// A free slot.
#[derive(Debug, Serialize, ToSchema)]
pub struct Free {
    /// When it begins.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// When it ends.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
}

type Doctor = (i64, String, String, String);

/// The free slots of a day across doctors, by name, a page of doctors at a time.
///
/// A fixed number of queries, however many doctors a page has.
#[utoipa::path(
    tag = "availability",
    params(
        ("date" = String, Query, description = "the day, in the hospital's time zone"),
        ("specialization" = Option<String>, Query, description = "only doctors of this field, in any case of letters"),
        ("doctor" = Option<i64>, Query, description = "only this doctor"),
        ("page" = Option<u64>, Query, description = "from 1; follow `next` for the deep ones"),
        ("page_size" = Option<u64>, Query, description = "20 unless given, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in `next` and `previous`"),
    ),
    responses(
        (status = 200, body = Page<DoctorDay>),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read schedules"),
    )
)]
#[get("/api/appointments/availability/")]
pub async fn across_doctors(
    permit: Permit<ScheduleRead>,
    StrictQuery(parameters): StrictQuery<DayParameters>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<DoctorDay>>, Problem> {
    let DayParameters { specialization, date, doctor, page, page_size, cursor } = parameters;
    let filters = Filters { specialization, date: date.map(Day::get), doctor: doctor.map(Id::get) };
    let request = page::request(&app.cursor_key, filters, page, page_size, cursor)?;
    let date = request.filters.date.ok_or_else(|| Problem::invalid("date", "required", "is required"))?;
    permit.actor.trail.shows([]);
    let mut conn = app.conn().await?;
    let rows = doctors(&mut conn, &request.filters, &request.position, request.size + 1).await?;
    let count = page::count_of(&mut conn, || all(&request.filters).select(staff::id)).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |(id, name, ..)| json!([name, id]))?;
    let results = days(&mut conn, &app.calendar, page.results, date).await?;
    let Page { count, count_is_estimate, next, previous, .. } = page;
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

fn all(filters: &Filters) -> staff::BoxedQuery<'static, diesel::pg::Pg> {
    let mut rows = staff::table.filter(staff::role.eq("DOCTOR").and(staff::is_active.eq(true))).into_boxed();
    if let Some(specialization) = &filters.specialization {
        let lower = diesel::dsl::sql::<diesel::sql_types::Bool>("lower(staff.specialization) = lower(")
            .bind::<diesel::sql_types::Text, _>(specialization.trim().to_owned())
            .sql(")");
        rows = rows.filter(lower);
    }
    if let Some(doctor) = filters.doctor {
        rows = rows.filter(staff::id.eq(doctor));
    }
    rows
}

async fn doctors(
    conn: &mut AsyncPgConnection,
    filters: &Filters,
    position: &Position,
    limit: i64,
) -> Result<Vec<Doctor>, Error> {
    let mut rows = all(filters).limit(limit);
    let mut backward = false;
    match position {
        Position::First => {}
        Position::Offset(offset) => rows = rows.offset(*offset),
        Position::After(at) => {
            let (name, id) = after(at)?;
            rows = rows.filter(staff::name.gt(name.clone()).or(staff::name.eq(name).and(staff::id.gt(id))));
        }
        Position::Before(at) => {
            let (name, id) = after(at)?;
            rows = rows.filter(staff::name.lt(name.clone()).or(staff::name.eq(name).and(staff::id.lt(id))));
            backward = true;
        }
    }
    rows = match backward {
        true => rows.order((staff::name.desc(), staff::id.desc())),
        false => rows.order((staff::name.asc(), staff::id.asc())),
    };
    Ok(rows.select((staff::id, staff::name, staff::specialization, staff::department)).load(conn).await?)
}

fn after(position: &serde_json::Value) -> Result<(String, i64), Error> {
    let read: Option<(String, i64)> = serde_json::from_value(position.clone()).ok();
    read.ok_or_else(|| Error::invalid("cursor", "invalid", "is not a cursor of ours"))
}

async fn days(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
    doctors: Vec<Doctor>,
    date: NaiveDate,
) -> Result<Vec<DoctorDay>, Error> {
    let day =
        calendar.days(date, date).ok_or_else(|| Error::invalid("date", "invalid_date", "is outside the calendar"))?;
    let ids: Vec<i64> = doctors.iter().map(|(id, ..)| *id).collect();
    let plans = plans_of(conn, calendar, &ids, date, date).await?;
    let busy = busy_doctors(conn, &ids, day).await?;
    let nothing = Plan::default();
    let shown = doctors.into_iter().map(|(doctor, doctor_name, specialization, department)| {
        let held: Vec<Span> = busy.iter().filter(|taken| taken.doctor == doctor).map(|taken| taken.busy.held).collect();
        let count = usize::try_from(MINUTES.end() * 3).unwrap_or_default(); // no day has more slots
        let search =
            Search { minutes: None, held: &held, others: &[], from: day.start.max(Utc::now()), days: 1, count };
        let is_over = Utc::now() >= day.end;
        let plan = plans.get(&doctor).filter(|_| !is_over).unwrap_or(&nothing);
        let slots = plan.free(calendar.zone, &search).into_iter().map(|span| {
            let (_date, time_slot, end_time) = calendar.wall_clock(&span);
            Free { time_slot, end_time }
        });
        DoctorDay { doctor, doctor_name, specialization, department, date, slots: slots.collect() }
    });
    Ok(shown.collect())
}
