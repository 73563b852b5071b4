//! `GET, POST /api/appointments/doctor/{id}/time-off/`, `GET, DELETE …/{entry}/`: when a doctor is away, whatever their hours say.

pub mod input;
pub mod rows;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use auth::permissions::{AvailabilityRead, AvailabilityWrite};
use auth::{Actor, Permit};
use chassis::etag::{Etagged, IfMatch};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::page::{self, Page};
use chassis::problem::Problem;
use chassis::strict_json::{Strict, StrictQuery};
use chassis::words;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::{App, Calendar};
use crate::appointment::{Appointment, AppointmentView, Entry, Viewer, visible_to};
use crate::availability::check_reach;
use crate::booking::clash;
use crate::error::Error;
use crate::people::StaffMember;
use crate::rescheduling::{self, Of};
use crate::schema::{appointments, time_off};
use crate::slots::Span;
use crate::status::Cause;
use crate::waitlist;

use self::input::{Absence, Parameters};
use self::rows::Row;

/// Appointments shown of those that a leave hits.
const SHOWN: i64 = 200;
/// What may not be found.
const LEAVE: &str = "leave of this doctor";

words! {
    /// Why a doctor is away.
    pub enum Kind {
        /// On leave.
        Leave = "LEAVE",
        /// There, and not to be booked: theatre, a meeting, another calendar's appointment.
        Block = "BLOCK",
    }
}

/// A stretch of time in which a doctor is away.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimeOff {
    /// Id.
    pub id: i64,
    /// Account id of the doctor.
    pub doctor: i64,
    /// Why.
    pub kind: Kind,
    /// The first day, in the hospital's time zone.
    pub start_date: NaiveDate,
    /// From when on that day.
    #[schema(value_type = String, example = "00:00:00")]
    pub start_time: NaiveTime,
    /// The last day.
    pub end_date: NaiveDate,
    /// Until when on that day; null: until it is over.
    #[schema(value_type = Option<String>, example = "13:00:00")]
    pub end_time: Option<NaiveTime>,
    /// What is written beside it; no clinical detail belongs here.
    pub reason: String,
    /// Account of who entered it.
    pub created_by: i64,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// The calendar that it was imported from, whose next import may change it; null: somebody entered it here.
    pub source: Option<String>,
}

/// A new leave, and the appointments that it hits.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimeOffTaken {
    /// The leave.
    #[serde(flatten)]
    pub time_off: TimeOff,
    /// How many booked appointments it hits.
    pub affected_count: i64,
    /// The first two hundred of them, by time, marked as `needs_rescheduling`.
    pub affected: Vec<AppointmentView>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    doctor: Option<i64>,
}

