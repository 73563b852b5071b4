//! Patients whose records were merged, as patients tells it. What was booked under the old id stays there; lists of either
//! patient show both, and what is booked from then on is the survivor's. What then lies over each other waits to be moved
//! (`rescheduling`).

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::PatientMerge;

use crate::people::Patient;
use crate::schema::{merged_patients, patients};

/// How often a merge or its undoing may come in between.
const PATIENCE: usize = 5;

/// Begins the condition that a row is this patient's under whichever id; the id and `))` follow. The index on the column serves it.
pub const IS_OF: &str = "appointments.patient_id = ANY (one_patient(";

/// The patient who answers for an id: the survivor of a merge, or the patient themselves.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn survivor(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<i64> {
    let target = merged_patients::table.find(id).select(merged_patients::target).first(conn).await.optional()?;
    Ok(target.unwrap_or(id))
}

/// The patient who answers for an id, locked until the transaction ends: whatever is booked or moved for the patient, under
/// whichever id, takes turns on this one row. A merge that is told meanwhile is waited for, and followed.
///
/// # Errors
/// `NotFound` where the patient is not known here; when records are merged and parted all the while; when PostgreSQL refuses.
pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Patient> {
    for _ in 0..PATIENCE {
        let answering = survivor(conn, id).await?;
        let patient = Patient::lock(conn, answering).await?;
        if survivor(conn, id).await? == patient.id {
            return Ok(patient);
        }
    }
    let why = Box::new("records were merged and parted again all the while".to_owned());
    Err(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, why))
}

/// Holds still what is booked for either of two, so that whoever comes next sees what the two have become.
async fn hold(conn: &mut AsyncPgConnection, merge: &PatientMerge) -> QueryResult<()> {
    let both = patients::table.filter(patients::id.eq_any([merge.source_id, merge.target_id])).order(patients::id);
    both.select(patients::id).for_no_key_update().load::<i64>(conn).await.map(drop)
}

/// All ids that mean the same patient.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn one_patient(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Vec<i64>> {
    let survivor = survivor(conn, id).await?;
    let sources = merged_patients::table.filter(merged_patients::target.eq(survivor)).select(merged_patients::source);
    let mut same: Vec<i64> = sources.load(conn).await?;
    same.push(survivor);
    Ok(same)
}

/// Nothing that began eight hours earlier reaches into an appointment.
const IN_TWO_PLACES: &str = "SELECT DISTINCT mine.id FROM appointments AS mine JOIN appointments AS other \
    ON other.patient_id = ANY (one_patient(mine.patient_id)) AND other.patient_id <> mine.patient_id \
    AND other.starts_at < mine.ends_at AND other.starts_at > mine.starts_at - interval '8 hours' \
    AND other.ends_at > mine.starts_at AND other.status NOT IN ('CANCELLED', 'NO_SHOW') \
    WHERE mine.id = ANY ($1) AND (other.id < mine.id OR other.starts_at <= $2 OR other.status NOT IN ('SCHEDULED', 'CONFIRMED'))";

#[derive(QueryableByName)]
struct Mine {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Of these appointments to come those whose patient has to be elsewhere then, under another id: the other one was booked first,
/// or cannot be moved any more.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn in_two_places(conn: &mut AsyncPgConnection, ids: &[i64], now: DateTime<Utc>) -> QueryResult<Vec<i64>> {
    let found = diesel::sql_query(IN_TWO_PLACES).bind::<Array<BigInt>, _>(ids).bind::<Timestamptz, _>(now);
    let found: Vec<Mine> = found.load(conn).await?;
    Ok(found.into_iter().map(|mine| mine.id).collect())
}

/// Keeps that a record was merged.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn merged(conn: &mut AsyncPgConnection, merge: &PatientMerge) -> QueryResult<()> {
    hold(conn, merge).await?;
    diesel::insert_into(merged_patients::table)
        .values((merged_patients::source.eq(merge.source_id), merged_patients::target.eq(merge.target_id)))
        .on_conflict(merged_patients::source)
        .do_update()
        .set(merged_patients::target.eq(excluded(merged_patients::target)))
        .execute(conn)
        .await
        .map(drop)
}

/// Forgets it: the id means a patient of its own again.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn unmerged(conn: &mut AsyncPgConnection, merge: &PatientMerge) -> QueryResult<()> {
    hold(conn, merge).await?;
    diesel::delete(merged_patients::table.find(merge.source_id)).execute(conn).await.map(drop)
}
