//! Feeds, and the appointments that they show.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::{appointments, calendar_feeds};
use crate::slots::Span;
use crate::status::{AppointmentType, Status};

/// A feed's address, without its secret.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = calendar_feeds, check_for_backend(Pg))]
pub struct Feed {
    /// Another address has another id.
    pub id: i64,
    /// Whose calendar it is.
    pub doctor_id: i64,
    /// Account of who made it.
    pub created_by: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the calendar was last fetched by it, to the minute.
    pub last_fetched_at: Option<DateTime<Utc>>,
}

/// An appointment as a feed shows it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = appointments, check_for_backend(Pg))]
pub struct Shown {
    /// Id.
    pub id: i64,
    /// Whose it is, for the audit.
    pub patient_id: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// How far it has come.
    pub status: Status,
    /// Where they meet.
    pub appointment_type: AppointmentType,
    /// Grows with every change.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The room, if one was taken.
    pub room: Option<String>,
}

/// What changes whenever something changes that a feed shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct State {
    /// Appointments in the window.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// Their versions together.
    #[diesel(sql_type = BigInt)]
    pub versions: i64,
    /// The latest change of one of them.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub latest: Option<DateTime<Utc>>,
}

const STATE: &str = "SELECT count(*) AS count, coalesce(sum(version), 0)::bigint AS versions, max(updated_at) AS latest \
                     FROM appointments WHERE doctor_id = $1 AND starts_at >= $2 AND starts_at < $3";
const FETCHED: &str = "UPDATE calendar_feeds SET last_fetched_at = now() WHERE id = $1 \
                       AND (last_fetched_at IS NULL OR last_fetched_at < now() - interval '1 minute')";

impl Feed {
    /// The doctor's, if there is one.
    pub async fn of(conn: &mut AsyncPgConnection, doctor: i64) -> QueryResult<Option<Self>> {
        let theirs = calendar_feeds::table.filter(calendar_feeds::doctor_id.eq(doctor));
        theirs.select(Self::as_select()).first(conn).await.optional()
    }

    /// The one with this secret.
    pub async fn by_secret(conn: &mut AsyncPgConnection, hash: &[u8; 32]) -> QueryResult<Option<Self>> {
        let of_secret = calendar_feeds::table.filter(calendar_feeds::secret_hash.eq(hash.as_slice()));
        of_secret.select(Self::as_select()).first(conn).await.optional()
    }

    /// A new one of a doctor who has none.
    pub async fn make(conn: &mut AsyncPgConnection, doctor: i64, hash: &[u8; 32], by: i64) -> QueryResult<Self> {
        diesel::insert_into(calendar_feeds::table)
            .values((
                calendar_feeds::doctor_id.eq(doctor),
                calendar_feeds::secret_hash.eq(hash.as_slice()),
                calendar_feeds::created_by.eq(by),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
    }

    /// Revokes it for good.
    pub async fn revoke(self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::delete(calendar_feeds::table.find(self.id)).execute(conn).await.map(drop)
    }

    /// Notes that it was fetched; at most once a minute, since programs ask often.
    pub async fn fetched(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::sql_query(FETCHED).bind::<BigInt, _>(self.id).execute(conn).await.map(drop)
    }
}

impl State {
    /// That of a doctor's appointments which begin in a window.
    pub async fn of(conn: &mut AsyncPgConnection, doctor: i64, window: Span) -> QueryResult<Self> {
        diesel::sql_query(STATE)
            .bind::<BigInt, _>(doctor)
            .bind::<Timestamptz, _>(window.start)
            .bind::<Timestamptz, _>(window.end)
            .get_result(conn)
            .await
    }
}

impl Shown {
    /// A doctor's appointments which begin in a window, by time, `most` at most.
    pub async fn within(conn: &mut AsyncPgConnection, doctor: i64, window: Span, most: i64) -> QueryResult<Vec<Self>> {
        appointments::table
            .filter(appointments::doctor_id.eq(doctor))
            .filter(appointments::starts_at.ge(window.start).and(appointments::starts_at.lt(window.end)))
            .order((appointments::starts_at, appointments::id))
            .limit(most)
            .select(Self::as_select())
            .load(conn)
            .await
    }
}
