//! What runs beside the API: events out, events in, and old answers forgotten.

use std::time::Duration;

use chassis::db::{self, Pool};
use events::{SqsQueues, consumer, relay};
use tokio_util::sync::CancellationToken;

use crate::events::{SUBSCRIBER, Subscriber};

/// How often old `Idempotency-Key`s are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// Rounds of forgetting at a time, a thousand keys each.
const PRUNE_ROUNDS: u32 = 20;

/// Runs until `stop` is cancelled.
///
/// # Errors
/// When a loop gives up.
pub async fn run(pool: Pool, queues: SqsQueues, stop: CancellationToken) -> anyhow::Result<()> {
    tokio::try_join!(
        relay::run(pool.clone(), queues.clone(), stop.clone()),
        consumer::run(pool.clone(), queues, SUBSCRIBER, Subscriber, stop.clone()),
        audit::worker::run(pool.clone(), stop.clone()),
        prune(pool, stop),
    )?;
    Ok(())
}

async fn prune(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    while stop.run_until_cancelled(tokio::time::sleep(PRUNE_EVERY)).await.is_some() {
        if let Err(fault) = prune_once(&pool).await {
            tracing::warn!(%fault, "old idempotency keys stay for now");
        }
    }
    Ok(())
}

async fn prune_once(pool: &Pool) -> anyhow::Result<()> {
    let mut conn = db::get(pool).await.map_err(|problem| anyhow::anyhow!(problem.to_string()))?;
    for _ in 0..PRUNE_ROUNDS {
        if chassis::idempotency::prune(&mut conn).await? == 0 {
            break;
        }
    }
    Ok(())
}
