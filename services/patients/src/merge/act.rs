//! Merging two records, and taking it back. Each is one transaction, which is the caller's.
//!
//! Whoever changes what is merged into what takes turns with all others who do (`take_turns`), and then locks the two rows.
//! So of two merges at once the second sees what the first did. Where one record answers for others, its row is locked before
//! theirs, by everybody.

use auth::Actor;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::Outbox;

use super::fields::{self, Combined, Field, Restored};
use super::moves::{self, Counts};
use super::record::{New, Record};
use crate::access::Scope;
use crate::error::Error;
use crate::events as told;
use crate::patient::{Facts, Patient};
use crate::schema::patients;

/// Who merges: a user, and the message that says so where it is one that does.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// Who asks for it, or brings the message; none where the message came by itself.
    pub actor: Option<&'a Actor>,
    /// The HL7 message.
    pub message: Option<i64>,
}

/// What came of a merge.
pub struct Merged {
    /// The merge's id.
    pub merge: i64,
    /// The record that survives, as it was.
    pub target_before: Patient,
    /// The record that is merged into it, as it was.
    pub source_before: Patient,
    /// The record that survives, as it is now.
    pub target: Patient,
    /// How the surviving record's facts came about.
    pub combined: Combined,
    /// How many rows moved.
    pub moved: Counts,
}

/// What came of taking a merge back.
pub struct Unmerged {
    /// The merge's id.
    pub merge: i64,
    /// The version that the record which had survived had.
    pub version_before: i64,
    /// The record that had survived, as it is now.
    pub target: Patient,
    /// The record that is one of its own again.
    pub source: Patient,
    /// What of the surviving record's facts was put back, and what stays since it was edited.
    pub restored: Restored,
    /// How many rows moved back.
    pub moved: Counts,
}

/// Merges one record into another. The source's id answers as the target from then on. In the caller's transaction.
///
/// # Errors
/// Where the two are one, one of them is not there, the target is deactivated, or either has a part in another merge.
pub async fn merge(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    target: i64,
    source: i64,
    take: &[Field],
    origin: Origin<'_>,
) -> Result<Merged, Error> {
    if target == source {
        return Err(Error::MergeWithItself);
    }
    take_turns(conn).await?;
    may_merge(conn, target, source).await?;
    let (target_before, source_before) = lock(conn, target, source).await?;
    let (target, source) = (&target_before, &source_before);
    if !target.facts.is_active {
        return Err(Error::MergeIntoDeactivated);
    }
    let combined = fields::combine(&target.facts, &source.facts, take);
    let new = New {
        target: target.id,
        source: source.id,
        merged_by: origin.actor.map(|actor| actor.user_id),
        message: origin.message,
        source_before: snapshot(&source.facts)?,
        target_before: snapshot(&target.facts)?,
        target_after: snapshot(&combined.facts)?,
    };
    let merge = new.insert(conn).await?;
    // A number that is one person's is free for the survivor before the survivor gets it.
    let goes = combined.facts.abha_number.is_some() && combined.facts.abha_number == source.facts.abha_number;
    let abha_number = source.facts.abha_number.as_ref().filter(|_| !goes);
    diesel::update(patients::table.find(source.id))
        .set((
            patients::merged_into.eq(target.id),
            patients::abha_number.eq(abha_number),
            patients::version.eq(source.version + 1),
        ))
        .execute(conn)
        .await?;
    let moved = moves::all(conn, merge, source.id, target.id).await?;
    // Another number is theirs now, whatever else came of it: whoever keeps a copy of the record takes the next version.
    let target = target.write(conn, &combined.facts).await?;
    told::updated(conn, outbox, origin.actor, &target).await?;
    told::merged(conn, outbox, origin.actor, merge, source.id, target.id).await?;
    metrics::counter!("patient_merges_total", "what" => "merge").increment(1);
    Ok(Merged { merge, target_before, source_before, target, combined, moved })
}

