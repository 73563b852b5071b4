//! `hl7_messages`: every message as it came, and what was answered.

use chassis::prepared::Prepare as _;
use chassis::problem::Problem;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use hl7::{AckCode, Header};

use super::message::{self, Bringer, CONTROL_ID_TAKEN, ImportAnswer, Outcome, Parked};
use crate::error::Error;
use crate::schema::hl7_messages;

/// A message that came.
pub struct Incoming<'a> {
    /// Its text as it may be kept.
    pub text: &'a [u8],
    /// SHA-256 of the bytes that came.
    pub digest: [u8; 32],
    /// Its header, or as much of it as could be made out.
    pub header: &'a Header,
    /// Who brought it.
    pub bringer: Bringer<'a>,
}

/// Where a message stands once it is stored.
pub enum Stored {
    /// Stored, not yet applied: the row's id, and what the sender hears on receipt, if it wants to.
    Waiting(i64, Option<String>),
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
    receipt: Option<String>,
    answer: Option<serde_json::Value>,
}

impl Row {
    /// What was answered; nothing while it waits.
    fn outcome(self) -> Result<Option<Outcome>, Error> {
        let missing = || Error::from(Problem::internal("a stored message lacks its answer"));
        let (ack, receipt) = (self.ack.ok_or_else(missing), self.receipt);
        match self.status.as_str() {
            "APPLIED" => {
                let answer = serde_json::from_value(self.answer.ok_or_else(missing)?).map_err(Problem::internal)?;
                Ok(Some(Outcome::Applied { answer, ack: ack?, receipt, replayed: false }))
            }
            "PARKED" => {
                let reason = self.reason.unwrap_or_default();
                let acknowledgment = self.acknowledgment.ok_or_else(missing)?;
                let is_conflict = reason == CONTROL_ID_TAKEN;
                Ok(Some(Outcome::Parked(Parked { acknowledgment, reason, ack: ack?, receipt, is_conflict })))
            }
            _ => Ok(None),
        }
    }
}

/// A row to insert.
#[derive(Insertable)]
#[diesel(table_name = hl7_messages, treat_none_as_default_value = false)]
struct NewRow<'a> {
    sending_application: &'a str,
    sending_facility: &'a str,
    control_id: &'a str,
    event: String,
    digest: &'a [u8],
    raw: &'a [u8],
    received_by: Option<i64>,
    received_via: &'static str,
    peer: Option<String>,
    status: &'static str,
    reason: Option<&'a str>,
    acknowledgment: Option<&'a str>,
    ack: Option<&'a str>,
    receipt: Option<&'a str>,
}

impl<'a> NewRow<'a> {
    fn of(message: &'a Incoming<'_>, receipt: Option<&'a str>, parked: Option<&'a Parked>) -> Self {
        let (header, bringer) = (message.header, message.bringer);
        Self {
            sending_application: &header.sending_application,
            sending_facility: &header.sending_facility,
            control_id: &header.control_id,
            event: header.message_type(),
            digest: &message.digest,
            raw: message.text,
            received_by: bringer.actor().map(|actor| actor.user_id),
            received_via: bringer.via(),
            peer: bringer.address().map(|address| address.to_string()),
            status: if parked.is_some() { "PARKED" } else { "RECEIVED" },
            reason: parked.map(|parked| parked.reason.as_str()),
            acknowledgment: parked.map(|parked| parked.acknowledgment.as_str()),
            ack: parked.map(|parked| parked.ack.as_str()),
            receipt,
        }
    }
}

/// As the index `hl7_messages_once` has it, in so many words.
const ONCE: &str = "hl7_messages.status <> 'PARKED'";

