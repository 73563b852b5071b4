//! Patients whose records were merged, as patients tells it. What was billed under the old id stays there; lists of either
//! patient show both, and what is billed from then on is the survivor's.

use diesel::dsl::sql;
use diesel::expression::{AsExpression, SqlLiteral, UncheckedBind};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::v1::PatientMerge;

use crate::schema::merged_patients;

/// Any of the ids that mean this patient, to be compared with a column of patients; the index on that column serves it.
pub type AnyId = SqlLiteral<BigInt, UncheckedBind<SqlLiteral<BigInt>, <i64 as AsExpression<BigInt>>::Expression>>;

/// See [`AnyId`].
pub fn any_id_of(patient: i64) -> AnyId {
    sql::<BigInt>("ANY (one_patient(").bind::<BigInt, _>(patient).sql("))")
}

/// Any of the ids that mean a patient whose user this is, those of records that were merged with theirs included; likewise.
pub fn any_id_of_user(user: i64) -> AnyId {
    sql::<BigInt>("ANY (ARRAY(SELECT unnest(one_patient(mine.id)) FROM patients AS mine WHERE mine.user_id = ")
        .bind::<BigInt, _>(user)
        .sql("))")
}

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
