//! Who has an appointment with whom: a projection of the appointments service's events, half of what "in their care"
//! means, and a part of the medical history.

use chassis::prepared::Prepare as _;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::merge::{self, Moved};
use crate::schema::care_appointments;

/// A row of the projection.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = care_appointments, check_for_backend(diesel::pg::Pg), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Visit {
    /// The appointment's id.
    pub id: i64,
    /// The patient's id.
    pub patient: i64,
    /// The doctor's user id.
    pub doctor: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends; unknown of those heard of before this was kept.
    pub ends_at: Option<DateTime<Utc>>,
    /// As the appointments service calls it.
    pub status: String,
    /// As the appointments service calls it; empty of those heard of before this was kept.
    pub appointment_type: String,
    /// The doctor's name at the time; empty as above.
    pub doctor_name: String,
    /// The appointment's version.
    pub version: i64,
}

impl Visit {
    /// Keeps the row unless a newer one is there. An appointment of one who was merged into another is the other's.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        use diesel::query_dsl::methods::FilterDsl;
        let row = Self {
            patient: merge::arrives(conn, self.patient, Moved::CareAppointments, self.id).await?,
            ..self.clone()
        };
        diesel::insert_into(care_appointments::table)
            .values(&row)
            .on_conflict(care_appointments::id)
            .do_update()
            .set(&row)
            .filter(care_appointments::version.lt(excluded(care_appointments::version)))
            .prepared()
            .execute(conn)
            .await
            .map(drop)
    }

    /// A patient's newest appointments, those to come first.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn newest(conn: &mut AsyncPgConnection, patient: i64, most: i64) -> QueryResult<Vec<Self>> {
        care_appointments::table
            .filter(care_appointments::patient.eq(patient))
            .order((care_appointments::starts_at.desc(), care_appointments::id.desc()))
            .limit(most)
            .select(Self::as_select())
            .load(conn)
            .await
    }
}
