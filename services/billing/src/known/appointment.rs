//! What billing knows of an appointment: whose it is, and with whom.

use chassis::prepared::Prepare as _;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::AppointmentSnapshot;
use serde::Deserialize;

use super::ASKED;
use crate::schema::appointments;

/// An appointment, as far as a bill needs one.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = appointments, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct Appointment {
    /// The appointment's id.
    pub id: i64,
    /// Whose it is.
    pub patient_id: i64,
    /// With whom.
    pub doctor_id: i64,
    /// Grows with every change.
    pub version: i64,
}

impl Appointment {
    /// The row, if there is one.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Self>> {
        appointments::table.find(id).select(Self::as_select()).first(conn).await.optional()
    }

    /// Keeps this unless something at least as new is known.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::insert_into(appointments::table)
            .values(self)
            .on_conflict(appointments::id)
            .do_update()
            .set((
                appointments::patient_id.eq(excluded(appointments::patient_id)),
                appointments::doctor_id.eq(excluded(appointments::doctor_id)),
                appointments::version.eq(excluded(appointments::version)),
            ))
            .filter(appointments::version.lt(excluded(appointments::version)))
            .prepared()
            .execute(conn)
            .await?;
        Ok(())
    }
}

impl From<&AppointmentSnapshot> for Appointment {
    fn from(heard: &AppointmentSnapshot) -> Self {
        Self { id: heard.id, patient_id: heard.patient_id, doctor_id: heard.doctor_id, version: heard.version }
    }
}

/// What `GET /api/appointments/{id}/` says, as far as it matters here.
#[derive(Deserialize)]
pub(super) struct Asked {
    id: i64,
    patient: i64,
    doctor: i64,
}

impl From<Asked> for Appointment {
    fn from(asked: Asked) -> Self {
        Self { id: asked.id, patient_id: asked.patient, doctor_id: asked.doctor, version: ASKED }
    }
}
