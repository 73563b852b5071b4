//! Rows of `patient_merges`: who merged what into what, and what the records were.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::patient::Facts;
use crate::schema::patient_merges;

/// A merge, undone or not.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = patient_merges, check_for_backend(Pg))]
pub struct Record {
    /// Its id.
    pub id: i64,
    /// The record that survives.
    pub target: i64,
    /// The record that was merged into it.
    pub source: i64,
    /// When.
    pub merged_at: DateTime<Utc>,
    /// By whom; none where a message says so and nobody brought it.
    pub merged_by: Option<i64>,
    /// The HL7 message that said so.
    pub message: Option<i64>,
    source_before: Value,
    target_before: Value,
    target_after: Value,
    /// When it was taken back.
    pub undone_at: Option<DateTime<Utc>>,
    /// By whom.
    pub undone_by: Option<i64>,
}

/// A merge that begins.
#[derive(Insertable)]
#[diesel(table_name = patient_merges, treat_none_as_default_value = false)]
pub(super) struct New {
    pub target: i64,
    pub source: i64,
    pub merged_by: Option<i64>,
    pub message: Option<i64>,
    pub source_before: Value,
    pub target_before: Value,
    pub target_after: Value,
}

/// What the records were.
pub(super) struct Snapshots {
    pub source_before: Facts,
    pub target_before: Facts,
    pub target_after: Facts,
}

impl New {
    /// Writes it down; gives its id.
    pub async fn insert(&self, conn: &mut AsyncPgConnection) -> QueryResult<i64> {
        diesel::insert_into(patient_merges::table).values(self).returning(patient_merges::id).get_result(conn).await
    }
}

impl Record {
    /// The merge that holds of a source, if it is merged into this target.
    pub(super) async fn standing(conn: &mut AsyncPgConnection, target: i64, source: i64) -> QueryResult<Option<Self>> {
        patient_merges::table
            .filter(patient_merges::source.eq(source))
            .filter(patient_merges::target.eq(target))
            .filter(patient_merges::undone_at.is_null())
            .select(Self::as_select())
            .first(conn)
            .await
            .optional()
    }

    /// Notes that it is taken back.
    pub(super) async fn undo(&self, conn: &mut AsyncPgConnection, by: Option<i64>) -> QueryResult<()> {
        diesel::update(patient_merges::table.find(self.id))
            .set((patient_merges::undone_at.eq(diesel::dsl::now), patient_merges::undone_by.eq(by)))
            .execute(conn)
            .await
            .map(drop)
    }

    /// What the records were.
    pub(super) fn snapshots(&self) -> serde_json::Result<Snapshots> {
        Ok(Snapshots {
            source_before: serde_json::from_value(self.source_before.clone())?,
            target_before: serde_json::from_value(self.target_before.clone())?,
            target_after: serde_json::from_value(self.target_after.clone())?,
        })
    }

    /// The merges into a patient, the latest first.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn into(
        conn: &mut AsyncPgConnection,
        target: i64,
        beyond: Option<i64>,
        latest_first: bool,
        skip: i64,
        most: i64,
    ) -> QueryResult<Vec<Self>> {
        let all =
            patient_merges::table.filter(patient_merges::target.eq(target)).select(Self::as_select()).into_boxed();
        let found = match (beyond, latest_first) {
            (Some(id), true) => all.filter(patient_merges::id.lt(id)),
            (Some(id), false) => all.filter(patient_merges::id.gt(id)),
            (None, _) => all,
        };
        let found =
            if latest_first { found.order(patient_merges::id.desc()) } else { found.order(patient_merges::id.asc()) };
        found.offset(skip).limit(most).load(conn).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn count(conn: &mut AsyncPgConnection, target: i64) -> QueryResult<i64> {
        patient_merges::table.filter(patient_merges::target.eq(target)).count().get_result(conn).await
    }
}
