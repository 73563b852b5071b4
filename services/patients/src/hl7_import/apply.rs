//! A message that was read becomes a change of one patient's record, once.

use std::borrow::Cow;

use auth::Actor;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use hl7::adt::{AdtEvent, PatientFacts};
use hl7::{Content, Header};

use super::facts::{self, Known};
use super::message::{self, Bringer, ImportAnswer, Outcome, Parked};
use super::receive::{Desk, Waiting};
use super::{entries, joined, order, schedule, stored};
use crate::access::Scope;
use crate::error::Error;
use crate::events;
use crate::merge::survivor;
use crate::patient::{Facts, Patient};
use crate::schema::{patient_identifiers, patients};

/// Why a message that was read is not applied.
pub enum Refusal {
    /// A person has to look at it; the words are for the sender.
    Park(Cow<'static, str>),
    /// Not the message's fault.
    Error(Error),
}

impl Refusal {
    /// A person has to look at it; the words are for the sender.
    pub const fn park(reason: &'static str) -> Self {
        Self::Park(Cow::Borrowed(reason))
    }
}

impl<E> From<E> for Refusal
where
    Error: From<E>,
{
    fn from(fault: E) -> Self {
        match Error::from(fault) {
            Error::AbhaTaken => Self::park("PID-3: the ABHA number is in use for another patient"),
            error => Self::Error(error),
        }
    }
}

const OVERTAKEN: &str =
    "PID: a message that came after this one has brought the record up to date already; left as it is";

/// What a message is applied with.
pub struct Work<'a> {
    /// What every message needs.
    pub desk: &'a Desk,
    /// Who brings it now.
    pub bringer: Bringer<'a>,
    /// Who brought it first.
    pub author: Option<i64>,
    /// The row of `hl7_messages`.
    pub message: i64,
    /// Its header.
    pub header: &'a Header,
}

/// Whose record a message changed.
pub struct Changed {
    /// The patient; after a merge the one who stays.
    pub patient: i64,
    /// Whether the patient is new.
    pub created: bool,
    /// All whose records were changed.
    pub touched: Vec<i64>,
}

impl Changed {
    fn one(patient: i64, created: bool) -> Self {
        Self { patient, created, touched: vec![patient] }
    }
}

/// Applies a stored message, or parks it.
///
/// # Errors
/// When PostgreSQL refuses, or the Idempotency-Key was used for another request; the message then waits.
pub async fn apply(
    conn: &mut AsyncPgConnection,
    desk: &Desk,
    bringer: Bringer<'_>,
    key: Option<(&Actor, &IdempotencyKey, &[u8; 32])>,
    waiting: &Waiting,
) -> Result<Outcome, Error> {
    let header = &waiting.header;
    let work = Work { desk, bringer, author: waiting.author, message: waiting.id, header };
    let applied = conn
        .transaction(async |conn: &mut AsyncPgConnection| {
            let replayed = match key {
                Some((actor, key, digest)) => key.claim(conn, actor.user_id, digest).await?.is_some(),
                None => false,
            };
            if let Some(outcome) = stored::lock(conn, waiting.id).await? {
                bringer.trail().shows(outcome.patients());
                return Ok(outcome.replayed(replayed));
            }
            let (answer, ack) = now(conn, &work, &waiting.contents).await?;
            stored::applied(conn, waiting.id, &answer, &ack).await?;
            if let Some((actor, key, _)) = key {
                let kept = Answer::new(actix_web::http::StatusCode::OK, None, None, &answer)?;
                key.store(conn, actor.user_id, &kept).await?;
            }
            Ok(Outcome::Applied { answer, ack, receipt: waiting.receipt.clone(), replayed: false })
        })
        .await;
    match applied {
        Ok(outcome) => Ok(outcome),
        Err(Refusal::Park(reason)) => stored::park_stored(conn, waiting.id, Parked::refused(header, &reason)).await,
        Err(Refusal::Error(error)) => Err(error),
    }
}

