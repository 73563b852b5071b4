//! `POST /api/appointments/doctor/{id}/busy-times/`: the busy times of a doctor's other calendar, as blocks. A calendar has a
//! name; the same calendar again moves, removes and adds, so that the blocks are what it says now.

pub mod calendars;
mod event;
mod expand;
mod lines;
mod rows;
mod rule;
mod when;

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, post, web};
use auth::permissions::AvailabilityWrite;
use auth::{Actor, Permit};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults, StrictQuery};
use chrono::Utc;
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::app::App;
use crate::appointment::{Appointment, AppointmentView};
use crate::booking::clash;
use crate::error::Error;
use crate::people::StaffMember;
use crate::rescheduling::{self, Of};
use crate::slots::Span;
use crate::status::Cause;
use crate::time_off::{self, doctor_of};
use crate::waitlist;
use crate::waitlist::offer::Offer;

use self::expand::{Clock, PassedBy, Reading};
use self::lines::Refused;
use self::rows::{Changes, Source, Stored, is_hit, merged};

/// Bytes of a calendar at most.
pub const LARGEST: usize = 2 * 1024 * 1024;
/// Events named of those that were not taken.
const NAMED: usize = 100;
/// Calendars read at once: reading one takes a processor.
static READING: Semaphore = Semaphore::const_new(2);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Parameters {
    #[deserr(try_from(String) = calendar_name -> Fault)]
    source: String,
}

/// What became of an imported calendar.
#[derive(Debug, Serialize, ToSchema)]
pub struct BusyTimesImported {
    /// Account id of the doctor.
    pub doctor: i64,
    /// The calendar's name.
    pub source: String,
    /// Events in the file.
    pub events: usize,
    /// Blocks of this calendar from now on; an event that recurs has many.
    pub blocks: usize,
    /// Of these, new ones.
    pub added: usize,
    /// Of these, those that were at another time.
    pub moved: usize,
    /// Of these, those that stay as they were.
    pub unchanged: usize,
    /// Of these, those of which a newer version was imported before (`SEQUENCE`, `DTSTAMP`).
    pub newer: usize,
    /// Blocks that are no more.
    pub removed: usize,
    /// Events that take none of the time that can be booked.
    pub passed_by: PassedBy,
    /// How many events could not be taken.
    pub not_taken_count: usize,
    /// The first hundred of them.
    pub not_taken: Vec<NotTaken>,
    /// How many booked appointments the blocks hit.
    pub affected_count: usize,
    /// The first two hundred of them, by time, marked as `needs_rescheduling`.
    pub affected: Vec<AppointmentView>,
}

/// An event that was not taken. What was stored of it before stays.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotTaken {
    /// The line of the file at which it begins.
    pub line: usize,
    /// Why, for programs.
    pub code: &'static str,
    /// Why, for people.
    pub message: &'static str,
}

/// A calendar as it came, and its digest.
#[derive(Debug)]
pub struct Ics {
    text: String,
    digest: [u8; 32],
}

