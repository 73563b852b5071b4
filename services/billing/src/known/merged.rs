//! Patients whose records were merged, as patients tells it. What was billed under the old id stays there; lists of either
//! patient show both, and what is billed from then on is the survivor's.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::PatientMerge;

use crate::schema::merged_patients;

/// Begins the condition that a row is this patient's under whichever id; the id and `))` follow. The index on the column serves it.
pub const IS_OF: &str = "invoices.patient_id = ANY (one_patient(";
/// The same of an advance.
pub const ADVANCE_IS_OF: &str = "advances.patient_id = ANY (one_patient(";
/// The same of a refund voucher.
pub const REFUND_VOUCHER_IS_OF: &str = "refund_vouchers.patient_id = ANY (one_patient(";

/// The patient who answers for an id: the survivor of a merge, or the patient themselves.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn survivor(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<i64> {
    let target = merged_patients::table.find(id).select(merged_patients::target).first(conn).await.optional()?;
    Ok(target.unwrap_or(id))
}

/// Keeps that a record was merged.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn merged(conn: &mut AsyncPgConnection, merge: &PatientMerge) -> QueryResult<()> {
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
    diesel::delete(merged_patients::table.find(merge.source_id)).execute(conn).await.map(drop)
}
