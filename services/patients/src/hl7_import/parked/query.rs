//! Rows of parked messages.

use chassis::page::{Count, PageRequest, Position};
use chassis::prepared::Prepare as _;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use hl7::Header;
use serde::Serialize;
use utoipa::ToSchema;

use super::input::Filters;
use crate::error::Error;
use crate::patient::instant;
use crate::schema::hl7_messages;

/// How far rows are counted exactly.
const EXACT: i64 = 10_000;

/// A row of a message that is, or was, parked; without what it says.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = hl7_messages, check_for_backend(diesel::pg::Pg))]
pub struct Parked {
    pub id: i64,
    pub version: i64,
    pub received_at: DateTime<Utc>,
    pub received_via: String,
    pub received_by: Option<i64>,
    pub sending_application: String,
    pub sending_facility: String,
    pub control_id: String,
    pub event: String,
    pub acknowledgment: Option<String>,
    pub reason: Option<String>,
    pub patient: Option<i64>,
    pub resolution: Option<String>,
    pub resolution_reason: Option<String>,
    pub resolved_by: Option<i64>,
    pub resolved_at: Option<DateTime<Utc>>,
}

/// What it says.
#[derive(Queryable, Selectable)]
#[diesel(table_name = hl7_messages, check_for_backend(diesel::pg::Pg))]
pub struct Text {
    /// As it came, but for Aadhaar numbers.
    #[diesel(column_name = raw)]
    pub sent: Vec<u8>,
    /// As it was mended.
    pub corrected: Option<Vec<u8>>,
}

/// A message that waits for a person, or did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParkedView {
    /// Its id.
    pub id: i64,
    /// When it came.
    pub received_at: String,
    /// `HTTP` or `MLLP`.
    pub received_via: String,
    /// The user who brought it; null over MLLP.
    pub received_by: Option<i64>,
    /// MSH-3, as far as it could be read.
    pub sending_application: String,
    /// MSH-4.
    pub sending_facility: String,
    /// MSH-10.
    pub message_control_id: String,
    /// `ADT^A01`.
    pub message_type: String,
    /// What its sender heard: `AE`, `AR`, or their counterparts on receipt.
    pub acknowledgment: Option<String>,
    /// Why it waits.
    pub reason: Option<String>,
    /// `REPLAYED` or `DISCARDED`; null while it waits.
    pub resolution: Option<String>,
    /// Why it was discarded.
    pub resolution_reason: Option<String>,
    /// The user who did.
    pub resolved_by: Option<i64>,
    /// When.
    pub resolved_at: Option<String>,
    /// The patient whose record it changed, once it was replayed.
    pub patient: Option<i64>,
}

/// The same with what the message says.
#[derive(Clone, Serialize, ToSchema)]
pub struct ParkedMessage {
    #[serde(flatten)]
    parked: ParkedView,
    /// The message as it came, as text; what may be an Aadhaar number is crossed out.
    message: String,
    /// The text with which it was replayed, where that was another one.
    corrected: Option<String>,
}

impl ParkedMessage {
    /// A row and its text as callers see them.
    pub fn of(parked: Parked, text: &Text) -> Self {
        Self {
            parked: parked.into(),
            message: hl7::decode_lossy(&text.sent),
            corrected: text.corrected.as_deref().map(hl7::decode_lossy),
        }
    }
}

impl From<Parked> for ParkedView {
    fn from(row: Parked) -> Self {
        Self {
            id: row.id,
            received_at: instant(row.received_at),
            received_via: row.received_via,
            received_by: row.received_by,
            sending_application: row.sending_application,
            sending_facility: row.sending_facility,
            message_control_id: row.control_id,
            message_type: if row.event == "^" { String::new() } else { row.event },
            acknowledgment: row.acknowledgment,
            reason: row.reason,
            resolution: row.resolution,
            resolution_reason: row.resolution_reason,
            resolved_by: row.resolved_by,
            resolved_at: row.resolved_at.map(instant),
            patient: row.patient,
        }
    }
}

type Query = hl7_messages::BoxedQuery<'static, diesel::pg::Pg>;

/// As the index `hl7_messages_parked` has it, in so many words: by a status that it does not know beforehand PostgreSQL would look
/// through every message that ever came.
const PENDING: &str = "hl7_messages.status = 'PARKED' AND hl7_messages.resolution IS NULL";

fn wanted(filters: &Filters) -> Query {
    use hl7_messages::dsl;
    let query = dsl::hl7_messages.into_boxed();
    match filters.resolution {
        None => query.filter(sql::<Bool>(PENDING)),
        Some(resolution) => query.filter(dsl::resolution.eq(resolution.as_str())),
    }
}