/// Stores a message before anything is done with it; durable when it returns.
///
/// # Errors
/// When PostgreSQL refuses; the sender then gets no acknowledgment and sends again.
pub async fn store(conn: &mut AsyncPgConnection, message: &Incoming<'_>) -> Result<Stored, Error> {
    use hl7_messages::dsl;
    let Header { sending_application, sending_facility, control_id, .. } = message.header;
    // Twice: what has the control id while it is inserted may be parked, and leave it free, before it is read.
    for _ in 0..2 {
        if let Some(outcome) = answered(conn, &message.digest).await? {
            return Ok(Stored::Answered(outcome));
        }
        let receipt = message::receipt(message.header, AckCode::AA, None);
        let inserted: Option<i64> = diesel::insert_into(hl7_messages::table)
            .values(NewRow::of(message, receipt.as_deref(), None))
            .on_conflict_do_nothing()
            .returning(dsl::id)
            .prepared()
            .get_result(conn)
            .await
            .optional()?;
        if let Some(id) = inserted {
            return Ok(Stored::Waiting(id, receipt));
        }
        let known: Option<Row> = hl7_messages::table
            .filter(sql::<Bool>(ONCE))
            .filter(dsl::sending_application.eq(sending_application))
            .filter(dsl::sending_facility.eq(sending_facility))
            .filter(dsl::control_id.eq(control_id))
            .filter(dsl::event.eq(message.header.message_type()))
            .select(Row::as_select())
            .limit(1)
            .prepared()
            .get_result(conn)
            .await
            .optional()?;
        match known {
            Some(row) if row.digest != message.digest && !is_again(conn, row.id, message.text).await? => {
                return Ok(Stored::ControlIdTaken);
            }
            Some(row) => {
                let (id, receipt) = (row.id, row.receipt.clone());
                return Ok(row.outcome()?.map_or(Stored::Waiting(id, receipt), Stored::Answered));
            }
            None => {}
        }
    }
    Err(Problem::internal("a message that is neither new nor known").into())
}

/// Whether a text is that of a stored message, which was sent again with other line ends or at another time.
async fn is_again(conn: &mut AsyncPgConnection, id: i64, text: &[u8]) -> QueryResult<bool> {
    let kept: Vec<u8> = hl7_messages::table.find(id).select(hl7_messages::raw).first(conn).await?;
    let both = hl7::parse(&kept).and_then(|kept| Ok((kept, hl7::parse(text)?)));
    Ok(both.is_ok_and(|(kept, new)| kept.says_the_same(&new)))
}

/// As the two indexes over `digest` have it, in so many words: values that are bound are not known yet when the planner looks for
/// an index, and without one it reads every message that ever came.
const PARKED_ONCE: &str = "(hl7_messages.status = 'PARKED' OR hl7_messages.resolution = 'REPLAYED')";

/// What the same bytes were answered, where they were parked: that, or what they were applied as after that.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn answered(conn: &mut AsyncPgConnection, digest: &[u8; 32]) -> Result<Option<Outcome>, Error> {
    use hl7_messages::dsl;
    let row: Option<Row> = dsl::hl7_messages
        .filter(dsl::digest.eq(digest.as_slice()))
        .filter(sql::<Bool>(PARKED_ONCE))
        .select(Row::as_select())
        .limit(1)
        .prepared()
        .get_result(conn)
        .await
        .optional()?;
    row.map_or(Ok(None), Row::outcome)
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
    let json = serde_json::to_value(answer).map_err(Problem::internal)?;
    diesel::update(hl7_messages::table.find(id))
        .set((
            dsl::status.eq("APPLIED"),
            dsl::acknowledgment.eq(&answer.acknowledgment),
            dsl::ack.eq(ack),
            dsl::answer.eq(json),
            dsl::patient.eq(answer.patient),
            dsl::version.eq(dsl::version + 1),
        ))
        .prepared()
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
        .values(NewRow::of(message, parked.receipt.as_deref(), Some(&parked)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    if inserted == 1 {
        return Ok(Outcome::Parked(parked));
    }
    Ok(answered(conn, &message.digest).await?.unwrap_or(Outcome::Parked(parked)))
}

/// Parks a stored message that was read and cannot be applied. What its sender heard on receipt stays as it is.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn park_stored(conn: &mut AsyncPgConnection, id: i64, parked: Parked) -> Result<Outcome, Error> {
    use hl7_messages::dsl;
    let receipt: Option<Option<String>> =
        diesel::update(hl7_messages::table.find(id).filter(dsl::status.eq("RECEIVED")))
            .set((
                dsl::status.eq("PARKED"),
                dsl::reason.eq(&parked.reason),
                dsl::acknowledgment.eq(&parked.acknowledgment),
                dsl::ack.eq(&parked.ack),
            ))
            .returning(dsl::receipt)
            .get_result(conn)
            .await
            .optional()?;
    Ok(Outcome::Parked(Parked { receipt: receipt.flatten(), ..parked }))
}

/// Notes that applying a stored message failed for no fault of its own.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn failed(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<()> {
    use hl7_messages::dsl;
    diesel::update(hl7_messages::table.find(id).filter(dsl::status.eq("RECEIVED")))
        .set(dsl::attempts.eq(dsl::attempts + 1))
        .execute(conn)
        .await
        .map(drop)
}
