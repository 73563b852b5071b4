//! Every change of an appointment: who, when, from, to, why. Written in the change's transaction, only ever added to.

use auth::Actor;
use chassis::phi::Phi;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::appointment::Appointment;
use crate::schema::appointment_history;
use crate::status::Status;

#[derive(Insertable)]
#[diesel(table_name = appointment_history, check_for_backend(diesel::pg::Pg))]
struct Line<'a> {
    appointment_id: i64,
    version: i64,
    changed_by: i64,
    changed_as: &'a str,
    old_status: Option<Status>,
    new_status: Status,
    old_doctor_id: Option<i64>,
    new_doctor_id: i64,
    old_starts_at: Option<DateTime<Utc>>,
    new_starts_at: DateTime<Utc>,
    old_ends_at: Option<DateTime<Utc>>,
    new_ends_at: DateTime<Utc>,
    why: &'a Phi<String>,
}

/// Adds a line; `before` is `None` for a booking.
pub async fn record(
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    before: Option<&Appointment>,
    after: &Appointment,
) -> QueryResult<()> {
    let why = match before {
        None => after.reason.clone(),
        Some(_) if after.status == Status::Cancelled => after.cancellation_reason.clone(),
        Some(_) => Phi::default(),
    };
    let line = Line {
        appointment_id: after.id,
        version: after.version,
        changed_by: actor.user_id,
        changed_as: actor.role.as_str(),
        old_status: before.map(|row| row.status),
        new_status: after.status,
        old_doctor_id: before.map(|row| row.doctor_id),
        new_doctor_id: after.doctor_id,
        old_starts_at: before.map(|row| row.starts_at),
        new_starts_at: after.starts_at,
        old_ends_at: before.map(|row| row.ends_at),
        new_ends_at: after.ends_at,
        why: &why,
    };
    diesel::insert_into(appointment_history::table).values(&line).execute(conn).await?;
    Ok(())
}
