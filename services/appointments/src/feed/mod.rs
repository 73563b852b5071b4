//! `GET, POST, DELETE /api/appointments/doctor/{id}/feed/`: the secret address of a doctor's calendar, and
//! `GET /api/appointments/feeds/{secret}/calendar.ics`, what calendar programs fetch by it. They bring no token: who has the
//! address may read, which is why it says so little, can be revoked at once, and stands in no log, span, metric or audit row.

mod rows;
mod secret;

use std::collections::BTreeSet;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use auth::permissions::CalendarFeed;
use auth::{Action, Permit, Role};
use chassis::etag::{self, IfMatch};
use chassis::idempotency::IdempotencyKey;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, Strict, digest};
use chassis::trail::{Trail, Who};
use chrono::{DateTime, Days, Utc};
use deserr::Deserr;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, Calendar};
use crate::calendar;
use crate::calendar::ical::Event;
use crate::error::Error;
use crate::people::StaffMember;
use crate::slots::Span;
use crate::status::AppointmentType;
use crate::time_off::doctor_of;

use self::rows::{Feed, Shown, State};
use self::secret::Secret;

/// Days before today that a feed shows.
const BACK: Days = Days::new(30);
/// Days after today.
const AHEAD: Days = Days::new(365);
/// Events of a feed at most, the earliest first.
const MOST: i64 = 10_000;

/// The address of a doctor's feed, as it is wanted.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct FeedInput {
    /// Whether the address that is there now, if any, is revoked for the new one. Without it there must be none.
    #[deserr(default)]
    pub replace: bool,
}

/// That a doctor's calendar has a secret address.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedView {
    /// Account id of the doctor.
    pub doctor: i64,
    /// Account of who made the address.
    pub created_by: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the calendar was last fetched by it, to the minute; null: never.
    pub last_fetched_at: Option<DateTime<Utc>>,
}

/// A new address.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewFeed {
    /// Of whom and when.
    #[serde(flatten)]
    pub feed: FeedView,
    /// What a calendar program subscribes to. It is shown this once: only its hash is kept.
    pub address: String,
}