/// Applies what a message says of each of its patients, in the caller's transaction; gives the answer in both forms.
///
/// # Errors
/// When any of it cannot be applied, or PostgreSQL refuses: the transaction is to be rolled back.
pub async fn now(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    contents: &[Content],
) -> Result<(ImportAnswer, String), Refusal> {
    let (mut all, mut warnings) = (Vec::with_capacity(contents.len()), Vec::new());
    if let [content] = contents {
        all.push(one(conn, work, content, &mut warnings).await?);
    } else {
        turns_of_all(conn, work, contents).await?;
        for (number, content) in (1..).zip(contents) {
            let mut own = Vec::new();
            all.push(one(conn, work, content, &mut own).await.map_err(|refusal| of_patient(refusal, number))?);
            warnings.extend(own.into_iter().map(|warning| format!("patient {number}: {warning}")));
        }
    }
    let [first, ..] = all.as_slice() else {
        return Err(Problem::internal("a message that speaks of nobody").into());
    };
    let (code, ack) = message::accept(work.header);
    let answer = ImportAnswer {
        message_control_id: work.header.control_id.clone(),
        message_type: work.header.message_type(),
        acknowledgment: code.to_string(),
        patient: first.patient,
        patients: if all.len() > 1 { all.iter().map(|changed| changed.patient).collect() } else { Vec::new() },
        created: first.created,
        warnings,
    };
    audit::write(conn, work.bringer.trail(), all.into_iter().flat_map(|changed| changed.touched)).await?;
    Ok((answer, ack))
}

/// Applies what a message says of one patient.
async fn one(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    content: &Content,
    warnings: &mut Vec<String>,
) -> Result<Changed, Refusal> {
    warnings.extend(content.warnings().iter().map(|w| format!("{}: {}", w.location, w.message)));
    let changed = change(conn, work, content, warnings).await?;
    entries::keep(conn, work, changed.patient, content, warnings).await?;
    Ok(changed)
}

fn of_patient(refusal: Refusal, number: usize) -> Refusal {
    match refusal {
        Refusal::Park(reason) => Refusal::Park(format!("patient {number}: {reason}").into()),
        error @ Refusal::Error(_) => error,
    }
}

/// Waits for the turns of all patients of a message at once, so that two messages about the same patients never wait for each
/// other.
async fn turns_of_all(conn: &mut AsyncPgConnection, work: &Work<'_>, contents: &[Content]) -> QueryResult<()> {
    let facility = &work.header.sending_facility;
    let numbers = |content: &Content| {
        let mut known = facts::identifiers(content.patient(), facility, &mut Vec::new());
        if let Content::Adt(adt) = content {
            known.extend(facts::known_by(&adt.merged_identifiers, facility, "MRG-1", &mut Vec::new()));
        }
        known
    };
    let known: Vec<Known> = contents.iter().flat_map(numbers).collect();
    let abha_numbers: Vec<String> = contents.iter().filter_map(|content| content.patient().abha_number()).collect();
    take_turns(conn, &known, abha_numbers.iter().map(String::as_str)).await
}

async fn change(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    content: &Content,
    warnings: &mut Vec<String>,
) -> Result<Changed, Refusal> {
    match content {
        Content::Adt(adt) if adt.event == AdtEvent::A40 => {
            joined::merge(conn, work, &adt.patient, &adt.merged_identifiers, warnings).await
        }
        Content::Adt(adt) => update(conn, work, &adt.patient, warnings).await,
        Content::Results(_) | Content::Vaccination(_) => whose(conn, work, content.patient(), warnings).await,
        Content::Schedule(said) => {
            let changed = whose(conn, work, &said.patient, warnings).await?;
            schedule::tell(conn, work, changed.patient, said).await?;
            Ok(changed)
        }
    }
}

/// Finds or makes the patient and brings the record up to date.
pub async fn update(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    said: &PatientFacts,
    warnings: &mut Vec<String>,
) -> Result<Changed, Refusal> {
    let known_by = facts::identifiers(said, &work.header.sending_facility, warnings);
    let patient = found(conn, &known_by, said).await?;
    let known = patient.as_ref().map(|patient| &patient.facts);
    let mut after = facts::after(known, said, work.desk.today(), warnings).map_err(Refusal::park)?;
    if let Some(patient) = &patient
        && patient.facts != after
        && order::is_overtaken(conn, work, patient.id).await?
    {
        warnings.push(OVERTAKEN.to_owned());
        after = patient.facts.clone();
    }
    let changed = write(conn, work, patient, &after).await?;
    know_by(conn, changed.patient, &known_by).await?;
    Ok(changed)
}

/// The patient whom a result, an appointment or a vaccination is about. Who is not known yet is registered; of who is, a
/// message from beyond the desk changes no demographics: it says whom it means, not who they are.
async fn whose(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    said: &PatientFacts,
    warnings: &mut Vec<String>,
) -> Result<Changed, Refusal> {
    let known_by = facts::identifiers(said, &work.header.sending_facility, warnings);
    match found(conn, &known_by, said).await? {
        Some(patient) => {
            facts::compare(&patient.facts, said, warnings);
            Ok(Changed::one(patient.id, false))
        }
        None => {
            let after = facts::after(None, said, work.desk.today(), warnings).map_err(Refusal::park)?;
            let changed = write(conn, work, None, &after).await?;
            know_by(conn, changed.patient, &known_by).await?;
            Ok(changed)
        }
    }
}