/// Imports the busy times of a doctor's other calendar as blocks.
///
/// The body is the whole calendar (RFC 5545), 2 MiB at most; `source` names it. Imported again, under the same name, its blocks
/// become what it says then: moved, removed, added, told apart by `UID` and `RECURRENCE-ID`, and a version that is older than the
/// one before changes nothing (`SEQUENCE`, `DTSTAMP`). Events that are transparent, called off, over, or more than 366 days
/// ahead are passed by; recurring ones become a block each time, 5,000 at most in all. Times without a zone are the
/// hospital's. Nothing of what an event is about is kept. Appointments that are hit stay and are marked as `needs_rescheduling`.
/// `ADMIN` and `RECEPTIONIST` for any doctor, a `DOCTOR` for themselves.
#[utoipa::path(
    tag = "calendars",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("source" = String, Query, description = "the calendar's name: 1 to 40 letters, digits, spaces, dots, hyphens, underscores"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again"),
    ),
    request_body(content = String, content_type = "text/calendar"),
    responses(
        (status = 200, description = "imported", body = BusyTimesImported),
        (status = 400, description = "no calendar, or one beyond a bound; nothing of it is taken, and `errors` names the line"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not take leave, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 409, description = "the key was used for another body"),
        (status = 413, description = "larger than 2 MiB"),
        (status = 415, description = "no `text/calendar`"),
        (status = 503, description = "too many imports at once, or the users service does not answer about a doctor not known here yet"),
    )
)]
#[post("/api/appointments/doctor/{id}/busy-times/")]
pub async fn import(
    permit: Permit<AvailabilityWrite>,
    id: web::Path<i64>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    key: IdempotencyKey,
    body: Ics,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let actor = &permit.actor;
    let doctor = doctor_of(&app, actor, permit.reach, id.into_inner()).await?;
    let source = Source { doctor, name: &parameters.source };
    let Ics { text, digest } = body;
    let digest = strict_json::digest(&[digest.as_slice(), source.name.as_bytes()].concat());
    let reading = read(text, Clock { zone: app.zone(), now: Utc::now() }).await?;
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            if let Some(answer) = key.claim(conn, actor.user_id, &digest).await? {
                actor.trail.repeats();
                return Ok(answer.into());
            }
            // As a booking does: nobody is booked into a block that is being made.
            StaffMember::lock(conn, doctor).await?;
            calendars::make_room(conn, source).await?;
            let imported = take(&app, conn, actor, source, &reading).await?;
            let answer = Answer::new(StatusCode::OK, None, None, &imported)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok::<Answer, Error>(answer)
        })
        .await
    };
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

/// Reads a calendar beside the threads that serve.
#[tracing::instrument(skip_all)]
async fn read(text: String, clock: Clock) -> Result<Reading, Problem> {
    let busy = |cause: String| Problem::unavailable("another import", cause);
    let turn = tokio::time::timeout(PATIENCE, READING.acquire()).await;
    let turn = turn.map_err(|late| busy(late.to_string()))?.map_err(|closed| busy(closed.to_string()))?;
    let reading = tokio::task::spawn_blocking(move || {
        let _until_it_is_read = turn;
        expand::read(&text, clock)
    });
    let reading = reading.await.map_err(Problem::internal)?;
    let outcome = if reading.is_ok() { "read" } else { "refused" };
    metrics::counter!("busy_times_imports_total", "outcome" => outcome).increment(1);
    Ok(reading.map_err(Error::from)?)
}

/// Makes the blocks what was read; the doctor's row is locked.
async fn take(
    app: &App,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    source: Source<'_>,
    reading: &Reading,
) -> Result<BusyTimesImported, Error> {
    let now = Utc::now();
    let stored = Stored::of(conn, source, reading, now).await?;
    let changes = rows::changes(stored, reading, now);
    changes.apply(conn, source, actor.user_id).await?;
    count(&changes);
    let freed = lying_over(conn, source.doctor, changes.left.clone()).await?;
    let freed = rescheduling::lift(conn, &app.outbox, actor.into(), freed, Cause::Leave, "the doctor is there").await?;
    let hit = lying_over(conn, source.doctor, changes.held.clone()).await?;
    rescheduling::mark(conn, &app.outbox, actor.into(), &hit, Cause::Leave, "the doctor is away").await?;
    let offered = withdraw(app, conn, actor, source.doctor, &changes).await?;
    let touched = freed.iter().chain(&hit).map(|row| row.patient_id).chain(offered);
    audit::write(conn, &actor.trail, touched).await?;
    let affected = time_off::affected(app, conn, actor, &hit).await?;
    Ok(report(source, reading, &changes, hit.len(), affected))
}