impl Parked {
    /// A page of them, and one more, in walking order.
    pub async fn list(conn: &mut AsyncPgConnection, request: &PageRequest<Filters>) -> QueryResult<Vec<Self>> {
        use hl7_messages::dsl;
        let query = wanted(&request.filters).limit(request.size + 1);
        let query = match &request.position {
            Position::First => query.order(dsl::id.desc()),
            Position::Offset(rows) => query.order(dsl::id.desc()).offset(*rows),
            Position::After(at) => query.order(dsl::id.desc()).filter(dsl::id.lt(at.as_i64().unwrap_or_default())),
            Position::Before(at) => query.order(dsl::id.asc()).filter(dsl::id.gt(at.as_i64().unwrap_or_default())),
        };
        query.select(Self::as_select()).prepared().load(conn).await
    }

    /// How many there are.
    pub async fn count(conn: &mut AsyncPgConnection, filters: &Filters) -> QueryResult<Count> {
        let some = wanted(filters).limit(EXACT + 1).select(sql::<BigInt>("1::bigint"));
        let found = some.prepared().load::<i64>(conn).await?;
        let rows = i64::try_from(found.len()).unwrap_or(EXACT);
        Ok(Count { rows: rows.min(EXACT), estimated: rows > EXACT })
    }

    /// One that is or was parked.
    pub async fn find(conn: &mut AsyncPgConnection, id: i64) -> Result<(Self, Text), Error> {
        use hl7_messages::dsl;
        dsl::hl7_messages
            .filter(dsl::id.eq(id))
            .filter(dsl::status.eq("PARKED").or(dsl::resolution.is_not_null()))
            .select((Self::as_select(), Text::as_select()))
            .first(conn)
            .await
            .optional()?
            .ok_or(Error::NoSuchMessage)
    }

    /// One that waits, locked for the rest of the transaction.
    pub async fn lock(conn: &mut AsyncPgConnection, id: i64) -> Result<(Self, Text), Error> {
        hl7_messages::table.find(id).select(hl7_messages::id).for_update().first::<i64>(conn).await.optional()?;
        let (parked, text) = Self::find(conn, id).await?;
        if parked.resolution.is_some() { Err(Error::MessageResolved) } else { Ok((parked, text)) }
    }

    /// Says that it is not to be applied.
    pub async fn discard(&self, conn: &mut AsyncPgConnection, by: i64, why: &str) -> QueryResult<Self> {
        use hl7_messages::dsl;
        diesel::update(dsl::hl7_messages.find(self.id))
            .set((
                dsl::resolution.eq("DISCARDED"),
                dsl::resolution_reason.eq(why),
                dsl::resolved_by.eq(by),
                dsl::resolved_at.eq(Utc::now()),
                dsl::version.eq(dsl::version + 1),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
    }

    /// Takes it up again, under the header that it has now, with the text that is applied if it is another one.
    ///
    /// # Errors
    /// A unique violation of `hl7_messages_once` when another message has its control id.
    pub async fn take_up(
        &self,
        conn: &mut AsyncPgConnection,
        by: i64,
        header: &Header,
        corrected: Option<&[u8]>,
    ) -> QueryResult<()> {
        use hl7_messages::dsl;
        diesel::update(dsl::hl7_messages.find(self.id))
            .set((
                dsl::status.eq("RECEIVED"),
                dsl::sending_application.eq(&header.sending_application),
                dsl::sending_facility.eq(&header.sending_facility),
                dsl::control_id.eq(&header.control_id),
                dsl::event.eq(header.message_type()),
                dsl::corrected.eq(corrected),
                dsl::resolution.eq("REPLAYED"),
                dsl::resolved_by.eq(by),
                dsl::resolved_at.eq(Utc::now()),
                dsl::reason.eq(None::<String>),
            ))
            .execute(conn)
            .await
            .map(drop)
    }

    /// Notes that the messages of a batch were imported, each in a row of its own. Its sender hears the same as before.
    pub async fn taken_apart(
        &self,
        conn: &mut AsyncPgConnection,
        by: i64,
        corrected: Option<&[u8]>,
    ) -> QueryResult<()> {
        use hl7_messages::dsl;
        diesel::update(dsl::hl7_messages.find(self.id).filter(dsl::resolution.is_null()))
            .set((
                dsl::corrected.eq(corrected),
                dsl::resolution.eq("REPLAYED"),
                dsl::resolved_by.eq(by),
                dsl::resolved_at.eq(Utc::now()),
                dsl::version.eq(dsl::version + 1),
            ))
            .execute(conn)
            .await
            .map(drop)
    }

    /// Notes why it could not be applied this time either.
    pub async fn still(conn: &mut AsyncPgConnection, id: i64, reason: &str) -> QueryResult<()> {
        use hl7_messages::dsl;
        diesel::update(dsl::hl7_messages.find(id).filter(dsl::status.eq("PARKED")).filter(dsl::resolution.is_null()))
            .set((dsl::reason.eq(reason), dsl::version.eq(dsl::version + 1)))
            .execute(conn)
            .await
            .map(drop)
    }
}
