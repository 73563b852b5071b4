//! Time that came free: noted in the transaction that frees it, for the worker to look who could have it.

use chrono::{DateTime, Days, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::entry::Urgency;
use crate::app::Calendar;
use crate::appointment::{Appointment, FREED};
use crate::schema::waitlist_openings;
use crate::slots::Span;
use crate::status::Status;

/// How long one that could not be worked through is left alone.
const POSTPONED: TimeDelta = TimeDelta::seconds(30);

/// Nobody waits for a day that is further ahead: a window begins within a year.
const FURTHEST: Days = Days::new(366 + 92);

/// A row of `waitlist_openings`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = waitlist_openings, check_for_backend(Pg))]
pub struct Opening {
    /// Id.
    pub id: i64,
    /// Whose time.
    pub doctor_id: i64,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// When it came free.
    pub created_at: DateTime<Utc>,
    /// The urgency of who was looked at last, where there were too many for one go.
    pub past_urgency: Option<Urgency>,
    /// Their entry.
    pub past_entry: Option<i64>,
}

const FREE: &str = "INSERT INTO waitlist_openings (doctor_id, starts_at, ends_at) SELECT $1, $2, $3 \
    WHERE EXISTS (SELECT 1 FROM waitlist_entries WHERE status = 'WAITING') \
       OR EXISTS (SELECT 1 FROM waitlist_offers WHERE status = 'OPEN') RETURNING id";

#[derive(QueryableByName)]
struct Noted {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Notes that a doctor's time may be free from now on, unless nobody waits at all. Whether it is, the worker finds out.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn free(conn: &mut AsyncPgConnection, doctor: i64, span: Span) -> QueryResult<Option<i64>> {
    let noted: Option<Noted> = diesel::sql_query(FREE)
        .bind::<BigInt, _>(doctor)
        .bind::<Timestamptz, _>(span.start)
        .bind::<Timestamptz, _>(span.end)
        .get_result(conn)
        .await
        .optional()?;
    Ok(noted.map(|noted| noted.id))
}

/// Notes what an appointment gives up when it is called off or moved. Who does not come frees nothing that could be given to anybody.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn given_up(conn: &mut AsyncPgConnection, before: &Appointment, after: &Appointment) -> QueryResult<()> {
    let held_time = !FREED.contains(&before.status) && before.queue_number.is_none();
    let moved = (before.doctor_id, before.span()) != (after.doctor_id, after.span());
    if held_time && (moved || after.status == Status::Cancelled) && before.ends_at > Utc::now() {
        free(conn, before.doctor_id, before.span()).await?;
    }
    Ok(())
}

/// Notes that a doctor has other hours: whatever is free of them may be for somebody who waits.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn hours_changed(conn: &mut AsyncPgConnection, calendar: &Calendar, doctor: i64) -> QueryResult<()> {
    let today = calendar.date(Utc::now());
    let ahead = today.checked_add_days(FURTHEST).and_then(|last| calendar.days(today, last));
    match ahead {
        Some(span) => free(conn, doctor, span).await.map(drop),
        None => Ok(()),
    }
}

impl Opening {
    /// Those that it is time to look at, the oldest first.
    pub async fn due(conn: &mut AsyncPgConnection, now: DateTime<Utc>, limit: i64) -> QueryResult<Vec<i64>> {
        waitlist_openings::table
            .filter(waitlist_openings::due_at.le(now))
            .order((waitlist_openings::due_at, waitlist_openings::id))
            .limit(limit)
            .select(waitlist_openings::id)
            .load(conn)
            .await
    }

    /// One of them, locked until the transaction ends; `None` where another worker has it.
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        let row = waitlist_openings::table.find(id).select(Self::as_select()).for_update().skip_locked();
        row.first(conn).await.optional()
    }

    /// Its time.
    pub fn span(&self) -> Span {
        Span { start: self.starts_at, end: self.ends_at }
    }

    /// Keeps how far it was worked through.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::update(waitlist_openings::table.find(self.id))
            .set((
                waitlist_openings::starts_at.eq(self.starts_at),
                waitlist_openings::past_urgency.eq(self.past_urgency),
                waitlist_openings::past_entry.eq(self.past_entry),
            ))
            .execute(conn)
            .await
            .map(drop)
    }

    /// Nobody is left who could have any of it.
    pub async fn forget(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::delete(waitlist_openings::table.find(self.id)).execute(conn).await.map(drop)
    }

    /// Leaves it alone for a while.
    pub async fn postpone(conn: &mut AsyncPgConnection, id: i64, now: DateTime<Utc>) -> QueryResult<()> {
        diesel::update(waitlist_openings::table.find(id))
            .set(waitlist_openings::due_at.eq(now + POSTPONED))
            .execute(conn)
            .await
            .map(drop)
    }
}
