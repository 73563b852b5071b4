//! What runs beside the API: events out, and forgetting what has expired.

use std::time::Duration;

use chassis::db::{self, Pool};
use chassis::http::{self, Readiness};
use chassis::idempotency;
use chassis::problem::Problem;
use chassis::shutdown::CancellationToken;
use chrono::Utc;
use events::{SqsQueues, relay};

use crate::config::{TokenConfig, WorkerConfig};
use crate::mfa::challenge;
use crate::sign_in::session;

const FORGET_EVERY: Duration = Duration::from_secs(600);
/// Batches of a thousand in one go; the rest waits for the next.
const MOST_BATCHES: usize = 50;

/// Runs until `stop` is cancelled.
///
/// # Errors
/// When the schema is too old, an address is taken, or a loop ends.
pub async fn run(config: WorkerConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let pool = db::pool(&config.base.db, "users-worker")?;
    db::require_migrated(&pool, crate::migrations()).await?;
    let queues = SqsQueues::connect(&config.queues).await;
    tokio::try_join!(
        http::serve_worker(&config.base, Readiness::of_database(pool.clone()), stop.clone()),
        relay::run(pool.clone(), queues, stop.clone()),
        forget(pool, stop),
    )?;
    Ok(())
}

async fn forget(pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        match forget_once(&pool).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "forgot expired sessions and idempotency keys"),
            Err(fault) => tracing::warn!(%fault, "expired rows stay until the next time"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(FORGET_EVERY) => {}
        }
    }
    Ok(())
}

/// Forgets what has expired. Returns how many rows.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn forget_once(pool: &Pool) -> Result<usize, Problem> {
    let mut conn = db::get(pool).await?;
    let lifetime = TokenConfig::new(String::new(), String::new()).refresh_lifetime;
    let mut forgotten = 0_usize;
    for _ in 0..MOST_BATCHES {
        let keys = idempotency::prune(&mut conn).await?;
        let sessions = session::prune(&mut conn, Utc::now(), lifetime).await?;
        let challenges = challenge::prune(&mut conn, Utc::now()).await?;
        forgotten = forgotten.saturating_add(keys).saturating_add(sessions).saturating_add(challenges);
        if keys == 0 && sessions == 0 && challenges == 0 {
            break;
        }
    }
    Ok(forgotten)
}