/// The patient known by these numbers, locked for the rest of the transaction.
async fn found(
    conn: &mut AsyncPgConnection,
    known_by: &[Known],
    said: &PatientFacts,
) -> Result<Option<Patient>, Refusal> {
    let abha_number = said.abha_number();
    take_turns(conn, known_by, abha_number.as_deref()).await?;
    match matches(conn, known_by, abha_number.as_deref()).await?.as_slice() {
        [] if known_by.is_empty() && abha_number.is_none() => {
            Err(Refusal::park("PID-3: there is no number by which the patient could be known again"))
        }
        [] => Ok(None),
        [id] => Ok(Some(lock(conn, *id).await?)),
        _ => Err(Refusal::park("PID-3: the numbers belong to more than one patient")),
    }
}

/// Locks a patient for the rest of the transaction.
pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<Patient> {
    let id = survivor::lock(conn, id).await?;
    Patient::find(conn, &Scope::of_the_service(), id).await
}

async fn write(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    patient: Option<Patient>,
    after: &Facts,
) -> Result<Changed, Error> {
    let (actor, outbox) = (work.bringer.actor(), &work.desk.outbox);
    match patient {
        None => {
            let patient = Patient::insert(conn, after).await?;
            events::registered(conn, outbox, actor, &patient).await?;
            Ok(Changed::one(patient.id, true))
        }
        Some(patient) if patient.facts == *after => Ok(Changed::one(patient.id, false)),
        Some(patient) => {
            let patient = patient.write(conn, after).await?;
            events::updated(conn, outbox, actor, &patient).await?;
            Ok(Changed::one(patient.id, false))
        }
    }
}

/// Waits until no other transaction works on a patient known by one of these numbers, who may not be there yet to be locked.
pub async fn take_turns<'a>(
    conn: &mut AsyncPgConnection,
    known_by: &[Known],
    abha_numbers: impl IntoIterator<Item = &'a str>,
) -> QueryResult<()> {
    let of_sender = known_by.iter().map(|known| format!("patient|{}|{}", known.authority, known.value));
    let mut things: Vec<String> =
        of_sender.chain(abha_numbers.into_iter().map(|number| format!("abha|{number}"))).collect();
    // In one order for all, so that nobody waits in a circle.
    things.sort_unstable();
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended(thing, 0)) FROM unnest($1) AS thing")
        .bind::<Array<Text>, _>(things)
        .prepared()
        .execute(conn)
        .await
        .map(drop)
}

/// Each number is looked up by itself, in the order of the index: `OFFSET 0` keeps the planner from reading the whole table once, and
/// `SELECT` from planning for how many there are.
const KNOWN_BY: &str = "SELECT theirs.patient FROM unnest((SELECT $1), (SELECT $2)) AS known (authority, value) CROSS JOIN LATERAL \
    (SELECT patient FROM patient_identifiers WHERE authority = known.authority AND value = known.value OFFSET 0) AS theirs";

#[derive(QueryableByName)]
struct KnownPatient {
    #[diesel(sql_type = BigInt)]
    patient: i64,
}

/// Ids of the patients who are known by any of these numbers.
pub async fn matches(
    conn: &mut AsyncPgConnection,
    known_by: &[Known],
    abha_number: Option<&str>,
) -> QueryResult<Vec<i64>> {
    let (authorities, values): (Vec<&str>, Vec<&str>) =
        known_by.iter().map(|known| (known.authority.as_str(), known.value.as_str())).unzip();
    let mut ids: Vec<i64> = diesel::sql_query(KNOWN_BY)
        .bind::<Array<Text>, _>(authorities)
        .bind::<Array<Text>, _>(values)
        .prepared()
        .load::<KnownPatient>(conn)
        .await?
        .into_iter()
        .map(|known| known.patient)
        .collect();
    if let Some(number) = abha_number {
        ids.extend(
            patients::table.filter(patients::abha_number.eq(number)).select(patients::id).load::<i64>(conn).await?,
        );
    }
    survivor::of_all(conn, &ids).await
}

/// Notes the numbers by which the patient is to be known again.
pub async fn know_by(conn: &mut AsyncPgConnection, patient: i64, known_by: &[Known]) -> QueryResult<()> {
    use patient_identifiers::dsl;
    if known_by.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = known_by
        .iter()
        .map(|known| {
            (
                dsl::authority.eq(&known.authority),
                dsl::value.eq(&known.value),
                dsl::type_code.eq(&known.type_code),
                dsl::patient.eq(patient),
            )
        })
        .collect();
    let insert = diesel::insert_into(patient_identifiers::table).values(&rows).on_conflict_do_nothing();
    insert.prepared_for(rows.len()).execute(conn).await.map(drop)
}
