//! What this service tells others, and what it hears.

use anyhow::Context;
use auth::Role;
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use events::envelope::timestamp;
use events::v1::{AppointmentSnapshot, Envelope, PatientSnapshot, UserSnapshot, WaitlistOfferSnapshot};
use events::{Handler, Outbox, Payload};

use crate::app::Calendar;
use crate::appointment::Appointment;
use crate::history::record::By;
use crate::merged;
use crate::people::{Patient, StaffMember, full_name};
use crate::rescheduling::{self, Of};
use crate::status::{Cause, Status};
use crate::waitlist::entry::Waiting;
use crate::waitlist::offer::{Offer, OfferStatus};
use crate::{break_glass, external, waitlist};

/// This service's name among the subscribers.
pub const SUBSCRIBER: &str = "appointments";

/// Tells of a booking.
pub async fn booked(
    outbox: &Outbox,
    conn: &mut AsyncPgConnection,
    by: By<'_>,
    row: &Appointment,
    doctor: &str,
) -> QueryResult<()> {
    let snapshot = snapshot(row, doctor);
    outbox.append(conn, actor(by), ("appointment", row.id), Payload::AppointmentBooked(snapshot)).await
}

/// Tells of a change; completion is an event of its own, since billing waits for it.
pub async fn changed(
    outbox: &Outbox,
    conn: &mut AsyncPgConnection,
    by: By<'_>,
    before: &Appointment,
    row: &Appointment,
    doctor: &str,
) -> QueryResult<()> {
    let moved_from = (before.starts_at != row.starts_at).then(|| timestamp(before.starts_at));
    let snapshot = AppointmentSnapshot { moved_from, ..snapshot(row, doctor) };
    let payload = if row.status == Status::Completed && before.status != Status::Completed {
        Payload::AppointmentCompleted(snapshot)
    } else {
        Payload::AppointmentUpdated(snapshot)
    };
    outbox.append(conn, actor(by), ("appointment", row.id), payload).await
}

/// Tells of an offer to somebody who waits: that it was made, or what became of it. Whoever the patient's id means by now is told.
pub async fn waitlist_offer(
    outbox: &Outbox,
    conn: &mut AsyncPgConnection,
    by: By<'_>,
    waiting: &Waiting,
    offer: &Offer,
) -> QueryResult<()> {
    let doctor = StaffMember::find(conn, offer.doctor_id).await?;
    let snapshot = WaitlistOfferSnapshot {
        id: offer.id,
        entry_id: waiting.id,
        patient_id: merged::survivor(conn, waiting.patient_id).await?,
        doctor_id: offer.doctor_id,
        doctor_name: doctor.map(|doctor| doctor.name).unwrap_or_default(),
        starts_at: Some(timestamp(offer.starts_at)),
        ends_at: Some(timestamp(offer.ends_at)),
        expires_at: Some(timestamp(offer.expires_at)),
        status: offer.status.as_str().to_owned(),
        appointment_id: waiting.appointment_id.unwrap_or_default(),
        version: waiting.version,
    };
    let payload = match offer.status {
        OfferStatus::Open => Payload::WaitlistOffered(snapshot),
        _ => Payload::WaitlistOfferClosed(snapshot),
    };
    outbox.append(conn, actor(by), ("waitlist_entry", waiting.id), payload).await
}

fn actor(by: By<'_>) -> Option<(i64, &str)> {
    by.user.map(|user| (user, by.role))
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
        needs_rescheduling: row.rescheduling_cause.is_some(),
        moved_from: None,
        room: row.room.clone().unwrap_or_default(),
        queue_number: row.queue_number.unwrap_or_default(),
        overbooked: row.overbooking_reason.is_some(),
    }
}

/// Keeps the copies of people, and who may go beyond their care, up to date; takes in what other systems say of appointments.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The hospital's wall clock and holidays.
    pub calendar: Calendar,
}

