//! What runs beside the API: events out and in, and forgetting what has expired.

use std::time::Duration;

use auth::Revocations;
use chassis::db::{self, Pool};
use chassis::http::{self, Readiness};
use chassis::idempotency;
use chassis::problem::Problem;
use chassis::redis::Redis;
use chassis::shutdown::CancellationToken;
use chrono::Utc;
use events::{SqsQueues, consumer, relay};

use crate::break_glass::review::{Heard, SUBSCRIBER};
use crate::config::{TokenConfig, WorkerConfig};
use crate::mail::{post, queue};
use crate::mfa::challenge;
use crate::password::reset;
use crate::sign_in::{ended, session};

const TELL_AGAIN_EVERY: Duration = Duration::from_secs(15);
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
    if config.auditors.is_none() {
        tracing::warn!("no EHS_AUDITORS_ADDRESS: no mail tells auditors of break-glass");
    }
    let heard = Heard { auditors: config.auditors };
    let queues = SqsQueues::connect(&config.queues).await;
    tokio::try_join!(
        http::serve_worker(&config.base, Readiness::of_database(pool.clone()), stop.clone()),
        relay::run(pool.clone(), queues.clone(), stop.clone()),
        consumer::run(pool.clone(), queues, SUBSCRIBER, heard, stop.clone()),
        audit::worker::run(pool.clone(), stop.clone()),
        post::run(pool.clone(), config.mail, stop.clone()),
        forget(pool.clone(), stop.clone()),
        tell_again(pool, Revocations::new(Redis::new(&config.base.redis)?), stop),
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

async fn tell_again(pool: Pool, revocations: Revocations, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        if let Err(fault) = tell_again_once(&pool, &revocations).await {
            tracing::warn!(%fault, "ended sessions are told to the gateway the next time");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TELL_AGAIN_EVERY) => {}
        }
    }
    Ok(())
}

/// Tells the gateway of sessions that ended while Redis was away, or before it lost its memory. Returns how many.
///
/// # Errors
/// When PostgreSQL or Redis is away.
pub async fn tell_again_once(pool: &Pool, revocations: &Revocations) -> anyhow::Result<usize> {
    let mut conn = pool.get().await?;
    ended::tell_again(&mut conn, revocations, Utc::now()).await
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
        let mails = queue::prune(&mut conn, Utc::now()).await?;
        let resets = reset::prune(&mut conn, Utc::now()).await?;
        let challenges = challenge::prune(&mut conn, Utc::now()).await?;
        let batch = [keys, sessions, challenges, mails, resets].into_iter().fold(0, usize::saturating_add);
        forgotten = forgotten.saturating_add(batch);
        if batch == 0 {
            break;
        }
    }
    Ok(forgotten)
}
