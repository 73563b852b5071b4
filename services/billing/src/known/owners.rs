//! The one synchronous exception: a row that no event has brought yet is asked for, as the caller and within the caller's
//! trace, and kept.

use auth::{Actor, Owner};
use chassis::problem::Problem;
use diesel_async::AsyncPgConnection;
use reqwest::Url;

use super::{Appointment, Patient, appointment, merged, patient};

/// The services that own what billing only knows of.
#[derive(Clone, Debug)]
pub struct Owners {
    patients: Owner,
    appointments: Owner,
}

impl Owners {
    /// Services at these base addresses.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(patients: Url, appointments: Url) -> reqwest::Result<Self> {
        Ok(Self {
            patients: Owner::new("the patients service", patients)?,
            appointments: Owner::new("the appointments service", appointments)?,
        })
    }

    /// The patient that the caller means with the body's `patient`: the survivor, where they were merged.
    ///
    /// # Errors
    /// 400 when there is none, 503 when its owner cannot say.
    pub async fn patient(&self, conn: &mut AsyncPgConnection, actor: &Actor, id: i64) -> Result<Patient, Problem> {
        let id = merged::survivor(conn, id).await?;
        if let Some(known) = Patient::find(conn, id).await? {
            return Ok(known);
        }
        let asked = self.patients.ask::<patient::Asked>(actor, &format!("api/patients/{id}/")).await?;
        let (_, asked) = asked.ok_or_else(|| Problem::invalid("patient", "unknown", "there is no such patient"))?;
        let patient = Patient::from(asked);
        patient.keep(conn).await?;
        Ok(patient)
    }

    /// The appointment that the caller means with the body's `appointment`.
    ///
    /// # Errors
    /// 400 when there is none, 503 when its owner cannot say.
    pub async fn appointment(
        &self,
        conn: &mut AsyncPgConnection,
        actor: &Actor,
        id: i64,
    ) -> Result<Appointment, Problem> {
        if let Some(known) = Appointment::find(conn, id).await? {
            return Ok(known);
        }
        let asked = self.appointments.ask::<appointment::Asked>(actor, &format!("api/appointments/{id}/")).await?;
        let (_, asked) =
            asked.ok_or_else(|| Problem::invalid("appointment", "unknown", "there is no such appointment"))?;
        let appointment = Appointment::from(asked);
        appointment.keep(conn).await?;
        Ok(appointment)
    }
}
