//! `GET /api/appointments/date-range/`: every appointment of up to 366 days.
//!
//! A year of a large hospital does not fit into memory: it is read in batches from one snapshot of the database and written as
//! it is read. The count stands before the rows, and is theirs. What fits into one batch, as a doctor's month does, is one query
//! and one row of the audit log.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use audit::Recorder;
use auth::Permit;
use auth::permissions::AppointmentRead;
use chassis::db::Conn;
use chassis::fields::{Day, Id, parameter};
use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chassis::trail::Trail;
use chrono::{DateTime, NaiveDate, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument;
use utoipa::ToSchema;

use crate::access::Scope;
use crate::app::App;
use crate::appointment::{AppointmentView, Entry, Viewer, Visible, visible_to};
use crate::error::Error;
use crate::schema::appointments;
use crate::slots::Span;
use crate::status::Status;

/// Days of one answer at most.
const MOST_DAYS: i64 = 366;
/// Behind the last appointment.
const TAIL: &[u8] = b"]}";
/// Rows read at a time; an answer of fewer is written at once.
const BATCH: usize = 1000;
/// Batches written ahead of a slow client.
const AHEAD: usize = 2;
/// How long a client may take to read what is written ahead; it holds a connection meanwhile.
const STALL: Duration = Duration::from_secs(60);
/// How long it may take to read it all.
const LONGEST: Duration = Duration::from_secs(600);
/// How long to wait for one of those under way to end.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Parameters {
    start_date: Day,
    end_date: Day,
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    doctor_id: Option<Id>,
    #[deserr(default)]
    status: Option<Status>,
}

/// The appointments of a range of days.
#[derive(Debug, Serialize, ToSchema)]
pub struct DateRange {
    /// First day.
    pub start_date: NaiveDate,
    /// Last day.
    pub end_date: NaiveDate,
    /// How many appointments there are.
    pub count: i64,
    /// All of them, by time.
    pub appointments: Vec<AppointmentView>,
}

/// Every appointment from one day to another, both included, by time.
///
/// A long answer is written as it is read. It breaks off, without its end, where the client reads nothing for a minute, and after
/// ten minutes in all.
#[utoipa::path(
    tag = "appointments",
    params(
        ("start_date" = String, Query, description = "first day, in the hospital's time zone"),
        ("end_date" = String, Query, description = "last day; at most 366 days in all"),
        ("doctor_id" = Option<i64>, Query, description = "account id of the doctor"),
        ("status" = Option<Status>, Query, description = "only this status"),
    ),
    responses(
        (status = 200, body = DateRange),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read appointments"),
        (status = 503, description = "too many ranges at once; `Retry-After`"),
    )
)]
#[get("/api/appointments/date-range/")]
pub async fn date_range(
    permit: Permit<AppointmentRead>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let span = parameters.span(&app)?;
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let viewer = Viewer { role: permit.actor.role, zone: app.zone() };
    let wanted = Wanted { parameters, span, scope, viewer };
    let (audit, trail) = (app.audit.clone(), permit.actor.trail.clone());
    let rows = wanted.batch(&mut conn, None).await?;
    if rows.len() < BATCH {
        drop(conn);
        trail.shows(rows.iter().map(|entry| entry.appointment.patient_id));
        let body = audit.record_meanwhile(&trail, || wanted.whole(rows)).await?;
        return Ok(HttpResponse::Ok().content_type("application/json").body(body));
    }
    drop((rows, conn)); // who waits for a turn holds no connection meanwhile
    let turn = turn(&app).await?;
    let conn = app.conn().await?;
    let (out, mut chunks) = mpsc::channel(AHEAD);
    // Each batch has its row before it leaves; the answer as a whole shows what they show.
    trail.shows([]);
    let writing = Writing { wanted, audit, trail, out };
    actix_web::rt::spawn(writing.run(conn, turn).instrument(tracing::Span::current()));
    // The status is decided by the first batch: what fails later breaks the answer off, and a client sees that.
    let first = chunks.recv().await.ok_or_else(|| Problem::internal("the date range was never written"))??;
    let rest = stream::unfold(chunks, |mut chunks| async move { chunks.recv().await.map(|chunk| (chunk, chunks)) });
    let body = stream::once(async { Ok::<_, Error>(first) }).chain(rest);
    Ok(HttpResponse::Ok().content_type("application/json").streaming(body))
}

impl Parameters {
    fn span(&self, app: &App) -> Result<Span, Error> {
        let (start, end) = (self.start_date.get(), self.end_date.get());
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
        app.calendar
            .days(start, end)
            .ok_or_else(|| Error::invalid("end_date", "invalid_date", "is outside the calendar"))
    }
}

async fn turn(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    let busy = |cause: String| Problem::unavailable("another date range", cause);
    let turn = tokio::time::timeout(PATIENCE, app.streams.clone().acquire_owned()).await;
    turn.map_err(|late| busy(late.to_string()))?.map_err(|closed| busy(closed.to_string()))
}

/// What is asked for, and by whom.
struct Wanted {
    parameters: Parameters,
    span: Span,
    scope: Scope,
    viewer: Viewer,
}

