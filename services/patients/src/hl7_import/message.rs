//! `hl7_messages`: every message as it came, and what was answered.

use auth::Actor;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use hl7::{AckCode, Header, ParseFault, ack};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Error;
use crate::fields::aadhaar;
use crate::schema::hl7_messages;

/// What the sender of an applied message hears.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportAnswer {
    /// MSH-10.
    pub message_control_id: String,
    /// `ADT^A01`.
    pub message_type: String,
    /// `AA`, or `CA` for a sender that wants no more than a receipt.
    pub acknowledgment: String,
    /// The patient's id.
    pub patient: i64,
    /// Whether the patient is new.
    pub created: bool,
    /// What was left out, and why.
    pub warnings: Vec<String>,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Applied, now or when it first came.
    Applied {
        /// The JSON form.
        answer: ImportAnswer,
        /// The ER7 form.
        ack: String,
        /// Whether this request's Idempotency-Key was answered before.
        replayed: bool,
    },
    /// Kept for a person to look at.
    Parked(Parked),
}

/// A message that a person has to look at, and what its sender hears.
#[derive(Clone, Debug)]
pub struct Parked {
    /// `AE` or `AR`, or their counterparts on receipt.
    pub acknowledgment: String,
    /// Why, in words without patient data.
    pub reason: String,
    /// The ER7 form of the acknowledgment.
    pub ack: String,
    /// Whether it is another message's control id that is wrong with it.
    pub is_conflict: bool,
}

/// A message as it came.
pub struct Incoming<'a> {
    /// The bytes.
    pub raw: &'a [u8],
    /// SHA-256 of them.
    pub digest: [u8; 32],
    /// Its header, or as much of it as could be made out.
    pub header: Header,
    /// Who brought it.
    pub actor: &'a Actor,
}

/// Where a message stands once it is stored.
pub enum Stored {
    /// Stored, not yet applied: the row's id.
    Waiting(i64),
    /// It was answered before.
    Answered(Outcome),
    /// Another message has its control id.
    ControlIdTaken,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = hl7_messages, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: i64,
    digest: Vec<u8>,
    status: String,
    reason: Option<String>,
    acknowledgment: Option<String>,
    ack: Option<String>,
    answer: Option<serde_json::Value>,
}

const CONTROL_ID_TAKEN: &str = "another message was received with this control id (MSH-10)";

impl Row {
    fn outcome(self) -> Result<Option<Outcome>, Error> {
        let missing = || chassis::problem::Problem::internal("an answered message without its answer");
        let ack = self.ack.ok_or_else(missing);
        match self.status.as_str() {
            "APPLIED" => {
                let answer = serde_json::from_value(self.answer.ok_or_else(missing)?)
                    .map_err(chassis::problem::Problem::internal)?;
                Ok(Some(Outcome::Applied { answer, ack: ack?, replayed: false }))
            }
            "PARKED" => {
                let reason = self.reason.unwrap_or_default();
                let acknowledgment = self.acknowledgment.ok_or_else(missing)?;
                let is_conflict = reason == CONTROL_ID_TAKEN;
                Ok(Some(Outcome::Parked(Parked { acknowledgment, reason, ack: ack?, is_conflict })))
            }
            _ => Ok(None),
        }
    }
}

/// Waits until no other transaction works on the same thing.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn take_turns(conn: &mut AsyncPgConnection, thing: &str) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(thing)
        .execute(conn)
        .await
        .map(drop)
}

/// Stores a message before anything is done with it, in a transaction of its own.
///
/// # Errors
/// When PostgreSQL refuses; the sender then gets no acknowledgment and sends again.
pub async fn store(conn: &mut AsyncPgConnection, message: &Incoming<'_>) -> Result<Stored, Error> {
    use hl7_messages::dsl;
    let Header { sending_application, sending_facility, control_id, .. } = &message.header;
    conn.transaction(async |conn: &mut AsyncPgConnection| {
        let event = message.header.message_type();
        take_turns(conn, &format!("hl7|{sending_application}|{sending_facility}|{control_id}|{event}")).await?;
        if let Some(outcome) = answered_parked(conn, &message.digest).await? {
            return Ok(Stored::Answered(outcome));
        }
        let known: Option<Row> = hl7_messages::table
            .filter(dsl::status.ne("PARKED"))
            .filter(dsl::sending_application.eq(sending_application))
            .filter(dsl::sending_facility.eq(sending_facility))
            .filter(dsl::control_id.eq(control_id))
            .filter(dsl::event.eq(event))
            .select(Row::as_select())
            .first(conn)
            .await
            .optional()?;
        match known {
            Some(row) if row.digest != message.digest => Ok(Stored::ControlIdTaken),
            Some(row) => {
                let id = row.id;
                Ok(row.outcome()?.map_or(Stored::Waiting(id), Stored::Answered))
            }
            None => {
                let insert =
                    diesel::insert_into(hl7_messages::table).values(NewRow::of(message, None)).returning(dsl::id);
                Ok(Stored::Waiting(insert.get_result(conn).await?))
            }
        }
    })
    .await
}

