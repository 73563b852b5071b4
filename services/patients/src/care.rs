//! Who has an appointment with whom: a projection of the appointments service's events, and half of what "in their
//! care" means.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::care_appointments;

/// A row of the projection.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = care_appointments)]
pub struct Visit {
    /// The appointment's id.
    pub id: i64,
    /// The patient's id.
    pub patient: i64,
    /// The doctor's user id.
    pub doctor: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// As the appointments service calls it.
    pub status: String,
    /// The appointment's version.
    pub version: i64,
}

impl Visit {
    /// Keeps the row unless a newer one is there.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn keep(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        use diesel::query_dsl::methods::FilterDsl;
        diesel::insert_into(care_appointments::table)
            .values(self)
            .on_conflict(care_appointments::id)
            .do_update()
            .set(self)
            .filter(care_appointments::version.lt(excluded(care_appointments::version)))
            .execute(conn)
            .await
            .map(drop)
    }
}
