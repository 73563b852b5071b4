//! Patients who did not come: marked by the worker when the grace time is over.

use chassis::db::{self, Pool};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use events::Outbox;

use crate::appointment::Appointment;
use crate::history::record::SYSTEM;
use crate::rescheduling::{tell, write_down};
use crate::schema::appointments;
use crate::status::Status;

/// Appointments marked in one transaction.
const BATCH: i64 = 100;
/// Transactions of one round; what is left waits for the next.
const ROUNDS: u32 = 50;

/// The statuses of those who are awaited, in so many words, as the index `appointments_awaited` has them, beside that they can stay where
/// they are. By statuses that it does not know beforehand PostgreSQL would look through all appointments there ever were.
const AWAITED: &str = "appointments.status IN ('SCHEDULED', 'CONFIRMED')";

/// Marks those whom nobody waits for any more, and gives how many. Those that the hospital itself has to reschedule are left
/// alone: nobody missed them. Several workers may do it at once.
///
/// # Errors
/// When PostgreSQL does not answer; those of earlier rounds stay marked.
pub async fn mark(pool: &Pool, outbox: &Outbox, now: DateTime<Utc>, grace: TimeDelta) -> anyhow::Result<u64> {
    let mut conn = db::get(pool).await.map_err(|problem| anyhow::anyhow!(problem.to_string()))?;
    let mut marked = 0;
    for _ in 0..ROUNDS {
        let round = conn.transaction(async |conn| mark_some(conn, outbox, now, grace).await).await?;
        metrics::counter!("appointments_missed_total").increment(round);
        marked += round;
        if round < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(marked)
}

async fn mark_some(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    now: DateTime<Utc>,
    grace: TimeDelta,
) -> QueryResult<u64> {
    let mut before: Vec<Appointment> = appointments::table
        .filter(sql::<Bool>(AWAITED))
        .filter(appointments::starts_at.le(now - grace).and(appointments::ends_at.le(now)))
        .filter(appointments::rescheduling_cause.is_null())
        .order(appointments::starts_at)
        .limit(BATCH)
        .select(Appointment::as_select())
        .for_no_key_update()
        .skip_locked()
        .load(conn)
        .await?;
    before.sort_by_key(|row| row.id);
    let ids: Vec<i64> = before.iter().map(|row| row.id).collect();
    let mut after: Vec<Appointment> = diesel::update(appointments::table.filter(appointments::id.eq_any(&ids)))
        .set((
            appointments::status.eq(Status::NoShow),
            appointments::version.eq(appointments::version + 1),
            appointments::updated_at.eq(now),
        ))
        .returning(Appointment::as_returning())
        .get_results(conn)
        .await?;
    after.sort_by_key(|row| row.id);
    if after.is_empty() {
        return Ok(0);
    }
    tell(conn, outbox, SYSTEM, &before, &after, "nobody came within the grace time").await?;
    write_down(conn, "WORKER mark no-shows", &after).await?;
    Ok(u64::try_from(after.len()).unwrap_or_default())
}