/// A row to insert.
#[derive(Insertable)]
#[diesel(table_name = hl7_messages)]
struct NewRow<'a> {
    sending_application: &'a str,
    sending_facility: &'a str,
    control_id: &'a str,
    event: String,
    digest: &'a [u8],
    raw: Vec<u8>,
    received_by: i64,
    status: &'static str,
    reason: Option<&'a str>,
    acknowledgment: Option<&'a str>,
    ack: Option<&'a str>,
}

impl<'a> NewRow<'a> {
    /// What may be an Aadhaar number is crossed out: the law lets nobody here keep it whole.
    fn of(message: &'a Incoming<'_>, parked: Option<&'a Parked>) -> Self {
        let header = &message.header;
        Self {
            sending_application: &header.sending_application,
            sending_facility: &header.sending_facility,
            control_id: &header.control_id,
            event: header.message_type(),
            digest: &message.digest,
            raw: aadhaar::crossed_out(message.raw),
            received_by: message.actor.user_id,
            status: if parked.is_some() { "PARKED" } else { "RECEIVED" },
            reason: parked.map(|parked| parked.reason.as_str()),
            acknowledgment: parked.map(|parked| parked.acknowledgment.as_str()),
            ack: parked.map(|parked| parked.ack.as_str()),
        }
    }
}

async fn answered_parked(conn: &mut AsyncPgConnection, digest: &[u8; 32]) -> Result<Option<Outcome>, Error> {
    let parked: Option<Row> = hl7_messages::table
        .filter(hl7_messages::status.eq("PARKED"))
        .filter(hl7_messages::digest.eq(digest.as_slice()))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    parked.map_or(Ok(None), Row::outcome)
}

/// Locks a stored message for the rest of the transaction; `Some` is what was answered in the meantime.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> Result<Option<Outcome>, Error> {
    let row: Row = hl7_messages::table.find(id).select(Row::as_select()).for_update().first(conn).await?;
    row.outcome()
}

/// Notes that a message was applied, in the transaction that applied it.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn applied(conn: &mut AsyncPgConnection, id: i64, answer: &ImportAnswer, ack: &str) -> Result<(), Error> {
    use hl7_messages::dsl;
    let json = serde_json::to_value(answer).map_err(chassis::problem::Problem::internal)?;
    diesel::update(hl7_messages::table.find(id))
        .set((
            dsl::status.eq("APPLIED"),
            dsl::acknowledgment.eq(&answer.acknowledgment),
            dsl::ack.eq(ack),
            dsl::answer.eq(json),
            dsl::patient.eq(answer.patient),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Parks a message that cannot be read, or whose control id is another's. The same bytes again find the same row.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn park_new(conn: &mut AsyncPgConnection, message: &Incoming<'_>, parked: Parked) -> Result<Outcome, Error> {
    let inserted = diesel::insert_into(hl7_messages::table)
        .values(NewRow::of(message, Some(&parked)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    if inserted == 1 {
        return Ok(Outcome::Parked(parked));
    }
    Ok(answered_parked(conn, &message.digest).await?.unwrap_or(Outcome::Parked(parked)))
}

/// Parks a stored message that was read and cannot be applied.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn park_stored(conn: &mut AsyncPgConnection, id: i64, parked: Parked) -> Result<Outcome, Error> {
    use hl7_messages::dsl;
    diesel::update(hl7_messages::table.find(id).filter(dsl::status.eq("RECEIVED")))
        .set((
            dsl::status.eq("PARKED"),
            dsl::reason.eq(&parked.reason),
            dsl::acknowledgment.eq(&parked.acknowledgment),
            dsl::ack.eq(&parked.ack),
        ))
        .execute(conn)
        .await?;
    Ok(Outcome::Parked(parked))
}

impl Parked {
    /// For a message that cannot be read.
    pub fn unreadable(header: &Header, fault: &ParseFault) -> Self {
        let ack = ack::refuse(header, fault, &new_control_id(), now());
        Self { acknowledgment: fault.acknowledgment().to_string(), reason: fault.to_string(), ack, is_conflict: false }
    }

    /// For a message that was read and cannot be applied.
    pub fn refused(header: &Header, reason: &str) -> Self {
        let code = spoken(header, AckCode::AE);
        let ack = ack::acknowledge(header, code, &new_control_id(), now(), Some(reason));
        Self { acknowledgment: code.to_string(), reason: reason.to_owned(), ack, is_conflict: false }
    }

    /// For a message with the control id of another.
    pub fn control_id_taken(header: &Header) -> Self {
        Self { is_conflict: true, ..Self::refused(header, CONTROL_ID_TAKEN) }
    }
}

/// The positive acknowledgment: its code, and its ER7 form.
pub fn accept(header: &Header) -> (AckCode, String) {
    let code = spoken(header, AckCode::AA);
    (code, ack::acknowledge(header, code, &new_control_id(), now(), None))
}

/// In enhanced mode a sender that wants no application acknowledgment hears the receipt's codes.
fn spoken(header: &Header, code: AckCode) -> AckCode {
    let receipt_only = header.is_enhanced() && matches!(header.application_acknowledgment.as_str(), "" | "NE");
    if receipt_only { code.on_receipt() } else { code }
}

/// At most 20 characters, as MSH-10 had them before version 2.7.
fn new_control_id() -> String {
    Uuid::now_v7().simple().to_string().chars().skip(12).collect()
}

fn now() -> DateTime<Utc> {
    Utc::now()
}