/// Takes a merge back: the source is a record of its own again, with every row that the merge moved, and the target has what
/// it had. What was added since stays with the target, and so do fields that were edited since.
///
/// # Errors
/// Where the target is not there, the source is not merged into it, or its ABHA number is somebody else's by now.
pub async fn unmerge(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    target: i64,
    source: i64,
    origin: Origin<'_>,
) -> Result<Unmerged, Error> {
    take_turns(conn).await?;
    into(conn, target).await?.ok_or(Error::NoSuchPatient)?;
    let record = Record::standing(conn, target, source).await?.ok_or(Error::NotMerged)?;
    let target = Patient::lock(conn, &Scope::of_the_service(), target).await?;
    let snapshots = record.snapshots().map_err(|fault| Error::Problem(chassis::problem::Problem::internal(fault)))?;
    let version_before = target.version;
    let restored = fields::restore(&target.facts, &snapshots.target_before, &snapshots.target_after);
    let target = target.write(conn, &restored.facts).await?;
    let version: i64 = patients::table.find(source).select(patients::version).for_update().first(conn).await?;
    let source: Patient = diesel::update(patients::table.find(source))
        .set((
            patients::merged_into.eq(None::<i64>),
            patients::abha_number.eq(snapshots.source_before.abha_number),
            patients::version.eq(version + 1),
        ))
        .returning(Patient::as_returning())
        .get_result(conn)
        .await?;
    let moved = moves::back(conn, record.id, target.id, source.id).await?;
    record.undo(conn, origin.actor.map(|actor| actor.user_id)).await?;
    told::updated(conn, outbox, origin.actor, &target).await?;
    told::updated(conn, outbox, origin.actor, &source).await?;
    told::unmerged(conn, outbox, origin.actor, record.id, source.id, target.id).await?;
    metrics::counter!("patient_merges_total", "what" => "unmerge").increment(1);
    Ok(Unmerged { merge: record.id, version_before, target, source, restored, moved })
}

/// One merge at a time: what is merged into what is the same until this transaction ends.
async fn take_turns(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>("patient merges")
        .execute(conn)
        .await
        .map(drop)
}

/// Whether both are there and neither has a part in a merge that would make a chain or a circle of them.
async fn may_merge(conn: &mut AsyncPgConnection, target: i64, source: i64) -> Result<(), Error> {
    if into(conn, target).await?.ok_or(Error::NoSuchPatient)?.is_some() {
        return Err(Error::IsMerged { which: "target" });
    }
    match into(conn, source).await?.ok_or(Error::NoSuchSource)? {
        Some(already) if already == target => return Err(Error::AlreadyMerged),
        Some(_) => return Err(Error::IsMerged { which: "source" }),
        None => {}
    }
    let others = patients::table.filter(patients::merged_into.eq(source));
    if diesel::select(diesel::dsl::exists(others)).get_result(conn).await? {
        return Err(Error::HasMerged);
    }
    Ok(())
}

/// Into whom somebody is merged, if there is somebody.
async fn into(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Option<Option<i64>>> {
    patients::table.find(id).select(patients::merged_into).first(conn).await.optional()
}

/// Both records, locked in the order of their ids, as any two merges lock them.
async fn lock(conn: &mut AsyncPgConnection, target: i64, source: i64) -> Result<(Patient, Patient), Error> {
    let both: Vec<Patient> = patients::table
        .filter(patients::id.eq_any([target, source]))
        .order(patients::id)
        .for_update()
        .select(Patient::as_select())
        .load(conn)
        .await?;
    match <[Patient; 2]>::try_from(both) {
        Ok([one, other]) if one.id == target => Ok((one, other)),
        Ok([one, other]) => Ok((other, one)),
        Err(_) => Err(Error::NoSuchPatient),
    }
}

fn snapshot(facts: &Facts) -> Result<serde_json::Value, Error> {
    serde_json::to_value(facts).map_err(|fault| Error::Problem(chassis::problem::Problem::internal(fault)))
}
