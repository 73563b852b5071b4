//! Who answers for an id: the patient themselves, or the one into whom they were merged. One step always: nothing is merged
//! into a record that is itself merged.

use std::collections::HashMap;

use chassis::prepared::{Prepare as _, any_of};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};

use crate::schema::patients;

/// How often a merge or its undoing may come in between.
const PATIENCE: usize = 5;

/// Whether a patient is the one who answers for this id.
#[derive(Clone, Copy, Debug)]
pub struct AnswersFor(pub i64);

/// The patient who answers for an id; the id itself where there is nobody.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn of(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<i64> {
    let into: Option<Option<i64>> =
        patients::table.find(id).select(patients::merged_into).first(conn).await.optional()?;
    Ok(into.flatten().unwrap_or(id))
}

/// The patients who answer for some ids, each once.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn of_all(conn: &mut AsyncPgConnection, ids: &[i64]) -> QueryResult<Vec<i64>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = patients::table.filter(patients::id.eq(any_of(ids))).select((patients::id, patients::merged_into));
    let rows: Vec<(i64, Option<i64>)> = rows.prepared().load(conn).await?;
    let mut answering: Vec<i64> = rows.into_iter().map(|(id, into)| into.unwrap_or(id)).collect();
    answering.sort_unstable();
    answering.dedup();
    Ok(answering)
}

/// The records that are merged into a patient: of each the id, and the account that it was linked to.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn merged(conn: &mut AsyncPgConnection, patient: i64) -> QueryResult<Vec<(i64, Option<i64>)>> {
    let rows = patients::table.filter(patients::merged_into.eq(patient)).order(patients::id);
    rows.select((patients::id, patients::user_id)).load(conn).await
}

/// The numbers by which those were known who are merged into some patients.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn former_ids(conn: &mut AsyncPgConnection, of: &[i64]) -> QueryResult<HashMap<i64, Vec<String>>> {
    let rows = patients::table
        .filter(patients::merged_into.is_not_null().and(patients::merged_into.eq_any(of)))
        .order(patients::id)
        .select((patients::merged_into.assume_not_null(), patients::patient_id));
    let mut numbers = HashMap::<i64, Vec<String>>::new();
    for (survivor, number) in rows.load(conn).await? {
        numbers.entry(survivor).or_default().push(number);
    }
    Ok(numbers)
}

/// Counts the versions of the records that are merged into a patient up: whoever keeps copies of them takes the next one.
/// The patient's row is locked before.
pub(crate) async fn count_merged(conn: &mut AsyncPgConnection, patient: i64) -> QueryResult<Vec<(i64, i64)>> {
    // Nearly always there are none, and an update of none costs ten times as much as to see that.
    if merged(conn, patient).await?.is_empty() {
        return Ok(Vec::new());
    }
    diesel::update(patients::table.filter(patients::merged_into.eq(patient)))
        .set(patients::version.eq(patients::version + 1))
        .returning((patients::id, patients::version))
        .get_results(conn)
        .await
}

/// The patient who answers for an id, kept as they are until the transaction ends: nobody changes or merges them meanwhile.
///
/// # Errors
/// `NotFound` where there is nobody.
pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<i64> {
    // One lock, and at once the strong one: writers that all held a weaker one first would wait for each other in a circle.
    for _ in 0..PATIENCE {
        let answering = of(conn, id).await?;
        let row = patients::table.find(answering).select(patients::merged_into).for_no_key_update();
        // Nearly always nobody else has it.
        let free: Option<Option<i64>> = row.skip_locked().first(conn).await.optional()?;
        if free == Some(None) && (answering == id || of(conn, id).await? == answering) {
            return Ok(answering);
        }
        if free.is_none() {
            // Who was merged meanwhile is let go again: whoever changes the survivor counts the version of this one.
            let waited = conn.transaction(async |conn| {
                let into: Option<i64> = row.first(conn).await?;
                let answers = into.is_none() && (answering == id || of(conn, id).await? == answering);
                if answers { Ok(answering) } else { Err(DieselError::RollbackTransaction) }
            });
            match waited.await {
                Err(DieselError::RollbackTransaction) => {}
                waited => return waited,
            }
        }
    }
    let why = Box::new("records were merged and parted again all the while".to_owned());
    Err(DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, why))
}

/// The same for whoever only adds to the record, beside others who do and who change it.
///
/// A merge under way is waited for, and what the id means stays so until the transaction ends: whoever merges or takes a merge
/// back locks both rows for update. No stronger lock than this is kept on the row of a record that is merged, since whoever
/// changes the survivor counts its version.
///
/// # Errors
/// As [`lock`].
pub async fn hold(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<i64> {
    let row = patients::table.find(id).select(patients::merged_into).for_key_share();
    match row.first::<Option<i64>>(conn).await? {
        None => Ok(id),
        Some(survivor) => patients::table.find(survivor).select(patients::id).for_key_share().first(conn).await,
    }
}

impl QueryFragment<Pg> for AnswersFor {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "patients.id = (SELECT coalesce(asked.merged_into, asked.id) FROM patients AS asked WHERE asked.id = ",
        );
        out.push_bind_param::<BigInt, _>(&self.0)?;
        out.push_sql(")");
        Ok(())
    }
}

impl Expression for AnswersFor {
    type SqlType = Bool;
}

impl QueryId for AnswersFor {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl ValidGrouping<()> for AnswersFor {
    type IsAggregate = is_aggregate::Never;
}

impl AppearsOnTable<patients::table> for AnswersFor {}
impl SelectableExpression<patients::table> for AnswersFor {}
