//! The outbox: events written in the transaction that made the change.

use std::sync::Arc;

use chassis::prepared::Prepare as _;
use diesel::{prelude::*, result::Error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use prost::Message;
use uuid::Uuid;

use crate::{
    schema::outbox,
    subscriptions::Subscriptions,
    v1::{Envelope, envelope::Payload},
};

/// Largest encoded event, in bytes: in base64 it fits the 256 KiB of one SQS request with room to spare.
pub const LARGEST_EVENT: usize = 128 * 1024;

/// Writes events for those who hear them.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Subscriptions>);

impl Outbox {
    /// Subscribers as in `proto-schemas/subscriptions.yaml`.
    pub fn new() -> Self {
        Self(Subscriptions::committed())
    }

    /// Subscribers of one's own, for tests.
    pub fn with(subscriptions: Arc<Subscriptions>) -> Self {
        Self(subscriptions)
    }

    /// Writes what happened to the aggregate (its kind and id), one row per subscriber, in the caller's transaction.
    ///
    /// The caller holds the aggregate's row: that is what makes the order of rows the order of changes.
    pub async fn append(
        &self,
        conn: &mut AsyncPgConnection,
        actor: Option<(i64, &str)>,
        aggregate: (&'static str, i64),
        payload: Payload,
    ) -> QueryResult<()> {
        let event_type = payload.event_type();
        let subscribers = self.0.of(event_type);
        if subscribers.is_empty() {
            return Ok(());
        }
        let traceparent = chassis::telemetry::traceparent();
        let event = Envelope::new(actor, aggregate, traceparent.clone(), payload);
        let event_id = Uuid::parse_str(&event.event_id).map_err(|fault| Error::SerializationError(fault.into()))?;
        let body = event.encode_to_vec();
        if body.len() > LARGEST_EVENT {
            return Err(Error::SerializationError(format!("{event_type} of {} bytes", body.len()).into()));
        }
        let message_group = event.message_group();
        let rows: Vec<_> = subscribers
            .iter()
            .map(|subscriber| {
                (
                    outbox::event_id.eq(event_id),
                    outbox::event_type.eq(event_type),
                    outbox::subscriber.eq(subscriber),
                    outbox::message_group.eq(&message_group),
                    outbox::body.eq(&body),
                    outbox::traceparent.eq(&traceparent),
                )
            })
            .collect();
        diesel::insert_into(outbox::table).values(&rows).prepared_for(rows.len()).execute(conn).await?;
        Ok(())
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

/// A row that waits to be sent.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = outbox, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Waiting {
    pub id: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub subscriber: String,
    pub message_group: String,
    pub body: Vec<u8>,
    pub traceparent: Option<String>,
}

/// The oldest rows, except those of subscribers and of subscribers' groups that are being left alone for a while.
pub(crate) async fn waiting(
    conn: &mut AsyncPgConnection,
    held_subscribers: &[String],
    held_groups: &[String],
    limit: i64,
) -> QueryResult<Vec<Waiting>> {
    outbox::table
        .filter(outbox::subscriber.ne_all(held_subscribers))
        .filter(outbox::subscriber.concat("/").concat(outbox::message_group).ne_all(held_groups))
        .order(outbox::id)
        .limit(limit)
        .select(Waiting::as_select())
        .load(conn)
        .await
}

/// Deletes rows that were sent.
pub(crate) async fn delete(conn: &mut AsyncPgConnection, ids: &[i64]) -> QueryResult<usize> {
    diesel::delete(outbox::table.filter(outbox::id.eq_any(ids))).execute(conn).await
}

/// How many rows wait (counted to 100,000), and for how many seconds the oldest.
pub(crate) async fn depth(conn: &mut AsyncPgConnection) -> QueryResult<(i64, f64)> {
    #[derive(QueryableByName)]
    struct Depth {
        #[diesel(sql_type = diesel::sql_types::Int8)]
        rows: i64,
        #[diesel(sql_type = diesel::sql_types::Float8)]
        seconds: f64,
    }
    let depth: Depth = diesel::sql_query(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 100000) counted) AS rows, \
         coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox ORDER BY id LIMIT 1), 0)::float8 AS seconds",
    )
    .get_result(conn)
    .await?;
    Ok((depth.rows, depth.seconds))
}
