//! The relay: sends what waits in the outbox, in order per aggregate.
//!
//! A pass is one transaction: take the database's relay lock, read the oldest rows, send them, delete what was sent. Killed anywhere in between,
//! the rows are still there and go out again under the same de-duplication ids.

mod batch;
mod hold;
mod send;

use std::time::{Duration, Instant};

use chassis::db::Pool;
use chassis::prepared::Prepare as _;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;

use crate::{SqsQueues, outbox, pause::Pause};
use hold::Holds;

/// Rows read in one pass.
const ROWS: i64 = 500;
/// A pass begins no further batch after this long; what is left waits for the next.
const PASS_BOUND: Duration = Duration::from_secs(5);
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// Another relay of this database is at work.
const FOLLOWER_WAIT: Duration = Duration::from_secs(1);

/// Sends events until the shutdown. Several may run; one at a time sends.
///
/// # Errors
/// None today: whatever goes wrong is logged, counted and tried again.
pub async fn run(pool: Pool, queues: SqsQueues, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut relay = Relay { pool, queues, shutdown: shutdown.clone(), holds: Holds::default(), watched: None };
    let mut idle = Pause::between(Duration::from_millis(25), Duration::from_millis(200));
    let mut failing = Pause::between(Duration::from_millis(250), Duration::from_secs(15));
    while !shutdown.is_cancelled() {
        let pass = relay.pass().await;
        relay.watch().await;
        let wait = match pass {
            Ok(Pass::Sent(0)) => idle.next(),
            Ok(Pass::Sent(_)) => {
                idle.reset();
                Duration::ZERO
            }
            Ok(Pass::Elsewhere) => FOLLOWER_WAIT,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the outbox cannot be read");
                failing.next()
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

/// Sends what waits now, and no longer than a few seconds. Answers how many events it sent.
///
/// # Errors
/// When the outbox cannot be read or written; events that SQS refuses are logged and left.
pub async fn run_once(pool: &Pool, queues: &SqsQueues) -> anyhow::Result<usize> {
    let (pool, queues) = (pool.clone(), queues.clone());
    let mut relay = Relay { pool, queues, shutdown: CancellationToken::new(), holds: Holds::default(), watched: None };
    match relay.pass().await? {
        Pass::Sent(events) => Ok(events),
        Pass::Elsewhere => Ok(0),
    }
}

enum Pass {
    Sent(usize),
    Elsewhere,
}

struct Relay {
    pool: Pool,
    queues: SqsQueues,
    shutdown: CancellationToken,
    holds: Holds,
    watched: Option<Instant>,
}

impl Relay {
    async fn pass(&mut self) -> anyhow::Result<Pass> {
        let mut conn = self.pool.get().await?;
        let (held_subscribers, held_groups) = self.holds.now();
        // A poll that finds nothing is no work worth a trace: only the sending is seen.
        let seen = tracing::dispatcher::get_default(Clone::clone);
        let (queues, shutdown, holds) = (&self.queues, &self.shutdown, &mut self.holds);
        conn.transaction(async move |conn| {
            if !lock(conn).await? {
                return Ok(Pass::Elsewhere);
            }
            let rows = outbox::waiting(conn, &held_subscribers, &held_groups, ROWS).await?;
            if rows.is_empty() {
                return Ok(Pass::Sent(0));
            }
            let until = Instant::now() + PASS_BOUND;
            let report = send::all(queues, rows, until, shutdown).with_subscriber(seen).await;
            outbox::delete(conn, &report.sent).await?;
            holds.note(&report);
            Ok(Pass::Sent(report.sent.len()))
        })
        .with_subscriber(tracing::subscriber::NoSubscriber::new())
        .await
    }

    /// Measures the outbox every few seconds.
    async fn watch(&mut self) {
        if self.watched.is_some_and(|last| last.elapsed() < WATCH_EVERY) {
            return;
        }
        self.watched = Some(Instant::now());
        let measured = async { anyhow::Ok(outbox::depth(&mut *self.pool.get().await?).await?) };
        if let Ok((rows, seconds)) = measured.with_subscriber(tracing::subscriber::NoSubscriber::new()).await {
            metrics::gauge!("ehs_outbox_depth").set(u32::try_from(rows).map_or(f64::MAX, f64::from));
            metrics::gauge!("ehs_outbox_oldest_age_seconds").set(seconds);
        }
    }
}

/// True when no other relay of this schema is at work; lasts until the transaction ends.
async fn lock(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Lock {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        held: bool,
    }
    let lock: Lock = diesel::sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('outbox of ' || current_schema(), 0)) AS held",
    )
    .prepared()
    .get_result(conn)
    .await?;
    Ok(lock.held)
}
