//! `GET, DELETE /api/appointments/doctor/{id}/busy-times/`: which calendars of a doctor's were imported, and to forget one.

use actix_web::{HttpResponse, delete, get, web};
use auth::Permit;
use auth::permissions::{AvailabilityRead, AvailabilityWrite};
use chassis::page::Page;
use chassis::problem::Problem;
use chassis::strict_json::StrictQuery;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::expand::Reading;
use super::rows::Source;
use super::{Parameters, take};
use crate::app::App;
use crate::booking::clash;
use crate::error::Error;
use crate::people::StaffMember;
use crate::time_off::doctor_of;

/// Calendars of one doctor at most.
const MOST: i64 = 20;

/// A calendar whose busy times were imported.
#[derive(Debug, QueryableByName, Serialize, ToSchema)]
pub struct ImportedCalendar {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// Its blocks that are not over.
    #[diesel(sql_type = BigInt)]
    pub blocks: i64,
    /// When the first of them begins.
    #[diesel(sql_type = Timestamptz)]
    pub first: DateTime<Utc>,
    /// When the last of them ends.
    #[diesel(sql_type = Timestamptz)]
    pub last: DateTime<Utc>,
}

const OF_DOCTOR: &str = "SELECT source, count(*) AS blocks, min(starts_at) AS first, max(ends_at) AS last FROM time_off \
                         WHERE doctor_id = $1 AND source IS NOT NULL AND ends_at > now() GROUP BY source ORDER BY source";

/// The calendars of a doctor's that hold time ahead, by name; twenty at most.
///
/// `ADMIN` and `RECEPTIONIST` of any doctor, a `DOCTOR` their own.
#[utoipa::path(
    tag = "calendars",
    params(("id" = i64, Path, description = "account id of the doctor")),
    responses(
        (status = 200, body = Page<ImportedCalendar>),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read leave, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/busy-times/")]
pub async fn list(
    permit: Permit<AvailabilityRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<web::Json<Page<ImportedCalendar>>, Problem> {
    let doctor = doctor_of(&app, &permit.actor, permit.reach, id.into_inner()).await?;
    let results = of_doctor(&mut *app.conn().await?, doctor).await?;
    let count = i64::try_from(results.len()).unwrap_or(MOST);
    Ok(web::Json(Page { count, count_is_estimate: false, next: None, previous: None, results }))
}

/// Forgets a calendar of a doctor's: its blocks that are not over are gone, and what only they kept from staying can stay.
///
/// `ADMIN` and `RECEPTIONIST` for any doctor, a `DOCTOR` for themselves.
#[utoipa::path(
    tag = "calendars",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("source" = String, Query, description = "the calendar's name"),
    ),
    responses(
        (status = 204, description = "forgotten"),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not take leave back, or not this doctor's"),
        (status = 404, description = "no such doctor, or no such calendar of theirs that holds time ahead"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[delete("/api/appointments/doctor/{id}/busy-times/")]
pub async fn forget(
    permit: Permit<AvailabilityWrite>,
    id: web::Path<i64>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let actor = &permit.actor;
    let doctor = doctor_of(&app, actor, permit.reach, id.into_inner()).await?;
    let source = Source { doctor, name: &parameters.source };
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            StaffMember::lock(conn, doctor).await?;
            let gone = take(&app, conn, actor, source, &Reading::default()).await?;
            if gone.removed == 0 { Err(Error::NotFound("calendar of this doctor")) } else { Ok(()) }
        })
        .await
    };
    clash::settle(&mut conn, &app.calendar, attempt).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Goes on when the doctor has this calendar already, or room for one more.
pub(super) async fn make_room(conn: &mut AsyncPgConnection, source: Source<'_>) -> Result<(), Error> {
    let known = of_doctor(conn, source.doctor).await?;
    let is_known = known.iter().any(|calendar| calendar.source == source.name);
    if is_known || i64::try_from(known.len()).unwrap_or(MOST) < MOST {
        return Ok(());
    }
    Err(Error::invalid("source", "too_many_calendars", format!("would be more than {MOST} calendars of one doctor")))
}

async fn of_doctor(conn: &mut AsyncPgConnection, doctor: i64) -> QueryResult<Vec<ImportedCalendar>> {
    diesel::sql_query(OF_DOCTOR).bind::<BigInt, _>(doctor).load(conn).await
}