/// An answer of more than one batch.
struct Writing {
    wanted: Wanted,
    audit: Recorder,
    trail: Trail,
    out: mpsc::Sender<Result<web::Bytes, Error>>,
}

impl Writing {
    /// Reads everything in one snapshot.
    async fn run(self, mut conn: Conn, turn: OwnedSemaphorePermit) {
        let mut snapshot = conn.build_transaction().read_only().repeatable_read();
        let written = tokio::time::timeout(LONGEST, snapshot.run(async |conn| self.write(conn).await)).await;
        let fault = match written {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault,
            Err(_late) => too_slow(),
        };
        // A client that does not read hears of it when it reads on, and keeps nothing meanwhile.
        drop((conn, turn));
        let _ = self.out.send(Err(fault)).await;
    }

    async fn write(&self, conn: &mut AsyncPgConnection) -> Result<(), Error> {
        let mut rows = self.wanted.batch(conn, None).await?;
        let mut chunk = self.wanted.head(self.wanted.count(conn).await?);
        let mut separator = "";
        loop {
            let last = rows
                .last()
                .filter(|_| rows.len() == BATCH)
                .map(|entry| (entry.appointment.starts_at, entry.appointment.id));
            let patients = rows.iter().map(|entry| entry.appointment.patient_id);
            self.audit.record_part(&self.trail, patients).await?;
            for entry in rows {
                self.wanted.write(&mut chunk, &mut separator, entry)?;
            }
            let Some(last) = last else { break };
            if !hand_over(&self.out, std::mem::take(&mut chunk), STALL).await? {
                return Ok(()); // the client has gone
            }
            rows = self.wanted.batch(conn, Some(last)).await?;
        }
        chunk.extend_from_slice(TAIL);
        hand_over(&self.out, chunk, STALL).await.map(drop)
    }
}

/// Waits for the client to take a batch; `false` where it has gone.
///
/// # Errors
/// When it does not read.
async fn hand_over(
    out: &mpsc::Sender<Result<web::Bytes, Error>>,
    chunk: Vec<u8>,
    patience: Duration,
) -> Result<bool, Error> {
    let taken = tokio::time::timeout(patience, out.send(Ok(chunk.into()))).await;
    taken.map(|taken| taken.is_ok()).map_err(|_late| too_slow())
}

fn too_slow() -> Error {
    Error::Problem(Problem::unavailable("so slow a reading", "a date range took too long"))
}

impl Wanted {
    /// The answer to who asked for few.
    fn whole(&self, rows: Vec<Entry>) -> Result<Vec<u8>, Problem> {
        let mut body = self.head(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        let mut separator = "";
        for entry in rows {
            self.write(&mut body, &mut separator, entry)?;
        }
        body.extend_from_slice(TAIL);
        Ok(body)
    }

    fn write(&self, body: &mut Vec<u8>, separator: &mut &'static str, entry: Entry) -> Result<(), Problem> {
        body.extend_from_slice(separator.as_bytes());
        *separator = ",";
        serde_json::to_writer(body, &self.viewer.show(entry)).map_err(Problem::internal)
    }

    fn head(&self, count: i64) -> Vec<u8> {
        let (start, end) = (self.parameters.start_date.get(), self.parameters.end_date.get());
        format!(r#"{{"start_date":"{start}","end_date":"{end}","count":{count},"appointments":["#).into_bytes()
    }

    fn all(&self) -> Visible<'static> {
        let mut rows = visible_to(&self.scope)
            .filter(appointments::starts_at.ge(self.span.start).and(appointments::starts_at.lt(self.span.end)));
        if let Some(doctor) = self.parameters.doctor_id {
            rows = rows.filter(appointments::doctor_id.eq(doctor.get()));
        }
        if let Some(status) = self.parameters.status {
            rows = rows.filter(appointments::status.eq(status));
        }
        rows
    }

    async fn count(&self, conn: &mut AsyncPgConnection) -> QueryResult<i64> {
        self.all().count().prepared().get_result(conn).await
    }

    async fn batch(
        &self,
        conn: &mut AsyncPgConnection,
        after: Option<(DateTime<Utc>, i64)>,
    ) -> QueryResult<Vec<Entry>> {
        let mut rows = self.all();
        if let Some((time, id)) = after {
            rows = rows.filter(
                appointments::starts_at.ge(time).and(appointments::starts_at.gt(time).or(appointments::id.gt(id))),
            );
        }
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        rows.order((appointments::starts_at, appointments::id))
            .limit(limit)
            .select(Entry::as_select())
            .prepared()
            .load(conn)
            .await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let (out, mut chunks) = mpsc::channel(1);
        let moment = Duration::from_millis(20);
        assert!(hand_over(&out, b"one".to_vec(), moment).await.unwrap());
        assert!(hand_over(&out, b"two".to_vec(), moment).await.is_err());
        assert_eq!(chunks.recv().await.unwrap().unwrap(), "one");
        assert!(hand_over(&out, b"two".to_vec(), moment).await.unwrap());
        drop(chunks);
        assert!(!hand_over(&out, b"three".to_vec(), moment).await.unwrap());
    }
}
