//! What this service tells others, and what it hears.

use anyhow::Context;
use auth::{Actor, Role};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use events::envelope::timestamp;
use events::v1::{AppointmentSnapshot, Envelope, PatientSnapshot, UserSnapshot};
use events::{Handler, Outbox, Payload};

use crate::appointment::Appointment;
use crate::break_glass;
use crate::merged;
use crate::people::{Patient, StaffMember, full_name};
use crate::status::Status;

/// This service's name among the subscribers.
pub const SUBSCRIBER: &str = "appointments";

/// Tells of a booking.
pub async fn booked(
    outbox: &Outbox,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    row: &Appointment,
    doctor: &str,
) -> QueryResult<()> {
    let snapshot = snapshot(row, doctor);
    outbox.append(conn, by(actor), ("appointment", row.id), Payload::AppointmentBooked(snapshot)).await
}

/// Tells of a change; completion is an event of its own, since billing waits for it.
pub async fn changed(
    outbox: &Outbox,
    conn: &mut AsyncPgConnection,
    actor: &Actor,
    before: Status,
    row: &Appointment,
    doctor: &str,
) -> QueryResult<()> {
    let snapshot = snapshot(row, doctor);
    let payload = if row.status == Status::Completed && before != Status::Completed {
        Payload::AppointmentCompleted(snapshot)
    } else {
        Payload::AppointmentUpdated(snapshot)
    };
    outbox.append(conn, by(actor), ("appointment", row.id), payload).await
}

fn by(actor: &Actor) -> Option<(i64, &str)> {
    Some((actor.user_id, actor.role.as_str()))
}

/// No reason and no note: they are nobody else's business.
fn snapshot(row: &Appointment, doctor: &str) -> AppointmentSnapshot {
    AppointmentSnapshot {
        id: row.id,
        patient_id: row.patient_id,
        doctor_id: row.doctor_id,
        starts_at: Some(timestamp(row.starts_at)),
        ends_at: Some(timestamp(row.ends_at)),
        status: row.status.as_str().to_owned(),
        appointment_type: row.appointment_type.as_str().to_owned(),
        doctor_name: doctor.to_owned(),
        version: row.version,
    }
}

/// Keeps the copies of people, and who may go beyond their care, up to date.
#[derive(Clone, Copy, Debug)]
pub struct Subscriber;

impl Handler for Subscriber {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        match event.payload.as_ref().context("an event without payload")? {
            Payload::UserRegistered(user) | Payload::UserUpdated(user) => keep_user(conn, user).await?,
            Payload::PatientRegistered(patient) | Payload::PatientUpdated(patient) => {
                keep_patient(conn, patient).await?
            }
            Payload::PatientMerged(merge) => merged::merged(conn, merge).await?,
            Payload::PatientUnmerged(merge) => merged::unmerged(conn, merge).await?,
            Payload::BreakGlassUsed(used) => break_glass::keep(conn, used).await?,
            other => tracing::debug!(event = other.event_type(), "not for us"),
        }
        Ok(())
    }
}

/// Staff only; somebody who was staff and is a patient now stays known, since appointments point at them.
async fn keep_user(conn: &mut AsyncPgConnection, user: &UserSnapshot) -> QueryResult<()> {
    if user.role == Role::Patient.as_str() && StaffMember::find(conn, user.id).await?.is_none() {
        return Ok(());
    }
    let member = StaffMember {
        id: user.id,
        role: user.role.clone(),
        name: full_name(&user.first_name, &user.last_name),
        specialization: user.doctor.as_ref().map(|doctor| doctor.specialization.clone()).unwrap_or_default(),
        department: user.department.clone(),
        is_active: user.is_active,
        version: user.version,
    };
    member.keep(conn).await
}

async fn keep_patient(conn: &mut AsyncPgConnection, patient: &PatientSnapshot) -> QueryResult<()> {
    let patient = Patient {
        id: patient.id,
        patient_id: patient.patient_id.clone(),
        name: full_name(&patient.first_name, &patient.last_name).into(),
        user_id: patient.user_id,
        primary_doctor_id: patient.primary_doctor,
        is_active: patient.is_active,
        version: patient.version,
    };
    patient.keep(conn).await
}
