//! What runs beside the API: events out, events in, patients who did not come marked, freed time offered to those who wait, and old
//! answers forgotten.

use std::time::Duration;

use chassis::db::Pool;
use chassis::idempotency;
use chrono::{TimeDelta, Utc};
use events::{Outbox, SqsQueues, consumer, relay};
use tokio_util::sync::CancellationToken;

use crate::app::Calendar;
use crate::events::{SUBSCRIBER, Subscriber};
use crate::no_show;
use crate::waitlist::round::Rounds;

/// How often the worker looks for patients who did not come.
const MISSED_EVERY: Duration = Duration::from_secs(60);

/// How often it looks after those who wait.
const WAITLIST_EVERY: Duration = Duration::from_secs(1);

/// How the worker reckons time.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The hospital's wall clock and holidays.
    pub calendar: Calendar,
    /// How long after its start an appointment is waited for.
    pub no_show_grace: TimeDelta,
    /// How long a freed time is held for whom it is offered to.
    pub waitlist_hold: TimeDelta,
}

/// Runs until `stop` is cancelled.
///
/// # Errors
/// When a loop gives up.
pub async fn run(pool: Pool, queues: SqsQueues, pace: Pace, stop: CancellationToken) -> anyhow::Result<()> {
    let subscriber = Subscriber { calendar: pace.calendar.clone() };
    tokio::try_join!(
        relay::run(pool.clone(), queues.clone(), stop.clone()),
        consumer::run(pool.clone(), queues, SUBSCRIBER, subscriber, stop.clone()),
        audit::worker::run(pool.clone(), stop.clone()),
        keep_waitlist(pool.clone(), pace.clone(), stop.clone()),
        mark_missed(pool.clone(), pace, stop.clone()),
        idempotency::keep_pruned(pool, stop),
    )?;
    Ok(())
}

async fn keep_waitlist(pool: Pool, pace: Pace, stop: CancellationToken) -> anyhow::Result<()> {
    let rounds = Rounds { pool, calendar: pace.calendar, outbox: Outbox::new(), hold: pace.waitlist_hold };
    while stop.run_until_cancelled(tokio::time::sleep(WAITLIST_EVERY)).await.is_some() {
        if let Err(fault) = rounds.round(Utc::now()).await {
            tracing::warn!(fault = format!("{fault:#}"), "those who wait have to wait for now");
        }
    }
    Ok(())
}

async fn mark_missed(pool: Pool, pace: Pace, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(MISSED_EVERY)).await.is_some() {
        if let Err(fault) = no_show::mark(&pool, &Outbox::new(), Utc::now(), pace.no_show_grace).await {
            tracing::warn!(%fault, "patients who did not come stay unmarked for now");
        }
    }
    Ok(())
}
