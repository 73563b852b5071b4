//! A40: two records are one patient's. The merge is the one that people ask for, by the same rules.

use chassis::problem::Problem;
use diesel_async::AsyncPgConnection;
use hl7::adt::{Identifier, PatientFacts};

use super::apply::{self, Changed, Refusal, Work};
use super::facts::{self, Known};
use crate::error::Error;
use crate::merge::{Origin, merge as merge_records};

const NOT_KNOWN: &str = "MRG-1: names nobody who is known here; the number is the patient's of PID-3 from now on";
const STAYS_UNKNOWN: &str = "PID-3: names nobody who is known here; the record of MRG-1 goes on under its number";
const WERE_ONE: &str = "MRG-1: the two were one already";

/// Merges the record that MRG names into the one that PID names, and brings that up to date. Where one of the two is not known
/// its number becomes one of the other's, so that whatever still comes under it finds the patient: that is all that a merge with
/// a record that is not here can mean. Where neither is known the patient is registered under both.
///
/// # Errors
/// Parks it where the numbers name more than one patient, or one and the same; where the merge's own rules refuse it; and when
/// PostgreSQL refuses.
pub async fn merge(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    said: &PatientFacts,
    going: &[Identifier],
    warnings: &mut Vec<String>,
) -> Result<Changed, Refusal> {
    let facility = &work.header.sending_facility;
    let stays = facts::identifiers(said, facility, &mut Vec::new());
    let goes = facts::known_by(going, facility, "MRG-1", warnings);
    if goes.is_empty() {
        return Err(Refusal::park("MRG-1: there is no number by which a patient could be known"));
    }
    if goes.iter().any(|one| stays.iter().any(|other| is_same(one, other))) {
        return Err(Refusal::park("MRG-1: names the record that PID-3 names"));
    }
    let abha_number = said.abha_number();
    let both: Vec<Known> = stays.iter().chain(&goes).cloned().collect();
    apply::take_turns(conn, &both, abha_number.as_deref()).await?;
    let source = one(apply::matches(conn, &goes, None).await?, "MRG-1: the numbers belong to more than one patient")?;
    let mut stay = apply::matches(conn, &stays, abha_number.as_deref()).await?;
    // PID may say the numbers of both already, as the ABHA number that the record has which goes.
    if stay.len() > 1 {
        stay.retain(|patient| Some(*patient) != source);
    }
    let target = one(stay, "PID-3: the numbers belong to more than one patient")?;
    let mut touched = None;
    match (target, source) {
        (Some(target), Some(source)) if target == source => warnings.push(WERE_ONE.to_owned()),
        (Some(target), Some(source)) => {
            let origin = Origin { actor: work.bringer.actor(), message: Some(work.message) };
            merge_records(conn, &work.desk.outbox, target, source, &[], origin).await.map_err(refusal)?;
            touched = Some(source);
        }
        (None, Some(source)) => {
            warnings.push(STAYS_UNKNOWN.to_owned());
            apply::know_by(conn, source, &stays).await?;
        }
        (Some(_) | None, None) => warnings.push(NOT_KNOWN.to_owned()),
    }
    let mut changed = apply::update(conn, work, said, warnings).await?;
    apply::know_by(conn, changed.patient, &goes).await?;
    changed.touched.extend(touched);
    Ok(changed)
}

fn is_same(one: &Known, other: &Known) -> bool {
    one.authority == other.authority && one.value == other.value
}

fn one(mut patients: Vec<i64>, else_say: &'static str) -> Result<Option<i64>, Refusal> {
    let found = patients.pop();
    if patients.is_empty() { Ok(found) } else { Err(Refusal::park(else_say)) }
}

/// What the rules of a merge refuse, a person has to look at.
fn refusal(error: Error) -> Refusal {
    let problem = Problem::from(error);
    if problem.status().is_client_error() {
        return Refusal::park(
            "MRG-1: the two records cannot be merged as they are; look at them, merge them, and replay this",
        );
    }
    Refusal::Error(problem.into())
}
