//! What this service tells, and what it hears.

use auth::Actor;
use chassis::phi::Phi;
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use events::v1::{self, Address, Envelope, PatientSnapshot};
use events::{Handler, Outbox, Payload};

use crate::break_glass::Grant;
use crate::care::Visit;
use crate::merge::survivor;
use crate::patient::Patient;
use crate::staff::Member;

/// The name under which this service subscribes.
pub const SUBSCRIBER: &str = "patients";

/// Tells of somebody new, in the transaction that registered them.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn registered(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    patient: &Patient,
) -> QueryResult<()> {
    tell(conn, outbox, actor, patient, Payload::PatientRegistered).await
}

/// Tells of a change, in the transaction that made it. The ids for which the patient answers since a merge are told the
/// same, so that whoever knows the patient by one of them knows them as they are.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn updated(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    patient: &Patient,
) -> QueryResult<()> {
    tell(conn, outbox, actor, patient, Payload::PatientUpdated).await?;
    for (id, version) in survivor::count_merged(conn, patient.id).await? {
        let same = Patient { id, version, ..patient.clone() };
        tell(conn, outbox, actor, &same, Payload::PatientUpdated).await?;
    }
    Ok(())
}

/// Tells that a record was merged, in the transaction that merged it, after [`updated`] of the survivor.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn merged(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    merge: i64,
    source: i64,
    target: i64,
) -> QueryResult<()> {
    let merge = v1::PatientMerge { id: merge, source_id: source, target_id: target };
    outbox.append(conn, by(actor), ("patient", source), Payload::PatientMerged(merge)).await
}

/// Tells that a merge was taken back, in the transaction that did it, after [`updated`] of both.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn unmerged(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    merge: i64,
    source: i64,
    target: i64,
) -> QueryResult<()> {
    let merge = v1::PatientMerge { id: merge, source_id: source, target_id: target };
    outbox.append(conn, by(actor), ("patient", source), Payload::PatientUnmerged(merge)).await
}

/// Tells that somebody went beyond their care, in the transaction that let them.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn break_glass_used(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: &Actor,
    grant: &Grant,
) -> QueryResult<()> {
    let used = v1::BreakGlassUse {
        id: grant.id,
        user_id: grant.actor,
        role: grant.role.clone(),
        reason: grant.reason.clone(),
        patients: grant.patient.map_or_else(|| grant.shown.clone(), |patient| vec![patient]),
        granted_at: Some(events::envelope::timestamp(grant.granted_at)),
        expires_at: grant.expires_at.map(events::envelope::timestamp),
    };
    outbox.append(conn, by(Some(actor)), ("break_glass", grant.id), Payload::BreakGlassUsed(used)).await
}

async fn tell(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    actor: Option<&Actor>,
    patient: &Patient,
    payload: fn(PatientSnapshot) -> Payload,
) -> QueryResult<()> {
    outbox.append(conn, by(actor), ("patient", patient.id), payload(snapshot(patient))).await
}

fn by(actor: Option<&Actor>) -> Option<(i64, &str)> {
    actor.map(|actor| (actor.user_id, actor.role.as_str()))
}

fn snapshot(patient: &Patient) -> PatientSnapshot {
    let facts = &patient.facts;
    PatientSnapshot {
        id: patient.id,
        patient_id: patient.patient_id.clone(),
        first_name: facts.first_name.expose().clone(),
        last_name: facts.last_name.expose().clone(),
        phone: text(facts.phone.as_ref()),
        address: Some(Address {
            line1: text(facts.address.line1.as_ref()),
            line2: text(facts.address.line2.as_ref()),
            city: text(facts.address.city.as_ref()),
            district: text(facts.address.district.as_ref()),
            state: text(facts.address.state.as_ref()),
            pin_code: text(facts.address.pin_code.as_ref()),
            country: text(facts.address.country.as_ref()),
        }),
        is_active: facts.is_active,
        user_id: facts.user_id,
        primary_doctor: facts.primary_doctor,
        version: patient.version,
    }
}

fn text(value: Option<&Phi<String>>) -> String {
    value.map(|value| value.expose().clone()).unwrap_or_default()
}

/// Applies what this service hears: event → what is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard;

impl Handler for Heard {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        match &event.payload {
            Some(Payload::UserRegistered(user) | Payload::UserUpdated(user)) => Member::from(user).keep(conn).await?,
            Some(
                Payload::AppointmentBooked(visit)
                | Payload::AppointmentUpdated(visit)
                | Payload::AppointmentCompleted(visit),
            ) => Visit::read(visit)?.keep(conn).await?,
            // Not subscribed to; a subscription that is added before the code that needs it does no harm.
            Some(
                Payload::PatientRegistered(_)
                | Payload::PatientUpdated(_)
                | Payload::InvoiceIssued(_)
                | Payload::InvoiceCancelled(_)
                | Payload::PaymentReceived(_)
                | Payload::PaymentRefunded(_)
                | Payload::WaitlistOffered(_)
                | Payload::WaitlistOfferClosed(_)
                | Payload::BreakGlassUsed(_)
                | Payload::PatientMerged(_)
                | Payload::PatientUnmerged(_)
                | Payload::ExternalAppointmentReceived(_),
            )
            | None => {}
        }
        Ok(())
    }
}

impl Visit {
    fn read(visit: &v1::AppointmentSnapshot) -> anyhow::Result<Self> {
        let starts_at = visit.starts_at.as_ref().and_then(events::envelope::time);
        let starts_at = starts_at.ok_or_else(|| anyhow::anyhow!("an appointment that begins at no time"))?;
        Ok(Self {
            id: visit.id,
            patient: visit.patient_id,
            doctor: visit.doctor_id,
            starts_at,
            ends_at: visit.ends_at.as_ref().and_then(events::envelope::time),
            status: visit.status.clone(),
            appointment_type: visit.appointment_type.clone(),
            doctor_name: visit.doctor_name.clone(),
            version: visit.version,
        })
    }
}