/// Whether a doctor's calendar has a secret address, since when, and when it was last used. Never the address itself.
///
/// `ADMIN` of any doctor, a `DOCTOR` of themselves.
#[utoipa::path(
    tag = "calendars",
    params(("id" = i64, Path, description = "account id of the doctor")),
    responses(
        (status = 200, description = "with the `ETag` of the address", body = FeedView),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role has nothing to do with feeds, or not with this doctor's"),
        (status = 404, description = "no such doctor, or no address"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[get("/api/appointments/doctor/{id}/feed/")]
pub async fn read(
    permit: Permit<CalendarFeed>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let doctor = doctor_of(&app, &permit.actor, permit.reach, id.into_inner()).await?;
    let feed = Feed::of(&mut *app.conn().await?, doctor).await?.ok_or(Error::NotFound("feed"))?;
    // The tag is the address's: a fetch in between is no change that somebody could overwrite, so that nothing is 304.
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, etag::tag(feed.id)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .json(FeedView::from(&feed)))
}

/// Makes the secret address of a doctor's calendar, and shows it this once.
///
/// Whoever has it may fetch the calendar without signing in, until it is revoked or another one takes its place
/// (`"replace": true`), which ends the old one at once. An `Idempotency-Key` changes nothing here: a secret is not stored in an
/// answer. `ADMIN` for any doctor, a `DOCTOR` for themselves.
#[utoipa::path(
    tag = "calendars",
    params(("id" = i64, Path, description = "account id of the doctor")),
    request_body = FeedInput,
    responses(
        (status = 201, description = "made; with `ETag`", body = NewFeed),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not make feeds, or not this doctor's"),
        (status = 404, description = "no such doctor"),
        (status = 409, description = "there is an address; `replace` it"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[post("/api/appointments/doctor/{id}/feed/")]
pub async fn make(
    permit: Permit<CalendarFeed>,
    id: web::Path<i64>,
    _key: IdempotencyKey,
    body: Strict<FeedInput>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let actor = &permit.actor;
    let doctor = doctor_of(&app, actor, permit.reach, id.into_inner()).await?;
    let secret = Secret::random()?;
    let mut conn = app.conn().await?;
    let feed = conn
        .transaction(async |conn| {
            // Two that make one at once stand in line.
            StaffMember::lock(conn, doctor).await?;
            match Feed::of(conn, doctor).await? {
                Some(old) if body.value.replace => old.revoke(conn).await?,
                Some(_) => return Err(exists()),
                None => {}
            }
            let feed = Feed::make(conn, doctor, &secret.hash(), actor.user_id).await?;
            audit::write(conn, &actor.trail, []).await?;
            Ok(feed)
        })
        .await?;
    let address = address(&http, &secret);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/appointments/doctor/{doctor}/feed/")))
        .insert_header((header::ETAG, etag::tag(feed.id)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(NewFeed { feed: FeedView::from(&feed), address }))
}

/// Revokes the secret address of a doctor's calendar: from then on it is not found.
///
/// `ADMIN` for any doctor, a `DOCTOR` for themselves.
#[utoipa::path(
    tag = "calendars",
    params(
        ("id" = i64, Path, description = "account id of the doctor"),
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the address that is meant"),
    ),
    responses(
        (status = 204, description = "revoked"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not revoke feeds, or not this doctor's"),
        (status = 404, description = "no such doctor, or no address"),
        (status = 412, description = "there is another address by now"),
        (status = 503, description = "the users service does not answer about a doctor not known here yet"),
    )
)]
#[delete("/api/appointments/doctor/{id}/feed/")]
pub async fn revoke(
    permit: Permit<CalendarFeed>,
    id: web::Path<i64>,
    if_match: IfMatch,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let actor = &permit.actor;
    let doctor = doctor_of(&app, actor, permit.reach, id.into_inner()).await?;
    let mut conn = app.conn().await?;
    conn.transaction(async |conn| {
        StaffMember::lock(conn, doctor).await?;
        let feed = Feed::of(conn, doctor).await?.ok_or(Error::NotFound("feed"))?;
        if_match.check(feed.id)?;
        feed.revoke(conn).await?;
        audit::write(conn, &actor.trail, []).await?;
        Ok::<_, Error>(())
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A doctor's appointments as iCalendar (RFC 5545), by the secret address: of the last 30 and the next 365 days, called off ones
/// as such.
///
/// Without a token. It says when, where and whether an appointment stands; not who comes, and not why. An address that is
/// wrong, revoked or of a doctor who does not work here any more is 404, all the same.
#[utoipa::path(
    tag = "calendars",
    params(("secret" = String, Path, description = "as in the `address` that was shown when it was made")),
    responses(
        (status = 200, description = "a calendar; with `ETag`", content_type = "text/calendar", body = String),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 404, description = "no such address"),
        (status = 429, description = "too many requests; `Retry-After`"),
    ),
    security(()),
)]
#[get("/api/appointments/feeds/{secret}/calendar.ics")]
pub async fn fetch(secret: web::Path<String>, http: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let trail = Trail::of(&http);
    trail.asks_for(Action::AppointmentRead.as_str(), true);
    let mut conn = app.conn().await?;
    let found = find(&mut conn, &secret).await?;
    count(if found.is_some() { "fetched" } else { "not_found" });
    let (feed, doctor) = found.ok_or(Error::NotFound("feed"))?;
    trail.is_by(Who { user: doctor.id, role: Role::Doctor.as_str(), session: None });
    feed.fetched(&mut conn).await?;
    let window = window(&app.calendar, Utc::now())?;
    // Read before the rows: a change in between gives a tag that is too old, which costs one more fetch, never a stale calendar.
    let version = version(&feed, &doctor, &State::of(&mut conn, doctor.id, window).await?);
    if let Some(unchanged) = etag::not_modified(&http, version) {
        trail.shows([]);
        return Ok(unchanged);
    }
    let rows = Shown::within(&mut conn, doctor.id, window, MOST).await?;
    trail.shows(rows.iter().map(|row| row.patient_id).collect::<BTreeSet<_>>());
    let events: Vec<Event> = rows.iter().map(event).collect();
    let mut answer = calendar::answer(&app, &doctor.name, &events);
    let tag = header::HeaderValue::from_str(&etag::tag(version)).map_err(Problem::internal)?;
    answer.headers_mut().insert(header::ETAG, tag);
    Ok(answer)
}

fn exists() -> Error {
    Problem::conflict("The calendar has an address already; say replace to have it revoked for a new one.")
        .with_type("feed-exists")
        .into()
}

/// The feed with this secret, and its doctor, who still sees patients here.
async fn find(conn: &mut AsyncPgConnection, secret: &str) -> Result<Option<(Feed, StaffMember)>, Error> {
    let Ok(secret) = secret.parse::<Secret>() else { return Ok(None) };
    let Some(feed) = Feed::by_secret(conn, &secret.hash()).await? else { return Ok(None) };
    let doctor = StaffMember::find(conn, feed.doctor_id).await?.filter(StaffMember::sees_patients);
    Ok(doctor.map(|doctor| (feed, doctor)))
}

fn count(outcome: &'static str) {
    metrics::counter!("calendar_feed_fetches_total", "outcome" => outcome).increment(1);
}

/// Whole days, so that what is shown changes at midnight and not with every fetch.
fn window(calendar: &Calendar, now: DateTime<Utc>) -> Result<Span, Problem> {
    let today = calendar.date(now);
    let days = today.checked_sub_days(BACK).zip(today.checked_add_days(AHEAD));
    let window = days.and_then(|(first, last)| calendar.days(first, last));
    window.ok_or_else(|| Problem::internal("today is outside the calendar"))
}

fn version(feed: &Feed, doctor: &StaffMember, state: &State) -> i64 {
    let State { count, versions, latest } = state;
    let text = format!("{} {} {count} {versions} {latest:?}", feed.id, doctor.version);
    let [a, b, c, d, e, f, g, ..] = digest(text.as_bytes());
    i64::from_be_bytes([0, a, b, c, d, e, f, g])
}

fn event(row: &Shown) -> Event {
    let remote = || (row.appointment_type == AppointmentType::Teleconsult).then(|| "Teleconsultation".to_owned());
    Event {
        uid: calendar::uid(row.id),
        sequence: row.version - 1,
        span: Span { start: row.starts_at, end: row.ends_at },
        summary: "Appointment".to_owned(),
        location: row.room.clone().or_else(remote),
        status: calendar::status(row.status),
        changed_at: row.updated_at,
    }
}

/// The address that the client used, the gateway's, with the feed's path.
fn address(http: &HttpRequest, secret: &Secret) -> String {
    let connection = http.connection_info();
    let (scheme, host) = (connection.scheme(), connection.host());
    format!("{scheme}://{host}/api/appointments/feeds/{}/calendar.ics", secret.expose())
}

impl From<&Feed> for FeedView {
    fn from(feed: &Feed) -> Self {
        let Feed { doctor_id, created_by, created_at, last_fetched_at, .. } = *feed;
        Self { doctor: doctor_id, created_by, created_at, last_fetched_at }
    }
}
