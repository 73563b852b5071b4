//! `GET, PUT /api/appointments/doctor/{id}/availability/`: a doctor's weekly hours. Leave and holidays come on top elsewhere.

pub mod input;

use actix_web::{get, put, web};
use auth::Permit;
use auth::permissions::{AvailabilityRead, AvailabilityWrite};
use chassis::etag::{Etagged, IfMatch};
use chassis::problem::Problem;
use chassis::strict_json::Strict;
use chrono::{DateTime, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::people::StaffMember;
use crate::schema::{availability, availability_hours};
use crate::slots::{Hours, Opening};

use self::input::{Week, Weekday};

/// A doctor's weekly hours.
#[derive(Debug, Serialize, ToSchema)]
pub struct Availability {
    /// Account id of the doctor.
    pub doctor: i64,
    /// Length of a slot.
    pub slot_minutes: i64,
    /// Intervals, in order.
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
    let (version, hours) = hours_of(&mut conn, doctor).await?.ok_or(Error::NotFound("doctor with hours"))?;
    Ok(Etagged { version, body: show(doctor, hours) })
}

/// Sets a doctor's weekly hours.
///
/// Several intervals a day, none overlapping another, each long enough for one slot; an empty `weekly` means that the doctor
/// cannot be booked. What is booked already stays as it is. `ADMIN` and `RECEPTIONIST` for any doctor, a `DOCTOR` for themselves.
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
    let hours = body.value.into_hours()?;
    let mut conn = app.conn().await?;
    let version = conn
        .transaction(async |conn| {
            // As a booking does: hours do not change under one that is being decided.
            StaffMember::lock(conn, doctor).await?;
            let version = version_of(conn, doctor).await?;
            if_match.check(version)?;
            store(conn, doctor, &hours, version + 1, permit.actor.user_id).await?;
            Ok::<_, Error>(version + 1)
        })
        .await?;
    Ok(Etagged { version, body: show(doctor, hours) })
}

fn check_reach(scope: &Scope, doctor: i64) -> Result<(), Error> {
    if scope.covers_doctor(doctor) { Ok(()) } else { Err(Error::Forbidden("These are another doctor's hours.")) }
}

/// The hours and their version; `None` when none were ever set.
pub async fn hours_of(conn: &mut AsyncPgConnection, doctor: i64) -> QueryResult<Option<(i64, Hours)>> {
    let head: Option<(i64, i32)> = availability::table
        .find(doctor)
        .select((availability::version, availability::slot_minutes))
        .first(conn)
        .await
        .optional()?;
    let Some((version, slot_minutes)) = head else { return Ok(None) };
    let rows: Vec<(i16, NaiveTime, NaiveTime)> = availability_hours::table
        .filter(availability_hours::doctor_id.eq(doctor))
        .order((availability_hours::weekday, availability_hours::start_time))
        .select((availability_hours::weekday, availability_hours::start_time, availability_hours::end_time))
        .load(conn)
        .await?;
    let openings = rows.into_iter().map(|(weekday, start, end)| Opening { weekday, start, end }).collect();
    Ok(Some((version, Hours { slot_minutes: slot_minutes.into(), openings })))
}

/// 0 when none were ever set.
async fn version_of(conn: &mut AsyncPgConnection, doctor: i64) -> QueryResult<i64> {
    let version = availability::table.find(doctor).select(availability::version).first(conn).await.optional()?;
    Ok(version.unwrap_or(0))
}

async fn store(conn: &mut AsyncPgConnection, doctor: i64, hours: &Hours, version: i64, by: i64) -> QueryResult<()> {
    let now: DateTime<Utc> = Utc::now();
    let slot_minutes =
        i32::try_from(hours.slot_minutes).map_err(|cause| diesel::result::Error::SerializationError(cause.into()))?;
    let head = (
        availability::slot_minutes.eq(slot_minutes),
        availability::version.eq(version),
        availability::updated_by.eq(by),
        availability::updated_at.eq(now),
    );
    diesel::insert_into(availability::table)
        .values((availability::doctor_id.eq(doctor), head))
        .on_conflict(availability::doctor_id)
        .do_update()
        .set(head)
        .execute(conn)
        .await?;
    diesel::delete(availability_hours::table.filter(availability_hours::doctor_id.eq(doctor))).execute(conn).await?;
    let rows: Vec<_> = hours
        .openings
        .iter()
        .map(|opening| {
            (
                availability_hours::doctor_id.eq(doctor),
                availability_hours::weekday.eq(opening.weekday),
                availability_hours::start_time.eq(opening.start),
                availability_hours::end_time.eq(opening.end),
            )
        })
        .collect();
    diesel::insert_into(availability_hours::table).values(rows).execute(conn).await?;
    Ok(())
}

fn show(doctor: i64, hours: Hours) -> Availability {
    let weekly = hours
        .openings
        .into_iter()
        .map(|opening| Interval {
            weekday: Weekday::from_days_after_monday(opening.weekday),
            start: opening.start,
            end: opening.end,
        })
        .collect();
    Availability { doctor, slot_minutes: hours.slot_minutes, weekly }
}
