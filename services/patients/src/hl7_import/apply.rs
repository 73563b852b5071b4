//! A message that was read becomes a change of one patient, once.

use auth::Actor;
use chassis::idempotency::{Answer, IdempotencyKey};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use hl7::Header;
use hl7::adt::AdtMessage;

use super::facts::{self, Known};
use super::message::{self, ImportAnswer, Incoming, Outcome, Parked};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::events;
use crate::merge::survivor;
use crate::patient::{Facts, Patient};
use crate::schema::{patient_identifiers, patients};

/// Why a message that was read is not applied.
enum Refusal {
    /// A person has to look at it; the words are for the sender.
    Park(&'static str),
    /// Not the message's fault.
    Error(Error),
}

impl<E> From<E> for Refusal
where
    Error: From<E>,
{
    fn from(fault: E) -> Self {
        match Error::from(fault) {
            Error::AbhaTaken => Self::Park("PID-3: the ABHA number is in use for another patient"),
            error => Self::Error(error),
        }
    }
}

/// Applies a stored message, or parks it.
///
/// # Errors
/// When PostgreSQL refuses, or the Idempotency-Key was used for another request; the message then waits to be sent again.
pub async fn apply(
    conn: &mut AsyncPgConnection,
    app: &App,
    key: &IdempotencyKey,
    stored: i64,
    incoming: &Incoming<'_>,
    message: &AdtMessage,
) -> Result<Outcome, Error> {
    let (actor, header) = (incoming.actor, &incoming.header);
    let applied = conn
        .transaction(async |conn: &mut AsyncPgConnection| {
            let replayed = key.claim(conn, actor.user_id, &incoming.digest).await?.is_some();
            if let Some(outcome) = message::lock(conn, stored).await? {
                actor.trail.shows(outcome.patient());
                return Ok(outcome.replayed(replayed));
            }
            let mut warnings: Vec<String> =
                message.warnings.iter().map(|w| format!("{}: {}", w.location, w.message)).collect();
            let (patient, created) = change(conn, app, actor, header, message, &mut warnings).await?;
            let (code, ack) = message::accept(header);
            let answer = ImportAnswer {
                message_control_id: header.control_id.clone(),
                message_type: header.message_type(),
                acknowledgment: code.to_string(),
                patient,
                created,
                warnings,
            };
            audit::write(conn, &actor.trail, [patient]).await?;
            message::applied(conn, stored, &answer, &ack).await?;
            let kept = Answer::new(actix_web::http::StatusCode::OK, None, None, &answer)?;
            key.store(conn, actor.user_id, &kept).await?;
            Ok(Outcome::Applied { answer, ack, replayed: false })
        })
        .await;
    match applied {
        Ok(outcome) => Ok(outcome),
        Err(Refusal::Park(reason)) => message::park_stored(conn, stored, Parked::refused(header, reason)).await,
        Err(Refusal::Error(error)) => Err(error),
    }
}

/// Finds or makes the patient and brings it up to date; gives its id, and whether it is new.
async fn change(
    conn: &mut AsyncPgConnection,
    app: &App,
    actor: &Actor,
    header: &Header,
    message: &AdtMessage,
    warnings: &mut Vec<String>,
) -> Result<(i64, bool), Refusal> {
    let said = &message.patient;
    let known_by = facts::identifiers(said, &header.sending_facility, warnings);
    let abha_number = said.abha_number();
    for known in &known_by {
        message::take_turns(conn, &format!("patient|{}|{}", known.authority, known.value)).await?;
    }
    if let Some(number) = &abha_number {
        message::take_turns(conn, &format!("abha|{number}")).await?;
    }
    let patient = match matches(conn, &known_by, abha_number.as_deref()).await?.as_slice() {
        [] if known_by.is_empty() && abha_number.is_none() => {
            return Err(Refusal::Park("PID-3: there is no number by which the patient could be known again"));
        }
        [] => None,
        [id] => Some(Patient::lock(conn, &Scope::of_the_service(), *id).await?),
        _ => return Err(Refusal::Park("PID-3: the numbers belong to more than one patient")),
    };
    let after = facts::after(patient.as_ref().map(|patient| &patient.facts), said, app.today(), warnings)
        .map_err(Refusal::Park)?;
    let (id, created) = write(conn, app, actor, patient, &after).await?;
    know_by(conn, id, &known_by).await?;
    Ok((id, created))
}

async fn write(
    conn: &mut AsyncPgConnection,
    app: &App,
    actor: &Actor,
    patient: Option<Patient>,
    after: &Facts,
) -> Result<(i64, bool), Error> {
    match patient {
        None => {
            let patient = Patient::insert(conn, after).await?;
            events::registered(conn, &app.outbox, Some(actor), &patient).await?;
            Ok((patient.id, true))
        }
        Some(patient) if patient.facts == *after => Ok((patient.id, false)),
        Some(patient) => {
            let patient = patient.write(conn, after).await?;
            events::updated(conn, &app.outbox, Some(actor), &patient).await?;
            Ok((patient.id, false))
        }
    }
}

/// Ids of the patients who are known by any of these numbers.
async fn matches(conn: &mut AsyncPgConnection, known_by: &[Known], abha_number: Option<&str>) -> QueryResult<Vec<i64>> {
    let values: Vec<&str> = known_by.iter().map(|known| known.value.as_str()).collect();
    let rows: Vec<(String, String, i64)> = patient_identifiers::table
        .filter(patient_identifiers::value.eq_any(values))
        .select((patient_identifiers::authority, patient_identifiers::value, patient_identifiers::patient))
        .load(conn)
        .await?;
    let is_one = |authority: &str, value: &str| {
        known_by.iter().any(|known| known.authority == authority && known.value == value)
    };
    let mut ids: Vec<i64> = rows
        .into_iter()
        .filter(|(authority, value, _)| is_one(authority, value))
        .map(|(_, _, patient)| patient)
        .collect();
    if let Some(number) = abha_number {
        ids.extend(
            patients::table.filter(patients::abha_number.eq(number)).select(patients::id).load::<i64>(conn).await?,
        );
    }
    survivor::of_all(conn, &ids).await
}

async fn know_by(conn: &mut AsyncPgConnection, patient: i64, known_by: &[Known]) -> QueryResult<()> {
    use patient_identifiers::dsl;
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
    diesel::insert_into(patient_identifiers::table).values(rows).on_conflict_do_nothing().execute(conn).await.map(drop)
}
