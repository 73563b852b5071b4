//! Writing a line of an appointment's history, in the transaction of the change.

use auth::Actor;
use chassis::phi::Phi;
use chassis::prepared::Prepare as _;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::appointment::Appointment;
use crate::schema::appointment_history;
use crate::status::Status;

/// Lines written at once: PostgreSQL takes 65,535 values in a statement.
const BATCH: usize = 1000;

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By<'a> {
    /// Their account; `None` for the service itself.
    pub user: Option<i64>,
    /// The role that they act in.
    pub role: &'a str,
}

/// The service itself: its worker, and what it hears by events.
pub const SYSTEM: By<'static> = By { user: None, role: "SYSTEM" };

impl<'a> From<&'a Actor> for By<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self { user: Some(actor.user_id), role: actor.role.as_str() }
    }
}

/// A change to be written down.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// As it was; `None` for a booking.
    pub before: Option<&'a Appointment>,
    /// As it is.
    pub after: &'a Appointment,
    /// Why, in the words of who made it; empty when they gave none.
    pub why: &'a str,
}

#[derive(Insertable)]
#[diesel(table_name = appointment_history, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Line<'a> {
    appointment_id: i64,
    version: i64,
    changed_by: Option<i64>,
    changed_as: &'a str,
    old_status: Option<Status>,
    new_status: Status,
    old_doctor_id: Option<i64>,
    new_doctor_id: i64,
    old_starts_at: Option<DateTime<Utc>>,
    new_starts_at: DateTime<Utc>,
    old_ends_at: Option<DateTime<Utc>>,
    new_ends_at: DateTime<Utc>,
    why: Phi<String>,
    changed: Vec<&'static str>,
}

/// Adds a line for each change.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn record(conn: &mut AsyncPgConnection, by: By<'_>, changes: &[Changed<'_>]) -> QueryResult<()> {
    for changes in changes.chunks(BATCH) {
        let lines: Vec<Line<'_>> = changes.iter().map(|change| change.line(by)).collect();
        diesel::insert_into(appointment_history::table).values(&lines).prepared_for(lines.len()).execute(conn).await?;
    }
    Ok(())
}

impl<'a> Changed<'a> {
    fn line(&self, by: By<'a>) -> Line<'a> {
        let Self { before, after, why } = *self;
        Line {
            appointment_id: after.id,
            version: after.version,
            changed_by: by.user,
            changed_as: by.role,
            old_status: before.map(|row| row.status),
            new_status: after.status,
            old_doctor_id: before.map(|row| row.doctor_id),
            new_doctor_id: after.doctor_id,
            old_starts_at: before.map(|row| row.starts_at),
            new_starts_at: after.starts_at,
            old_ends_at: before.map(|row| row.ends_at),
            new_ends_at: after.ends_at,
            why: why.to_owned().into(),
            changed: before.map(|before| differing(before, after)).unwrap_or_default(),
        }
    }
}

/// Names of the fields that differ, as the contract has them.
fn differing(before: &Appointment, after: &Appointment) -> Vec<&'static str> {
    let fields = [
        ("patient", before.patient_id != after.patient_id),
        ("doctor", before.doctor_id != after.doctor_id),
        ("time_slot", before.starts_at != after.starts_at),
        ("duration_minutes", before.span().minutes() != after.span().minutes()),
        ("status", before.status != after.status),
        ("appointment_type", before.appointment_type != after.appointment_type),
        ("reason", before.reason != after.reason),
        ("notes", before.notes != after.notes),
        ("cancellation_reason", before.cancellation_reason != after.cancellation_reason),
        ("room", before.room != after.room),
        ("overbooking_reason", before.overbooking_reason != after.overbooking_reason),
        ("needs_rescheduling", before.rescheduling_cause != after.rescheduling_cause),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}
