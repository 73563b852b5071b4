//! What moves with a record: the one list of it. A table of which a `patient` is a part stands here, or in the test
//! `merge::every_table_of_a_patient_moves_or_says_why_not` with the reason why it stays.

use std::collections::BTreeMap;

use chassis::words;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Jsonb, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::schema::patients;

words! {
    /// A table whose rows move, by its name. The rows' `patient` is all that changes of them.
    pub enum Moved {
        /// The medical history.
        HistoryEntries = "history_entries",
        /// Appointments, as far as they are known here.
        CareAppointments = "care_appointments",
        /// HL7 messages.
        Hl7Messages = "hl7_messages",
        /// Documents; what they hold lies where it did.
        Documents = "documents",
        /// The numbers by which other systems know the patient.
        PatientIdentifiers = "patient_identifiers",
    }
}

/// How many rows of which table.
pub type Counts = BTreeMap<&'static str, usize>;

impl Moved {
    /// What names a row of the table.
    const fn key(self) -> &'static str {
        match self {
            Self::HistoryEntries | Self::CareAppointments | Self::Hl7Messages | Self::Documents => "to_jsonb(id)",
            Self::PatientIdentifiers => "jsonb_build_array(authority, value)",
        }
    }
}

/// Moves everything from one patient to another, and notes each row.
///
/// Every row is locked before the first one moves. Whoever changes a row (an entry is amended, a document was inspected, a visit
/// is told of) holds the row, and then counts the head of the history: whoever held the head and waited for a row would wait in
/// a circle.
pub(super) async fn all(conn: &mut AsyncPgConnection, merge: i64, from: i64, to: i64) -> QueryResult<Counts> {
    for table in Moved::ALL.iter().copied() {
        let sql = format!("SELECT FROM {} WHERE patient = $1 FOR NO KEY UPDATE", table.as_str());
        diesel::sql_query(sql).bind::<BigInt, _>(from).execute(conn).await?;
    }
    let mut counts = Counts::new();
    for table in Moved::ALL.iter().copied() {
        let (name, key) = (table.as_str(), table.key());
        let sql = format!(
            "WITH gone AS (UPDATE {name} SET patient = $2 WHERE patient = $1 RETURNING {key} AS moved) \
             INSERT INTO patient_merge_moves (merge, kind, moved) SELECT $3, $4, moved FROM gone"
        );
        let moving = diesel::sql_query(sql).bind::<BigInt, _>(from).bind::<BigInt, _>(to).bind::<BigInt, _>(merge);
        counts.insert(name, moving.bind::<Text, _>(name).execute(conn).await?);
    }
    Ok(counts)
}

/// Moves the rows that a merge moved back, and no others; locked as for a merge.
pub(super) async fn back(conn: &mut AsyncPgConnection, merge: i64, from: i64, to: i64) -> QueryResult<Counts> {
    for table in Moved::ALL.iter().copied() {
        let (name, key) = (table.as_str(), table.key());
        let sql = format!(
            "SELECT FROM {name} WHERE patient = $1 AND EXISTS (SELECT FROM patient_merge_moves AS noted \
             WHERE noted.merge = $2 AND noted.kind = $3 AND noted.moved = {key}) FOR NO KEY UPDATE"
        );
        let locking = diesel::sql_query(sql).bind::<BigInt, _>(from).bind::<BigInt, _>(merge);
        locking.bind::<Text, _>(name).execute(conn).await?;
    }
    let mut counts = Counts::new();
    for table in Moved::ALL.iter().copied() {
        let (name, key) = (table.as_str(), table.key());
        let sql = format!(
            "UPDATE {name} SET patient = $2 FROM patient_merge_moves AS noted \
             WHERE {name}.patient = $1 AND noted.merge = $3 AND noted.kind = $4 AND noted.moved = {key}"
        );
        let moving = diesel::sql_query(sql).bind::<BigInt, _>(from).bind::<BigInt, _>(to).bind::<BigInt, _>(merge);
        counts.insert(name, moving.bind::<Text, _>(name).execute(conn).await?);
    }
    Ok(counts)
}

/// Whose a row is that another service says is a patient's: where the patient is merged into another, the other's, and it is
/// noted that the merge moved it. A merge under way is waited for.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn arrives(
    conn: &mut AsyncPgConnection,
    patient: i64,
    table: Moved,
    key: impl Into<Value> + Send,
) -> QueryResult<i64> {
    let row = patients::table.find(patient).select(patients::merged_into).for_key_share();
    let into: Option<Option<i64>> = row.first(conn).await.optional()?;
    let Some(target) = into.flatten() else { return Ok(patient) };
    diesel::sql_query(
        "INSERT INTO patient_merge_moves (merge, kind, moved) \
         SELECT id, $2, $3 FROM patient_merges WHERE source = $1 AND undone_at IS NULL ON CONFLICT DO NOTHING",
    )
    .bind::<BigInt, _>(patient)
    .bind::<Text, _>(table.as_str())
    .bind::<Jsonb, Value>(key.into())
    .execute(conn)
    .await?;
    Ok(target)
}