/// A doctor's leave and blocks that are not over, by time.
///
/// `ADMIN` and `RECEPTIONIST` of any doctor, a `DOCTOR` their own.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("page" = Option<u64>, Query, description = "from 1; follow `next` for the deep ones"),
        ("page_size" = Option<u64>, Query, description = "20 unless given, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in `next` and `previous`"),
    ),
    responses(
        (status = 200, body = Page<TimeOff>),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read leave, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/time-off/")]
pub async fn list(
    permit: Permit<AvailabilityRead>,
    id: web::Path<i64>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<TimeOff>>, Problem> {
    let doctor = doctor_of(&app, &permit.actor, permit.reach, id.into_inner()).await?;
    let Parameters { page, page_size, cursor } = parameters;
    let mut request = page::request(&app.cursor_key, Filters::default(), page, page_size, cursor)?;
    if request.filters.doctor.replace(doctor).is_some_and(|of| of != doctor) {
        return Err(Problem::invalid("cursor", "invalid", "is of another doctor"));
    }
    let mut conn = app.conn().await?;
    let now = Utc::now();
    let rows = Row::page(&mut conn, doctor, now, &request.position, request.size + 1).await?;
    let all = time_off::table.filter(time_off::doctor_id.eq(doctor).and(time_off::ends_at.gt(now)));
    let count = page::count(&mut conn, all.select(time_off::id)).await?;
    let at = |row: &Row| json!([row.starts_at.timestamp_micros(), row.id]);
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, at)?;
    let results = page.results.into_iter().map(|row| show(&app.calendar, row)).collect();
    let Page { count, count_is_estimate, next, previous, .. } = page;
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// A leave or a block of a doctor's, over or not.
///
/// `ADMIN` and `RECEPTIONIST` of any doctor, a `DOCTOR` their own.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("entry" = i64, Path, description = "id of the leave"),
    ),
    responses(
        (status = 200, description = "with `ETag`", body = TimeOff),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read leave, or not this doctor's"),
        (status = 404, description = "no such doctor, or no such leave of theirs"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/time-off/{entry}/")]
pub async fn read(
    permit: Permit<AvailabilityRead>,
    path: web::Path<(i64, i64)>,
    app: web::Data<App>,
) -> Result<Etagged<TimeOff>, Problem> {
    let (doctor, entry) = path.into_inner();
    let doctor = doctor_of(&app, &permit.actor, permit.reach, doctor).await?;
    let row = Row::find(&mut *app.conn().await?, doctor, entry).await.map_err(Error::from)?;
    let row = row.ok_or(Error::NotFound(LEAVE))?;
    Ok(Etagged { version: row.version, body: show(&app.calendar, row) })
}

/// Takes a doctor out of the diary for a while: leave, or a block.
///
/// Nobody can be booked then. The booked appointments that it hits stay, are listed, and are marked as `needs_rescheduling` until
/// somebody moves or cancels them. `ADMIN` and `RECEPTIONIST` for any doctor, a `DOCTOR` for themselves.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again"),
    ),
    request_body = Absence,
    responses(
        (status = 201, description = "taken; `Location` and `ETag`", body = TimeOffTaken),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not take leave, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 409, description = "the key was used for another body"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[post("/api/appointments/doctor/{id}/time-off/")]
pub async fn take(
    permit: Permit<AvailabilityWrite>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    body: Strict<Absence>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let Strict { value: absence, digest } = body;
    let actor = &permit.actor;
    let doctor = doctor_of(&app, actor, permit.reach, id.into_inner()).await?;
    let span = absence.span(&app.calendar, Utc::now())?;
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            if let Some(answer) = key.claim(conn, actor.user_id, &digest).await? {
                actor.trail.repeats();
                return Ok(answer.into());
            }
            let (version, taken) = enter(&app, conn, actor, doctor, &absence, span).await?;
            let location = format!("/api/appointments/doctor/{doctor}/time-off/{}/", taken.time_off.id);
            let answer = Answer::created(location, version, &taken)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok::<Answer, Error>(answer)
        })
        .await
    };
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

/// Takes a leave or a block back.
///
/// Appointments that it alone kept from staying where they are can stay again.
#[utoipa::path(
    tag = "availability",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("entry" = i64, Path, description = "id of the leave"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the leave that is meant: an import may have moved it since"),
    ),
    responses(
        (status = 204, description = "taken back"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not take leave back, or not this doctor's"),
        (status = 404, description = "no such doctor, or no such leave of theirs"),
        (status = 412, description = "the leave has changed since"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[delete("/api/appointments/doctor/{id}/time-off/{entry}/")]
pub async fn take_back(
    permit: Permit<AvailabilityWrite>,
    path: web::Path<(i64, i64)>,
    if_match: IfMatch,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let (doctor, entry) = path.into_inner();
    let actor = &permit.actor;
    let doctor = doctor_of(&app, actor, permit.reach, doctor).await?;
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            // As an import does, so that none moves it meanwhile.
            StaffMember::lock(conn, doctor).await?;
            let row = Row::find(conn, doctor, entry).await?.ok_or(Error::NotFound(LEAVE))?;
            if_match.check(row.version)?;
            remove(&app, conn, actor, row).await
        })
        .await
    };
    clash::settle(&mut conn, &app.calendar, attempt).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A doctor whose leave is the caller's business.
pub(crate) async fn doctor_of(app: &App, actor: &Actor, reach: auth::Reach, doctor: i64) -> Result<i64, Problem> {
    let scope = Scope::of(&mut *app.conn().await?, actor, reach).await?;
    check_reach(&scope, doctor)?;
    app.owners.doctor(&app.db, actor, doctor).await?.ok_or(Error::NotFound("doctor"))?;
    Ok(doctor)
}

async fn enter(
    app: &App,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    doctor: i64,
    absence: &Absence,
    span: Span,
) -> Result<(i64, TimeOffTaken), Error> {
    // As a booking does: nobody is booked into a leave that is being taken.
    StaffMember::lock(conn, doctor).await?;
    let row = Row::insert(conn, doctor, absence, span, actor.user_id).await?;
    let hit = rescheduling::to_come(conn, Of::Doctor(doctor), Some(span), Utc::now()).await?;
    rescheduling::mark(conn, &app.outbox, actor.into(), &hit, Cause::Leave, "the doctor is away").await?;
    let offered =
        waitlist::ends::withdraw(conn, &app.outbox, actor.into(), doctor, Some(span), "the doctor is away").await?;
    audit::write(conn, &actor.trail, hit.iter().map(|row| row.patient_id).chain(offered)).await?;
    let affected = affected(app, conn, actor, &hit).await?;
    let affected_count = i64::try_from(hit.len()).unwrap_or(i64::MAX);
    let version = row.version;
    Ok((version, TimeOffTaken { time_off: show(&app.calendar, row), affected_count, affected }))
}

/// The appointments that an absence hits, as the caller may see them: the first of them.
pub(crate) async fn affected(
    app: &App,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    hit: &[Appointment],
) -> QueryResult<Vec<AppointmentView>> {
    let ids: Vec<i64> = hit.iter().map(|row| row.id).collect();
    let entries: Vec<Entry> = visible_to(&Scope::All)
        .filter(appointments::id.eq_any(&ids))
        .order((appointments::starts_at, appointments::id))
        .limit(SHOWN)
        .select(Entry::as_select())
        .load(conn)
        .await?;
    let viewer = Viewer { role: actor.role, zone: app.zone() };
    Ok(entries.into_iter().map(|entry| viewer.show(entry)).collect())
}

async fn remove(app: &App, conn: &mut AsyncPgConnection, actor: &Actor, row: Row) -> Result<(), Error> {
    row.delete(conn).await?;
    let (doctor, span) = (row.doctor_id, row.span());
    let hit = rescheduling::to_come(conn, Of::Doctor(doctor), Some(span), Utc::now()).await?;
    let free = rescheduling::lift(conn, &app.outbox, actor.into(), hit, Cause::Leave, "the doctor is there").await?;
    waitlist::opening::free(conn, doctor, span).await?;
    audit::write(conn, &actor.trail, free.iter().map(|row| row.patient_id)).await?;
    Ok(())
}

fn show(calendar: &Calendar, row: Row) -> TimeOff {
    let (start_date, start_time, end_time) = calendar.wall_clock(&row.span());
    let end_date = calendar.date(row.ends_at - TimeDelta::seconds(1));
    let is_whole_day = calendar.days(end_date, end_date).is_some_and(|day| day.end == row.ends_at);
    TimeOff {
        id: row.id,
        doctor: row.doctor_id,
        kind: row.kind,
        start_date,
        start_time,
        end_date,
        end_time: (!is_whole_day).then_some(end_time),
        reason: row.reason,
        created_by: row.created_by,
        created_at: row.created_at,
        source: row.source,
    }
}
