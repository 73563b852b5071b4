//! Messages that were stored and not applied: the database went away in between, or the process did. The worker applies them.

use std::time::Duration;

use chassis::trail::{Facts, Trail};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio_util::sync::CancellationToken;

use super::message::{Bringer, Outcome, Parked};
use super::receive::{self, Desk, Read, Waiting};
use super::stored;
use crate::error::Error;

/// How often the worker looks for them.
const PAUSE: Duration = Duration::from_secs(5);
/// How many it takes at once.
const MOST: i64 = 100;
/// Tries after which a person has to look at it.
const MOST_ATTEMPTS: i32 = 12;
const GIVEN_UP: &str = "could not be applied for a fault of ours, time and again; replay it when that is mended";

/// Applies what was left, until `stop` is cancelled.
///
/// # Errors
/// None: what fails is tried again.
pub async fn run(desk: Desk, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_some() {
        match round(&desk).await {
            Ok(0) => {}
            Ok(applied) => tracing::info!(applied, "HL7 messages that had been left were applied"),
            Err(fault) => {
                tracing::warn!(%fault, "HL7 messages that were left could not be applied; trying again later")
            }
        }
    }
    Ok(())
}

/// Applies what was left, once; gives how many.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn round(desk: &Desk) -> anyhow::Result<usize> {
    let mut conn = desk.db.get().await?;
    let left = left(&mut conn).await?;
    metrics::gauge!("hl7_messages_left").set(f64::from(u32::try_from(left.len()).unwrap_or(u32::MAX)));
    let mut done = 0;
    for left in left {
        match left.apply(&mut conn, desk).await {
            Ok(_outcome) => done += 1,
            Err(error) => {
                let problem = chassis::problem::Problem::from(error);
                tracing::warn!(message = left.id, fault = %problem, "an HL7 message could not be applied");
                stored::failed(&mut conn, left.id).await?;
            }
        }
    }
    Ok(done)
}

/// A message that waits longer than anybody still works on it.
#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bytea)]
    raw: Vec<u8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    received_by: Option<i64>,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<diesel::sql_types::Text>)]
    receipt: Option<String>,
}

/// The oldest first; each try waits twice as long as the one before.
async fn left(conn: &mut AsyncPgConnection) -> QueryResult<Vec<Left>> {
    diesel::sql_query(
        "SELECT id, coalesce(corrected, raw) AS raw, received_by, attempts, receipt FROM hl7_messages \
         WHERE status = 'RECEIVED' AND received_at < now() - interval '30 seconds' * 2 ^ least(attempts, 12) \
         ORDER BY received_at, id LIMIT $1",
    )
    .bind::<BigInt, _>(MOST)
    .load(conn)
    .await
}

impl Left {
    async fn apply(&self, conn: &mut AsyncPgConnection, desk: &Desk) -> Result<Outcome, Error> {
        let Read { header, contents } = receive::read(&self.raw).await;
        let contents = match contents {
            Ok(contents) if self.attempts < MOST_ATTEMPTS => contents,
            Ok(_) => return stored::park_stored(conn, self.id, Parked::refused(&header, GIVEN_UP)).await,
            Err(fault) => return stored::park_stored(conn, self.id, Parked::unreadable(&header, &fault)).await,
        };
        let (author, receipt) = (self.received_by, self.receipt.clone());
        let waiting = Waiting { id: self.id, header, contents, author, receipt };
        let (operation, object) = ("HL7 worker".to_owned(), format!("HL7 message {}", self.id));
        let trail = Trail::of_facts(Facts { operation, object, ..Facts::default() });
        trail.asks_for(auth::Action::Hl7Import.as_str(), true);
        super::apply::apply(conn, desk, Bringer::System(&trail), None, &waiting).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_has_most_of_a_day_to_be_mended_in() {
        let last = 30_i64 << (MOST_ATTEMPTS - 1);
        assert!(last > 16 * 60 * 60, "{last} seconds");
    }
}