impl Handler for Subscriber {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        match event.payload.as_ref().context("an event without payload")? {
            Payload::UserRegistered(user) | Payload::UserUpdated(user) => keep_user(conn, user).await?,
            Payload::PatientRegistered(patient) | Payload::PatientUpdated(patient) => {
                keep_patient(conn, patient).await?
            }
            Payload::PatientMerged(merge) => {
                merged::merged(conn, merge).await?;
                rescheduling::met(conn, merge.target_id).await?;
            }
            Payload::PatientUnmerged(merge) => {
                merged::unmerged(conn, merge).await?;
                rescheduling::parted(conn, [merge.source_id, merge.target_id]).await?;
            }
            Payload::BreakGlassUsed(used) => break_glass::keep(conn, used).await?,
            Payload::ExternalAppointmentReceived(told) => external::apply(conn, &self.calendar, told).await?,
            other => tracing::debug!(event = other.event_type(), "not for us"),
        }
        Ok(())
    }
}

/// Staff only; somebody who was staff and is a patient now stays known, since appointments point at them. What is booked with a
/// doctor who goes waits to be moved; it can stay when they come back.
async fn keep_user(conn: &mut AsyncPgConnection, user: &UserSnapshot) -> QueryResult<()> {
    let before = StaffMember::find(conn, user.id).await?;
    if user.role == Role::Patient.as_str() && before.is_none() {
        return Ok(());
    }
    let details = user.doctor.as_ref();
    let member = StaffMember {
        id: user.id,
        role: user.role.clone(),
        name: full_name(&user.first_name, &user.last_name),
        specialization: details.map(|doctor| doctor.specialization.clone()).unwrap_or_default(),
        department: user.department.clone(),
        is_active: user.is_active,
        version: user.version,
        registration_number: details.map(|doctor| doctor.registration_number.clone()).unwrap_or_default(),
    };
    member.keep_told(conn).await?;
    let Some(before) = before else { return Ok(()) };
    let turn = turn((before.version, before.sees_patients()), (member.version, member.sees_patients()));
    follow(conn, turn, Of::Doctor(member.id), Cause::DoctorUnavailable).await
}

/// That somebody is there no more, or is there again.
enum Turn {
    Goes,
    Returns,
}

/// What an event tells of who is there, beside what is kept: each a version, and whether they are there. A row of the same version
/// was looked up before the event came, and nothing has followed from it yet.
fn turn((kept, was_there): (i64, bool), (told, is_there): (i64, bool)) -> Option<Turn> {
    if told < kept || (told > kept && was_there == is_there) {
        return None;
    }
    Some(if is_there { Turn::Returns } else { Turn::Goes })
}

/// What is booked with or for somebody who goes waits to be moved or cancelled, and they wait for nothing; it can stay when they are
/// there again.
async fn follow(conn: &mut AsyncPgConnection, turn: Option<Turn>, of: Of, cause: Cause) -> QueryResult<()> {
    match turn {
        Some(Turn::Goes) => {
            rescheduling::stop(conn, of, cause).await?;
            waitlist::ends::stop(conn, of).await
        }
        Some(Turn::Returns) => rescheduling::resume(conn, of, cause).await,
        None => Ok(()),
    }
}

/// What is booked for a patient whose record is deactivated waits to be cancelled; it can stay when the record is used again.
async fn keep_patient(conn: &mut AsyncPgConnection, patient: &PatientSnapshot) -> QueryResult<()> {
    let before = Patient::find(conn, patient.id).await?;
    let patient = Patient {
        id: patient.id,
        patient_id: patient.patient_id.clone(),
        name: full_name(&patient.first_name, &patient.last_name).into(),
        user_id: patient.user_id,
        primary_doctor_id: patient.primary_doctor,
        is_active: patient.is_active,
        version: patient.version,
    };
    patient.keep_told(conn).await?;
    let Some(before) = before else { return Ok(()) };
    let turn = turn((before.version, before.is_active), (patient.version, patient.is_active));
    follow(conn, turn, Of::Patient(patient.id), Cause::PatientInactive).await
}
