//! `GET /api/appointments/{id}/history/`: every change of an appointment, who made it, when, from what, to what, and why. Written in
//! the change's transaction, only ever added to.

pub mod record;

use actix_web::{HttpRequest, get, web};
use auth::permissions::AppointmentRead;
use auth::{BreakGlass, Permit};
use chassis::fields::number;
use chassis::page::{self, Page, Position};
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::App;
use crate::appointment::{Entry, Viewer};
use crate::break_glass;
use crate::error::Error;
use crate::schema::{appointment_history, staff};
use crate::status::Status;

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Parameters {
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// Whose history a cursor walks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    of: Option<i64>,
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// The appointment's version after it.
    pub version: i64,
    /// When it was made.
    pub changed_at: DateTime<Utc>,
    /// Account of who made it; null for the service itself.
    pub changed_by: Option<i64>,
    /// Their name, where they work here.
    pub changed_by_name: Option<String>,
    /// The role that they acted in; `SYSTEM` for the service itself.
    pub changed_as: String,
    /// Names of the fields that it changed; empty for the booking.
    pub changed: Vec<String>,
    /// What was before; null for the booking.
    pub before: Option<Standing>,
    /// What was after.
    pub after: Standing,
    /// Why, in their words; empty when they gave none. Null for roles that do not see reasons (`ACCOUNTANT`).
    #[schema(value_type = Option<String>)]
    pub why: Option<Phi<String>>,
}

/// Where an appointment stood.
#[derive(Debug, Serialize, ToSchema)]
pub struct Standing {
    /// How far it had come.
    pub status: Status,
    /// With whom.
    pub doctor: i64,
    /// Day in the hospital's time zone.
    pub date: NaiveDate,
    /// When it began, on the hospital's wall clock.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// When it ended.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = appointment_history, check_for_backend(diesel::pg::Pg))]
struct Line {
    version: i64,
    changed_at: DateTime<Utc>,
    changed_by: Option<i64>,
    changed_as: String,
    old_status: Option<Status>,
    new_status: Status,
    old_doctor_id: Option<i64>,
    new_doctor_id: i64,
    old_starts_at: Option<DateTime<Utc>>,
    new_starts_at: DateTime<Utc>,
    old_ends_at: Option<DateTime<Utc>>,
    new_ends_at: DateTime<Utc>,
    why: Phi<String>,
    changed: Vec<String>,
}

/// Every change of an appointment, the newest first.
///
/// Who may read the appointment may read its history.
#[utoipa::path(
    tag = "appointments",
    params(
        ("id" = i64, Path, description = "id of the appointment"),
        ("page" = Option<u64>, Query, description = "from 1; follow `next` for the deep ones"),
        ("page_size" = Option<u64>, Query, description = "20 unless given, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in `next` and `previous`"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this patient's appointments and record for an hour, and is reviewed"),
    ),
    responses(
        (status = 200, body = Page<ChangeView>),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read appointments"),
        (status = 404, description = "no such appointment, or not for the caller to know of"),
        (status = 503, description = "the patients service does not answer about an `X-Break-Glass`; `Retry-After`"),
    )
)]
#[get("/api/appointments/{id}/history/")]
pub async fn history(
    permit: Permit<AppointmentRead>,
    id: web::Path<i64>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<ChangeView>>, Problem> {
    let Parameters { page, page_size, cursor } = parameters;
    let mut request = page::request(&app.cursor_key, Filters::default(), page, page_size, cursor)?;
    let id = id.into_inner();
    if request.filters.of.replace(id).is_some_and(|of| of != id) {
        return Err(Problem::invalid("cursor", "invalid", "is of another appointment"));
    }
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    let scope = break_glass::open_one(&app, &permit.actor, scope, &break_glass, id).await?;
    let mut conn = app.conn().await?;
    let entry = Entry::find(&mut conn, &scope, id).await?.ok_or(Error::NotFound("appointment"))?;
    permit.actor.trail.shows([entry.appointment.patient_id]);
    let rows = lines(&mut conn, id, &request.position, request.size + 1).await?;
    let all = appointment_history::table.filter(appointment_history::appointment_id.eq(id));
    let count = page::count(&mut conn, all.select(appointment_history::id)).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |(line, _name)| json!(line.version))?;
    let viewer = Viewer { role: permit.actor.role, zone: app.zone() };
    let results = page.results.into_iter().map(|(line, name)| show(viewer, line, name)).collect();
    let Page { count, count_is_estimate, next, previous, .. } = page;
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// Lines with the name of who made each.
async fn lines(
    conn: &mut AsyncPgConnection,
    id: i64,
    position: &Position,
    limit: i64,
) -> Result<Vec<(Line, Option<String>)>, Error> {
    let who = staff::id.nullable().eq(appointment_history::changed_by);
    let mut rows = appointment_history::table
        .left_join(staff::table.on(who))
        .filter(appointment_history::appointment_id.eq(id))
        .select((Line::as_select(), staff::name.nullable()))
        .limit(limit)
        .into_boxed();
    let version = |at: &serde_json::Value| {
        at.as_i64().ok_or_else(|| Error::invalid("cursor", "invalid", "is not a cursor of ours"))
    };
    rows = match position {
        Position::First => rows.order(appointment_history::version.desc()),
        Position::Offset(offset) => rows.order(appointment_history::version.desc()).offset(*offset),
        Position::After(at) => {
            rows.filter(appointment_history::version.lt(version(at)?)).order(appointment_history::version.desc())
        }
        Position::Before(at) => {
            rows.filter(appointment_history::version.gt(version(at)?)).order(appointment_history::version.asc())
        }
    };
    Ok(rows.load(conn).await?)
}

fn show(viewer: Viewer, line: Line, changed_by_name: Option<String>) -> ChangeView {
    let standing = |status, doctor, starts_at: DateTime<Utc>, ends_at: DateTime<Utc>| {
        let start = starts_at.with_timezone(&viewer.zone);
        let end_time = ends_at.with_timezone(&viewer.zone).time();
        Standing { status, doctor, date: start.date_naive(), time_slot: start.time(), end_time }
    };
    let before = match (line.old_status, line.old_doctor_id, line.old_starts_at, line.old_ends_at) {
        (Some(status), Some(doctor), Some(start), Some(end)) => Some(standing(status, doctor, start, end)),
        _ => None,
    };
    ChangeView {
        version: line.version,
        changed_at: line.changed_at,
        changed_by: line.changed_by,
        changed_by_name,
        changed_as: line.changed_as,
        changed: line.changed,
        before,
        after: standing(line.new_status, line.new_doctor_id, line.new_starts_at, line.new_ends_at),
        why: viewer.sees_reasons().then_some(line.why),
    }
}
