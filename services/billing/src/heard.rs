//! What billing hears: users, patients, appointments; and the draft that a completed appointment makes.

use std::sync::Arc;

use chassis::fields::Id;
use chassis::text::Line;
use chrono::Utc;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::{AppointmentSnapshot, Envelope};
use events::{Handler, Payload};

use crate::invoices::bill::{Bill, BillLine};
use crate::invoices::discounts::Percent;
use crate::invoices::input::SacHsn;
use crate::invoices::invoice::{Draft, Maker};
use crate::invoices::pricing::{Overrides, Terms, price};
use crate::known::{Appointment, Doctor, Patient, merged};
use crate::money::Paise;
use crate::numbering::day_in_india;
use crate::quantity::Quantity;
use crate::schema::{invoice_items, invoices};
use crate::tax::{Kind, RateTable, StateCode};

/// The name under which billing subscribes.
pub const SUBSCRIBER: &str = "billing";

/// SAC of medical and dental services.
const MEDICAL_SERVICES: &str = "999312";

/// Applies events.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Of a consultation.
    pub consultation_fee: Paise,
    /// Where the hospital stands.
    pub hospital: StateCode,
    /// The law's rates.
    pub rates: Arc<RateTable>,
}

impl Handler for Heard {
    async fn apply(&self, conn: &mut AsyncPgConnection, event: &Envelope) -> anyhow::Result<()> {
        match &event.payload {
            Some(Payload::UserRegistered(user) | Payload::UserUpdated(user)) => {
                if let Some(doctor) = Doctor::heard(user) {
                    doctor.keep(conn).await?;
                }
            }
            Some(Payload::PatientRegistered(patient) | Payload::PatientUpdated(patient)) => {
                Patient::from(patient).keep(conn).await?
            }
            Some(Payload::AppointmentBooked(appointment) | Payload::AppointmentUpdated(appointment)) => {
                Appointment::from(appointment).keep(conn).await?;
            }
            Some(Payload::AppointmentCompleted(appointment)) => {
                Appointment::from(appointment).keep(conn).await?;
                self.draft(conn, appointment).await?;
            }
            Some(Payload::PatientMerged(merge)) => merged::merged(conn, merge).await?,
            Some(Payload::PatientUnmerged(merge)) => merged::unmerged(conn, merge).await?,
            Some(
                Payload::InvoiceIssued(_)
                | Payload::InvoiceCancelled(_)
                | Payload::PaymentReceived(_)
                | Payload::PaymentRefunded(_)
                | Payload::WaitlistOffered(_)
                | Payload::WaitlistOfferClosed(_)
                | Payload::BreakGlassUsed(_)
                | Payload::ExternalAppointmentReceived(_),
            )
            | None => {}
        }
        Ok(())
    }
}

impl Heard {
    /// Drafts the invoice for a consultation, once per appointment. The patient need not be known yet: the draft shows the
    /// name as soon as it is, and issuing asks for it.
    async fn draft(&self, conn: &mut AsyncPgConnection, appointment: &AppointmentSnapshot) -> anyhow::Result<()> {
        if consultation_billed(conn, appointment.id).await? {
            return Ok(());
        }
        let patient = merged::survivor(conn, appointment.patient_id).await?;
        let bill = Bill {
            patient: Id::new(patient),
            appointment: Some(Id::new(appointment.id)),
            due_date: None,
            delivery_state: None,
            delivery_address: None,
            registered_recipient: None,
            discount: Paise::ZERO,
            discount_reason: None,
            lines: vec![self.consultation(conn, appointment).await?],
        };
        let today = day_in_india(Utc::now());
        let terms = Terms {
            rates: &self.rates,
            hospital: self.hospital,
            on: today,
            overrides: Overrides::Standing(&[]),
            courtesy: Percent::new(0),
        };
        let priced =
            price(&bill, &terms).map_err(|faults| anyhow::anyhow!("the consultation cannot be priced: {faults:?}"))?;
        Draft::new(&bill, patient, &priced, today).insert(conn, &priced, Maker::Event).await?;
        Ok(())
    }

    async fn consultation(
        &self,
        conn: &mut AsyncPgConnection,
        appointment: &AppointmentSnapshot,
    ) -> anyhow::Result<BillLine> {
        let doctor = match Doctor::find(conn, appointment.doctor_id).await? {
            Some(doctor) => doctor.name,
            None => appointment.doctor_name.clone(),
        };
        let text = if doctor.is_empty() { "Consultation".to_owned() } else { format!("Consultation with {doctor}") };
        // a name that no bill can show is left out
        let description =
            Line::new(&text).or_else(|_| Line::new("Consultation")).map_err(|fault| anyhow::anyhow!(fault))?;
        Ok(BillLine {
            service: None,
            description,
            sac_hsn: SacHsn::known(MEDICAL_SERVICES),
            kind: Kind::Consultation,
            circumstance: None,
            quantity: Quantity::ONE,
            unit_price: self.consultation_fee,
            discount: Paise::ZERO,
            discount_reason: None,
            gst_rate: None,
            gst_rate_reason: None,
        })
    }
}

/// Whether somebody at the desk was faster.
async fn consultation_billed(conn: &mut AsyncPgConnection, appointment: i64) -> QueryResult<bool> {
    let billed = invoices::table
        .inner_join(invoice_items::table)
        .filter(invoices::appointment_id.eq(appointment))
        .filter(invoice_items::kind.eq(Kind::Consultation));
    diesel::select(exists(billed)).get_result(conn).await
}