/// What the waitlist has to hear: what was offered of time that is blocked now is taken back, and time that a block has left may be
/// for somebody who waits. Gives the patients who had an offer.
async fn withdraw(
    app: &App,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    doctor: i64,
    changes: &Changes,
) -> QueryResult<Vec<i64>> {
    let mut patients = Vec::new();
    let held = merged(changes.held.clone());
    for offer in Offer::open_with(conn, doctor, whole(&held)).await? {
        if is_hit(&held, &offer.span()) {
            let span = Some(offer.span());
            patients.extend(
                waitlist::ends::withdraw(conn, &app.outbox, actor.into(), doctor, span, "the doctor is away").await?,
            );
        }
    }
    // The worker looks what of it is free.
    if let Some(span) = whole(&merged(changes.left.clone())) {
        waitlist::opening::free(conn, doctor, span).await?;
    }
    Ok(patients)
}

/// From the beginning of the first to the end of the last.
fn whole(merged: &[Span]) -> Option<Span> {
    let (first, last) = merged.first().zip(merged.last())?;
    Some(Span { start: first.start, end: last.end })
}

/// The doctor's appointments to come that lie over one of these spans.
async fn lying_over(conn: &mut AsyncPgConnection, doctor: i64, spans: Vec<Span>) -> QueryResult<Vec<Appointment>> {
    let spans = merged(spans);
    let Some(all) = whole(&spans) else { return Ok(Vec::new()) };
    let mut rows = rescheduling::to_come(conn, Of::Doctor(doctor), Some(all), Utc::now()).await?;
    rows.retain(|row| is_hit(&spans, &row.span()));
    Ok(rows)
}

fn report(
    source: Source<'_>,
    reading: &Reading,
    changes: &Changes,
    affected_count: usize,
    affected: Vec<AppointmentView>,
) -> BusyTimesImported {
    let not_taken = reading.not_taken.iter().take(NAMED);
    BusyTimesImported {
        doctor: source.doctor,
        source: source.name.to_owned(),
        events: reading.events,
        blocks: changes.held.len(),
        added: changes.added.len(),
        moved: changes.moved.len(),
        unchanged: changes.unchanged,
        newer: changes.newer,
        removed: changes.removed.len(),
        passed_by: reading.passed_by,
        not_taken_count: reading.not_taken.len(),
        not_taken: not_taken
            .map(|(line, fault)| NotTaken { line: *line, code: fault.code(), message: fault.message() })
            .collect(),
        affected_count,
        affected,
    }
}

fn count(changes: &Changes) {
    let of = |change: &'static str, count: usize| {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        metrics::counter!("busy_times_blocks_total", "change" => change).increment(count);
    };
    of("added", changes.added.len());
    of("moved", changes.moved.len());
    of("removed", changes.removed.len());
}

fn calendar_name(text: String) -> Result<String, Fault> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'));
    if !name.is_empty() && name.chars().count() <= 40 && is_plain {
        Ok(name)
    } else {
        Err(Fault::new("invalid_source", "must be 1 to 40 letters, digits, spaces, dots, hyphens or underscores"))
    }
}

impl From<Refused> for Error {
    fn from(why: Refused) -> Self {
        let Refused { line, code, message } = why;
        Self::invalid("", code, format!("line {line}: {message}"))
    }
}

impl FromRequest for Ics {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media = media(request);
        let payload = payload.take();
        Box::pin(async move {
            media?;
            let bytes = strict_json::read_body(payload, LARGEST).await?;
            let digest = strict_json::digest(&bytes);
            let text =
                String::from_utf8(bytes.into()).map_err(|_why| Problem::invalid("", "not_utf8", "is not UTF-8"))?;
            Ok(Self { text, digest })
        })
    }
}

fn media(request: &HttpRequest) -> Result<(), Problem> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let is_calendar = parts.next().as_deref() == Some("text/calendar");
    let mut charset = parts.filter_map(|part| part.strip_prefix("charset=").map(|name| name.replace('"', "")));
    if is_calendar && charset.all(|name| matches!(name.as_str(), "utf-8" | "utf8" | "us-ascii")) {
        Ok(())
    } else {
        Err(Problem::unsupported_media("text/calendar in UTF-8"))
    }
}
