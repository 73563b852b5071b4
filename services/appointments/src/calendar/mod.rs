//! `GET /api/appointments/{id}/calendar.ics` and `GET /api/appointments/doctor/{id}/calendar.ics`: appointments for a calendar, without
//! anything clinical.

pub mod ical;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::permissions::{AppointmentRead, AvailabilityRead};
use auth::{Permit, Role};
use chassis::etag;
use chassis::problem::Problem;
use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::access::Scope;
use crate::app::App;
use crate::appointment::{Entry, visible_to};
use crate::availability::check_reach;
use crate::error::Error;
use crate::schema::appointments;
use crate::slots::Span;
use crate::status::Status;

use self::ical::Event;

/// Events of one calendar at most.
const MOST: i64 = 5000;
/// How far back a doctor's calendar reaches.
const BACK: TimeDelta = TimeDelta::days(30);
/// How far ahead.
const AHEAD: TimeDelta = TimeDelta::days(180);
const MEDIA_TYPE: &str = "text/calendar; charset=utf-8";

/// One appointment as iCalendar (RFC 5545).
///
/// Who may read the appointment. It says when, where and with whom; no reason and no note.
#[utoipa::path(
    tag = "appointments",
    params(("id" = i64, Path, description = "id of the appointment")),
    responses(
        (status = 200, description = "a calendar with one event; with `ETag`", content_type = "text/calendar", body = String),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read appointments"),
        (status = 404, description = "no such appointment, or not for the caller to know of"),
    )
)]
#[get("/api/appointments/{id}/calendar.ics")]
pub async fn one(
    permit: Permit<AppointmentRead>,
    id: web::Path<i64>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let entry = Entry::find(&mut conn, &scope, id.into_inner()).await?.ok_or(Error::NotFound("appointment"))?;
    permit.actor.trail.shows([entry.appointment.patient_id]);
    let version = entry.appointment.version;
    if let Some(unchanged) = etag::not_modified(&http, version) {
        return Ok(unchanged);
    }
    let with = if permit.actor.role == Role::Patient { Some(entry.doctor.name.as_str()) } else { None };
    let name = entry.doctor.name.clone();
    let event = event(&entry, with);
    let mut answer = answer(&app, &name, &[event]);
    let tag = header::HeaderValue::from_str(&etag::tag(version)).map_err(Problem::internal)?;
    answer.headers_mut().insert(header::ETAG, tag);
    Ok(answer)
}

/// A doctor's appointments as iCalendar (RFC 5545): of the last 30 and the next 180 days, called off ones as such.
///
/// `ADMIN` and `RECEPTIONIST` of any doctor, a `DOCTOR` their own. It names no patient.
#[utoipa::path(
    tag = "appointments",
    params(("id" = i64, Path, description = "account id of the doctor")),
    responses(
        (status = 200, description = "a calendar", content_type = "text/calendar", body = String),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read it, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/calendar.ics")]
pub async fn of_doctor(
    permit: Permit<AvailabilityRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let doctor = id.into_inner();
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    check_reach(&scope, doctor)?;
    let known = app.owners.doctor(&app.db, &permit.actor, doctor).await?.ok_or(Error::NotFound("doctor"))?;
    let now = Utc::now();
    let span = Span { start: now - BACK, end: now + AHEAD };
    let entries = entries(&mut *app.conn().await?, &scope, doctor, span).await.map_err(Error::from)?;
    permit.actor.trail.shows(entries.iter().map(|entry| entry.appointment.patient_id));
    let events: Vec<Event> = entries.iter().map(|entry| event(entry, None)).collect();
    Ok(answer(&app, &known.name, &events))
}

async fn entries(conn: &mut AsyncPgConnection, scope: &Scope, doctor: i64, span: Span) -> QueryResult<Vec<Entry>> {
    visible_to(scope)
        .filter(appointments::doctor_id.eq(doctor))
        .filter(appointments::starts_at.ge(span.start).and(appointments::starts_at.lt(span.end)))
        .order((appointments::starts_at, appointments::id))
        .limit(MOST)
        .select(Entry::as_select())
        .load(conn)
        .await
}

fn event(entry: &Entry, with: Option<&str>) -> Event {
    let row = &entry.appointment;
    Event {
        uid: uid(row.id),
        sequence: row.version - 1,
        span: row.span(),
        summary: with.map_or_else(|| "Appointment".to_owned(), |name| format!("Appointment with {name}")),
        location: row.room.clone(),
        status: status(row.status),
        changed_at: row.updated_at,
    }
}

/// What an appointment is called in every calendar, always.
pub(crate) fn uid(appointment: i64) -> String {
    format!("appointment-{appointment}@ehs")
}

/// A status in the words of RFC 5545, 3.8.1.11.
pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::Scheduled => "TENTATIVE",
        Status::Cancelled | Status::NoShow => "CANCELLED",
        Status::Confirmed | Status::CheckedIn | Status::InProgress | Status::Completed => "CONFIRMED",
    }
}

/// A calendar of these events.
pub(crate) fn answer(app: &App, name: &str, events: &[Event]) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(ical::calendar(app.zone(), name, events))
}
